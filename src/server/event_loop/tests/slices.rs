//! Broadcasts to more members than a turn serves: their order, among each other and with everything else.

use super::posts::obedient;
use super::*;

/// The length of the post of the order `large`: so long that it is delivered before the turn ends.
const LARGE: usize = 300_000;

/// Clients, all subscribed to the topic `t`, and how many of them a turn serves.
struct Audience {
    bed: Bed,
    clients: Vec<Client>,
    got: Vec<Vec<String>>,
}

impl Audience {
    fn new(clients: usize, slice: usize) -> Self {
        Self::with(Config::default(), clients, slice)
    }

    fn with(config: Config, clients: usize, slice: usize) -> Self {
        let mut bed = Bed::with(config, obedient());
        let clients = bed.open_many(clients);
        clients.iter().for_each(|client| client.text("subscribe t"));
        bed.settle();
        bed.server.lines.shared.env.slice = slice;
        let got = vec![Vec::new(); clients.len()];
        Audience { bed, clients, got }
    }

    fn turn(&mut self) -> &[Vec<String>] {
        self.bed.turn();
        self.look()
    }

    fn settle(&mut self) -> &[Vec<String>] {
        self.bed.settle();
        self.look()
    }

    /// All that the clients have got, each text by its first letter.
    fn look(&mut self) -> &[Vec<String>] {
        for (client, got) in self.clients.iter_mut().zip(&mut self.got) {
            got.extend(client.frames().into_iter().map(|frame| match frame {
                Frame::Text(text) => text[..1].to_owned(),
                Frame::Close(code, _) => code.to_string(),
                other => panic!("{other:?}"),
            }));
        }
        &self.got
    }
}

#[test]
fn a_turn_makes_so_many_deliveries_and_the_rest_follow_turn_by_turn() {
    for (orders, expected) in [
        (&["broadcast a"][..], &["a"][..]),
        (&["broadcast a;broadcast b"], &["a", "b"]),
        (&["broadcast a;publish t b;broadcast c"], &["a", "b", "c"]),
        // Each is delivered by itself: together they are long.
        (&["broadcast a", "large b"], &["a", "b"]),
    ] {
        let mut audience = Audience::new(7, 3);
        orders.iter().enumerate().for_each(|(at, order)| audience.clients[at].text(order));
        for served in [3, 6, 7] {
            assert!(!audience.bed.is_quiet());
            let got = audience.turn();
            let have_all: Vec<_> = got.iter().map(|got| got == expected).collect();
            assert_eq!(have_all.iter().filter(|has_all| **has_all).count(), served, "{got:?}");
            assert_eq!(got.concat().len(), served * expected.len(), "{got:?}");
        }
        assert!(audience.bed.is_quiet());
    }
}

#[test]
fn several_posts_of_a_turn_share_its_budget() {
    let mut audience = Audience::new(7, 3);
    audience.clients[0].text("large a");
    audience.clients[1].text("large b");
    for served in [3, 6, 9, 12, 14] {
        assert_eq!(audience.turn().concat().len(), served);
    }
    assert!(audience.look().iter().all(|got| *got == ["a", "b"]));
}

#[test]
fn each_member_gets_the_posts_of_several_turns_once_and_in_order() {
    for slice in 1..8 {
        for kind in ["broadcast", "publish t", "large"] {
            let mut audience = Audience::new(7, slice);
            for (at, letter) in ["a", "b", "c", "d"].into_iter().enumerate() {
                audience.clients[at + 1].text(&format!("{kind} {letter}"));
                audience.turn();
            }
            assert!(audience.settle().iter().all(|got| *got == ["a", "b", "c", "d"]), "{kind}: {:?}", audience.got);
        }
    }
}

