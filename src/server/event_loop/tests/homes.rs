//! Homes: topics that connections have in place of their mount.

use std::sync::{Arc, Mutex};

use super::*;
use crate::http::Request;
use crate::server::{Accept, Deferred};

/// Its clients take the path as their home, unless it is `/`. Texts: `home x`, `leave x`, `subscribe x`, `publish x text`,
/// `all text`, `me text`, `count`, `attach`, `detach`.
fn rooms() -> App {
    App::new(|ctx, call| {
        let Call::Message(Message::Text(text)) = call else { return };
        for order in text.split(';') {
            match *order.split(' ').collect::<Vec<_>>() {
                ["home", topic] => ctx.set_home(topic),
                ["leave", topic] => ctx.unsubscribe(topic),
                ["subscribe", topic] => ctx.subscribe(topic),
                ["publish", topic, text] => ctx.publish(topic, text),
                ["all", text] => ctx.broadcast(text),
                ["me", text] => ctx.send(text),
                ["count", topic] => {
                    let count = format!("{} {} {:?}", ctx.connections(), ctx.subscribers(topic), ctx.home());
                    assert_eq!(ctx.connection_ids().count(), ctx.connections());
                    ctx.send(count);
                }
                ["attach"] => ctx.attach(text.to_owned()),
                ["detach"] => {
                    assert_eq!(ctx.detach::<u8>(), None, "it is no u8, and stays");
                    ctx.send(ctx.attached::<String>().cloned().unwrap_or_default());
                    assert!(ctx.detach::<String>().is_some() && ctx.detach::<String>().is_none());
                }
                ref other => panic!("{other:?}"),
            }
        }
    })
    .accepting(take_home)
}

fn take_home(ctx: &mut Context<'_>, request: &Request<'_>) -> Accept {
    assert_eq!(ctx.home(), None);
    if request.path() != "/" {
        ctx.set_home(request.path());
        assert_eq!(ctx.home(), Some(request.path()));
    }
    if request.path() == "/no" { Accept::no(403, "no\n") } else { Accept::yes() }
}

fn topics(bed: &Bed) -> impl Fn(&str) -> bool {
    let topics = &bed.server.lines.shared.topics;
    |name| topics.key(name).is_some()
}

#[test]
fn a_home_is_heard_in_place_of_the_mount_and_costs_no_memory() {
    let mut bed = Bed::new(rooms());
    let mut clients = ["/", "/a", "/a", "/b"].map(|path| bed.open_at(path));
    clients[0].text("publish /a 1;all 2;publish /b 3;publish / 4;count /a");
    bed.settle();
    clients[1].text("count /b");
    bed.settle();
    let got = clients.each_mut().map(Client::texts);
    assert_eq!(got, [&["2", "1 2 None"][..], &["1", "1 1 Some(\"/a\")"], &["1"], &["3"]]);
    for slot in 0..4 {
        assert!(bed.connection(slot).extra().is_none(), "{slot}");
    }
    drop(clients);
    bed.pass(Duration::from_secs(70));
    bed.assert_empty();
    assert!(!topics(&bed)("/a") && !topics(&bed)("/b"));
}

#[test]
fn a_home_holds_from_where_it_is_taken() {
    for (texts, expected) in [
        (&[(0, "all a;home t;all b;publish t c")][..], [&["a", "c"][..], &["a", "b"]]),
        (&[(0, "home t;publish t a;home u;publish t b;publish u c")], [&["a", "c"], &[]]),
        // A subscription to the home is part of it, and a subscription beside it is not.
        (&[(0, "subscribe t;home t;subscribe t;publish t a;leave t;publish t b;all c")], [&["a", "c"], &["c"]]),
        (&[(0, "subscribe u;home t;publish u a;publish t b;home u;publish u c")], [&["a", "b", "c"], &[]]),
        (&[(0, "home t"), (1, "home t;publish t a;leave t;publish t b;all c")], [&["a", "b"], &["a", "c"]]),
        (&[(0, "subscribe t"), (1, "subscribe t;home t"), (0, "leave t;publish t a")], [&[], &["a"]]),
        (&[(0, "home t;home t;me a;publish t b;home u;leave t;publish u c")], [&["a", "b", "c"], &[]]),
    ] {
        let mut bed = Bed::new(rooms());
        let mut clients = [bed.open(), bed.open()];
        for (from, text) in texts {
            clients[*from].text(text);
            bed.turn();
        }
        assert_eq!(clients.each_mut().map(Client::texts), expected, "{texts:?}");
    }
}

