//! The flags that set one field each, as tables: a new field of a configuration or a recipe is one row more.

use super::values::{count, count_or_zero, memory, show_size, show_time, size, time, time_above_zero};
use crate::apps::{On, Recipe, Reply, Stamp, To};
use crate::{Config, Slow};

/// A flag that sets one field of a `T`.
#[derive(Debug)]
pub(super) struct Setting<T: 'static> {
    /// The flag's name, without the dashes.
    pub flag: &'static str,
    /// What stands for its value in the help.
    pub value: &'static str,
    /// What it does, without a full stop.
    pub help: &'static str,
    /// The default, as the flag would be given.
    pub default: fn(&T) -> String,
    /// Reads a value and sets the field; an error says what is wrong with the value.
    pub set: fn(&mut T, &str) -> Result<(), String>,
}

/// What peers may take up.
pub(super) const LIMITS: &[Setting<Config>] = &[
    Setting {
        flag: "max-message",
        value: "SIZE",
        help: "the longest message; a longer one: Close 1009",
        default: |config| show_size(config.max_message),
        set: |config, text| size(text).map(|size| config.max_message = size),
    },
    Setting {
        flag: "max-frames",
        value: "COUNT",
        help: "frames in one message; more: Close 1008",
        default: |config| config.max_frames.to_string(),
        set: |config, text| count(text).map(|count| config.max_frames = count),
    },
    Setting {
        flag: "max-connections",
        value: "COUNT",
        help: "connections at a time, if there are descriptors for them",
        default: |config| config.max_connections.to_string(),
        set: |config, text| count(text).map(|count| config.max_connections = count),
    },
    Setting {
        flag: "max-memory",
        value: "SIZE",
        help: "what all are owed or have half sent; more: the largest goes",
        default: |config| show_size(config.max_memory as u64),
        set: |config, text| memory(text).map(|size| config.max_memory = size),
    },
    Setting {
        flag: "max-message-rate",
        value: "COUNT",
        help: "messages of a client in a second; more: Close 1008; 0: any",
        default: |config| config.max_message_rate.to_string(),
        set: |config, text| count_or_zero(text).map(|count| config.max_message_rate = count),
    },
    Setting {
        flag: "max-per-address",
        value: "COUNT",
        help: "those of one client address, or IPv6 /64; more: 429; 0: any",
        default: |config| config.max_connections_per_address.to_string(),
        set: |config, text| count_or_zero(text).map(|count| config.max_connections_per_address = count),
    },
    Setting {
        flag: "max-timers",
        value: "COUNT",
        help: "replies of a client that may wait; more: Close 1008",
        default: |config| config.max_timers.to_string(),
        set: |config, text| count(text).map(|count| config.max_timers = count),
    },
    Setting {
        flag: "high-water",
        value: "SIZE",
        help: "a client that is owed more is not read from",
        default: |config| show_size(config.high_water as u64),
        set: |config, text| memory(text).map(|size| config.high_water = size),
    },
    Setting {
        flag: "low-water",
        value: "SIZE",
        help: "until it is owed no more than this",
        default: |config| show_size(config.low_water as u64),
        set: |config, text| memory(text).map(|size| config.low_water = size),
    },
    Setting {
        flag: "max-queue",
        value: "SIZE",
        help: "a client that would be owed more is closed with 1013",
        default: |config| show_size(config.max_queue as u64),
        set: |config, text| memory(text).map(|size| config.max_queue = size),
    },
    Setting {
        flag: "slow",
        value: "POLICY",
        help: "broadcasts to one far behind: close (it), drop or latest",
        default: |config| show_slow(config.slow).to_owned(),
        set: |config, text| set_slow(&mut config.slow, text),
    },
    Setting {
        flag: "max-head",
        value: "SIZE",
        help: "the longest head of an HTTP request; a longer one: 431",
        default: |config| show_size(config.head.max_head as u64),
        set: |config, text| memory(text).map(|size| config.head.max_head = size),
    },
    Setting {
        flag: "max-request-line",
        value: "SIZE",
        help: "the longest request line; a longer one: 414",
        default: |config| show_size(config.head.max_request_line as u64),
        set: |config, text| memory(text).map(|size| config.head.max_request_line = size),
    },
];

