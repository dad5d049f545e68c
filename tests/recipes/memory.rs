//! The memory and the descriptors of the binary, as the kernel counts them, while clients ask for the most.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::binary::{Sockhop, command};
use crate::common::raw::{self, BINARY, FIN, TEXT};
use crate::common::{PATIENCE, memory, tcp};

const MIB: usize = 1024 * 1024;

impl Sockhop {
    /// A line of what the kernel says of its memory, in bytes.
    fn memory(&self, line: &str) -> usize {
        memory(self.id(), line)
    }

    /// Memory that it has asked for, whether it has touched it or not.
    fn capacity(&self) -> usize {
        self.memory("VmData")
    }

    fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).expect("it lives").count()
    }
}

/// An echo that has served somebody, and somebody who is there to be served.
fn echo(flags: &[&str]) -> (Sockhop, TcpStream) {
    let server = Sockhop::run(command().args(["echo", "0"]).args(flags));
    let mut bystander = raw::open(server.addr, "/");
    is_served(&mut bystander);
    (server, bystander)
}

#[track_caller]
fn is_served(bystander: &mut TcpStream) {
    bystander.write_all(&raw::text("still there?")).expect("the server takes it");
    assert_eq!(raw::read_text(bystander), "still there?");
}

/// Room for so many connections of this process and of the server's, or as many as the hard limit allows.
fn room_for(connections: usize) -> usize {
    let others = 1000;
    let limit = rlimit::increase_nofile_limit((connections + others) as u64).expect("the limit can be read");
    let room = usize::try_from(limit).map_or(connections, |limit| limit.saturating_sub(others).min(connections));
    assert!(room >= connections / 10, "{limit} open files are too few: raise the hard limit (ulimit -Hn)");
    if room < connections {
        // Not by `eprintln!`, which is heard only when the test fails.
        let note = format!("only {room} connections instead of {connections}: {limit} files may be open (ulimit -Hn)");
        writeln!(io::stderr(), "{note}").expect("standard error is there");
    }
    room
}

/// Has each send the same frame again and again, and read nothing, until the server takes no more from anyone. Returns
/// how many it has closed.
fn pour(peers: &mut [TcpStream], frame: &[u8], bystander: &mut TcpStream) -> usize {
    let (mut sent, mut is_closed, mut idle_rounds) = (vec![0; peers.len()], vec![false; peers.len()], 0);
    while idle_rounds < 50 {
        idle_rounds += 1;
        for ((peer, sent), is_closed) in peers.iter_mut().zip(&mut sent).zip(&mut is_closed) {
            match peer.write(&frame[*sent % frame.len()..]) {
                Ok(written) => {
                    *sent += written;
                    idle_rounds = 0;
                }
                Err(error) => *is_closed |= error.kind() != ErrorKind::WouldBlock,
            }
        }
        is_served(bystander);
    }
    // Each was heard: a frame, at least, and what the kernel keeps.
    assert!(sent.iter().all(|sent| *sent > frame.len()), "{sent:?}");
    is_closed.into_iter().filter(|is_closed| *is_closed).count()
}

#[test]
fn peers_that_never_read_their_large_echoes_stay_within_the_ceiling() {
    let frame = raw::frame(FIN | BINARY, &[7; MIB]);
    // Fifty are owed less than 64 MiB, and they stay. Two hundred are owed more: the connections owed the most go,
    // others come to be owed, and the allocator keeps some of what it was given back.
    for (count, most) in [(50, 80 * MIB), (200, 128 * MIB)] {
        // Here it is not for their silence that they go.
        let (server, mut bystander) = echo(&["--max-memory", "64M", "--write-timeout", "10m"]);
        let mut peers: Vec<_> = (0..count).map(|_| raw::open(server.addr, "/")).collect();
        for peer in &peers {
            peer.set_nonblocking(true).unwrap();
        }
        let closed = pour(&mut peers, &frame, &mut bystander);
        assert_eq!(closed > 0, count > 64, "{closed} of {count} are closed");
        let peak = server.memory("VmHWM");
        assert!(peak < most, "{count} peers: {peak} bytes at some time");
        assert!(peak > 20 * MIB, "{count} peers: {peak} bytes, so nothing was tried");
    }
}

