//! Uses the codec without the server, in a loop of its own: here a thread with a blocking socket for each connection.
//!
//!     cargo run --example own_loop
//!     npx wscat -c ws://127.0.0.1:8080

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use sockhop::http::{Body, HeadScanner, Persistence, Request, Upgrade};
use sockhop::protocol::{Connection, Event, Limits, State, encode_frame};

fn main() -> Result<(), Box<dyn Error>> {
    for stream in TcpListener::bind("127.0.0.1:8080")?.incoming() {
        let stream = stream?;
        std::thread::spawn(move || serve(stream).unwrap_or_else(|error| eprintln!("{error}")));
    }
    Ok(())
}

fn serve(mut stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let (mut head, mut scanner, mut buffer) = (Vec::new(), HeadScanner::default(), vec![0; 64 * 1024]);
    let mut output = Vec::new();

    // The opening handshake.
    let len = loop {
        let n @ 1.. = stream.read(&mut buffer)? else { return Ok(()) };
        head.extend_from_slice(&buffer[..n]);
        if let Some(len) = scanner.scan(&head)? {
            break len;
        }
    };
    match Request::parse(&head[..len]).and_then(|request| Ok(Upgrade::from_request(&request)?.accept_key())) {
        Ok(accept_key) => Upgrade::encode_response(&accept_key, None, &[], &mut output),
        Err(error) => {
            error.response().encode(&mut output, None, Body::Include, Persistence::Close);
            return Ok(stream.write_all(&output)?);
        }
    }

    // Frames in, events out. Bytes behind the request head are the first frames.
    let mut connection = Connection::server(Limits::default());
    let mut input = &mut head[len..];
    loop {
        while let Some(event) = connection.receive(&mut input, &mut output).transpose() {
            match event {
                // `message` borrows the connection. A server does not mask, so its frames are encoded without it.
                Ok(Event::Message(message)) => encode_frame(message.opcode(), message.as_bytes(), &mut output),
                Ok(_) => {}
                Err(error) => eprintln!("{error}"),
            }
        }
        stream.write_all(&output)?;
        output.clear();
        let (State::Open | State::Closing) = connection.state() else { return Ok(()) };
        let n @ 1.. = stream.read(&mut buffer)? else { return Ok(()) };
        input = &mut buffer[..n];
    }
}
