//! Stands in for `tls.rs` in a build without the feature `tls`. No value of this type can exist, so the compiler removes
//! the code that would use one.

use super::Socket;
use super::layer::Layer;
#[cfg(any(test, fuzzing))]
use super::memory::MakeCodec;
use crate::server::types::env::Account;
#[cfg(feature = "cli")]
use crate::server::types::tls::{TlsError, TlsFiles};

#[derive(Clone)]
pub(crate) enum Tls {}

impl Tls {
    pub(crate) fn session<S: Socket>(&self, _: &Account) -> Box<dyn Layer<S>> {
        match *self {}
    }
}

#[cfg(feature = "cli")]
impl Tls {
    /// The command refuses the flags that would lead here.
    pub(crate) fn read(_: &TlsFiles) -> Result<Self, TlsError> {
        Err(TlsError::Refused("this build does not speak TLS".into()))
    }
}

/// See the real one.
#[cfg(any(test, fuzzing))]
pub(crate) fn both_ends(_: usize) -> Option<(Tls, MakeCodec)> {
    None
}
