//! `pong`: a text message `ping` has everyone hear `pong`, who is connected one second later.

use std::thread;
use std::time::{Duration, Instant};

use crate::binary::{Sockhop, everywhere, expect_silence, say, say_and_go};
use crate::common::{Client, ClientMessage, raw, read_close, read_text};

/// The pong comes a second after the ping; the clocks of two processes may differ a little in how they count it.
const NOT_BEFORE: Duration = Duration::from_millis(900);

/// Reads a pong that answers what was said at `since`.
#[track_caller]
fn expect_pong(client: &mut Client, since: Instant) {
    assert_eq!(read_text(client), "pong");
    assert!(since.elapsed() >= NOT_BEFORE, "a pong after {:?}", since.elapsed());
}

#[test]
fn pong_reaches_everyone_who_is_there_a_second_later() {
    everywhere("pong", |server, path| {
        let mut sender = server.connect(path);
        let mut leaver = server.connect(path);
        let since = Instant::now();
        say(&mut sender, "ping");
        // Its answer says that the ping was handled before the others come and go.
        expect_silence(&mut sender);
        let mut joiner = server.connect(path);
        leaver.close(None).unwrap();
        assert_eq!(read_close(&mut leaver).0, 1005, "who left within the second hears nothing more");
        expect_pong(&mut sender, since);
        expect_pong(&mut joiner, since);
        let mut late = server.connect(path);
        for client in [&mut sender, &mut joiner, &mut late] {
            expect_silence(client);
        }
    });
}

#[test]
fn pong_is_said_once_for_each_ping_also_when_its_sender_has_left() {
    let server = Sockhop::app("pong");
    let mut stays = server.connect("/");
    let since = Instant::now();
    // Two pings of one who goes at once, with a Close or without, and one of somebody who stays.
    let pings = raw::text("ping").repeat(2);
    say_and_go(&server, "/", &[&pings[..], &raw::close(1000, "")].concat(), |_| {});
    say_and_go(&server, "/", &raw::text("ping"), |stream| stream.shutdown(std::net::Shutdown::Write).unwrap());
    say(&mut stays, "ping");
    for _ in 0..4 {
        expect_pong(&mut stays, since);
    }
    expect_silence(&mut stays);
}

#[test]
fn pings_of_several_clients_are_answered_to_all_in_all() {
    let server = Sockhop::app("pong");
    let since = Instant::now();
    let addr = server.addr;
    thread::scope(|scope| {
        let mut witness = server.connect("/");
        for _ in 0..5 {
            scope.spawn(move || {
                let mut client = crate::common::connect(addr, "/");
                for _ in 0..20 {
                    say(&mut client, "ping");
                }
                expect_pong(&mut client, since);
            });
        }
        for _ in 0..100 {
            expect_pong(&mut witness, since);
        }
        expect_silence(&mut witness);
    });
}

#[test]
fn only_the_text_ping_is_answered_by_pong() {
    let server = Sockhop::app("pong");
    let mut client = server.connect("/");
    for text in ["", "Ping", "PING", "ping ", " ping", "pingping", "pong", "\"ping\"", "ping\n"] {
        say(&mut client, text);
    }
    client.send(ClientMessage::binary(b"ping".to_vec())).unwrap();
    // The control frame, too, has an answer of its own kind.
    expect_silence(&mut client);
    let since = Instant::now();
    say(&mut client, "ping");
    expect_pong(&mut client, since);
    expect_silence(&mut client);
}