#[test]
fn a_connection_that_is_refused_or_lost_leaves_no_trace_of_its_home() {
    let mut bed = Bed::new(rooms());
    let _refused = bed.connect(&request("/no"));
    bed.settle();
    assert!(!topics(&bed)("/no"));

    let deferred: Arc<Mutex<Vec<Deferred>>> = Arc::default();
    let taken = Arc::clone(&deferred);
    let mut bed = Bed::new(rooms().accepting(move |ctx, request| {
        take_home(ctx, request);
        taken.lock().expect("no panic").push(ctx.deferred());
        Accept::Later
    }));
    let (lost, mut kept) = (bed.connect(&request("/lost")), bed.connect(&request("/kept")));
    bed.settle();
    lost.finish();
    bed.settle();
    for deferred in deferred.lock().expect("no panic").iter() {
        bed.handle.settle(*deferred, Accept::yes()).expect("room");
    }
    bed.settle();
    assert!(!topics(&bed)("/lost") && topics(&bed)("/kept"));
    assert!(kept.response().is_some());
    bed.handle.publish("/kept", "a").expect("room");
    bed.settle();
    assert_eq!(kept.texts(), ["a"]);
}

#[test]
fn a_home_that_a_plain_request_wishes_for_is_not_that_of_a_later_websocket() {
    let app = rooms().accepting(|ctx, _| {
        assert_eq!(ctx.home(), None);
        Accept::yes()
    });
    let mut bed = Bed::new(app.answering(|ctx, _, _| {
        ctx.set_home("of the request");
        crate::http::Response::new(204).into()
    }));
    let mut client = bed.connect("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.write(request("/").as_bytes());
    bed.settle();
    client.text("count t");
    bed.settle();
    assert!(String::from_utf8_lossy(client.bytes()).contains("1 0 None"));
}

#[test]
fn a_value_that_is_taken_out_takes_its_memory_with_it() {
    let mut bed = Bed::new(rooms());
    let mut client = bed.open_at("/a");
    client.text("attach");
    bed.settle();
    assert!(bed.connection(0).extra().is_some());
    client.text("detach");
    bed.settle();
    assert_eq!(client.texts(), ["attach"]);
    assert!(bed.connection(0).extra().is_none());
    // Other data beside it stays.
    client.text("attach;subscribe b;detach");
    bed.settle();
    assert_eq!(client.texts(), ["attach;subscribe b;detach"]);
    bed.handle.publish("b", "1").expect("room");
    bed.settle();
    assert_eq!(client.texts(), ["1"]);
}

#[test]
fn a_path_that_all_connections_share_takes_no_memory_for_each() {
    let mut bed = Bed::new(App::new(|ctx, call| {
        if let Call::Message(Message::Text(text)) = call {
            ctx.send(ctx.path().to_owned());
            ctx.set_path(text);
            ctx.send(ctx.path().to_owned());
        }
    }));
    let mut clients = ["/a", "/b", "/c"].map(|path| bed.open_at(path));
    assert_eq!(bed.server.lines.shared.table.paths(), 3);
    clients.iter_mut().for_each(|client| client.text("/all/*"));
    bed.settle();
    assert_eq!(clients.each_mut().map(Client::texts), [["/a", "/all/*"], ["/b", "/all/*"], ["/c", "/all/*"]]);
    assert_eq!(bed.server.lines.shared.table.paths(), 1);
    drop(clients);
    bed.pass(Duration::from_secs(70));
    assert_eq!(bed.server.lines.shared.table.paths(), 0);
}
