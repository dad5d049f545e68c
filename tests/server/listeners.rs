//! Several listeners of one server: IPv4, IPv6, Unix-domain sockets.

use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use sockhop::{Context, Door, Handler, ListenAddr, Message, Server};

use crate::common::{
    Client, ClientMessage, Echo, PATIENCE, TestServer, bind, connect, handshake, raw, read_text, tcp, tcp_addr,
};

/// A directory of one test's own.
struct TempDir(PathBuf);

impl TempDir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("sockhop-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        TempDir(dir)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // A file left behind in a temporary directory fails no test.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn listen_at(path: &Path) -> String {
    format!("unix:{}", path.display())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn connect_unix(path: &Path) -> Client<UnixStream> {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    handshake(stream, "ws://localhost/").unwrap().0
}

struct Shout;

impl Handler for Shout {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.broadcast(message);
    }
}

#[test]
fn listeners_share_handlers() {
    let dir = TempDir::new("shared");
    let path = dir.file("hop.sock");
    let has_ipv6 = TcpListener::bind("[::1]:0").is_ok();
    let mut server = bind().listen(listen_at(&path)).unwrap();
    if has_ipv6 {
        server = server.listen("[::1]:0").unwrap().listen("[::]:0").unwrap();
    } else {
        // Not by `eprintln!`, which is heard only when the test fails.
        writeln!(io::stderr(), "this machine has no IPv6: that part was left out").expect("standard error is there");
    }
    // A name may have several addresses.
    let server = TestServer::run(server.listen("localhost:0").unwrap().mount("/", Shout));
    assert_eq!(server.addrs[1], ListenAddr::Unix(path.clone()));
    let mut unix = connect_unix(&path);
    let mut tcp = vec![server.connect("/")];
    tcp.extend(server.addrs[2..].iter().map(|address| connect(tcp_addr(address), "/")));
    assert!(tcp.len() >= 2, "localhost has an address at least");
    if has_ipv6 {
        // The unspecified IPv6 address takes IPv4, too.
        let any = tcp_addr(&server.addrs[3]).port();
        tcp.push(connect(SocketAddr::from(([127, 0, 0, 1], any)), "/"));
    }
    // Everyone has been opened when everyone has got an answer of its own.
    for client in &mut tcp {
        client.send(ClientMessage::Ping(vec![].into())).unwrap();
        assert!(client.read().unwrap().is_pong());
    }
    unix.send(ClientMessage::text("from unix")).unwrap();
    assert_eq!(read_text(&mut unix), "from unix");
    for client in &mut tcp {
        assert_eq!(read_text(client), "from unix");
    }
    tcp[0].send(ClientMessage::binary(vec![9; 100_000])).unwrap();
    assert!(unix.read().unwrap() == ClientMessage::binary(vec![9; 100_000]));
}

#[test]
fn a_unix_socket_is_private_unless_told_otherwise_and_goes_with_the_server() {
    let dir = TempDir::new("mode");
    let (private, group) = (dir.file("private"), dir.file("group"));
    let server = Server::bind(listen_at(&private)).unwrap();
    let server = server.listen(format!("{}?mode=0660", listen_at(&group))).unwrap();
    assert_eq!((mode(&private), mode(&group)), (0o600, 0o660));
    let server = TestServer::run(server.mount("/", Echo));
    let mut client = connect_unix(&group);
    client.send(ClientMessage::text("hi")).unwrap();
    assert_eq!(read_text(&mut client), "hi");
    drop(client);
    drop(server);
    assert!(!private.exists() && !group.exists(), "removed on exit");
}

#[test]
fn a_stale_socket_is_replaced_and_a_living_one_or_another_file_is_an_error() {
    let dir = TempDir::new("stale");
    let path = dir.file("hop.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "closing does not remove it");
    let server = TestServer::run(Server::bind(listen_at(&path)).unwrap().mount("/", Echo));
    let second = Server::bind(listen_at(&path)).unwrap_err().to_string();
    assert!(second.contains(path.to_str().unwrap()), "{second}");
    let mut client = connect_unix(&path);
    client.send(ClientMessage::text("the first one lives on")).unwrap();
    assert_eq!(read_text(&mut client), "the first one lives on");
    drop(client);
    drop(server);

    fs::write(&path, "precious").unwrap();
    Server::bind(listen_at(&path)).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

#[test]
fn an_address_in_use_is_named() {
    let server = bind();
    let addr = server.local_addrs()[0].to_string();
    let error = Server::bind(addr.as_str()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&addr), "{error}");
}

#[test]
fn a_bound_listener_and_a_socket_address_are_taken_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let server = Server::bind(listener).unwrap().listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let server = TestServer::run(server.mount("/", Echo));
    assert_eq!(server.addr(), addr);
    for addr in &server.addrs {
        let mut client = connect(tcp_addr(addr), "/");
        client.send(ClientMessage::text("hi")).unwrap();
        assert_eq!(read_text(&mut client), "hi");
    }
}

#[test]
fn a_door_can_send_all_requests_on_to_https_and_serves_nothing() {
    for (port, authority) in [(443, "localhost"), (8443, "localhost:8443")] {
        let server = bind().listen(Door::new("127.0.0.1:0").redirect_to_https(port)).unwrap().mount("/*", Echo);
        let server = TestServer::run(server);
        let ask = |request: String| {
            let mut stream = tcp(tcp_addr(&server.addrs[1]));
            stream.write_all(request.as_bytes()).unwrap();
            String::from_utf8(raw::read_rest(&mut stream)).unwrap()
        };
        for method in ["GET", "HEAD"] {
            let answer = ask(format!("{method} /a?b=c HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"));
            assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
            assert!(answer.contains(&format!("\r\nLocation: https://{authority}/a?b=c\r\n")), "{answer}");
        }
        for request in [
            format!("{}\r\n", raw::request("/")),
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi".to_owned(),
            "GET / HTTP/1.0\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\n\r\n".to_owned(),
        ] {
            let answer = ask(request.clone());
            assert!(answer.starts_with("HTTP/1.1 400 "), "{request}: {answer}");
        }
        // The other door serves as before.
        let mut client = connect(server.addr(), "/");
        client.send(ClientMessage::text("here")).unwrap();
        assert_eq!(read_text(&mut client), "here");
    }
}
