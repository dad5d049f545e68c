//! Callbacks, and the effects of calls made in them.

use std::sync::{Arc, Mutex};

use super::*;

/// An app that is told by its test what to do in which callback.
fn scripted(act: impl Fn(&mut Context<'_>, &str) + Send + 'static) -> App {
    App::new(move |ctx, call| {
        let name = match call {
            Call::Open => "open".to_owned(),
            Call::Message(message) => String::from_utf8_lossy(message.as_bytes()).into_owned(),
            Call::Drained => "drain".to_owned(),
            Call::Timer(_) => "timer".to_owned(),
            Call::Error => "error".to_owned(),
            Call::Close => "close".to_owned(),
        };
        act(ctx, &name);
    })
}

/// Ends a client's connection in one of several ways.
fn leave(client: &Client, how: &str) {
    match how {
        "close" => client.close(1000),
        "fin" => client.finish(),
        "rst" => client.reset(),
        _ => client.write(b"\x81\x00"),
    }
}

const WAYS: [&str; 4] = ["close", "fin", "rst", "violation"];

#[test]
fn close_is_called_once_for_each_open_whoever_closes_from_where() {
    for place in ["open", "hello", "timer", "error", "close"] {
        for way in WAYS {
            let mut bed = Bed::new(scripted(move |ctx, name| {
                if name == "open" {
                    ctx.after(Duration::from_millis(10));
                }
                if name == place {
                    ctx.send("before");
                    ctx.close(CloseFrame::normal(""));
                    ctx.close(CloseFrame::normal("again"));
                    ctx.send("after");
                    let id = ctx.id();
                    ctx.close_id(id, CloseFrame::normal("and again"));
                }
            }));
            let mut client = bed.open();
            client.text("hello");
            client.text("hello");
            bed.pass(Duration::from_millis(20));
            leave(&client, way);
            bed.pass(Duration::from_secs(10));
            let (log, frames) = (bed.log(), client.frames());
            assert_eq!(log.iter().filter(|line| line.starts_with("close")).count(), 1, "{place}, {way}: {log:?}");
            let closes = frames.iter().filter(|frame| matches!(frame, Frame::Close(..))).count();
            assert!(closes <= 1 && !frames.contains(&Frame::Text("after".to_owned())), "{place}, {way}: {frames:?}");
            bed.assert_empty();
        }
    }
}

#[test]
fn a_handler_may_close_others_and_what_it_said_to_them_before_arrives() {
    let others: Arc<Mutex<Vec<ConnectionId>>> = Arc::default();
    let ids = Arc::clone(&others);
    let mut bed = Bed::new(scripted(move |ctx, name| match name {
        "open" => ids.lock().expect("no panic").push(ctx.id()),
        "kick" => {
            for id in ids.lock().expect("no panic").iter() {
                ctx.send_to(*id, "out");
                ctx.close_id(*id, CloseFrame::normal("kicked"));
                ctx.send_to(*id, "still there?");
            }
        }
        _ => {}
    }));
    let mut clients = bed.open_many(3);
    // The others have something to say in the same turn, the last one before it is closed.
    clients[1].text("kick");
    clients[0].text("hello");
    clients[2].text("hello");
    bed.settle();
    for client in &mut clients {
        let expected = [Frame::Text("out".to_owned()), Frame::Close(1000, "kicked".to_owned())];
        assert_eq!(client.frames(), expected);
        client.close(1000);
    }
    bed.settle();
    assert_eq!(bed.log().iter().filter(|line| line.starts_with("close local")).count(), 3);
    bed.assert_empty();
}

#[test]
fn messages_sent_when_a_connection_ends_leave_in_the_next_turn() {
    for way in WAYS {
        let mut bed = Bed::new(scripted(|ctx, name| {
            if name == "error" || name == "close" {
                ctx.broadcast(name);
                ctx.publish("t", "topic");
            }
            if name == "error" {
                ctx.send("nobody");
            }
            if name == "open" {
                ctx.subscribe("t");
            }
        }));
        let mut clients = bed.open_many(2);
        leave(&clients[0], way);
        bed.turn();
        assert_eq!(clients[1].texts(), [""; 0]);
        assert_eq!(bed.server.timeout(), Some(Duration::ZERO));
        bed.turn();
        let expected: &[&str] = match way {
            "close" | "fin" => &["close", "topic"],
            _ => &["error", "topic", "close", "topic"],
        };
        assert_eq!(clients[1].texts(), expected, "{way}");
        bed.settle();
        assert!(!clients[0].frames().contains(&Frame::Text("nobody".to_owned())));
    }
}

#[test]
fn handlers_that_close_each_other_from_close_come_to_an_end() {
    let ids: Arc<Mutex<Vec<ConnectionId>>> = Arc::default();
    let open = Arc::clone(&ids);
    let mut bed = Bed::new(scripted(move |ctx, name| {
        let mut open = open.lock().expect("no panic");
        match name {
            "open" => open.push(ctx.id()),
            "close" => {
                open.retain(|id| *id != ctx.id());
                open.first().iter().for_each(|id| ctx.close_id(**id, CloseFrame::normal("you too")));
            }
            _ => {}
        }
    }));
    let mut clients = bed.open_many(50);
    clients[0].finish();
    for _ in 0..60 {
        bed.settle();
        for client in &mut clients {
            if client.frames().iter().any(|frame| matches!(frame, Frame::Close(..))) {
                client.finish();
            }
        }
    }
    assert_eq!(ids.lock().expect("no panic").len(), 0);
    bed.assert_empty();
}

#[test]
fn drain_may_say_more() {
    let mut bed = Bed::new(scripted(|ctx, name| match name {
        "fill" => (0..40).for_each(|_| ctx.send([0; 10_000])),
        "drain" => ctx.send("drained"),
        _ => {}
    }));
    let mut client = bed.open();
    client.limit(0);
    client.text("fill");
    bed.settle();
    client.unlimit();
    bed.settle();
    let frames = client.frames();
    assert_eq!((frames.len(), frames.last()), (41, Some(&Frame::Text("drained".to_owned()))));
}

#[test]
fn an_id_reaches_nobody_once_its_connection_has_left() {
    let first: Arc<Mutex<Option<ConnectionId>>> = Arc::default();
    let id = Arc::clone(&first);
    let mut bed = Bed::new(scripted(move |ctx, name| {
        let mut id = id.lock().expect("no panic");
        match name {
            "open" => _ = id.get_or_insert(ctx.id()),
            "hello" => {
                let id = id.expect("an id");
                ctx.send_to(id, "for the first");
                ctx.close_id(id, CloseFrame::normal("first"));
            }
            _ => {}
        }
    }));
    let client = bed.open();
    client.close(1000);
    bed.settle();
    let mut next = bed.open();
    assert_eq!((bed.ids()[0].slot, bed.ids()[1].slot), (0, 0), "the slot is used again");
    next.text("hello");
    bed.handle.send(bed.ids()[0], "for the first").expect("room");
    bed.handle.close_id(bed.ids()[0], CloseFrame::normal("first")).expect("room");
    bed.settle();
    assert_eq!(next.frames(), []);
}

#[test]
fn events_about_those_who_have_left_are_ignored() {
    let mut bed = Bed::new(App::echo());
    let client = bed.open();
    let old = Token::Connection { slot: 0, generation: 0 };
    client.close(1000);
    let event = Ready { token: old, readable: true, writable: true, read_closed: true };
    bed.network.inject(event);
    bed.turn();
    // Nobody is there, then somebody else; and nobody has ever been there.
    bed.network.inject(event);
    bed.turn();
    let mut next = bed.open();
    next.calls();
    bed.network.inject(event);
    bed.network.inject(Ready { token: Token::Connection { slot: 7, generation: 0 }, ..event });
    bed.turn();
    assert_eq!(next.calls(), Calls::default());
    next.text("hello");
    bed.settle();
    assert_eq!(next.texts(), ["hello"]);
}

#[test]
fn slots_are_freed_at_the_end_of_a_turn_alone() {
    let mut bed = Bed::new(App::echo());
    let (old, next) = (bed.open(), bed.connect(&request("/")));
    // In one turn the one goes, then the other is accepted.
    old.close(1000);
    bed.turn();
    assert!(old.is_gone());
    bed.settle();
    assert_eq!(bed.ids().iter().map(|id| id.slot).collect::<Vec<_>>(), [0, 1]);
    drop(next);
    bed.open();
    assert_eq!(bed.ids()[2].slot, 0, "in a later turn it is used again");
}

#[test]
fn close_comes_after_the_callback_that_has_closed() {
    let busy = Arc::new(Mutex::new(0));
    let mut bed = Bed::new(scripted(move |ctx, name| {
        // A lock that is taken is a callback that has not returned.
        let _busy = busy.try_lock().expect("no callback within another");
        if name == "hello" {
            ctx.close(CloseFrame::normal(""));
            ctx.close_id(ctx.id(), CloseFrame::normal(""));
            ctx.broadcast("closed");
        }
    }));
    let clients = bed.open_many(2);
    clients[0].text("hello");
    clients[1].finish();
    bed.settle();
    clients[0].close(1000);
    bed.settle();
    let log = bed.log();
    assert_eq!(log[2..], ["message #0.0", "close lost 1006 #1.0", "close local 1000 #0.0"]);
    bed.assert_empty();
}

#[test]
fn events_that_are_not_true_do_no_harm() {
    let mut bed = Bed::new(App::echo());
    let mut clients = bed.open_many(3);
    clients[1].limit(2);
    clients[1].text("a");
    bed.settle();
    for client in &clients {
        client.spurious();
    }
    bed.settle();
    clients[1].unlimit();
    for client in &mut clients[..2] {
        client.text("b");
        client.spurious();
    }
    bed.settle();
    assert_eq!(clients[0].texts(), ["b"]);
    assert_eq!(clients[1].texts(), ["a", "b"]);
}

#[test]
fn a_value_stays_attached_until_close_has_been_called() {
    let seen: Arc<Mutex<Vec<u32>>> = Arc::default();
    let values = Arc::clone(&seen);
    let mut bed = Bed::new(scripted(move |ctx, name| match name {
        "open" => ctx.attach(7_u32),
        "close" | "error" | "timer" => values.lock().expect("no panic").extend(ctx.attached::<u32>().copied()),
        _ => {}
    }));
    for way in WAYS {
        let client = bed.open();
        leave(&client, way);
        bed.pass(Duration::from_secs(2));
    }
    assert_eq!(*seen.lock().expect("no panic"), [7; 6]);
    bed.assert_empty();
}
