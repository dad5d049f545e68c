//! Answers to plain requests that come later.

use std::sync::{Arc, Mutex};

use super::*;
use crate::server::Deferred;

#[test]
fn an_answer_may_come_later_and_pipelined_requests_wait_for_it() {
    let owed: Arc<Mutex<Vec<Deferred>>> = Arc::default();
    let noted = Arc::clone(&owed);
    let app = App::echo().answering(move |ctx, request, _| match request.path() {
        "/now" => Answer::Now(Response::text(200, "now")),
        _ => {
            noted.lock().expect("no panic").push(ctx.deferred());
            Answer::Later
        }
    });
    let mut bed = Bed::new(app);
    let mut client = bed.connect(
        "GET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /now HTTP/1.1\r\nHost: h\r\n\r\nHEAD /later HTTP/1.1\r\nHost: h\r\n\r\n",
    );
    bed.settle();
    assert_eq!(client.bytes().len(), 0);
    let take = || std::mem::take(&mut *owed.lock().expect("no panic"));
    let [first] = take()[..] else { panic!("one is owed") };
    bed.handle.answer(first, Response::text(200, "at last")).expect("room");
    bed.settle();
    assert_eq!(answers(&mut client), [ok("at last"), ok("now")]);
    let [second] = take()[..] else { panic!("another is owed") };
    // A name that was answered already reaches nobody.
    bed.handle.answer(first, Response::text(200, "twice")).expect("room");
    bed.settle();
    assert_eq!(client.bytes().len(), 0);
    bed.handle.answer(second, Response::text(200, "only a head")).expect("room");
    bed.settle();
    let bytes = std::mem::take(client.bytes());
    assert!(bytes.ends_with(b"\r\n\r\n") && !bytes.windows(4).any(|it| it == b"only"), "{}", bytes.escape_ascii());
    // An application that never answers.
    client.write(b"GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    bed.pass(Duration::from_secs(31));
    assert_eq!(answers(&mut client)[0].0, 503);
    assert!(client.is_ended());
}

#[test]
fn a_shutdown_closes_idle_connections_at_once_and_lets_owed_answers_leave() {
    let owed: Arc<Mutex<Vec<Deferred>>> = Arc::default();
    let noted = Arc::clone(&owed);
    let app = App::echo().answering(move |ctx, request, _| {
        if request.path() == "/now" {
            return Answer::Now(Response::text(200, "now"));
        }
        noted.lock().expect("no panic").push(ctx.deferred());
        Answer::Later
    });
    let mut bed = Bed::new(app);
    let idle = bed.connect("GET /now HTTP/1.1\r\nHost: h\r\n\r\n");
    let mut waiting = bed.connect("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    bed.settle();
    bed.handle.shutdown(Shutdown::default());
    bed.settle();
    assert!(idle.is_gone() && !waiting.is_ended());
    let owed = owed.lock().expect("no panic")[0];
    bed.handle.answer(owed, Response::text(200, "done")).expect("room");
    bed.settle();
    let bytes = waiting.bytes().clone();
    assert!(bytes.windows(17).any(|window| window == b"Connection: close"));
    assert_eq!(answers(&mut waiting), [ok("done")]);
}
