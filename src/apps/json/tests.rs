use super::*;

fn stamp(text: &str) -> Result<String, String> {
    Object::parse(text, "time").map(|object| object.with("time", "12:34:56")).map_err(|error| error.to_string())
}

#[test]
fn appends_the_stamp_and_keeps_every_other_byte() {
    let cases = [
        ("{}", r#"{"time":"12:34:56"}"#),
        (" { \r\n\t} \n", " {\"time\":\"12:34:56\" \r\n\t} \n"),
        (r#"{"a":1}"#, r#"{"a":1,"time":"12:34:56"}"#),
        (r#"{"a" : 1 }"#, r#"{"a" : 1,"time":"12:34:56" }"#),
        (r#"{"a":"}, \" ] {","b":[{"c":[]}]}"#, r#"{"a":"}, \" ] {","b":[{"c":[]}],"time":"12:34:56"}"#),
        (
            r#"{"n":1e400,"m":-0.10E+01,"k":123456789012345678901234567890}"#,
            r#"{"n":1e400,"m":-0.10E+01,"k":123456789012345678901234567890,"time":"12:34:56"}"#,
        ),
        (r#"{"a":"\/\u00e9é😀\ud83d\ude00\\"}"#, r#"{"a":"\/\u00e9é😀\ud83d\ude00\\","time":"12:34:56"}"#),
        (r#"{"":null,"Time":true,"time ":false}"#, r#"{"":null,"Time":true,"time ":false,"time":"12:34:56"}"#),
        (
            r#"{"a":{"time":1},"b":["time"],"c":"time"}"#,
            r#"{"a":{"time":1},"b":["time"],"c":"time","time":"12:34:56"}"#,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(stamp(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn replaces_a_stamp_of_the_sender_in_place() {
    let cases = [
        (r#"{"time":0}"#, r#"{"time":"12:34:56"}"#),
        (r#"{"time":"00:00:00","a":1}"#, r#"{"time":"12:34:56","a":1}"#),
        (r#"{ "a": 1, "time" : null , "b": 2 }"#, r#"{ "a": 1, "time" : "12:34:56" , "b": 2 }"#),
        (r#"{"time":{"time":[1,{"time":2}],"x":"}"},"b":2}"#, r#"{"time":"12:34:56","b":2}"#),
        (r#"{"time":[1, 2 ]}"#, r#"{"time":"12:34:56"}"#),
        ("{\"time\":\n-1.5e3\n}", "{\"time\":\n\"12:34:56\"\n}"),
        (r#"{"t\u0069me":"x"}"#, r#"{"t\u0069me":"12:34:56"}"#),
        (r#"{"\u0074\u0069\u006D\u0065":"x","a":[]}"#, r#"{"\u0074\u0069\u006D\u0065":"12:34:56","a":[]}"#),
    ];
    for (text, expected) in cases {
        assert_eq!(stamp(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn writes_keys_and_values_as_json_strings() {
    let object = Object::parse("{}", "say \"when\"").unwrap();
    assert_eq!(object.with("say \"when\"", "now\n\\"), r#"{"say \"when\"":"now\n\\"}"#);
    let object = Object::parse(r#"{"say \"when\"":1}"#, "say \"when\"").unwrap();
    assert_eq!(object.with("say \"when\"", "now"), r#"{"say \"when\"":"now"}"#);
}

#[test]
fn refuses_texts_that_are_not_json_objects() {
    let other = r#"not a JSON object: send something like {"text":"hello"}"#;
    let syntax = "not JSON: ";
    let twice = "an object has a key twice";
    let surrogate = "a string has half a surrogate pair, which is not a character";
    let cases = [
        ("", other),
        (" ", other),
        ("hello", other),
        ("[]", other),
        (r#"[{"a":1}]"#, other),
        ("\"{}\"", other),
        ("null", other),
        ("NaN", other),
        ("\u{feff}{}", other),
        ("\u{a0}{}", other),
        ("{", syntax),
        ("{}}", syntax),
        ("{} {}", syntax),
        (r#"{"a":1,}"#, syntax),
        ("{a:1}", syntax),
        ("{'a':1}", syntax),
        (r#"{"a":NaN}"#, syntax),
        (r#"{"a":01}"#, syntax),
        ("{\"a\":\"\n\"}", syntax),
        (r#"{"a":"\x"}"#, syntax),
        (r#"{"a":"\u00g0"}"#, syntax),
        (r#"{"a":1}/**/"#, syntax),
        ("{\"a\":1}\0", syntax),
        (r#"{"a":1,"a":1}"#, twice),
        (r#"{"a":1,"b":2,"\u0061":3}"#, twice),
        (r#"{"\n":1,"\u000a":2}"#, twice),
        (r#"{"time":1,"t\u0069me":2}"#, twice),
        (r#"{"a":[0,{"b":{"":1,"":2}}]}"#, twice),
        (r#"{"a":"\ud800"}"#, surrogate),
        (r#"{"a":["\udc00\ud800"]}"#, surrogate),
        (r#"{"\uD83D":1}"#, surrogate),
        (r#"{"a":"\ud83dx"}"#, surrogate),
    ];
    for (text, expected) in cases {
        let error = stamp(text).expect_err(text);
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn the_same_key_may_be_in_several_objects() {
    for text in [r#"{"a":{"a":{"a":1}}}"#, r#"{"a":[{"a":1},{"a":2}],"b":{"a":3}}"#, r#"{"a":"a","b":"a"}"#] {
        assert!(stamp(text).is_ok(), "{text}");
    }
}

#[test]
fn nesting_is_bounded() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let nested = |depth: usize| format!(r#"{{"a":{}0{}}}"#, open.repeat(depth - 1), close.repeat(depth - 1));
        let (deepest, too_deep, hostile) = (nested(MAX_DEPTH), nested(MAX_DEPTH + 1), nested(150_000));
        assert!(stamp(&deepest).is_ok(), "{open}");
        assert!(serde_json::from_str::<serde_json::Value>(&deepest).is_ok(), "a receiver with serde_json reads it");
        for text in [too_deep, hostile] {
            assert_eq!(stamp(&text), Err("objects and arrays are nested more than 127 deep".to_owned()), "{open}");
        }
    }
}

#[test]
fn handles_a_mebibyte_of_any_shape() {
    let members: Vec<_> = (0..70_000).map(|n| format!(r#""k{n}":{n}"#)).collect();
    let cases = [
        format!(r#"{{"a":"{}"}}"#, "x".repeat(1 << 20)),
        format!(r#"{{"a":"{}"}}"#, r"\u0061".repeat(1 << 17)),
        format!(r#"{{"a":[{}{{}}]}}"#, "{},".repeat(1 << 18)),
        format!("{{{}}}", members.join(",")),
    ];
    for text in cases {
        let expected = format!(r#"{},"time":"12:34:56"}}"#, &text[..text.len() - 1]);
        assert!(stamp(&text) == Ok(expected), "{}…", &text[..40]);
    }
    let twice = format!(r#"{{{},"k69999":0}}"#, members.join(","));
    assert!(stamp(&twice).is_err());
}

/// Every short text over the letters of JSON: nothing panics, and serde_json agrees on each verdict and result.
#[test]
fn agrees_with_serde_json_on_all_short_texts() {
    let letters = ['{', '}', '[', ']', ',', ':', '"', '\\', ' ', '0', 'a'];
    let mut texts = vec![String::from("{")];
    for _ in 0..6 {
        let grown = texts.iter().flat_map(|text| letters.iter().map(move |letter| format!("{text}{letter}")));
        texts = grown.collect::<Vec<_>>();
        for text in texts.iter().filter(|text| text.ends_with('}')) {
            let value = serde_json::from_str::<serde_json::Value>(text).ok();
            match (stamp(text), value) {
                (Ok(stamped), Some(mut value)) => {
                    value["time"] = "12:34:56".into();
                    assert_eq!(serde_json::from_str::<serde_json::Value>(&stamped).ok(), Some(value), "{text}");
                }
                (Err(error), value) => assert_eq!(error.contains("twice"), value.is_some(), "{text}: {error}"),
                (Ok(stamped), None) => panic!("{text} became {stamped}"),
            }
        }
    }
}
