use super::*;

/// The command, or the status and the beginning of the reason.
fn parse(text: &str) -> String {
    match Command::parse(text) {
        Ok(Command::Subscribe { channels, since }) => format!("+{channels:?} {since:?}"),
        Ok(Command::Unsubscribe { channels }) => format!("-{channels:?}"),
        Ok(Command::Publish(Publish { channel, data, keep, reference })) => {
            format!("{channel} {data:?} {keep} {:?}", reference.map(|reference| reference.get().to_owned()))
        }
        Err(Invalid { status, reason, reference }) => {
            format!("{status} {reason} {:?}", reference.map(|reference| reference.get().to_owned()))
        }
    }
}

const NO_OBJECT: &str = "400 a command is a JSON object, such as {\"subscribe\":[\"/orders/42\"]} None";
const NOT_ONE: &str = "400 a command has one of the members subscribe, unsubscribe and publish";
const NO_LIST: &str = "400 channels are a list of strings, such as [\"/orders/42\"]";
const NO_REF: &str = "400 a ref is a number or a string of at most 64 bytes None";
const NO_DATA: &str = "400 a message has one of the members data and base64 None";
const NO_BASE64: &str = "400 base64 is a string of RFC 4648 base64, with padding None";

#[test]
fn reads_commands() {
    for (text, expected) in [
        (r#"{"subscribe":["/a"]}"#, r#"+["/a"] None"#),
        (r#" { "since" : "e-1" , "subscribe" : [ "/\u0061", "/b" ] } "#, r#"+["/a", "/b"] Some("e-1")"#),
        (r#"{"subscribe":["/a"],"since":null}"#, r#"+["/a"] None"#),
        (r#"{"subscribe":["/a"],"since":""}"#, r#"+["/a"] Some("")"#),
        (r#"{"subscribe":[]}"#, "+[] None"),
        (r#"{"subscribe":["/a"],"more":{"x":[1,{}]}}"#, r#"+["/a"] None"#),
        (r#"{"unsubscribe":["/a","/a"]}"#, r#"-["/a", "/a"]"#),
        (r#"{"unsubscribe":["/a"],"since":7}"#, r#"-["/a"]"#),
        (r#"{"publish":"/a","data":"x\ny"}"#, r#"/a Text("x\ny") true None"#),
        (r#"{"publish":"/a","data":""}"#, r#"/a Text("") true None"#),
        (r#"{"publish":"/a","data": { "n" : 1.0e2 } ,"ref":-1}"#, r#"/a Text("{ \"n\" : 1.0e2 }") true Some("-1")"#),
        (r#"{"publish":"/a","data":null,"ref":"\u0078"}"#, r#"/a Text("null") true Some("\"\\u0078\"")"#),
        (
            r#"{"publish":"/a","data":123456789012345678901234567890}"#,
            r#"/a Text("123456789012345678901234567890") true None"#,
        ),
        (r#"{"publish":"/a","base64":"AAE="}"#, "/a Binary([0, 1]) true None"),
        (r#"{"publish":"/a","base64":""}"#, "/a Binary([]) true None"),
        (r#"{"publish":"/a","data":1,"history":false}"#, r#"/a Text("1") false None"#),
        (r#"{"publish":"","data":1}"#, r#" Text("1") true None"#),
    ] {
        assert_eq!(parse(text), expected, "{text}");
    }
}

#[test]
fn says_what_is_wrong_with_others() {
    let deep = format!("{{\"subscribe\":{}{}}}", "[".repeat(200), "]".repeat(200));
    let many = format!("{{\"subscribe\":[{}\"/a\"]}}", "\"/a\",".repeat(64));
    let long_ref = format!("{{\"subscribe\":[],\"ref\":\"{}\"}}", "x".repeat(63));
    let long = format!("{{\"subscribe\":[\"{}\"]}}", "x".repeat(128 * 1024));
    let long_list = format!("{{\"unsubscribe\":[\"{}\"],\"x\":\"publish\",\"publish\":1}}", "x".repeat(128 * 1024));
    for (text, expected) in [
        ("", NO_OBJECT.to_owned()),
        ("hello", NO_OBJECT.to_owned()),
        ("[]", NO_OBJECT.to_owned()),
        ("1", NO_OBJECT.to_owned()),
        (r#"{"subscribe":["/a"]"#, NO_OBJECT.to_owned()),
        (r#"{"subscribe":["/a"]}{}"#, NO_OBJECT.to_owned()),
        (r#"{'subscribe':['/a']}"#, NO_OBJECT.to_owned()),
        (&deep, format!("{NO_LIST} None")),
        ("{}", format!("{NOT_ONE} None")),
        (r#"{"ticket":"eyJ"}"#, format!("{NOT_ONE} None")),
        (r#"{"Subscribe":["/a"],"ref":7}"#, format!("{NOT_ONE} Some(\"7\")")),
        (r#"{"subscribe":["/a"],"unsubscribe":["/b"]}"#, format!("{NOT_ONE} None")),
        (&long_list, format!("{NOT_ONE} None")),
        (r#"{"subscribe":"/a"}"#, format!("{NO_LIST} None")),
        (r#"{"subscribe":["/a",1],"ref":7}"#, format!("{NO_LIST} Some(\"7\")")),
        (r#"{"unsubscribe":null}"#, format!("{NO_LIST} None")),
        (r#"{"subscribe":["\ud800"]}"#, format!("{NO_LIST} None")),
        (&many, "400 a command names at most 64 channels None".to_owned()),
        (&long, "413 the command is longer than 128 KiB None".to_owned()),
        (r#"{"subscribe":["/a"],"since":7}"#, "400 since is a string, the id of a message None".to_owned()),
        (r#"{"subscribe":["/a"],"ref":{}}"#, NO_REF.to_owned()),
        (r#"{"subscribe":["/a"],"ref":null}"#, NO_REF.to_owned()),
        (&long_ref, NO_REF.to_owned()),
        (r#"{"publish":["/a"],"data":1,"ref":1}"#, "400 publish is a string, the channel Some(\"1\")".to_owned()),
        (r#"{"publish":"/a"}"#, NO_DATA.to_owned()),
        (r#"{"publish":"/a","data":1,"base64":""}"#, NO_DATA.to_owned()),
        (r#"{"publish":"/a","data":"\udc00"}"#, "400 data has half a surrogate pair None".to_owned()),
        (r#"{"publish":"/a","base64":"AAE"}"#, NO_BASE64.to_owned()),
        (r#"{"publish":"/a","base64":"A_8="}"#, NO_BASE64.to_owned()),
        (r#"{"publish":"/a","base64":[0]}"#, NO_BASE64.to_owned()),
        (r#"{"publish":"/a","data":1,"history":"no"}"#, "400 history is true or false None".to_owned()),
    ] {
        assert_eq!(parse(text), expected, "{}", text.get(..100).unwrap_or(text));
    }
}

#[test]
fn a_message_that_is_published_may_be_long() {
    let data = "x".repeat(1024 * 1024);
    let text = format!("{{\"publish\":\"/a\",\"data\":\"{data}\"}}");
    assert!(matches!(Command::parse(&text), Ok(Command::Publish(publish)) if publish.data == Data::Text(data.into())));
}
