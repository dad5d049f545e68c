//! The memory of idle listeners and channels, and the share of a turn that busy ones take.

use super::*;

/// Enough that tables and lists, which double, have little in reserve.
const MANY: usize = 850;

/// Bytes that each of many listeners takes beside its slot, without the letters of names.
fn each(target: impl Fn(usize) -> String) -> usize {
    let mut stage = stage(HubConfig::default());
    let clients: Vec<Client> = (0..MANY).map(|at| stage.connect(&target(at))).collect();
    let held = stage.held_beside_slots();
    assert!(clients.into_iter().all(|client| stage.status(client) == Some(101)));
    held / MANY
}

#[test]
fn an_idle_channel_takes_200_bytes_and_its_name_and_an_idle_listener_its_place_in_it() {
    for query in ["", "?ids", "?last=10", "?since=x"] {
        let (channel, listener) = (each(|at| format!("/orders/{at}{query}")), each(|_| format!("/orders{query}")));
        println!("a channel with one listener {query:?}: {channel} bytes and its name; a listener: {listener} bytes");
        // The goal is 200. Most of it is the topic.
        assert!(channel <= 120, "{query}: {channel}");
        // A number in the list of members, one in that of homes, and what both have in reserve.
        assert!(listener <= 10, "{query}: {listener}");
    }
}

#[test]
fn a_turn_sends_64_slices_and_the_next_one_64_more() {
    let mut stage = stage(HubConfig::default());
    for _ in 0..3 {
        later(&stage, |house, ctx| {
            let sent = (0..200).filter(|_| house.listeners.out.may_send_slice(ctx)).count();
            assert_eq!(sent, 64);
        });
        stage.advance(Duration::from_millis(1));
    }
}

#[test]
fn a_round_looks_at_1000_topics_in_a_turn_and_tells_5000_listeners() {
    let mut stage = stage(HubConfig::default());
    later(&stage, |house, ctx| {
        house.listeners.rounds.pretend((0..2500).map(|at| format!("i/*/{at}").into()).collect());
        for left in [true, true, false] {
            let (listeners, view) = house.split();
            assert_eq!(listeners.rounds.go_on(&view, ctx), left);
        }
    });
    stage.run();
    let mut share = crate::apps::hub::listeners::share::Share::default();
    share.take(4999);
    assert!(share.is_left());
    share.take(1);
    assert!(!share.is_left());
}
