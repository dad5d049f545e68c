//! permessage-deflate (RFC 7692) for a server's loop: deflaters that all connections share, and what of a turn's posts
//! was compressed already.

use std::num::NonZeroU8;
use std::rc::Rc;
use std::sync::Arc;

use super::super::config::Slow;
use super::super::outbox::Posts;
use super::super::shared_bytes::SharedBytes;
use super::super::stats::{Count, Stats};
use crate::http::{DeflateOffer, HandshakeError, Upgrade};
use crate::protocol::{
    Connection, ContextTakeover, Contexts, DeflateOptions, Deflater, Extension, Limits, Opcode, Zlib,
};

/// Compression of messages by permessage-deflate (RFC 7692), with those clients that offer it.
///
/// By default no message refers to those before it (no context takeover, in both directions): an idle connection then
/// costs nothing more, and what many get is compressed once. [`Deflate::takeover`] compresses better, and costs each
/// connection that sends compressed messages 48 KiB, and each that is sent some another 264 KiB. Both count for
/// [`Config::max_memory`](super::super::Config::max_memory) from the opening handshake on; with whom it would be more than
/// half of that is answered without takeover.
///
/// No client is to wait for what is compressed for others: when a turn of the loop has compressed 1 MiB, it begins no
/// other message. Takeover has as much for itself, where a message counts for 1 KiB more. What goes beyond is sent as it
/// is, and what goes to those with takeover as those without get it: compressed by itself. A message of more than 4 MiB
/// is never compressed.
///
/// [`Config::max_message`](super::super::Config::max_message) is about messages when they are inflated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Deflate {
    /// What is answered to clients' offers. Where broadcasts may be skipped ([`Slow`](super::super::Slow)), the server
    /// compresses without context takeover whatever this says.
    pub terms: DeflateOffer,
    /// Which messages are compressed, and how much it is tried.
    pub options: DeflateOptions,
}

impl Deflate {
    /// With context takeover in both directions, if the client agrees. The server's window has 12 bits, 4 KiB: with 15 a
    /// connection takes 112 KiB more.
    pub fn takeover() -> Self {
        let (server_context, client_context) = (ContextTakeover::Yes, ContextTakeover::Yes);
        Deflate {
            terms: DeflateOffer {
                server_context,
                client_context,
                server_max_window_bits: 12,
                ..DeflateOffer::default()
            },
            ..Deflate::default()
        }
    }

    pub(crate) fn without_takeover(self) -> Self {
        let (server_context, client_context) = (ContextTakeover::No, ContextTakeover::No);
        Deflate { terms: DeflateOffer { server_context, client_context, ..self.terms }, ..self }
    }
}

/// How messages to a connection may be compressed: its window bits, and a bit for context takeover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sending(NonZeroU8, Zlib);

const TAKEOVER: u8 = 0x80;

/// Bytes after which no other message is compressed in a turn, so that nobody waits: at the worst, noise, a MiB takes
/// 17 ms.
const TURN: usize = 1024 * 1024;
/// A longer message is sent as it is.
const LONGEST: usize = 4 * 1024 * 1024;
/// What a context of one connection takes besides the message, in bytes of such: it is in no cache.
const COLD: usize = 1024;

/// What compresses for one connection, with context takeover.
pub(crate) struct Own {
    deflater: Deflater,
    /// Its peer was sent what it does not know of.
    is_stale: bool,
}

/// What compresses for all connections without context takeover. Each deflater forgets a message when it is done.
#[derive(Default)]
pub(crate) struct Compressor {
    options: DeflateOptions,
    /// What may be compressed in this turn: by the shared deflaters, and by those of one connection.
    left: usize,
    left_own: usize,
    /// By window bits, from 9 on.
    shared: [Option<Deflater>; 7],
    variants: [Variant; 7],
}

