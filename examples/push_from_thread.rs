//! A ticker: a second thread sends one line a second to all connections, and ends when the server has stopped.
//!
//!     cargo run --example push_from_thread
//!     npx wscat -c ws://127.0.0.1:8080/uptime

use std::thread;
use std::time::{Duration, Instant};

use sockhop::{Context, Handler, Rejected, Server};

struct Uptime;

impl Handler for Uptime {
    fn open(&mut self, ctx: &mut Context<'_>) {
        ctx.send("one moment");
    }
}

fn main() -> std::io::Result<()> {
    let server = Server::bind("127.0.0.1:8080")?.mount("/uptime", Uptime);
    let handle = server.handle();
    thread::spawn(move || {
        let start = Instant::now();
        loop {
            thread::sleep(Duration::from_secs(1));
            let line = format!("up for {} s", start.elapsed().as_secs());
            match handle.broadcast("/uptime", line) {
                Ok(()) => {}
                // The queue is full because the loop is busy. This line is skipped, since the next one is newer.
                Err(Rejected::Full(line)) => eprintln!("skipped: {line}"),
                Err(Rejected::Stopped(_) | Rejected::NoSuchMount(_)) => return,
            }
        }
    });
    server.run()
}
