//! Stands in for `tls.rs` in a build without the feature `tls`. No value of this type can exist, so the compiler removes
//! the code that would use one.

use super::Socket;
use super::layer::Layer;
#[cfg(any(test, fuzzing))]
use super::memory::MakeCodec;
use crate::server::types::env::Account;
#[cfg(feature = "cli")]
use crate::server::types::tls::{Certificate, TlsError, TlsFiles};

/// Its field is private so that no other module's code counts as unreachable.
#[derive(Clone, Debug)]
pub(crate) struct Tls(Never);

#[derive(Clone, Debug)]
enum Never {}

impl Tls {
    pub(crate) fn session<S: Socket>(&self, _: &Account) -> Box<dyn Layer<S>> {
        match self.0 {}
    }
}

#[cfg(feature = "cli")]
impl Tls {
    /// The command refuses the flags that would lead here.
    pub(crate) fn read(_: &TlsFiles) -> Result<Self, TlsError> {
        Err(TlsError::Refused("this build does not speak TLS".into()))
    }

    pub(crate) fn read_again(&self, _: &TlsFiles) -> Result<Self, TlsError> {
        match self.0 {}
    }

    pub(crate) fn certificates(&self) -> &[Certificate] {
        match self.0 {}
    }
}

/// See the real one.
#[cfg(any(test, fuzzing))]
pub(crate) fn both_ends(_: usize) -> Option<(Tls, MakeCodec)> {
    None
}
