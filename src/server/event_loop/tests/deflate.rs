//! Compressed messages: negotiated, bounded, and each compressed once.

use super::*;
use crate::http::DeflateOffer;
use crate::protocol::testing::{Random, masked};
use crate::protocol::{self, Connection, Contexts, DeflateOptions, Deflater, Event, Extension, Limits};
use crate::server::{Accept, Deflate};

const PLAIN: &str = "permessage-deflate; client_max_window_bits";
type Role = protocol::Client<fn() -> [u8; 4]>;

mod ending;
mod memory;
mod random;
mod turns;

fn with(deflate: Deflate) -> Config {
    Config { deflate: Some(deflate), ..Config::default() }
}

fn text(number: usize) -> String {
    format!("{{\"number\":{number},\"text\":\"{}\"}}", "the same again and again, ".repeat(20))
}

/// A client that has agreed on compression.
struct Peer {
    client: Client,
    connection: Connection<Role>,
    deflater: Deflater,
    agreed: Extension,
}

impl Peer {
    fn open(bed: &mut Bed, offer: &str) -> Self {
        let head = request("/").replace("\r\n\r\n", &format!("\r\nSec-WebSocket-Extensions: {offer}\r\n\r\n"));
        let mut client = bed.connect(&head);
        bed.settle();
        let response = client.response().expect("a response");
        let answer = response.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
        let (server_context, client_context) = (protocol::ContextTakeover::Yes, protocol::ContextTakeover::Yes);
        let wish = DeflateOffer { server_context, client_context, ..DeflateOffer::default() };
        let agreed = wish.check_answer(answer).expect("an answer to the offer").expect(&response);
        let limits = Limits { max_message: 1 << 26, ..Limits::default() };
        let connection = Connection::client(limits, (|| [1, 2, 3, 4]) as fn() -> [u8; 4]).with_extension(agreed);
        Peer { client, connection, deflater: Deflater::client(agreed, DeflateOptions::default()), agreed }
    }

    fn send(&mut self, message: Message<'_>) {
        let mut bytes = Vec::new();
        self.connection.send_deflated(message, &mut self.deflater, &mut bytes).expect("it is open");
        self.client.write(&bytes);
    }

    /// The events that have come, printed, and how many bytes they took.
    fn events(&mut self) -> (Vec<String>, usize) {
        let mut bytes = std::mem::take(self.client.bytes());
        let (mut input, mut events) = (&mut bytes[..], Vec::new());
        let len = input.len();
        while let Some(event) = self.connection.receive(&mut input, &mut Vec::new()).expect("it keeps the rules") {
            events.push(match event {
                Event::Message(Message::Text(text)) => text.to_owned(),
                event => format!("{event:?}"),
            });
        }
        (events, len)
    }

    fn texts(&mut self) -> Vec<String> {
        self.events().0
    }
}

#[test]
fn it_is_negotiated_only_where_both_sides_want_it() {
    let offer = |line: &str| request("/").replace("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"));
    let extensions = "Sec-WebSocket-Extensions: permessage-deflate";
    for (deflate, line, expected) in [
        (None, extensions, "101 -"),
        (None, "Sec-WebSocket-Extensions: \"", "101 -"),
        (Some(Deflate::default()), "X: y", "101 -"),
        (Some(Deflate::default()), "Sec-WebSocket-Extensions: foo; bar=\"baz\"", "101 -"),
        (Some(Deflate::default()), extensions, "101 permessage-deflate; client_no_context_takeover"),
        (Some(Deflate::takeover()), extensions, "101 permessage-deflate"),
        (Some(Deflate::default()), "Sec-WebSocket-Extensions: \"", "400 -"),
    ] {
        let mut bed = Bed::with(Config { deflate, ..Config::default() }, App::echo());
        let mut client = bed.connect(&offer(line));
        bed.settle();
        let response = client.response().expect("a response");
        let answer = response.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
        assert_eq!(format!("{} {}", &response[9..12], answer.unwrap_or("-")), expected, "{line}");
    }
    // Where broadcasts may be skipped, none may refer to another.
    let mut bed = Bed::with(Config { slow: Slow::Latest, ..with(Deflate::takeover()) }, App::echo());
    let client = Peer::open(&mut bed, PLAIN).agreed;
    let protocol = bed.connection(0).websocket().and_then(|websocket| websocket.protocol.as_ref());
    let server = protocol.and_then(Connection::extension).expect("an extension");
    assert_eq!(server.server_context, protocol::ContextTakeover::No);
    assert_eq!((server.client_context, client.client_context), [protocol::ContextTakeover::Yes; 2].into());
}

#[test]
fn the_agreed_compression_is_logged() {
    for (offer, said) in [
        (PLAIN, "permessage-deflate; client_no_context_takeover"),
        (
            "permessage-deflate; server_max_window_bits=8",
            "no compression was offered, or none that the server supports",
        ),
    ] {
        let mut bed = Bed::with(with(Deflate::default()), App::echo());
        logs::listen(log::Level::Debug);
        bed.connect(&request("/").replace("\r\n\r\n", &format!("\r\nSec-WebSocket-Extensions: {offer}\r\n\r\n")));
        bed.settle();
        logs::assert_said(&["#0.0: ", said]);
    }
}

