//! Listeners that join while others publish, in one turn or over many, get each message once and in order.

use std::collections::BTreeMap;

use super::*;
use crate::protocol::testing::{Random, masked};

const CHANNELS: [&str; 4] = ["/a", "/b", "/c", "/d"];

fn frame(text: &str) -> Vec<u8> {
    masked(0x81, text.as_bytes())
}

#[test]
fn who_joins_between_two_messages_of_one_turn_gets_the_second_alone() {
    let mut stage = stage(HubConfig { members_publish: true, ..HubConfig::default() });
    let clients = ["/a", "/-/multi", "/a", "/-/multi", "/a"].map(|target| stage.connect(target));
    let subscribe = frame(r#"{"subscribe":["/a"]}"#);
    // They come in one turn, in this order.
    for (client, frame) in clients.into_iter().zip([frame("1"), subscribe.clone(), frame("2"), subscribe, frame("3")]) {
        stage.queue(client, &frame);
    }
    stage.run();
    assert_eq!(said(&mut stage, clients[1]), [&subscribed("/a", 1, false), "E-2 /a\n2", "E-3 /a\n3"]);
    assert_eq!(said(&mut stage, clients[3]), [&subscribed("/a", 2, false), "E-3 /a\n3"]);
    assert_eq!(stage.received(clients[0]), ["1", "2", "3"]);
}

#[test]
fn who_leaves_between_two_messages_of_one_turn_gets_the_first_alone() {
    let mut stage = stage(HubConfig { members_publish: true, ..HubConfig::default() });
    let clients = ["/a", "/-/multi?channel=/a&channel=/b", "/a"].map(|target| stage.connect(target));
    texts(&mut stage, clients[1]);
    for (client, text) in clients.into_iter().zip(["1", r#"{"unsubscribe":["/a"]}"#, "2"]) {
        stage.queue(client, &frame(text));
    }
    stage.run();
    assert_eq!(said(&mut stage, clients[1]), ["E-1 /a\n1", r#"! {"event":"unsubscribed","channel":"/a"}"#]);
}

#[test]
fn a_replay_joins_what_is_published_in_the_turn_of_its_last_slice() {
    for slices in 1..4 {
        let mut stage = stage(HubConfig { members_publish: true, ..HubConfig::default() });
        publish_all(&mut stage, "/a", 1..13 * slices, 5000);
        let member = stage.connect("/a");
        let client = stage.connect("/a?last=100");
        let ids = stage.connect("/a?since=x");
        // Now and in each of the turns that follow, until long after the end of the replays.
        for number in 13 * slices..13 * slices + 20 {
            stage.queue(member, &frame(&number.to_string()));
            stage.run();
        }
        let plain: Vec<_> =
            texts(&mut stage, client).iter().map(|text| text.trim_end_matches('x').to_owned()).collect();
        let expected: Vec<_> = (1..13 * slices + 20).map(|number| number.to_string()).collect();
        assert_eq!(plain, expected);
        let mut resumer = Resumer::default();
        resumer.take(texts(&mut stage, ids));
        resumer.assert_got(1..13 * slices + 20);
        assert_eq!((resumer.gaps, resumer.positions), (1, 1));
    }
}

/// A client that keeps to the rules for resuming.
struct Watcher {
    client: Client,
    is_multi: bool,
    /// Where each channel has begun, and the ids that it has got, in each span from a `subscribed` to an `unsubscribed`.
    spans: BTreeMap<String, Vec<(u64, Vec<u64>)>>,
    /// The channels that it listens to, and the position of each.
    channels: BTreeMap<String, u64>,
    /// These positions differ: some are those of channels whose past is on its way.
    is_replaying: bool,
    /// Channels whose past it has asked for, without an answer yet, and those among them that it has had before.
    asked: Vec<String>,
    resumed: Vec<String>,
}

impl Watcher {
    fn new(client: Client, is_multi: bool) -> Self {
        let (spans, channels) = Default::default();
        Watcher { client, is_multi, spans, channels, is_replaying: false, asked: Vec::new(), resumed: Vec::new() }
    }

    fn take(&mut self, texts: Vec<String>) {
        let number = |id: &str| id.split_once('-').and_then(|(_, number)| number.parse().ok()).expect("an id");
        for text in texts {
            let Some(event) = text.strip_prefix("! ") else {
                let (head, _) = text.split_once('\n').expect("a head");
                let (id, channel) = head.split_once(' ').expect("a channel");
                let (_, got) = self.spans.get_mut(channel).and_then(|spans| spans.last_mut()).expect("subscribed");
                got.push(number(id));
                self.channels.insert(channel.to_owned(), number(id)).expect("not unsubscribed");
                continue;
            };
            let event: serde_json::Value = serde_json::from_str(event).expect("JSON");
            let id = event["id"].as_str().map(number);
            let channel = event["channel"].as_str().map(str::to_owned);
            match (event["event"].as_str(), channel, id) {
                (Some("subscribed"), Some(channel), Some(id)) => {
                    assert_eq!(event["gap"], false, "{event}");
                    if let Some(at) = self.asked.iter().position(|asked| *asked == channel) {
                        self.asked.swap_remove(at);
                        self.is_replaying = true;
                    }
                    if let Some(at) = self.resumed.iter().position(|resumed| *resumed == channel) {
                        self.resumed.swap_remove(at);
                    } else {
                        self.spans.entry(channel.clone()).or_default().push((id, Vec::new()));
                    }
                    self.channels.insert(channel, id);
                }
                (Some("unsubscribed"), Some(channel), _) => {
                    self.channels.remove(&channel);
                }
                (Some("position"), None, Some(id)) => {
                    self.is_replaying = false;
                    let answered = self.channels.iter_mut().filter(|(channel, _)| !self.asked.contains(channel));
                    answered.for_each(|(_, position)| *position = id);
                }
                _ => panic!("{event}"),
            }
        }
    }

    /// Where it comes back, and the commands that it sends then: one position serves all channels, but in a replay.
    fn come_back(&mut self, epoch: &str) -> (String, Vec<String>) {
        let latest = self.channels.values().copied().max().unwrap_or_default();
        let is_replaying = std::mem::take(&mut self.is_replaying) || !self.asked.is_empty();
        self.resumed = self.channels.keys().cloned().collect();
        self.asked = self.resumed.clone();
        if !self.is_multi {
            let (channel, position) = self.channels.first_key_value().expect("its channel");
            return (format!("{channel}?since={epoch}-{position}"), Vec::new());
        }
        if is_replaying {
            let subscribe = |(channel, position): (&String, &u64)| {
                format!(r#"{{"subscribe":["{channel}"],"since":"{epoch}-{position}"}}"#)
            };
            return ("/-/multi".to_owned(), self.channels.iter().map(subscribe).collect());
        }
        let channels: String = self.channels.keys().map(|channel| format!("channel={channel}&")).collect();
        (format!("/-/multi?{channels}since={epoch}-{latest}"), Vec::new())
    }

    /// Each span is a run of the messages of its channel, and the last ones reach to the end.
    fn check(&self, all: &BTreeMap<&str, Vec<u64>>) {
        for (channel, spans) in &self.spans {
            for (start, got) in spans {
                let expected: Vec<_> =
                    all[&**channel].iter().filter(|id| **id > *start).take(got.len()).copied().collect();
                assert_eq!(*got, expected, "{channel} from {start}");
            }
            if self.channels.contains_key(channel) {
                let last = spans.last().and_then(|(start, got)| got.last().or(Some(start))).copied();
                let newest = all[&**channel].last().copied().unwrap_or_default();
                assert!(last.unwrap_or_default() >= newest, "{channel}: {last:?} {newest}");
            }
        }
    }
}

/// Random messages, joins, cuts, commands, and slow clients, many in one turn.
fn run_random(seed: u64) {
    let mut random = Random::new(seed);
    let history = crate::apps::hub::History { messages: 10_000, bytes: 64 << 20, ..Default::default() };
    let hub = House::new(HubConfig { members_publish: true, history, ..HubConfig::default() });
    // A slow client is not closed.
    let mut stage = Stage::with_config(hub, Config { max_queue: 64 << 20, max_panics: 0, ..Config::default() });
    let epoch = stage.handler().state.position().epoch.to_string();
    let members = CHANNELS.map(|channel| stage.connect(channel));
    let mut watchers: Vec<Watcher> = Vec::new();
    for _ in 0..150 {
        for _ in 0..random.below(12) {
            let at = random.below(CHANNELS.len());
            let size = [1, 10, 3000, 30_000][random.below(4)];
            stage.queue(members[at], &frame(&"x".repeat(size)));
        }
        for _ in 0..random.below(3) {
            if let Some(watcher) = pick(&mut random, &mut watchers).filter(|watcher| watcher.is_multi) {
                command(&mut stage, &mut random, watcher, &epoch);
            }
        }
        stage.advance(Duration::from_millis(100));
        match random.below(8) {
            0 | 1 if watchers.len() < 8 => {
                let (target, is_multi) = [("/a?ids", false), ("/b?ids", false), ("/-/multi", true)][random.below(3)];
                watchers.push(Watcher::new(stage.connect(target), is_multi));
            }
            2 | 3 => {
                let Some(watcher) = pick(&mut random, &mut watchers) else { continue };
                watcher.take(texts(&mut stage, watcher.client));
                stage.vanish(watcher.client);
                let (target, commands) = watcher.come_back(&epoch);
                watcher.client = stage.connect(&target);
                for command in commands {
                    stage.send(watcher.client, command.as_str());
                }
            }
            4 | 5 => {
                let Some(watcher) = pick(&mut random, &mut watchers) else { continue };
                stage.limit(watcher.client, [0, 1000, 100_000, usize::MAX][random.below(4)]);
            }
            _ => stage.run(),
        }
    }
    let mut all = BTreeMap::new();
    stage.run();
    for channel in CHANNELS {
        let state = &stage.handler().state;
        let next = |id: &crate::apps::hub::log::Id| state.next_kept(channel, *id).map(|kept| kept.id);
        let ids = std::iter::successors(Some(crate::apps::hub::log::Id(0)), next).skip(1).map(|id| id.0);
        all.insert(channel, ids.collect::<Vec<_>>());
    }
    for watcher in &mut watchers {
        stage.limit(watcher.client, usize::MAX);
        watcher.take(texts(&mut stage, watcher.client));
        assert_eq!(stage.closed(watcher.client), None);
        watcher.check(&all);
    }
}

fn pick<'w>(random: &mut Random, watchers: &'w mut [Watcher]) -> Option<&'w mut Watcher> {
    let at = random.below(watchers.len().max(1));
    watchers.get_mut(at)
}

/// Queues a command. A client asks for the past of one channel, of which it has had a part, and for no channel twice.
fn command(stage: &mut Stage<House>, random: &mut Random, watcher: &mut Watcher, epoch: &str) {
    watcher.take(texts(stage, watcher.client));
    let channel = CHANNELS[random.below(CHANNELS.len())];
    let text = match (watcher.channels.get(channel), random.below(3)) {
        _ if !watcher.asked.is_empty() => return,
        (Some(_), 0) => format!(r#"{{"unsubscribe":["{channel}"]}}"#),
        (None, 1) => format!(r#"{{"subscribe":["{channel}"]}}"#),
        (None, 2) => {
            watcher.asked.push(channel.to_owned());
            format!(r#"{{"subscribe":["{channel}"],"since":"{epoch}-0"}}"#)
        }
        _ => return,
    };
    stage.queue(watcher.client, &frame(&text));
    // Its answer decides what the next command may be.
    stage.run();
}

#[test]
fn each_message_comes_once_and_in_order_whoever_joins_leaves_and_is_slow() {
    for seed in 0..12 {
        run_random(seed);
    }
}
