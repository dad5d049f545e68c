//! The table of docs/clients.md: each command takes WebSockets at the path of the tutorial.

use super::running::{Running, status};

/// The URL and the command of each row.
fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    let code = |cell: &'static str| cell.trim().strip_prefix('`')?.strip_suffix('`');
    include_str!("../../docs/clients.md").lines().filter_map(move |line| {
        let [_, _, url, command, _] = line.split('|').collect::<Vec<_>>()[..] else { return None };
        Some((code(url)?, code(command)?))
    })
}

#[test]
fn each_command_serves_the_url_of_its_tutorial() {
    assert_eq!(rows().count(), 8);
    for (url, command) in rows() {
        let (authority, path) = url.strip_prefix("ws://localhost:").map(|rest| rest.split_at(4)).expect(url);
        let path = if path.is_empty() { "/" } else { path };
        let words: Vec<_> = command.strip_prefix("sockhop ").expect(command).split(' ').collect();
        let [app, port] = words[..] else { panic!("{command}") };
        assert_eq!(port, authority, "{command} for {url}");
        let server = Running::start(&[app, "0"]);
        assert_eq!(status(&server.open(path, "").1), 101, "{command} for {url}");
    }
}
