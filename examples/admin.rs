//! An admin listener beside a public one: it is on the loopback, and has paths that the public one does not know.
//!
//!     cargo run --example admin
//!     npx wscat -c ws://127.0.0.1:8080/chat
//!     curl http://127.0.0.1:9090/stats
//!     curl -d 'closing at noon' http://127.0.0.1:9090/announce

use std::io;

use sockhop::http::Response;
use sockhop::{Context, Count, Door, Handler, Message, Server};

struct Chat;

impl Handler for Chat {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.broadcast(message);
    }
}

fn server(public: &str, admin: &str) -> io::Result<Server> {
    let server = Server::bind(public)?.mount("/chat", Chat);
    let (stats, handle) = (server.stats(), server.handle());
    let admin = Door::new(admin)
        .route("GET", "/stats", move |_, _| {
            let line = |count: Count| format!("{} {}\n", count.name(), stats.get(count));
            Response::text(200, Count::ALL.map(line).concat())
        })
        .route("POST", "/announce", move |request, body| match str::from_utf8(body) {
            // A page that is open in a browser on this machine could post here, too.
            _ if request.header("Origin").is_some() => Response::text(403, "not from a web page\n"),
            Ok(text) if handle.broadcast("/chat", text).is_ok() => Response::new(204),
            Ok(_) => Response::text(503, "the server is busy; try again\n"),
            Err(_) => Response::text(400, "send text in UTF-8\n"),
        });
    server.listen(admin)
}

fn main() -> io::Result<()> {
    server("127.0.0.1:8080", "127.0.0.1:9090")?.run()
}

#[cfg(test)]
#[test]
fn each_listener_has_paths_of_its_own() {
    use std::io::{Read, Write};

    let server = server("127.0.0.1:0", "127.0.0.1:0").expect("two free ports");
    let [public, admin] = server.local_addrs().try_into().expect("two listeners");
    let handle = server.handle();
    let thread = std::thread::spawn(|| server.run());
    let ask = |listener: &sockhop::ListenAddr, line: &str, rest: &str| {
        let mut stream = std::net::TcpStream::connect(listener.to_string()).expect("it listens");
        write!(stream, "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{rest}").expect("it is taken");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    };
    assert!(ask(&admin, "GET /stats", "\r\n").contains("\r\n\r\naccepted 1\n"));
    assert!(ask(&admin, "POST /announce", "Content-Length: 4\r\n\r\nnoon").starts_with("HTTP/1.1 204 "));
    let from_page = "Origin: http://localhost\r\nContent-Length: 4\r\n\r\nnoon";
    assert!(ask(&admin, "POST /announce", from_page).starts_with("HTTP/1.1 403 "));
    assert!(ask(&admin, "GET /chat", "\r\n").starts_with("HTTP/1.1 404 "));
    assert!(ask(&public, "GET /stats", "\r\n").starts_with("HTTP/1.1 404 "));
    assert!(ask(&public, "GET /chat", "\r\n").starts_with("HTTP/1.1 426 "));
    handle.shutdown(sockhop::Shutdown::default());
    thread.join().expect("no panic").expect("a shutdown");
}
