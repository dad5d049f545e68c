//! Plain HTTP: requests on kept connections, and their answers.

mod bodies;
mod later;

use std::sync::{Arc, Mutex};

use super::*;
use crate::http::tests::smuggling::cases;
use crate::http::{Body, Response, ResponseParser};
use crate::server::Answer;

/// An app that answers with method, path and body.
fn mirror() -> App {
    App::echo().answering(|_, request, body| {
        let body = String::from_utf8_lossy(body);
        Answer::Now(Response::text(200, format!("{} {} [{body}]", request.method(), request.path())))
    })
}

/// The status, and the body, of each answer so far.
fn answers(client: &mut Client) -> Vec<(u16, String)> {
    let bytes = std::mem::take(client.bytes());
    let mut input = &bytes[..];
    let mut parser = ResponseParser::new(usize::MAX);
    let mut answers = Vec::new();
    while !input.is_empty() {
        let response = parser.receive(&mut input, Body::Include).expect("an answer by the rules");
        let response = response.expect("a whole answer");
        answers.push((response.status, String::from_utf8(response.body).expect("UTF-8")));
    }
    answers
}

fn ok(body: &str) -> (u16, String) {
    (200, body.to_owned())
}

#[test]
fn requests_on_one_connection_are_answered_one_after_the_other() {
    let mut bed = Bed::new(mirror());
    let mut client = bed.connect("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    bed.settle();
    assert_eq!(answers(&mut client), [ok("GET /a []")]);
    assert_eq!((bed.memory(), bed.connection(0).output.len()), (0, 0), "an idle connection holds nothing");
    // Pipelined ones too, in their order, with bodies of both kinds between them.
    client.write(
        b"POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /c HTTP/1.1\r\nHost: h\r\n\r\n\
          PUT /d HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n1\r\nz\r\n0\r\n\r\n\
          GET /e HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /never HTTP/1.1\r\nHost: h\r\n\r\n",
    );
    bed.settle();
    let all = ["POST /b [abc]", "GET /c []", "PUT /d [xyz]", "GET /e []"].map(ok);
    assert_eq!(answers(&mut client), all);
    assert!(client.is_ended());
    assert_eq!(bed.stats().get(Count::Accepted), 1);
}

#[test]
fn however_requests_are_split_the_answers_are_the_same() {
    let stream = b"POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /c HTTP/1.1\r\nHost: h\r\n\r\n\
                   PUT /d HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n";
    for cut in 0..stream.len() {
        let mut bed = Bed::new(mirror());
        let mut client = bed.connect("");
        client.write(&stream[..cut]);
        bed.settle();
        client.write(&stream[cut..]);
        bed.settle();
        let all = ["POST /b [abc]", "GET /c []", "PUT /d [xy]"].map(ok);
        assert_eq!(answers(&mut client), all, "cut at {cut}");
    }
    let mut bed = Bed::new(mirror());
    let mut client = bed.connect("");
    for byte in stream {
        client.write(&[*byte]);
        bed.settle();
    }
    assert_eq!(answers(&mut client).len(), 3);
}

const CHUNKED: &str = "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n";

#[test]
fn a_body_behind_more_requests_than_a_turn_handles_is_read_in_the_next_one() {
    for before in 250..260 {
        let mut bed = Bed::new(mirror());
        let mut client = bed.connect(&format!("{}{CHUNKED}", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n".repeat(before)));
        bed.settle();
        let all = answers(&mut client);
        assert_eq!((all.len(), all.last()), (before + 1, Some(&ok("POST /b [xy]"))), "behind {before}");
    }
}

#[test]
fn a_body_that_comes_while_a_deferred_answer_waits_for_the_peer_is_read_afterwards() {
    let deferred = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&deferred);
    let app = App::echo().answering(move |ctx, request, body| match request.path() {
        "/later" => {
            *noted.lock().unwrap() = Some(ctx.deferred());
            Answer::Later
        }
        _ => Answer::Now(Response::new(200).body(body.to_vec())),
    });
    let mut bed = Bed::with(Config { high_water: 2000, low_water: 500, ..Config::default() }, app);
    let mut client = bed.connect(&format!("GET /later HTTP/1.1\r\nHost: h\r\n\r\n{CHUNKED}"));
    client.limit(0);
    bed.settle();
    let to = deferred.lock().unwrap().take().expect("a request that was put off");
    bed.handle.answer(to, Response::text(200, "a".repeat(5000))).expect("room for a command");
    bed.settle();
    client.unlimit();
    bed.settle();
    assert_eq!(answers(&mut client), [ok(&"a".repeat(5000)), ok("xy")]);
}

#[test]
fn behind_each_malformed_request_nothing_is_read_as_a_request() {
    let second = b"GET /second HTTP/1.1\r\nHost: h\r\n\r\n";
    for case in cases() {
        let app = App::echo().answering(|_, request, body| match request.path() {
            "/second" => Answer::Now(Response::text(299, "second")),
            _ => Answer::Now(Response::new(200).body(body.to_vec())),
        });
        let mut bed = Bed::new(app);
        let mut client = bed.connect("");
        client.write(&case.bytes);
        client.write(second);
        bed.settle();
        let text = case.bytes.escape_ascii().to_string();
        let text = &text[..text.len().min(300)];
        let bytes = client.bytes().clone();
        if case.status == 200 {
            let all = answers(&mut client);
            assert_eq!(all.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [200, 299], "{text}");
            assert_eq!(all[0].1, case.body, "{text}");
        } else {
            let head = format!("HTTP/1.1 {} ", case.status);
            assert!(bytes.starts_with(head.as_bytes()), "{text}: {}", bytes.escape_ascii());
            assert_eq!(bytes.windows(15).filter(|window| window == b"Content-Length:").count(), 1, "{text}");
            assert!(bytes.windows(17).any(|window| window == b"Connection: close"), "{text}");
            assert!(client.is_ended(), "{text}");
        }
    }
}

#[test]
fn an_idle_connection_is_closed_without_a_word_after_its_time_and_a_later_head_has_ten_seconds() {
    let mut bed = Bed::new(mirror());
    let mut client = bed.connect("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    bed.pass(Duration::from_secs(59));
    assert!(!client.is_ended());
    answers(&mut client);
    client.write(b"GET / HT");
    bed.pass(Duration::from_secs(9));
    assert!(!client.is_ended());
    client.write(b"TP/1.1\r\nHost: h\r\n\r\n");
    bed.settle();
    assert_eq!(answers(&mut client).len(), 1);
    client.write(b"GET / HT");
    bed.pass(Duration::from_secs(11));
    assert_eq!(answers(&mut client)[0].0, 408);
    let mut client = bed.connect("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    bed.pass(Duration::from_secs(61));
    assert_eq!(answers(&mut client), [ok("GET / []")]);
    assert!(client.is_gone() && !client.is_reset());
    bed.assert_empty();
}

#[test]
fn a_connection_carries_so_many_requests_and_the_last_answer_says_so() {
    let config = Config { max_requests: 3, ..Config::default() };
    let mut bed = Bed::with(config, mirror());
    let mut client = bed.connect(&"GET / HTTP/1.1\r\nHost: h\r\n\r\n".repeat(5));
    bed.settle();
    let bytes = client.bytes().clone();
    let closes = bytes.windows(17).filter(|window| window == b"Connection: close").count();
    assert_eq!((answers(&mut client).len(), closes), (3, 1));
    let mut bed = Bed::with(Config { keep_alive: None, ..Config::default() }, mirror());
    let mut client = bed.connect("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    bed.settle();
    assert!(client.is_ended() && answers(&mut client).len() == 1);
}

#[test]
fn a_handler_that_panics_on_a_request_costs_that_request() {
    let app = App::echo().answering(|_, _, _| std::panic::resume_unwind(Box::new("oh")));
    let mut bed = Bed::new(app);
    let (mut client, _other) = (bed.connect("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), bed.open());
    bed.settle();
    assert_eq!(answers(&mut client)[0].0, 500);
    assert_eq!((bed.stats().get(Count::Panics), bed.connections()), (1, 2));
}

#[test]
fn a_value_that_was_attached_for_a_request_lasts_until_its_answer() {
    let app = App::echo().answering(|ctx, _, _| {
        let before = ctx.attached::<u32>().copied();
        ctx.attach(7_u32);
        Answer::Now(Response::text(200, format!("{before:?}")))
    });
    let mut bed = Bed::new(app);
    let mut client = bed.connect(&"GET / HTTP/1.1\r\nHost: h\r\n\r\n".repeat(2));
    bed.settle();
    assert_eq!(answers(&mut client), [ok("None"), ok("None")]);
    assert!(bed.connection(0).extra().is_none());
}

#[test]
fn a_websocket_may_open_on_a_connection_that_was_answered_before() {
    let mut bed = Bed::new(mirror());
    let mut client = bed.connect("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    bed.settle();
    answers(&mut client);
    client.write(&[request("/").as_bytes(), &masked(0x81, b"hello")].concat());
    bed.settle();
    assert!(client.response().is_some_and(|response| response.starts_with("HTTP/1.1 101")));
    assert_eq!(client.texts(), ["hello"]);
}

#[test]
fn when_the_server_is_full_an_idle_connection_makes_room_and_answers_in_flight_end_theirs() {
    let mut bed = Bed::with(Config { max_connections: 2, ..Config::default() }, mirror());
    let _open = bed.open();
    let mut idle = bed.connect("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    bed.settle();
    let bytes = idle.bytes().clone();
    assert!(bytes.windows(17).any(|window| window == b"Connection: close"), "the server is full");
    drop(idle);
    let mut bed = Bed::with(Config { max_connections: 3, ..Config::default() }, mirror());
    let _open = bed.open();
    let idle = bed.connect("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    bed.settle();
    let _more = bed.open();
    let last = bed.open();
    assert!(idle.is_gone() && !last.is_ended(), "the idle one went first");
    let mut refused = bed.connect(&request("/"));
    bed.settle();
    assert!(refused.response().is_some_and(|response| response.starts_with("HTTP/1.1 503")));
}

#[test]
fn a_client_that_ends_its_side_behind_its_request_still_gets_its_answer() {
    let mut bed = Bed::new(mirror());
    let mut client = bed.connect("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
    client.limit(10);
    client.finish();
    bed.settle();
    client.unlimit();
    bed.settle();
    assert_eq!(answers(&mut client), [ok("POST / [hi]")]);
    bed.assert_empty();
    let client = bed.connect("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nh");
    client.finish();
    bed.settle();
    assert!(client.is_gone(), "its request never becomes whole");
    bed.assert_empty();
}

#[test]
fn pipelined_requests_of_one_connection_do_not_keep_another_waiting() {
    let mut bed = Bed::new(mirror());
    let mut flood = bed.connect(&"GET /x HTTP/1.1\r\nHost: h\r\n\r\n".repeat(900));
    let mut other = bed.connect("GET /y HTTP/1.1\r\nHost: h\r\n\r\n");
    let mut turns = 0;
    while other.bytes().is_empty() {
        bed.turn();
        turns += 1;
    }
    assert!(turns <= 3, "{turns} turns");
    bed.settle();
    assert_eq!(answers(&mut flood).len(), 900);
}

#[test]
fn a_transport_that_buffers_on_its_own_side_loses_nothing() {
    for piece in [1, 7, 1000] {
        let mut bed = Bed::new(mirror());
        bed.server.poller.buffer(Some(piece));
        let mut client = bed.connect("");
        let body = "b".repeat(3000);
        let post = format!("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3000\r\n\r\n{body}");
        client.write(post.as_bytes());
        client.write(&[request("/").as_bytes(), &masked(0x82, &[9; 5000]), &masked(0x81, b"last")].concat());
        bed.settle();
        let bytes = client.bytes();
        let end = bytes
            .windows(4)
            .position(|it| it == b"HTTP")
            .map(|_| ())
            .and_then(|()| bytes.windows(12).position(|it| it == b"HTTP/1.1 101"));
        let end = end.expect("an upgrade behind the answer");
        let first: Vec<u8> = bytes.drain(..end).collect();
        assert!(first.ends_with(format!("POST /a [{body}]").as_bytes()));
        assert!(client.response().is_some());
        assert_eq!(client.frames(), [Frame::Binary(vec![9; 5000]), Frame::Text("last".into())], "in pieces of {piece}");
        client.finish();
        bed.settle();
        assert!(client.is_gone(), "the end was read, too");
        bed.assert_empty();
    }
}
