//! Codecs side by side, in memory: `cargo bench --manifest-path benches/peers/Cargo.toml`.
//!
//! Sockhop's codec is called as its loop calls it, tungstenite and fastwebsockets through their public interface over
//! streams in memory. Two cases are missing: fastwebsockets' opening handshake needs an HTTP library, and tungstenite's
//! unmasking is not public.

use std::hint::black_box;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use fastwebsockets::{FragmentCollector, Payload, Role};
use futures_util::FutureExt;
use sockhop::protocol::{Connection, Event, FrameHeader, Limits, Opcode, Utf8Validator, encode_frame, mask};
use tungstenite::protocol::frame::{Frame, Utf8Bytes, coding};

mod memory;

use memory::{Memory, Shared};

/// A chat line, the longest payload of a short header, a page of JSON, a large block.
const SIZES: [usize; 4] = [20, 125, 1024, 64 * 1024];
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn main() {
    divan::main();
}

fn client_frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let payload_len = payload.len() as u64;
    FrameHeader { fin: true, rsv1: false, opcode, masking_key: Some(KEY), payload_len }.encode(&mut bytes);
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    mask(&mut bytes[start..], KEY, 0);
    bytes
}

fn ascii(len: usize) -> Vec<u8> {
    "The quick brown fox jumps over the lazy dog. ".bytes().cycle().take(len).collect()
}

/// A receive buffer full of text messages, or one message that is larger: parses, unmasks, checks and encodes the
/// replies.
#[divan::bench_group]
mod echo {
    use super::*;

    fn input(size: usize) -> (Vec<u8>, usize) {
        let frame = client_frame(Opcode::Text, &ascii(size));
        let messages = (64 * 1024 / frame.len()).max(1);
        (frame.repeat(messages), messages)
    }

    #[divan::bench(args = SIZES)]
    fn sockhop(bencher: Bencher, size: usize) {
        let (input, messages) = input(size);
        let mut connection = Connection::server(Limits::default());
        let mut output = Vec::new();
        bencher.counter(ItemsCount::new(messages)).with_inputs(|| input.clone()).bench_local_refs(|input| {
            let mut input = black_box(&mut input[..]);
            output.clear();
            let mut found = 0;
            while let Some(Event::Message(message)) = connection.receive(&mut input, &mut output).expect("good frames")
            {
                encode_frame(message.opcode(), message.as_bytes(), &mut output);
                found += 1;
            }
            assert_eq!(found, messages);
        });
    }

    #[divan::bench(args = SIZES)]
    fn tungstenite(bencher: Bencher, size: usize) {
        let (input, messages) = input(size);
        let role = ::tungstenite::protocol::Role::Server;
        let mut socket = ::tungstenite::WebSocket::from_raw_socket(Memory::default(), role, None);
        bencher.counter(ItemsCount::new(messages)).with_inputs(|| input.clone()).bench_local_values(|input| {
            socket.get_mut().refill(black_box(input));
            for _ in 0..messages {
                let message = socket.read().expect("a message");
                socket.write(message).expect("room");
            }
            socket.flush().expect("room");
            assert!(socket.get_ref().is_drained());
        });
    }

    #[divan::bench(args = SIZES)]
    fn fastwebsockets(bencher: Bencher, size: usize) {
        let (input, messages) = input(size);
        let memory = Shared::default();
        let socket = ::fastwebsockets::WebSocket::after_handshake(memory.clone(), Role::Server);
        let mut socket = FragmentCollector::new(socket);
        bencher.counter(ItemsCount::new(messages)).with_inputs(|| input.clone()).bench_local_values(|input| {
            memory.refill(black_box(input));
            for _ in 0..messages {
                let frame = socket.read_frame().now_or_never().expect("no wait").expect("a message");
                socket.write_frame(frame).now_or_never().expect("no wait").expect("room");
            }
            assert!(memory.is_drained());
        });
    }
}

/// Unmasks a payload (RFC 6455 5.3).
#[divan::bench_group]
mod unmask {
    use super::*;

    #[divan::bench(args = SIZES)]
    fn sockhop(bencher: Bencher, size: usize) {
        let mut payload = vec![7; size];
        bencher.counter(BytesCount::new(size)).bench_local(|| mask(black_box(&mut payload), black_box(KEY), 0));
    }

    #[divan::bench(args = SIZES)]
    fn fastwebsockets(bencher: Bencher, size: usize) {
        let mut payload = vec![7; size];
        let unmask = ::fastwebsockets::unmask;
        bencher.counter(BytesCount::new(size)).bench_local(|| unmask(black_box(&mut payload), black_box(KEY)));
    }
}

/// Validates a text of characters of one to four bytes (RFC 6455 8.1).
#[divan::bench_group]
mod utf8 {
    use super::*;

    fn text(size: usize) -> Vec<u8> {
        let mut text = "Grüße aus Köln: 5 € und viel 日本語 😀, ".repeat(size / 48 + 1);
        while text.len() > size {
            text.pop();
        }
        text.into_bytes()
    }

    #[divan::bench(args = SIZES)]
    fn sockhop(bencher: Bencher, size: usize) {
        let text = text(size);
        bencher.counter(BytesCount::new(text.len())).bench(|| {
            let mut validator = Utf8Validator::default();
            validator.push(black_box(&text)).and_then(|()| validator.finish())
        });
    }

    #[divan::bench(args = SIZES)]
    fn tungstenite(bencher: Bencher, size: usize) {
        let text = Bytes::from(text(size));
        bencher.counter(BytesCount::new(text.len())).bench(|| Utf8Bytes::try_from(black_box(&text).clone()).is_ok());
    }

