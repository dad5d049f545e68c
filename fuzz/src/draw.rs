//! Numbers out of a fuzzer's input.

/// What is left of an input.
pub struct Draw<'a>(&'a [u8]);

impl<'a> Draw<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// The next byte; `None` at the end.
    pub fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// A length out of a byte: each one below 192, then steps up to 17 KiB. 0 at the end.
    pub fn length(&mut self) -> usize {
        match usize::from(self.byte().unwrap_or(0)) {
            short @ 0..192 => short,
            long => (long - 191) * 273,
        }
    }

    /// The next `n` bytes, or what there is of them.
    pub fn bytes(&mut self, n: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
