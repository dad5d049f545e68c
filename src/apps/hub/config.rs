//! The limits of a hub, each with its default, and what they are for single channels.

mod rule;
pub(crate) mod units;

use std::sync::Arc;

pub(crate) use self::rule::Settings;
pub use self::rule::{History, Rule, RuleError};
use super::channel::Pattern;
use super::tokens::Token;

/// The configuration of a hub: its tokens, its history, and its limits.
///
/// ```
/// use sockhop::HubConfig;
/// use sockhop::apps::hub::History;
/// use std::time::Duration;
///
/// let config = HubConfig {
///     publish_tokens: vec!["s3cret".parse()?, "0rders@/orders/*".parse()?],
///     rules: vec!["/typing/* history=0".parse()?],
///     history: History { age: Duration::from_secs(3600), ..History::default() },
///     ..HubConfig::default()
/// };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct HubConfig {
    /// The tokens that may publish. None: programs on this machine may, with requests that no proxy has passed on.
    /// Default: none.
    pub publish_tokens: Vec<Token>,
    /// The tokens that may subscribe and read. None: everybody may, within
    /// [`Config::origins`](crate::Config::origins). Default: none.
    pub subscribe_tokens: Vec<Token>,
    /// Whether a token may also come as `?token=` in a URL, from where it gets into the logs of proxies. Default: no.
    pub token_in_query: bool,
    /// Exceptions for some channels. The first rule that matches a channel counts, all others do not. Default: none.
    pub rules: Vec<Rule>,
    /// The history of a channel for which no rule sets another. Default: see [`History`].
    pub history: History,
    /// Whether listeners may publish, to the channels that they listen to, where no rule says otherwise. Default: no.
    pub members_publish: bool,
    /// Bytes for all history: payloads, 64 bytes more for each message, and for each channel 256 bytes and its name,
    /// which is at least what they take in memory. Beyond it the oldest message of the largest channel goes (sizes
    /// count to an eighth). A channel's only message goes when there is no channel with two, and a message that is
    /// longer than all of this is not kept. A listener that resumes from before the messages that are gone is told of a
    /// gap. Default: 64 MiB.
    pub history_memory: usize,
    /// Channels that have listeners or history. A publish to one more, and a listener of one more, get 503. Default:
    /// 100,000.
    pub max_channels: usize,
    /// Publishes that wait until the log has taken them, and requests that wait for a message (`?wait=`). One more gets
    /// 503. Default: 10,000.
    pub max_waiting: usize,
    /// Bytes of payloads that wait until the log has taken them. A publish beyond it gets 503. Default: 4 MiB.
    pub max_waiting_bytes: usize,
    /// Idempotency keys that the hub remembers, each for 5 minutes. Beyond it the oldest is forgotten. Default:
    /// 100,000.
    pub max_keys: usize,
    /// Bytes in the body of one batch. A longer body gets 413. Default: 4 MiB.
    pub max_batch: usize,
    /// Rewrites what refusals say to clients. They name limits by their fields, such as `Config::max_body (1048576)` or
    /// `HubConfig::max_batch (4194304)`, and a program that sets these by flags or a file has other names for them.
    /// Default: no change.
    pub rephrase: fn(&str) -> String,
}

impl Default for HubConfig {
    fn default() -> Self {
        HubConfig {
            publish_tokens: Vec::new(),
            subscribe_tokens: Vec::new(),
            token_in_query: false,
            rules: Vec::new(),
            history: History::default(),
            members_publish: false,
            history_memory: 64 * 1024 * 1024,
            max_channels: 100_000,
            max_waiting: 10_000,
            max_waiting_bytes: 4 * 1024 * 1024,
            max_keys: 100_000,
            max_batch: 4 * 1024 * 1024,
            rephrase: str::to_owned,
        }
    }
}

/// The settings of all channels. A clone is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// The first that matches counts.
    rules: Arc<[(Pattern, Settings)]>,
    otherwise: Settings,
}

impl Rules {
    pub(crate) fn new(config: &HubConfig) -> Self {
        let otherwise = Settings { history: config.history, members_publish: config.members_publish, deny: false };
        let rules = config.rules.iter().map(|rule| (rule.pattern().clone(), rule.settings(&otherwise))).collect();
        Rules { rules, otherwise }
    }

    /// The settings of each rule, and behind them those of channels without a rule.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Settings> {
        self.rules.iter().map(|(_, settings)| settings).chain([&self.otherwise])
    }

    pub(crate) fn find(&self, channel: &str) -> &Settings {
        let rule = self.rules.iter().find(|(pattern, _)| pattern.matches(channel));
        rule.map_or(&self.otherwise, |(_, settings)| settings)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_first_rule_that_matches_counts() {
        let rules = ["/a/b history=5", "/a/* history=0 publish=members", "/a/c deny", "/d deny", "/* age=1s bytes=2K"];
        let rules = rules.iter().map(|rule| rule.parse().expect("a rule")).collect();
        let found = Rules::new(&HubConfig { rules, ..HubConfig::default() });
        let default = History::default();
        let settings = |history, members_publish, deny| Settings { history, members_publish, deny };
        let cases = [
            ("/a/b", settings(History { messages: 5, ..default }, false, false)),
            ("/a/c", settings(History { messages: 0, ..default }, true, false)),
            ("/d", settings(default, false, true)),
            ("/a", settings(History { age: Duration::from_secs(1), bytes: 2048, ..default }, false, false)),
        ];
        for (channel, expected) in cases {
            assert_eq!(*found.find(channel), expected, "{channel}");
        }
    }

    #[test]
    fn a_rule_that_is_silent_about_something_leaves_it_as_it_is() {
        let history = History { messages: 7, bytes: 8, age: Duration::from_secs(9) };
        let rules = vec!["/a history=1".parse().expect("a rule"), "/b publish=tokens".parse().expect("a rule")];
        let found = Rules::new(&HubConfig { rules, history, members_publish: true, ..HubConfig::default() });
        let all = Settings { history, members_publish: true, deny: false };
        assert_eq!(*found.find("/"), all);
        assert_eq!(*found.find("/a"), Settings { history: History { messages: 1, ..history }, ..all });
        assert_eq!(*found.find("/b"), Settings { members_publish: false, ..all });
    }
}
