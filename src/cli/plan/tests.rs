use std::time::Duration;

use super::*;
use crate::apps::{CHAT, ECHO, PONG, Reply, Stamp, To};
use crate::cli::args::{self, Asked};
use crate::{Shutdown, Slow};

fn plan(line: &[&str]) -> Result<Plan, String> {
    match args::parse(line)? {
        Asked::Server(args) => Plan::new(*args, &|_| None, Config::default()),
        other => panic!("{line:?}: {other:?}"),
    }
}

fn recipe(line: &[&str]) -> Recipe {
    match plan(line).map(|plan| plan.serve) {
        Ok(Serve::One(app)) => app.recipe,
        other => panic!("{line:?}: {other:?}"),
    }
}

fn config(line: &[&str]) -> Config {
    plan(line).map(|plan| plan.config).unwrap_or_else(|error| panic!("{line:?}: {error}"))
}

#[test]
fn serves_all_apps_without_a_name() {
    let plan = plan(&[]).unwrap();
    assert!(matches!(plan.serve, Serve::All(apps) if apps == APPS));
    assert_eq!(plan.listen, ["127.0.0.1:8080"]);
}

#[test]
fn serves_each_app_by_its_name() {
    for app in APPS.iter() {
        assert!(matches!(plan(&[app.name]).unwrap().serve, Serve::One(named) if named == *app), "{}", app.name);
    }
    assert_eq!(recipe(&["recipe"]), ECHO);
}

#[test]
fn takes_an_address_with_and_without_a_flag() {
    let cases: &[(&[&str], &[&str])] = &[
        (&["9000"], &["127.0.0.1:9000"]),
        (&["echo", "9000"], &["127.0.0.1:9000"]),
        (&["9000", "echo"], &["127.0.0.1:9000"]),
        (&["--max-message", "1K", "echo", "[::]:0"], &["[::]:0"]),
        (&["-l", "1", "--listen=unix:/s", "echo"], &["127.0.0.1:1", "unix:/s"]),
        (&["echo", "--listen", "a:1", "--listen", "b:2"], &["a:1", "b:2"]),
    ];
    for (line, listen) in cases {
        assert_eq!(plan(line).map(|plan| plan.listen.join(" ")), Ok(listen.join(" ")), "{line:?}");
    }
}

#[test]
fn every_field_of_a_recipe_has_a_flag() {
    let line = [
        "recipe",
        "--greet",
        "hello",
        "--on",
        "json",
        "--reply",
        "<{message}>",
        "--to",
        "others",
        "--after",
        "1500ms",
        "--stamp",
        "at",
        "--subprotocol",
        "b",
        "--subprotocol=a",
    ];
    let expected = Recipe {
        greet: Some("hello".into()),
        on: On::JsonObject,
        reply: Reply::Template("<{message}>".into()),
        to: To::Others,
        after: Duration::from_millis(1500),
        stamp: Some(Stamp { key: "at".into() }),
        subprotocols: vec!["b".into(), "a".into()],
    };
    assert_eq!(recipe(&line), expected);
}

#[test]
fn flags_change_the_recipe_of_a_named_app() {
    let cases: &[(&[&str], Recipe)] = &[
        (&["pong", "--after", "5s"], Recipe { after: Duration::from_secs(5), ..PONG }),
        (&["--to", "sender", "pong"], Recipe { to: To::Sender, ..PONG }),
        (&["pong", "--on", "text:"], Recipe { on: On::Text("".into()), ..PONG }),
        (&["pong", "--on=any", "--reply={message}"], Recipe { on: On::Any, reply: Reply::Same, ..PONG }),
        (&["chat", "--stamp", ""], Recipe { stamp: None, ..CHAT }),
        (&["chat", "--stamp=", "--on=any"], Recipe { stamp: None, on: On::Any, ..CHAT }),
        // The app's own stamp goes with --on json.
        (&["chat", "--on=any"], Recipe { stamp: None, on: On::Any, ..CHAT }),
        (&["chat", "--on=json"], CHAT),
        (&["greet", "--greet", "", "--reply", "yes"], Recipe { reply: Reply::Text("yes".into()), ..ECHO }),
    ];
    for (line, expected) in cases {
        assert_eq!(recipe(line), *expected, "{line:?}");
    }
}

