//! A hundred reloads under load. Run it with
//! `cargo test --release --features tls --test cli -- --ignored --nocapture tls::load`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use sockhop::rustls::version::TLS13;

use super::client::{Folder, Identity, Secure, shake_hands};
use super::renewing::Renewing;
use super::{echo, open};
use crate::running::status;

const CLIENTS: usize = 1000;
const THREADS: usize = 4;
const RELOADS: usize = 100;

#[test]
#[ignore = "takes half a minute, with a thousand clients"]
fn a_hundred_reloads_lose_none_of_a_thousand_clients() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let folder = Folder::new("load");
    let (cert, key) = (folder.put("cert.pem", "a.pem"), folder.put("key.pem", "a.key"));
    // A Ping would come between the echoes of a client that waits for the others.
    let mut it = Renewing::start(&cert, &key, &["--ping-interval", "1h"]);
    let address = it.server.address().to_owned();
    let connect = |_| {
        let mut stream = shake_hands(&address, "a.example", &[&TLS13], Identity::None).unwrap();
        assert_eq!(status(&open(&mut stream, "")), 101);
        stream
    };
    let mut clients: Vec<Secure> = (0..CLIENTS).map(connect).collect();
    let (is_over, echoes, worst) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let start = Instant::now();
    thread::scope(|scope| {
        for part in clients.chunks_mut(CLIENTS / THREADS) {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    for client in part.iter_mut() {
                        let sent = Instant::now();
                        echo(client, "under load");
                        worst.fetch_max(sent.elapsed().as_micros() as u64, Ordering::Relaxed);
                        echoes.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for number in 1..=RELOADS {
            let (pair, other) = if number % 2 == 0 { ("a", "b") } else { ("b", "a") };
            folder.put("cert.pem", &format!("{pair}.pem"));
            folder.put("key.pem", &format!("{pair}.key"));
            it.server.signal("-HUP");
            let line = it.outcome();
            assert!(line.contains(&format!("(CN={pair}.example) is in use now")), "{line}");
            let has = |name: &str| it.has(&format!("{name}.example"));
            assert!(has(pair) && !has(other), "the next handshake after reload {number} gets the new certificate");
            // A pair that is bad, in between.
            if number % 10 == 0 {
                folder.write("key.pem", "no key");
                it.server.signal("-HUP");
                assert!(it.outcome().contains("stay as they were"));
                assert!(it.has(&format!("{pair}.example")), "nothing has changed");
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let span = start.elapsed();
    for client in &mut clients {
        echo(client, "the last one");
    }
    let (echoes, worst) = (echoes.into_inner(), worst.into_inner() as f64 / 1000.0);
    println!(
        "{RELOADS} reloads in {span:.1?}, {CLIENTS} clients, {echoes} echoes by {THREADS} threads meanwhile, the slowest \
         {worst:.1} ms; no client lost"
    );
}
