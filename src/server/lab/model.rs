//! Days in the life of a server, drawn from bytes: clients that send, stall, break rules and leave, and a handler that
//! does what their messages say. Tests draw the bytes from a seed, the fuzzer makes them up.
//!
//! The laws:
//!
//! 1. Nothing panics, and the laws of [`Bed`] hold after every turn: no lost wake-up, nothing owed that nobody sends,
//!    queues within their bounds, `close` once for each `open`.
//! 2. Each client gets, whole and in the order in which it was said, what was meant for it: all of it if it is still
//!    here at the end, a beginning of it if it has left. Nothing follows a Close, and there is one at most.
//! 3. Each message of a client that is still here reaches the handler, once and in order.
//! 4. Each Pong answers a Ping, in order.
//! 5. Each plain request gets its own answer, whole and in order, before and without a WebSocket on its connection.
//! 6. When all have left nothing is left: no slot, socket, member, timer, or byte.
//!
//! On some days the server compresses, and some of the clients do: the laws are about what they then make of it. On some
//! it speaks TLS with all of them, in which no client finds a fault.

mod compressed;
mod draw;
mod link;
mod payloads;
mod peer;
mod plain;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use self::draw::Draw;
use self::peer::Peer;
use self::world::World;
use super::bed::{App, Bed};
use crate::protocol::CloseFrame;
use crate::server::transport::memory::Style;
use crate::server::transport::{Ready, Token};
use crate::server::{Config, Shutdown, Slow};

/// Clients that are there at a time.
const CLIENTS: usize = 6;
/// Steps of a day, for a bound on its length.
const STEPS: usize = 150;
/// Bytes that may be said in long messages, for the same; and on a day on which they are compressed.
const ALLOWANCE: usize = 32 << 20;
const ALLOWANCE_COMPRESSED: usize = 3 << 19;

/// Lives through a day, and panics where a law is broken.
pub fn run(bytes: &[u8]) {
    let mut draw = Draw(bytes);
    let config = config(&mut draw);
    let allowance = if config.deflate.is_some() { ALLOWANCE_COMPRESSED } else { ALLOWANCE };
    let world = Arc::new(Mutex::new(World::new(config.slow, allowance)));
    let [calls, accepts, admits, answers] = [(); 4].map(|()| Arc::clone(&world));
    let app = App::new(move |ctx, call| lock(&calls).on(ctx, call))
        .accepting(move |ctx, _| lock(&accepts).accept(ctx))
        .admitting(move |ctx, request| lock(&admits).admit(ctx, request))
        .answering(move |ctx, request, body| lock(&answers).answer(ctx, request, body));
    let mut bed = Bed::with(config, app);
    // Plain sockets, or a transport that buffers on its own side.
    let (style, piece) = draw.pick(&[
        (Style::Epoll, None),
        (Style::Kqueue, None),
        (Style::Epoll, Some(1500)),
        (Style::Kqueue, Some(600)),
        (Style::Epoll, Some(4000)),
    ]);
    bed.network.style(style);
    bed.server.poller.buffer(piece);
    // TLS lies over either of them.
    if let choice @ 0..2 = draw.below(6) {
        bed.secure(choice);
    }
    let mut number = draw.below(256);
    let per_poll = draw.pick(&[usize::MAX, 1, 3]);
    bed.network.order(per_poll, move |ready| {
        number = (number * 5 + 3) % 256;
        number % ready
    });
    bed.server.lines.shared.env.slice = draw.pick(&[usize::MAX, 1, 2, 3, 5]);
    let mut day = Day { bed, world, peers: Vec::new(), draw };
    for _ in 0..STEPS {
        if day.draw.0.is_empty() {
            break;
        }
        day.step();
        day.look();
    }
    day.end();
}

