//! Applications act through their context.

use std::collections::HashMap;
use std::time::Duration;

use sockhop::{
    Accept, CloseFrame, CloseReason, ConnectionId, Context, Handler, Message, Peer, Server, TimerId, http::Request,
};

use crate::common::{Client, ClientMessage, TestServer, bind, read_close, read_text};

/// One value per mounted path: `&mut self` is the state that its connections share.
#[derive(Default)]
struct Chat {
    online: usize,
}

#[rustfmt::skip]
impl Handler for Chat {
    fn open(&mut self, ctx: &mut Context<'_>) {
        self.online += 1;
        ctx.send(format!("welcome, {} online", self.online));
    }
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        match message {
            Message::Text("/quit") => ctx.close(CloseFrame::normal("bye")),
            other => ctx.broadcast(other), // encoded once for everyone on this path
        }
    }
    fn close(&mut self, _ctx: &mut Context<'_>, _reason: CloseReason<'_>) {
        self.online -= 1; // exactly once per open()
    }
}

fn send(client: &mut Client, text: &str) {
    client.send(ClientMessage::text(text)).unwrap();
}

#[test]
fn the_design_s_chat_works_as_it_stands_there() -> std::io::Result<()> {
    let server = TestServer::run(Server::bind("127.0.0.1:0")?.mount("/chat", Chat::default()));
    let mut ann = server.connect("/chat");
    assert_eq!(read_text(&mut ann), "welcome, 1 online");
    let mut bob = server.connect("/chat");
    assert_eq!(read_text(&mut bob), "welcome, 2 online");
    send(&mut bob, "hi");
    ann.send(ClientMessage::binary(vec![1, 2])).unwrap();
    for client in [&mut ann, &mut bob] {
        let mut got = [client.read().unwrap(), client.read().unwrap()];
        got.sort_by_key(ClientMessage::is_binary);
        assert_eq!(got, [ClientMessage::text("hi"), ClientMessage::binary(vec![1, 2])]);
    }
    send(&mut bob, "/quit");
    assert_eq!(read_close(&mut bob), (1000, "bye".into()));
    // `close` is called in the turn that ends the stream, and Eve comes in a later one.
    let mut eve = server.connect("/chat");
    assert_eq!(read_text(&mut eve), "welcome, 2 online");
    Ok(())
}

/// Answers with the name of the mount and the path of the connection.
pub struct Tagged(pub &'static str);

impl Handler for Tagged {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        if let Message::Text(text) = message {
            let answer = format!("{} {}: {text}", self.0, ctx.path());
            ctx.send(answer);
        }
    }
}

/// Keeps a name, a count and its peers' ids; does as it is told.
#[derive(Default)]
struct Registry {
    names: HashMap<String, ConnectionId>,
    timers: HashMap<TimerId, String>,
}

struct Member {
    name: String,
    count: u32,
}

impl Handler for Registry {
    fn accept(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Accept {
        let name = request.query_param("name").unwrap_or_default().into_owned();
        ctx.attach(Member { name, count: 0 });
        Accept::yes()
    }

    fn open(&mut self, ctx: &mut Context<'_>) {
        assert!(matches!(ctx.peer(), Peer::Tcp(_)));
        let name = ctx.attached_mut::<Member>().expect("attached in accept").name.clone();
        self.names.insert(name, ctx.id());
    }

    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        let Message::Text(text) = message else { return };
        let member = ctx.attached_mut::<Member>().expect("attached in accept");
        member.count += 1;
        let (name, count) = (member.name.clone(), member.count);
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        match verb {
            "who" => ctx.send(format!("{name} {count}")),
            "others" => ctx.broadcast_others(rest),
            "all" => ctx.broadcast(rest),
            "sub" => ctx.subscribe(rest),
            "unsub" => ctx.unsubscribe(rest),
            "pub" => ctx.publish(rest, rest),
            "kick" => ctx.close_id(self.names[rest], CloseFrame::new(sockhop::CloseCode(4000), "kicked")),
            "after" => {
                let timer = ctx.after(Duration::from_millis(1));
                self.timers.insert(timer, format!("{name}: {rest}"));
            }
            "cancelled" => {
                let timer = ctx.after(Duration::ZERO);
                ctx.cancel(timer);
                self.timers.insert(timer, "never".into());
            }
            to => ctx.send_to(self.names[to], rest),
        }
    }

    fn timer(&mut self, ctx: &mut Context<'_>, timer: TimerId) {
        let text = self.timers.remove(&timer).expect("a timer that was set");
        ctx.broadcast(text);
    }

    fn close(&mut self, ctx: &mut Context<'_>, _reason: CloseReason<'_>) {
        let name = ctx.attached::<Member>().expect("still attached in close").name.clone();
        let text = format!("{name} left");
        ctx.broadcast(text);
    }
}

