//! permessage-deflate (RFC 7692) for a server's loop: what is negotiated with a client, and compressors that all
//! connections share, within the budget of a turn.

use std::borrow::Cow;

use crate::http::{DeflateAnswer, RequestError, Upgrade};
use crate::protocol::{ContextTakeover, Contexts, DEFLATE_AVAILABLE, DeflateOptions, Deflater, Extension, Opcode};
use crate::server::connection::websocket::OwnCompressor;
use crate::server::types::config::{Deflate, Slow};
use crate::server::types::stats::{Count, Stats};

/// Bytes after which no other message is compressed in a turn. The worst input, noise, takes 17 ms a MiB.
const TURN: usize = 1024 * 1024;
/// A longer message is sent as it is.
const LONGEST: usize = 4 * 1024 * 1024;
/// The cost of using the context of one connection, which is in no cache, in bytes of message.
const COLD: usize = 1024;

/// The compressors that serve all connections without context takeover. Each forgets a message when it is done.
#[derive(Default)]
pub(crate) struct Compressor {
    options: DeflateOptions,
    /// Bytes that may still be compressed in this turn: by shared compressors, and by those of one connection.
    left: usize,
    left_own: usize,
    /// By window bits, from 9 on.
    shared: [Option<Deflater>; 7],
}

/// Negotiates with a client. `Ok(None)`: nothing is compressed.
pub(crate) fn negotiate(
    wanted: Option<Deflate>,
    slow: Slow,
    upgrade: &Upgrade<'_>,
) -> Result<Option<DeflateAnswer>, RequestError> {
    let Some(Deflate { mut terms, .. }) = wanted.filter(|_| DEFLATE_AVAILABLE) else { return Ok(None) };
    // 7.1.1: a message may refer to those that were sent before, so none of them may be skipped.
    if slow != Slow::Close {
        terms.server_context = ContextTakeover::No;
    }
    upgrade.negotiate_deflate(&terms)
}

/// The most bytes that the contexts of a connection take.
pub(crate) fn reserved(answer: Option<DeflateAnswer>) -> usize {
    let Some(answer) = answer else { return 0 };
    let Extension { server_context, server_max_window_bits, client_context, .. } = answer.extension;
    let server = match server_context {
        ContextTakeover::Yes => size_of::<OwnCompressor>() + Deflater::context_capacity(server_max_window_bits),
        ContextTakeover::No => 0,
    };
    let client = if client_context == ContextTakeover::Yes { Contexts::INFLATER } else { 0 };
    server + client
}

/// As much of the answer as there is room for: all, without a context for the server's messages, or `None`.
///
/// 7.1.1.1: the server may forget its context without saying so. Of the client's it must keep a copy: some clients go on
/// with theirs though they are asked to forget it, so no compression is safer than to ask.
pub(crate) fn fit(answer: Option<DeflateAnswer>, has_room: impl Fn(usize) -> bool) -> Option<DeflateAnswer> {
    let all = answer?;
    let mut less = all;
    less.extension.server_context = ContextTakeover::No;
    [all, less].into_iter().find(|answer| has_room(reserved(Some(*answer))))
}

/// Names what was negotiated, for the log.
pub(crate) fn describe(answer: Option<DeflateAnswer>) -> Cow<'static, str> {
    match answer {
        Some(answer) => answer.to_string().into(),
        None => "no compression was offered, or none that the server supports".into(),
    }
}

impl Compressor {
    pub fn new(wanted: Option<Deflate>) -> Self {
        Compressor { options: wanted.unwrap_or_default().options, ..Compressor::default() }
    }

    /// Whether a message of this length is compressed, if that makes it shorter.
    pub fn is_worth_it(&self, len: usize) -> bool {
        len >= self.options.threshold
    }

    /// Renews the budget.
    pub fn begin_turn(&mut self) {
        (self.left, self.left_own) = (TURN, TURN);
    }

    /// Whether a message may be compressed with a context of one connection. If so, it counts.
    pub fn spend_own(&mut self, len: usize) -> bool {
        let may = self.left_own > 0 && len <= LONGEST;
        if may {
            self.left_own = self.left_own.saturating_sub(len + COLD);
        }
        may
    }

    /// Appends a frame with a message that is compressed for one connection. `false`: compression would not make it
    /// shorter, and nothing is appended.
    pub fn encode_own(
        &self,
        window_bits: u8,
        own: &mut Option<Box<OwnCompressor>>,
        (opcode, payload): (Opcode, &[u8]),
        output: &mut Vec<u8>,
        stats: &Stats,
    ) -> bool {
        let OwnCompressor { deflater, is_stale } = &mut **own.get_or_insert_with(|| {
            let deflater = Deflater::new(ContextTakeover::Yes, window_bits, self.options);
            Box::new(OwnCompressor { deflater, is_stale: false })
        });
        if std::mem::take(is_stale) {
            deflater.forget();
        }
        encode(deflater, opcode, payload, output, stats)
    }

    /// Appends a frame with a message that is compressed by itself. `false`: compression is not worth it, or the budget of
    /// the turn is spent, and nothing is appended.
    pub fn encode_alone(
        &mut self,
        window_bits: u8,
        opcode: Opcode,
        payload: &[u8],
        output: &mut Vec<u8>,
        stats: &Stats,
    ) -> bool {
        let len = payload.len();
        if !self.is_worth_it(len) || len > LONGEST || self.left == 0 {
            return false;
        }
        let shared = usize::from(window_bits).checked_sub(9).and_then(|at| self.shared.get_mut(at));
        let Some(shared) = shared else { return false };
        self.left = self.left.saturating_sub(len);
        let options = self.options;
        let deflater = shared.get_or_insert_with(|| Deflater::new(ContextTakeover::No, window_bits, options));
        encode(deflater, opcode, payload, output, stats)
    }
}

fn encode(deflater: &mut Deflater, opcode: Opcode, payload: &[u8], output: &mut Vec<u8>, stats: &Stats) -> bool {
    let Some(compressed) = deflater.encode_compressed(opcode, payload, output) else { return false };
    stats.add(Count::Deflated);
    stats.add_many(Count::DeflatedFrom, payload.len() as u64);
    stats.add_many(Count::DeflatedTo, compressed as u64);
    true
}
