//! The flags that set one field each, as tables: a new field of a configuration or a recipe needs one more row.

use super::values::{
    count, count_or_none, memory, show_count, show_size, show_time, time, time_above_zero, time_or_none,
};
use crate::{Config, Slow};

pub(super) mod hub;
pub(super) mod recipe;

/// A flag that sets one field of a `T`.
#[derive(Debug)]
pub(super) struct Setting<T: 'static> {
    /// The field, written as in code.
    pub field: &'static str,
    /// The flag's name, without the dashes.
    pub flag: &'static str,
    /// The placeholder for its value in the help.
    pub value: &'static str,
    /// The flag's effect, without a full stop, in lines of at most 60 characters.
    pub help: &'static str,
    /// The field's value, as the flag would be given.
    pub default: fn(&T) -> String,
    /// Reads a value and sets the field. An error says what is wrong with the value.
    pub set: fn(&mut T, &str) -> Result<(), String>,
}

/// The settings on a command line, with their values.
pub(super) type Given<T> = Vec<(&'static Setting<T>, String)>;

/// Sets the fields as the flags ask.
///
/// # Errors
/// Names the flag, and says what is wrong with its value.
pub(super) fn apply<T>(target: &mut T, given: &[(&'static Setting<T>, String)]) -> Result<(), String> {
    given.iter().try_for_each(|(setting, value)| {
        (setting.set)(target, value).map_err(|error| format!("--{}: {error}", setting.flag))
    })
}

/// How much clients may use.
pub(super) const LIMITS: &[Setting<Config>] = &[
    Setting {
        field: "max_message",
        flag: "max-message",
        value: "SIZE",
        help: "bytes in one message; more: Close 1009",
        default: |config| show_size(config.max_message as u64),
        set: |config, text| memory(text).map(|size| config.max_message = size),
    },
    Setting {
        field: "max_frames",
        flag: "max-frames",
        value: "COUNT",
        help: "frames in one message; more: Close 1008",
        default: |config| config.max_frames.to_string(),
        set: |config, text| count(text).map(|count| config.max_frames = count),
    },
    Setting {
        field: "max_connections",
        flag: "max-connections",
        value: "COUNT",
        help: "open connections, as far as there is room in the limit of\nopen files (ulimit -n); more: 503",
        default: |config| config.max_connections.to_string(),
        set: |config, text| count(text).map(|count| config.max_connections = count),
    },
    Setting {
        field: "max_memory",
        flag: "max-memory",
        value: "SIZE",
        help: "queued and half-received data of all clients; above it, the\nclient that holds the most gets Close 1013",
        default: |config| show_size(config.max_memory as u64),
        set: |config, text| memory(text).map(|size| config.max_memory = size),
    },
    Setting {
        field: "max_message_rate",
        flag: "max-message-rate",
        value: "COUNT",
        help: "messages a second from one client; more: Close 1008;\n0: no limit",
        default: |config| show_count(config.max_message_rate),
        set: |config, text| count_or_none(text).map(|count| config.max_message_rate = count),
    },
    Setting {
        field: "max_connections_per_address",
        flag: "max-per-address",
        value: "COUNT",
        help: "connections from one IPv4 address or IPv6 /64; more: 429;\n0: no limit",
        default: |config| show_count(config.max_connections_per_address),
        set: |config, text| count_or_none(text).map(|count| config.max_connections_per_address = count),
    },
    Setting {
        field: "max_timers",
        flag: "max-timers",
        value: "COUNT",
        help: "delayed replies pending for a client; more: Close 1008",
        default: |config| config.max_timers.to_string(),
        set: |config, text| count(text).map(|count| config.max_timers = count),
    },
    Setting {
        field: "max_panics",
        flag: "max-panics",
        value: "COUNT",
        help: "clients that may make an app panic (each gets Close 1011)\nbefore the server ends with an error",
        default: |config| config.max_panics.to_string(),
        set: |config, text| count(text).map(|count| config.max_panics = count),
    },
    Setting {
        field: "high_water",
        flag: "high-water",
        value: "SIZE",
        help: "a client with more than this queued for it is not read from",
        default: |config| show_size(config.high_water as u64),
        set: |config, text| memory(text).map(|size| config.high_water = size),
    },
    Setting {
        field: "low_water",
        flag: "low-water",
        value: "SIZE",
        help: "reading resumes when its queue has drained to this",
        default: |config| show_size(config.low_water as u64),
        set: |config, text| memory(text).map(|size| config.low_water = size),
    },
    Setting {
        field: "max_queue",
        flag: "max-queue",
        value: "SIZE",
        help: "a client with more than this queued for it gets Close 1013",
        default: |config| show_size(config.max_queue as u64),
        set: |config, text| memory(text).map(|size| config.max_queue = size),
    },
    Setting {
        field: "slow",
        flag: "slow",
        value: "POLICY",
        help: "broadcasts to a slow client: close (it is closed), drop (it\nmisses some) or latest (it gets only the newest)",
        default: |config| show_slow(config.slow).to_owned(),
        set: |config, text| set_slow(&mut config.slow, text),
    },
    Setting {
        field: "head.max_head",
        flag: "max-head",
        value: "SIZE",
        help: "bytes in the head of an HTTP request; more: 431",
        default: |config| show_size(config.head.max_head as u64),
        set: |config, text| memory(text).map(|size| config.head.max_head = size),
    },
    Setting {
        field: "head.max_request_line",
        flag: "max-request-line",
        value: "SIZE",
        help: "bytes in the first line of a request; more: 414",
        default: |config| show_size(config.head.max_request_line as u64),
        set: |config, text| memory(text).map(|size| config.head.max_request_line = size),
    },
    Setting {
        field: "max_body",
        flag: "max-body",
        value: "SIZE",
        help: "bytes in the body of an HTTP request; more: 413",
        default: |config| show_size(config.max_body as u64),
        set: |config, text| memory(text).map(|size| config.max_body = size),
    },
    Setting {
        field: "max_requests",
        flag: "max-requests",
        value: "COUNT",
        help: "HTTP requests on one connection, which is then closed",
        default: |config| config.max_requests.to_string(),
        set: |config, text| count(text).map(|count| config.max_requests = count),
    },
];

/// How long the server waits for clients.
pub(super) const TIMEOUTS: &[Setting<Config>] = &[
    Setting {
        field: "ping_interval",
        flag: "ping-interval",
        value: "TIME",
        help: "a client silent for this long is sent a Ping; 0: never",
        default: |config| show_time(config.ping_interval.unwrap_or_default()),
        set: |config, text| time_or_none(text).map(|time| config.ping_interval = time),
    },
    Setting {
        field: "pong_timeout",
        flag: "pong-timeout",
        value: "TIME",
        help: "a client silent for this long after the Ping is dropped",
        default: |config| show_time(config.pong_timeout),
        set: |config, text| time_above_zero(text).map(|time| config.pong_timeout = time),
    },
    Setting {
        field: "handshake_timeout",
        flag: "handshake-timeout",
        value: "TIME",
        help: "from the connection to the end of the request head; then 408",
        default: |config| show_time(config.handshake_timeout),
        set: |config, text| time_above_zero(text).map(|time| config.handshake_timeout = time),
    },
    Setting {
        field: "close_timeout",
        flag: "close-timeout",
        value: "TIME",
        help: "from our Close frame to the client's; then it is dropped",
        default: |config| show_time(config.close_timeout),
        set: |config, text| time_above_zero(text).map(|time| config.close_timeout = time),
    },
    Setting {
        field: "write_timeout",
        flag: "write-timeout",
        value: "TIME",
        help: "a client that takes no queued byte for this long is dropped",
        default: |config| show_time(config.write_timeout),
        set: |config, text| time_above_zero(text).map(|time| config.write_timeout = time),
    },
    Setting {
        field: "message_timeout",
        flag: "message-timeout",
        value: "TIME",
        help: "an unfinished message must gain 1K or end in each such span;\n0: no limit",
        default: |config| show_time(config.message_timeout.unwrap_or_default()),
        set: |config, text| time_or_none(text).map(|time| config.message_timeout = time),
    },
    Setting {
        field: "keep_alive",
        flag: "keep-alive",
        value: "TIME",
        help: "an HTTP connection idle for this long is closed;\n0: after each answer",
        default: |config| show_time(config.keep_alive.unwrap_or_default()),
        set: |config, text| time_or_none(text).map(|time| config.keep_alive = time),
    },
    Setting {
        field: "answer_timeout",
        flag: "answer-timeout",
        value: "TIME",
        help: "the wait for an answer that an app has deferred; then 503",
        default: |config| show_time(config.answer_timeout),
        set: |config, text| time_above_zero(text).map(|time| config.answer_timeout = time),
    },
];

/// How the server shuts down.
pub(super) const SHUTDOWN: &[Setting<Config>] = &[
    Setting {
        field: "shutdown.over",
        flag: "drain",
        value: "TIME",
        help: "the Close frames are spread over this span; 0: all at once",
        default: |config| show_time(config.shutdown.over),
        set: |config, text| time(text).map(|time| config.shutdown.over = time),
    },
    Setting {
        field: "shutdown.timeout",
        flag: "drain-timeout",
        value: "TIME",
        help: "after the last Close frame, the wait for clients to answer",
        default: |config| show_time(config.shutdown.timeout),
        set: |config, text| time_above_zero(text).map(|time| config.shutdown.timeout = time),
    },
];

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
        return Err(format!("`{text}` is not a policy: write close, drop or latest"));
    };
    *slow = found;
    Ok(())
}
