//! [`Rejected`]: a command of a [`Handle`](crate::Handle) that the server did not take.

use std::fmt;

/// A command that the server did not take, with its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rejected<T> {
    /// The queue is full: the loop is busy, or commands come faster than it can carry them out. Try later, or skip it.
    Full(T),
    /// The server has stopped, for good.
    Stopped(T),
    /// Nothing is mounted at the path. Before the server runs this is not known, and is logged later.
    NoSuchMount(T),
}

impl<T> Rejected<T> {
    /// The value that was not taken.
    pub fn into_inner(self) -> T {
        match self {
            Rejected::Full(value) | Rejected::Stopped(value) | Rejected::NoSuchMount(value) => value,
        }
    }

    pub(super) fn map<U>(self, f: impl FnOnce(T) -> U) -> Rejected<U> {
        match self {
            Rejected::Full(value) => Rejected::Full(f(value)),
            Rejected::Stopped(value) => Rejected::Stopped(f(value)),
            Rejected::NoSuchMount(value) => Rejected::NoSuchMount(f(value)),
        }
    }
}

impl<T> fmt::Display for Rejected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rejected::Full(_) => "the server's command queue is full",
            Rejected::Stopped(_) => "the server has stopped",
            Rejected::NoSuchMount(_) => "nothing is mounted at this path",
        })
    }
}

impl<T: fmt::Debug> std::error::Error for Rejected<T> {}
