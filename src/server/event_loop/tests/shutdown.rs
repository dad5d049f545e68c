//! The server's end.

use super::*;
use crate::http::Response;
use crate::server::Shutdown;

const GOING_AWAY: (u16, &str) = (1001, "");

fn closes(client: &mut Client) -> Vec<(u16, String)> {
    let close = |frame| match frame {
        Frame::Close(code, reason) => Some((code, reason)),
        _ => None,
    };
    client.frames().into_iter().filter_map(close).collect()
}

fn is_going_away(client: &mut Client) -> bool {
    closes(client) == [(GOING_AWAY.0, GOING_AWAY.1.to_owned())]
}

fn shutdowns(log: &[String]) -> usize {
    log.iter().filter(|line| line.starts_with("close shutdown 1001")).count()
}

#[test]
fn all_hear_1001_and_the_server_ends_when_the_last_has_gone() {
    let mut bed = Bed::new(App::echo());
    let mut clients = bed.open_many(5);
    clients[4].limit(0);
    clients[4].text("owed");
    bed.settle();
    bed.handle.shutdown(Shutdown::default());
    bed.settle();
    for client in &mut clients[..4] {
        assert!(is_going_away(client));
        assert!(!bed.server.lines.has_stopped());
        client.close(1001);
        bed.settle();
    }
    assert!(!bed.server.lines.has_stopped());
    clients[4].unlimit();
    clients[4].close(1001);
    bed.turn();
    assert!(is_going_away(&mut clients[4]));
    assert!(bed.server.lines.has_stopped());
    assert_eq!(shutdowns(&bed.log()), 5);
    bed.assert_empty();
}

#[test]
fn run_returns_when_nobody_is_there() {
    let mut bed = Bed::new(App::echo());
    bed.network.run();
    bed.handle.shutdown(Shutdown::default());
    bed.run().expect("an end");
    assert!(bed.handle.broadcast("/*", "x").is_err());
}

#[test]
fn run_waits_five_seconds_for_those_who_do_not_answer() {
    let mut bed = Bed::new(App::echo());
    let mut clients = bed.open_many(3);
    bed.network.run();
    bed.handle.shutdown(Shutdown::default());
    let start = bed.now();
    bed.run().expect("an end");
    assert_eq!(bed.now() - start, Duration::from_secs(5));
    assert!(clients.iter_mut().all(is_going_away));
    let log = bed.log();
    assert_eq!(log.iter().filter(|line| line.starts_with("close")).count(), 3, "{log:?}");
}

#[test]
fn a_second_request_ends_it_at_once() {
    for by_handle in [true, false] {
        let mut bed = Bed::new(App::echo());
        let _clients = bed.open_many(3);
        let ask = |bed: &Bed| match by_handle {
            true => bed.handle.shutdown(Shutdown { timeout: Duration::from_secs(60), ..Shutdown::default() }),
            false => bed.network.request_stop(),
        };
        ask(&bed);
        bed.settle();
        assert!(!bed.server.lines.has_stopped());
        ask(&bed);
        bed.network.run();
        let start = bed.now();
        bed.run().expect("an end");
        assert_eq!(bed.now(), start);
        assert_eq!(shutdowns(&bed.log()), 3);
    }
}

#[test]
fn the_drain_says_which_code_and_for_how_long() {
    let mut bed = Bed::new(App::echo());
    let mut client = bed.open();
    bed.handle.shutdown(Shutdown {
        code: CloseCode::SERVICE_RESTART,
        timeout: Duration::from_secs(2),
        ..Shutdown::default()
    });
    bed.network.run();
    let start = bed.now();
    bed.run().expect("an end");
    assert_eq!(bed.now() - start, Duration::from_secs(2));
    assert_eq!(closes(&mut client), [(1012, String::new())]);
}

#[test]
fn while_it_stops_plain_requests_are_answered_and_upgrades_are_not() {
    let mut bed =
        Bed::of(Config::default(), vec![("/ws", App::echo())], vec![("/", Box::new(|_, _| Response::new(200)))]);
    let mut first = bed.open_at("/ws");
    bed.handle.shutdown(Shutdown::default());
    bed.settle();
    let mut plain = bed.connect("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
    let mut upgrade = bed.connect(&request("/ws"));
    bed.settle();
    assert!(plain.response().is_some_and(|response| response.starts_with("HTTP/1.1 200")));
    let response = upgrade.response().expect("a response");
    assert!(response.starts_with("HTTP/1.1 503") && response.contains("Retry-After"));
    assert!(is_going_away(&mut first));
    assert_eq!(bed.log(), ["open #0.0"]);
}

#[test]
fn connections_that_are_being_closed_already_are_not_closed_again() {
    let mut bed = Bed::new(App::new(|ctx, call| {
        if let Call::Message(_) = call {
            ctx.close(CloseFrame::normal("bye"));
        }
    }));
    let mut client = bed.open();
    client.text("close");
    bed.settle();
    bed.handle.shutdown(Shutdown::default());
    bed.settle();
    assert_eq!(closes(&mut client), [(1000, "bye".to_owned())]);
    client.close(1000);
    bed.turn();
    assert!(bed.server.lines.has_stopped());
    assert_eq!(bed.log().last().map(String::as_str), Some("close local 1000 #0.0"));
}

#[test]
fn unfinished_handshakes_do_not_hold_it_up() {
    let mut bed = Bed::new(App::echo());
    let _half = bed.connect("GET / HTTP/1.1\r\n");
    bed.settle();
    bed.network.run();
    bed.handle.shutdown(Shutdown::default());
    bed.run().expect("an end");
}

#[test]
fn a_poller_that_fails_ends_the_server_and_its_connections() {
    let mut bed = Bed::new(App::echo());
    let client = bed.open();
    client.finish();
    bed.settle();
    bed.log();
    bed.network.run();
    // Nobody is there, so it would sleep for ever, which the fake poller calls an error.
    bed.run().expect_err("asleep for ever");
    assert!(bed.handle.broadcast("/*", "x").is_err());
}

#[test]
fn a_shutdown_without_an_end_waits_for_its_peers() {
    for drain in [
        Shutdown { timeout: Duration::MAX, ..Shutdown::default() },
        Shutdown { over: Duration::MAX, timeout: Duration::MAX, ..Shutdown::default() },
    ] {
        let config = Config { close_timeout: Duration::MAX, ping_interval: None, ..Config::default() };
        let mut bed = Bed::with(config, App::echo());
        let client = bed.open();
        bed.handle.shutdown(drain);
        bed.pass(Duration::from_secs(24 * 3600));
        assert!(!bed.server.lines.has_stopped() && !client.is_gone());
        client.finish();
        bed.settle();
        assert!(bed.server.lines.has_stopped());
    }
}