#[test]
fn messages_are_echoed_compressed_where_that_makes_them_shorter() {
    let mut random = Random::new(1);
    let noise: Vec<u8> = (0..50_000).map(|_| random.below(256) as u8).collect();
    for deflate in [Deflate::default(), Deflate::takeover()] {
        for offer in [PLAIN, "permessage-deflate; server_max_window_bits=9"] {
            let mut bed = Bed::with(with(deflate), App::echo());
            let mut peer = Peer::open(&mut bed, offer);
            let large = text(7).repeat(200);
            for said in [&text(1), "short", &text(2), &large, &text(3), &large] {
                peer.send(Message::Text(said));
                bed.settle();
                let (events, len) = peer.events();
                assert_eq!(events, [said]);
                assert!(said.len() < 256 || len < said.len() / 2, "{len} bytes for {}", said.len());
            }
            peer.send(Message::Binary(&noise));
            bed.settle();
            let (events, len) = peer.events();
            assert_eq!(events, [format!("Message(Binary({noise:?}))")]);
            assert_eq!(len, noise.len() + 4);
            let stats = bed.stats();
            assert_eq!((stats.get(Count::Deflated), stats.get(Count::Inflated)), (5, 5));
            assert!(stats.get(Count::DeflatedTo) < stats.get(Count::DeflatedFrom) / 2);
            assert!(stats.get(Count::InflatedFrom) < stats.get(Count::InflatedTo) / 2);
            assert_eq!(stats.get(Count::InflatedTo), stats.get(Count::DeflatedFrom));
        }
    }
}

#[test]
fn a_broadcast_is_compressed_once_for_each_window_and_others_get_it_plain() {
    let mut bed = Bed::with(with(Deflate::default()), App::broadcast());
    let mut plain = bed.open_many(3);
    let mut peers: Vec<_> = (0..20).map(|_| Peer::open(&mut bed, PLAIN)).collect();
    let mut small: Vec<_> =
        (0..5).map(|_| Peer::open(&mut bed, "permessage-deflate; server_max_window_bits=9")).collect();
    plain[0].text(&text(1));
    plain[1].text("short");
    bed.settle();
    assert_eq!(bed.stats().get(Count::Deflated), 2);
    for client in &mut plain {
        let mut texts = client.texts();
        texts.sort();
        assert_eq!(texts, ["short".to_owned(), text(1)]);
    }
    let mut bytes: Vec<Vec<u8>> = peers.iter_mut().map(|peer| peer.client.bytes().clone()).collect();
    bytes.dedup();
    assert_eq!(bytes.len(), 1, "the same bytes for all");
    for peer in peers.iter_mut().chain(&mut small) {
        let (texts, len) = peer.events();
        assert!(texts.contains(&text(1)) && texts.len() == 2 && len < 200, "{texts:?}");
    }
    // A turn with several posts, of which one is not for all.
    let mut said = 0;
    bed.server.lines.shared.env.stats = Default::default();
    for peer in &mut peers[..3] {
        said += 1;
        peer.send(Message::Text(&text(said)));
    }
    bed.settle();
    assert_eq!(bed.stats().get(Count::Deflated), 6);
    for peer in peers.iter_mut().chain(&mut small) {
        assert_eq!(peer.texts(), [text(1), text(2), text(3)]);
    }
}

#[test]
fn messages_to_one_and_to_all_arrive_in_order_in_every_mode() {
    for deflate in [Deflate::default(), Deflate::takeover()] {
        let app = App::new(|ctx, call| {
            if let Call::Message(message) = call {
                ctx.broadcast_others(format!("others {}", text(1)));
                ctx.send(format!("own {}", text(2)));
                ctx.broadcast(message);
                ctx.send(format!("last {}", text(3)));
                ctx.publish("topic", format!("topic {}", text(4)));
                ctx.subscribe("topic");
            }
        });
        let mut bed = Bed::with(with(deflate), app);
        let (mut first, mut second) = (Peer::open(&mut bed, PLAIN), Peer::open(&mut bed, PLAIN));
        let mut plain = bed.open();
        for round in 0..4 {
            let said = text(10 + round);
            first.send(Message::Text(&said));
            bed.settle();
            let mut expected = vec![format!("own {}", text(2)), said.clone(), format!("last {}", text(3))];
            if round > 0 {
                expected.push(format!("topic {}", text(4)));
            }
            assert_eq!(first.texts(), expected);
            assert_eq!(second.texts(), [format!("others {}", text(1)), said.clone()]);
            assert_eq!(plain.texts(), [format!("others {}", text(1)), said]);
        }
    }
}

#[test]
fn handles_send_compressed_too() {
    let mut bed = Bed::with(with(Deflate::default()), App::echo());
    let mut peer = Peer::open(&mut bed, PLAIN);
    let (id, handle) = (bed.ids()[0], bed.handle.clone());
    handle.send(id, text(1)).unwrap();
    handle.broadcast("/*", text(2)).unwrap();
    handle.send(id, text(3)).unwrap();
    bed.settle();
    let (texts, len) = peer.events();
    assert_eq!(texts, [text(1), text(2), text(3)]);
    assert!(len < 400);
}

