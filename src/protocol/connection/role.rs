//! Which end of the connection we are, as a type: what follows from it costs nothing at run time.

/// Which end of the connection we are. Sealed: [`Server`] and [`Client`] are all there are.
pub trait Role: sealed::Sealed {
    /// Whether what we send is masked, and what we receive is not (§5.1).
    const MASKS: bool;

    /// The key for the next frame that we send: `None` when it is not masked.
    fn next_masking_key(&mut self) -> Option<[u8; 4]>;
}

/// The server: its frames are never masked, those that it gets always are (§5.1).
#[derive(Clone, Copy, Debug, Default)]
pub struct Server;

impl Role for Server {
    const MASKS: bool = false;

    #[inline]
    fn next_masking_key(&mut self) -> Option<[u8; 4]> {
        None
    }
}

/// The client: masks each of its frames with a fresh key from `K`, and takes unmasked frames only (§5.1, §5.3).
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
