//! TLS over real sockets, with clients by rustls and tungstenite.

#[path = "../common/mod.rs"]
mod common;

mod attacks;
mod clients;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;

use sockhop::http::{Cidr, Response};
use sockhop::rustls::version::TLS13;
use sockhop::rustls::{ClientConnection, StreamOwned};
use sockhop::{Config, Context, Door, Handler, Message, ProxyProtocol, Server, Shutdown, Tls, TlsFiles, TlsPair};

use common::tls::{VERSIONS, Version, fixture, tls};
use common::{Client, ClientMessage, Echo, TestServer, connect, handshake, noise, raw, read_close, read_text, tcp};

type Secure = StreamOwned<ClientConnection, TcpStream>;

/// A server whose first door speaks TLS.
fn server(config: Config) -> Server {
    Server::new(config).unwrap().listen(Door::new("127.0.0.1:0").tls(tls())).unwrap()
}

/// TLS on a connection, before its handshake.
fn secure(stream: TcpStream, version: Version) -> Secure {
    let config = common::tls::builder(&[version]).with_no_client_auth();
    StreamOwned::new(common::tls::client(Arc::new(config)), stream)
}

fn open(addr: SocketAddr, version: Version) -> Client<Secure> {
    handshake(secure(tcp(addr), version), "wss://localhost/").unwrap().0
}

#[test]
fn messages_of_all_sizes_come_back() {
    let server = TestServer::run(server(Config::default()).mount("/", Echo));
    for version in VERSIONS {
        let mut client = open(server.addr(), version);
        for len in [0, 1, 125, 65_536, 300_000, 1_000_000] {
            let bytes = noise(7, len);
            client.send(ClientMessage::binary(bytes.clone())).unwrap();
            assert!(client.read().unwrap().into_data() == bytes, "{len} bytes");
        }
        client.close(None).unwrap();
        assert_eq!(read_close(&mut client).0, 1005);
        // The server says that this is all, so nothing can have been cut off.
        let mut rest = Vec::new();
        assert_eq!(client.get_mut().read_to_end(&mut rest).unwrap(), 0);
    }
}

/// Sends so much that no socket takes it at once.
struct Flood;

impl Handler for Flood {
    fn message(&mut self, ctx: &mut Context<'_>, _: Message<'_>) {
        for number in 0..200_u8 {
            ctx.send(vec![number; 40_000]);
        }
    }
}

#[test]
fn a_client_that_reads_late_gets_all_in_order() {
    let config = Config { max_queue: 16 << 20, max_memory: 64 << 20, ..Config::default() };
    let server = TestServer::run(server(config).mount("/", Flood));
    for version in VERSIONS {
        let mut client = open(server.addr(), version);
        client.send(ClientMessage::text("go")).unwrap();
        // The other connection is served while this one's socket is full.
        let mut other = open(server.addr(), version);
        other.send(ClientMessage::Ping("still here?".into())).unwrap();
        assert_eq!(other.read().unwrap(), ClientMessage::Pong("still here?".into()));
        for number in 0..200_u8 {
            let message = client.read().unwrap().into_data();
            assert!(message.len() == 40_000 && message.iter().all(|byte| *byte == number), "message {number}");
        }
    }
}

struct Shout;

impl Handler for Shout {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.broadcast(message);
    }
}

#[test]
fn plain_and_secure_clients_get_the_same_broadcasts() {
    let server = server(Config::default()).listen(Door::new("127.0.0.1:0")).unwrap().mount("/", Shout);
    let server = TestServer::run(server);
    let mut plain = connect(common::tcp_addr(&server.addrs[1]), "/");
    let mut secure: Vec<_> = (0..20).map(|at| open(server.addr(), VERSIONS[at % 2])).collect();
    plain.send(ClientMessage::text("to all")).unwrap();
    assert_eq!(read_text(&mut plain), "to all");
    for client in &mut secure {
        assert_eq!(read_text(client), "to all");
    }
}

#[test]
fn many_clients_shake_hands_at_once() {
    let server = TestServer::run(server(Config::default()).mount("/", Echo));
    let addr = server.addr();
    let threads: Vec<_> = (0..40)
        .map(|at| {
            thread::spawn(move || {
                let mut client = open(addr, VERSIONS[at % 2]);
                client.send(ClientMessage::text(format!("{at}"))).unwrap();
                assert_eq!(read_text(&mut client), format!("{at}"));
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("a client"));
}

#[test]
fn requests_are_answered_one_after_the_other_on_one_connection() {
    let server = server(Config::default()).route("POST", "/", |_, body| Response::text(200, body.len().to_string()));
    let server = TestServer::run(server);
    let mut stream = secure(tcp(server.addr()), &TLS13);
    for len in [0, 10, 100_000] {
        let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len}\r\n\r\n");
        stream.write_all(&[head.as_bytes(), &vec![b'x'; len]].concat()).unwrap();
        let expected = format!("\r\n\r\n{len}");
        let mut response = Vec::new();
        while !response.ends_with(expected.as_bytes()) {
            let mut bytes = [0; 1000];
            let read = stream.read(&mut bytes).unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&response));
            response.extend_from_slice(&bytes[..read]);
        }
        assert!(response.starts_with(b"HTTP/1.1 200 OK\r\n"));
    }
}

