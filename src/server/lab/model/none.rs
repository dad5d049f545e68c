//! Stand-ins: nobody compresses.

use crate::server::compression::Deflate;
use crate::server::fake::Frame;

pub(super) fn wanted(_choice: usize) -> Option<Deflate> {
    None
}

pub(super) struct Offer;

impl Offer {
    pub fn new(_choice: usize) -> Self {
        Offer
    }

    pub fn make(&self, request: String) -> String {
        request
    }

    pub fn answered(&self, _response: &str) -> Option<Compressed> {
        None
    }
}

pub(super) enum Compressed {}

impl Compressed {
    pub fn deflate(&mut self, _payload: &[u8]) -> Option<Vec<u8>> {
        match *self {}
    }

    pub fn frames(&mut self, _bytes: &mut Vec<u8>) -> Vec<Frame> {
        match *self {}
    }
}
