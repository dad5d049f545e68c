//! The machine around the server: its limits, its time zones.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use crate::running::{Running, sockhop, status};

/// A server that a shell starts under a limit of descriptors.
fn limited(ulimit: &str, words: &[&str]) -> Running {
    let script = format!("ulimit {ulimit}; exec \"$0\" \"$@\"");
    Running::spawn(Command::new("sh").args(["-c", &script, env!("CARGO_BIN_EXE_sockhop")]).args(words))
}

#[cfg(target_os = "linux")]
#[test]
fn descriptors_are_raised_to_the_hard_limit() {
    let server = limited("-Sn 100", &["127.0.0.1:0"]);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.child.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let fields: Vec<_> = line.split_whitespace().collect();
    assert_eq!(fields[3], fields[4], "{line}");
}

#[test]
fn connections_are_as_many_as_descriptors_allow() {
    let server = limited("-n 66", &["echo", "127.0.0.1:0"]);
    let clients = [(); 3].map(|()| server.open("/", ""));
    let statuses = clients.map(|(_, head)| status(&head));
    assert!(matches!(statuses, [101, 101, 0 | 503]), "64 of 66 are for other things: {statuses:?}");
    server.signal("-TERM");
    let (code, errors) = server.end();
    assert_eq!(code, Some(0));
    let room = "66 open files are allowed: room for 2 of 10000 connections (--max-connections). Raise the limit: \
        ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of docker\n";
    let full = "there are as many connections as the limit of 66 open files (ulimit -n, LimitNOFILE, --ulimit nofile) allows\n";
    let lines: Vec<_> = errors.split_inclusive('\n').filter(|line| line.contains(" WARN ")).collect();
    assert!(lines[0].ends_with(room) && lines[1].ends_with(full) && lines.len() == 2, "{errors}");

    let server = limited("-n 66", &["echo", "127.0.0.1:0", "--max-connections", "2"]);
    server.signal("-TERM");
    assert_eq!(server.end(), (Some(0), String::new()), "there are as many as wanted");
}

#[test]
fn a_log_level_that_is_not_text_is_a_warning() {
    let server = Running::spawn(sockhop(&["0"]).env("RUST_LOG", OsStr::from_bytes(b"debug\xff")));
    server.signal("-TERM");
    let (code, errors) = server.end();
    assert!(code == Some(0) && errors.ends_with("RUST_LOG is not UTF-8, so it is ignored\n"), "{errors}");
}

#[test]
fn a_time_zone_that_is_not_there_is_a_warning_where_times_are_sent() {
    for (app, zone, is_said) in
        [("chat", "Nowhere/Land", true), ("echo", "Nowhere/Land", false), ("chat", "UTC", false), ("chat", "", false)]
    {
        let server = Running::spawn(sockhop(&[app, "0"]).env("TZ", zone));
        server.signal("-TERM");
        let (code, errors) = server.end();
        assert_eq!(
            (code, errors.contains(" no time zone TZ=Nowhere/Land ")),
            (Some(0), is_said),
            "{app} {zone}: {errors}"
        );
        assert_eq!(errors.lines().count(), usize::from(is_said), "{errors}");
    }
}
