//! Names the flags that set the fields of [`Config`](crate::Config) and [`HubConfig`](crate::HubConfig) in messages of the
//! server and the hub.
//!
//! They name fields, such as `Config::max_memory`, because they know nothing of a command line. Users of the command know
//! flags, such as `--max-memory`.

use std::sync::OnceLock;

use super::args::fields;
use super::hub;
use super::settings::LIMITS;
use super::settings::hub::HUB;
use super::values::show_size;

/// Advice of the server for programs that embed it, each with its counterpart for users of the command.
const ADVICE: [(&str, &str); 2] = [
    ("mount a handler at /*", "start one app alone, such as `sockhop pong`, which then has every path"),
    ("a plain port: use ws:// or http://, or Door::tls", "a plain port: use ws://, or --tls-cert"),
];

/// A text about `Config::max_connections`, and the same about the limit of open files, if that one is lower.
static OPEN_FILES: OnceLock<(String, String)> = OnceLock::new();

/// From now on, messages say that connections are refused because of the limit of open files, not of a flag.
pub(super) fn blame_open_files(limit: u64, connections: usize) {
    let by_flag = format!("Config::max_connections ({connections}) allows");
    let by_limit = format!("the limit of {limit} open files (ulimit -n, LimitNOFILE, --ulimit nofile) allows");
    // It is called once.
    let _ = OPEN_FILES.set((by_flag, by_limit));
}

/// Replaces each `Config::FIELD` and `HubConfig::FIELD` in a text by the flag that sets the field, and advice to embedders
/// by advice to users of the command. A field without a flag stays as it is. A size in parentheses behind it is written as
/// the flag takes it.
pub(super) fn to_flags(text: &str) -> String {
    let text = &ADVICE.iter().fold(text.to_owned(), |text, (ours, theirs)| text.replace(ours, theirs));
    let text = match OPEN_FILES.get() {
        Some((by_flag, by_limit)) => &text.replace(by_flag, by_limit),
        None => text,
    };
    if !text.contains(Fields::COMMON) {
        return text.to_owned();
    }
    // The longer prefix goes first, since the shorter one is in it.
    Fields::of_server().translate(&Fields::of_hub().translate(text))
}

/// A configuration whose fields have flags.
struct Fields {
    /// Stands before the name of a field.
    prefix: &'static str,
    /// Its fields, each with the flag that sets it, without the dashes.
    flags: Vec<(&'static str, &'static str)>,
    /// The fields that are sizes.
    sizes: Vec<&'static str>,
}

impl Fields {
    /// The end of all prefixes.
    const COMMON: &'static str = "Config::";

    fn of_server() -> Self {
        let sizes = LIMITS.iter().filter(|setting| setting.value == "SIZE").map(|setting| setting.field).collect();
        Fields { prefix: Self::COMMON, flags: fields().collect(), sizes }
    }

    fn of_hub() -> Self {
        let sizes = HUB.iter().filter(|setting| setting.value == "SIZE").map(|setting| setting.field).collect();
        Fields { prefix: "HubConfig::", flags: hub::fields().collect(), sizes }
    }

