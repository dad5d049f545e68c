//! One client publishes some messages at once, each to the next topic. The other clients subscribe to topics. When all
//! of them have received their messages, the first client publishes again.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use super::client::Client;
use super::crowd::Crowd;
use super::script::Script;
use super::{POLL, Progress, Times};
use crate::process::Server;
use crate::readings::Reading;
use crate::workload::Topics;

/// A server may free memory a moment later.
const REST: Duration = Duration::from_millis(300);

pub fn run(
    server: &Server,
    subscribers: usize,
    topics: Topics,
    at_once: usize,
    script: &Script,
    times: Times,
) -> Result<Reading, Box<dyn Error>> {
    thread::sleep(REST);
    let before = server.memory()?;
    let mut crowd = Crowd::open(server, "/topics", subscribers, script)?;
    subscribe(&mut crowd.clients, topics)?;
    thread::sleep(REST);
    let bytes_each = (server.memory()? - before) / subscribers as f64;
    // The publisher, which subscribes to nothing.
    crowd.join(server, "/topics", 1)?;
    let mut progress = Progress::new(server, times);
    let deliveries = deliveries(subscribers, topics, at_once);
    let (mut sent, mut come) = (Instant::now(), 0);
    crowd.clients[subscribers].send(at_once as u64, sent, script)?;
    while !progress.is_over() || come < deliveries {
        let has_events = crowd.wait(POLL)?;
        progress.tick(has_events)?;
        crowd.go_on(|_, _, came| {
            progress.came(came);
            come += came.messages;
            Ok(())
        })?;
        if come > deliveries {
            return Err("a message came twice".into());
        }
        if come == deliveries && !progress.is_over() {
            let now = Instant::now();
            progress.took(now - sent, deliveries);
            (sent, come) = (now, 0);
            crowd.clients[subscribers].send(at_once as u64, sent, script)?;
        }
    }
    Ok(Reading { bytes_each, ..progress.reading()? })
}

fn subscribe(clients: &mut [Client], topics: Topics) -> Result<(), Box<dyn Error>> {
    clients.iter_mut().enumerate().try_for_each(|(at, client)| match topics {
        Topics::Spread(count) => client.subscribe(at % count..at % count + 1, ((at % count) as u64, count as u64)),
        Topics::Every(count) => client.subscribe(0..count, (0, 1)),
    })
}

/// The number of deliveries of the messages sent at once. With [`Topics::Spread`], each subscriber receives one.
fn deliveries(subscribers: usize, topics: Topics, at_once: usize) -> u64 {
    (match topics {
        Topics::Spread(_) => subscribers,
        Topics::Every(_) => subscribers * at_once,
    }) as u64
}
