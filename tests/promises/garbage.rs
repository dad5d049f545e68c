//! Lists that would be read for long by a parser that goes back.

use std::time::{Duration, Instant};

use crate::common::line::Way;
use crate::common::{Echo, raw};
use crate::expect_within;

over_each_way! {
    lists_of_7_kb_of_garbage_are_answered_soon: "looks at the clock: .ci/run promises",
}

fn lists_of_7_kb_of_garbage_are_answered_soon(way: Way) {
    let server = way.serve(Echo);
    let many: String = (0..1400).map(|n| format!("{n:x},")).collect();
    let garbage =
        ["a,", ",", " ,", "a;b=\"", "\t", "websocket/", "a; a=\"\\", "\"\\\""].map(|it| it.repeat(7000 / it.len()));
    let mut longest = Duration::ZERO;
    for value in garbage.iter().chain([&many]) {
        for name in [
            "Upgrade",
            "Connection",
            "Sec-WebSocket-Protocol",
            "Sec-WebSocket-Extensions",
            "Origin",
            "Cookie",
            "X-Forwarded-For",
            "X-Forwarded-Host",
        ] {
            let request = format!("{}{name}: {value}\r\n\r\n", raw::request("/").replacen(name, "X", 1));
            let mut stream = server.place().line();
            let start = Instant::now();
            std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
            let head = raw::read_head(&mut stream);
            longest = longest.max(start.elapsed());
            assert!(head.starts_with("HTTP/1.1 "), "{head}");
        }
    }
    expect_within(longest, Duration::from_millis(50));
}