/// Three who have joined the registry, in this order.
fn join(server: &TestServer) -> [Client; 3] {
    ["ann", "bob", "eve"].map(|name| {
        let mut client = server.connect(&format!("/?name={name}"));
        send(&mut client, "who");
        assert_eq!(read_text(&mut client), format!("{name} 1"));
        client
    })
}

#[test]
fn an_attached_value_belongs_to_one_connection() {
    let server = TestServer::serve(Registry::default());
    let [mut ann, mut bob, _eve] = join(&server);
    for count in 2..5 {
        send(&mut ann, "who");
        assert_eq!(read_text(&mut ann), format!("ann {count}"));
    }
    send(&mut bob, "who");
    assert_eq!(read_text(&mut bob), "bob 2");
}

#[test]
fn messages_reach_those_whom_they_are_for() {
    let server = TestServer::serve(Registry::default());
    let [mut ann, mut bob, mut eve] = join(&server);
    send(&mut ann, "others 1");
    send(&mut ann, "all 2");
    send(&mut ann, "bob 3");
    send(&mut ann, "who");
    for (client, texts) in [(&mut ann, &["2", "ann 5"][..]), (&mut bob, &["1", "2", "3"]), (&mut eve, &["1", "2"])] {
        for text in texts {
            assert_eq!(read_text(client), *text);
        }
    }
}

#[test]
fn topics_have_the_subscribers_of_the_moment() {
    let server = TestServer::serve(Registry::default());
    let [mut ann, mut bob, mut eve] = join(&server);
    for client in [&mut ann, &mut bob] {
        send(client, "sub news");
        send(client, "who");
        assert!(read_text(client).ends_with(" 3"));
    }
    send(&mut eve, "pub news");
    send(&mut eve, "who");
    assert_eq!(read_text(&mut eve), "eve 3", "who has not subscribed gets nothing");
    assert_eq!(read_text(&mut ann), "news");
    assert_eq!(read_text(&mut bob), "news");
    send(&mut bob, "unsub news");
    send(&mut bob, "pub news");
    send(&mut bob, "who");
    assert_eq!(read_text(&mut bob), "bob 6");
    assert_eq!(read_text(&mut ann), "news");
}

#[test]
fn closing_another_connection_tells_everyone_who_stays() {
    let server = TestServer::serve(Registry::default());
    let [mut ann, mut bob, mut eve] = join(&server);
    send(&mut ann, "kick bob");
    assert_eq!(read_close(&mut bob), (4000, "kicked".into()));
    for client in [&mut ann, &mut eve] {
        assert_eq!(read_text(client), "bob left");
    }
    // A message to a client that has left reaches nobody, and is no error.
    send(&mut ann, "bob hello?");
    send(&mut ann, "kick bob");
    send(&mut ann, "who");
    assert_eq!(read_text(&mut ann), "ann 5");
}

#[test]
fn timers_fire_also_when_their_connection_has_left_and_not_when_cancelled() {
    let server = TestServer::serve(Registry::default());
    let [mut ann, mut bob, mut eve] = join(&server);
    send(&mut ann, "cancelled");
    send(&mut ann, "after one");
    assert_eq!(read_text(&mut ann), "ann: one");
    assert_eq!(read_text(&mut bob), "ann: one");
    // The timer is set and its connection gone within one write.
    let frames = [crate::common::raw::text("after two"), crate::common::raw::close(1000, "")].concat();
    std::io::Write::write_all(ann.get_mut(), &frames).unwrap();
    let mut texts = [read_text(&mut bob), read_text(&mut bob)];
    texts.sort();
    assert_eq!(texts, ["ann left", "ann: two"]);
    assert_eq!(read_text(&mut eve), "ann: one");
}

#[test]
fn a_payload_has_the_opcode_of_its_type() {
    struct Types;
    impl Handler for Types {
        fn open(&mut self, ctx: &mut Context<'_>) {
            ctx.send("str");
            ctx.send(String::from("String"));
            ctx.send(b"array");
            ctx.send(&b"slice"[..]);
            ctx.send(vec![1]);
            ctx.send(Message::Text("message"));
        }
    }
    let server = TestServer::run(bind().mount("/", Types));
    let mut client = server.connect("/");
    for message in [
        ClientMessage::text("str"),
        ClientMessage::text("String"),
        ClientMessage::binary(&b"array"[..]),
        ClientMessage::binary(&b"slice"[..]),
        ClientMessage::binary(vec![1]),
        ClientMessage::text("message"),
    ] {
        assert_eq!(client.read().unwrap(), message);
    }
}
