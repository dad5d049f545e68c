//! Random messages to random connections: with context takeover, the message compressed first has to leave first.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::protocol::CloseFrame;
use crate::server::ConnectionId;

const OFFERS: [&str; 4] = [
    PLAIN,
    "permessage-deflate; server_max_window_bits=9",
    "permessage-deflate; server_no_context_takeover",
    "permessage-deflate; client_no_context_takeover; client_max_window_bits=9",
];

/// The messages of the handler: each begins with a number larger than those before it.
struct Script {
    random: Random,
    ids: Vec<ConnectionId>,
    number: usize,
}

impl Script {
    fn text(&mut self) -> String {
        self.number += 1;
        let len = [1, 40, 300, 3000, 40_000][self.random.below(5)];
        let word = if self.random.below(2) == 0 { "again and again" } else { "" };
        let noise = (0..if word.is_empty() { len } else { 0 }).map(|_| char::from(self.random.pick(b"abcdefgh 0123")));
        format!("{:06} {}{}", self.number, noise.collect::<String>(), word.repeat(len / 15))
    }

    fn speak(&mut self, ctx: &mut Context<'_>, call: &Call<'_>) {
        let (text, topic) = (self.text(), ["one", "other"][self.random.below(2)]);
        let to = self.ids.get(self.random.below(self.ids.len().max(1))).copied();
        match (self.random.below(11), to, call) {
            (0 | 1, ..) => ctx.broadcast(text),
            (2, ..) => ctx.broadcast_others(text),
            (3, ..) => ctx.subscribe(topic),
            (4, ..) => ctx.unsubscribe(topic),
            (5, ..) => ctx.publish(topic, text),
            (6, Some(to), _) => ctx.send_to(to, text),
            (7, Some(to), _) if self.random.below(25) == 0 => ctx.close_id(to, CloseFrame::normal("")),
            (8, ..) => drop(ctx.after(Duration::from_millis(self.random.below(3000) as u64))),
            (9, _, Call::Message(message)) => ctx.send(*message),
            _ => ctx.send(text),
        }
    }
}

fn app(seed: u64) -> (App, Arc<Mutex<Script>>) {
    let script = Arc::new(Mutex::new(Script { random: Random::new(seed), ids: Vec::new(), number: 0 }));
    let own = Arc::clone(&script);
    let app = App::new(move |ctx, call| {
        let script = &mut *own.lock().unwrap();
        match call {
            Call::Open => script.ids.push(ctx.id()),
            Call::Close => script.ids.retain(|id| *id != ctx.id()),
            _ => {}
        }
        for _ in 0..script.random.below(5) {
            script.speak(ctx, &call);
        }
    });
    (app, script)
}

#[test]
fn clients_of_every_mode_understand_what_is_said_and_in_its_order() {
    let mut heard = 0;
    for seed in 0..25 {
        let (mut random, (app, script)) = (Random::new(seed), app(seed + 1000));
        let threshold = [0, 256][random.below(2)];
        let deflate = if random.below(4) == 0 { Deflate::default() } else { Deflate::takeover() };
        let deflate = Deflate { options: DeflateOptions { threshold, level: 6 }, ..deflate };
        let limits = Config { max_queue: 60_000, high_water: 20_000, low_water: 5000, max_timers: 20, ..with(deflate) };
        let (mut bed, mut peers) = (Bed::with(limits, app), Vec::<Peer>::new());
        for _ in 0..120 {
            let count = peers.len();
            let at = random.below(count.max(1));
            match (random.below(10), peers.get_mut(at)) {
                (0 | 1, _) if count < 12 => peers.push(Peer::open(&mut bed, OFFERS[random.below(OFFERS.len())])),
                (2, Some(peer)) => peer.client.limit(random.below(3000)),
                (3, Some(peer)) => peer.client.unlimit(),
                (4, Some(_)) if random.below(6) == 0 => peers.swap_remove(at).client.finish(),
                (5, _) => bed.network.advance(Duration::from_millis(random.below(1500) as u64)),
                (6, _) => bed.handle.broadcast("/*", format!("all {}", "xyz".repeat(random.below(200)))).unwrap(),
                (7, _) => {
                    let ids = &script.lock().unwrap().ids;
                    if let Some(id) = ids.get(random.below(ids.len().max(1))) {
                        bed.handle.send(*id, format!("one {}", "xyz".repeat(random.below(200)))).unwrap();
                    }
                }
                (_, Some(peer)) => peer.send(Message::Text(&"m".repeat([3, 5000, 600_000][random.below(3)]))),
                (_, None) => {}
            }
            (0..random.below(4)).for_each(|_| bed.turn());
        }
        peers.iter().for_each(|peer| peer.client.unlimit());
        bed.settle();
        for peer in &mut peers {
            let texts = peer.texts();
            let numbers: Vec<u32> = texts.iter().filter_map(|text| text.get(..6)?.parse().ok()).collect();
            assert!(numbers.is_sorted_by(|one, next| one < next), "seed {seed}: {numbers:?}");
            heard += numbers.len();
        }
    }
    assert!(heard > 2000, "{heard} messages");
}
