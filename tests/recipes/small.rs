//! `echo`, `greet`, `relay`, `broadcast`.

use std::net::Shutdown;

use crate::binary::{everywhere, expect_silence, say, say_and_go};
use crate::common::{ClientMessage, noise, raw, read_text};

fn samples() -> [ClientMessage; 8] {
    [
        ClientMessage::text("hello"),
        ClientMessage::text(""),
        ClientMessage::text("€ 😀 \0 \u{feff}"),
        ClientMessage::binary(vec![]),
        ClientMessage::binary(b"hello".to_vec()),
        ClientMessage::binary(vec![0xff, 0xfe]),
        ClientMessage::text("long ".repeat(40_000)),
        ClientMessage::binary(noise(5, 1024 * 1024)),
    ]
}

#[test]
fn echo_answers_opcode_and_payload_as_they_came() {
    everywhere("echo", |server, path| {
        let mut client = server.connect(path);
        let mut other = server.connect(path);
        for message in samples() {
            client.send(message.clone()).unwrap();
            assert!(client.read().unwrap() == message);
        }
        expect_silence(&mut other);
    });
}

#[test]
fn greet_says_hi_and_then_what_it_has_received() {
    everywhere("greet", |server, path| {
        let mut client = server.connect(path);
        let mut other = server.connect(path);
        assert_eq!(read_text(&mut client), "Hi there");
        say(&mut client, "one €");
        say(&mut client, "");
        client.send(ClientMessage::binary(vec![0, 0xff])).unwrap();
        assert_eq!(read_text(&mut client), "Received: one €");
        assert_eq!(read_text(&mut client), "Received: ");
        assert_eq!(client.read().unwrap(), ClientMessage::binary(b"Received: \0\xff".to_vec()));
        assert_eq!(read_text(&mut other), "Hi there");
        expect_silence(&mut other);
    });
}

#[test]
fn greet_loses_nothing_when_a_client_says_something_and_goes_at_once() {
    let mut expected = Vec::new();
    for text in ["Hi there", "Received: first", "Received: second"] {
        expected.extend([0x81, text.len() as u8]);
        expected.extend(text.as_bytes());
    }
    everywhere("greet", |server, path| {
        let frames = [raw::text("first"), raw::text("second")].concat();
        // With a Close, which is answered, or by the end of its side of the stream.
        let closing = [&frames[..], &raw::close(1000, "")].concat();
        let got = say_and_go(server, path, &closing, |_| {});
        assert_eq!(got, [&expected[..], &[0x88, 2, 3, 232]].concat());
        let got = say_and_go(server, path, &frames, |stream| stream.shutdown(Shutdown::Write).unwrap());
        assert_eq!(got, expected);
    });
}

#[test]
fn relay_tells_everyone_else() {
    everywhere("relay", |server, path| {
        let mut clients = [(); 3].map(|()| server.connect(path));
        for sender in 0..clients.len() {
            for message in samples() {
                clients[sender].send(message.clone()).unwrap();
                for (i, client) in clients.iter_mut().enumerate() {
                    assert!(i == sender || client.read().unwrap() == message);
                }
            }
        }
        for client in &mut clients {
            expect_silence(client);
        }
    });
}

#[test]
fn broadcast_tells_everyone_its_sender_too() {
    everywhere("broadcast", |server, path| {
        let mut clients = [(); 3].map(|()| server.connect(path));
        for sender in 0..clients.len() {
            for message in samples() {
                clients[sender].send(message.clone()).unwrap();
                for client in &mut clients {
                    assert!(client.read().unwrap() == message);
                }
            }
        }
        for client in &mut clients {
            expect_silence(client);
        }
    });
}

#[test]
fn a_relayed_message_of_a_client_that_goes_at_once_arrives() {
    for name in ["relay", "broadcast"] {
        everywhere(name, |server, path| {
            let mut other = server.connect(path);
            let frames = [raw::text("I was here"), raw::close(1000, "")].concat();
            say_and_go(server, path, &frames, |_| {});
            assert_eq!(read_text(&mut other), "I was here");
            expect_silence(&mut other);
        });
    }
}

#[test]
fn apps_do_not_hear_each_other() {
    let server = crate::binary::Sockhop::all();
    let mut relay = server.connect("/relay");
    let mut broadcast = server.connect("/broadcast");
    say(&mut broadcast, "to my own");
    assert_eq!(read_text(&mut broadcast), "to my own");
    expect_silence(&mut relay);
}
