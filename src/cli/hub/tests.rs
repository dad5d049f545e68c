use std::fs;

use super::*;
use crate::Config;
use crate::apps::hub::History;
use crate::cli::args::{self, Asked};
use crate::cli::plan::{Plan, Serve};

const NO_ENV: &[(&str, &str)] = &[];

/// The hub of a command line, in an environment with these variables.
fn hub(line: &[&str], env: &[(&str, &str)]) -> Result<HubPlan, String> {
    let find = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
    let Asked::Server(args) = args::parse(line)? else { panic!("{line:?} asks for no server") };
    match Plan::new(*args, &find, Config::default())?.serve {
        Serve::Hub(plan) => Ok(*plan),
        other => panic!("{line:?}: {other:?}"),
    }
}

/// The tokens to publish and to subscribe, as `Debug` shows them: by their patterns.
fn tokens(line: &[&str], env: &[(&str, &str)]) -> Result<String, String> {
    let config = hub(line, env)?.config()?;
    Ok(format!("{:?} {:?}", config.publish_tokens, config.subscribe_tokens))
}

/// A file of this test alone, which is removed with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sockhop-{}-{name}", std::process::id()));
        fs::write(&path, content).unwrap();
        Scratch(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It is gone already where a test has removed it.
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn every_field_of_the_configuration_has_a_flag() {
    let line = "hub --publish-token a --subscribe-token b --token-in-query --rule /a\tdeny --rule /b\thistory=0 \
        --publish members --history-memory 1 --max-channels 2 --max-waiting 3 --max-waiting-bytes 4 --max-keys 5 \
        --max-batch 6";
    let config = hub(&line.split(' ').collect::<Vec<_>>(), NO_ENV).unwrap().config().unwrap();
    // All fields are named, so that this fails to compile with a new one.
    let HubConfig {
        publish_tokens,
        subscribe_tokens,
        token_in_query,
        rules,
        history,
        members_publish,
        history_memory,
        max_channels,
        max_waiting,
        max_waiting_bytes,
        max_keys,
        max_batch,
        rephrase,
    } = config;
    assert_eq!(rephrase("over HubConfig::max_batch (4194304)"), "over --max-batch (4M)");
    assert_eq!((publish_tokens.len(), subscribe_tokens.len()), (1, 1));
    assert_eq!(rules, ["/a deny", "/b history=0"].map(|rule| rule.parse().unwrap()));
    assert_eq!((token_in_query, members_publish, history), (true, true, History::default()));
    let numbers = [history_memory, max_channels, max_waiting, max_waiting_bytes, max_keys, max_batch];
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn tokens_come_from_flags_variables_and_files_and_add_up() {
    let file = Scratch::new("tokens", "  one@/1\ntwo@/2\r\n\tthree@/3 ");
    let other = Scratch::new("others", "four@/4");
    let (path, other) = (file.path(), other.path());
    let all = "[Token(…@/1), Token(…@/2), Token(…@/3)]";
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let cases: &[Case<'_>] = &[
        (&["hub"], &[], "[] []"),
        (&["hub", "--publish-token", "a", "--publish-token=b@/b"], &[], "[Token(…), Token(…@/b)] []"),
        (&["hub", "--subscribe-token=a"], &[], "[] [Token(…)]"),
        (&["hub", "--publish-token=-a"], &[], "[Token(…)] []"),
        (&["--publish-token", "echo", "hub"], &[], "[Token(…)] []"),
        (&["hub"], &[("SOCKHOP_PUBLISH_TOKEN", "a@/a b\n")], "[Token(…@/a), Token(…)] []"),
        (&["hub"], &[("SOCKHOP_SUBSCRIBE_TOKEN", "a")], "[] [Token(…)]"),
        (&["hub", "--publish-token-file", path], &[], &format!("{all} []")),
        (&["hub", "--subscribe-token-file", path], &[], &format!("[] {all}")),
        (&["hub"], &[("SOCKHOP_PUBLISH_TOKEN_FILE", path)], &format!("{all} []")),
        (&["hub"], &[("SOCKHOP_SUBSCRIBE_TOKEN_FILE", path)], &format!("[] {all}")),
        (
            &["hub", "--publish-token-file", other, "--publish-token=a@/5"],
            &[("SOCKHOP_PUBLISH_TOKEN", "b@/6"), ("SOCKHOP_PUBLISH_TOKEN_FILE", other)],
            "[Token(…@/5), Token(…@/6), Token(…@/4), Token(…@/4)] []",
        ),
    ];
    for (line, env, expected) in cases {
        assert_eq!(tokens(line, env).as_deref(), Ok(*expected), "{line:?} {env:?}");
    }
}

#[test]
fn a_place_for_tokens_that_is_empty_is_an_error() {
    let empty = Scratch::new("empty", " \n");
    for (env, value) in [
        ("SOCKHOP_PUBLISH_TOKEN", ""),
        ("SOCKHOP_SUBSCRIBE_TOKEN", " \n"),
        ("SOCKHOP_SUBSCRIBE_TOKEN_FILE", empty.path()),
        ("SOCKHOP_SUBSCRIBE_TOKEN_FILE", ""),
    ] {
        let error = tokens(&["hub"], &[(env, value)]).unwrap_err();
        assert!(error.starts_with(&format!("{env}: ")) && error.contains("there is no "), "{error}");
    }
    let error = tokens(&["hub", "--publish-token="], NO_ENV).unwrap_err();
    assert!(error.starts_with("--publish-token: a token is empty"), "{error}");
}

#[test]
fn no_error_shows_a_token() {
    let bad = Scratch::new("bad", "good s3cret\u{e9}");
    let directory = std::env::temp_dir();
    let long = Scratch::new("long", &"s3cret ".repeat(10_000));
    let cases: &[(&[&str], &str)] = &[
        (&["hub", "--publish-token"], "`--publish-token` requires an argument `TOKEN`"),
        (&["hub", "--publish-token", "-s3cret"], "`--publish-token` requires an argument `TOKEN`; one that begins"),
        (&["hub", "--subscribe-token", "--s3cret"], "`--subscribe-token` requires an argument `TOKEN`"),
        (&["hub", "--publish-token=s3cret é"], "--publish-token: a token has a character"),
        (&["hub", "--publish-token=s3cret@/a/"], "--publish-token: "),
        (&["hub", "--publish-token=s3@/cret*"], "--publish-token: "),
        (&["hub", "--publish-tokn=s3cret"], "no such flag: `--publish-tokn`, did you mean `--publish-token`?"),
        (&["hub", "--publish-tokn", "s3cret"], "no such flag: `--publish-tokn`, did you mean `--publish-token`?"),
        (&["hub", "-publish-token=s3cret"], "no such flag: `-publish-token`; a name of more than one letter"),
        (&["hub", "\u{2014}publish-token=s3cret"], "no such flag: `\u{2014}publish-token`; a name"),
        (&["hub", "--token-in-query=s3cret"], "`--token-in-query` takes no value"),
        (&["hub", "--publish-token=s3cret", "--token-in-query", "--token-in-query"], "`--token-in-query` is given"),
        (&["hub", "--publish-token-file", "s3cret"], "--publish-token-file: there is no such file. It takes the name"),
        (&["hub", "--publish-token-file=a/s3cret"], "--publish-token-file: there is no such file. It takes the name"),
        (&["hub", "--publish-token-file=/s3cret"], "--publish-token-file: there is no such file. It takes the name"),
        (&["hub", "--publish-token-file", bad.path()], &format!("--publish-token-file: {}: token 2: ", bad.path())),
        (&["hub", "--subscribe-token-file", long.path()], "--subscribe-token-file: "),
        (&["hub", "--publish-token-file", directory.to_str().unwrap()], "--publish-token-file: "),
        (&["echo", "--publish-token=s3cret"], "--publish-token is about the hub: it goes with `sockhop hub`"),
        (&["hub", "--publish-token", "s3cret", "--", "--x"], "`--x` is no flag behind `--`"),
    ];
    for (line, expected) in cases {
        let error = tokens(line, NO_ENV).unwrap_err();
        assert!(error.starts_with(expected) && !error.contains("cret"), "{line:?}: {error}");
    }
    for variable in ["SOCKHOP_PUBLISH_TOKEN", "SOCKHOP_SUBSCRIBE_TOKEN_FILE"] {
        let error = tokens(&["hub"], &[(variable, "s3crét")]).unwrap_err();
        assert!(error.starts_with(&format!("{variable}: ")) && !error.contains("s3cr"), "{error}");
    }
    let plan = hub(&["hub", "--publish-token", "s3cret"], NO_ENV).unwrap();
    assert!(!format!("{plan:?}").contains("s3cret"), "{plan:?}");
    let asked = args::parse(&["hub", "--publish-token", "s3cret"]).unwrap();
    assert!(!format!("{asked:?}").contains("s3cret"), "{asked:?}");
}

#[test]
fn a_file_that_is_not_there_is_named_where_its_directory_is() {
    let path = std::env::temp_dir().join("sockhop-no-such-directory");
    let (missing, lost) = (path.with_file_name("sockhop-no-such-file"), path.join("x"));
    let error = tokens(&["hub", "--publish-token-file", missing.to_str().unwrap()], NO_ENV).unwrap_err();
    assert!(error.starts_with(&format!("--publish-token-file: {}: No such file", missing.display())), "{error}");
    let error = tokens(&["hub", "--publish-token-file", lost.to_str().unwrap()], NO_ENV).unwrap_err();
    assert!(!error.contains("sockhop-no-such"), "{error}");
}

#[test]
fn flags_of_the_hub_go_with_the_hub_and_those_of_apps_do_not() {
    let flags = ["--publish=members", "--rule=/a deny", "--token-in-query", "--max-keys=1", "--subscribe-token-file=x"];
    for flag in flags {
        for words in [&[flag][..], &["chat", flag], &[flag, "9000", "recipe"]] {
            let name = flag.split('=').next().unwrap_or_default();
            let error = hub(words, NO_ENV).unwrap_err();
            assert_eq!(error, format!("{name} is about the hub: it goes with `sockhop hub`"), "{words:?}");
        }
    }
    let cases: &[(&[&str], &str)] = &[
        (
            &["hub", "--reply", "x"],
            "--reply changes an app, such as `sockhop pong --reply …`: it does not go with the hub",
        ),
        (&["hub", "--subprotocol", "x"], "--subprotocol: the hub does not speak `x`"),
        (&["hub", "chat"], "hub and chat: one app at a time"),
        (&["chat", "hub"], "chat and hub: one app at a time"),
        (&["hbu"], "no such app: `hbu`, did you mean `hub`?"),
        (&["hub", "--rule", "/a"], "--rule: `/a`: `/a` alone changes nothing"),
        (&["hub", "--rule", "/a", "deny"], "`deny` is not an address: "),
        (&["hub", "--publish", "all"], "--publish: `all` is nobody: write tokens or members"),
        (&["hub", "--max-batch", "x"], "--max-batch: `x` is not a size"),
        (&["hub", "--max-keys", "0"], "--max-keys: `0` is not a count"),
    ];
    for (line, expected) in cases {
        let error = hub(line, NO_ENV).unwrap_err();
        assert!(error.starts_with(expected), "{line:?}: {error}");
    }
}

#[test]
fn the_environment_of_other_apps_may_have_tokens() {
    let env = |name: &str| name.ends_with("_TOKEN").then(OsString::default);
    let Ok(Asked::Server(args)) = args::parse(&["chat"]) else { panic!("no server") };
    assert!(Plan::new(*args, &env, Config::default()).is_ok());
}