/// The turn's posts as connections with certain window bits get them, in the order of the log; not all of them need be
/// there yet.
#[derive(Default)]
struct Variant {
    bytes: Rc<SharedBytes>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

/// What becomes of a client's offers.
pub(crate) fn negotiate(
    wanted: Option<Deflate>,
    slow: Slow,
    upgrade: &Upgrade<'_>,
) -> Result<Option<Extension>, HandshakeError> {
    let Some(Deflate { mut terms, .. }) = wanted else { return Ok(None) };
    // 7.1.1: a message may refer to those that were sent before, so none of them may be left out.
    if slow != Slow::Close {
        terms.server_context = ContextTakeover::No;
    }
    upgrade.negotiate_deflate(&terms)
}

/// The most bytes that the contexts of a connection take.
pub(crate) fn reserved(extension: Option<Extension>) -> usize {
    let Some(Extension { server_context, server_max_window_bits, client_context, .. }) = extension else { return 0 };
    let server = match server_context {
        ContextTakeover::Yes => size_of::<Own>() + Deflater::context_capacity(server_max_window_bits),
        ContextTakeover::No => 0,
    };
    let client = if client_context == ContextTakeover::Yes { Contexts::INFLATER } else { 0 };
    server + client
}

/// What is said of it in the log.
pub(crate) fn describe(extension: Option<Extension>) -> String {
    extension
        .map_or_else(|| "no compression was offered, or none that can be had".to_owned(), DeflateOffer::header_value)
}

pub(crate) fn encode_response(
    accept_key: &[u8; 28],
    subprotocol: Option<&str>,
    extension: Option<Extension>,
    output: &mut Vec<u8>,
) {
    Upgrade::encode_response_with(accept_key, subprotocol, extension, &[], output);
}

pub(crate) fn open(limits: Arc<Limits>, extension: Option<Extension>) -> Connection {
    let connection = Connection::server(limits);
    match extension {
        Some(extension) => connection.with_extension(extension),
        None => connection,
    }
}

pub(crate) fn sending(extension: Option<Extension>) -> Option<Sending> {
    let zlib = Zlib::get()?;
    let Extension { server_context, server_max_window_bits, .. } = extension?;
    let takeover = if server_context == ContextTakeover::Yes { TAKEOVER } else { 0 };
    NonZeroU8::new(server_max_window_bits.clamp(9, 15) | takeover).map(|bits| Sending(bits, zlib))
}

impl Sending {
    /// Whether others get the very same bytes.
    pub fn is_shared(self) -> bool {
        self.0.get() & TAKEOVER == 0
    }

    fn window_bits(self) -> u8 {
        self.0.get() & !TAKEOVER
    }

    fn index(self) -> usize {
        usize::from(self.window_bits()) - 9
    }
}

impl Own {
    /// The heap bytes held, itself included.
    pub fn held(&self) -> usize {
        size_of::<Self>() + self.deflater.capacity()
    }

    /// Another deflater compresses the next message to its peer.
    pub fn pass_over(&mut self) {
        self.is_stale = true;
    }
}

impl Compressor {
    pub fn new(wanted: Option<Deflate>) -> Self {
        Compressor { options: wanted.unwrap_or_default().options, ..Compressor::default() }
    }

    /// Whether a message of so many bytes is compressed, if that makes it shorter.
    pub fn is_worth_it(&self, len: usize) -> bool {
        len >= self.options.threshold
    }

    /// From now on as much may be compressed as in any turn.
    pub fn begin_turn(&mut self) {
        if Zlib::get().is_none() {
            return;
        }
        (self.left, self.left_own) = (TURN, TURN);
    }

    /// Whether a message may be compressed with a context of one connection, and counts it then.
    pub fn spend_own(&mut self, len: usize) -> bool {
        let may = self.left_own > 0 && len <= LONGEST;
        if may {
            self.left_own = self.left_own.saturating_sub(len + COLD);
        }
        may
    }

    /// Appends a frame with a message that is compressed for one connection; false: it would not get shorter, and nothing
    /// is appended.
    pub fn encode_own(
        &self,
        sending: Sending,
        own: &mut Option<Box<Own>>,
        opcode: Opcode,
        payload: &[u8],
        output: &mut Vec<u8>,
        stats: &Stats,
    ) -> bool {
        let Own { deflater, is_stale } = &mut **own.get_or_insert_with(|| {
            let deflater = Deflater::new(ContextTakeover::Yes, sending.window_bits(), self.options);
            Box::new(Own { deflater, is_stale: false })
        });
        if std::mem::take(is_stale) {
            deflater.forget();
        }
        encode(deflater, opcode, payload, output, stats)
    }

