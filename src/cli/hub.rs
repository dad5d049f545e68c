//! The command `sockhop hub`: its flags, and the plan that they and the environment make.

use std::ffi::OsString;
use std::path::PathBuf;

use super::fields::to_flags;
use super::settings::Given;
use super::settings::apply;
use super::settings::hub::HUB;
use crate::apps::hub::HubConfig;
use tokens::Sources;

pub(super) mod tokens;

/// Reads a variable of the environment.
pub(super) type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The flags of the hub, as they were given.
#[derive(Debug, Default)]
pub(super) struct HubArgs {
    pub tokens: tokens::Given,
    pub publish_files: Vec<PathBuf>,
    pub subscribe_files: Vec<PathBuf>,
    pub token_in_query: bool,
    pub rules: Vec<String>,
    pub settings: Given<HubConfig>,
}

/// A hub, and where its tokens come from.
#[derive(Clone, Debug, Default)]
pub(super) struct HubPlan {
    /// Without its tokens.
    config: HubConfig,
    pub tokens: Sources,
}

/// The fields of [`HubConfig`] whose flags are not in a table of settings, each with its flag.
const OTHER_FIELDS: [(&str, &str); 5] = [
    ("publish_tokens", "publish-token"),
    ("subscribe_tokens", "subscribe-token"),
    ("token_in_query", "token-in-query"),
    ("rules", "rule"),
    // A rule for all channels, /*, replaces the default.
    ("history", "rule"),
];

/// The fields of [`HubConfig`] that flags set, each with its flag, without the dashes.
pub(super) fn fields() -> impl Iterator<Item = (&'static str, &'static str)> {
    HUB.iter().map(|setting| (setting.field, setting.flag)).chain(OTHER_FIELDS)
}

impl HubPlan {
    /// Whether listeners may publish, where no rule says otherwise.
    pub(super) fn members_publish(&self) -> bool {
        self.config.members_publish
    }

    /// The configuration, with the tokens that are in the files now.
    ///
    /// # Errors
    /// Names the file that cannot be read or has something else in it than tokens.
    pub(super) fn config(&self) -> Result<HubConfig, String> {
        let tokens = self.tokens.read()?;
        let config = self.config.clone();
        Ok(HubConfig { publish_tokens: tokens.publish, subscribe_tokens: tokens.subscribe, ..config })
    }
}

impl HubArgs {
    /// One of the flags that were given.
    pub(super) fn flag(&self) -> Option<String> {
        let flag = self.tokens.flag().or_else(|| {
            let given = [
                ("--publish-token-file", !self.publish_files.is_empty()),
                ("--subscribe-token-file", !self.subscribe_files.is_empty()),
                ("--token-in-query", self.token_in_query),
                ("--rule", !self.rules.is_empty()),
            ];
            given.into_iter().find_map(|(flag, is_given)| is_given.then_some(flag))
        });
        flag.map(str::to_owned).or_else(|| self.settings.first().map(|(setting, _)| format!("--{}", setting.flag)))
    }

    /// Makes a plan from the flags and the environment.
    ///
    /// # Errors
    /// Says what is wrong, and what would be right, without showing a token.
    pub(super) fn plan(self, env: Env<'_>) -> Result<HubPlan, String> {
        let mut config = HubConfig { rephrase: to_flags, ..HubConfig::default() };
        apply(&mut config, &self.settings)?;
        config.token_in_query = self.token_in_query;
        let rules = self.rules.iter().map(|rule| rule.parse().map_err(|error| format!("--rule: `{rule}`: {error}")));
        config.rules = rules.collect::<Result<_, _>>()?;
        let tokens = Sources::new(&self.tokens, &self.publish_files, &self.subscribe_files, env)?;
        Ok(HubPlan { config, tokens })
    }
}

#[cfg(test)]
mod tests;