fn config(draw: &mut Draw<'_>) -> Config {
    let choice = draw.below(256);
    let slow = [Slow::Close, Slow::Close, Slow::Drop, Slow::Latest][choice % 4];
    let config = Config { slow, max_panics: u32::MAX, deflate: compressed::wanted(choice / 4), ..Config::default() };
    match draw.below(3) {
        0 => config,
        1 => Config { low_water: 500, high_water: 2000, max_queue: 5000, ..config },
        _ => Config { low_water: 0, high_water: 1, max_queue: 100_000, max_connections: 4, ..config },
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Day<'a> {
    bed: Bed,
    world: Arc<Mutex<World>>,
    peers: Vec<Peer>,
    draw: Draw<'a>,
}

impl Day<'_> {
    fn step(&mut self) {
        match self.draw.below(20) {
            0 | 1 => self.bed.turn(),
            2 => _ = self.bed.settle(),
            3 => self.pass(),
            4 | 5 => self.connect(),
            6 => self.command(),
            7 => self.trouble(),
            _ => {
                let draw = &mut self.draw;
                let here: Vec<_> = self.peers.iter_mut().filter(|peer| !peer.has_left()).collect();
                let at = draw.below(here.len().max(1));
                if let Some(peer) = here.into_iter().nth(at) {
                    peer.act(draw, &mut lock(&self.world));
                }
            }
        }
    }

    fn pass(&mut self) {
        let millis = self.draw.pick(&[1, 10, 100, 1000, 6000, 11_000, 26_000, 70_000]);
        self.bed.pass(Duration::from_millis(millis));
    }

    fn connect(&mut self) {
        if self.peers.iter().filter(|peer| !peer.has_left()).count() < CLIENTS {
            let client = self.bed.client();
            self.peers.push(Peer::new(client, &mut self.draw, &mut lock(&self.world)));
        }
    }

    /// Another thread has something to say.
    fn command(&mut self) {
        let len = self.draw.pick(&[4, 200, 5000, 70_000]);
        let (which, topic) = (self.draw.below(256), self.draw.below(3));
        let handle = self.bed.handle.clone();
        // Its meaning is noted when it is done: the call comes right before it.
        let (message, world) = (lock(&self.world).message(len), Arc::clone(&self.world));
        let noted = message.clone();
        let full = "commands are taken in every turn";
        let kind = self.draw.below(5);
        let target = lock(&self.world).somebody(which);
        let name = World::topic(topic);
        handle
            .call("/*", move |_: &mut App, _| match (kind, target) {
                (0, Some(id)) => lock(&world).expect_one(id, &noted),
                (1, _) => lock(&world).expect_all(None, &noted),
                (2, _) => lock(&world).expect_subscribers(topic, &noted),
                (3, Some(id)) => lock(&world).note_close(id),
                _ => {}
            })
            .expect(full);
        match (kind, target) {
            (0, Some(id)) => handle.send(id, message).map_err(drop).expect(full),
            (1, _) => handle.broadcast("/*", message).map_err(drop).expect(full),
            (2, _) => handle.publish(name, message).map_err(drop).expect(full),
            (3, Some(id)) => handle.close_id(id, CloseFrame::normal(World::BYE)).map_err(drop).expect(full),
            (4, _) => _ = self.answer(which),
            _ => {}
        }
    }

    /// Gives one of the answers that were put off. Returns whether there was one.
    fn answer(&mut self, which: usize) -> bool {
        let deferred = &mut lock(&self.world).deferred;
        let Some(at) = which.checked_rem(deferred.len()) else { return false };
        let (to, response) = deferred.swap_remove(at);
        self.bed.handle.answer(to, response).map_err(drop).expect("commands are taken in every turn");
        true
    }

    /// The system has its moods.
    fn trouble(&mut self) {
        let network = &self.bed.network;
        match self.draw.below(4) {
            0 => network.limit_descriptors(self.draw.pick(&[1, 3, usize::MAX, usize::MAX])),
            1 => network.fail_accept(0, std::io::Error::from_raw_os_error(self.draw.pick(&[103, 104, 24, 4]))),
            2 => {
                let slot = self.draw.below(8) as u32;
                let generation = self.draw.below(3) as u32;
                let (readable, writable) = (self.draw.below(2) == 0, self.draw.below(2) == 0);
                let table = &self.bed.server.lines.shared.table;
                let is_taken = table.id(slot).generation == generation && table.get(slot).is_some();
                // An event about a connection that is here may be untrue, too, but not that its peer has ended.
                let token = Token::Connection { slot, generation };
                network.inject(Ready { token, readable, writable, read_closed: !is_taken });
            }
            _ => network.inject(Ready { token: Token::Wake, readable: true, writable: false, read_closed: false }),
        }
    }

    /// The clients look at what they got.
    fn look(&mut self) {
        let mut world = lock(&self.world);
        assert_eq!(world.fault, None);
        for peer in &mut self.peers {
            peer.look(&mut world);
        }
    }

    /// All that is under way arrives; then all leave.
    fn end(mut self) {
        self.bed.network.limit_descriptors(usize::MAX);
        for peer in self.peers.iter_mut().filter(|peer| !peer.has_left()) {
            peer.finish_sending();
        }
        // Clients that wait until descriptors are free are accepted then.
        self.bed.pass(Duration::from_millis(100));
        self.look();
        self.bed.settle();
        while self.answer(0) {
            self.bed.settle();
        }
        self.look();
        {
            let world = lock(&self.world);
            for peer in self.peers.iter().filter(|peer| !peer.has_left()) {
                world.check(peer.number, peer.place, peer.sent);
            }
        }
        if self.bed.network.waiting(0) == 0 {
            self.peers.iter().for_each(Peer::check);
        }
        if self.draw.below(4) == 0 {
            self.bed.handle.shutdown(Shutdown::default());
            self.bed.network.run();
            while self.bed.server.step().expect("an end in good order") {}
            self.look();
            return self.bed.assert_all_closed();
        }
        for peer in self.peers.iter_mut().filter(|peer| !peer.has_left()) {
            peer.leave(&mut self.draw);
        }
        self.bed.pass(Duration::from_secs(70));
        self.look();
        self.bed.assert_empty();
        let lines = &self.bed.server.lines;
        assert_eq!(lines.shared.timers.next_deadline(), None, "timers left");
        assert_eq!(lines.shared.env.memory(), 0, "bytes left");
        assert!(lines.shared.has_no_posts() && lines.posters.is_empty() && lines.shared.outbox.actions.is_empty());
        assert!(lines.again.is_empty() && lines.flushes.is_empty());
    }
}
