//! Bytes that several queues hold on to, counted once.

use std::cell::{Cell, OnceCell};
use std::ops::Deref;
use std::rc::Rc;

/// The bytes that all shared buffers together hold while queues do.
pub(crate) type Account = Rc<Cell<usize>>;

/// A buffer to be shared by reference count. Once it is charged to an account, it stays so until it is gone.
#[derive(Default, Debug)]
pub(crate) struct SharedBytes {
    bytes: Vec<u8>,
    account: OnceCell<Account>,
}

impl SharedBytes {
    pub fn new(bytes: Vec<u8>) -> Self {
        SharedBytes { bytes, account: OnceCell::new() }
    }

    /// Counts it, by capacity; again is no change.
    pub fn charge(&self, account: &Account) {
        self.account.get_or_init(|| {
            account.set(account.get() + self.bytes.capacity());
            Rc::clone(account)
        });
    }

    /// The bytes, to add to them. Nobody else holds them, so they are not counted any more.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        self.discharge();
        &mut self.bytes
    }

    pub fn into_vec(mut self) -> Vec<u8> {
        std::mem::take(self.bytes_mut())
    }

    fn discharge(&mut self) {
        if let Some(account) = self.account.take() {
            account.set(account.get() - self.bytes.capacity());
        }
    }
}

impl Drop for SharedBytes {
    fn drop(&mut self) {
        self.discharge();
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_counted_once_until_the_last_holder_has_gone() {
        let account = Account::default();
        let shared = Rc::new(SharedBytes::new(vec![0; 1000]));
        assert_eq!(account.get(), 0);
        let other = Rc::clone(&shared);
        shared.charge(&account);
        other.charge(&account);
        assert_eq!(account.get(), 1000);
        drop(shared);
        assert_eq!(account.get(), 1000);
        let bytes = Rc::try_unwrap(other).unwrap().into_vec();
        assert_eq!((account.get(), bytes.len()), (0, 1000));
    }
}
