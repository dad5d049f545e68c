//! Promises about time, over real sockets and against 5 times the promised figure: `.ci/run promises`. `cargo test`
//! counts the causes instead, and never looks at a clock; so all of this is left out there.
//!
//! - `waits`: what comes after a span of time, with the default limits. Nearly idle, so all of them at a time.
//! - `loads`, `bombs`, `crowd`: what comes soon, however busy the server is, and its memory. One after the other: they take
//!   all cores.
//!
//! Most run over plain sockets and over TLS.

#[path = "../common/mod.rs"]
mod common;

/// Has each of these functions be a test over plain sockets, and another over TLS.
macro_rules! over_each_way {
    ($($name:ident: $why:literal,)*) => {
        mod plain {
            $(
                #[test]
                #[ignore = $why]
                fn $name() {
                    super::$name(crate::common::line::Way::Plain);
                }
            )*
        }
        #[cfg(feature = "tls")]
        mod over_tls {
            $(
                #[test]
                #[ignore = $why]
                fn $name() {
                    super::$name(crate::common::line::Way::Tls);
                }
            )*
        }
    };
}

#[cfg(feature = "deflate")]
mod bombs;
mod crowd;
mod garbage;
mod loads;
mod resting;
mod running;
mod waits;

use std::time::{Duration, Instant};

/// Asserts that something promised after a span has come then: not before, and before 5 times the span are over.
#[track_caller]
fn expect_after(since: Instant, promised: Duration) {
    let took = since.elapsed();
    // Times are kept in milliseconds, and begin when the server has seen what the client has done.
    let least = promised.saturating_sub(Duration::from_millis(100));
    assert!(took >= least, "after {took:?}, too soon for {promised:?}");
    expect_within(took, promised);
}

/// Asserts that something promised within a span has not taken 5 times as long.
#[track_caller]
fn expect_within(took: Duration, promised: Duration) {
    println!("{promised:?} promised, {took:?} taken");
    assert!(took < 5 * promised, "{took:?} for what is promised within {promised:?}");
}
