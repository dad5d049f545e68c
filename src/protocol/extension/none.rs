//! Stand-ins for an extension that cannot be.

use super::Progress;
use crate::protocol::{
    connection::{Allowance, Frame},
    error::ProtocolError,
    message::Assembly,
};

/// The extension of a connection. Without the feature `deflate` there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {}

/// What the extensions of connections work with, lent by [`Allowance::contexts`](super::super::Allowance::contexts).
/// Without the feature `deflate` it is nothing.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Contexts;

impl Contexts {
    pub(crate) fn allow(&mut self, _bytes: usize) {}

    pub(crate) fn is_spent(&self) -> bool {
        false
    }

    pub(crate) fn used(&self, _allowed: usize) -> usize {
        0
    }

    pub(crate) fn take_inflated(&mut self) -> (u64, u64, u64) {
        (0, 0, 0)
    }
}

pub(in crate::protocol) enum Inflation {}

pub(in crate::protocol) fn begin(_kept: Option<Inflation>, extension: Extension, _masks: bool) -> Option<Inflation> {
    match extension {}
}

impl Inflation {
    pub(in crate::protocol) fn is_under_way(&self) -> bool {
        match *self {}
    }

    pub(in crate::protocol) fn is_paused(&self) -> bool {
        match *self {}
    }

    pub(in crate::protocol) fn advance(
        &mut self,
        _frame: &mut Frame,
        _input: &mut &mut [u8],
        _message: &mut Assembly,
        _max: u64,
        _allowance: &mut Allowance<'_>,
    ) -> Result<Progress, ProtocolError> {
        match *self {}
    }

    pub(in crate::protocol) fn end(self) -> Option<Self> {
        match self {}
    }

    pub(in crate::protocol) fn abandon(&mut self) {
        match *self {}
    }

    pub(in crate::protocol) fn capacity(&self) -> usize {
        match *self {}
    }

    pub(in crate::protocol) fn inflater(&self) -> usize {
        match *self {}
    }
}
