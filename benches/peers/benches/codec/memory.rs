//! A stream in memory: returns the bytes that it was filled with, and keeps written ones.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Default)]
pub struct Memory {
    input: Vec<u8>,
    read: usize,
    written: Vec<u8>,
}

impl Memory {
    /// Replaces the input, and forgets written bytes.
    pub fn refill(&mut self, input: Vec<u8>) {
        (self.input, self.read) = (input, 0);
        self.written.clear();
    }

    pub fn is_drained(&self) -> bool {
        self.read == self.input.len()
    }
}

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = (&self.input[self.read..]).read(buffer)?;
        self.read += n;
        Ok(n)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same stream, shared, for a library that gives no access to its stream.
#[derive(Clone, Default)]
pub struct Shared(Rc<RefCell<Memory>>);

impl Shared {
    pub fn refill(&self, input: Vec<u8>) {
        self.0.borrow_mut().refill(input);
    }

    pub fn is_drained(&self) -> bool {
        self.0.borrow().is_drained()
    }
}

impl AsyncRead for Shared {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut memory = self.0.borrow_mut();
        let start = memory.read;
        let end = memory.input.len().min(start + buffer.remaining());
        buffer.put_slice(&memory.input[start..end]);
        memory.read = end;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Shared {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.0.borrow_mut().write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
