//! Clients behind proxies: who they are, and how many each address may have.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use sockhop::http::Cidr;
use sockhop::{Config, Context, Handler, ProxyProtocol, Server};

use crate::common::{PATIENCE, TestServer, bind_with, raw};

/// Says who its client is.
struct Whoami;

impl Handler for Whoami {
    fn open(&mut self, ctx: &mut Context<'_>) {
        let peer = ctx.peer().to_string();
        ctx.send(peer);
    }
}

fn trusting(range: &str) -> Config {
    Config { trusted_proxies: vec![range.parse::<Cidr>().expect(range)], ..Config::default() }
}

fn serve(config: Config) -> TestServer {
    TestServer::run(bind_with(config).mount("/", Whoami))
}

/// An opening handshake whose client is named.
fn forwarded(client: &str) -> Vec<u8> {
    format!("{}X-Forwarded-For: {client}\r\n\r\n", raw::request("/")).into_bytes()
}

/// The name that the handler has for whoever sends these pieces.
fn name(mut stream: TcpStream, pieces: &[&[u8]]) -> String {
    for piece in pieces {
        stream.write_all(piece).unwrap();
    }
    raw::read_101(&mut stream);
    raw::read_text(&mut stream)
}

#[test]
fn x_forwarded_for_names_the_client_of_a_trusted_proxy_and_of_nobody_else() {
    let request = forwarded("198.51.100.1, 2001:db8::7");
    assert_eq!(name(serve(trusting("127.0.0.0/8")).tcp(), &[&request]), "[2001:db8::7]:0");
    let stream = serve(trusting("10.0.0.0/8"));
    let client = stream.tcp();
    let own = client.local_addr().unwrap().to_string();
    assert_eq!(name(client, &[&request]), own);
}

#[test]
fn a_proxy_on_a_unix_domain_socket_is_trusted_as_unix() {
    for (range, expected) in [("unix", "198.51.100.1:0"), ("127.0.0.1", "unix")] {
        let path = std::env::temp_dir().join(format!("sockhop-proxies-{}-{range}.sock", std::process::id()));
        let server = Server::new(trusting(range)).unwrap().listen(format!("unix:{}", path.display())).unwrap();
        let _server = TestServer::run(server.mount("/", Whoami));
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&forwarded("198.51.100.1")).unwrap();
        raw::read_101(&mut stream);
        assert_eq!(raw::read_text(&mut stream), expected);
    }
}

#[test]
fn proxy_headers_of_both_versions_name_the_client() {
    let server = serve(Config { proxy_protocol: ProxyProtocol::Required, ..trusting("127.0.0.1") });
    let request = forwarded("1.1.1.1");
    let line: &[u8] = b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n";
    let addresses = [198, 51, 100, 7, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb];
    let binary = [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", &addresses[..]].concat();
    for (header, expected) in [(line, "[2001:db8::7]:56324"), (&binary, "198.51.100.7:56324")] {
        assert_eq!(name(server.tcp(), &[header, &request]), expected);
        assert_eq!(name(server.tcp(), &[&[header, &request].concat()]), expected, "in one segment");
        assert_eq!(name(server.tcp(), &[&header[..9], &header[9..], &request]), expected, "in pieces");
    }
    // A client that comes without its proxy is not served, and hears nothing.
    let mut stream = server.tcp();
    stream.write_all(&request).unwrap();
    raw::wait_for_end(&mut stream);
}

#[test]
fn the_proxy_protocol_cannot_be_required_of_nobody() {
    let config = Config { proxy_protocol: ProxyProtocol::Required, ..Config::default() };
    let error = Server::new(config).expect_err("it names no proxy");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let expected = "Config::proxy_protocol is required, but Config::trusted_proxies names no proxy";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn an_address_with_connections_enough_gets_429_and_has_room_when_one_is_closed() {
    let server = serve(Config { max_connections_per_address: Some(2), ..trusting("127.0.0.2") });
    let request = format!("{}\r\n", raw::request("/"));
    for _ in 0..3 {
        let mut clients = [raw::open(server.addr(), "/"), raw::open(server.addr(), "/")];
        let answer = raw::exchange(&mut server.tcp(), request.as_bytes());
        assert_eq!((answer.status, answer.header("retry-after").as_str()), (429, "10"));
        answer.check_framing();
        for client in &mut clients {
            raw::read_text(client);
            client.write_all(&raw::close(1000, "")).unwrap();
            assert_eq!(raw::read_close(client).0, 1000);
            raw::wait_for_end(client);
        }
    }
}
