//! The counted cases: the workloads of `benches/peers`, without sockets.

use std::hint::black_box;

use sockhop::protocol::{Connection, Event, FrameHeader, Limits, Opcode, mask};
use sockhop::testing::{Client, Stage};
use sockhop::{Context, Handler, Hub, HubConfig, Message};

pub struct Case {
    pub name: &'static str,
    /// Rounds of the short run. The long run has three times as many.
    pub rounds: usize,
    /// Messages in a round: received ones, or deliveries of a broadcast, or opened connections.
    pub messages: usize,
    pub run: fn(rounds: usize),
}

pub const CASES: [Case; 14] = [
    Case { name: "parse-20", rounds: 4, messages: BUFFER / 26, run: |rounds| parse(Opcode::Binary, 20, rounds) },
    Case { name: "parse-text-1k", rounds: 4, messages: BUFFER / 1032, run: |rounds| parse(Opcode::Text, 1024, rounds) },
    Case { name: "echo-one", rounds: 500, messages: 1, run: |rounds| echo(1, 1, Opcode::Binary, 20, rounds) },
    Case { name: "echo-small", rounds: 20, messages: 64, run: |rounds| echo(64, 1, Opcode::Binary, 20, rounds) },
    Case { name: "echo-pipe16", rounds: 4, messages: 64 * 16, run: |rounds| echo(64, 16, Opcode::Binary, 64, rounds) },
    Case { name: "echo-text", rounds: 4, messages: 64 * 4, run: |rounds| echo(64, 4, Opcode::Text, 1024, rounds) },
    Case { name: "echo-4k", rounds: 4, messages: 64, run: |rounds| echo(64, 1, Opcode::Binary, 4096, rounds) },
    Case { name: "echo-1m", rounds: 1, messages: 4, run: |rounds| echo(4, 1, Opcode::Binary, 1 << 20, rounds) },
    Case { name: "bcast-1000", rounds: 4, messages: 1000, run: |rounds| broadcast(1000, 1, rounds) },
    Case { name: "bcast-1000-k8", rounds: 2, messages: 8 * 1000, run: |rounds| broadcast(1000, 8, rounds) },
    Case { name: "topics-1000", rounds: 2, messages: 1000, run: |rounds| publish(1000, 1, 1000, rounds) },
    Case { name: "topics-all-k16", rounds: 2, messages: 16 * 100, run: |rounds| publish(100, 100, 16, rounds) },
    Case { name: "connect", rounds: 100, messages: 1, run: connect },
    Case { name: "hub-post", rounds: 100, messages: 1, run: post },
];

/// The size of the loop's receive buffer.
const BUFFER: usize = 64 * 1024;
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

struct Echo;

impl Handler for Echo {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.send(message);
    }
}

struct Room;

impl Handler for Room {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.broadcast(message);
    }
}

/// A text message subscribes to the topic that it names. A binary message begins with the name of its topic.
struct News;

impl Handler for News {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        match message {
            Message::Text(topic) => ctx.subscribe(topic),
            Message::Binary(bytes) => ctx.publish(std::str::from_utf8(&bytes[..4]).expect("a name"), message),
        }
    }
}

/// A full receive buffer goes through the codec alone.
fn parse(opcode: Opcode, len: usize, rounds: usize) {
    let frame = client_frame(opcode, len);
    let input = frame.repeat(BUFFER / frame.len());
    let mut connection = Connection::server(Limits::default());
    for _ in 0..rounds {
        let messages = counted_codec(&mut connection, &mut input.clone());
        assert_eq!(messages, BUFFER / frame.len());
    }
}

#[inline(never)]
fn counted_codec(connection: &mut Connection, mut input: &mut [u8]) -> usize {
    let (mut messages, mut output) = (0, Vec::new());
    while let Some(event) = connection.receive(&mut input, &mut output).expect("good frames") {
        messages += usize::from(matches!(black_box(event), Event::Message(_)));
    }
    messages
}

/// In each round, each client sends some messages at once and gets them back.
fn echo(clients: usize, messages: usize, opcode: Opcode, len: usize, rounds: usize) {
    let mut stage = Stage::new(Echo);
    let clients: Vec<Client> = (0..clients).map(|_| stage.connect("/")).collect();
    let frames = client_frame(opcode, len).repeat(messages);
    for _ in 0..rounds {
        for client in &clients {
            stage.queue(*client, &frames);
        }
        stage.run();
        for client in &clients {
            assert_eq!(stage.received(*client).len(), messages);
        }
    }
}

/// In each round, one client sends some messages at once and all clients get them.
fn broadcast(clients: usize, messages: usize, rounds: usize) {
    let mut stage = Stage::new(Room);
    let clients: Vec<Client> = (0..clients).map(|_| stage.connect("/")).collect();
    let frames = client_frame(Opcode::Binary, 128).repeat(messages);
    for _ in 0..rounds {
        stage.queue(clients[0], &frames);
        stage.run();
        for client in &clients {
            assert_eq!(stage.received(*client).len(), messages);
        }
    }
}

/// In each round, one client sends some messages at once, each to another topic. The other clients subscribe to one
/// topic each, or all of them to the first `each` topics.
fn publish(clients: usize, each: usize, messages: usize, rounds: usize) {
    let mut stage = Stage::new(News);
    let publisher = stage.connect("/");
    let clients: Vec<Client> = (0..clients).map(|_| stage.connect("/")).collect();
    for (at, client) in clients.iter().enumerate() {
        let topics = if each == 1 { at..at + 1 } else { 0..each };
        stage.queue(*client, &topics.flat_map(|topic| frame(Opcode::Text, &name(topic))).collect::<Vec<u8>>());
    }
    stage.run();
    let message = |topic| frame(Opcode::Binary, &[name(topic), vec![b'.'; 124]].concat());
    let frames: Vec<u8> = (0..messages).flat_map(message).collect();
    for _ in 0..rounds {
        stage.queue(publisher, &frames);
        stage.run();
        for client in &clients {
            assert_eq!(stage.received(*client).len(), if each == 1 { 1 } else { messages });
        }
    }
}

fn name(topic: usize) -> Vec<u8> {
    format!("{topic:04}").into_bytes()
}

/// In each round, one client connects and disconnects.
fn connect(rounds: usize) {
    let mut stage = Stage::new(Echo);
    for _ in 0..rounds {
        let client = stage.connect("/");
        assert_eq!(stage.status(client), Some(101));
        stage.vanish(client);
    }
}

/// In each round, a program publishes a message to a channel of a hub, over a connection that it keeps.
fn post(rounds: usize) {
    let mut stage = Stage::new(Hub::new(HubConfig::default()));
    let (headers, body) = ([("Content-Type", "text/plain")], [b'.'; 200]);
    let client = stage.request("POST", "/channel-1", &headers, Some(&body));
    for _ in 0..rounds {
        stage.request_again(client, "POST", "/channel-1", &headers, Some(&body));
        assert_eq!(stage.status(client), Some(202));
    }
}

fn client_frame(opcode: Opcode, len: usize) -> Vec<u8> {
    let text = "The quick brown fox jumps over the lazy dog. ".bytes();
    frame(opcode, &text.cycle().take(len).collect::<Vec<u8>>())
}

fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    FrameHeader { fin: true, rsv1: false, opcode, masking_key: Some(KEY), payload_len: payload.len() as u64 }
        .encode(&mut bytes);
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    mask(&mut bytes[start..], KEY, 0);
    bytes
}
