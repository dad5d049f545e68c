//! Bytes that several queues refer to. Memory for them is counted once.

use std::cell::OnceCell;
use std::ops::Deref;

use super::env::{Account, Charge};

/// A buffer to be shared by reference count. Once it is charged to an account, it counts there until it is dropped or
/// written to again.
#[derive(Default, Debug)]
pub(crate) struct SharedBytes {
    bytes: Vec<u8>,
    charge: OnceCell<Charge>,
}

impl SharedBytes {
    pub fn new(bytes: Vec<u8>) -> Self {
        SharedBytes { bytes, charge: OnceCell::new() }
    }

    /// Counts the buffer, by capacity. A second call changes nothing.
    pub fn charge(&self, account: &Account) {
        self.charge.get_or_init(|| {
            let mut charge = Charge::new(account);
            charge.set(self.bytes.capacity());
            charge
        });
    }

    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// The bytes, to append to them. The caller alone refers to them then, so they no longer count.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        self.charge = OnceCell::new();
        &mut self.bytes
    }

    pub fn into_vec(self) -> Vec<u8> {
        self.bytes
    }
}

/// A copy of the bytes, which does not count yet.
impl Clone for SharedBytes {
    fn clone(&self) -> Self {
        SharedBytes::new(self.bytes.clone())
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
    use std::rc::Rc;

    #[test]
    fn a_buffer_counts_once_until_its_last_reference_is_dropped() {
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
