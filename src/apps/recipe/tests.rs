use super::*;
use crate::apps::{APPS, BROADCAST, CHAT, ECHO, GREET, PONG, RELAY};

fn answer<'a>(recipe: &'a Recipe, message: Message<'a>) -> Answer<'a> {
    recipe.answer(message, || "12:34:56".to_owned())
}

fn says<'a>(message: impl Into<Message<'a>>) -> Answer<'a> {
    Answer::Reply(Body::from(message.into()))
}

#[test]
fn each_app_answers_as_described() {
    use Message::{Binary, Text};
    let cases = [
        (ECHO, Text("ping"), says("ping")),
        (ECHO, Text(""), says("")),
        (ECHO, Binary(b"\xff\0"), says(b"\xff\0")),
        (RELAY, Text("x"), says("x")),
        (RELAY, Binary(b"x"), says(b"x")),
        (BROADCAST, Text("{}"), says("{}")),
        (BROADCAST, Binary(b""), says(b"")),
        (PONG, Text("ping"), says("pong")),
        (PONG, Text("Ping"), Answer::Nothing),
        (PONG, Text("ping "), Answer::Nothing),
        (PONG, Text(""), Answer::Nothing),
        (PONG, Binary(b"ping"), Answer::Nothing),
        (GREET, Text("é"), says("Received: é")),
        (GREET, Text(""), says("Received: ")),
        (GREET, Text("{message}"), says("Received: {message}")),
        (GREET, Binary(b"\xff"), says(b"Received: \xff")),
        (CHAT, Text(r#"{"a":1}"#), says(r#"{"a":1,"time":"12:34:56"}"#)),
        (CHAT, Text(r#"{"time":1, "a":[]}"#), says(r#"{"time":"12:34:56", "a":[]}"#)),
    ];
    for (recipe, message, expected) in cases {
        assert_eq!(answer(&recipe, message), expected, "{message:?} of {recipe:?}");
    }
}

#[test]
fn refuses_other_texts_with_an_error_in_json() {
    let cases = [
        (Message::Text("hello"), r#"{"error":"not a JSON object: send something like {\"text\":\"hello\"}"}"#),
        (Message::Text(r#"{"a":1,"a":2}"#), r#"{"error":"an object has a key twice"}"#),
        (Message::Binary(b"{}"), r#"{"error":"a binary message: send a JSON object as text"}"#),
    ];
    for (message, expected) in cases {
        assert_eq!(answer(&CHAT, message), Answer::Refusal(Body::Text(expected.into())));
    }
    let chat = CHAT;
    let Answer::Refusal(Body::Text(error)) = answer(&chat, Message::Text("{")) else { panic!("no refusal") };
    assert!(serde_json::from_str::<serde_json::Value>(&error).is_ok(), "{error}");
}

#[test]
fn asks_the_clock_only_for_a_stamp() {
    let never = || unreachable!("there is nothing to stamp");
    for recipe in [ECHO, PONG, GREET, Recipe { stamp: None, ..CHAT }] {
        let _ = recipe.answer(Message::Text("{}"), never);
    }
    let _ = CHAT.answer(Message::Text("[]"), never);
}

#[test]
fn fields_combine_freely() {
    let unstamped = Recipe { stamp: None, ..CHAT };
    assert_eq!(answer(&unstamped, Message::Text(" { } ")), says(" { } "));
    let elsewhere = Recipe { stamp: Some(Stamp { key: "at".into() }), ..CHAT };
    assert_eq!(answer(&elsewhere, Message::Text(r#"{"time":1}"#)), says(r#"{"time":1,"at":"12:34:56"}"#));
    let wrapped = Recipe { reply: Reply::parse("[{message},{message}]"), ..CHAT };
    let twice = r#"[{"time":"12:34:56"},{"time":"12:34:56"}]"#;
    assert_eq!(answer(&wrapped, Message::Text("{}")), says(twice));
    let bytes = Recipe { reply: Reply::parse("<{message}|{message}>"), ..ECHO };
    assert_eq!(answer(&bytes, Message::Binary(b"\xfe")), says(b"<\xfe|\xfe>"));
    let empty = Recipe { reply: Reply::parse(""), ..ECHO };
    assert_eq!(answer(&empty, Message::Binary(b"x")), says(""));
}

#[test]
fn reads_a_reply_from_one_line_of_text() {
    assert_eq!(Reply::parse("{message}"), Reply::Same);
    assert_eq!(Reply::parse("{message}!"), Reply::Template("{message}!".into()));
    assert_eq!(Reply::parse("{Message}"), Reply::Text("{Message}".into()));
}

#[test]
fn borrows_a_message_that_stays_as_it_is() {
    for recipe in [ECHO, RELAY, BROADCAST, Recipe { stamp: None, ..CHAT }] {
        assert!(matches!(answer(&recipe, Message::Text("{}")), Answer::Reply(Body::Text(Cow::Borrowed(_)))));
    }
}

#[test]
fn answers_the_example_of_each_app() {
    for app in APPS.iter() {
        assert!(matches!(answer(&app.recipe, Message::Text(&app.example)), Answer::Reply(_)), "{}", app.name);
    }
}
