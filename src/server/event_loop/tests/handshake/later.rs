//! Decisions about opening handshakes that come later.

use std::sync::{Arc, Mutex};

use super::*;
use crate::server::Deferred;

/// A bed whose decisions are put off, and where their tickets go.
fn undecided() -> (Bed, Arc<Mutex<Vec<Deferred>>>) {
    let tickets: Arc<Mutex<Vec<Deferred>>> = Arc::default();
    let taken = Arc::clone(&tickets);
    let app = App::echo().accepting(move |ctx, _| {
        taken.lock().expect("no panic").push(ctx.deferred());
        Accept::Later
    });
    (Bed::new(app), tickets)
}

#[test]
fn a_decision_may_come_later() {
    let (mut bed, tickets) = undecided();
    let mut clients: Vec<_> = (0..4).map(|_| bed.connect(&request("/"))).collect();
    // Right behind the request, and while its client waits.
    clients.iter().for_each(|client| client.text("early"));
    bed.settle();
    clients.iter().for_each(|client| client.text("later"));
    bed.settle();
    let tickets = tickets.lock().expect("no panic").clone();
    let answers = [Accept::yes(), Accept::no(403, "no\n"), Accept::subprotocol("never offered"), Accept::Later];
    for (ticket, answer) in tickets.iter().zip(answers) {
        bed.handle.settle(*ticket, answer).expect("room");
    }
    // Said twice is said once.
    bed.handle.settle(tickets[0], Accept::no(403, "no\n")).expect("room");
    bed.settle();
    let statuses: Vec<_> = clients.iter_mut().map(status).collect();
    assert_eq!(
        statuses,
        ["HTTP/1.1 101 Switching Protocols", "HTTP/1.1 403 Forbidden", "HTTP/1.1 500 Internal Server Error", ""]
    );
    assert_eq!(clients[0].texts(), ["early", "later"]);
    bed.handle.settle(tickets[3], Accept::yes()).expect("room");
    bed.settle();
    assert_eq!(status(&mut clients[3]), "HTTP/1.1 101 Switching Protocols");
    assert_eq!(clients[3].texts(), ["early", "later"]);
}

#[test]
fn a_client_that_hangs_up_right_behind_its_request_is_not_kept_for_the_decision() {
    for hang_up in [Client::finish, Client::reset] {
        let (mut bed, tickets) = undecided();
        let client = bed.connect(&request("/"));
        hang_up(&client);
        bed.settle();
        bed.assert_empty();
        for ticket in tickets.lock().expect("no panic").iter() {
            bed.handle.settle(*ticket, Accept::yes()).expect("room");
        }
        bed.settle();
        bed.assert_empty();
    }
}

#[test]
fn messages_to_a_connection_whose_decision_is_then_put_off_are_lost() {
    let opened = |ctx: &mut Context<'_>, call: Call<'_>| {
        if let Call::Open = call {
            ctx.send("open");
        }
    };
    let app = App::new(opened).accepting(|ctx, request| {
        ctx.send("accept");
        ctx.broadcast("to others");
        if request.path() == "/now" { Accept::yes() } else { Accept::Later }
    });
    let mut bed = Bed::new(app);
    let mut now = bed.open_at("/now");
    let mut later = bed.connect(&request("/later"));
    bed.settle();
    assert_eq!(now.texts(), ["accept", "open", "to others"]);
    let ticket = Deferred { id: ConnectionId { slot: 1, generation: 0 }, request: 0 };
    bed.handle.settle(ticket, Accept::yes()).expect("room");
    bed.settle();
    assert_eq!(
        (status(&mut later).as_str(), later.texts()),
        ("HTTP/1.1 101 Switching Protocols", vec!["open".to_owned()])
    );
}

#[test]
fn a_decision_that_came_later_leaves_an_idle_connection_without_a_heap_block() {
    let (mut bed, tickets) = undecided();
    let _client = bed.connect(&request("/"));
    bed.settle();
    let ticket = tickets.lock().expect("no panic")[0];
    bed.handle.settle(ticket, Accept::yes()).expect("room");
    bed.settle();
    assert!(bed.connection(0).extra().is_none() && bed.memory() == 0);
}

#[test]
fn a_decision_that_never_comes_is_503_and_one_that_comes_then_is_too_late() {
    let (mut bed, tickets) = undecided();
    let mut client = bed.connect(&request("/"));
    bed.pass(Duration::from_millis(9999));
    assert!(!client.is_ended());
    bed.pass(Duration::from_millis(250));
    assert_eq!(status(&mut client), "HTTP/1.1 503 Service Unavailable");
    assert!(!client.is_gone());
    client.bytes().clear();
    let ticket = tickets.lock().expect("no panic")[0];
    bed.handle.settle(ticket, Accept::yes()).expect("room");
    bed.settle();
    assert!(client.bytes().is_empty());
    bed.pass(Duration::from_secs(2));
    bed.handle.settle(ticket, Accept::yes()).expect("room");
    bed.settle();
    assert_eq!(bed.log(), [""; 0]);
    bed.assert_empty();
}

#[test]
fn a_client_that_leaves_while_its_decision_is_put_off_is_noticed_with_it() {
    for end in [Client::finish, Client::reset] {
        let (mut bed, tickets) = undecided();
        let client = bed.connect(&request("/"));
        bed.settle();
        end(&client);
        bed.settle();
        let ticket = tickets.lock().expect("no panic")[0];
        bed.handle.settle(ticket, Accept::yes()).expect("room");
        bed.settle();
        bed.assert_empty();
    }
}

#[test]
fn a_put_off_decision_does_not_keep_the_server_from_stopping() {
    let (mut bed, tickets) = undecided();
    let mut client = bed.connect(&request("/"));
    bed.settle();
    bed.handle.shutdown(Shutdown::default());
    bed.settle();
    assert_eq!(status(&mut client), "HTTP/1.1 503 Service Unavailable");
    client.bytes().clear();
    let ticket = tickets.lock().expect("no panic")[0];
    bed.handle.settle(ticket, Accept::yes()).expect("room");
    bed.settle();
    assert!(client.bytes().is_empty());
}
