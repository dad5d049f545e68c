//! Commands of other threads, through a handle.

use super::*;
use crate::server::{Handler, Rejected};

/// Another kind of handler, which is not mounted.
struct Stranger;

impl Handler for Stranger {}

#[test]
fn a_burst_to_one_connection_leaves_in_one_write() {
    let mut bed = Bed::new(App::echo());
    let mut client = bed.open();
    client.calls();
    let texts: Vec<_> = (0..100).map(|n| format!("{n}")).collect();
    for text in &texts {
        bed.handle.send(bed.ids()[0], text).expect("room");
    }
    assert_eq!(bed.settle(), 1);
    assert_eq!(client.calls().sends, 1);
    assert_eq!(client.texts(), texts);
}

#[test]
fn commands_reach_those_they_are_for() {
    let app = || {
        App::new(|ctx, call| {
            if let Call::Message(Message::Text(topic)) = call {
                ctx.subscribe(topic);
            }
        })
    };
    let mut bed = Bed::of(Config::default(), vec![("/a", app()), ("/b/*", app())], Vec::new());
    let (mut a, mut b) = (bed.open_at("/a"), bed.open_at("/b/c"));
    a.text("news");
    bed.settle();
    bed.handle.broadcast("/b/*", "to b").expect("room");
    assert_eq!(bed.handle.broadcast("/c", "to nobody"), Err(Rejected::NoSuchMount("to nobody")));
    bed.handle.publish("news", "to a").expect("room");
    bed.handle.publish("olds", "to nobody").expect("room");
    bed.handle.send(ConnectionId::NOBODY, "to nobody").expect("room");
    bed.handle.close_id(bed.ids()[1], CloseFrame::normal("bye")).expect("room");
    bed.settle();
    assert_eq!(a.texts(), ["to a"]);
    assert_eq!(b.frames(), [Frame::Text("to b".to_owned()), Frame::Close(1000, "bye".to_owned())]);
}

#[test]
fn commands_of_one_thread_take_effect_in_their_order() {
    let mut bed = Bed::new(App::echo());
    let mut client = bed.open();
    let (handle, id) = (bed.handle.clone(), bed.ids()[0]);
    let large = "x".repeat(300_000);
    handle.send(id, "1").expect("room");
    handle.broadcast("/*", "2").expect("room");
    handle.call("/*", move |_: &mut App, ctx| (ctx.broadcast("3"), ctx.send_to(id, "4")).1).expect("room");
    handle.broadcast("/*", large.as_str()).expect("room");
    handle.send(id, "6").expect("room");
    handle.close_id(id, CloseFrame::normal("")).expect("room");
    handle.send(id, "too late").expect("room");
    bed.settle();
    let mut frames = client.frames();
    assert_eq!(frames.pop(), Some(Frame::Close(1000, String::new())));
    assert!(frames == ["1", "2", "3", "4", &large, "6"].map(|text| Frame::Text(text.to_owned())), "{}", frames.len());
}

#[test]
fn a_call_for_another_type_or_path_is_not_made() {
    let mut bed = Bed::new(App::echo());
    let mut client = bed.open();
    bed.handle.call("/*", |_: &mut Stranger, ctx| ctx.broadcast("wrong type")).expect("room");
    let result = bed.handle.call("/", |_: &mut App, ctx| ctx.broadcast("wrong path"));
    assert_eq!(result, Err(Rejected::NoSuchMount(())));
    bed.handle
        .call("/*", |_: &mut App, ctx| {
            assert_eq!((ctx.id(), ctx.path()), (ConnectionId::NOBODY, "/*"));
            ctx.send("nobody");
            ctx.close(CloseFrame::normal("nobody"));
            ctx.subscribe("t");
            ctx.broadcast("right");
        })
        .expect("room");
    bed.settle();
    assert_eq!(client.texts(), ["right"]);
}

#[test]
fn commands_before_the_first_turn_wait_for_it() {
    let mut bed = Bed::new(App::echo());
    bed.handle.call("/*", |_: &mut App, ctx| _ = ctx.after(Duration::ZERO)).expect("room");
    assert!(bed.network.has_events());
    bed.settle();
    assert_eq!(bed.log().len(), 1);
}

#[test]
fn a_post_to_others_leaves_its_author_out_and_a_handler_can_list_its_connections() {
    let mut bed = Bed::new(App::new(|ctx, call| match call {
        Call::Open => ctx.subscribe("t"),
        Call::Message(_) => {
            let ids: Vec<_> = ctx.connection_ids().collect();
            assert_eq!((ids.len(), ids.contains(&ctx.id())), (ctx.connections(), true));
            ctx.publish_others("t", "to others");
        }
        _ => {}
    }));
    let (mut author, mut other) = (bed.open(), bed.open());
    author.text("?");
    bed.settle();
    assert_eq!((author.texts().len(), other.texts()), (0, vec!["to others".to_owned()]));
}
