//! Bodies of plain requests: their admission, length and rate.

use super::*;

#[test]
fn a_client_that_expects_100_continue_gets_it_when_it_is_admitted_and_uploads_nothing_when_it_is_not() {
    let app = mirror().admitting(|ctx, request| match request.path() {
        "/open" => Ok(ctx.max_body()),
        _ => Err(Response::text(401, "no\n")),
    });
    let mut bed = Bed::new(app);
    let head =
        |path: &str| format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    let mut client = bed.connect(&head("/open"));
    bed.settle();
    assert_eq!(std::mem::take(client.bytes()), crate::http::CONTINUE);
    client.write(b"hello");
    bed.settle();
    assert_eq!(answers(&mut client), [ok("POST /open [hello]")]);
    client.write(head("/shut").as_bytes());
    bed.settle();
    assert_eq!(answers(&mut client), [(401, "no\n".to_owned())]);
    assert!(client.is_ended(), "its unread body must not be taken for a request");
    let mut client = bed.connect("GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n");
    bed.settle();
    assert_eq!(answers(&mut client)[0].0, 417);
}

#[test]
fn a_body_over_its_limit_is_413_before_it_is_kept() {
    let config = Config { max_body: 10, ..Config::default() };
    let app = mirror().admitting(|ctx, request| Ok(if request.path() == "/big" { 20 } else { ctx.max_body() }));
    let mut bed = Bed::with(config, app);
    for (path, len, status) in [("/", 10, 200), ("/", 11, 413), ("/big", 20, 200), ("/big", 21, 413)] {
        let mut client = bed.connect(&format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n"));
        bed.settle();
        let early = client.bytes().starts_with(b"HTTP/1.1 413");
        assert_eq!(early, status == 413, "{path} {len}: the head is enough");
        client.write(&vec![b'x'; len]);
        bed.settle();
        assert_eq!(answers(&mut client)[0].0, status, "{path} {len}");
    }
    let mut client = bed.connect("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n");
    bed.settle();
    assert_eq!(client.bytes().len(), 0);
    client.write(b"3\r\n");
    bed.settle();
    assert_eq!(answers(&mut client)[0].0, 413, "as soon as it is certain");
}

#[test]
fn a_body_slower_than_1_kib_a_second_after_10_s_is_408_and_a_faster_one_is_not() {
    for (bytes_a_second, status) in [(900, 408), (1300, 200)] {
        let mut bed = Bed::new(mirror());
        let len = 20 * bytes_a_second;
        let mut client = bed.connect(&format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n"));
        for second in 0..20 {
            if client.is_ended() {
                assert!(second >= 10, "{second} s");
                break;
            }
            client.write(&vec![b'x'; bytes_a_second]);
            bed.pass(Duration::from_secs(1));
        }
        assert_eq!(answers(&mut client)[0].0, status, "{bytes_a_second} bytes a second");
    }
}

#[test]
fn a_refusal_of_head_has_no_body() {
    for (rest, status) in [
        ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
        ("Content-Length: 9999999\r\n\r\n", "413"),
        ("Expect: tea\r\n\r\n", "417"),
        ("a b: c\r\n\r\n", "400"),
        ("a: \0", "400"),
        ("Host: i\r\n\r\n", "400"),
        ("Upgrade: websocket\r\n\r\n", "405"),
        ("Transfer-Encoding: chunked\r\n\r\nx\r\n", "400"),
        ("Transfer-Encoding: chunked\r\n\r\n1\r\nxx", "400"),
        // They come too slowly.
        ("Content-Le", "408"),
        ("Content-Length: 2\r\n\r\na", "408"),
    ] {
        for method in ["HEAD", "POST"] {
            let mut bed = Bed::new(mirror());
            let mut client = bed.connect(&format!("{method} / HTTP/1.1\r\nHost: h\r\n{rest}"));
            bed.settle();
            if status == "408" {
                bed.pass(Duration::from_secs(12));
            }
            let answer = String::from_utf8_lossy(client.bytes()).into_owned();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {rest:?}: {answer}");
            assert_eq!(answer.ends_with("\r\n\r\n"), method == "HEAD", "{method} {rest:?}: {answer}");
            assert!(client.is_ended());
        }
    }
}
