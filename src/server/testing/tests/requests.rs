//! Plain requests, their answers now and later, and what is known of where they come from.

use super::*;
use crate::http::{Origin, OriginPolicy, Response};
use crate::server::{Answer, Config};

/// Puts answers and decisions off until it is told.
#[derive(Default)]
struct Office {
    waiting: Vec<Deferred>,
}

impl Handler for Office {
    fn accept(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Accept {
        if request.path() == "/at-once" {
            ctx.settle(ctx.deferred(), Accept::yes());
        } else {
            self.waiting.push(ctx.deferred());
        }
        Accept::Later
    }

    fn open(&mut self, ctx: &mut Context<'_>) {
        ctx.send("open");
    }

    fn request(&mut self, ctx: &mut Context<'_>, request: &Request<'_>, body: &[u8]) -> Answer {
        match request.path() {
            "/later" => self.waiting.push(ctx.deferred()),
            "/at-once" => ctx.answer(ctx.deferred(), Response::text(200, "at once")),
            "/release" => {
                for deferred in self.waiting.drain(..) {
                    ctx.answer(deferred, Response::text(200, "released"));
                    ctx.settle(deferred, Accept::no(403, "no"));
                    ctx.answer(deferred, Response::text(500, "the first counts"));
                }
                return Response::new(204).into();
            }
            _ => {
                let (forwarded, local) = (ctx.is_forwarded(request), ctx.peer().is_local());
                let text = format!("{forwarded} {local} {} {}", ctx.allows_origin(request), body.len());
                return Response::text(200, text).into();
            }
        }
        Answer::Later
    }

    fn message(&mut self, ctx: &mut Context<'_>, _message: Message<'_>) {
        for deferred in self.waiting.drain(..) {
            ctx.settle(deferred, Accept::yes());
        }
    }
}

fn text(stage: &mut Stage<Office>, client: Client) -> Option<String> {
    stage.response(client).map(|response| String::from_utf8(response.body).expect("text"))
}

#[test]
fn answers_may_come_later_from_another_callback() {
    let mut stage = Stage::new(Office::default());
    let first = stage.request("POST", "/later", &[], Some(b"x"));
    let second = stage.request("GET", "/later", &[], None);
    let ann = stage.connect("/");
    assert_eq!((stage.status(first), stage.status(ann)), (None, None));
    let release = stage.request("POST", "/release", &[], None);
    assert_eq!(stage.status(release), Some(204));
    assert_eq!([first, second].map(|client| text(&mut stage, client)), [(); 2].map(|()| Some("released".to_owned())));
    assert_eq!((stage.status(first), stage.status(ann)), (Some(200), Some(403)));
    // The same connection goes on.
    stage.request_again(first, "HEAD", "/at-once", &[], None);
    assert_eq!((stage.status(first), text(&mut stage, first)), (Some(200), Some(String::new())));
    stage.request_again(first, "GET", "/at-once", &[], None);
    assert_eq!(text(&mut stage, first), Some("at once".to_owned()));
}

#[test]
fn decisions_may_come_later_from_another_callback() {
    let mut stage = Stage::new(Office::default());
    let (ann, bob) = (stage.connect("/at-once"), stage.connect("/"));
    assert_eq!((stage.status(ann), stage.status(bob)), (Some(101), None));
    assert_eq!(stage.received(ann), ["open"]);
    stage.send(ann, "admit");
    assert_eq!((stage.status(bob), stage.received(bob)), (Some(101), vec![Received::Text("open".into())]));
}

#[test]
fn a_handler_learns_where_a_request_comes_from() {
    let allowed: Origin = "https://example.com".parse().expect("an origin");
    let origins = OriginPolicy { allowed: vec![allowed], ..OriginPolicy::default() };
    let proxy = "10.0.0.0/8".parse().expect("a range");
    let config = Config { origins, trusted_proxies: vec![proxy], ..Config::default() };
    let mut stage = Stage::with_config(Office::default(), config);
    for (peer, headers, expected) in [
        (None, &[][..], "false true true 0"),
        (None, &[("Origin", "http://localhost")], "false true true 0"),
        (None, &[("Origin", "https://example.com")], "false true true 0"),
        (None, &[("Origin", "https://evil.example")], "false true false 0"),
        (None, &[("Via", "1.1 proxy")], "true true true 0"),
        (Some("127.0.0.1:1"), &[("X-Forwarded-For", "192.0.2.1")], "true true true 0"),
        (Some("[::1]:1"), &[], "false true true 0"),
        (Some("192.0.2.1:1"), &[], "false false true 0"),
        (Some("10.0.0.1:1"), &[("X-Forwarded-For", "127.0.0.1")], "true true true 0"),
        (Some("10.0.0.1:1"), &[], "true false true 0"),
    ] {
        stage.come_from(peer.map_or(Peer::Unix, |peer| Peer::Tcp(peer.parse().expect("an address"))));
        let client = stage.request("GET", "/who", headers, None);
        assert_eq!(text(&mut stage, client).as_deref(), Some(expected), "{peer:?} {headers:?}");
    }
    let client = stage.request("POST", "/who", &[], Some(&[b'x'; 100_000]));
    assert!(text(&mut stage, client).is_some_and(|text| text.ends_with(" 100000")));
}
