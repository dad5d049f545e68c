//! The number of lines: so many of a kind in a second, and a count of the rest.

use super::*;

#[test]
fn the_eleventh_line_of_a_kind_is_left_out_another_kind_is_not_and_the_count_comes_with_the_second_s_end() {
    let mut bed = Bed::with(Config { max_message: 10, ..Config::default() }, App::echo());
    listen(Level::Warn);
    for _ in 0..10 {
        bed.connect(&from("http://evil.example"));
    }
    bed.settle();
    assert_eq!(count(&lines(), "origin \"http://evil.example\""), 10);
    bed.network.advance(Duration::from_millis(500));
    (0..5).for_each(|_| _ = bed.connect(&from("http://evil.example")));
    let big = bed.open();
    big.frame(0x82, &[0; 11]);
    bed.settle();
    let more = lines();
    assert_eq!((count(&more, "origin"), count(&more, "Config::max_message (10)")), (0, 1), "{more:?}");
    // Nothing else happens then, and the loop wakes for it.
    bed.network.advance(Duration::from_millis(499));
    bed.turn();
    assert_eq!(lines(), [""; 0]);
    assert!(bed.server.timeout().is_some_and(|timeout| timeout <= Duration::from_millis(1)));
    bed.network.advance(Duration::from_millis(1));
    bed.turn();
    assert_eq!(lines(), ["... and 5 more in that second: refused for their origin"]);
    bed.pass(Duration::from_secs(10));
    assert_eq!(lines(), [""; 0], "said once");
    bed.connect(&from("http://evil.example"));
    bed.settle();
    assert_eq!(count(&lines(), "origin"), 1, "a new second");
}

#[test]
fn a_new_second_begins_with_the_count_of_the_last_one() {
    let mut bed = Bed::new(App::echo());
    listen(Level::Warn);
    (0..12).for_each(|_| _ = bed.connect(&from("http://evil.example")));
    bed.settle();
    bed.network.advance(Duration::from_secs(1));
    bed.connect(&from("http://evil.example"));
    bed.settle();
    let lines = lines();
    assert_eq!(lines.len(), 12, "{lines:?}");
    assert!(lines[10].starts_with("... and 2 more") || lines[11].starts_with("... and 2 more"), "{lines:?}");
}

#[test]
fn a_server_that_ends_says_what_it_has_counted() {
    let mut bed = Bed::new(App::echo());
    listen(Level::Warn);
    (0..13).for_each(|_| _ = bed.connect(&from("http://evil.example")));
    bed.settle();
    (0..2).for_each(|_| bed.handle.shutdown(Shutdown::default()));
    assert!(!bed.server.step().expect("an end in good order"), "told twice, it ends at once");
    assert_eq!(lines().last().map(String::as_str), Some("... and 3 more in that second: refused for their origin"));
}

#[test]
fn where_a_level_is_off_nothing_is_counted_and_the_loop_is_not_woken() {
    let mut bed = Bed::new(App::echo());
    listen(Level::Error);
    (0..20).for_each(|_| _ = bed.connect(&from("http://evil.example")));
    bed.settle();
    assert_eq!(bed.server.lines.shared.log_limit.next_deadline(), None);
    bed.pass(Duration::from_secs(5));
    assert_eq!(lines(), [""; 0]);
}

#[test]
fn a_lack_of_descriptors_is_logged_once_a_minute() {
    let mut bed = Bed::with(Config { ping_interval: None, ..Config::default() }, App::echo());
    let _first = bed.open();
    listen(Level::Warn);
    bed.network.limit_descriptors(1);
    bed.connect("");
    bed.pass(Duration::from_secs(59));
    assert_said(&["no connection can be accepted: ", "1 are open", "ulimit -n"]);
    bed.pass(Duration::from_secs(59));
    assert_eq!(lines().len(), 1);
    bed.network.limit_descriptors(9);
    bed.pass(Duration::from_secs(60));
    bed.network.fail_accept(0, std::io::Error::from_raw_os_error(105));
    bed.connect("");
    bed.settle();
    let lines = lines();
    assert!(lines.len() == 1 && !lines[0].contains("ulimit"), "there are descriptors enough: {lines:?}");
}

#[test]
fn a_flood_of_every_kind_is_a_handful_of_lines() {
    let mut bed = Bed::with(Config { max_message: 10, ..Config::default() }, App::echo());
    listen(Level::Debug);
    for _ in 0..300 {
        bed.connect("\n");
        bed.connect(&request("/nothing here"));
        let client = bed.connect(&request("/"));
        client.frame(0x82, &[0; 11]);
        let reset = bed.connect(&request("/"));
        bed.settle();
        reset.reset();
        bed.settle();
    }
    let lines = lines();
    assert!(lines.len() <= 100, "{} lines", lines.len());
    assert!(lines.len() >= 40, "{} lines", lines.len());
}

#[test]
fn a_full_door_is_logged_with_its_own_limit() {
    let mut bed = Bed::new(App::echo());
    bed.server.site.doors[0].max_connections = Some(1);
    let _first = bed.open();
    listen(Level::Warn);
    let mut second = bed.connect(&request("/"));
    bed.settle();
    assert!(second.response().is_some_and(|response| response.starts_with("HTTP/1.1 503")));
    assert_said(&["refused with 503", "Door::max_connections (1)"]);
}
