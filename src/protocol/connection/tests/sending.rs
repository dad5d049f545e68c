//! Frames that we send, and a client and a server exchanging them.

use super::*;
use crate::protocol::{DEFLATE_AVAILABLE, DeflateOptions};

#[test]
fn a_server_sends_unmasked_and_a_client_masked_frames() {
    let (text, bytes) = ("Hello", vec![7; 70_000]);
    let (mut from_server, mut from_client) = (Vec::new(), Vec::new());
    let (mut server, mut client) = (server(), client());
    for message in [Text(text), Binary(&bytes), Text("")] {
        server.send(message, &mut from_server).expect("open");
        client.send(message, &mut from_client).expect("open");
    }
    server.ping(b"?", &mut from_server).expect("open");
    client.pong(b"!", &mut from_client).expect("open");
    let sent = |frame: fn(u8, &[u8]) -> Vec<u8>, control| {
        [frame(0x81, b"Hello"), frame(0x82, &bytes), frame(0x81, b""), control].concat()
    };
    assert!(from_server == sent(unmasked, unmasked(0x89, b"?")));
    assert!(from_client == sent(masked, masked(0x8A, b"!")));
}

#[test]
fn each_frame_of_a_client_has_a_fresh_masking_key() {
    let mut next = 0;
    let mut client = Connection::client(Limits::default(), || {
        next += 1;
        [next; 4]
    });
    let mut output = Vec::new();
    client.send(Text("x"), &mut output).expect("open");
    client.ping(b"", &mut output).expect("open");
    client.close(None, &mut output).expect("no code");
    assert_eq!(
        output,
        [b"\x81\x81\x01\x01\x01\x01", &[b'x' ^ 1][..], b"\x89\x80\x02\x02\x02\x02\x88\x80\x03\x03\x03\x03"].concat()
    );
}

#[test]
fn sends_nothing_after_a_close() {
    let mut output = Vec::new();
    let (mut closing, mut closed) = (server(), server());
    closing.close(None, &mut output).expect("no code");
    closed.receive(&mut &mut masked(0x88, b"")[..], &mut output).expect("a close");
    output.clear();
    for mut server in [closing, closed] {
        assert_eq!(server.send(Text("x"), &mut output), Err(NotOpen));
        assert_eq!(server.ping(b"x", &mut output), Err(ControlError::NotOpen));
        assert_eq!(server.pong(b"x", &mut output), Err(ControlError::NotOpen));
        assert_eq!(server.close(None, &mut output), Ok(()));
        assert!(output.is_empty());
    }
}

#[test]
fn refuses_to_send_a_control_payload_over_125_bytes() {
    let mut server = server();
    let mut output = Vec::new();
    assert_eq!(server.ping(&[b'x'; 126], &mut output), Err(ControlError::TooLong));
    assert_eq!(server.pong(&[b'x'; 126], &mut output), Err(ControlError::TooLong));
    assert!(output.is_empty());
    assert_eq!(server.ping(&[b'x'; 125], &mut output), Ok(()));
    assert_eq!(output, unmasked(0x89, &[b'x'; 125]));
}

#[test]
fn a_server_receives_every_message_that_a_client_sends() {
    let texts = ["", "x", "Grüße 🎈"]
        .map(str::to_owned)
        .into_iter()
        .chain([125, 126, 65_535, 65_536].map(|len| "x".repeat(len)));
    let texts: Vec<String> = texts.collect();
    let mut stream = Vec::new();
    let mut events = Vec::new();
    let mut client_end = client();
    for text in &texts {
        client_end.send(Text(text), &mut stream).expect("open");
        client_end.send(Binary(text.as_bytes()), &mut stream).expect("open");
        events.extend([M(Text(text)), M(Binary(text.as_bytes()))]);
    }
    client_end.close(Some(&CloseFrame::normal("bye")), &mut stream).expect("1000 may be sent");
    events.push(Event::Close(Some(CloseFrame::normal("bye"))));
    check(server, &stream, &Outcome::new(&events, b"\x88\x05\x03\xE8bye", Ok(State::Closed)));
    // The server's answer closes the client's end, too.
    let mut answer = *b"\x88\x02\x03\xE8";
    let event = client_end.receive(&mut &mut answer[..], &mut stream);
    assert_eq!(event, Ok(Some(Event::Close(Some(CloseFrame::normal(""))))));
    assert_eq!(client_end.state(), State::Closed);
}

#[test]
fn compresses_and_inflates_only_in_a_build_that_can() {
    let extension = Extension::default();
    let mut server = server().with_extension(extension);
    assert_eq!(server.extension(), DEFLATE_AVAILABLE.then_some(extension));
    let mut deflater = Deflater::server(extension, DeflateOptions::default());
    let text = "again ".repeat(50);
    let mut output = Vec::new();
    server.send_deflated(Text(&text), &mut deflater, &mut output).expect("open");
    assert_eq!(output == unmasked(0x81, text.as_bytes()), !DEFLATE_AVAILABLE);
    // RFC 7692 7.2.3.1: "Hello".
    let mut frame = masked(0xC1, &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]);
    let event = server.receive(&mut &mut frame[..], &mut output);
    let expected = if DEFLATE_AVAILABLE { Ok(Some(M(Text("Hello")))) } else { Err(ProtocolError::ReservedBits) };
    assert_eq!(event, expected);
}
