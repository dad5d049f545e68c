//! Measures the codec, the opening handshake and a broadcast, without sockets: `cargo bench --bench codec`.
//!
//! Figures are per iteration, with the throughput beside them where bytes matter. `benches/peers` measures other codecs
//! in the same way.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use sockhop::http::{HeadScanner, OriginPolicy, Reach, Request, Upgrade, Via};
use sockhop::protocol::{Connection, Event, FrameHeader, Limits, Opcode, State, Utf8Validator, encode_frame, mask};
use sockhop::testing::Stage;
use sockhop::{Context, Handler, Message};

/// A chat line, the longest payload of a short header, a page of JSON, a large block.
const SIZES: [usize; 4] = [20, 125, 1024, 64 * 1024];
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn main() {
    divan::main();
}

/// A masked frame, as a client sends it.
fn client_frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let payload_len = payload.len() as u64;
    FrameHeader { fin: true, rsv1: false, opcode, masking_key: Some(KEY), payload_len }.encode(&mut bytes);
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    mask(&mut bytes[start..], KEY, 0);
    bytes
}

fn ascii(len: usize) -> String {
    "The quick brown fox jumps over the lazy dog. ".chars().cycle().take(len).collect()
}

/// Characters of one to four bytes, `len` bytes in all.
fn mixed(len: usize) -> String {
    let mut text = String::new();
    for c in "Grüße aus Köln: 5 € und viel 日本語 😀, ".chars().cycle() {
        if text.len() + c.len_utf8() > len {
            break;
        }
        text.push(c);
    }
    text.extend(std::iter::repeat_n('x', len - text.len()));
    text
}

/// Echoes all messages in `input`. Returns their number.
fn echo_all(connection: &mut Connection, mut input: &mut [u8], output: &mut Vec<u8>) -> usize {
    let mut messages = 0;
    output.clear();
    while let Some(event) = connection.receive(&mut input, output).expect("good frames") {
        let Event::Message(message) = event else { continue };
        messages += 1;
        encode_frame(message.opcode(), message.as_bytes(), output);
    }
    assert_eq!(connection.state(), State::Open);
    messages
}

/// One frame: parses, unmasks and checks it, and encodes the reply.
#[divan::bench_group]
mod echo {
    use super::*;

    #[divan::bench(args = SIZES)]
    fn binary(bencher: Bencher, size: usize) {
        one(bencher, client_frame(Opcode::Binary, &vec![7; size]), size);
    }

    #[divan::bench(args = SIZES)]
    fn text(bencher: Bencher, size: usize) {
        one(bencher, client_frame(Opcode::Text, ascii(size).as_bytes()), size);
    }

    /// A full receive buffer, as from a client that does not wait for answers.
    #[divan::bench(args = [20, 125, 1024])]
    fn receive_buffer_of(bencher: Bencher, size: usize) {
        let frame = client_frame(Opcode::Text, ascii(size).as_bytes());
        let input = frame.repeat(64 * 1024 / frame.len());
        let mut connection = Connection::server(Limits::default());
        let mut output = Vec::with_capacity(2 * input.len());
        bencher
            .counter(ItemsCount::new(64 * 1024 / frame.len()))
            .with_inputs(|| input.clone())
            .bench_local_refs(|input| echo_all(&mut connection, black_box(input), &mut output));
    }

    fn one(bencher: Bencher, frame: Vec<u8>, size: usize) {
        let mut connection = Connection::server(Limits::default());
        let mut output = Vec::with_capacity(2 * frame.len());
        bencher
            .counter(BytesCount::new(size))
            .with_inputs(|| frame.clone())
            .bench_local_refs(|input| echo_all(&mut connection, black_box(input), &mut output));
    }
}

/// Encodes an unmasked frame, as a server sends it.
#[divan::bench(args = SIZES)]
fn encode(bencher: Bencher, size: usize) {
    let (payload, mut output) = (ascii(size), Vec::new());
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        output.clear();
        encode_frame(Opcode::Text, black_box(payload.as_bytes()), &mut output);
    });
}

/// A broadcast of 128 bytes, through the whole loop and with the clients' reading, but without a system call.
#[divan::bench(args = [100, 1000, 5000])]
fn fan_out(bencher: Bencher, members: usize) {
    let mut stage = Stage::new(Room);
    let clients: Vec<_> = (0..members).map(|_| stage.connect("/")).collect();
    let payload = ascii(128);
    bencher.counter(ItemsCount::new(members)).bench_local(|| {
        stage.send(clients[0], &payload[..]);
        assert_eq!(clients.iter().map(|client| stage.received(*client).len()).sum::<usize>(), members);
    });
}

struct Room;

impl Handler for Room {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.broadcast(message);
    }
}

/// Unmasks a payload (RFC 6455 5.3).
#[divan::bench(args = SIZES)]
fn unmask(bencher: Bencher, size: usize) {
    let mut payload = vec![7; size];
    bencher.counter(BytesCount::new(size)).bench_local(|| mask(black_box(&mut payload), black_box(KEY), 0));
}

/// Validates a text (RFC 6455 8.1) in one piece.
#[divan::bench_group]
mod utf8 {
    use super::*;

    #[divan::bench(args = SIZES)]
    fn of_ascii(bencher: Bencher, size: usize) {
        validate(bencher, &ascii(size));
    }

    #[divan::bench(args = SIZES)]
    fn of_mixed(bencher: Bencher, size: usize) {
        validate(bencher, &mixed(size));
    }

    fn validate(bencher: Bencher, text: &str) {
        bencher.counter(BytesCount::of_str(text)).bench(|| {
            let mut validator = Utf8Validator::default();
            validator.push(black_box(text.as_bytes())).and_then(|()| validator.finish())
        });
    }
}

/// Finds the end of a browser's request head, parses and checks it, and encodes the 101.
#[divan::bench]
fn opening_handshake(bencher: Bencher) {
    let head = "GET /chat?room=7 HTTP/1.1\r\nHost: example.com\r\nConnection: keep-alive, Upgrade\r\n\
        Pragma: no-cache\r\nCache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) \
        Gecko/20100101 Firefox/140.0\r\nUpgrade: websocket\r\nOrigin: https://example.com\r\n\
        Sec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n\
        Cookie: session=0123456789abcdef0123456789abcdef\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    let origins = OriginPolicy::default();
    let mut output = Vec::new();
    bencher.counter(BytesCount::of_str(head)).bench_local(|| {
        output.clear();
        let head = black_box(head.as_bytes());
        let len = HeadScanner::default().scan(head).expect("a good head").expect("a whole head");
        let request = Request::parse(&head[..len]).expect("a good request");
        let upgrade = Upgrade::from_request(&request).expect("a good handshake");
        origins.check(&request, Via::Direct, Reach::Network).expect("a page of ours");
        Upgrade::encode_response(&upgrade.accept_key(), None, &[], &mut output);
        output.len()
    });
}

/// Encodes the frame of a broadcast, once for all receivers.
#[divan::bench(args = SIZES)]
fn encode_broadcast(bencher: Bencher, size: usize) {
    let text = ascii(size);
    let message = Message::Text(&text);
    let mut output = Vec::with_capacity(size + FrameHeader::MAX_LEN);
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        output.clear();
        encode_frame(message.opcode(), black_box(message.as_bytes()), &mut output);
        output.len()
    });
}
