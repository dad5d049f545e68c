//! Stand-ins: nothing is compressed.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use super::super::config::Slow;
use super::super::outbox::Posts;
use super::super::shared_bytes::SharedBytes;
use super::super::stats::Stats;
use crate::http::{RequestError, Upgrade};
use crate::protocol::{Connection, Extension, Limits, Opcode};

/// Compression of messages: only with the feature `deflate`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Deflate {}

impl Deflate {
    pub(crate) fn without_takeover(self) -> Self {
        self
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {}

pub(crate) enum Own {}

#[derive(Default)]
pub(crate) struct Compressor;

pub(crate) fn negotiate(
    wanted: Option<Deflate>,
    _slow: Slow,
    _upgrade: &Upgrade<'_>,
) -> Result<Option<Extension>, RequestError> {
    match wanted {
        Some(wanted) => match wanted {},
        None => Ok(None),
    }
}

pub(crate) fn reserved(_extension: Option<Extension>) -> usize {
    0
}

pub(crate) fn describe(_extension: Option<Extension>) -> String {
    String::new()
}

pub(crate) fn encode_response(
    accept_key: &[u8; 28],
    subprotocol: Option<&str>,
    _extension: Option<Extension>,
    output: &mut Vec<u8>,
) {
    let extra: &[(Cow<'_, str>, Cow<'_, str>)] = &[];
    Upgrade::encode_response(accept_key, subprotocol, extra, output);
}

pub(crate) fn open(limits: Arc<Limits>, _extension: Option<Extension>) -> Connection {
    Connection::server(limits)
}

pub(crate) fn sending(_extension: Option<Extension>) -> Option<Sending> {
    None
}

impl Sending {
    pub fn is_shared(self) -> bool {
        match self {}
    }
}

impl Own {
    pub fn held(&self) -> usize {
        match *self {}
    }

    pub fn pass_over(&mut self) {
        match *self {}
    }
}

impl Compressor {
    pub fn new(_wanted: Option<Deflate>) -> Self {
        Compressor
    }

    pub fn is_worth_it(&self, _len: usize) -> bool {
        false
    }

    pub fn begin_turn(&mut self) {}

    pub fn spend_own(&mut self, _len: usize) -> bool {
        false
    }

    pub fn encode_own(
        &self,
        sending: Sending,
        _own: &mut Option<Box<Own>>,
        _opcode: Opcode,
        _payload: &[u8],
        _output: &mut Vec<u8>,
        _stats: &Stats,
    ) -> bool {
        match sending {}
    }

    pub fn encode_alone(
        &mut self,
        sending: Sending,
        _opcode: Opcode,
        _payload: &[u8],
        _output: &mut Vec<u8>,
        _stats: &Stats,
    ) -> bool {
        match sending {}
    }

    pub fn post(&mut self, sending: Sending, _at: usize, _posts: &Posts, _stats: &Stats) -> &[u8] {
        match sending {}
    }

    pub fn posts(&mut self, sending: Sending, _posts: &Posts, _stats: &Stats) -> (Rc<SharedBytes>, usize) {
        match sending {}
    }

    pub fn clear_posts(&mut self) {}
}
