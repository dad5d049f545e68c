//! A thousand clients in one broadcast, each of which checks every byte.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::thread;

use sockhop::{Context, Handler, Message};
use tungstenite::protocol::WebSocketConfig;

use crate::common::{Client, ClientMessage, TestServer, noise, tcp};

const CLIENTS: usize = 1000;
const THREADS: usize = 8;
/// Payloads of the rounds, in bytes: every form of a frame's length, and more than a socket takes at once.
const ROUNDS: [usize; 11] = [20, 0, 1, 125, 126, 1000, 4096, 65_535, 65_536, 150_000, 7];
/// Messages that one client says in a row.
const BURST: usize = 200;

struct Room;

impl Handler for Room {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.broadcast(message);
    }
}

/// As many clients as there are descriptors for: each takes two, one at either end.
fn clients() -> usize {
    let others = 500;
    let limit = rlimit::increase_nofile_limit(2 * CLIENTS as u64 + others).expect("the limit can be read");
    let room = usize::try_from(limit.saturating_sub(others) / 2).unwrap_or(CLIENTS);
    assert!(room >= 100, "{limit} open files are too few for this test: raise the hard limit (ulimit -Hn)");
    if room < CLIENTS {
        // Not by `eprintln!`, which is heard only when the test fails.
        let note = format!("only {room} clients instead of {CLIENTS}: {limit} files may be open (ulimit -Hn)");
        writeln!(io::stderr(), "{note}").expect("standard error is there");
    }
    room.min(CLIENTS)
}

fn connect(addr: SocketAddr) -> Client {
    // The default would be 128 KiB for each.
    let config = WebSocketConfig::default().read_buffer_size(4096);
    let url = format!("ws://{addr}/");
    tungstenite::client::client_with_config(url, tcp(addr), Some(config)).expect("the handshake succeeds").0
}

fn message(round: usize, len: usize) -> ClientMessage {
    let bytes = noise(round as u64, len);
    if round.is_multiple_of(2) {
        return ClientMessage::binary(bytes);
    }
    ClientMessage::text(bytes.iter().map(|byte| char::from(byte & 0x7f)).collect::<String>())
}

fn expect(clients: &mut [Client<TcpStream>], message: &ClientMessage, what: usize) {
    for (i, client) in clients.iter_mut().enumerate() {
        // On a slow machine who only listens is pinged meanwhile.
        let got = loop {
            match client.read() {
                Ok(ClientMessage::Ping(_)) => {}
                Ok(message) => break message,
                Err(error) => panic!("client {i}, message {what}: {error}"),
            }
        };
        assert!(got == *message, "client {i} got message {what} changed: {} bytes", got.len());
    }
}

#[test]
fn a_thousand_clients_get_every_byte_in_order() {
    let server = TestServer::serve(Room);
    let (addr, per_thread) = (server.addr(), clients() / THREADS);
    let everyone_is_here = Barrier::new(THREADS);
    thread::scope(|scope| {
        for t in 0..THREADS {
            let everyone_is_here = &everyone_is_here;
            scope.spawn(move || {
                let mut clients: Vec<_> = (0..per_thread).map(|_| connect(addr)).collect();
                everyone_is_here.wait();
                for (round, len) in ROUNDS.into_iter().enumerate() {
                    let message = message(round, len);
                    // Another one speaks in each round, when it has heard what was said in the one before.
                    if round % THREADS == t {
                        clients[round * 31 % per_thread].send(message.clone()).unwrap();
                    }
                    expect(&mut clients, &message, round);
                }
                if t == 0 {
                    for i in 0..BURST {
                        clients[0].write(message(i, i * 7)).unwrap();
                    }
                    clients[0].flush().unwrap();
                }
                for i in 0..BURST {
                    expect(&mut clients, &message(i, i * 7), ROUNDS.len() + i);
                }
            });
        }
    });
}
