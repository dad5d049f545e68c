//! `chat`: a JSON object goes to everyone, with the time of day.

use std::process::Command;

use serde_json::Value;

use crate::binary::{Sockhop, command, everywhere, expect_silence, say};
use crate::common::{ClientMessage, read_text};

/// Takes the stamp out of a message; what is left, parsed.
fn take_time(text: &str) -> (String, Value) {
    let mut value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let time = value.as_object_mut().and_then(|object| object.remove("time"));
    let Some(Value::String(time)) = time else { panic!("no time in {text}") };
    (time, value)
}

#[test]
fn chat_tells_everyone_with_the_time_and_all_else_byte_for_byte() {
    everywhere("chat", |server, path| {
        let mut clients = [(); 3].map(|()| server.connect(path));
        for (object, verbatim) in [
            (r#"{}"#, ""),
            (r#"{"name":"Ada","text":"hello"}"#, r#""name":"Ada","text":"hello""#),
            (
                r#"{"n":1.50e+02, "big":123456789012345678901234567890}"#,
                r#""n":1.50e+02, "big":123456789012345678901234567890"#,
            ),
            (
                r#"{"u":"\u00e9\/é😀", "nested" : {"time":"kept","a":[ 1 ,{}]}}"#,
                r#""u":"\u00e9\/é😀", "nested" : {"time":"kept","a":[ 1 ,{}]}"#,
            ),
            (" {\t\"b\" : null\n} ", "\"b\" : null"),
        ] {
            say(&mut clients[0], object);
            let heard = clients.each_mut().map(read_text);
            assert!(heard.iter().all(|text| *text == heard[0]), "{heard:?}");
            assert!(heard[0].contains(verbatim), "{} has changed in {}", verbatim, heard[0]);
            let (_, rest) = take_time(&heard[0]);
            assert_eq!(rest, serde_json::from_str::<Value>(object).unwrap());
        }
    });
}

#[test]
fn chat_replaces_a_time_of_the_client_s_own() {
    let server = Sockhop::app("chat");
    let mut client = server.connect("/");
    for object in [
        r#"{"time":"99:99:99","text":"x"}"#,
        r#"{"text":"x","time":{"a":["b"]}}"#,
        r#"{"text":"x","t\u0069me":1}"#,
        r#"{"time":null,"text":"x"}"#,
    ] {
        say(&mut client, object);
        let heard = read_text(&mut client);
        let (time, rest) = take_time(&heard);
        assert_eq!(rest, serde_json::json!({"text": "x"}), "{heard}");
        let digits: Vec<_> = time.split(':').map(|part| (part.len(), part.parse::<u8>().unwrap())).collect();
        let [(2, 0..24), (2, 0..60), (2, 0..60)] = digits[..] else { panic!("{time}") };
    }
}

#[test]
fn chat_s_time_is_the_local_one() {
    // Five and a half hours ahead of UTC; as POSIX writes it, with the sign the other way round.
    const ZONE: &str = "TST-05:30";
    let now = || {
        let output = Command::new("date").arg("+%H:%M:%S").env("TZ", ZONE).output().expect("date runs");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let server = Sockhop::run(command().args(["chat", "0"]).env("TZ", ZONE));
    let mut client = server.connect("/");
    let before = now();
    say(&mut client, "{}");
    let (time, _) = take_time(&read_text(&mut client));
    let after = now();
    // At midnight it is the other way round.
    let between = if before <= after { before <= time && time <= after } else { before <= time || time <= after };
    assert!(between, "{time} is not between {before} and {after}");
}

#[test]
fn chat_answers_what_is_no_object_to_its_sender_alone() {
    everywhere("chat", |server, path| {
        let (mut sender, mut other) = (server.connect(path), server.connect(path));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let mut bad = [
            "",
            "hello",
            "[1]",
            "\"text\"",
            "1",
            "null",
            "{",
            "{}}",
            "{} {}",
            r#"{"a":1,}"#,
            r#"{'a':1}"#,
            r#"{"a":01}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"b":1,"b":1}}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"time":1,"time":2}"#,
            &deep,
        ]
        .map(ClientMessage::text)
        .to_vec();
        bad.push(ClientMessage::binary(b"{}".to_vec()));
        for message in bad {
            sender.send(message.clone()).unwrap();
            let answer: Value = serde_json::from_str(&read_text(&mut sender)).unwrap();
            let object = answer.as_object().expect("an object");
            let error = object.get("error").and_then(Value::as_str);
            assert!(object.len() == 1 && error.is_some_and(|error| !error.is_empty()), "{message:?}: {answer}");
        }
        expect_silence(&mut other);
        say(&mut sender, r#"{"still":"here"}"#);
        assert_eq!(read_text(&mut sender), read_text(&mut other));
    });
}