/// Opens connections that each send the same, and returns what they cost in memory.
fn cost(server: &Sockhop, count: usize, bytes: &[u8], bystander: &mut TcpStream) -> (usize, Vec<TcpStream>) {
    let before = (server.memory("VmRSS"), server.capacity());
    let mut peers = Vec::with_capacity(count);
    while peers.len() < count {
        peers.push(open_and_say(server.addr, bytes));
        // It answers no Pings, so it has to be heard.
        if peers.len() % 500 == 0 {
            is_served(bystander);
        }
    }
    // One who comes later is served later.
    is_served(&mut raw::open(server.addr, "/"));
    is_served(bystander);
    let resident = server.memory("VmRSS").saturating_sub(before.0);
    (resident.max(server.capacity().saturating_sub(before.1)), peers)
}

/// Opens a WebSocket and says something at once, to which nothing is answered.
fn open_and_say(addr: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = tcp(addr);
    let request = format!("{}\r\n", raw::request("/"));
    stream.write_all(&[request.as_bytes(), bytes].concat()).expect("the server takes it");
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    while !head.ends_with(b"\r\n\r\n") {
        let len = stream.read(&mut piece).expect("it answers");
        assert!(len > 0, "it ends: {head:?}");
        head.extend_from_slice(&piece[..len]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    stream
}

/// The header of a frame of the largest size, and the first bytes of its payload.
fn claim(payload: usize) -> Vec<u8> {
    let mut bytes = raw::frame(FIN | BINARY, &vec![7; MIB]);
    bytes.truncate(bytes.len() - MIB + payload);
    bytes
}

#[test]
fn thousands_who_claim_the_largest_frame_and_send_nothing_cost_next_to_nothing() {
    let (server, mut bystander) = echo(&[]);
    let (cost, _peers) = cost(&server, room_for(9000), &claim(0), &mut bystander);
    let resident = server.memory("VmRSS");
    assert!(resident < 16 * MIB, "{resident} bytes");
    assert!(cost < 13 * MIB, "{cost} bytes more than before");
}

#[test]
fn claims_cost_what_has_come_and_not_what_was_claimed() {
    for payload in [0, 1, 1000] {
        let (server, mut bystander) = echo(&[]);
        let (cost, _peers) = cost(&server, 300, &claim(payload), &mut bystander);
        assert!(cost < 5 * MIB, "{payload} bytes of payload each: {cost} bytes");
    }
}

#[test]
fn twenty_thousand_who_come_and_are_reset_leave_nothing_behind() {
    let (server, mut bystander) = echo(&[]);
    let before = (server.memory("VmRSS"), server.capacity(), server.descriptors());
    let request = format!("{}\r\n", raw::request("/"));
    let messages = [request.as_bytes(), &raw::frame(FIN | TEXT, &[b'x'; 2000])].concat();
    for i in 0..20_000 {
        let mut stream = tcp(server.addr);
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        let said = [0, 30, request.len(), messages.len() - 1000, messages.len()][i % 5];
        stream.write_all(&messages[..said]).expect("there is room");
    }
    is_served(&mut bystander);
    let since = Instant::now();
    while server.descriptors() > before.2 {
        assert!(since.elapsed() < PATIENCE, "{} descriptors, {} before", server.descriptors(), before.2);
        thread::yield_now();
    }
    for (name, growth) in [
        ("resident", server.memory("VmRSS").saturating_sub(before.0)),
        ("asked for", server.capacity().saturating_sub(before.1)),
    ] {
        assert!(growth < 8 * MIB, "{growth} bytes more are {name}");
    }
}
