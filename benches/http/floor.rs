//! The floor: not an HTTP server, but the least work that a server can do. On mio, edge-triggered, with one buffer for
//! all connections, it answers each `recv` with one `send` of the same bytes. It parses, checks and bounds nothing.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(0);
/// The bytes that Sockhop answers with.
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\
                          X-Content-Type-Options: nosniff\r\n\r\nok";

pub fn serve(listener: net::TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (mut clients, mut next) = (HashMap::new(), LISTENER.0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Some((mut stream, _)) = unless_blocked(listener.accept())? {
                    next += 1;
                    stream.set_nodelay(true)?;
                    poll.registry().register(&mut stream, Token(next), Interest::READABLE | Interest::WRITABLE)?;
                    clients.insert(Token(next), stream);
                }
            } else if event.is_readable()
                && clients.get_mut(&event.token()).is_some_and(|client| answer(client, &mut buffer).is_err())
            {
                clients.remove(&event.token());
            }
        }
    }
}

/// One `recv` and one `send`. The client sends its next request only after the answer, so that nothing is left to read.
fn answer(client: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    match unless_blocked(client.read(buffer))? {
        Some(0) => Err(ErrorKind::UnexpectedEof.into()),
        Some(_) => client.write_all(RESPONSE),
        None => Ok(()),
    }
}

fn unless_blocked<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
