use std::os::unix::ffi::OsStrExt;

use super::*;
use crate::cli::help;

#[test]
fn every_flag_is_in_the_help_and_no_other() {
    let text = help::text();
    let shown = |line: &str| {
        Some(line.strip_prefix("  -")?.split_once('-')?.1.trim_start_matches('-').split(' ').next()?.to_owned())
    };
    let mut shown: Vec<_> = text.lines().filter_map(shown).collect();
    let mut known: Vec<_> = names().collect();
    shown.sort_unstable();
    known.sort_unstable();
    assert_eq!(shown, known);
}

#[test]
fn a_value_is_behind_the_flag_or_in_the_next_word() {
    let lines: [&[&str]; 6] =
        [&["-l", "a=b"], &["-la=b"], &["-l=a=b"], &["--listen", "a=b"], &["--listen=a=b"], &["-la=b", "--"]];
    for line in lines {
        let Ok(Asked::Server(args)) = parse(line) else { panic!("{line:?}") };
        assert_eq!((args.listen, args.words), (vec!["a=b".to_owned()], vec![]), "{line:?}");
    }
    let Ok(Asked::Server(args)) = parse(&["--page", "-", "-", "--", "--help", "-l"]) else { panic!("a line") };
    assert_eq!((args.page, args.words), (Some("-".into()), ["-", "--help", "-l"].map(str::to_owned).to_vec()));
    let Ok(Asked::Server(args)) = parse(&[OsStr::from_bytes(b"--page=\xff")]) else { panic!("a path") };
    assert_eq!(args.page, Some(OsStr::from_bytes(b"\xff").into()));
}

#[test]
fn help_and_version_need_no_dashes() {
    for line in [&["help"][..], &["--help"], &["-h"], &["help", "pong"], &["pong", "help"], &["--x", "--help"]] {
        assert!(matches!(parse(line), Ok(Asked::Help)), "{line:?}");
    }
    for line in [&["version"][..], &["--version"], &["-V"]] {
        assert!(matches!(parse(line), Ok(Asked::Version)), "{line:?}");
    }
    assert!(matches!(parse(&["recipe", "--reply", "help"]), Ok(Asked::Server(_))), "a value is not a word");
}

#[test]
fn a_flag_for_the_address_is_refused_with_an_example() {
    for flag in ["--port", "-p", "--host", "--bind", "--address"] {
        let error = parse(&[flag, "9000"][..]).expect_err(flag);
        assert!(error.ends_with("; an address needs no flag, as in `sockhop 0.0.0.0:9000`"), "{error}");
    }
}

#[test]
fn a_flag_without_its_value_is_not_called_unknown() {
    let hint = "; one that begins with - is written";
    let cases: [(&[&str], &str); 5] = [
        (&["--listen"], "`--listen` requires an argument `ADDRESS`"),
        (&["--max-message"], "`--max-message` requires an argument `SIZE`"),
        (&["-l", "--restart"], &format!("`-l` requires an argument `ADDRESS`{hint} -l=-…")),
        (&["--reply", "-s3cret"], &format!("`--reply` requires an argument `TEXT`{hint} --reply=-…")),
        (&["--rule", "--", "x"], &format!("`--rule` requires an argument `RULE`{hint} --rule=-…")),
    ];
    for (line, expected) in cases {
        assert_eq!(parse(line).expect_err(expected), expected);
    }
}

#[test]
fn an_error_says_what_is_wrong_with_a_value() {
    let cases: [(&[&str], &str); 9] = [
        (&["--restart=1"], "`--restart` takes no value: leave out `=` and what follows"),
        (&["-V=yes"], "`-V` takes no value: leave out `=` and what follows"),
        (&["--proxy-protocol", "--restart=a=b"], "`--restart` takes no value: leave out `=` and what follows"),
        (&["--restart", "echo", "--restart"], "`--restart` is given more than once"),
        (&["--max-message", "1K", "--max-message=2K"], "`--max-message` is given more than once"),
        (&["--deflate", "--deflate=takeover"], "`--deflate` is given more than once"),
        (&["-V", "-V"], "`-V` is given more than once"),
        (&["--page", "a", "--page="], "`--page` is given more than once"),
        (&["--max-keys=1", "--max-keys=1"], "`--max-keys` is given more than once"),
    ];
    for (line, expected) in cases {
        assert_eq!(parse(line).expect_err(expected), expected);
    }
    let bytes = OsStr::from_bytes(b"a\xff");
    for line in [&[bytes][..], &[OsStr::new("--max-message"), bytes]] {
        assert_eq!(parse(line).expect_err("no text"), "`a\u{fffd}` is not UTF-8");
    }
}

#[test]
fn a_flag_with_the_wrong_dashes_is_known() {
    for (line, flag) in [
        (&["-listen", "80"][..], "listen"),
        (&["echo", "-deflate"], "deflate"),
        (&["\u{2014}help"], "help"),
        (&["\u{2013}origin=x"], "origin"),
        (&["\u{2014}\u{2014}max-message", "1K"], "max-message"),
    ] {
        let error = parse(line).expect_err(flag);
        assert!(error.ends_with(&format!(" has two dashes, `--{flag}`")), "{error}");
    }
    assert!(parse(&["-l8080"]).is_ok() && parse(&["--reply=-listen"]).is_ok());
}

#[test]
fn a_flag_for_the_log_is_refused_with_the_variable() {
    for flag in ["--log", "--verbose", "-v", "--quiet"] {
        let error = parse(&[flag]).expect_err(flag);
        assert!(error.ends_with("; RUST_LOG sets the log level, as in `RUST_LOG=debug sockhop`"), "{error}");
    }
}

#[test]
fn only_a_similar_flag_is_suggested() {
    let cases = [
        ("--lisen", Some("--listen")),
        ("--lsiten", Some("--listen")),
        ("--orgin", Some("--origin")),
        ("--originn", Some("--origin")),
        ("--ater", Some("--after")),
        ("--max-frame", Some("--max-frames")),
        ("--max-conn", Some("--max-connections")),
        ("--max-connection", Some("--max-connections")),
        ("--trusted-prox", Some("--trusted-proxy")),
        ("--maxmessage", Some("--max-message")),
        ("--message-rate", Some("--max-message-rate")),
        ("--ping", Some("--ping-interval")),
        ("--restrat", Some("--restart")),
        ("--l", None),
        ("-x", None),
        ("--foo", None),
        ("--verbose", None),
        ("--port", None),
        ("--stop", None),
        ("--host", None),
        ("--features", None),
        ("--bogus", None),
    ];
    for (written, meant) in cases {
        let errors = [&[written, "1"][..], &[written], &["echo", written]].map(|line| parse(line).expect_err(written));
        let [error, ..] = &errors;
        assert!(errors.iter().all(|it| it == error), "{errors:?}");
        let guess = error.split_once(", did you mean `").map(|(_, guess)| guess.trim_end_matches("`?"));
        assert_eq!(guess, meant, "{error}");
        assert!(error.starts_with(&format!("no such flag: `{written}`")), "{error}");
    }
}
