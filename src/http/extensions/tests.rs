use super::*;
use crate::http::Request;

const FULL: Extension = Extension {
    server_context: ContextTakeover::Yes,
    client_context: ContextTakeover::Yes,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};
const TAKEOVER: DeflateOffer = DeflateOffer {
    server_context: ContextTakeover::Yes,
    client_context: ContextTakeover::Yes,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};
const SMALL: DeflateOffer = DeflateOffer { server_max_window_bits: 10, client_max_window_bits: 9, ..TAKEOVER };

/// The server's header value in answer to the client's, or `-` for none.
fn answer(server: DeflateOffer, offers: &str) -> String {
    match server.answer(offers) {
        Ok(Some(agreed)) => agreed.to_string(),
        Ok(None) => "-".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn accepts_the_first_acceptable_offer() {
    let none = "permessage-deflate; client_no_context_takeover";
    let default = DeflateOffer::default();
    for (server, offers, expected) in [
        (default, "permessage-deflate", none),
        (default, "permessage-deflate; client_max_window_bits", none),
        (default, "permessage-deflate; client_max_window_bits=10", &format!("{none}; client_max_window_bits=10")),
        (default, "permessage-deflate; client_max_window_bits=\"10\"", &format!("{none}; client_max_window_bits=10")),
        (default, "permessage-deflate; client_max_window_bits=8", &format!("{none}; client_max_window_bits=8")),
        (default, "permessage-deflate; server_max_window_bits=9", &format!("{none}; server_max_window_bits=9")),
        (default, "permessage-deflate; server_max_window_bits=15", &format!("{none}; server_max_window_bits=15")),
        (TAKEOVER, "permessage-deflate", "permessage-deflate"),
        (TAKEOVER, "permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover"),
        (TAKEOVER, "permessage-deflate; client_no_context_takeover", "permessage-deflate; client_no_context_takeover"),
        (SMALL, "permessage-deflate", "permessage-deflate"),
        (
            SMALL,
            "permessage-deflate; client_max_window_bits; server_max_window_bits=12",
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9",
        ),
        (
            SMALL,
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=8",
        ),
        // An unacceptable offer and an unknown extension are skipped.
        (TAKEOVER, "permessage-deflate; server_max_window_bits=8, permessage-deflate", "permessage-deflate"),
        (TAKEOVER, "x-webkit-deflate-frame, permessage-deflate; dict=2, permessage-deflate", "permessage-deflate"),
        (
            TAKEOVER,
            "permessage-deflate; client_no_context_takeover, permessage-deflate",
            "permessage-deflate; client_no_context_takeover",
        ),
        (TAKEOVER, "x-webkit-deflate-frame", "-"),
        (TAKEOVER, "permessage-bzip2; server_max_window_bits=3", "-"),
        (TAKEOVER, "Permessage-Deflate", "-"),
    ] {
        let expected = if DEFLATE_AVAILABLE { expected } else { "-" };
        assert_eq!(answer(server, offers), expected, "{offers}");
    }
}

/// The value of a parameter in an answer, `-` where it is not there.
fn said<'a>(answer: &'a str, name: &str) -> &'a str {
    let found = answer.split("; ").find_map(|param| param.strip_prefix(name));
    found.map_or("-", |value| value.strip_prefix('=').unwrap_or(value))
}

