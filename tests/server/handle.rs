//! Other threads act through a `Handle`.

use std::sync::mpsc;
use std::thread;

use sockhop::{CloseCode, CloseFrame, ConnectionId, Context, Handler, Message, Rejected};

use crate::common::{Client, ClientMessage, Echo, PATIENCE, TestServer, bind, read_close, read_text};

/// Counts, and tells a connection its place in the order of arrival.
#[derive(Default)]
struct Room {
    members: Vec<ConnectionId>,
    heard: Vec<String>,
}

impl Handler for Room {
    fn open(&mut self, ctx: &mut Context<'_>) {
        self.members.push(ctx.id());
        ctx.subscribe("everywhere");
        let place = self.members.len().to_string();
        ctx.send(place);
    }

    fn message(&mut self, _ctx: &mut Context<'_>, message: Message<'_>) {
        if let Message::Text(text) = message {
            self.heard.push(text.to_owned());
        }
    }
}

fn join(server: &TestServer, path: &str, place: &str) -> Client {
    let mut client = server.connect(path);
    assert_eq!(read_text(&mut client), place);
    client
}

fn members(server: &TestServer, path: &str) -> Vec<ConnectionId> {
    let (sender, receiver) = mpsc::channel();
    let tell = move |room: &mut Room, _: &mut Context<'_>| sender.send(room.members.clone()).unwrap();
    server.handle.call(path, tell).unwrap();
    receiver.recv_timeout(PATIENCE).unwrap()
}

#[test]
fn a_thread_reaches_one_a_path_and_a_topic() {
    let server = TestServer::run(bind().mount("/a", Room::default()).mount("/b/*", Room::default()));
    let mut ann = join(&server, "/a", "1");
    let mut bob = join(&server, "/a", "2");
    let mut eve = join(&server, "/b/c", "1");
    let ids = members(&server, "/a");
    let handle = server.handle.clone();
    let thread = thread::spawn(move || {
        handle.send(ids[1], "to bob").unwrap();
        handle.broadcast("/a", "to a").unwrap();
        handle.publish("everywhere", b"to all").unwrap();
        handle.publish("nobody listens", "").unwrap();
        handle.send(ConnectionId::NOBODY, "").unwrap();
        handle.broadcast("/b/*", "to b").unwrap();
        handle.send(ids[0], "to ann").unwrap();
    });
    let all = ClientMessage::binary(&b"to all"[..]);
    for (client, messages) in [
        (&mut ann, &[ClientMessage::text("to a"), all.clone(), ClientMessage::text("to ann")][..]),
        (&mut bob, &[ClientMessage::text("to bob"), ClientMessage::text("to a"), all.clone()]),
        (&mut eve, &[all.clone(), ClientMessage::text("to b")]),
    ] {
        for message in messages {
            assert_eq!(client.read().unwrap(), *message);
        }
    }
    thread.join().unwrap();
}

#[test]
fn a_thread_closes_a_connection() {
    let server = TestServer::serve(Room::default());
    let (mut ann, mut bob) = (join(&server, "/", "1"), join(&server, "/", "2"));
    let ids = members(&server, "/");
    // A message sent before the Close leaves before it.
    server.handle.send(ids[0], "farewell").unwrap();
    server.handle.close_id(ids[0], CloseFrame::new(CloseCode(4321), "out")).unwrap();
    server.handle.send(ids[0], "too late").unwrap();
    assert_eq!(read_text(&mut ann), "farewell");
    assert_eq!(read_close(&mut ann), (4321, "out".into()));
    // Closing who has left is no error, and does not touch who has come instead.
    let mut new = join(&server, "/", "3");
    server.handle.close_id(ids[0], CloseFrame::normal("")).unwrap();
    server.handle.broadcast("/", "you two").unwrap();
    assert_eq!(read_text(&mut bob), "you two");
    assert_eq!(read_text(&mut new), "you two");
}

#[test]
fn a_call_sees_the_handler_and_acts_for_nobody_in_particular() {
    let server = TestServer::run(bind().mount("/room", Room::default()).mount("/echo", Echo));
    let mut ann = join(&server, "/room", "1");
    ann.send(ClientMessage::text("heard")).unwrap();
    ann.send(ClientMessage::Ping(vec![1].into())).unwrap();
    assert_eq!(ann.read().unwrap(), ClientMessage::Pong(vec![1].into()));
    server
        .handle
        .call("/room", |room: &mut Room, ctx| {
            assert_eq!((ctx.id(), ctx.path()), (ConnectionId::NOBODY, "/room"));
            assert_eq!(room.heard, ["heard"]);
            ctx.send("reaches nobody");
            ctx.broadcast("from the call");
            ctx.send_to(room.members[0], "and this");
        })
        .unwrap();
    assert_eq!(read_text(&mut ann), "from the call");
    assert_eq!(read_text(&mut ann), "and this");
    // The wrong type and the wrong path are logged, and their closures dropped.
    let (sender, receiver) = mpsc::channel::<()>();
    let other = sender.clone();
    server.handle.call("/echo", move |_: &mut Room, _| sender.send(()).unwrap()).unwrap();
    let result = server.handle.call("/none", move |_: &mut Room, _| other.send(()).unwrap());
    assert_eq!(result, Err(Rejected::NoSuchMount(())));
    assert_eq!(receiver.recv_timeout(PATIENCE), Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn commands_wait_for_run_and_are_refused_after_it() {
    let server = bind().mount("/", Room::default());
    let (sender, receiver) = mpsc::channel();
    server.handle().call("/", move |_: &mut Room, _| sender.send("before run").unwrap()).unwrap();
    let server = TestServer::run(server);
    assert_eq!(receiver.recv_timeout(PATIENCE), Ok("before run"));
    let handle = server.handle.clone();
    drop(server);
    assert_eq!(handle.broadcast("/", "x"), Err(Rejected::Stopped("x")));
    assert_eq!(handle.call("/", |_: &mut Room, _| {}), Err(Rejected::Stopped(())));
}

#[test]
fn many_threads_lose_nothing_and_each_keeps_its_order() {
    const THREADS: usize = 8;
    const EACH: usize = 2000;
    let server = TestServer::serve(Room::default());
    let mut client = join(&server, "/", "1");
    thread::scope(|scope| {
        for t in 0..THREADS {
            let handle = server.handle.clone();
            scope.spawn(move || {
                for i in 0..EACH {
                    let mut text = format!("{t} {i}");
                    // Full is an answer, not a wait: so they try again, as often as it takes.
                    while let Err(Rejected::Full(back)) = handle.broadcast("/", text) {
                        text = back;
                        thread::yield_now();
                    }
                }
            });
        }
        let mut next = [0; THREADS];
        for _ in 0..THREADS * EACH {
            let text = read_text(&mut client);
            let (t, i) = text.split_once(' ').unwrap();
            let next = &mut next[t.parse::<usize>().unwrap()];
            assert_eq!(i.parse(), Ok(*next));
            *next += 1;
        }
    });
}
