//! The text of `--help`.

use super::settings::hub::HUB;
use super::settings::recipe::RECIPE;
use super::settings::{LIMITS, SHUTDOWN, Setting, TIMEOUTS};
use crate::apps::{APPS, ECHO};
use crate::http::HeadLimits;
use crate::{Config, HubConfig};

/// The whole help.
pub(super) fn text() -> String {
    let apps: String = APPS.iter().map(|app| format!("  {:<12}{}\n", app.name, app.about)).collect();
    let defaults = Config::default();
    let (recipe, limits, timeouts) = (table(RECIPE, &ECHO), table(LIMITS, &defaults), table(TIMEOUTS, &defaults));
    let (shutdown, hub) = (table(SHUTDOWN, &defaults), table(HUB, &HubConfig::default()));
    const MAX_HEADERS: usize = HeadLimits::MAX_HEADERS;
    format!(
        "\
sockhop: a tiny WebSocket server

Usage: sockhop [APP] [[HOST:]PORT] [OPTIONS]

Apps (one at every path; without a name all of them, each at /NAME):
{apps}  recipe      does what the flags under Recipe say
  hub         takes messages by HTTP and sends them to WebSockets: a path is a channel
Open / in a browser for a page to try them.

Examples:
{EXAMPLES}
Addresses, origins, proxies and pages:
{PLACES}
Recipe:                        default  (with a named app, a flag changes that app instead)
{recipe}
The hub:                       default  (`sockhop hub`: each path is a channel)
{CURL}{hub}{TOKENS}
Limits:                        default  (SIZE is 500, 64K, 1M or 1G)
{limits}
Timeouts:                      default  (TIME is 500ms, 25s, 2m or 1h)
{timeouts}
Shutdown (SIGTERM or Ctrl-C):  default
{shutdown}  --restart                             sends Close 1012 (restart) instead of 1001 (going away)

Limits without a flag:
  a request has at most {MAX_HEADERS} header lines (more: 431); after 10s, its body must have come with 1K a
  second on average (else 408); when a quarter of --max-connections are unfinished requests, the
  oldest is dropped; 32 more connections may ask plain HTTP when the server is full; delayed replies
  that are kept for all clients of an app take 16M at most (then Close 1013)

{REST}"
    )
}

const EXAMPLES: &str = "  \
  sockhop                             all apps, at http://127.0.0.1:8080/
  sockhop echo 9000                   one app, on port 9000, for this machine only
  sockhop chat 0.0.0.0:9000           for the network
  sockhop chat unix:/run/chat.sock    for a proxy on this machine
  sockhop pong --after 5s             an app with one change
  sockhop recipe --greet hello --on text:bye --reply 'so long' --to all
                                      an app of your own
  sockhop hub                         programs publish with curl, pages listen
  sockhop relay --origin https://example.com --path-prefix /ws --max-message 64K
                                      for the pages of a site, behind its proxy
";

const CURL: &str = "  \
  curl -d hello http://localhost:8080/news     publishes to all pages that have opened
                                               new WebSocket('ws://localhost:8080/news')
  curl 'http://localhost:8080/news?last=10'    shows the last messages that the channel keeps
";

const TOKENS: &str = "  \
  --publish-token TOKEN[@PATTERN]       may publish, as `Authorization: Bearer TOKEN`; @/orders/*
                                        behind it: below /orders/ alone. Without one, programs on
                                        this machine may publish, unless a proxy passes it on
  --subscribe-token TOKEN[@PATTERN]     the same for listening and reading; without one, all may,
                                        within --origin. Both may be repeated: an old and a new
                                        token. Other users of this machine can see flags: better are
  --publish-token-file FILE             files with tokens, spaces or line ends between them, which
  --subscribe-token-file FILE           are read again at SIGHUP; or the environment, with
                                        SOCKHOP_PUBLISH_TOKEN or SOCKHOP_PUBLISH_TOKEN_FILE, and the
                                        same with SUBSCRIBE. All tokens count together
  --token-in-query                      takes ?token=TOKEN in URLs, too, which proxies may log
  --rule 'PATTERN WORD...'              changes channels: '/rooms/* history=20 bytes=64K age=1h', or
                                        publish=members, publish=tokens, deny. The first rule that
                                        matches counts; may be repeated. By default a channel keeps
                                        100 messages, 1M and 10m
";

