//! Laws of the server's queue of bytes owed to a peer (`src/server/connection/output/queue.rs`), which a list of frames states:
//!
//! 1. No sequence of calls makes it panic.
//! 2. What comes out is what went in, in order, whatever is written at a time; its length is that of what is owed.
//! 3. The slices of a write are the front of it, none of them empty, no more than asked for, and there is one as long
//!    as anything is owed.
//! 4. Dropping what is unsent takes whole frames of which nothing was written, of broadcasts or of all kinds, and
//!    leaves the others as they were: the stream stays one of frames.
//! 5. It counts what it holds: nothing once it is empty, at least what is owed before but for bodies, which are their
//!    application's.
//!
//! The input is a list of calls as the loop makes them: see `Bench::call`.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use sockhop::fuzzing::{Kind, Queue, Shared, rest_of_begun_frame};
use sockhop::protocol::{Opcode, encode_frame};
use sockhop_fuzz::Draw;

fuzz_target!(|data: &[u8]| {
    let mut bench = Bench::default();
    let mut draw = Draw::new(data);
    while let Some(call) = draw.byte() {
        bench.call(call, &mut draw);
        bench.check();
    }
    while !bench.queue.is_empty() {
        bench.write(8, 10_000, usize::MAX);
        bench.check();
    }
    assert!(bench.model.is_empty());
});

#[derive(Default)]
struct Bench {
    queue: Queue,
    model: Vec<Frame>,
    /// Bytes of the last body, which is its application's and not counted.
    pages: usize,
    /// Makes the bytes of each frame differ.
    serial: u8,
}

/// What is owed of a frame, or of a response.
struct Frame {
    rest: Vec<u8>,
    /// A part of it was written.
    begun: bool,
    kind: Kind,
}

impl Bench {
    /// | call | what |
    /// |---|---|
    /// | 0, 1 | frames of its own, the first of which may have been written in part if nothing is owed |
    /// | 2 | broadcasts, likewise |
    /// | 3 | the newest of some broadcasts, and what was begun: `--slow latest` |
    /// | 4 | a frame whose header is copied and whose payload lies elsewhere, shared or not |
    /// | 5 | a response, which is no frame, and perhaps its body, shared with others, or a part |
    /// | 6 | a write |
    /// | 7 | what is unsent is dropped: all, or broadcasts |
    fn call(&mut self, call: u8, draw: &mut Draw<'_>) {
        match call % 8 {
            0 | 1 => {
                let (bytes, sent) = self.frames(call, Kind::Own, draw);
                self.queue.push(&bytes[sent..], rest_of_begun_frame(&bytes, sent));
            }
            2 => {
                let (bytes, sent) = self.frames(call, Kind::Post, draw);
                let lead = rest_of_begun_frame(&bytes, sent);
                let end = bytes.len();
                self.queue.push_shared(&Shared::new(bytes), sent..end, lead, Kind::Post);
            }
            3 => self.latest(call, draw),
            4 => self.in_place(call, draw),
            5 => {
                if self.queue.is_empty() {
                    let response = vec![b'H'; 1 + draw.length()];
                    self.queue.push(&response, response.len());
                    let body = vec![b'B'; if call & 8 == 0 { 0 } else { draw.length() }];
                    let margin = vec![b'X'; usize::from(call >> 4 & 3)];
                    let whole: Arc<[u8]> = [&margin[..], &body, &margin].concat().into();
                    self.queue.push_body(&whole, margin.len()..margin.len() + body.len());
                    self.pages = body.len();
                    let rest = [response, body].concat();
                    self.model.push(Frame { rest, begun: true, kind: Kind::Own });
                }
            }
            6 => self.write(1 + usize::from(call >> 3) % 8, draw.length(), draw.length()),
            _ if call & 8 == 0 => {
                self.queue.drop_unsent_frames();
                self.model.retain(|frame| frame.begun);
            }
            _ => {
                let before = self.model.len();
                self.drop_posts(before);
            }
        }
    }