    #[divan::bench(args = SIZES)]
    fn fastwebsockets(bencher: Bencher, size: usize) {
        let text = text(size);
        let frame = ::fastwebsockets::Frame::text(Payload::Borrowed(&text));
        bencher.counter(BytesCount::new(text.len())).bench_local(|| black_box(&frame).is_utf8());
    }
}

/// Encodes an unmasked frame, as a server sends it.
#[divan::bench_group]
mod encode {
    use super::*;

    #[divan::bench(args = SIZES)]
    fn sockhop(bencher: Bencher, size: usize) {
        let (payload, mut output) = (ascii(size), Vec::new());
        bencher.counter(BytesCount::new(size)).bench_local(|| {
            output.clear();
            encode_frame(Opcode::Text, black_box(&payload), &mut output);
        });
    }

    #[divan::bench(args = SIZES)]
    fn tungstenite(bencher: Bencher, size: usize) {
        let (payload, mut output) = (Bytes::from(ascii(size)), Vec::new());
        let opcode = coding::OpCode::Data(coding::Data::Text);
        bencher.counter(BytesCount::new(size)).bench_local(|| {
            output.clear();
            Frame::message(black_box(&payload).clone(), opcode, true).format(&mut output).expect("room");
        });
    }

    #[divan::bench(args = SIZES)]
    fn fastwebsockets(bencher: Bencher, size: usize) {
        let (payload, mut output) = (ascii(size), Vec::new());
        bencher.counter(BytesCount::new(size)).bench_local(|| {
            let payload = Payload::Borrowed(black_box(&payload));
            ::fastwebsockets::Frame::text(payload).write(&mut output).len()
        });
    }
}

/// A message of 128 bytes to a thousand connections. For Sockhop this includes the whole loop and the clients' reading;
/// for the others it is a write to each of a thousand connections.
#[divan::bench_group]
mod fan_out {
    use super::*;
    use ::sockhop::testing::Stage;
    use ::sockhop::{Context, Handler, Message};

    const MEMBERS: usize = 1000;

    struct Room;

    impl Handler for Room {
        fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
            ctx.broadcast(message);
        }
    }

    #[divan::bench]
    fn sockhop(bencher: Bencher) {
        let mut stage = Stage::new(Room);
        let clients: Vec<_> = (0..MEMBERS).map(|_| stage.connect("/")).collect();
        let payload = ascii(128);
        bencher.counter(ItemsCount::new(MEMBERS)).bench_local(|| {
            stage.send(clients[0], &payload[..]);
            assert_eq!(clients.iter().map(|client| stage.received(*client).len()).sum::<usize>(), MEMBERS);
        });
    }

    #[divan::bench]
    fn tungstenite(bencher: Bencher) {
        let role = ::tungstenite::protocol::Role::Server;
        let socket = |_| ::tungstenite::WebSocket::from_raw_socket(Memory::default(), role, None);
        let mut sockets: Vec<_> = (0..MEMBERS).map(socket).collect();
        let message = ::tungstenite::Message::Binary(ascii(128).into());
        bencher.counter(ItemsCount::new(MEMBERS)).bench_local(|| {
            for socket in &mut sockets {
                socket.get_mut().refill(Vec::new());
                socket.send(message.clone()).expect("room");
            }
        });
    }

    #[divan::bench]
    fn fastwebsockets(bencher: Bencher) {
        let memories: Vec<_> = (0..MEMBERS).map(|_| Shared::default()).collect();
        let socket = |memory: &Shared| ::fastwebsockets::WebSocket::after_handshake(memory.clone(), Role::Server);
        let mut sockets: Vec<_> = memories.iter().map(socket).collect();
        let payload = ascii(128);
        bencher.counter(ItemsCount::new(MEMBERS)).bench_local(|| {
            for (socket, memory) in sockets.iter_mut().zip(&memories) {
                memory.refill(Vec::new());
                let frame = ::fastwebsockets::Frame::binary(Payload::Borrowed(&payload));
                socket.write_frame(frame).now_or_never().expect("no wait").expect("room");
            }
        });
    }
}

/// From a browser's request to the 101.
#[divan::bench_group]
mod opening_handshake {
    use super::*;
    use ::sockhop::http::{HeadScanner, Request, Upgrade};

    const REQUEST: &str = "GET /chat?room=7 HTTP/1.1\r\nHost: example.com\r\nConnection: keep-alive, Upgrade\r\n\
        Pragma: no-cache\r\nCache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) \
        Gecko/20100101 Firefox/140.0\r\nUpgrade: websocket\r\nOrigin: https://example.com\r\n\
        Sec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n\
        Cookie: session=0123456789abcdef0123456789abcdef\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    #[divan::bench]
    fn sockhop(bencher: Bencher) {
        let mut output = Vec::new();
        bencher.bench_local(|| {
            output.clear();
            let head = black_box(REQUEST.as_bytes());
            let len = HeadScanner::default().scan(head).expect("a good head").expect("a whole head");
            let request = Request::parse(&head[..len]).expect("a good request");
            let upgrade = Upgrade::from_request(&request).expect("a good handshake");
            Upgrade::encode_response(&upgrade.accept_key(), None, &[], &mut output);
            output.len()
        });
    }

    #[divan::bench]
    fn tungstenite(bencher: Bencher) {
        bencher
            .with_inputs(|| {
                let mut memory = Memory::default();
                memory.refill(REQUEST.into());
                memory
            })
            .bench_local_values(|memory| ::tungstenite::accept(black_box(memory)).is_ok());
    }
}