#[test]
fn each_value_of_each_parameter_is_answered_as_the_client_may_expect() {
    if !DEFLATE_AVAILABLE {
        return;
    }
    let default = DeflateOffer::default();
    let narrow = DeflateOffer { server_max_window_bits: 12, client_max_window_bits: 11, ..TAKEOVER };
    for server in [default, TAKEOVER, narrow] {
        // Nothing about the server's own compression is said that was not offered.
        for (offer, client_context) in
            [("", server.client_context), ("; client_no_context_takeover", ContextTakeover::No)]
        {
            let text = answer(server, &format!("permessage-deflate{offer}"));
            assert_eq!(said(&text, SERVER_NO_CONTEXT_TAKEOVER), "-", "{text}");
            assert_eq!(said(&text, SERVER_MAX_WINDOW_BITS), "-", "{text}");
            let expected = if client_context == ContextTakeover::No { "" } else { "-" };
            assert_eq!(said(&text, CLIENT_NO_CONTEXT_TAKEOVER), expected, "{text}");
        }
        let text = answer(server, "permessage-deflate; server_no_context_takeover");
        assert_eq!(said(&text, SERVER_NO_CONTEXT_TAKEOVER), "", "{text}");
        for bits in 8..=15_u8 {
            let text = answer(server, &format!("permessage-deflate; server_max_window_bits={bits}"));
            let expected = bits.min(server.server_max_window_bits).to_string();
            match bits {
                // zlib cannot compress with 8.
                8 => assert_eq!(text, "-"),
                // 7.1.2.1: accepted by including it, 15 as well.
                _ => assert_eq!(said(&text, SERVER_MAX_WINDOW_BITS), expected, "{text}"),
            }
            let text = answer(server, &format!("permessage-deflate; client_max_window_bits={bits}"));
            let expected = match bits.min(server.client_max_window_bits) {
                15 => "-".to_owned(),
                bits => bits.to_string(),
            };
            assert_eq!(said(&text, CLIENT_MAX_WINDOW_BITS), expected, "{text}");
        }
    }
}

#[test]
fn declines_offers_with_invalid_parameters() {
    for params in [
        "server_max_window_bits",
        "server_max_window_bits=8",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=08",
        "server_max_window_bits=010",
        "server_max_window_bits=9.0",
        "server_max_window_bits=+9",
        "server_max_window_bits=0x9",
        "server_max_window_bits=1e1",
        "server_max_window_bits=10; server_max_window_bits=10",
        "server_max_window_bits=\"08\"",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=09",
        "client_max_window_bits=255",
        "client_max_window_bits=264",
        "client_max_window_bits=-9",
        "client_max_window_bits; client_max_window_bits",
        "client_max_window_bits=10; client_max_window_bits",
        "server_no_context_takeover=true",
        "server_no_context_takeover=\"1\"",
        "client_no_context_takeover=0",
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover; client_no_context_takeover",
        "mystery",
        "mystery=1",
        "Server_No_Context_Takeover",
        "client_max_window_bit=10",
    ] {
        assert_eq!(answer(TAKEOVER, &format!("permessage-deflate; {params}")), "-", "{params}");
    }
}

fn negotiate(lines: &[&str]) -> Result<Option<Extension>, RequestError> {
    let extensions: String = lines.iter().map(|line| format!("Sec-WebSocket-Extensions:{line}\r\n")).collect();
    let head = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extensions}\r\n"
    );
    let request = Request::parse(head.as_bytes())?;
    Ok(Upgrade::from_request(&request)?.negotiate_deflate(&TAKEOVER)?.map(|answer| answer.extension))
}

#[test]
fn reads_several_lines_as_one_list_and_refuses_a_malformed_list_with_400() {
    let malformed = Err(RequestError::Extensions);
    let small = Extension { server_max_window_bits: 12, ..FULL };
    let cases: &[(&[&str], _)] = &[
        (&[], Ok(None)),
        (&["permessage-deflate"], Ok(Some(FULL))),
        (&["foo", "permessage-deflate;server_max_window_bits=12", "permessage-deflate"], Ok(Some(small))),
        (&["permessage-deflate;server_max_window_bits=8", "", "permessage-deflate"], Ok(Some(FULL))),
        (&[""], malformed),
        (&[",", " "], malformed),
        (&["permessage-deflate", "foo bar"], malformed),
        (&["permessage-deflate;"], malformed),
        (&["foo=bar", "permessage-deflate"], malformed),
    ];
    for (lines, expected) in cases {
        // A build that cannot compress declines without reading the header.
        let expected = if DEFLATE_AVAILABLE { *expected } else { Ok(None) };
        assert_eq!(negotiate(lines), expected, "{lines:?}");
    }
    assert_eq!(RequestError::Extensions.status(), 400);
}

