//! Messages as listeners with ids get them: `ID SP CHANNEL LF PAYLOAD`, in text and binary alike.

use super::super::channel;
use crate::Message;

/// A buffer that has grown larger than this is not kept.
const KEPT: usize = 64 * 1024;

/// Writes messages with their ids. Its buffers serve all.
#[derive(Default)]
pub(super) struct Envelope {
    text: String,
    bytes: Vec<u8>,
}

impl Envelope {
    /// The message with its id and its channel in front.
    pub fn write(&mut self, id: &str, channel: &str, message: Message<'_>) -> Message<'_> {
        let channel = channel::encode(channel);
        match message {
            Message::Text(payload) => {
                self.text.clear();
                self.text.shrink_to(KEPT);
                [id, " ", &channel, "\n", payload].into_iter().for_each(|part| self.text.push_str(part));
                Message::Text(&self.text)
            }
            Message::Binary(payload) => {
                self.bytes.clear();
                self.bytes.shrink_to(KEPT);
                let parts = [id.as_bytes(), b" ", channel.as_bytes(), b"\n", payload];
                parts.into_iter().for_each(|part| self.bytes.extend_from_slice(part));
                Message::Binary(&self.bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_its_id_and_its_channel_in_front() {
        let mut envelope = Envelope::default();
        let cases = [
            (Message::Text("hello\nyou"), Message::Text("e-1 /a%20b\nhello\nyou")),
            (Message::Text(""), Message::Text("e-1 /a%20b\n")),
            (Message::Binary(b"\xff\0"), Message::Binary(b"e-1 /a%20b\n\xff\0")),
            (Message::Binary(b""), Message::Binary(b"e-1 /a%20b\n")),
        ];
        for (message, expected) in cases {
            assert_eq!(envelope.write("e-1", "/a b", message), expected);
        }
        assert_eq!(envelope.write("e-1", "/\u{e4}\n", Message::Text("a")), Message::Text("e-1 /%C3%A4%0A\na"));
    }

    #[test]
    fn a_large_message_leaves_no_large_buffer_behind() {
        let mut envelope = Envelope::default();
        for payload in ["x".repeat(1024 * 1024), String::new()] {
            envelope.write("e-1", "/a", Message::Text(&payload));
            envelope.write("e-1", "/a", Message::Binary(payload.as_bytes()));
        }
        assert!(envelope.text.capacity() <= KEPT && envelope.bytes.capacity() <= KEPT);
    }
}
