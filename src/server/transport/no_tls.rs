//! Stands in for `tls.rs` in a build without the feature `tls`. No value of this type can exist, so the compiler removes
//! the code that would use one.

use super::Socket;
use super::layer::Layer;
#[cfg(any(test, fuzzing))]
use super::memory::MakeCodec;
use crate::server::types::env::Account;

#[derive(Clone)]
pub(crate) enum Tls {}

impl Tls {
    pub(crate) fn session<S: Socket>(&self, _: &Account) -> Box<dyn Layer<S>> {
        match *self {}
    }
}

/// See the real one.
#[cfg(any(test, fuzzing))]
pub(crate) fn both_ends(_: usize) -> Option<(Tls, MakeCodec)> {
    None
}
