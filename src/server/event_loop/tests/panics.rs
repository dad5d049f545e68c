//! Handlers that panic.

use std::panic::resume_unwind;

use super::*;

/// A panic that prints nothing.
fn panic() -> ! {
    resume_unwind(Box::new("on purpose"))
}

/// Panics in one kind of callback, for connections on which `panic` was said.
fn panics_in(place: &'static str) -> App {
    App::new(move |ctx, call| {
        let name = match call {
            Call::Open => "open",
            Call::Message(Message::Text("panic")) => {
                if place == "timer" {
                    ctx.after(Duration::ZERO);
                }
                if place == "drain" {
                    (0..40).for_each(|_| ctx.send([0; 10_000]));
                }
                ctx.attach(());
                "message"
            }
            Call::Message(message) => return ctx.send(message),
            Call::Drained => "drain",
            Call::Timer(_) => "timer",
            Call::Error => "error",
            Call::Close => "close",
        };
        let is_victim = ctx.path() == "/victim" && (place == "open" || ctx.attached::<()>().is_some());
        if name == place && is_victim {
            ctx.send("last words");
            ctx.broadcast("to all");
            panic();
        }
    })
}

#[test]
fn a_panic_costs_its_own_connection_only() {
    for place in ["open", "message", "drain", "timer", "error", "close"] {
        let mut bed = Bed::new(panics_in(place));
        let mut bystander = bed.open();
        let mut victim = bed.connect(&request("/victim"));
        bed.settle();
        assert!(victim.response().is_some_and(|response| response.starts_with("HTTP/1.1 101")), "{place}");
        victim.limit(0);
        victim.text("panic");
        bed.settle();
        victim.unlimit();
        bed.settle();
        match place {
            "error" => victim.write(b"\x81\x00"),
            "close" => victim.close(1000),
            _ => {}
        }
        bed.settle();
        let mut frames = victim.frames();
        frames.retain(|frame| !matches!(frame, Frame::Binary(_)));
        let text = |text: &str| Frame::Text(text.to_owned());
        let last = Frame::Close(1011, "handler panicked".to_owned());
        match place {
            "error" | "close" => assert!(matches!(frames[..], [Frame::Close(1000 | 1002, _)]), "{place}: {frames:?}"),
            _ => assert_eq!(frames, [text("last words"), text("to all"), last], "{place}"),
        }
        victim.finish();
        bystander.text("still here");
        bed.settle();
        assert_eq!(bystander.texts(), ["to all", "still here"], "{place}");
        let log = bed.log();
        let count = |what: &str| log.iter().filter(|line| line.starts_with(what)).count();
        assert_eq!((count("close"), count("error handler panicked")), (1, usize::from(frames.len() == 3)), "{place}");
        assert_eq!(bed.connections(), 1);
    }
}

#[test]
fn a_large_message_that_was_sent_back_before_a_panic_arrives_whole() {
    // In the receive buffer, and in a buffer of its own.
    for size in [40_000, 500_000] {
        let mut bed = Bed::new(App::new(|ctx, call| match call {
            Call::Message(Message::Binary(message)) => {
                ctx.send(message);
                panic();
            }
            Call::Message(message) => ctx.send(message),
            _ => {}
        }));
        let (mut victim, mut bystander) = (bed.open(), bed.open());
        let payload: Vec<u8> = (0..size).map(|at| at as u8).collect();
        victim.limit(100);
        victim.frame(0x82, &payload);
        bed.settle();
        victim.unlimit();
        bystander.text(&"x".repeat(40_000));
        bed.settle();
        let frames = victim.frames();
        assert!(frames[0] == Frame::Binary(payload), "{size}");
        assert_eq!(frames[1..], [Frame::Close(1011, "handler panicked".to_owned())]);
        assert_eq!(bystander.texts(), ["x".repeat(40_000)]);
    }
}

