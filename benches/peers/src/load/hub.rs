//! The load on a hub: publishers over HTTP, listeners over WebSocket. Both servers take the same requests: a channel is a
//! path, to which messages are posted and where clients listen.

mod deliver;
mod flow;
mod hall;
mod listener;
mod memory;
mod publish;
mod publisher;

use std::error::Error;

use super::Times;
use super::script::Script;
use super::walker::Form;
use crate::process::Server;
use crate::readings::Reading;
use crate::workload::{Content, HubLoad};

/// The channel of loads that have only one.
const CHANNEL: usize = 0;

pub fn run(load: HubLoad, server: &Server, times: Times) -> Result<Reading, Box<dyn Error>> {
    let script = |len| Script::new(len, Content::Text, 1);
    match load {
        HubLoad::Publish { connections, channels, len } => {
            publish::run(server, connections, channels, &script(len), times)
        }
        HubLoad::Deliver { listeners, has_ids, len, pace } => {
            deliver::run(server, listeners, form(has_ids), &script(len), pace, times)
        }
        HubLoad::Flow { channels, per_second, len } => flow::run(server, channels, per_second, &script(len), times),
        HubLoad::Listeners { count, has_ids, len } => memory::listeners(server, count, form(has_ids), &script(len)),
        HubLoad::Channels { count } => memory::channels(server, count, &script(1)),
        HubLoad::Messages { channels, each, len } => memory::messages(server, channels, each, &script(len)),
    }
}

fn form(has_ids: bool) -> Form {
    if has_ids { Form::WithId } else { Form::Plain }
}

/// The path of a channel.
fn path(channel: usize) -> String {
    format!("/channels/{channel:05}")
}
