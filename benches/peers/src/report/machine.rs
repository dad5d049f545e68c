//! The machine and the versions of a measurement.

use std::fs;
use std::num::NonZero;
use std::thread;

use crate::readings::Readings;
use crate::{peers, serve};

/// The lock file of this crate, with the versions of the servers in Rust.
const LOCK: &str = include_str!("../../Cargo.lock");

/// A paragraph about the machine and the versions of the servers.
pub fn describe(readings: &Readings) -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model.trim());
    let count = processors.lines().filter(|line| line.starts_with("processor")).count();
    let count = count.max(thread::available_parallelism().map_or(1, NonZero::get));
    let release = read("/proc/sys/kernel/osrelease");
    let kernel: Vec<&str> = release.split('.').take(2).collect();
    let version = |server: &str| Some(format!("{server} {}", locked(server).or_else(|| peers::version(server))?));
    // The hub is a part of Sockhop.
    // The part behind a slash is the mode of compression.
    let mut servers: Vec<&str> =
        readings.servers().into_iter().map(|name| name.split_once('/').map_or(name, |(server, _)| server)).collect();
    if servers.contains(&serve::HUB) {
        servers.retain(|server| *server != "sockhop");
        servers.iter_mut().filter(|server| **server == serve::HUB).for_each(|server| *server = "sockhop");
    }
    servers.dedup();
    let versions: Vec<String> = servers.into_iter().filter_map(version).collect();
    let rounds = match readings.rounds() {
        1 => "one round".to_owned(),
        rounds => format!("{rounds} rounds"),
    };
    let (kernel, versions) = (kernel.join("."), versions.join(", "));
    format!("Measured in {rounds} on {model}, {count} cores, Linux {kernel}.\nVersions: {versions}.\n")
}

/// A line about the library that Sockhop and tokio-tungstenite use for TLS.
pub fn describe_rustls() -> String {
    let version = |name| locked(name).unwrap_or_default();
    format!("TLS of Sockhop and tokio-tungstenite: rustls {} with ring {}.\n", version("rustls"), version("ring"))
}

/// The version of a crate.
fn locked(name: &str) -> Option<String> {
    let (_, rest) = LOCK.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    rest.split('"').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_versions_of_the_crates() {
        assert_eq!(locked("sockhop-peers").as_deref(), Some("0.0.0"));
        assert!(locked("fastwebsockets").is_some_and(|version| version.starts_with("0.")));
        assert_eq!(locked("floor"), None);
    }
}
