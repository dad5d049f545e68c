//! The two ends of a connection as types, so that a decision by role costs nothing at run time.

/// One end of a connection. Sealed: only [`Server`] and [`Client`] implement it.
pub trait Role: sealed::Sealed {
    /// Whether this end masks its frames. The other end does the opposite (§5.1).
    const MASKS: bool;

    /// The masking key for the next frame to send; `None`: it is not masked.
    fn next_masking_key(&mut self) -> Option<[u8; 4]>;
}

/// The server: sends unmasked frames and receives masked ones (§5.1).
#[derive(Clone, Copy, Debug, Default)]
pub struct Server;

impl Role for Server {
    const MASKS: bool = false;

    #[inline]
    fn next_masking_key(&mut self) -> Option<[u8; 4]> {
        None
    }
}

/// The client: masks each frame with a fresh key from `K` and receives unmasked ones (§5.1, §5.3).
#[derive(Clone, Copy, Debug)]
pub struct Client<K> {
    pub(super) masking_keys: K,
}

impl<K: FnMut() -> [u8; 4]> Role for Client<K> {
    const MASKS: bool = true;

    #[inline]
    fn next_masking_key(&mut self) -> Option<[u8; 4]> {
        Some((self.masking_keys)())
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Server {}
    impl<K> Sealed for super::Client<K> {}
}
