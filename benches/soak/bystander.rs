//! A client that measures its echo twenty times a second, and a client of a plain TCP echo that does the same at the
//! same moments, to show delays of the machine.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::raw::{self, BINARY, FIN, TEXT};
use crate::common::{noise, tcp};

const EVERY: Duration = Duration::from_millis(50);

/// The number of a moment, and the wait for the echo then.
pub type Wait = (u32, Duration);

/// Measures echoes until the run is over, and checks every byte.
pub fn sockhop(addr: SocketAddr, start: Instant, over: &AtomicBool) -> Vec<Wait> {
    let mut stream = raw::open(addr, "/echo");
    let waits = each_moment(start, over, |moment, payload| {
        let first = FIN | if moment.is_multiple_of(2) { TEXT } else { BINARY };
        stream.write_all(&raw::frame(first, payload)).expect("the server takes it");
        let (kind, echo) = raw::read_frame(&mut stream);
        assert!(kind == first && echo == payload, "the bystander's echo {moment} came changed");
    });
    stream.write_all(&raw::close(1000, "")).expect("the server takes it");
    assert_eq!(raw::read_close(&mut stream).0, 1000);
    assert_eq!(raw::read_rest(&mut stream), b"");
    waits
}

/// Does the same without WebSocket, on a server without other clients.
pub fn plain(addr: SocketAddr, start: Instant, over: &AtomicBool) -> Vec<Wait> {
    let mut stream = tcp(addr);
    each_moment(start, over, |_, payload| {
        let mut echo = vec![0; payload.len()];
        stream.write_all(payload).expect("the echo takes it");
        stream.read_exact(&mut echo).expect("the echo answers");
        assert!(echo == payload);
    })
}

fn each_moment(start: Instant, over: &AtomicBool, mut exchange: impl FnMut(u32, &[u8])) -> Vec<Wait> {
    let mut waits = Vec::new();
    while !over.load(Ordering::Relaxed) {
        // The next moment in the future.
        let moment = (start.elapsed().as_millis() / EVERY.as_millis()) as u32 + 1;
        thread::sleep((EVERY * moment).saturating_sub(start.elapsed()));
        let payload: Vec<u8> =
            noise(moment.into(), 1 + moment as usize * 37 % 2000).iter().map(|byte| byte & 0x7f).collect();
        let asked = Instant::now();
        exchange(moment, &payload);
        waits.push((moment, asked.elapsed()));
    }
    waits
}
