//! Goes over the bytes that a server sends: reads headers, skips payloads, and compares every thousandth payload.
//! Compressed payloads may refer to earlier ones, so either all are skipped, or all are inflated and compared.

use flate2::{Decompress, FlushDecompress};
use sockhop::protocol::{FrameHeader, Opcode, ProtocolError, mask};

use super::client::Compression;
use super::script::{Script, TAIL};

/// One payload in this many is compared with the one sent, beginning with the first.
const EVERY: u64 = 1000;
const LONGEST_HEADER: usize = 14;

/// The longest text that a hub puts before a payload.
const LONGEST_ENVELOPE: u64 = 300;

/// The position in the stream of one connection.
#[derive(Default)]
pub struct Walker {
    /// Set for a listener of a hub.
    form: Option<Form>,
    messages: u64,
    /// The first of the script's messages that comes, and the number of messages between it and the next one.
    first: u64,
    passed: u64,
    /// The beginning of an incomplete header.
    begun: Vec<u8>,
    /// The current frame, and the bytes left of its payload.
    frame: Option<(FrameHeader, u64)>,
    /// The length of the current message so far.
    message_len: Option<u64>,
    /// The payload so far, if it will be compared.
    kept: Vec<u8>,
    compressed: Compressed,
    /// Whether the current message is compressed.
    is_compressed: bool,
}

/// The form of a hub's messages. They may come in another order than they were sent, by different connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Payloads only.
    Plain,
    /// An envelope with the message's id, which ends with a line feed, then the payload.
    WithId,
}

/// The treatment of compressed messages.
#[derive(Default)]
enum Compressed {
    /// They are an error.
    #[default]
    Refused,
    Skipped,
    Inflated(Box<Inflater>),
}

/// Inflates all messages of a connection.
pub struct Inflater {
    decompress: Decompress,
    compression: Compression,
    plain: Vec<u8>,
}

impl Walker {
    /// Allows compressed messages. With an inflater, they are inflated and compared.
    pub fn of_compressed(inflater: Option<Inflater>) -> Self {
        let compressed = inflater.map_or(Compressed::Skipped, |inflater| Compressed::Inflated(Box::new(inflater)));
        Walker { compressed, ..Walker::default() }
    }

    /// Expects message `first` of the script, and then every `step`th one.
    pub fn every(first: u64, step: u64) -> Self {
        Walker { first, passed: step - 1, ..Walker::default() }
    }

    /// Expects any of the script's messages, in this form.
    pub fn of_channel(form: Form) -> Self {
        Walker { form: Some(form), ..Walker::default() }
    }

    /// Takes all of `bytes`. Returns the number of messages that ended in them.
    pub fn take(&mut self, mut bytes: &[u8], script: &Script) -> Result<u64, String> {
        let before = self.messages;
        while !bytes.is_empty() {
            let (header, left) = match self.frame.take() {
                Some(frame) => frame,
                None => match self.header(&mut bytes, script)? {
                    Some(header) => (header, header.payload_len),
                    None => break,
                },
            };
            let n = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            let (piece, rest) = bytes.split_at(n);
            bytes = rest;
            let offset = (header.payload_len - left) as usize;
            if self.is_kept() && !header.opcode.is_control() {
                self.kept.extend_from_slice(piece);
                if let Some(key) = header.masking_key {
                    // The floor sends masked frames back as they came.
                    let start = self.kept.len() - n;
                    mask(&mut self.kept[start..], key, offset);
                }
            }
            match left - n as u64 {
                0 => self.end(&header, script)?,
                left => self.frame = Some((header, left)),
            }
        }
        Ok(self.messages - before)
    }