#[test]
fn clients_in_the_clear_are_told_where_to_go() {
    let server = TestServer::run(server(Config::default()).mount("/", Echo));
    let mut stream = tcp(server.addr());
    stream.write_all(b"GET /a HTTP/1.1\r\nHost: localhost:99\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 308 "), "{response}");
    assert!(response.contains("\r\nLocation: https://localhost:99/a\r\n"), "{response}");
    let (status, body) = common::refusal(handshake(tcp(server.addr()), "ws://localhost/"));
    assert_eq!((status, body.contains("wss://")), (400, true), "{body}");
}

#[test]
fn a_shutdown_is_told_by_a_close_and_by_the_end_of_tls() {
    let server = TestServer::run(server(Config::default()).mount("/", Echo));
    let mut client = open(server.addr(), &TLS13);
    server.handle.shutdown(Shutdown::default());
    assert_eq!(read_close(&mut client).0, 1001);
    let mut rest = Vec::new();
    assert_eq!(client.get_mut().read_to_end(&mut rest).unwrap(), 0);
    server.wait().unwrap();
}

#[test]
fn a_proxy_header_comes_before_tls() {
    /// Says who its client is.
    struct Whoami;
    impl Handler for Whoami {
        fn open(&mut self, ctx: &mut Context<'_>) {
            let peer = ctx.peer().to_string();
            ctx.send(peer);
        }
    }
    let trusted_proxies = vec!["127.0.0.1".parse::<Cidr>().unwrap()];
    let config = Config { trusted_proxies, proxy_protocol: ProxyProtocol::Required, ..Config::default() };
    let server = TestServer::run(server(config).mount("/", Whoami));
    for version in VERSIONS {
        for is_at_once in [true, false] {
            let mut stream = tcp(server.addr());
            let header = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n";
            let mut session = secure(stream.try_clone().unwrap(), version);
            if is_at_once {
                let mut bytes = header.to_vec();
                session.conn.write_tls(&mut bytes).unwrap();
                stream.write_all(&bytes).unwrap();
            } else {
                header.iter().for_each(|byte| stream.write_all(&[*byte]).unwrap());
            }
            let mut client = handshake(session, "wss://localhost/").unwrap().0;
            assert_eq!(read_text(&mut client), "192.0.2.7:4711");
        }
    }
}

#[test]
fn garbage_ends_the_connection_and_nothing_else() {
    let server = TestServer::run(server(Config::default()).mount("/", Echo));
    let mut client = open(server.addr(), &TLS13);
    for garbage in [&b"\x80\x2e\x01\x00\x02"[..], b"\x16\x03\x01\x00\x05hello", &[0; 100], &noise(3, 10_000)] {
        let mut stream = tcp(server.addr());
        stream.write_all(garbage).unwrap();
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            // An alert, or for bytes that might be HTTP a refusal.
            Ok(_) => assert!(answer.is_empty() || [0x15, b'H'].contains(&answer[0]), "{answer:?}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
    client.send(ClientMessage::text("unharmed")).unwrap();
    assert_eq!(read_text(&mut client), "unharmed");
}

#[test]
fn a_unix_domain_socket_speaks_no_tls() {
    let path = std::env::temp_dir().join(format!("sockhop-tls-{}.sock", std::process::id()));
    let door = Door::new(format!("unix:{}", path.display())).tls(tls());
    let error = Server::new(Config::default()).unwrap().listen(door).expect_err("TLS at a Unix-domain socket");
    assert!(error.to_string().contains("speaks no TLS"), "{error}");
    assert!(!path.exists(), "nothing is left of it");
}

#[test]
fn tls_on_a_plain_port_is_refused_in_the_clear() {
    let server = TestServer::run(common::bind().mount("/", Echo));
    let mut stream = tcp(server.addr());
    let mut hello = Vec::new();
    secure(stream.try_clone().unwrap(), &TLS13).conn.write_tls(&mut hello).unwrap();
    stream.write_all(&hello).unwrap();
    let answer = raw::read_rest(&mut stream);
    assert!(answer.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn new_certificates_are_for_connections_that_are_accepted_from_then_on() {
    let server = TestServer::run(server(Config::default()).mount("/", Echo));
    let pair = |name: &str| TlsFiles {
        pairs: vec![TlsPair { cert: fixture(&format!("{name}.pem")), key: fixture(&format!("{name}.key")) }],
        ..TlsFiles::default()
    };
    let mut early = open(server.addr(), &TLS13);
    for name in ["b", "a", "b"] {
        // Of two that wait, the last one counts.
        server.handle.set_tls(Tls::read(&pair("a")).unwrap());
        server.handle.set_tls(Tls::read(&pair(name)).unwrap());
        assert!(server.handle.wait_for_room(common::PATIENCE));
        let mut stream = secure(tcp(server.addr()), &TLS13);
        let is_for_localhost = stream.conn.complete_io(&mut stream.sock).is_ok();
        assert_eq!(is_for_localhost, name == "a");
        early.send(ClientMessage::text(name)).unwrap();
        assert_eq!(read_text(&mut early), name);
    }
}
