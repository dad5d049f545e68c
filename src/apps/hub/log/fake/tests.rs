use super::*;

const ENTRY: Entry<'_> = Entry { channel: "/a", kind: Kind::Text, payload: b"x", key: None, keep: true, except: None };

struct Two {
    fake: Fake,
    logs: [FakeLog; 2],
}

impl Two {
    /// A log with two nodes; the first has sent entries with tickets from 0 on.
    fn new(sent: u64) -> Self {
        let fake = Fake::new(2, Instant::now());
        let mut logs = [fake.log(0), fake.log(1)];
        for ticket in 0..sent {
            logs[0].append(ENTRY, ticket).expect("room");
        }
        Two { fake, logs }
    }

    /// The events that a node hears, as text.
    fn heard(&mut self, node: usize) -> Vec<String> {
        while self.fake.reveal(node, 1) {}
        let log = &mut self.logs[node];
        let next = || {
            Some(match log.next_event()? {
                Event::Applied { id, ticket, .. } => match ticket {
                    Some(ticket) => format!("{} of {ticket}", id.0),
                    None => id.0.to_string(),
                },
                Event::Refused { ticket, unknown } => format!("{ticket} refused {unknown}"),
                Event::Gap { before } => format!("gap before {}", before.0),
                Event::Epoch(_) => "epoch".to_owned(),
            })
        };
        std::iter::from_fn(next).collect()
    }
}

#[test]
fn all_nodes_hear_entries_in_order_and_their_own_with_tickets() {
    let mut two = Two::new(3);
    assert!(two.heard(0).is_empty() && two.heard(1).is_empty(), "nothing is in the log yet");
    two.fake.commit(0, 1, 1);
    two.fake.commit(0, 9, 5);
    assert_eq!(two.heard(0), ["1 of 0", "6 of 1", "11 of 2"]);
    assert_eq!(two.heard(1), ["1", "6", "11"]);
}

#[test]
fn an_entry_comes_back_as_it_was() {
    let entries = [
        ENTRY,
        Entry { kind: Kind::Binary, key: Some("k"), keep: false, ..ENTRY },
        Entry { kind: Kind::Forget, payload: b"", except: Some("c1"), ..ENTRY },
    ];
    for entry in entries {
        let mut two = Two::new(0);
        two.logs[0].append(entry, 7).expect("room");
        two.fake.commit(0, 1, 1);
        two.fake.reveal(0, 1);
        assert_eq!(two.logs[0].next_event(), Some(Event::Applied { id: Id(1), ticket: Some(7), entry }));
    }
}

#[test]
fn what_is_in_the_log_twice_is_heard_once() {
    let mut two = Two::new(2);
    two.fake.lose_acknowledgement(0);
    two.fake.lose_acknowledgement(0);
    two.fake.commit(0, 2, 1);
    assert_eq!(two.heard(1), ["1", "4"]);
    assert_eq!(two.heard(0), ["1 of 0", "4 of 1"]);
}

#[test]
fn what_is_given_up_may_be_in_the_log_if_an_acknowledgement_was_lost() {
    let mut two = Two::new(3);
    two.fake.lose_acknowledgement(0);
    two.fake.refuse(0, 0, false);
    two.fake.refuse(0, 1, true);
    two.fake.refuse(0, 5, true);
    assert_eq!(two.heard(0), ["2 refused false", "0 refused true", "1 of 0"]);
    two.fake.commit(0, 1, 1);
    assert_eq!(two.heard(0), ["2 of 1"]);
}

#[test]
fn a_cut_leaves_open_what_has_come_to_the_log() {
    let mut two = Two::new(3);
    two.fake.cut(0, 2);
    assert!(matches!(two.logs[0].status(), Status::Away { .. }));
    assert_eq!(two.logs[0].append(ENTRY, 3), Err(Full));
    assert_eq!(two.heard(1), ["1", "2"]);
    assert_eq!(two.heard(0), ["0 refused true", "1 refused true", "2 refused true", "1 of 0", "2 of 1"]);
    two.fake.heal(0);
    assert_eq!(two.logs[0].status(), Status::Ready);
    two.fake.set_full(0, true);
    assert_eq!(two.logs[0].append(ENTRY, 3), Err(Full));
    two.fake.set_full(0, false);
    assert_eq!(two.logs[0].append(ENTRY, 3), Ok(()));
}

#[test]
fn a_node_that_the_log_was_trimmed_past_hears_a_gap() {
    let mut two = Two::new(4);
    two.fake.commit(0, 4, 1);
    two.fake.reveal(0, 1);
    two.fake.trim(3);
    assert_eq!(two.heard(0), ["1 of 0", "gap before 4", "1 refused true", "2 refused true", "4 of 3"]);
    assert_eq!(two.heard(1), ["gap before 4", "4"]);
}

#[test]
fn another_log_is_heard_from_its_start() {
    let mut two = Two::new(4);
    two.fake.commit(0, 1, 3);
    two.fake.reveal(0, 1);
    two.fake.commit(0, 2, 1);
    let before = two.logs[0].epoch();
    two.fake.replace(2);
    assert_eq!(two.heard(0), ["3 of 0", "epoch", "2 refused true", "1 of 0", "2 of 1"]);
    assert_ne!(two.logs[0].epoch(), before);
    two.fake.commit(0, 1, 1);
    assert_eq!(two.heard(0), ["3 of 3"]);
    assert_eq!(two.heard(1), ["epoch", "1", "2", "3"]);
}
