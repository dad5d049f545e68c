//! Buffers for large messages. They are kept initialised, so that a message needs neither an allocation nor zeroing.

/// Bytes that the pool keeps at most.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Smaller buffers are of no use: a frame with less than this still to come is not received directly.
const MIN_BYTES: usize = 64 * 1024;

#[derive(Default)]
pub(crate) struct BufferPool {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

impl BufferPool {
    /// Takes the buffer that was put back last, since it is the likeliest to be in cache.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        let buffer = self.buffers.pop()?;
        self.bytes -= buffer.capacity();
        Some(buffer)
    }

    /// Keeps an initialised buffer, unless it is too small or there is no room for it.
    pub fn put(&mut self, buffer: Vec<u8>) {
        if buffer.len() >= MIN_BYTES && self.bytes + buffer.capacity() <= MAX_BYTES {
            self.bytes += buffer.capacity();
            self.buffers.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_the_last_one_first_and_is_bounded() {
        let mut pool = BufferPool::default();
        pool.put(vec![1; MIN_BYTES]);
        pool.put(vec![2; MAX_BYTES]);
        pool.put(vec![0; MIN_BYTES - 1]);
        pool.put(vec![3; MIN_BYTES + 1]);
        assert!(pool.take() == Some(vec![3; MIN_BYTES + 1]));
        assert!(pool.take() == Some(vec![1; MIN_BYTES]));
        assert_eq!(pool.take(), None);
        assert_eq!(pool.bytes, 0);
    }
}
