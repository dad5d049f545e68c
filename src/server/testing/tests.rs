//! The stage itself, with small applications.

mod hosts;
mod requests;

use super::*;
use crate::http::Request;
use crate::protocol::{CloseCode, Message};
use crate::server::Context;
use crate::server::{Accept, CloseReason, Deferred, Rejected, Shutdown};

/// Keeps a name for each connection, and puts decisions off when asked to.
#[derive(Default)]
struct Desk {
    log: Vec<String>,
    ticket: Option<Deferred>,
}

impl Handler for Desk {
    fn accept(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Accept {
        ctx.attach(request.query_param("name").unwrap_or_default().into_owned());
        match request.path() {
            "/later" => {
                self.ticket = Some(ctx.deferred());
                Accept::Later
            }
            "/no" => Accept::no(403, "not here\n"),
            _ => Accept::yes(),
        }
    }

    fn open(&mut self, ctx: &mut Context<'_>) {
        let name = ctx.attached::<String>().cloned().unwrap_or_default();
        ctx.broadcast_others(format!("{name} is here"));
        ctx.send(b"welcome");
    }

    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        match message {
            Message::Text("bye") => ctx.close(CloseFrame::new(CloseCode(4000), "as you say")),
            Message::Text("panic") => panic!("on request"),
            other => ctx.send(other),
        }
    }

    fn close(&mut self, ctx: &mut Context<'_>, reason: CloseReason<'_>) {
        let name = ctx.attached::<String>().cloned().unwrap_or_default();
        self.log.push(format!("{name} {}", reason.code().0));
    }
}

#[test]
fn clients_get_what_the_handler_sends_them() {
    let mut stage = Stage::new(Desk::default());
    let ann = stage.connect("/?name=Ann");
    let bob = stage.connect("/?name=Bob");
    assert_eq!(stage.status(ann), Some(101));
    assert_eq!(stage.received(ann), [Received::Binary(b"welcome".to_vec()), Received::Text("Bob is here".into())]);
    assert_eq!(stage.received(bob), [b"welcome"]);
    let large = "x".repeat(900_000);
    stage.send(bob, &*large);
    assert_eq!(stage.received(bob), [large]);
    assert!(stage.received(ann).is_empty());
}

#[test]
fn every_way_to_leave_is_told_once() {
    let mut stage = Stage::new(Desk::default());
    let [ann, bob, cy, dan] = ["Ann", "Bob", "Cy", "Dan"].map(|name| stage.connect(&format!("/?name={name}")));
    stage.close(ann, CloseFrame::new(CloseCode(3000), "done"));
    stage.send(bob, "bye");
    stage.vanish(cy);
    stage.send(dan, "panic");
    assert_eq!(stage.closed(ann).map(|frame| frame.code.0), Some(3000));
    assert_eq!(stage.closed(bob), Some(CloseFrame::new(CloseCode(4000), "as you say")));
    assert_eq!(stage.closed(cy), None);
    assert_eq!(stage.closed(dan).map(|frame| frame.code), Some(CloseCode::INTERNAL_ERROR));
    assert_eq!(stage.handler().log, ["Ann 3000", "Bob 4000", "Cy 1006", "Dan 1011"]);
}

#[test]
fn a_refusal_and_a_decision_put_off_show_in_the_status() {
    let mut stage = Stage::new(Desk::default());
    let no = stage.connect("/no");
    assert_eq!(stage.status(no), Some(403));
    let later = stage.connect("/later");
    assert_eq!(stage.status(later), None);
    let ticket = stage.handler().ticket.unwrap();
    stage.handle().settle(ticket, Accept::yes()).unwrap();
    stage.run();
    assert_eq!(stage.status(later), Some(101));
    assert_eq!(stage.received(later), [b"welcome"]);
    let never = stage.connect("/later");
    stage.advance(Duration::from_secs(12));
    assert_eq!(stage.status(never), Some(503));
}

#[test]
fn a_silent_client_is_pinged_and_its_answer_keeps_it() {
    let mut stage = Stage::new(Desk::default());
    let ann = stage.connect("/");
    stage.advance(Duration::from_secs(600));
    assert_eq!(stage.closed(ann), None);
    assert!(stage.handler().log.is_empty());
}

#[test]
fn a_silenced_client_is_dropped_after_its_ping_goes_unanswered() {
    let mut stage = Stage::new(Desk::default());
    let ann = stage.connect("/?name=Ann");
    stage.silence(ann);
    stage.advance(Duration::from_secs(44));
    assert!(stage.handler().log.is_empty());
    stage.advance(Duration::from_secs(3));
    assert_eq!(stage.handler().log, ["Ann 1006"]);
}

#[test]
fn a_shutdown_takes_the_stage_to_its_end() {
    let mut stage = Stage::at("/desk", Desk::default(), Config::default());
    let [ann, bob] = [stage.connect("/desk?name=Ann"), stage.connect("/desk?name=Bob")];
    stage.silence(bob);
    stage.handle().broadcast("/desk", "soon").unwrap();
    stage.handle().shutdown(Shutdown::default());
    stage.run();
    assert_eq!(stage.received(bob), [Received::Binary(b"welcome".to_vec()), Received::Text("soon".into())]);
    assert_eq!(stage.closed(ann).map(|frame| frame.code), Some(CloseCode::GOING_AWAY));
    stage.advance(Duration::from_secs(60));
    assert_eq!(stage.handle().broadcast("/desk", "late"), Err(Rejected::Stopped("late")));
    assert_eq!(stage.handler().log, ["Ann 1001", "Bob 1006"], "who does not answer in time has failed");
}