    /// Returns the next header if it is complete.
    fn header(&mut self, bytes: &mut &[u8], script: &Script) -> Result<Option<FrameHeader>, String> {
        let begun = self.begun.len();
        let parsed = if begun == 0 {
            self.parse(bytes, script)?
        } else {
            self.begun.extend_from_slice(&bytes[..bytes.len().min(LONGEST_HEADER)]);
            self.parse(&self.begun, script)?
        };
        let Some((header, len)) = parsed else {
            if begun == 0 {
                self.begun.extend_from_slice(bytes);
            }
            return Ok(None);
        };
        *bytes = &bytes[len - begun..];
        self.begun.clear();
        if header.opcode == Opcode::Close {
            return Err("the server closed a connection".to_owned());
        }
        if !header.opcode.is_control() {
            let first = self.message_len.is_none();
            if header.opcode != if first { script.opcode } else { Opcode::Continuation } {
                return Err(format!("a message came back as {:?}", header.opcode));
            }
            *self.message_len.get_or_insert(0) += header.payload_len;
            self.is_compressed |= header.rsv1;
        }
        Ok(Some(header))
    }

    /// Parses a header; a compressed message must have been negotiated, and its mark stands on its first frame only.
    fn parse(&self, bytes: &[u8], script: &Script) -> Result<Option<(FrameHeader, usize)>, String> {
        let may_be_compressed = self.message_len.is_none() && !matches!(self.compressed, Compressed::Refused);
        let parsed = FrameHeader::parse(bytes).and_then(|parsed| match parsed {
            Some((header, _)) if header.rsv1 && !(may_be_compressed && header.opcode == script.opcode) => {
                Err(ProtocolError::ReservedBits)
            }
            parsed => Ok(parsed),
        });
        parsed.map_err(|error| format!("not a frame: {error}"))
    }

    /// Whether the payload of the current message is kept.
    fn is_kept(&self) -> bool {
        match self.compressed {
            Compressed::Inflated(_) if self.is_compressed => true,
            _ => !self.is_compressed && self.messages.is_multiple_of(EVERY),
        }
    }

    fn end(&mut self, header: &FrameHeader, script: &Script) -> Result<(), String> {
        if header.opcode.is_control() || !header.fin {
            return Ok(());
        }
        let len = self.message_len.take().unwrap_or_default();
        let is_kept = self.is_kept();
        if !std::mem::take(&mut self.is_compressed) {
            let envelope = if self.form == Some(Form::WithId) { 1..=LONGEST_ENVELOPE } else { 0..=0 };
            if !len.checked_sub(script.len as u64).is_some_and(|rest| envelope.contains(&rest)) {
                return Err(format!("{} bytes came back as {len}", script.len));
            }
        } else if let Compressed::Inflated(inflater) = &mut self.compressed {
            inflater.inflate(&mut self.kept, script.len)?;
        }
        if is_kept {
            let is_right = match self.form {
                None => self.kept == script.payload(self.first + self.messages * (self.passed + 1)),
                Some(_) => {
                    let (envelope, payload) = self.kept.split_at(self.kept.len() - script.len);
                    envelope.last().is_none_or(|last| *last == b'\n') && script.has(payload)
                }
            };
            if !is_right {
                return Err(format!("message {} came back altered", self.messages));
            }
            self.kept.clear();
        }
        self.messages += 1;
        Ok(())
    }
}

impl Inflater {
    pub fn new(compression: Compression) -> Self {
        Inflater { decompress: Decompress::new(false), compression, plain: Vec::new() }
    }