#[test]
fn describes_a_changed_app_by_its_flags() {
    let cases: &[(&[&str], &str, &str)] = &[
        (&["recipe"], "sends every message back to its sender", "hello"),
        (&["pong", "--after", "5s"], "with --after 5s", "ping"),
        (
            &["recipe", "--on=text:bye now", "--greet=it's me"],
            r"with --on 'text:bye now' --greet 'it'\''s me'",
            "bye now",
        ),
        (&["echo", "--on=json"], "with --on json", r#"{"text":"hello"}"#),
    ];
    for (line, about, example) in cases {
        match plan(line).map(|plan| plan.serve) {
            Ok(Serve::One(app)) => assert_eq!((&*app.about, &*app.example), (*about, *example), "{line:?}"),
            other => panic!("{line:?}: {other:?}"),
        }
    }
}

#[test]
fn every_field_of_the_configuration_has_a_flag() {
    let line = "--max-message 1 --max-frames 2 --max-head 3 --max-request-line 4 --handshake-timeout 5s \
        --ping-interval 6s --pong-timeout 7s --close-timeout 8s --write-timeout 9s --message-timeout 10s \
        --low-water 11 --high-water 12 --max-queue 13 --max-connections 14 --max-timers 15 \
        --max-memory 16 --max-message-rate 17 --slow latest --drain 18s --drain-timeout 19s --restart \
        --max-per-address 20 --trusted-proxy 10.0.0.0/8 --trusted-proxy=unix --proxy-protocol \
        --origin https://a.example/ --path-prefix /ws --max-body 21 --max-requests 22 --keep-alive 23s \
        --answer-timeout 24s --max-panics 25";
    let got = config(&line.split_whitespace().collect::<Vec<_>>());
    let origins = OriginPolicy { allowed: vec![Origin::parse("https://a.example").unwrap()], any: false, local: true };
    // All fields are written out, so that this fails to compile with a new one.
    let expected = Config {
        max_message: 1,
        max_frames: 2,
        head: crate::http::HeadLimits { max_head: 3, max_request_line: 4 },
        handshake_timeout: Duration::from_secs(5),
        ping_interval: Some(Duration::from_secs(6)),
        pong_timeout: Duration::from_secs(7),
        close_timeout: Duration::from_secs(8),
        write_timeout: Duration::from_secs(9),
        message_timeout: Some(Duration::from_secs(10)),
        low_water: 11,
        high_water: 12,
        max_queue: 13,
        max_connections: 14,
        max_connections_per_address: Some(20),
        max_body: 21,
        max_requests: 22,
        keep_alive: Some(Duration::from_secs(23)),
        answer_timeout: Duration::from_secs(24),
        max_timers: 15,
        max_memory: 16,
        max_message_rate: Some(17),
        slow: Slow::Latest,
        shutdown: Shutdown {
            code: CloseCode::SERVICE_RESTART,
            over: Duration::from_secs(18),
            timeout: Duration::from_secs(19),
        },
        max_panics: 25,
        origins,
        trusted_proxies: vec![Cidr::parse("10.0.0.0/8").unwrap(), Cidr::parse("unix").unwrap()],
        proxy_protocol: ProxyProtocol::Required,
        path_prefix: "/ws".to_owned(),
        // Its flag depends on the build: see `deflate.rs`.
        deflate: None,
    };
    assert_eq!(got, expected);
}

#[test]
fn zero_is_taken_only_where_it_turns_something_off() {
    let times = config(&["--ping-interval", "0", "--message-timeout", "0s", "--keep-alive", "0"]);
    assert_eq!([times.ping_interval, times.message_timeout, times.keep_alive], [None; 3]);
    let counts = config(&["--max-message-rate", "0", "--max-per-address", "0"]);
    assert_eq!((counts.max_message_rate, counts.max_connections_per_address), (None, None));
    for flag in ["--pong-timeout", "--handshake-timeout", "--close-timeout", "--write-timeout", "--answer-timeout"] {
        assert_eq!(plan(&[flag, "0"]).unwrap_err(), format!("{flag}: `0` is too short: it must be more than 0"));
    }
}

#[test]
fn origins_add_up() {
    let cases: &[(&[&str], usize, bool, bool)] = &[
        (&[], 0, false, true),
        (&["--origin", "same"], 0, false, false),
        (&["--origin", "*"], 0, true, true),
        (&["--origin", "*", "--origin", "*"], 0, true, true),
        (&["--origin", "https://a.example", "--origin", "same", "--origin", "http://b.example:81"], 2, false, false),
    ];
    for (line, allowed, any, local) in cases {
        let policy = config(line).origins;
        assert_eq!((policy.allowed.len(), policy.any, policy.local), (*allowed, *any, *local), "{line:?}");
    }
}

#[test]
fn an_error_says_what_would_be_right() {
    let cases: &[(&[&str], &str)] = &[
        (
            &["demo"],
            "`demo` is not an address: write 8080, 0.0.0.0:8080, [::]:8080 or unix:/run/sockhop.sock; nor is it \
            an app: the apps are echo, pong, chat, greet, relay, broadcast, recipe and hub",
        ),
        (&["chta"], "no such app: `chta`, did you mean `chat`?"),
        (&["ECHO"], "no such app: `ECHO`, did you mean `echo`?"),
        (&["recip"], "no such app: `recip`, did you mean `recipe`?"),
        (&["hlep"], "no such app: `hlep`, did you mean `help`?"),
        (&["--", "--help"], "`--help` is no flag behind `--`: leave `--` out"),
        (&["echo", "--", "-x"], "`-x` is no flag behind `--`: leave `--` out"),
        (&["1", "-l", "2"], "127.0.0.1:1 and --listen 2: write one address without a flag, or each of several with"),
        (&["localhost"], "`localhost` has no port: write localhost:8080"),
        (&["echo", "chat"], "echo and chat: one app at a time, or none for all of them"),
        (&["1", "2"], "127.0.0.1:1 and 127.0.0.1:2: write one address without a flag, or each of several with"),
        (&["--listen", "x"], "--listen: `x` is not an address: write"),
        (&["pong", "--after", "5"], "--after: `5` has no unit: write 5s, or 5ms, 5m or 5h"),
        (&["--after", "1s"], "--after changes one app: name it, as in `sockhop pong --after …`"),
        (&["--max-message", "10X"], "--max-message: `10X` is not a size: write 500, 64K, 1M or 1G"),
        (&["--max-message", "1K", "--max-message", "2K"], "`--max-message` is given more than once"),
        (&["--max-mesage", "1K"], "no such flag: `--max-mesage`, did you mean `--max-message`?"),
        (&["pong", "-to", "all"], "no such flag: `-to`; a name of more than one letter has two dashes, `--to`"),
        (&["--max-message-rate", "x"], "--max-message-rate: `x` is not a count: write a number, such as 0 or 1000"),
        (&["--slow", "off"], "--slow: `off` is not a policy: write close, drop or latest"),
        (&["--max-connections", "0"], "--max-connections: `0` is not a count"),
        (&["recipe", "--on", "ping"], "--on: `ping` is not a kind of message: write any, json or text:ping"),
        (&["recipe", "--to", "me"], "--to: `me` is not a recipient: write sender, all or others"),
        (&["recipe", "--stamp", "at"], "--stamp writes into JSON objects: it goes with --on json"),
        (&["chat", "--on", "any", "--stamp", "at"], "--stamp writes into JSON objects"),
        (&["--origin", "example.com"], "--origin: `example.com`: an origin is scheme://host"),
        (&["--origin", "null"], "--origin: `null`: an origin is scheme://host"),
        (
            &["--origin", "*", "--origin", "same"],
            "--origin: `*` lets all pages in, whatever else is given: leave it out",
        ),
        (&["--origin", "https://a.example", "--origin", "*"], "--origin: `*` lets all pages in"),
        (&["--trusted-proxy", "10.0.0/8"], "--trusted-proxy: `10.0.0/8`: no IP address: write 10.0.0.0/8"),
        (&["--trusted-proxy", "::1/129"], "--trusted-proxy: `::1/129`: the prefix length is 0 to 32"),
        (&["--trusted-proxy", "10.0.0.1/8"], "--trusted-proxy: `10.0.0.1/8`: the address goes on behind its prefix"),
        (&["--proxy-protocol"], "--proxy-protocol: name the proxies that use it with --trusted-proxy"),
        (&["--max-per-address", "x"], "--max-per-address: `x` is not a count: write a number, such as 0 or 1000"),
        (&["--path-prefix", "ws"], "--path-prefix: `ws`: a path begins with /"),
        (&["--subprotocol", "a b"], "--subprotocol: `a b` is not a name"),
        (&["--subprotocol", ""], "--subprotocol: `` is not a name"),
    ];
    for (line, expected) in cases {
        let error = plan(line).expect_err(&line.join(" "));
        assert!(error.starts_with(expected), "{line:?}: {error}");
    }
}

#[test]
fn lists_the_apps_only_when_a_word_may_be_meant_as_one() {
    let names_apps = |line: &[&str]| plan(line).expect_err(&line.join(" ")).contains("nor is it an app");
    for line in [&["demo"][..], &["my-site"], &["demo", "echo"]] {
        assert!(names_apps(line), "{line:?}");
    }
    for line in [&["chat", "127.0.0.1:99999"][..], &["127.0.0.1:99999"], &["99999"], &["0.0.0.0"], &["echo", "demo"]] {
        assert!(!names_apps(line), "{line:?}");
    }
}

#[test]
fn flags_about_pages_go_with_pages() {
    let page = |line: &[&str]| plan(line).map(|plan| plan.page);
    let line = ["--page", "www", "--page-fallback", "index.html", "--header", "A: b: c ", "--header", "D:"];
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = Page {
        directory: "www".into(),
        fallback: Some("index.html".to_owned()),
        headers: vec![header("A", "b: c"), header("D", "")],
    };
    assert_eq!(page(&line), Ok(Some(expected)));
    assert_eq!(page(&["echo"]), Ok(None));
    for (line, why) in [
        (&["--page-fallback", "index.html"][..], "--page-fallback is about pages of your own: it goes with --page DIR"),
        (&["--header", "A: b"], "--header is about pages of your own: it goes with --page DIR"),
        (&["--page", "www", "--header", "A b"], "--header: `A b` has no colon: write it as in"),
    ] {
        let error = page(line).unwrap_err();
        assert!(error.starts_with(why), "{error}");
    }
}
