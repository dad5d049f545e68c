//! `Config` has the same public fields, of the same types, in a build with the feature `deflate` and in one without.

use std::io::ErrorKind;
use std::time::Duration;

use sockhop::http::{Cidr, HeadLimits, Origin, OriginPolicy};
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
fn a_door_that_requires_the_proxy_protocol_of_nobody_is_refused_where_it_is_given() {
    let door = || Door::new("127.0.0.1:0").proxy_protocol(ProxyProtocol::Required);
    let error = Server::bind("127.0.0.1:0").unwrap().listen(door()).err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("a door requires the PROXY protocol, but trusts no proxy"));
    let proxies: Vec<Cidr> = vec!["127.0.0.1".parse().unwrap()];
    assert!(Server::bind("127.0.0.1:0").unwrap().listen(door().trusted_proxies(proxies)).is_ok());
}
