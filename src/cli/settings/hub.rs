//! The flags that set one field of a hub each.

use super::Setting;
use crate::apps::hub::HubConfig;
use crate::cli::values::{count, memory, show_size};

/// The fields that have one value.
pub(in crate::cli) const HUB: &[Setting<HubConfig>] = &[
    Setting {
        field: "members_publish",
        flag: "publish",
        value: "WHO",
        help: "tokens: requests only, as below; members: listeners, too,\nwho send it as a message",
        default: |config| if config.members_publish { "members" } else { "tokens" }.to_owned(),
        set: |config, text| set_publish(&mut config.members_publish, text),
    },
    Setting {
        field: "history_memory",
        flag: "history-memory",
        value: "SIZE",
        help: "the history of all channels; above it, the oldest message of\nthe largest channel goes",
        default: |config| show_size(config.history_memory as u64),
        set: |config, text| memory(text).map(|size| config.history_memory = size),
    },
    Setting {
        field: "max_channels",
        flag: "max-channels",
        value: "COUNT",
        help: "channels with history or listeners; more: 503",
        default: |config| config.max_channels.to_string(),
        set: |config, text| count(text).map(|count| config.max_channels = count),
    },
    Setting {
        field: "max_waiting",
        flag: "max-waiting",
        value: "COUNT",
        help: "publishes and polls that wait for an answer; more: 503",
        default: |config| config.max_waiting.to_string(),
        set: |config, text| count(text).map(|count| config.max_waiting = count),
    },
    Setting {
        field: "max_waiting_bytes",
        flag: "max-waiting-bytes",
        value: "SIZE",
        help: "the messages of publishes that wait; more: 503",
        default: |config| show_size(config.max_waiting_bytes as u64),
        set: |config, text| memory(text).map(|size| config.max_waiting_bytes = size),
    },
    Setting {
        field: "max_keys",
        flag: "max-keys",
        value: "COUNT",
        help: "Idempotency-Keys that are remembered, each for 5m",
        default: |config| config.max_keys.to_string(),
        set: |config, text| count(text).map(|count| config.max_keys = count),
    },
    Setting {
        field: "max_batch",
        flag: "max-batch",
        value: "SIZE",
        help: "bytes in a batch (POST /-/batch) of up to 1,000 messages;\nmore: 413",
        default: |config| show_size(config.max_batch as u64),
        set: |config, text| memory(text).map(|size| config.max_batch = size),
    },
];

fn set_publish(members: &mut bool, text: &str) -> Result<(), String> {
    *members = match text {
        "tokens" => false,
        "members" => true,
        _ => return Err(format!("`{text}` is nobody: write tokens or members")),
    };
    Ok(())
}