const PLACES: &str = "  \
  -l, --listen ADDRESS    where to listen: 8080, HOST:PORT (all addresses of a name), [::]:PORT
                          (IPv4 too), [fe80::1%eth0]:PORT, unix:PATH or unix:PATH?mode=0660; port 0
                          is any free port. May be repeated. Without an address: SOCKHOP_LISTEN in
                          the environment (separated by commas), else IP and PORT (either may be
                          missing), else 127.0.0.1:8080
  --tls-cert FILE         speaks TLS (https and wss): a certificate in PEM with its chain behind it,
  --tls-key FILE          and its private key. Both may be repeated, in pairs: a client gets the
                          certificate for the name it asks for, else the first. Read again at
                          SIGHUP. Unix-domain sockets stay plain, and so does http:ADDRESS. Needs a
                          build with `cargo build --features tls`
  --tls-min VERSION       the oldest version of TLS: 1.2 (default) or 1.3
  --tls-client-ca FILE    takes only clients with a certificate of these authorities, or with
  --tls-client-ca-optional
                          those without one, too
  --redirect ADDRESS      sends plain http requests there on to https, at the port of the first
                          address that speaks TLS; may be repeated
  --origin ORIGIN         lets pages of another site connect, such as https://example.com; may be
                          repeated. Pages with the host and port of the server always may. Pages
                          on this machine (files, other ports) may while browser and server are
                          both on it: `--origin same` refuses them; `--origin '*'` lets all pages in
  --path-prefix PATH      a prefix, such as /ws, that a proxy in front may or may not remove
  --trusted-proxy CIDR    believes this proxy's X-Forwarded-For and X-Forwarded-Host: 127.0.0.1,
                          10.0.0.0/8 or unix; may be repeated. Limits and log lines then use the
                          addresses of its clients
  --proxy-protocol        the trusted proxies begin each connection with a PROXY header (version
                          1 or 2)
  --subprotocol NAME      a subprotocol that the apps speak; may be repeated
  --deflate [takeover]    compresses messages for clients that offer permessage-deflate. Needs a
                          build with `cargo build --features deflate`. With takeover, a message may
                          refer to earlier ones: it gets smaller, but takes up to 320K of memory
                          per client. When half of --max-memory is in use, new clients get no
                          compression. With --slow drop or latest, only messages from clients
                          refer to earlier ones
  --page DIR              serves your own pages at / (with /client.js for them). Files are read into
                          memory at the start and at SIGHUP: 64M at most, no dot-files but those in
                          /.well-known/, no links that lead outside. Clients that take them get
                          FILE.br or FILE.gz beside FILE instead; 404.html is for other paths
  --page-fallback FILE    a file in DIR, such as index.html, for paths at which there is none: the
                          routes of a page that makes its own
  --header 'NAME: VALUE'  a header line for your own pages, in place of the server's own of that
                          name, such as Content-Security-Policy; without VALUE that is left out.
                          May be repeated
";

const REST: &str = "  \
  -h, --help              prints this text
  -V, --version           prints the version

RUST_LOG in the environment sets the log level: error, warn (default), info, debug or trace.
SIGTERM or Ctrl-C closes all connections, waits for the clients' answers and exits; a second one
exits at once. Meanwhile /healthz answers 200, /readyz answers 503, and no client can connect.
SIGHUP reads the files of --page, of tokens and of TLS again, unless it comes because the terminal
of the server has closed: then it is as SIGTERM.
Exit codes: 0 success, 1 could not run, 2 bad usage.
";

/// Three columns: the flag, its default, its effect.
fn table<T>(settings: &[Setting<T>], defaults: &T) -> String {
    let row = |setting: &Setting<T>| {
        let flag = format!("--{} {}", setting.flag, setting.value);
        let help = setting.help.replace('\n', &format!("\n{:40}", ""));
        format!("  {flag:<25}{:>11}  {help}\n", (setting.default)(defaults))
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
        let flags =
            RECIPE.iter().map(|it| it.flag).chain(LIMITS.iter().chain(TIMEOUTS).chain(SHUTDOWN).map(|it| it.flag));
        for flag in flags {
            assert!(text().contains(&format!("\n  --{flag} ")), "{flag}");
        }
        for app in APPS.iter() {
            assert!(text().contains(&format!("\n  {} ", app.name)), "{}", app.name);
        }
    }

    /// The rows of flags with a TIME or a COUNT, up to the next flag.
    #[test]
    fn says_where_0_is_taken_and_nowhere_else() {
        let text = text();
        let rows: Vec<_> =
            text.split("\n  --").skip(1).filter(|row| row.contains(" TIME ") || row.contains(" COUNT ")).collect();
        assert!(rows.len() > 15, "{rows:?}");
        for row in rows {
            let flag = row.split(' ').next().unwrap_or_default();
            let app = if HUB.iter().any(|setting| setting.flag == flag) { "hub" } else { "pong" };
            let Ok(Asked::Server(args)) = args::parse(&[app, &format!("--{flag}"), "0"]) else { panic!("{row}") };
            let is_taken = Plan::new(*args, &|_| None, Config::default()).is_ok();
            assert_eq!(is_taken, row.contains("0: "), "{row}");
        }
    }

    #[test]
    fn its_examples_are_valid_command_lines() {
        let mut count = 0;
        for line in EXAMPLES.lines().filter_map(|line| line.trim().strip_prefix("sockhop")) {
            let command = line.split("  ").next().unwrap_or_default().replace("'so long'", "so_long");
            let words: Vec<_> = command.split_whitespace().collect();
            let Ok(Asked::Server(args)) = args::parse(&words[..]) else { panic!("{line}") };
            assert!(Plan::new(*args, &|_| None, Config::default()).is_ok(), "{line}");
            count += 1;
        }
        assert_eq!(count, 8);
    }
}
