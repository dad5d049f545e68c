use std::time::Duration;

use super::*;
use crate::apps::{APPS, BROADCAST, CHAT, ECHO, GREET, PONG, RELAY};
use crate::testing::{Client, Received, Stage};

/// Three clients of a recipe, whose clock stands at noon.
fn stage(recipe: Recipe) -> (Stage<RecipeHandler>, [Client; 3]) {
    let mut stage = Stage::new(RecipeHandler::with_clock(recipe, || "12:00:00".to_owned()));
    let clients = [(); 3].map(|()| stage.connect("/"));
    (stage, clients)
}

/// The messages that each of the three has received since the last call.
fn heard(stage: &mut Stage<RecipeHandler>, clients: [Client; 3]) -> [Vec<Received>; 3] {
    clients.map(|client| stage.received(client))
}

fn texts(texts: &[&str]) -> Vec<Received> {
    texts.iter().map(|text| Received::Text((*text).to_owned())).collect()
}

#[test]
fn each_app_sends_to_the_clients_its_recipe_names() {
    let cases: [(Recipe, &str, [&[&str]; 3]); 6] = [
        (ECHO, "x", [&["x"], &[], &[]]),
        (RELAY, "x", [&[], &["x"], &["x"]]),
        (BROADCAST, "x", [&["x"], &["x"], &["x"]]),
        (CHAT, "{}", [&[r#"{"time":"12:00:00"}"#]; 3]),
        (CHAT, "[]", [&[r#"{"error":"not a JSON object: send something like {\"text\":\"hello\"}"}"#], &[], &[]]),
        (GREET, "x", [&["Hi there", "Received: x"], &["Hi there"], &["Hi there"]]),
    ];
    for (recipe, message, expected) in cases {
        let (mut stage, clients) = stage(recipe.clone());
        stage.send(clients[0], message);
        assert_eq!(heard(&mut stage, clients), expected.map(texts), "{message} to {recipe:?}");
    }
}

#[test]
fn a_heartbeat_goes_back_to_its_sender_alone_whatever_the_recipe() {
    let delayed = Recipe { after: Duration::from_secs(1), ..BROADCAST };
    for recipe in [ECHO, RELAY, BROADCAST, CHAT, GREET, PONG, delayed] {
        let (mut stage, clients) = stage(recipe.clone());
        heard(&mut stage, clients);
        stage.send(clients[0], HEARTBEAT);
        stage.advance(Duration::from_secs(2));
        assert_eq!(heard(&mut stage, clients), [vec![HEARTBEAT], vec![], vec![]].map(|it| texts(&it)), "{recipe:?}");
        stage.send(clients[0], HEARTBEAT.as_bytes());
        assert_ne!(stage.received(clients[0]), texts(&[HEARTBEAT]), "bytes are a message like others: {recipe:?}");
    }
}

#[test]
fn bytes_stay_bytes() {
    for (recipe, expected) in [(ECHO, &b"\xff"[..]), (GREET, b"Received: \xff")] {
        let (mut stage, [client, ..]) = stage(recipe);
        stage.received(client);
        stage.send(client, [0xff]);
        assert_eq!(stage.received(client), [Received::Binary(expected.to_vec())]);
    }
}

#[test]
fn everyone_connected_then_gets_pong_a_second_after_each_ping() {
    let (mut stage, [sender, leaver, stayer]) = stage(PONG);
    stage.send(sender, "ping");
    stage.send(sender, "pong");
    stage.advance(Duration::from_millis(500));
    stage.send(stayer, "ping");
    stage.close(leaver, CloseFrame::normal(""));
    let joiner = stage.connect("/");
    stage.advance(Duration::from_millis(499));
    assert_eq!(stage.received(sender), texts(&[]));
    stage.advance(Duration::from_millis(1));
    for client in [sender, stayer, joiner] {
        assert_eq!(stage.received(client), texts(&["pong"]));
    }
    stage.vanish(stayer);
    stage.advance(Duration::from_millis(500));
    for client in [sender, joiner] {
        assert_eq!(stage.received(client), texts(&["pong"]), "also when the sender of the ping has left");
    }
    stage.advance(Duration::from_secs(10));
    for client in [sender, leaver, stayer, joiner] {
        assert_eq!(stage.received(client), texts(&[]), "once for each ping");
    }
}

#[test]
fn a_delayed_reply_keeps_its_message() {
    let after = Duration::from_secs(2);
    for (to, expected) in [
        (To::Sender, [&["a", "b"][..], &[], &[]]),
        (To::All, [&["a", "b"], &["a", "b"], &["a", "b"]]),
        (To::Others, [&[], &["a", "b"], &["a", "b"]]),
    ] {
        let (mut stage, clients) = stage(Recipe { after, to, ..ECHO });
        stage.send(clients[0], "a");
        stage.send(clients[0], "b");
        assert_eq!(heard(&mut stage, clients), [(); 3].map(|()| texts(&[])));
        stage.advance(after);
        assert_eq!(heard(&mut stage, clients), expected.map(texts), "{to:?}");
        assert_eq!((stage.handler().waiting.capacity(), stage.handler().waiting_bytes), (0, 0), "nothing is kept");
    }
}

#[test]
fn memory_for_delayed_replies_is_bounded_and_given_back() {
    let after = Duration::from_secs(2);
    let (mut stage, [greedy, other, _]) = stage(Recipe { after, ..ECHO });
    let message = vec![0; 1 << 20];
    for _ in 0..15 {
        stage.send(greedy, &message);
    }
    assert_eq!(stage.closed(greedy), None);
    stage.send(greedy, &message);
    assert_eq!(stage.closed(greedy).map(|frame| frame.code), Some(CloseCode::TRY_AGAIN_LATER));
    assert!(stage.handler().waiting_bytes <= MAX_WAITING);
    stage.advance(after);
    assert_eq!((stage.handler().waiting.capacity(), stage.handler().waiting_bytes), (0, 0), "its sender has left");
    stage.send(other, &message);
    stage.advance(after);
    assert_eq!(stage.received(other), [Received::Binary(message)]);
}

#[test]
fn a_refusal_is_not_delayed() {
    let (mut stage, [client, ..]) = stage(Recipe { after: Duration::from_secs(9), ..CHAT });
    stage.send(client, "nope");
    assert_eq!(stage.received(client).len(), 1);
}

#[test]
fn every_app_accepts_clients_with_and_without_subprotocols() {
    for app in APPS.iter() {
        let recipe = Recipe { subprotocols: vec!["v1".into()], ..app.recipe.clone() };
        let mut stage = Stage::new(RecipeHandler::new(recipe));
        for headers in [&[][..], &[("Sec-WebSocket-Protocol", "v1")], &[("Sec-WebSocket-Protocol", "other")]] {
            let client = stage.connect_with("/", headers);
            assert_eq!(stage.status(client), Some(101), "{} {headers:?}", app.name);
        }
    }
}

#[test]
fn time_zones_are_known_by_their_names() {
    if std::path::Path::new("/usr/share/zoneinfo/Europe/Berlin").exists() {
        assert!(jiff::tz::TimeZone::get("Europe/Berlin").is_ok(), "TZ=Europe/Berlin is how operators set it");
    }
}
