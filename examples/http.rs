//! Plain HTTP beside WebSockets, on one port: routes for answers that need nothing else, and handlers that answer
//! requests with the same state and the same actions as their WebSockets. Connections are kept between requests.
//!
//!     cargo run --example http
//!     npx wscat -c ws://127.0.0.1:8080/count
//!     curl -d '' http://127.0.0.1:8080/count      # the WebSocket hears of it
//!
//! An argument is another address to listen at; `127.0.0.1:0` is any free port.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use sockhop::http::{Request, Response};
use sockhop::{Answer, Context, Count, Handler, Message, Server};

/// Sends back the bodies of POST requests, and the messages of WebSockets.
struct Echo;

impl Handler for Echo {
    fn request(&mut self, _ctx: &mut Context<'_>, request: &Request<'_>, body: &[u8]) -> Answer {
        if request.method() != "POST" {
            return only("POST");
        }
        let kind = request.header("Content-Type").unwrap_or("application/octet-stream");
        Response::new(200).header("Content-Type", kind.to_owned()).body(body.to_vec()).into()
    }

    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.send(message);
    }
}

/// Counts POST requests. Each new count goes to the client that has sent the request, and to all WebSockets.
#[derive(Default)]
struct Counter(u64);

impl Handler for Counter {
    fn open(&mut self, ctx: &mut Context<'_>) {
        ctx.send(self.0.to_string());
    }

    fn request(&mut self, ctx: &mut Context<'_>, request: &Request<'_>, _body: &[u8]) -> Answer {
        match request.method() {
            "GET" | "HEAD" => {}
            "POST" => {
                self.0 += 1;
                ctx.broadcast(self.0.to_string());
            }
            _ => return only("GET, HEAD, POST"),
        }
        Response::text(200, format!("{}\n", self.0)).into()
    }
}

/// Answers a little later. Slow work, such as a database query, belongs on another thread, so that the loop goes on.
struct Later;

impl Handler for Later {
    fn request(&mut self, ctx: &mut Context<'_>, _request: &Request<'_>, _body: &[u8]) -> Answer {
        let (handle, deferred) = (ctx.handle(), ctx.deferred());
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            // This fails only when the queue is full or the server has stopped. The client then gets 503.
            let _ = handle.answer(deferred, Response::text(200, "at last\n"));
        });
        Answer::Later
    }
}

/// Refuses other methods than these.
fn only(methods: &'static str) -> Answer {
    Response::text(405, "this path has other methods\n").header("Allow", methods).into()
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let server = Server::bind(address)?;
    let stats = server.stats();
    // A shared body is in memory once, however many clients are receiving it.
    let page: Arc<[u8]> = "<p>A long page.</p>\n".repeat(25_000).into_bytes().into();
    let server = server
        .route("GET", "/2", |_, _| Response::text(200, "ok"))
        .route("GET", "/page", move |_, _| {
            Response::new(200).header("Content-Type", "text/html; charset=utf-8").shared_body(page.clone())
        })
        .route("GET", "/accepted", move |_, _| Response::text(200, format!("{}\n", stats.get(Count::Accepted))))
        .mount("/echo", Echo)
        .mount("/count", Counter::default())
        .mount("/later", Later)
        .mount("/ws", Echo);
    for address in server.local_addrs() {
        println!("http://{address}/");
    }
    server.run()
}
