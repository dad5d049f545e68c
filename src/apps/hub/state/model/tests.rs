//! Days drawn from seeds.

use std::time::Instant;

use super::{STEPS, run};

/// SplitMix64.
fn bytes(mut seed: u64, len: usize) -> Vec<u8> {
    let next = || {
        seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Some(z ^ (z >> 31))
    };
    std::iter::from_fn(next).flat_map(u64::to_le_bytes).take(len).collect()
}

/// Lives through days from a first seed on until there have been so many steps. A failure names its seed.
fn days(first: u64, steps: usize) {
    let mut lived = 0;
    for seed in first.. {
        if lived >= steps {
            return println!("{lived} steps in {} days", seed - first);
        }
        let bytes = bytes(seed << 32, 8 * STEPS);
        match std::panic::catch_unwind(|| run(&bytes, Instant::now())) {
            Ok(steps) => lived += steps,
            Err(panic) => {
                println!("the day of seed {seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
}

#[test]
fn the_laws_hold_on_some_days() {
    days(1, 20_000);
}

/// `cargo test --release --lib hub::state::model -- --ignored --nocapture`, a few minutes.
#[test]
#[ignore = "ten million steps"]
fn the_laws_hold_on_many_days() {
    days(1_000_000, 10_000_000);
}

#[test]
fn short_and_monotonous_days_are_days() {
    for byte in 0..=255 {
        run(&vec![byte; 2000], Instant::now());
    }
    for len in 0..200 {
        run(&bytes(7, len), Instant::now());
    }
}
