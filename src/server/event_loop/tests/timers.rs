//! Applications' timers: exact, however busy the loop is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::*;

/// Acts on texts, and on `timer` when one has come.
fn alarm(act: impl Fn(&mut Context<'_>, &str) + Send + 'static) -> App {
    App::new(move |ctx, call| match call {
        Call::Message(Message::Text(text)) => act(ctx, text),
        Call::Timer(_) => act(ctx, "timer"),
        _ => {}
    })
}

#[test]
fn timers_come_when_they_are_due_in_their_order() {
    let order: Arc<Mutex<Vec<TimerId>>> = Arc::default();
    let came = Arc::clone(&order);
    let mut bed = Bed::new(App::new(move |ctx, call| match call {
        Call::Message(_) => {
            let timers = [30, 10, 20, 10, 0].map(|millis| ctx.after(Duration::from_millis(millis)));
            ctx.cancel(timers[1]);
        }
        Call::Timer(timer) => came.lock().expect("no panic").push(timer),
        _ => {}
    }));
    let client = bed.open();
    client.text("set");
    bed.settle();
    let mut counts = vec![order.lock().expect("no panic").len()];
    for _ in 0..4 {
        assert!(bed.server.timeout().is_some_and(|timeout| timeout <= Duration::from_millis(10)) || counts.len() > 3);
        bed.pass(Duration::from_millis(10));
        counts.push(order.lock().expect("no panic").len());
    }
    assert_eq!(counts, [1, 2, 3, 4, 4]);
    let order = order.lock().expect("no panic");
    assert!(order[0] > order[1] && order[1] > order[2] && order[3] < order[2], "0, 10, 20, 30 ms");
}

#[test]
fn the_1025th_pending_timer_is_1008() {
    let mut bed = Bed::new(alarm(|ctx, text| {
        if text == "set" {
            ctx.after(Duration::from_secs(3600));
        }
    }));
    let mut client = bed.open();
    (0..1024).for_each(|_| client.text("set"));
    bed.settle();
    assert_eq!(client.frames(), []);
    client.text("set");
    bed.settle();
    assert_eq!(client.frames(), [Frame::Close(1008, "too many pending timers".to_owned())]);
}

#[test]
fn a_timer_that_is_set_again_at_once_does_not_hold_up_the_turn() {
    let mut bed = Bed::new(alarm(|ctx, _| _ = ctx.after(Duration::ZERO)));
    let (mut bystander, client) = (bed.open(), bed.open());
    client.text("set");
    bed.log();
    for turn in 0..5 {
        bystander.ping(b"");
        bed.turn();
        assert_eq!(bystander.frames().len(), 1, "turn {turn}");
    }
    assert!(bed.log().len() <= 6);
}

#[test]
fn timers_come_while_the_loop_is_busy() {
    let mut bed = Bed::new(alarm(|ctx, text| {
        if matches!(text, "set" | "timer") {
            ctx.after(Duration::from_millis(10));
        }
    }));
    let (client, flooder) = (bed.open(), bed.open());
    client.text("set");
    (0..20_000).for_each(|_| flooder.ping(b""));
    bed.log();
    for turn in 0..50 {
        bed.turn();
        assert!(bed.server.is_busy(), "turn {turn}");
        bed.network.advance(Duration::from_millis(10));
    }
    assert_eq!(bed.log().iter().filter(|line| line.starts_with("timer")).count(), 49);
}

#[test]
fn timers_are_looked_at_every_10_ms_of_a_long_turn() {
    // A turn of nothing but this would take a tenth of a second and more.
    let many = 400;
    let handled = Arc::new(AtomicUsize::new(0));
    let (most, count) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&handled));
    let longest = Arc::clone(&most);
    let mut bed = Bed::new(App::new(move |ctx, call| match call {
        Call::Message(Message::Text("set")) => _ = ctx.after(Duration::from_millis(1)),
        Call::Message(_) => _ = count.fetch_add(1, Ordering::Relaxed),
        Call::Timer(_) => {
            longest.fetch_max(count.swap(0, Ordering::Relaxed), Ordering::Relaxed);
            ctx.after(Duration::from_millis(1));
        }
        _ => {}
    }));
    let clients = bed.open_many(many);
    clients[0].text("set");
    bed.settle();
    // As long as it takes to read 256 KiB.
    bed.network.cost(Duration::from_micros(150));
    for _ in 0..3 {
        clients.iter().for_each(|client| client.text("x"));
        bed.turn();
    }
    let most = most.load(Ordering::Relaxed);
    assert!((1..=66).contains(&most), "{most} messages, each of which took 0.15 ms, between two timers");
}

