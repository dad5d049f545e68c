//! Answers and decisions that callbacks give later, on the loop itself.

use std::sync::{Arc, Mutex};

use super::*;
use crate::http::Response;
use crate::server::{Accept, Answer, Deferred};

type Waiting = Arc<Mutex<Vec<Deferred>>>;

/// Puts all answers and decisions off, and gives them when a message comes or a connection closes.
fn patient() -> Bed {
    let waiting = Waiting::default();
    let (accepts, answers) = (Arc::clone(&waiting), Arc::clone(&waiting));
    let app = App::new(move |ctx, call| {
        if let Call::Message(_) | Call::Close = call {
            for deferred in waiting.lock().expect("no panic").drain(..) {
                ctx.send("before");
                ctx.answer(deferred, Response::text(200, "answered"));
                ctx.settle(deferred, Accept::yes());
                ctx.broadcast("after");
            }
        }
    });
    let app = app.accepting(move |ctx, request| {
        if request.path() == "/now" {
            return Accept::yes();
        }
        accepts.lock().expect("no panic").push(ctx.deferred());
        Accept::Later
    });
    Bed::new(app.answering(move |ctx, _, _| {
        answers.lock().expect("no panic").push(ctx.deferred());
        Answer::Later
    }))
}

fn has(client: &mut Client, text: &str) -> bool {
    String::from_utf8_lossy(client.bytes()).contains(text)
}

#[test]
fn decisions_of_a_callback_are_made_in_its_turn() {
    let mut bed = patient();
    let mut ann = bed.open_at("/now");
    let mut plain = bed.connect("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut bob = bed.connect(&request("/b"));
    bed.settle();
    ann.text("go");
    bed.turn();
    assert!(has(&mut plain, "answered") && has(&mut bob, "101 Switching"));
    assert_eq!(ann.texts(), ["before", "after", "before", "after"]);
    // Bob was not a member yet.
    bed.settle();
    assert!(!has(&mut bob, "after"));
}

#[test]
fn decisions_of_a_close_are_made_in_the_next_turn() {
    let mut bed = patient();
    let ann = bed.open_at("/now");
    let mut plain = bed.connect("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    bed.settle();
    ann.close(1000);
    bed.turn();
    assert!(plain.bytes().is_empty() && !bed.is_quiet());
    bed.turn();
    assert!(has(&mut plain, "answered"));
}

#[test]
fn requests_that_wait_behind_an_answer_are_handled_in_turn() {
    let app = App::echo().answering(|ctx, request, _| {
        ctx.answer(ctx.deferred(), Response::text(200, request.path().to_owned()));
        Answer::Later
    });
    let mut bed = Bed::new(app);
    let mut client =
        bed.connect(&(0..50).map(|at| format!("GET /{at} HTTP/1.1\r\nHost: a\r\n\r\n")).collect::<String>());
    // Accepted, then read.
    bed.turn();
    bed.turn();
    assert_eq!(String::from_utf8_lossy(client.bytes()).matches("200 OK").count(), 1, "one in a turn");
    bed.settle();
    let text = String::from_utf8_lossy(client.bytes()).into_owned();
    let bodies: Vec<_> = text.lines().filter_map(|line| line.split("HTTP").next()?.strip_prefix('/')).collect();
    assert_eq!(bodies, (0..50).map(|at| at.to_string()).collect::<Vec<_>>());
}