#[test]
fn a_slow_peer_gets_whole_frames_and_then_its_close() {
    for deflate in [Deflate::default(), Deflate::takeover()] {
        for slow in [Slow::Close, Slow::Drop, Slow::Latest] {
            let config = Config { max_queue: 8 * 1024, high_water: 4096, low_water: 1024, slow, ..with(deflate) };
            let mut bed = Bed::with(config, App::broadcast());
            let (mut slow_peer, mut quick) = (Peer::open(&mut bed, PLAIN), Peer::open(&mut bed, PLAIN));
            let mut random = Random::new(2);
            slow_peer.client.limit(1000);
            let mut all = Vec::new();
            for _ in 0..200 {
                let said: String = (0..600).map(|_| char::from(random.pick(b"abcdefgh"))).collect();
                quick.send(Message::Text(&said));
                bed.settle();
                assert_eq!(quick.texts(), [&*said]);
                all.push(said);
            }
            slow_peer.client.unlimit();
            bed.settle();
            let mut texts = slow_peer.texts();
            if slow == Slow::Close {
                assert!(
                    texts.pop().is_some_and(|last| last.starts_with("Close(Some(CloseFrame { code: CloseCode(1013)"))
                );
            } else {
                assert_eq!(texts.last() == all.last(), slow == Slow::Latest);
            }
            // Some are missing, and those that came are as they were, in order.
            assert!(texts.len() < all.len() && !texts.is_empty());
            let mut rest = all.iter();
            assert!(texts.iter().all(|text| rest.any(|other| other == text)), "{slow:?}");
        }
    }
}

/// A bomb of 1,000,000 bytes: they are within the limit.
fn large() -> String {
    "x".repeat(1_000_000)
}

#[test]
fn a_message_is_inflated_over_several_turns_and_others_are_served_between() {
    let mut bed = Bed::with(with(Deflate::default()), App::new(|_, _| {}));
    let mut peer = Peer::open(&mut bed, PLAIN);
    let bystander = bed.open();
    peer.send(Message::Text(&large()));
    peer.send(Message::Text("after"));
    bystander.text("now");
    bed.turn();
    assert_eq!(bed.log().iter().filter(|line| line.starts_with("message")).count(), 1, "the bystander's");
    let mut turns = 1;
    while bed.log().is_empty() {
        bed.turn();
        turns += 1;
    }
    assert_eq!(turns, 4, "256 KiB in each");
    assert!(bed.settle() <= 1);
    let inflated = bed.stats().get(Count::InflatedTo);
    assert_eq!(inflated, 1_000_000);
    // The handler waits for nobody: what is left when the peer has ended its side still comes.
    peer.send(Message::Text(&large()));
    peer.client.finish();
    bed.settle();
    assert_eq!(bed.stats().get(Count::InflatedTo), 2_000_000);
}

#[test]
fn a_message_beyond_the_limit_when_inflated_is_1009_and_bad_data_1007() {
    let hello = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    let (mut compressed, mut contexts) =
        (Deflater::new(protocol::ContextTakeover::No, 15, DeflateOptions::default()), 0);
    let bomb = compressed.deflate(Message::Binary(&vec![0; 2_000_000])).expect("it gets shorter").to_vec();
    for (first, payload, code) in [
        (0xC2, &bomb[..], 1009),
        (0xC1, b"\xFF\xFF", 1007),
        (0xC1, &hello[..4], 1007),
        (0xC9, b"", 1002),
        (0x90, b"", 1002),
    ] {
        let mut bed = Bed::with(with(Deflate::default()), App::echo());
        let mut peer = Peer::open(&mut bed, PLAIN);
        let mut other = Peer::open(&mut bed, PLAIN);
        peer.client.frame(first, payload);
        bed.settle();
        let frames = peer.client.frames();
        assert!(matches!(&frames[..], [Frame::Close(found, _)] if *found == code), "{frames:?}");
        contexts += bed.stats().get(Count::InflateErrors);
        other.client.frame(0xC1, &hello);
        bed.settle();
        assert_eq!(other.texts(), ["Hello"], "nothing of the other's is left in what they share");
        peer.client.finish();
        bed.settle();
        assert_eq!(bed.memory(), 0);
    }
    assert_eq!(contexts, 2);
}

#[test]
fn the_answer_of_a_handler_that_decides_later_has_what_was_agreed() {
    let app = App::echo().accepting(|ctx, _| {
        ctx.handle().settle(ctx.deferred(), Accept::yes()).expect("room in the queue");
        Accept::Later
    });
    let mut bed = Bed::with(with(Deflate::default()), app);
    let mut peer = Peer::open(&mut bed, PLAIN);
    peer.send(Message::Text(&text(1)));
    bed.settle();
    assert_eq!(peer.texts(), [text(1)]);
    assert_eq!(peer.agreed.client_context, protocol::ContextTakeover::No);
}
