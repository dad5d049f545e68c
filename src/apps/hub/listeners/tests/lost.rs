//! Gaps and new epochs of the log: each listener with ids is told once, before the next message.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::*;
use crate::apps::hub::log::{Epoch, Event, Full, Id, Status};

/// The events that a log hands over.
enum Step {
    Message(u64, &'static str, String),
    Gap(u64),
    Epoch(&'static str),
}

/// A log that does what it is told.
struct Script {
    epoch: Epoch,
    steps: Arc<Mutex<VecDeque<Step>>>,
    current: Option<(u64, &'static str, String)>,
}

impl Log for Script {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn append(&mut self, _entry: Entry<'_>, _ticket: u64) -> Result<(), Full> {
        Err(Full)
    }

    fn next_event(&mut self) -> Option<Event<'_>> {
        match self.steps.lock().expect("no panic").pop_front()? {
            Step::Message(id, channel, payload) => {
                let (id, channel, payload) = &*self.current.insert((id, channel, payload));
                Some(Event::Applied { id: Id(*id), ticket: None, entry: text(channel, payload) })
            }
            Step::Gap(before) => Some(Event::Gap { before: Id(before) }),
            Step::Epoch(epoch) => {
                self.epoch = Epoch::parse(epoch).expect("an epoch");
                Some(Event::Epoch(self.epoch))
            }
        }
    }

    fn status(&self) -> Status {
        Status::Ready
    }
}

/// A hub over such a log, of the epoch `first0`.
fn scripted() -> (Stage<House>, impl FnMut(&mut Stage<House>, Vec<Step>)) {
    let (steps, epoch) = (Arc::default(), Epoch::parse("first0").expect("an epoch"));
    let log = Script { epoch, steps: Arc::clone(&steps), current: None };
    let history = crate::apps::hub::History { messages: 1000, ..Default::default() };
    let stage = with_log(HubConfig { history, ..HubConfig::default() }, Box::new(log));
    let run = move |stage: &mut Stage<House>, more: Vec<Step>| {
        steps.lock().expect("no panic").extend(more);
        later(stage, |house, ctx| house.apply(ctx));
        stage.run();
    };
    (stage, run)
}

fn message(id: u64, channel: &'static str) -> Step {
    Step::Message(id, channel, id.to_string())
}

#[test]
fn each_listener_with_ids_hears_of_a_gap_once_and_before_the_next_message() {
    for (step, position) in [(Step::Gap(10), "first0-9"), (Step::Epoch("other0"), "other0-0")] {
        let (mut stage, mut run) = scripted();
        run(&mut stage, vec![message(1, "/a")]);
        let clients = ["/a?ids", "/b?ids", "/a?since=first0-1", "/-/multi?channel=/a&channel=/b", "/a"];
        let clients = clients.map(|target| stage.connect(target));
        clients.into_iter().for_each(|client| drop(texts(&mut stage, client)));
        run(&mut stage, vec![step, message(11, "/a"), message(12, "/b")]);
        let gap = format!(r#"! {{"event":"gap","id":"{position}"}}"#);
        let epoch = &position[..6];
        let [a, b] = ["/a\n11", "/b\n12"]
            .map(|text| format!("{epoch}-{} {text}", text.len() + 6 + usize::from(text.starts_with("/b"))));
        let expected = [vec![&gap, &a], vec![&gap, &b], vec![&gap, &a], vec![&gap, &a, &b], vec![]];
        for (at, (client, expected)) in clients.into_iter().zip(expected).enumerate().take(4) {
            assert_eq!(texts(&mut stage, client), expected.into_iter().cloned().collect::<Vec<_>>(), "{at}");
        }
        assert_eq!(texts(&mut stage, clients[4]), ["11"]);
        stage.advance(seconds(5));
        for client in clients {
            assert!(texts(&mut stage, client).is_empty(), "once");
        }
    }
}

#[test]
fn who_joins_after_a_gap_is_not_told_of_it() {
    let (mut stage, mut run) = scripted();
    let old: Vec<Client> = (0..1100).map(|at| stage.connect(&format!("/{at}?ids"))).collect();
    old.iter().for_each(|client| drop(texts(&mut stage, *client)));
    // Some have yet to be told when the others come.
    run(&mut stage, Vec::new());
    let new = stage.connect("/0?ids");
    texts(&mut stage, new);
    run(&mut stage, vec![Step::Gap(10)]);
    stage.advance(seconds(1));
    let told = old.iter().filter(|client| texts(&mut stage, **client).len() == 1).count();
    assert_eq!((told, texts(&mut stage, new).len()), (1100, 1));
    let late = stage.connect("/1?ids");
    stage.advance(seconds(5));
    assert_eq!(texts(&mut stage, late).len(), 1, "the first frame alone");
}

#[test]
fn a_gap_in_mid_replay_is_told_once_and_the_replay_goes_on() {
    let big = |id: u64, number: u64| Step::Message(id, "/a", format!("{number}{}", "x".repeat(2000)));
    for is_same_log in [true, false] {
        for target in ["/a?since=first0-0", "/-/multi?channel=/b&channel=/a&since=first0-0"] {
            let (mut stage, mut run) = scripted();
            run(&mut stage, (1..101).map(|id| big(id, id)).collect());
            stage.limit_new(0);
            let client = stage.connect(target);
            // Another log begins with 1 again.
            let (step, first) = if is_same_log { (Step::Gap(200), 200) } else { (Step::Epoch("other0"), 1) };
            let new = (0..100).map(|at| big(first + at, 200 + at));
            run(&mut stage, [step].into_iter().chain(new).collect());
            stage.limit(client, usize::MAX);
            let mut resumer = Resumer::default();
            resumer.take(texts(&mut stage, client));
            let numbers: Vec<u64> = resumer.got.iter().map(|(_, number)| number.parse().expect("a number")).collect();
            assert_eq!((resumer.gaps, numbers.last()), (1, Some(&299)), "{target} {is_same_log}");
            let old = numbers.iter().position(|number| *number == 200).expect("all of the new ones");
            assert!(numbers[old..].iter().copied().eq(200..300), "{numbers:?}");
            // The kept messages of the same log are still there; of the old log, the client has those that had left by
            // then.
            assert!(numbers[..old].iter().copied().eq(1..=old as u64), "{numbers:?}");
            assert_eq!(old == 100, is_same_log);
        }
    }
}
