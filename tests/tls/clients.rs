//! The TLS by which a request has come, as handlers see it: its version, the name that the client has asked for, and the
//! client's certificate.

use std::io::Write;
use std::sync::Arc;

use sockhop::http::{Request, RequestTls, Response, TlsVersion};
use sockhop::rustls::crypto::ring::{default_provider, kx_group::SECP256R1};
use sockhop::rustls::pki_types::pem::PemObject;
use sockhop::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sockhop::rustls::version::TLS13;
use sockhop::rustls::{ClientConfig, HandshakeKind, ServerConfig, StreamOwned};
use sockhop::{Accept, Answer, Config, Context, Count, Door, Handler, Server, Tls, TlsClients, TlsFiles};

use crate::common::tls::{VERSIONS, Version, builder, client_for, files, fixture};
use crate::common::{Client, TestServer, connect, handshake, raw, read_text, tcp, tcp_addr};
use crate::{Secure, server};

/// Tells clients what it knows of their TLS.
struct Mirror;

impl Handler for Mirror {
    fn accept(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Accept {
        ctx.send(describe(request));
        Accept::yes()
    }

    fn request(&mut self, _: &mut Context<'_>, request: &Request<'_>, body: &[u8]) -> Answer {
        Response::text(200, format!("{} {}", body.len(), describe(request))).into()
    }
}

fn describe(request: &Request<'_>) -> String {
    let facts = request.tls().map(|RequestTls { version, server_name, certificate, .. }| {
        format!("{version:?} {server_name:?} {certificate:?}")
    });
    facts.unwrap_or_else(|| "in the clear".into())
}

/// What it says of a client.
fn expected(version: Version, name: Option<&str>, certificate: Option<&CertificateDer<'_>>) -> String {
    let version = if version == &TLS13 { TlsVersion::V1_3 } else { TlsVersion::V1_2 };
    let (name, certificate) = (name.map(str::to_owned), certificate.map(|it| it.to_vec()));
    format!("{version:?} {name:?} {certificate:?}")
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(fixture(&format!("{name}.pem"))).unwrap()
}

/// A client with this certificate.
fn with_certificate(version: Version, name: &str) -> ClientConfig {
    let key = PrivateKeyDer::from_pem_file(fixture(&format!("{name}.key"))).unwrap();
    builder(&[version]).with_client_auth_cert(vec![certificate(name)], key).unwrap()
}

fn session(server: &TestServer, config: &Arc<ClientConfig>, name: &'static str) -> Secure {
    StreamOwned::new(client_for(Arc::clone(config), name), tcp(server.addr()))
}

/// An open WebSocket, or the failure of TLS.
fn open(server: &TestServer, config: &Arc<ClientConfig>) -> Option<Client<Secure>> {
    Some(handshake(session(server, config, "localhost"), "wss://localhost/").ok()?.0)
}

/// A server that asks its clients for certificates.
fn asking(are_optional: bool) -> Server {
    let clients = TlsClients { authorities: fixture("authority.pem"), are_optional };
    let tls = Tls::read(&TlsFiles { clients: Some(clients), ..files() }).unwrap();
    Server::new(Config::default()).unwrap().listen(Door::new("127.0.0.1:0").tls(tls)).unwrap().mount("/", Mirror)
}

#[test]
fn the_certificate_of_a_client_is_known_also_when_its_session_is_resumed() {
    for are_optional in [false, true] {
        let server = TestServer::run(asking(are_optional));
        for version in VERSIONS {
            let config = Arc::new(with_certificate(version, "client"));
            for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
                let mut client = open(&server, &config).expect("a client with a certificate");
                assert_eq!(read_text(&mut client), expected(version, Some("localhost"), Some(&certificate("client"))));
                assert_eq!(client.get_ref().conn.handshake_kind(), Some(kind));
            }
        }
    }
}

#[test]
fn a_client_without_a_certificate_is_served_only_where_it_need_not_have_one() {
    for version in VERSIONS {
        let config = Arc::new(builder(&[version]).with_no_client_auth());
        let server = TestServer::run(asking(true));
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut client = open(&server, &config).expect("a client without a certificate");
            assert_eq!(read_text(&mut client), expected(version, Some("localhost"), None));
            assert_eq!(client.get_ref().conn.handshake_kind(), Some(kind));
        }
        let server = asking(false);
        let stats = server.stats();
        let server = TestServer::run(server);
        assert!(open(&server, &config).is_none(), "{version:?}");
        // The client may know before the server has counted.
        drop(server);
        assert_eq!(stats.get(Count::TlsNoCertificate), 1);
    }
}