    /// Whole frames, and how much of them was written at once; notes what is owed.
    fn frames(&mut self, call: u8, kind: Kind, draw: &mut Draw<'_>) -> (Vec<u8>, usize) {
        let frames: Vec<_> = (0..=call >> 6).map(|_| self.frame(draw.length())).collect();
        let bytes = frames.concat();
        // At least one byte is left, else nothing would be queued.
        let sent = if call & 8 != 0 && self.queue.is_empty() { draw.length().min(bytes.len() - 1) } else { 0 };
        let mut skip = sent;
        for mut rest in frames {
            let begun = (1..rest.len()).contains(&skip);
            let taken = skip.min(rest.len());
            skip -= taken;
            rest.drain(..taken);
            if !rest.is_empty() {
                self.model.push(Frame { rest, begun, kind });
            }
        }
        (bytes, sent)
    }

    /// As the loop does it for `Slow::Latest`: what was begun stays, what was queued goes, the newest is added.
    fn latest(&mut self, call: u8, draw: &mut Draw<'_>) {
        let before = self.model.len();
        let (bytes, sent) = self.frames(call, Kind::Post, draw);
        self.drop_posts(before);
        let newest = self.model.pop().expect("the newest is there");
        self.model.retain(|frame| frame.begun || frame.kind == Kind::Own);
        let begun = sent + rest_of_begun_frame(&bytes, sent);
        let end = bytes.len();
        let newest_start = (end - newest.rest.len()).max(begun);
        let shared = Shared::new(bytes);
        self.queue.push_shared(&shared, sent..begun, begun - sent, Kind::Post);
        self.queue.push_shared(&shared, newest_start..end, 0, Kind::Post);
        self.model.push(newest);
    }

    fn in_place(&mut self, call: u8, draw: &mut Draw<'_>) {
        let length = draw.length();
        let frame = self.frame(length);
        let (header, payload) = frame.split_at(frame.len() - length);
        let sent = if call & 8 != 0 && self.queue.is_empty() { draw.length().min(frame.len() - 1) } else { 0 };
        let skip = sent.min(header.len());
        self.queue.push(&header[skip..], rest_of_begun_frame(header, skip));
        let skip = sent - skip;
        if call & 16 != 0 {
            // Its place in the buffer of the message.
            let shared = Shared::new([b"before", payload].concat());
            self.queue.push_shared(&shared, 6 + skip..6 + length, length - skip, Kind::Own);
        } else {
            self.queue.push(&payload[skip..], length - skip);
        }
        self.model.push(Frame { rest: frame[sent..].to_vec(), begun: sent > 0, kind: Kind::Own });
    }

    /// Drops broadcasts, of the queue and of the first `count` frames of the model.
    fn drop_posts(&mut self, count: usize) {
        let later = self.model.split_off(count);
        self.model.retain(|frame| frame.begun || frame.kind == Kind::Own);
        assert_eq!(self.queue.drop_unsent_posts(), self.model.len() < count, "whether there were broadcasts");
        self.model.extend(later);
    }

    /// A write of at most `limit` bytes, of which `taken` are taken.
    fn write(&mut self, slices: usize, limit: usize, taken: usize) {
        let front = self.queue.next_slices(slices, limit);
        assert!(front.len() <= slices && front.iter().all(|slice| !slice.is_empty()));
        assert_eq!(front.is_empty(), self.queue.is_empty() || limit == 0, "slices of {limit} bytes");
        let front = front.concat();
        let owed = self.model.iter().flat_map(|frame| &frame.rest);
        assert!(front.len() <= limit && front.iter().eq(owed.take(front.len())), "the front of what is owed");
        let mut taken = taken.min(front.len());
        self.queue.advance(taken);
        while let Some(frame) = self.model.first_mut().filter(|_| taken > 0) {
            let n = taken.min(frame.rest.len());
            frame.rest.drain(..n);
            frame.begun = true;
            taken -= n;
            if frame.rest.is_empty() {
                self.model.remove(0);
            }
        }
    }

    fn check(&self) {
        let owed = self.model.iter().map(|frame| frame.rest.len()).sum();
        assert_eq!(self.queue.len(), owed);
        assert_eq!(self.queue.is_empty(), owed == 0);
        if owed == 0 {
            assert_eq!((self.queue.held(), self.queue.shared()), (0, 0));
        } else {
            assert!(self.queue.held() + self.queue.shared() + self.pages >= owed);
        }
    }

    fn frame(&mut self, length: usize) -> Vec<u8> {
        self.serial = self.serial.wrapping_add(1);
        let mut frame = Vec::new();
        encode_frame(Opcode::Binary, &vec![self.serial; length], &mut frame);
        frame
    }
}