#[test]
fn what_is_sent_to_a_member_leaves_behind_earlier_posts_and_before_later_ones() {
    for (first, second, posts) in [
        ("broadcast a", "broadcast b", &["a", "b"][..]),
        ("publish t a;broadcast b", "broadcast c;publish t d", &["a", "b", "c", "d"]),
        ("large a", "large b", &["a", "b"]),
        ("others a", "others b", &["a", "b"]),
    ] {
        for slice in 1..6 {
            let mut audience = Audience::new(6, slice);
            audience.clients[0].text(first);
            audience.turn();
            audience.clients[1].text(second);
            audience.turn();
            for id in audience.bed.ids() {
                audience.bed.handle.send(id, "s").expect("room");
            }
            audience.turn();
            audience.clients[2].text("broadcast z");
            audience.settle();
            for (at, got) in audience.got.iter().enumerate() {
                let is_sender =
                    |post: &&&str| first.starts_with("others") && **post == ["a", "b"].get(at).copied().unwrap_or("");
                let posts = posts.iter().filter(|post| !is_sender(post)).copied();
                assert_eq!(*got, posts.chain(["s", "z"]).collect::<Vec<_>>(), "client {at}: {first}");
            }
        }
    }
}

#[test]
fn a_member_that_joins_later_does_not_get_earlier_posts() {
    for slice in 1..3 {
        let mut audience = Audience::new(8, slice);
        audience.clients[7].text("unsubscribe t");
        audience.bed.settle();
        audience.clients[0].text("broadcast a;publish t b");
        audience.turn();
        audience.clients[7].text("subscribe t");
        let mut late = audience.bed.connect(&request("/"));
        audience.turn();
        audience.turn();
        assert!(late.response().is_some());
        assert!(!audience.bed.server.lines.shared.rests.is_empty(), "it has come in time");
        audience.clients.push(late);
        audience.got.push(Vec::new());
        audience.clients[1].text("broadcast c;publish t d");
        audience.settle();
        for (at, got) in audience.got.iter().enumerate() {
            let expected = [&["c"][..], &["a", "c", "d"], &["a", "b", "c", "d"]][(8_usize.saturating_sub(at)).min(2)];
            assert_eq!(got, expected, "client {at}");
        }
    }
}

#[test]
fn a_member_that_goes_to_other_topics_gets_earlier_posts_first_and_no_later_ones() {
    for (change, later) in [("unsubscribe t", &["c"][..]), ("home x", &["d"]), ("unsubscribe t;home x", &[])] {
        for slice in 1..5 {
            let mut audience = Audience::new(5, slice);
            audience.clients[0].text("broadcast a;publish t b");
            audience.turn();
            audience.clients[4].text(&format!("{change};send s"));
            audience.turn();
            audience.clients[1].text("broadcast c;publish t d");
            audience.settle();
            let (last, others) = audience.got.split_last().expect("five clients");
            assert_eq!(*last, [&["a", "b", "s"], later].concat(), "{change}");
            assert!(others.iter().all(|got| *got == ["a", "b", "c", "d"]), "{others:?}");
        }
    }
}

#[test]
fn members_that_leave_or_fail_meanwhile_cost_nobody_else_a_post_and_their_slots_none() {
    for slice in 1..6 {
        for leaving in 0..6 {
            for end in [Client::reset, Client::finish, |client: &Client| client.fail_sends(ErrorKind::BrokenPipe)] {
                let mut audience = Audience::new(6, slice);
                audience.clients[0].text("broadcast a");
                audience.turn();
                end(&audience.clients[leaving]);
                audience.turn();
                // It takes the free slot, if there is one by now.
                let mut newcomer = audience.bed.connect(&request("/"));
                audience.settle();
                let others = audience.got.iter().enumerate().filter(|(at, _)| *at != leaving);
                assert!(others.map(|(_, got)| got).all(|got| *got == ["a"]), "{:?}", audience.got);
                assert!(audience.got[leaving].len() <= 1, "{:?}", audience.got);
                assert!(newcomer.response().is_some());
                assert_eq!(newcomer.frames(), []);
            }
        }
    }
}

#[test]
fn earlier_posts_leave_before_a_close_and_none_behind_it() {
    for slice in 1..6 {
        for (way, code) in ["handle", "handler", "peer", "shutdown"].into_iter().zip([1000, 1000, 1000, 1001]) {
            let mut audience = Audience::new(6, slice);
            audience.clients[0].text("broadcast a");
            audience.turn();
            audience.clients[1].text("broadcast b");
            audience.turn();
            match way {
                "handle" => audience.bed.handle.close_id(audience.bed.ids()[5], CloseFrame::normal("")).expect("room"),
                "handler" => audience.clients[5].text("close"),
                "peer" => audience.clients[5].close(1000),
                _ => audience.bed.handle.shutdown(Shutdown::default()),
            }
            audience.turn();
            audience.clients[2].text("broadcast c");
            audience.settle();
            assert_eq!(audience.got[5], ["a".to_owned(), "b".to_owned(), code.to_string()], "{way}");
        }
    }
}

