//! A stream in memory: gives what it was filled with, keeps what is written.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Default)]
pub struct Memory {
    input: Vec<u8>,
    read: usize,
    written: Vec<u8>,
}

impl Memory {
    /// Starts anew with this input.
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

impl AsyncRead for Memory {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let n = buffer.remaining().min(this.input.len() - this.read);
        buffer.put_slice(&this.input[this.read..this.read + n]);
        this.read += n;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Memory {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // What nobody reads must not grow for ever.
        let written = &mut self.get_mut().written;
        if written.len() > 1 << 20 {
            written.clear();
        }
        Poll::Ready(written.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
