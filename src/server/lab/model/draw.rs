//! Choices, made out of bytes.

/// Makes choices out of bytes; when they are used up all choices are the first.
pub(crate) struct Draw<'a>(pub &'a [u8]);

impl Draw<'_> {
    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        let Some((byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*byte) % end
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