#[test]
fn writes_the_answer_into_the_response() {
    let answer = Some(DeflateAnswer { extension: FULL, says_server_context: false, says_server_bits: false });
    let mut output = Vec::new();
    Upgrade::encode_response_with(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", Some("chat"), answer, &[], &mut output);
    let response = String::from_utf8(output).unwrap();
    let expected = "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    assert!(response.ends_with(expected), "{response}");
    let mut plain = Vec::new();
    Upgrade::encode_response_with(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", Some("chat"), None, &[], &mut plain);
    assert!(!String::from_utf8(plain).unwrap().contains("Extensions"));
}

#[test]
fn a_client_makes_an_offer_and_accepts_a_fitting_answer() {
    let none = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits";
    assert_eq!(DeflateOffer::default().offer_value(), none);
    assert_eq!(TAKEOVER.offer_value(), "permessage-deflate; client_max_window_bits");
    let small = "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9";
    assert_eq!(SMALL.offer_value(), small);
    for (client, lines, expected) in [
        (TAKEOVER, &[][..], None),
        (TAKEOVER, &["permessage-deflate"], Some(FULL)),
        (TAKEOVER, &["", "permessage-deflate"], Some(FULL)),
        (
            TAKEOVER,
            &["permessage-deflate; server_no_context_takeover; client_max_window_bits=10; server_max_window_bits=8"],
            Some(Extension {
                server_context: ContextTakeover::No,
                client_max_window_bits: 10,
                server_max_window_bits: 8,
                ..FULL
            }),
        ),
        (
            TAKEOVER,
            &["permessage-deflate; client_no_context_takeover"],
            Some(Extension { client_context: ContextTakeover::No, ..FULL }),
        ),
        (
            SMALL,
            &["permessage-deflate; server_max_window_bits=9"],
            Some(Extension { server_max_window_bits: 9, client_max_window_bits: 9, ..FULL }),
        ),
    ] {
        assert_eq!(client.check_answer(lines.iter().copied()), Ok(expected), "{lines:?}");
    }
}

#[test]
fn a_client_refuses_an_answer_that_does_not_fit_its_offer() {
    let none = DeflateOffer::default();
    for (client, lines, expected) in [
        (TAKEOVER, &["permessage-foo"][..], ExtensionError::NotOffered),
        (TAKEOVER, &["permessage-deflate, permessage-deflate"], ExtensionError::NotOffered),
        (TAKEOVER, &["permessage-deflate", "permessage-deflate"], ExtensionError::NotOffered),
        (TAKEOVER, &["permessage-deflate;"], ExtensionError::Malformed),
        (TAKEOVER, &[""], ExtensionError::Malformed),
        (TAKEOVER, &["permessage-deflate; mystery"], ExtensionError::Parameters),
        (TAKEOVER, &["permessage-deflate; client_max_window_bits"], ExtensionError::Parameters),
        (TAKEOVER, &["permessage-deflate; client_max_window_bits=8"], ExtensionError::Parameters),
        (TAKEOVER, &["permessage-deflate; server_max_window_bits=16"], ExtensionError::Parameters),
        (SMALL, &["permessage-deflate; server_max_window_bits=11"], ExtensionError::Parameters),
        (SMALL, &["permessage-deflate"], ExtensionError::Parameters),
        (
            SMALL,
            &["permessage-deflate; server_max_window_bits=10; client_max_window_bits=10"],
            ExtensionError::Parameters,
        ),
        (none, &["permessage-deflate"], ExtensionError::Parameters),
    ] {
        assert_eq!(client.check_answer(lines.iter().copied()), Err(expected), "{lines:?}");
    }
}

#[test]
fn a_client_and_a_server_with_the_same_wish_agree_on_it() {
    for wish in [DeflateOffer::default(), TAKEOVER, SMALL] {
        let agreed = wish.answer(&wish.offer_value()).unwrap();
        assert_eq!(agreed.is_some(), DEFLATE_AVAILABLE);
        if let Some(agreed) = agreed {
            assert_eq!(wish.check_answer([&*agreed.to_string()]), Ok(Some(agreed.extension)));
        }
    }
}
