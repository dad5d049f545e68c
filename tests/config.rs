//! `Config` has the same public fields, of the same types, in a build with the feature `deflate` and in one without.

use std::io::ErrorKind;
use std::time::Duration;

use sockhop::http::{Cidr, HeadLimits, Origin, OriginPolicy, Request, Upgrade};
use sockhop::protocol::DEFLATE_AVAILABLE;
use sockhop::{
    CloseCode, Config, ContextTakeover, Deflate, DeflateOffer, DeflateOptions, Door, ProxyProtocol, Server, Shutdown,
    Slow,
};

/// Each field has its type here, so a type that depends on the build does not compile in one of them. Neither does a new
/// field without a line.
#[rustfmt::skip]
fn types(config: Config) {
    let Config {
        max_message, max_frames, head, max_body, keep_alive, max_requests, answer_timeout, handshake_timeout,
        ping_interval, pong_timeout, close_timeout, write_timeout, message_timeout, high_water, low_water, max_queue,
        max_connections, max_connections_per_address, max_memory, max_message_rate, slow, shutdown, max_timers,
        max_panics, origins, trusted_proxies, proxy_protocol, deflate, path_prefix,
    } = config;
    let _sizes: [usize; 8] =
        [max_message, max_body, high_water, low_water, max_queue, max_connections, max_memory, max_timers];
    let _spans: [Duration; 5] = [answer_timeout, handshake_timeout, pong_timeout, close_timeout, write_timeout];
    let _spans_or_never: [Option<Duration>; 3] = [keep_alive, ping_interval, message_timeout];
    let _counts: (u32, u16, u32) = (max_frames, max_requests, max_panics);
    let _counts_or_any: (Option<usize>, Option<u32>) = (max_connections_per_address, max_message_rate);
    let (HeadLimits { max_head, max_request_line }, OriginPolicy { allowed, any, local }) = (head, origins);
    let _head: [usize; 2] = [max_head, max_request_line];
    let _origins: (Vec<Origin>, [bool; 2]) = (allowed, [any, local]);
    let _proxies: (Vec<Cidr>, ProxyProtocol, String) = (trusted_proxies, proxy_protocol, path_prefix);
    let Shutdown { code, over, timeout } = shutdown;
    let _ends: (Slow, CloseCode, [Duration; 2]) = (slow, code, [over, timeout]);
    let Some(Deflate { terms, options }) = deflate else { return };
    let DeflateOptions { threshold, level } = options;
    let _options: (usize, u8) = (threshold, level);
    let DeflateOffer { server_context, client_context, server_max_window_bits, client_max_window_bits } = terms;
    let _contexts: [ContextTakeover; 2] = [server_context, client_context];
    let _window_bits: [u8; 2] = [server_max_window_bits, client_max_window_bits];
}

#[test]
fn a_build_without_compression_has_the_same_configuration_and_refuses_to_compress() {
    let config = Config { deflate: Some(Deflate::takeover()), ..Config::default() };
    types(config.clone());
    let refusal = Server::new(config).err().map(|error| (error.kind(), error.to_string()));
    let expected =
        (ErrorKind::InvalidInput, "Config::deflate needs the feature deflate, which this build lacks".into());
    assert_eq!(refusal, (!DEFLATE_AVAILABLE).then_some(expected));
}

#[test]
fn a_limit_that_nothing_keeps_within_or_that_is_never_reached_is_refused() {
    let default = Config::default;
    let head = |max_head, max_request_line| Config { head: HeadLimits { max_head, max_request_line }, ..default() };
    let cases = [
        (Config { max_message: 0, ..default() }, "Config::max_message must be more than 0"),
        (Config { max_connections_per_address: Some(0), ..default() }, "Config::max_connections_per_address must"),
        (Config { ping_interval: Some(Duration::ZERO), ..default() }, "Config::ping_interval must be more than 0"),
        (Config { write_timeout: Duration::ZERO, ..default() }, "Config::write_timeout must be more than 0"),
        (head(0, 4096), "Config::head.max_head (0) fits no request: the shortest has 135 bytes"),
        (head(8192, 13), "Config::head.max_request_line (13) fits no request: the shortest has 14 bytes"),
        (Config { low_water: 300_000, ..default() }, "Config::low_water (300000) is above Config::high_water (262144)"),
        (
            Config { high_water: 2 << 20, ..default() },
            "Config::high_water (2097152) is above Config::max_queue (1048576)",
        ),
        (
            Config { max_queue: 1 << 30, ..default() },
            "Config::max_queue (1073741824) is above Config::max_memory (268435456)",
        ),
        (
            Config { max_message: 20 << 30, ..default() },
            "Config::max_message (21474836480) is above Config::max_memory",
        ),
        (Config { max_body: 1 << 30, ..default() }, "Config::max_body (1073741824) is above Config::max_memory"),
        (head(1 << 30, 4096), "Config::head.max_head (1073741824) is above Config::max_memory"),
    ];
    for (config, expected) in cases {
        let error = Server::new(config).expect_err(expected);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    let off = Config {
        keep_alive: None,
        ping_interval: None,
        message_timeout: None,
        max_timers: 0,
        max_body: 0,
        ..default()
    };
    assert!(Server::new(off).is_ok());
    assert!(Server::new(head(135, 14)).is_ok());
}

/// The bounds of `Config::head` let this in, and nothing shorter is one.
#[test]
fn the_shortest_opening_handshake_is_let_in() {
    let head = "GET / HTTP/1.1\r\nHost:a\r\nUpgrade:websocket\r\nConnection:upgrade\r\nSec-WebSocket-Version:13\r\n\
        Sec-WebSocket-Key:dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    assert_eq!(head.len(), 135);
    let request = Request::parse(head.as_bytes()).expect("a request");
    assert!(Upgrade::from_request(&request).is_ok());
}

#[test]
fn a_door_that_requires_the_proxy_protocol_of_nobody_is_refused_where_it_is_given() {
    let door = || Door::new("127.0.0.1:0").proxy_protocol(ProxyProtocol::Required);
    let error = Server::bind("127.0.0.1:0").unwrap().listen(door()).err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("a door requires the PROXY protocol, but trusts no proxy"));
    let proxies: Vec<Cidr> = vec!["127.0.0.1".parse().unwrap()];
    assert!(Server::bind("127.0.0.1:0").unwrap().listen(door().trusted_proxies(proxies)).is_ok());
}
