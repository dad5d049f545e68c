//! Laws of the event loop, over sockets in memory: each input is a day in the life of a server, with clients that send,
//! stall, break rules and leave, and a handler that does what their messages say.
//!
//! They stand at the top of `src/server/lab/model.rs`, which lives through the day and panics where one is
//! broken.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sockhop::fuzzing::live_a_day(data));