#[test]
fn broadcasts_before_a_panic_or_the_end_are_too_many_for_a_queue_as_ever() {
    for (text, first) in [("panic", 1000), ("shut down", 900_000)] {
        let mut bed = Bed::new(App::new(|ctx, call| match call {
            Call::Message(Message::Text("panic")) => {
                (0..8).for_each(|n| ctx.broadcast(vec![n; 200_000]));
                panic();
            }
            Call::Message(message) => ctx.broadcast(message),
            _ => {}
        }));
        let mut clients = bed.open_many(2);
        clients[0].limit(100);
        clients[1].frame(0x82, &vec![9; first]);
        bed.settle();
        if text == "panic" {
            clients[0].text(text);
        } else {
            bed.handle.broadcast("/*", vec![0; 200_000]).expect("room");
            bed.handle.shutdown(Shutdown::default());
        }
        bed.settle();
        let mut log = bed.log();
        log.retain(|line| line.ends_with(" #0.0") && !line.starts_with("open") && !line.starts_with("message"));
        assert_eq!(log, ["error slow consumer #0.0", "close failed 1013 #0.0"], "{text}");
        clients[0].unlimit();
        bed.settle();
        let frames = clients[0].frames();
        assert_eq!(frames[1..], [Frame::Close(1013, "slow consumer".to_owned())], "{text}");
        let others = clients[1].frames();
        let count = others.iter().filter(|frame| matches!(frame, Frame::Binary(_))).count();
        assert_eq!(count, if text == "panic" { 9 } else { 2 }, "{text}");
    }
}

#[test]
fn a_panic_in_accept_is_a_500() {
    let mut bed = Bed::new(App::echo().accepting(|ctx, _| {
        ctx.send("never");
        panic()
    }));
    let mut client = bed.connect(&request("/"));
    bed.settle();
    assert!(client.response().is_some_and(|response| response.starts_with("HTTP/1.1 500")));
    client.finish();
    bed.settle();
    assert_eq!(bed.log(), [""; 0]);
    bed.assert_empty();
}

#[test]
fn a_panic_in_a_route_is_a_500() {
    let mut bed = Bed::of(Config::default(), vec![("/ws", App::echo())], vec![("/", Box::new(|_, _| panic()))]);
    let mut bystander = bed.open_at("/ws");
    let mut client = bed.connect("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
    bystander.text("still here");
    bed.settle();
    assert!(client.response().is_some_and(|response| response.starts_with("HTTP/1.1 500")));
    assert_eq!(bystander.texts(), ["still here"]);
}

#[test]
fn a_panic_in_a_call_from_a_handle_costs_nobody_anything() {
    let mut bed = Bed::new(App::echo());
    let mut client = bed.open();
    let say_and_panic = |_: &mut App, ctx: &mut Context<'_>| {
        ctx.broadcast("said");
        panic();
    };
    bed.handle.call("/*", say_and_panic).expect("room");
    bed.handle.broadcast("/*", "next").expect("room");
    bed.settle();
    assert_eq!(client.texts(), ["said", "next"]);
}

#[test]
fn the_eleventh_panic_ends_the_server() {
    let mut bed = Bed::new(panics_in("message"));
    for panics in 1..=11 {
        bed.open_at("/victim").text("panic");
        let goes_on = loop {
            match bed.server.step() {
                Ok(true) if bed.is_quiet() => break true,
                Ok(_) => {}
                Err(_) => break false,
            }
        };
        assert_eq!(goes_on, panics <= 10, "after {panics}");
    }
}

#[test]
fn a_handler_that_panics_too_often_ends_the_server() {
    let config = Config { max_panics: 2, ..Config::default() };
    let mut bed = Bed::with(config, panics_in("message"));
    let bystander = bed.open();
    for _ in 0..3 {
        let client = bed.open_at("/victim");
        client.text("panic");
        bed.network.run();
        if bed.ids().len() < 4 {
            bed.settle();
        }
    }
    let error = loop {
        match bed.server.step() {
            Ok(goes_on) => assert!(goes_on, "three panics"),
            Err(error) => break error,
        }
    };
    let why = "the handler at /* has panicked 3 times, more than Config::max_panics allows";
    assert_eq!(error.to_string(), why);
    let log = bed.log();
    assert_eq!(log.iter().filter(|line| line.starts_with("close")).count(), 4, "{log:?}");
    assert!(bed.handle.broadcast("/*", "x").is_err(), "it has stopped");
    drop(bystander);
}

#[test]
fn a_route_that_panics_is_500_and_counted() {
    let answer: crate::server::event_loop::site::Route = Box::new(|_, _| panic());
    let mut bed = Bed::of(Config::default(), vec![("/ws", App::echo())], vec![("/", answer)]);
    for panics in 1..20 {
        let mut client = bed.connect("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
        bed.settle();
        assert!(client.response().is_some_and(|response| response.starts_with("HTTP/1.1 500")));
        assert_eq!(bed.stats().get(Count::Panics), panics);
    }
    bed.open_at("/ws");
}
