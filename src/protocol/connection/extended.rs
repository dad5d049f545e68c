//! What a connection has more when permessage-deflate was negotiated (RFC 7692).

use super::{Connection, Role, State};
use crate::protocol::{
    deflate::{Deflater, Extension},
    error::NotOpen,
    frame::FrameHeader,
    message::Message,
};

impl<R: Role> Connection<R> {
    /// The same connection with permessage-deflate. Use it before the first frame: it stays so to the end.
    ///
    /// Compressed messages of the peer are inflated by [`receive`](Self::receive), and
    /// [`Limits::max_message`](super::Limits::max_message) is about what they are then. To compress what is sent, use a
    /// [`Deflater`]; [`send`](Self::send) sends messages as they are, which is always allowed.
    #[must_use]
    pub fn with_extension(mut self, extension: Extension) -> Self {
        self.sender.extension = Some(extension);
        self
    }

    /// Sends a message as [`send`](Self::send) does, but compressed if permessage-deflate was negotiated and `deflater`,
    /// which is the one for this connection, makes it shorter.
    ///
    /// # Errors
    /// The connection is closing or closed. Nothing is appended.
    pub fn send_deflated(
        &mut self,
        message: Message<'_>,
        deflater: &mut Deflater,
        output: &mut Vec<u8>,
    ) -> Result<(), NotOpen> {
        if self.state() != State::Open {
            return Err(NotOpen);
        }
        // RFC 7692 6: RSV1 is of permessage-deflate alone.
        let deflated = self.sender.extension.and_then(|_| deflater.deflate(message));
        let Some(payload) = deflated else { return self.send(message, output) };
        let masking_key = self.sender.role.next_masking_key();
        let header = FrameHeader { rsv1: true, masking_key, ..FrameHeader::whole(message.opcode(), payload) };
        header.encode_with(payload, output);
        Ok(())
    }
}