#[test]
fn whatever_a_turn_does_it_looks_at_the_clock_between() {
    let many = 100;
    let looks = |what: &str, calls_each: usize, bed: &mut Bed, turns: usize| {
        bed.network.most_calls_without_a_look();
        (0..turns).for_each(|_| bed.turn());
        let most = bed.network.most_calls_without_a_look();
        assert!((1..=33 * calls_each).contains(&most), "{what}: {most} calls on sockets without a look at the clock");
    };
    let mut bed = Bed::new(App::echo());
    let mut clients = bed.open_many(many);
    clients.iter().for_each(|client| client.text("x"));
    looks("events", 2, &mut bed, 1);
    let flood = masked(0x81, b"x").repeat(700);
    clients.iter().for_each(|client| client.write(&flood));
    looks("those who flood", 2, &mut bed, 2);
    bed.settle();
    clients.iter_mut().for_each(|client| _ = client.bytes());
    bed.network.advance(Duration::from_secs(26));
    looks("pings", 1, &mut bed, 1);
    bed.settle();
    clients.iter().for_each(|client| client.limit(0));
    bed.handle.broadcast("/*", vec![0; 600_000]).expect("room");
    bed.settle();
    clients.iter().for_each(Client::unlimit);
    // By 256 KiB a turn: the first for the event.
    bed.turn();
    looks("queues", 2, &mut bed, 1);
    bed.settle();
    bed.handle.shutdown(Shutdown::default());
    looks("a shutdown", 2, &mut bed, 1);
    bed.settle();
    let closes = |client: &mut Client| client.frames().iter().filter(|it| matches!(it, Frame::Close(..))).count();
    assert!(clients.iter_mut().all(|client| closes(client) == 1));
}

#[test]
fn a_thousand_timers_come_due_in_a_turn() {
    let mut bed = Bed::new(alarm(|ctx, text| {
        if text == "set" {
            (0..1024).for_each(|_| _ = ctx.after(Duration::from_millis(5)));
        }
    }));
    let clients = bed.open_many(3);
    clients.iter().for_each(|client| client.text("set"));
    bed.settle();
    bed.network.advance(Duration::from_millis(5));
    for left in [2048, 1024, 0] {
        bed.log();
        bed.turn();
        assert_eq!(bed.log().len(), 1024);
        assert_eq!(bed.is_quiet(), left == 0);
    }
}

#[test]
fn a_connection_with_too_many_timers_is_1008() {
    let mut bed = Bed::new(alarm(|ctx, text| {
        if text == "set" {
            (0..600).for_each(|_| _ = ctx.after(Duration::from_secs(60)));
        }
    }));
    let mut client = bed.open();
    client.text("set");
    bed.settle();
    assert_eq!(client.frames(), []);
    client.text("set");
    client.text("not handled");
    bed.settle();
    assert_eq!(client.frames(), [Frame::Close(1008, "too many pending timers".to_owned())]);
    assert_eq!(bed.log()[3..], ["error too many pending timers #0.0", "close failed 1008 #0.0"]);
}

#[test]
fn a_timer_comes_though_its_connection_has_left_and_somebody_else_has_its_slot() {
    let mut bed = Bed::new(alarm(|ctx, text| match text {
        "set" => _ = ctx.after(Duration::from_secs(5)),
        "timer" => {
            ctx.send("to nobody");
            ctx.broadcast("to all");
        }
        _ => {}
    }));
    let client = bed.open();
    client.text("set");
    client.close(1000);
    bed.settle();
    let mut next = bed.open();
    bed.pass(Duration::from_secs(6));
    assert_eq!(next.texts(), ["to all"]);
    assert_eq!(bed.log().last().map(String::as_str), Some("timer #0.0"));
}

#[test]
fn a_timer_wakes_a_server_that_nobody_is_connected_to() {
    let mut bed = Bed::new(alarm(|_, _| {}));
    bed.handle.call("/*", |_: &mut App, ctx| _ = ctx.after(Duration::from_millis(1500))).expect("room");
    bed.settle();
    assert_eq!(bed.server.timeout(), Some(Duration::from_millis(1500)));
    assert_eq!(bed.pass(Duration::from_millis(1500)), 1);
    assert_eq!(bed.log().len(), 1);
    assert_eq!(bed.server.timeout(), None);
}