    /// Replaces a compressed payload by the message, of at most `max` bytes.
    fn inflate(&mut self, payload: &mut Vec<u8>, max: usize) -> Result<(), String> {
        payload.extend_from_slice(&TAIL);
        self.plain.clear();
        self.plain.reserve(max + 1);
        self.decompress
            .decompress_vec(payload, &mut self.plain, FlushDecompress::Sync)
            .map_err(|error| format!("a message does not inflate: {error}"))?;
        if self.compression == Compression::NoTakeover {
            self.decompress.reset(false);
        }
        std::mem::swap(payload, &mut self.plain);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::script::{RSV1, compressed};
    use crate::workload::Content;
    use sockhop::protocol::encode_frame;

    /// A message as the floor sends it, then two as a server sends them, the first in fragments with a Ping between
    /// them.
    fn stream(script: &Script) -> Vec<u8> {
        let mut bytes = Vec::new();
        super::super::script::frame(script.opcode, [1, 2, 3, 4], script.payload(0), &mut bytes);
        let (head, tail) = script.payload(1).split_at(3);
        let mut fragment = |fin, opcode, payload: &[u8]| {
            let payload_len = payload.len() as u64;
            FrameHeader { fin, rsv1: false, opcode, masking_key: None, payload_len }.encode(&mut bytes);
            bytes.extend_from_slice(payload);
        };
        fragment(false, script.opcode, head);
        fragment(true, Opcode::Ping, b"there?");
        fragment(true, Opcode::Continuation, tail);
        encode_frame(script.opcode, script.payload(2), &mut bytes);
        bytes
    }

    #[test]
    fn counts_messages_however_the_stream_is_cut() {
        let script = Script::new(300, Content::Bytes, 1);
        let stream = stream(&script);
        for size in [1, 2, 3, 7, 100, stream.len()] {
            let mut walker = Walker::default();
            let messages: u64 = stream.chunks(size).map(|piece| walker.take(piece, &script).unwrap()).sum();
            assert_eq!(messages, 3, "in pieces of {size}");
        }
    }

    #[test]
    fn reports_wrong_answers() {
        let script = Script::new(20, Content::Text, 1);
        let good = {
            let mut bytes = Vec::new();
            encode_frame(Opcode::Text, script.payload(0), &mut bytes);
            bytes
        };
        let altered = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            Walker::default().take(&bytes, &script).unwrap_err()
        };
        assert_eq!(altered(9, 0), "message 0 came back altered");
        assert_eq!(altered(0, 0x82), "a message came back as Binary");
        assert_eq!(altered(1, 10), "20 bytes came back as 10");
        assert_eq!(altered(0, 0x88), "the server closed a connection");
        assert_eq!(altered(0, 0xC1), "not a frame: reserved bit set without an extension");
    }

    #[test]
    fn takes_a_hubs_messages_in_any_order() {
        let script = Script::new(20, Content::Text, 1);
        let frames = |envelope: &[u8]| {
            let mut bytes = Vec::new();
            encode_frame(Opcode::Text, &[envelope, script.payload(3)].concat(), &mut bytes);
            bytes
        };
        let taken = |form, envelope: &[u8]| Walker::of_channel(form).take(&frames(envelope), &script);
        assert_eq!(taken(Form::Plain, b""), Ok(1));
        assert_eq!(taken(Form::WithId, b"k3vQ7a-100 /c\n"), Ok(1));
        assert_eq!(taken(Form::Plain, b"\n"), Err("20 bytes came back as 21".to_owned()));
        assert_eq!(taken(Form::WithId, b""), Err("20 bytes came back as 20".to_owned()));
        assert_eq!(taken(Form::WithId, b"k3vQ7a-100 /c"), Err("message 0 came back altered".to_owned()));
    }

    /// Compressed messages, of which the last has a wrong payload.
    fn compressed_stream(script: &Script) -> Vec<u8> {
        let mut bytes = Vec::new();
        for payload in [0, 1, 3].map(|message| compressed(script.payload(message))) {
            let start = bytes.len();
            encode_frame(script.opcode, &payload, &mut bytes);
            bytes[start] |= RSV1;
        }
        bytes
    }

    #[test]
    fn counts_all_compressed_messages_and_compares_inflated_ones() {
        let script = Script::new(1024, Content::Json, 1);
        let stream = compressed_stream(&script);
        assert!(stream.len() < 2500, "{} bytes", stream.len());
        for size in [1, 2, 3, 7, 100, stream.len()] {
            let mut walker = Walker::of_compressed(None);
            let messages: u64 = stream.chunks(size).map(|piece| walker.take(piece, &script).unwrap()).sum();
            assert_eq!(messages, 3, "in pieces of {size}");
            let mut walker = Walker::of_compressed(Some(Inflater::new(Compression::NoTakeover)));
            let errors: Vec<String> =
                stream.chunks(size).filter_map(|piece| walker.take(piece, &script).err()).collect();
            assert_eq!((walker.messages, &errors[0][..]), (2, "message 2 came back altered"), "in pieces of {size}");
        }
    }

    #[test]
    fn refuses_compression_that_was_not_negotiated() {
        let script = Script::new(1024, Content::Json, 1);
        let error = Walker::default().take(&compressed_stream(&script), &script).unwrap_err();
        assert_eq!(error, "not a frame: reserved bit set without an extension");
    }
}
