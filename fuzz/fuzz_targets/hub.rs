//! Laws of a hub's state, over a log in memory and over one that is slow and faulty: each input is a day in the life of a
//! hub, with publishers, listeners that come and go, and a log that loses, repeats and forgets.
//!
//! They stand at the top of `src/apps/hub/state/model.rs`, which lives through the day and panics where one is broken.
#![no_main]

use std::time::Instant;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    sockhop::apps::hub::live_a_day(data, Instant::now());
});
