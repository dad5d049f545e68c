//! The settings of single channels. A rule changes those of some channels, and is a text:
//! `/rooms/* history=20 bytes=64K age=1h publish=members`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::super::channel::Pattern;
use super::units::{digits, size, time};

/// The limits of a channel's history, which is kept for listeners that come back. The oldest messages go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Messages. 0: the channel keeps none. Default: 100.
    pub messages: usize,
    /// Bytes of their payloads; the newest message stays however long it is. Default: 1 MiB.
    pub bytes: usize,
    /// How long they stay. Default: 10 minutes.
    pub age: Duration,
}

impl Default for History {
    fn default() -> Self {
        History { messages: 100, bytes: 1024 * 1024, age: Duration::from_secs(600) }
    }
}

/// The settings of one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub history: History,
    /// Its listeners may publish to it.
    pub members_publish: bool,
    /// Nobody may publish to it or listen to it.
    pub deny: bool,
}

/// Exceptions for some channels, read from a text: a pattern, then words with spaces between.
///
/// The pattern is a channel, such as `/orders/42`, or has `/*` at its end for all channels below a path.
///
/// | word | meaning |
/// |---|---|
/// | `history=100` | messages that each channel keeps; 0 for none |
/// | `bytes=1M` | bytes of their payloads |
/// | `age=10m` | how long they stay |
/// | `publish=members` | listeners may publish, too |
/// | `publish=tokens` | they may not |
/// | `deny` | nobody may publish, listen or read |
///
/// ```
/// use sockhop::apps::hub::Rule;
/// let rule: Rule = "/rooms/* history=20 bytes=64K age=1h publish=members".parse()?;
/// # Ok::<(), sockhop::apps::hub::RuleError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pattern: Pattern,
    messages: Option<usize>,
    bytes: Option<usize>,
    age: Option<Duration>,
    members_publish: Option<bool>,
    deny: bool,
}

/// A text that is no [`Rule`]: its `Display` says why, and what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError(String);

impl Rule {
    pub(super) fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    pub(super) fn settings(&self, otherwise: &Settings) -> Settings {
        let mut settings = *otherwise;
        settings.history.messages = self.messages.unwrap_or(settings.history.messages);
        settings.history.bytes = self.bytes.unwrap_or(settings.history.bytes);
        settings.history.age = self.age.unwrap_or(settings.history.age);
        settings.members_publish = self.members_publish.unwrap_or(settings.members_publish);
        settings.deny = self.deny;
        settings
    }

    fn read(text: &str) -> Result<Self, String> {
        let mut words = text.split_ascii_whitespace();
        let pattern = words.next().ok_or("it is empty: write a pattern and words, such as /rooms/* history=20")?;
        let mut rule = Rule {
            pattern: pattern.parse()?,
            messages: None,
            bytes: None,
            age: None,
            members_publish: None,
            deny: false,
        };
        let mut seen = Vec::new();
        for word in words {
            let (key, value) = word.split_once('=').map_or((word, None), |(key, value)| (key, Some(value)));
            if seen.contains(&key) {
                return Err(format!("`{key}` is there twice: write it once"));
            }
            seen.push(key);
            rule.set(key, value)?;
        }
        if seen.is_empty() {
            return Err(format!("`{pattern}` alone changes nothing: add words such as history=20"));
        }
        Ok(rule)
    }

    fn set(&mut self, key: &str, value: Option<&str>) -> Result<(), String> {
        match (key, value) {
            ("history", Some(value)) => {
                let wrong = || format!("history=`{value}` is no number: write history=20, or history=0 for none");
                self.messages = Some(digits(value).ok_or_else(wrong)?);
            }
            ("bytes", Some(value)) => {
                let wrong = || format!("bytes=`{value}` is no size: write 500, 64K, 1M or 1G");
                let bytes = size(value).and_then(|bytes| usize::try_from(bytes).ok());
                self.bytes = Some(bytes.filter(|bytes| *bytes > 0).ok_or_else(wrong)?);
            }
            ("age", Some(value)) => {
                let wrong = || format!("age=`{value}` is no time: write 500ms, 25s, 10m or 1h");
                self.age = Some(time(value).filter(|age| !age.is_zero()).ok_or_else(wrong)?);
            }
            ("publish", Some("members")) => self.members_publish = Some(true),
            ("publish", Some("tokens")) => self.members_publish = Some(false),
            ("publish", _) => return Err("publish= is followed by members or tokens".to_owned()),
            ("deny", None) => self.deny = true,
            ("deny", Some(_)) => return Err("`deny` has no value: leave the = out".to_owned()),
            ("presence", _) => return Err("`presence` does not exist yet: leave it out".to_owned()),
            ("history" | "bytes" | "age", None) => return Err(format!("`{key}` has no value: write {key}=…")),
            _ => {
                let words = "history=, bytes=, age=, publish= and deny";
                return Err(format!("`{key}` is no word of a rule: these are {words}"));
            }
        }
        Ok(())
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        Rule::read(text).map_err(RuleError)
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RuleError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(pattern: &str) -> Rule {
        let pattern = pattern.parse().expect("a pattern");
        Rule { pattern, messages: None, bytes: None, age: None, members_publish: None, deny: false }
    }

    #[test]
    fn reads_rules() {
        let cases = [
            ("/a deny", Rule { deny: true, ..rule("/a") }),
            ("  /a/*\thistory=0 ", Rule { messages: Some(0), ..rule("/a/*") }),
            ("/* publish=tokens", Rule { members_publish: Some(false), ..rule("/*") }),
            (
                "/rooms/* history=20 bytes=64k age=1h publish=members deny",
                Rule {
                    messages: Some(20),
                    bytes: Some(65_536),
                    age: Some(Duration::from_secs(3600)),
                    members_publish: Some(true),
                    deny: true,
                    ..rule("/rooms/*")
                },
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_rule() {
        let cases = [
            ("", "it is empty: write a pattern and words, such as /rooms/* history=20"),
            ("/a", "`/a` alone changes nothing: add words such as history=20"),
            ("history=1", "`history=1` matches no channel: a channel begins with a slash: write /orders/42"),
            ("/a history", "`history` has no value: write history=…"),
            ("/a history=", "history=`` is no number: write history=20, or history=0 for none"),
            ("/a history=-1", "history=`-1` is no number: write history=20, or history=0 for none"),
            (
                "/a history=99999999999999999999",
                "history=`99999999999999999999` is no number: write history=20, or history=0 for none",
            ),
            ("/a bytes=1X", "bytes=`1X` is no size: write 500, 64K, 1M or 1G"),
            ("/a bytes=0", "bytes=`0` is no size: write 500, 64K, 1M or 1G"),
            ("/a bytes=99999999999G", "bytes=`99999999999G` is no size: write 500, 64K, 1M or 1G"),
            ("/a age=10", "age=`10` is no time: write 500ms, 25s, 10m or 1h"),
            ("/a age=0s", "age=`0s` is no time: write 500ms, 25s, 10m or 1h"),
            ("/a publish=all", "publish= is followed by members or tokens"),
            ("/a publish", "publish= is followed by members or tokens"),
            ("/a deny=yes", "`deny` has no value: leave the = out"),
            ("/a deny deny", "`deny` is there twice: write it once"),
            ("/a history=1 history=2", "`history` is there twice: write it once"),
            ("/a presence", "`presence` does not exist yet: leave it out"),
            ("/a histroy=1", "`histroy` is no word of a rule: these are history=, bytes=, age=, publish= and deny"),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Rule>().unwrap_err().to_string(), expected, "{text}");
        }
    }
}
