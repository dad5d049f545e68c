//! Positions for listeners of quiet channels.

use super::*;
use crate::apps::hub::History;

/// The positions that a client has heard, and nothing else.
fn positions(stage: &mut Stage<House>, client: Client) -> Vec<String> {
    let said = said(stage, client);
    assert!(said.iter().all(|text| text.starts_with(r#"! {"event":"position""#)), "{said:?}");
    said
}

#[test]
fn a_quiet_channel_hears_a_position_before_half_of_its_historys_age_is_over() {
    let mut stage = stage(HubConfig::default());
    let clients = ["/quiet?ids", "/busy?ids", "/-/multi?channel=/quiet&channel=/busy", "/quiet"];
    let [quiet, busy, multi, plain] = clients.map(|target| stage.connect(target));
    for client in [quiet, busy, multi] {
        texts(&mut stage, client);
    }
    let mut last = 0;
    for minute in 1..=30 {
        stage.advance(seconds(60));
        publish(&mut stage, "/busy", "x");
        assert_eq!(texts(&mut stage, busy).len(), 1, "nothing but the message");
        if let [position] = &positions(&mut stage, quiet)[..] {
            assert_eq!(*position, position_event(minute - 1), "it is fresh");
            last = minute;
        }
        assert!(minute - last < 5, "{minute} {last}");
    }
    // Five minutes go by and nothing has happened at all: all have the position.
    stage.advance(seconds(300));
    positions(&mut stage, quiet);
    positions(&mut stage, busy);
    stage.advance(seconds(3600));
    assert!(positions(&mut stage, quiet).is_empty() && positions(&mut stage, busy).is_empty());
    assert!(texts(&mut stage, plain).is_empty());
    let told = texts(&mut stage, multi).iter().filter(|text| text.starts_with('!')).count();
    assert!((8..20).contains(&told), "{told}: once, not once for each channel");
}

#[test]
fn a_channel_with_a_longer_history_is_told_less_often() {
    let rules = vec!["/long age=1h".parse().expect("a rule")];
    let mut stage = stage(HubConfig { rules, ..HubConfig::default() });
    let [long, short] = ["/long?ids", "/short?ids"].map(|target| stage.connect(target));
    for client in [long, short] {
        texts(&mut stage, client);
    }
    for _ in 0..60 {
        stage.advance(seconds(60));
        publish(&mut stage, "/other", "x");
    }
    let (long, short) = (positions(&mut stage, long).len(), positions(&mut stage, short).len());
    assert!((3..=4).contains(&long) && (20..=24).contains(&short), "{long} {short}");
}

#[test]
fn many_channels_are_told_over_many_turns() {
    let mut stage = stage(HubConfig { max_channels: 10_000, ..HubConfig::default() });
    let clients: Vec<Client> = (0..1100).map(|at| stage.connect(&format!("/{at}?ids"))).collect();
    for client in &clients {
        assert_eq!(texts(&mut stage, *client).len(), 1);
    }
    publish(&mut stage, "/7", "x");
    texts(&mut stage, clients[7]);
    stage.advance(seconds(301));
    for (at, client) in clients.iter().enumerate() {
        // /7 was not quiet in the first round, but in the second.
        assert!(positions(&mut stage, *client).len() == if at == 7 { 1 } else { 2 }, "{at}");
    }
}

#[test]
fn nobody_with_ids_means_no_timer() {
    let history = History { age: seconds(20), ..History::default() };
    let mut stage = stage(HubConfig { history, ..HubConfig::default() });
    let plain = stage.connect("/a");
    let ids = stage.connect("/a?ids");
    publish(&mut stage, "/b", "x");
    stage.vanish(ids);
    stage.advance(seconds(60));
    assert!(stage.handler().listeners.rounds.is_asleep());
    // The next one has a round again.
    let ids = stage.connect("/a?ids");
    texts(&mut stage, ids);
    publish(&mut stage, "/b", "x");
    stage.advance(seconds(11));
    assert_eq!(positions(&mut stage, ids), [position_event(2)]);
    assert!(texts(&mut stage, plain).is_empty());
}