    /// Appends a frame with a message that is compressed by itself; false: it is not worth that, or there is no time for
    /// it in this turn, and nothing is appended.
    pub fn encode_alone(
        &mut self,
        sending: Sending,
        opcode: Opcode,
        payload: &[u8],
        output: &mut Vec<u8>,
        stats: &Stats,
    ) -> bool {
        let len = payload.len();
        if !self.is_worth_it(len) || len > LONGEST || self.left == 0 {
            return false;
        }
        let Some(shared) = self.shared.get_mut(sending.index()) else { return false };
        self.left = self.left.saturating_sub(len);
        let (bits, options) = (sending.window_bits(), self.options);
        let deflater = shared.get_or_insert_with(|| Deflater::new(ContextTakeover::No, bits, options));
        encode(deflater, opcode, payload, output, stats)
    }

    /// A post, by its place in the log.
    pub fn post(&mut self, sending: Sending, at: usize, posts: &Posts, stats: &Stats) -> &[u8] {
        self.catch_up(sending, posts, stats);
        let Some(Variant { bytes, ends }) = self.variants.get(sending.index()) else { return &[] };
        let start = at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or_default();
        ends.get(at).and_then(|&end| bytes.get(start..end)).unwrap_or_default()
    }

    /// All posts so far, behind each other, and where the newest begins.
    pub fn posts(&mut self, sending: Sending, posts: &Posts, stats: &Stats) -> (Rc<SharedBytes>, usize) {
        self.catch_up(sending, posts, stats);
        let Some(Variant { bytes, ends }) = self.variants.get(sending.index()) else { return Default::default() };
        let newest = ends.len().checked_sub(2).and_then(|before| ends.get(before)).copied().unwrap_or_default();
        (Rc::clone(bytes), newest)
    }

    /// Forgets the turn's posts; what queues still hold of them stays alive there.
    pub fn clear_posts(&mut self) {
        if Zlib::get().is_none() {
            return;
        }
        for variant in self.variants.iter_mut().filter(|variant| !variant.ends.is_empty()) {
            variant.ends.clear();
            match Rc::get_mut(&mut variant.bytes).map(SharedBytes::bytes_mut) {
                Some(bytes) if bytes.capacity() <= 1024 * 1024 => bytes.clear(),
                _ => variant.bytes = Rc::default(),
            }
        }
    }

    /// Compresses those posts that have not been: each once, however many get it.
    fn catch_up(&mut self, sending: Sending, posts: &Posts, stats: &Stats) {
        let Some(Variant { bytes, ends }) = self.variants.get_mut(sending.index()) else { return };
        let (mut bytes, mut ends) = (std::mem::take(bytes), std::mem::take(ends));
        if ends.len() < posts.log.len() && Rc::get_mut(&mut bytes).is_none() {
            bytes = Rc::new(SharedBytes::new(bytes.to_vec()));
        }
        if let Some(output) = Rc::get_mut(&mut bytes).map(SharedBytes::bytes_mut) {
            for post in posts.log.get(ends.len()..).unwrap_or_default() {
                let frame = posts.bytes.get(post.bytes.clone()).unwrap_or_default();
                let is_compressed = super::split(frame)
                    .is_some_and(|(opcode, payload)| self.encode_alone(sending, opcode, payload, output, stats));
                if !is_compressed {
                    output.extend_from_slice(frame);
                }
                ends.push(output.len());
            }
        }
        if let Some(variant) = self.variants.get_mut(sending.index()) {
            *variant = Variant { bytes, ends };
        }
    }
}

fn encode(deflater: &mut Deflater, opcode: Opcode, payload: &[u8], output: &mut Vec<u8>, stats: &Stats) -> bool {
    let Some(compressed) = deflater.encode_compressed(opcode, payload, output) else { return false };
    stats.add(Count::Deflated);
    stats.add_many(Count::DeflatedFrom, payload.len() as u64);
    stats.add_many(Count::DeflatedTo, compressed as u64);
    true
}