#[test]
fn a_certificate_that_is_not_valid_for_a_client_is_worse_than_none() {
    for are_optional in [false, true] {
        for version in VERSIONS {
            let server = asking(are_optional);
            let stats = server.stats();
            let server = TestServer::run(server);
            // Its authority is the right one, but it is for servers.
            assert!(open(&server, &Arc::new(with_certificate(version, "a"))).is_none(), "{version:?}");
            drop(server);
            assert_eq!(stats.get(Count::TlsNoCertificate), 1);
        }
    }
}

#[test]
fn the_name_that_a_client_has_asked_for_is_known() {
    let server = TestServer::run(server(Config::default()).mount("/", Mirror));
    for version in VERSIONS {
        let config = Arc::new(builder(&[version]).with_no_client_auth());
        // RFC 6066 3: an address is no name.
        for (name, asked) in
            [("localhost", Some("localhost")), ("127.0.0.1", None), ("x.a.example", Some("x.a.example"))]
        {
            let mut client = handshake(session(&server, &config, name), "wss://localhost/").unwrap().0;
            assert_eq!(read_text(&mut client), expected(version, asked, None));
        }
    }
}

#[test]
fn the_name_is_known_when_the_client_has_to_begin_again() {
    // The client's first guess is another group.
    let provider =
        Arc::new(sockhop::rustls::crypto::CryptoProvider { kx_groups: vec![SECP256R1], ..default_provider() });
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13]).unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture("a.key")).unwrap();
    let config = builder.with_no_client_auth().with_single_cert(vec![certificate("a")], key).unwrap();
    let door = Door::new("127.0.0.1:0").tls(Tls::from_config(Arc::new(config)));
    let server = TestServer::run(Server::new(Config::default()).unwrap().listen(door).unwrap().mount("/", Mirror));
    let config = Arc::new(crate::common::tls::builder(&[&TLS13]).with_no_client_auth());
    for (name, asked) in [("localhost", Some("localhost")), ("127.0.0.1", None)] {
        let mut client = handshake(session(&server, &config, name), "wss://localhost/").unwrap().0;
        assert_eq!(read_text(&mut client), expected(&TLS13, asked, None));
        let kind = client.get_ref().conn.handshake_kind();
        assert!(matches!(kind, Some(HandshakeKind::FullWithHelloRetryRequest | HandshakeKind::Resumed)), "{kind:?}");
    }
}

#[test]
fn plain_requests_know_it_too_and_routes_do() {
    let server = server(Config::default()).mount("/", Mirror);
    let server = server.route("POST", "/route", |request, _| Response::text(200, describe(request)));
    let server = TestServer::run(server.listen(Door::new("127.0.0.1:0")).unwrap());
    let config = Arc::new(builder(&[&TLS13]).with_no_client_auth());
    let facts = expected(&TLS13, Some("localhost"), None);
    let mut stream = session(&server, &config, "localhost");
    let answer = |stream: &mut Secure| {
        let head = raw::read_head(stream);
        let len = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).expect("a length");
        let mut body = vec![0; len.parse().unwrap()];
        std::io::Read::read_exact(stream, &mut body).unwrap();
        String::from_utf8(body).unwrap()
    };
    // With the body in one piece, and behind its head.
    let head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n";
    stream.write_all(&[head, &b"abc"[..]].concat()).unwrap();
    assert_eq!(answer(&mut stream), format!("3 {facts}"));
    // The server has read the head when it says that it wants the body.
    let expecting = [&head[..head.len() - 2], b"Expect: 100-continue\r\n\r\n"].concat();
    stream.write_all(&expecting).unwrap();
    assert!(raw::read_head(&mut stream).starts_with("HTTP/1.1 100 "));
    stream.write_all(b"abc").unwrap();
    assert_eq!(answer(&mut stream), format!("3 {facts}"));
    stream.write_all(b"POST /route HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert_eq!(answer(&mut stream), facts);
    // Another door, in the clear.
    let mut client = connect(tcp_addr(&server.addrs[1]), "/");
    assert_eq!(read_text(&mut client), "in the clear");
}
