//! Days of the model, drawn from seeds.

use std::panic::catch_unwind;

use crate::protocol::testing::Random;
use crate::server::lab::model;

#[test]
fn the_laws_hold_on_random_days() {
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let bytes: Vec<u8> = (0..random.below(600)).map(|_| random.below(256) as u8).collect();
        assert!(catch_unwind(|| model::run(&bytes)).is_ok(), "the day of seed {seed}");
    }
}