    /// Replaces the prefix and the name of each field in a text by its flag.
    fn translate(&self, text: &str) -> String {
        let mut parts = text.split(self.prefix);
        let mut translated = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            match self.split_field(part).filter(|_| !translated.ends_with(is_word)) {
                Some((flags, rest)) => translated.extend([&flags, rest]),
                None => translated.extend([self.prefix, part]),
            }
        }
        translated
    }

    /// The flags of the field at the start of a text, and the rest of the text. `head.max_head` is tried before `head`.
    fn split_field<'a>(&self, text: &'a str) -> Option<(String, &'a str)> {
        let word = |text: &str| text.find(|c| !is_word(c)).unwrap_or(text.len());
        let outer = word(text);
        let inner = text.split_at(outer).1.strip_prefix('.').map_or(outer, |rest| outer + 1 + word(rest));
        [inner, outer].into_iter().find_map(|end| {
            let (field, rest) = text.split_at(end);
            let flags = self.flags(field)?;
            Some(match self.size(field, rest) {
                Some((size, rest)) => (format!("{flags} ({size})"), rest),
                None => (flags, rest),
            })
        })
    }

    /// The size in parentheses at the start of a text behind a field, and the rest of the text.
    fn size<'a>(&self, field: &str, text: &'a str) -> Option<(String, &'a str)> {
        self.sizes.iter().find(|size| **size == field)?;
        let (bytes, rest) = text.strip_prefix(" (")?.split_once(')')?;
        Some((show_size(bytes.parse().ok()?), rest))
    }

    /// The flag that sets a field, or the flags that set its parts.
    fn flags(&self, field: &str) -> Option<String> {
        let is_it = |name: &str| name.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let flags = self.flags.iter().filter(|(name, _)| is_it(name));
        let flags: Vec<_> = flags.map(|(_, flag)| format!("--{flag}")).collect();
        (!flags.is_empty()).then(|| flags.join(" or "))
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use crate::cli::args::{self, Asked};
    use crate::cli::help;
    use crate::cli::plan::{Plan, Serve};

    #[test]
    fn replaces_whole_names_of_fields() {
        let cases = [
            ("", ""),
            ("no limit was hit", "no limit was hit"),
            ("Config::max_message", "--max-message"),
            ("use /a, or mount a handler at /*", &format!("use /a, or {}", ADVICE[0].1)),
            (
                "has come to a plain port: use ws:// or http://, or Door::tls",
                "has come to a plain port: use ws://, or --tls-cert",
            ),
            ("refused with 503: Config::max_connections (10000)", "refused with 503: --max-connections (10000)"),
            ("Config::max_message_rate, Config::max_message.", "--max-message-rate, --max-message."),
            ("Config::max_connections_per_address", "--max-per-address"),
            ("Config::head.max_head is over", "--max-head is over"),
            ("Config::head.", "--max-head or --max-request-line."),
            ("Config::head.bytes", "--max-head or --max-request-line.bytes"),
            ("Config::shutdown.over", "--drain"),
            ("after Config::max_panics (10)", "after --max-panics (10)"),
            ("more than Config::max_memory (268435456) allows", "more than --max-memory (256M) allows"),
            ("Config::head.max_head (8192), Config::max_body (1000)", "--max-head (8K), --max-body (1000)"),
            ("Config::max_body (none)", "--max-body (none)"),
            ("Config::max_connections (1024) allows", "--max-connections (1024) allows"),
            ("Config::max_queue (1024", "--max-queue (1024"),
            // These are not names of fields.
            ("Config::max_messages", "Config::max_messages"),
            ("Config::max_messageé", "Config::max_messageé"),
            ("Config::", "Config::"),
            ("Config::.", "Config::."),
            ("MyConfig::max_memory", "MyConfig::max_memory"),
            ("HubConfig::max_memory", "HubConfig::max_memory"),
            ("Config::history_memory", "Config::history_memory"),
            ("MyHubConfig::max_keys", "MyHubConfig::max_keys"),
            // The hub's fields have flags of their own.
            ("HubConfig::history_memory (67108864): full", "--history-memory (64M): full"),
            ("Config::max_body, HubConfig::max_batch (1024)", "--max-body, --max-batch (1K)"),
            ("no HubConfig::publish_tokens", "no --publish-token"),
            ("HubConfig::history", "--rule"),
            ("max_memory", "max_memory"),
        ];
        for (text, expected) in cases {
            assert_eq!(to_flags(text), expected);
        }
    }

    /// The flags in `--help` with the placeholders of their values, which are empty for flags without one.
    fn flags_in_help() -> Vec<(String, String)> {
        let help = help::text();
        let flag = |line: &str| {
            let words = line.strip_prefix("  -")?;
            let (_, words) = words.split_once('-').filter(|(short, _)| short.is_empty() || short.ends_with(", -"))?;
            let words = words.trim_start_matches('-');
            let (flag, value) = words.split_once(' ').unwrap_or((words, ""));
            let value = value.split(' ').next().unwrap_or_default();
            Some((flag.to_owned(), value.to_owned()))
        };
        help.lines().filter_map(flag).collect()
    }

    /// The field of a configuration that a command line changes, beside what `before` changes.
    fn changed(config: fn(Plan) -> String, before: &str, line: &str) -> Option<String> {
        let config = |line: &str| {
            let words: Vec<_> = line.split(' ').filter(|word| !word.is_empty()).collect();
            let Ok(Asked::Server(args)) = args::parse(&words) else { panic!("{line}") };
            config(Plan::new(*args, &|_| None, Config::default()).unwrap_or_else(|error| panic!("{line}: {error}")))
        };
        let [old, new] = [config(before), config(&format!("{before} {line}"))];
        let at = old.lines().zip(new.lines()).position(|(old, new)| old != new)?;
        let name_at = |indent: usize| {
            let name = |line: &str| Some(line.get(indent..)?.split_once(':')?.0.to_owned());
            let is_here = |line: &&str| line.len() - line.trim_start().len() == indent && line.contains(':');
            new.lines().take(at + 1).filter(is_here).last().and_then(name)
        };
        let (outer, inner) = (name_at(4)?, name_at(8));
        let is_nested = matches!(&*outer, "head" | "shutdown");
        Some(inner.filter(|_| is_nested).map_or(outer.clone(), |inner| format!("{outer}.{inner}")))
    }

    fn config_of_server(plan: Plan) -> String {
        format!("{:#?}", plan.config)
    }

    /// With its tokens.
    fn config_of_hub(plan: Plan) -> String {
        let Serve::Hub(hub) = plan.serve else { return String::new() };
        format!("{:#?}", hub.config().unwrap())
    }

    /// A value that differs from the default, and words that the flag needs beside it.
    fn value(flag: &str, placeholder: &str) -> &'static str {
        match (flag, placeholder) {
            ("high-water", _) => "100K",
            ("max-queue", _) => "300K",
            ("path-prefix", _) => "/ws",
            ("publish", _) => "members",
            ("rule", _) => "/a\tdeny",
            (_, "ADDRESS" | "COUNT") => "7",
            (_, "SIZE") => "2K",
            (_, "TIME") => "7s",
            (_, "ORIGIN") => "https://a.example",
            (_, "CIDR") => "10.0.0.0/8",
            (_, "POLICY") => "drop",
            (_, "WHICH") => "json",
            (_, "WHOM") => "all",
            // It needs the directory before it.
            ("page-fallback", _) => "x --page y",
            ("header", _) => "A:b --page y",
            (_, "" | "[takeover]") => "",
            _ => "x",
        }
    }

    /// Checks that each flag sets the field that is translated to it, and that no flag in `--help` is missing.
    fn check(fields: &Fields, config: fn(Plan) -> String, app: &str, flags: Vec<(String, String)>) {
        let mut found = Vec::new();
        for (flag, placeholder) in flags {
            let before = if flag == "proxy-protocol" { format!("{app} --trusted-proxy unix") } else { app.to_owned() };
            let line = format!("--{flag} {}", value(&flag, &placeholder));
            if let Some(field) = changed(config, &before, &line) {
                assert_eq!(fields.flags(&field), Some(format!("--{flag}")), "{}{field}", fields.prefix);
                found.push(flag);
            }
        }
        let mut named: Vec<_> = fields.flags.iter().map(|(_, flag)| *flag).collect();
        named.retain(|flag| *flag != "deflate" || cfg!(feature = "deflate"));
        named.sort_unstable();
        named.dedup();
        found.sort_unstable();
        assert_eq!(found, named, "each flag in the table is in --help and sets the field beside it");
    }

    #[test]
    fn every_flag_that_sets_a_field_translates_that_field() {
        // The flags of TLS go together, and are for doors.
        let is_of_door = |flag: &str| flag.starts_with("tls-") || flag == "redirect";
        let is_possible = |flag: &str| !is_of_door(flag) && (flag != "deflate" || cfg!(feature = "deflate"));
        // They do the same as the flags without -file.
        let (hub, server): (Vec<_>, Vec<_>) = flags_in_help()
            .into_iter()
            .filter(|(flag, _)| is_possible(flag) && !flag.ends_with("-token-file"))
            .partition(|(flag, _)| hub::fields().any(|(_, own)| own == flag));
        check(&Fields::of_hub(), config_of_hub, "hub", hub);
        check(&Fields::of_server(), config_of_server, "chat", server);
    }
}
