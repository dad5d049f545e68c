//! Beds, models and entry points for tests and fuzzers of the loop. None of it is in a released build.

mod app;
pub(crate) mod bed;
pub(crate) mod buffered;
pub(crate) mod client;
#[cfg(fuzzing)]
pub mod fuzzing;
pub(crate) mod model;
