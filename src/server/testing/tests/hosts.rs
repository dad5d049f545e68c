//! A handler that looks after many topics and paths: what its context tells of them.

use super::*;
use crate::http::Response;
use crate::server::{Answer, Config, ConnectionId};

/// Its clients subscribe to the path below the mount.
#[derive(Default)]
struct Host {
    members: Vec<ConnectionId>,
    waiting: Vec<Deferred>,
}

impl Handler for Host {
    fn accept(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Accept {
        ctx.attach(ctx.below_mount(request.path()).to_owned());
        Accept::yes()
    }

    fn open(&mut self, ctx: &mut Context<'_>) {
        let topic = ctx.detach::<String>().expect("the path");
        ctx.subscribe(&topic);
        self.members.push(ctx.id());
    }

    fn request(&mut self, ctx: &mut Context<'_>, request: &Request<'_>, _body: &[u8]) -> Answer {
        let text = match ctx.below_mount(request.path()) {
            "/topics" => {
                let mut topics: Vec<_> = ctx.topics().collect();
                topics.sort_unstable();
                format!("{} {topics:?} of {}", ctx.topic_count(), ctx.mount())
            }
            "/wait" => {
                self.waiting.push(ctx.deferred());
                return Answer::Later;
            }
            "/waiting" => format!("{:?}", self.waiting.iter().map(|it| ctx.is_waiting(*it)).collect::<Vec<_>>()),
            "/release" => {
                self.waiting.iter().for_each(|it| ctx.answer(*it, Response::new(204)));
                "done".to_owned()
            }
            "/members" => {
                let known: Vec<_> = self.members.iter().map(|id| ConnectionId::from_bits(id.to_bits())).collect();
                assert_eq!(known, self.members);
                format!("{:?}", known.iter().map(|id| ctx.is_subscribed(*id, "/a")).collect::<Vec<_>>())
            }
            topic => {
                ctx.publish_except(topic, self.members[0], "for all but the first");
                ctx.publish_except("/nobody", self.members[0], "for nobody");
                topic.to_owned()
            }
        };
        Response::text(200, text).into()
    }
}

fn ask(stage: &mut Stage<Host>, target: &str) -> String {
    let client = stage.request("GET", target, &[], None);
    let response = stage.response(client).expect("an answer");
    String::from_utf8(response.body).expect("text")
}

#[test]
fn paths_are_told_without_the_mount_and_the_prefix() {
    let mut stage = Stage::at("/live/*", Host::default(), Config::default());
    let _client = stage.connect("/live/a");
    assert_eq!(ask(&mut stage, "/live/topics"), r#"1 ["/a"] of /live/*"#);

    let config = Config { path_prefix: "/site".into(), ..Config::default() };
    let mut stage = Stage::at("/live/*", Host::default(), config);
    let _clients = [stage.connect("/site/live/a"), stage.connect("/live/b")];
    assert_eq!(ask(&mut stage, "/site/live/topics"), r#"2 ["/a", "/b"] of /live/*"#);
}

#[test]
fn subscribers_are_known_by_id_while_they_are_there() {
    let mut stage = Stage::new(Host::default());
    let clients = [stage.connect("/a"), stage.connect("/b"), stage.connect("/a")];
    assert_eq!(ask(&mut stage, "/members"), "[true, false, true]");
    stage.vanish(clients[0]);
    assert_eq!(ask(&mut stage, "/members"), "[false, false, true]");
    stage.vanish(clients[2]);
    assert_eq!(ask(&mut stage, "/topics"), r#"1 ["/b"] of /*"#);
}

#[test]
fn a_publish_may_leave_one_connection_out() {
    let mut stage = Stage::new(Host::default());
    let clients = [stage.connect("/a"), stage.connect("/b"), stage.connect("/a")];
    ask(&mut stage, "/a");
    let received = clients.map(|client| stage.received(client).len());
    assert_eq!(received, [0, 0, 1]);
    stage.vanish(clients[0]);
    ask(&mut stage, "/a");
    assert_eq!(stage.received(clients[2]), ["for all but the first"], "also when that one has left");
}

#[test]
fn an_answer_put_off_is_waited_for_until_it_is_given_or_too_late() {
    let mut stage = Stage::new(Host::default());
    let first = stage.request("GET", "/wait", &[], None);
    let timeout = Config::default().answer_timeout;
    stage.advance(timeout / 2);
    let second = stage.request("GET", "/wait", &[], None);
    assert_eq!(ask(&mut stage, "/waiting"), "[true, true]");
    stage.advance(timeout / 2 + Duration::from_secs(1));
    assert_eq!(ask(&mut stage, "/waiting"), "[false, true]");
    ask(&mut stage, "/release");
    assert_eq!(ask(&mut stage, "/waiting"), "[false, false]");
    assert_eq!([first, second].map(|client| stage.status(client)), [Some(503), Some(204)]);
}
