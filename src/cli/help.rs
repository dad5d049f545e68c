//! What `--help` says.

use super::settings::{DRAIN, LIMITS, RECIPE, Setting, TIMEOUTS};
use crate::Config;
use crate::apps::{APPS, ECHO};

/// The whole help.
pub(super) fn text() -> String {
    let apps: String = APPS.iter().map(|app| format!("  {:<12}{}\n", app.name, app.about)).collect();
    let defaults = Config::default();
    let (recipe, limits, timeouts) = (table(RECIPE, &ECHO), table(LIMITS, &defaults), table(TIMEOUTS, &defaults));
    let drain = table(DRAIN, &defaults);
    format!(
        "\
sockhop: a tiny WebSocket server

Usage: sockhop [APP] [[HOST:]PORT] [OPTIONS]

Apps: one, at every path; or without a name all, each at /NAME. A page at / is there to try them.
{apps}  recipe      does what the flags under Recipe say

Examples:
{EXAMPLES}
Where, and for whom:
{PLACES}
Recipe:                         echo's  (with another app: what it changes of that)
{recipe}
Limits:                        default  (SIZE is 500, 64K, 1M or 1G)
{limits}
Timeouts:                      default  (TIME is 500ms, 25s, 2m, 1h or 0)
{timeouts}
The end (SIGTERM or Ctrl-C):   default
{drain}  --restart                             clients are told 1012 (restart) instead of 1001 (going away)

{REST}"
    )
}

const EXAMPLES: &str = "  \
  sockhop                             all apps, at http://127.0.0.1:8080/
  sockhop echo 9000                   one app, on port 9000, for this machine alone
  sockhop chat 0.0.0.0:9000           for the network
  sockhop chat unix:/run/chat.sock    for a proxy on this machine
  sockhop pong --after 5s             an app, changed
  sockhop recipe --greet hello --on text:bye --reply 'so long' --to all
                                      one of your own
  sockhop relay --origin https://example.com --path-prefix /ws --max-message 64K
                                      for the pages of a site, behind its proxy
";

const PLACES: &str = "  \
  -l, --listen ADDRESS    8080, HOST:PORT (all addresses of a name), [::]:PORT (IPv4 too), unix:PATH
                          or unix:PATH?mode=0660; may be repeated. Without any: SOCKHOP_LISTEN in
                          the environment (with commas), else IP and PORT (or either), else
                          127.0.0.1:8080. Port 0: any
  --origin ORIGIN         lets pages of an origin connect, such as https://example.com; may be
                          repeated. Those of the server's own host and port always may. So may
                          pages on this machine (files, other ports) while browser and server
                          are both on it: `--origin same` ends that; `--origin '*'` lets all in
  --path-prefix PATH      what a proxy in front may or may not take off a path, such as /ws
  --trusted-proxy CIDR    a proxy whose X-Forwarded-For and X-Forwarded-Host count: 127.0.0.1,
                          10.0.0.0/8 or unix; may be repeated. Limits and log go by its clients
  --proxy-protocol        those proxies begin connections with a PROXY header, version 1 or 2
  --subprotocol NAME      a subprotocol that the apps speak; may be repeated
  --deflate [takeover]    compresses messages for clients that can (permessage-deflate), if the
                          build can: `cargo build --features deflate`. With takeover each message
                          refers to those before: smaller, for up to 320K of memory per client,
                          while half of --max-memory stays free; beside --slow only what
                          clients send
  --page DIR              pages of your own at / (with /client.js for them): read into memory at the
                          start and at SIGHUP, 64M at most, no dot-files, no links that lead outside
";

const REST: &str = "  \
  -h, --help              prints this
  -V, --version           prints the version

RUST_LOG in the environment says how much is logged: error, warn (default), info, debug or trace.
Ctrl-C or SIGTERM closes all connections, waits for the clients' answers and exits; a second one
exits at once. Meanwhile /healthz answers 200, /readyz 503, and nobody new is let in.
Exit codes: 0 fine, 1 could not run, 2 bad usage.
";

/// Three columns: the flag, its default, what it does.
fn table<T>(settings: &[Setting<T>], defaults: &T) -> String {
    let row = |setting: &Setting<T>| {
        let flag = format!("--{} {}", setting.flag, setting.value);
        format!("  {flag:<25}{:>11}  {}\n", (setting.default)(defaults), setting.help)
    };
    settings.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{self, Asked};
    use crate::cli::plan::Plan;

    #[test]
    fn fits_into_a_hundred_columns() {
        for line in text().lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }

    #[test]
    fn names_every_app_and_setting() {
        let flags = RECIPE.iter().map(|it| it.flag).chain(LIMITS.iter().chain(TIMEOUTS).chain(DRAIN).map(|it| it.flag));
        for flag in flags {
            assert!(text().contains(&format!("\n  --{flag} ")), "{flag}");
        }
        for app in APPS.iter() {
            assert!(text().contains(&format!("\n  {} ", app.name)), "{}", app.name);
        }
    }

    #[test]
    fn its_examples_are_well_formed() {
        let mut count = 0;
        for line in EXAMPLES.lines().filter_map(|line| line.trim().strip_prefix("sockhop")) {
            let command = line.split("  ").next().unwrap_or_default().replace("'so long'", "so_long");
            let words: Vec<_> = command.split_whitespace().collect();
            let Ok(Asked::Server(args)) = args::parse(&words[..]) else { panic!("{line}") };
            assert!(Plan::new(*args, &|_| None, Config::default()).is_ok(), "{line}");
            count += 1;
        }
        assert_eq!(count, 7);
    }
}