/// How long peers are waited for.
pub(super) const TIMEOUTS: &[Setting<Config>] = &[
    Setting {
        flag: "ping-interval",
        value: "TIME",
        help: "a client that is silent for so long gets a Ping; 0: none",
        default: |config| show_time(config.ping_interval),
        set: |config, text| time(text).map(|time| config.ping_interval = time),
    },
    Setting {
        flag: "pong-timeout",
        value: "TIME",
        help: "one that stays silent for so long again is dropped",
        default: |config| show_time(config.pong_timeout),
        set: |config, text| time_above_zero(text).map(|time| config.pong_timeout = time),
    },
    Setting {
        flag: "handshake-timeout",
        value: "TIME",
        help: "from the connection to the whole request head",
        default: |config| show_time(config.handshake_timeout),
        set: |config, text| time_above_zero(text).map(|time| config.handshake_timeout = time),
    },
    Setting {
        flag: "close-timeout",
        value: "TIME",
        help: "from our Close frame to the client's",
        default: |config| show_time(config.close_timeout),
        set: |config, text| time_above_zero(text).map(|time| config.close_timeout = time),
    },
    Setting {
        flag: "write-timeout",
        value: "TIME",
        help: "one that is owed bytes and takes none so long is dropped",
        default: |config| show_time(config.write_timeout),
        set: |config, text| time_above_zero(text).map(|time| config.write_timeout = time),
    },
    Setting {
        flag: "message-timeout",
        value: "TIME",
        help: "an unfinished message must gain 1K in each; 0: need not",
        default: |config| show_time(config.message_timeout),
        set: |config, text| time(text).map(|time| config.message_timeout = time),
    },
];

/// How the server ends.
pub(super) const DRAIN: &[Setting<Config>] = &[
    Setting {
        flag: "drain",
        value: "TIME",
        help: "the span over which clients are told to go; 0: all at once",
        default: |config| show_time(config.drain.over),
        set: |config, text| time(text).map(|time| config.drain.over = time),
    },
    Setting {
        flag: "drain-timeout",
        value: "TIME",
        help: "how long they have to answer after that",
        default: |config| show_time(config.drain.timeout),
        set: |config, text| time_above_zero(text).map(|time| config.drain.timeout = time),
    },
];

/// The recipe of an app; but for the subprotocols, which all apps may have.
pub(super) const RECIPE: &[Setting<Recipe>] = &[
    Setting {
        flag: "greet",
        value: "TEXT",
        help: "what a client is sent when it connects",
        default: |recipe| recipe.greet.as_deref().unwrap_or("-").to_owned(),
        set: |recipe, text| {
            recipe.greet = (!text.is_empty()).then(|| text.to_owned().into());
            Ok(())
        },
    },
    Setting {
        flag: "on",
        value: "WHICH",
        help: "what is answered: any, json (objects), text:ping (that)",
        default: |recipe| match &recipe.on {
            On::Any => "any".to_owned(),
            On::Text(text) => format!("text:{text}"),
            On::JsonObject => "json".to_owned(),
        },
        set: |recipe, text| set_on(&mut recipe.on, text),
    },
    Setting {
        flag: "reply",
        value: "TEXT",
        help: "what is said; {message} in it stands for the message",
        default: |recipe| match &recipe.reply {
            Reply::Same => "{message}".to_owned(),
            Reply::Text(text) | Reply::Template(text) => text.to_string(),
        },
        set: |recipe, text| {
            recipe.reply = Reply::parse(text);
            Ok(())
        },
    },
    Setting {
        flag: "to",
        value: "WHOM",
        help: "who hears it: sender, all or others",
        default: |recipe| match recipe.to {
            To::Sender => "sender".to_owned(),
            To::All => "all".to_owned(),
            To::Others => "others".to_owned(),
        },
        set: |recipe, text| set_to(&mut recipe.to, text),
    },
    Setting {
        flag: "after",
        value: "TIME",
        help: "how long after the message it is said",
        default: |recipe| show_time(recipe.after),
        set: |recipe, text| time(text).map(|time| recipe.after = time),
    },
    Setting {
        flag: "stamp",
        value: "KEY",
        help: "with --on json: the key that gets the time of day",
        default: |recipe| recipe.stamp.as_ref().map_or("-", |stamp| &stamp.key).to_owned(),
        set: |recipe, text| {
            recipe.stamp = (!text.is_empty()).then(|| Stamp { key: text.to_owned().into() });
            Ok(())
        },
    },
];

fn set_on(on: &mut On, text: &str) -> Result<(), String> {
    *on = match (text, text.strip_prefix("text:")) {
        (_, Some(text)) => On::Text(text.to_owned().into()),
        ("any", _) => On::Any,
        ("json", _) => On::JsonObject,
        _ => return Err(format!("`{text}` is no kind of message: write any, json or text:ping")),
    };
    Ok(())
}

fn show_slow(slow: Slow) -> &'static str {
    match slow {
        Slow::Close => "close",
        Slow::Drop => "drop",
        Slow::Latest => "latest",
    }
}

fn set_slow(slow: &mut Slow, text: &str) -> Result<(), String> {
    let policies = [Slow::Close, Slow::Drop, Slow::Latest];
    let Some(found) = policies.into_iter().find(|policy| show_slow(*policy) == text) else {
        return Err(format!("`{text}` is no policy: write close, drop or latest"));
    };
    *slow = found;
    Ok(())
}

fn set_to(to: &mut To, text: &str) -> Result<(), String> {
    *to = match text {
        "sender" => To::Sender,
        "all" => To::All,
        "others" => To::Others,
        _ => return Err(format!("`{text}` is nobody here: write sender, all or others")),
    };
    Ok(())
}