#[test]
fn the_policies_for_slow_members_hold_whatever_a_turn_serves() {
    let outcome = |slow: Slow, slice: usize| {
        let config = Config { slow, low_water: 0, high_water: 100, max_queue: 300, ..Config::default() };
        let mut audience = Audience::with(config, 6, slice);
        (1..5).for_each(|at| audience.clients[at].limit(50 * at));
        for letter in ["a", "b", "c", "d", "e"] {
            audience.clients[0].text(&format!("broadcast {letter}{}", "-".repeat(118)));
            audience.settle();
        }
        audience.clients.iter().for_each(Client::unlimit);
        let got = audience.settle().to_vec();
        let stats = audience.bed.stats();
        (got, stats.get(Count::SlowClosed), stats.get(Count::SlowSkipped))
    };
    for slow in [Slow::Close, Slow::Drop, Slow::Latest] {
        let expected = outcome(slow, usize::MAX);
        assert!(expected.1 + expected.2 > 0, "{expected:?}");
        for slice in 1..6 {
            assert_eq!(outcome(slow, slice), expected, "{slow:?}");
        }
    }
}

#[test]
fn a_member_closed_as_too_slow_for_a_rest_gets_no_post_behind_the_gap() {
    let config = Config { low_water: 0, high_water: 1000, max_queue: 2000, ..Config::default() };
    let mut audience = Audience::with(config, 4, 1);
    audience.clients[3].limit(0);
    audience.clients[0].text("large a");
    audience.settle();
    audience.clients[0].text("broadcast b");
    audience.turn();
    for (client, letter) in [(1, "c"), (2, "d")] {
        audience.clients[client].text(&format!("large {letter}"));
        audience.turn();
    }
    audience.settle();
    audience.clients[3].unlimit();
    // The first has room whatever its size; it is whole when the others are dropped.
    assert_eq!(audience.settle()[3], ["1013"]);
    assert!(audience.got[..3].iter().all(|got| *got == ["a", "b", "c", "d"]), "{:?}", audience.got);
}

#[test]
fn a_client_that_posts_waits_for_the_rest_of_earlier_posts_and_others_do_not() {
    let mut audience = Audience::new(10, 1);
    audience.clients[0].text("broadcast a");
    audience.turn();
    audience.clients[0].text("broadcast b");
    audience.turn();
    audience.clients[0].text("broadcast c");
    for turn in 2..9 {
        audience.clients[9].text("send s");
        let got = audience.turn();
        let echoed = got[9].iter().filter(|text| *text == "s").count();
        assert_eq!(echoed, turn - 1, "the bystander is served in each turn");
        assert!(audience.clients[0].unread() > 0, "in turn {turn}");
    }
    audience.settle();
    assert!(audience.got[..9].iter().all(|got| *got == ["a", "b", "c"]), "{:?}", audience.got);
}

#[test]
fn posts_that_wait_count_as_memory_and_are_bounded() {
    // A sixteenth of it takes two large posts, by capacity.
    let config = Config { max_memory: 16 * 2 * (LARGE + 100), ..Config::default() };
    let most = config.max_memory / 16;
    let mut audience = Audience::with(config, 5, 1);
    let mut highest = 0;
    for letter in ["a", "b", "c", "d", "e", "f", "g"] {
        audience.bed.handle.broadcast("/*", letter.repeat(LARGE)).expect("room");
        audience.turn();
        highest = highest.max(audience.bed.memory());
    }
    assert!(highest > LARGE && highest <= most, "{highest} bytes, and at most {most}");
    assert!(audience.settle().iter().all(|got| *got == ["a", "b", "c", "d", "e", "f", "g"]), "{:?}", audience.got);
    assert_eq!(audience.bed.memory(), 0);
}
