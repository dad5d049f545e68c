//! The laws of the loop: what holds between two turns for every connection, so that none is ever forgotten. The loop asserts
//! them in debug builds, and tests after each turn.

use std::time::Duration;

use super::state::EventLoop;
use crate::server::connection::Connection;
use crate::server::shared::Shared;
use crate::server::transport::layer::Layer;
use crate::server::transport::{Poller, Socket};

/// Connections that are looked at in a turn.
const LOOKS: usize = 64;

impl<P: Poller> EventLoop<P> {
    /// Looks at all connections while they are few, else at some in each turn, in rotation.
    pub(crate) fn assert_laws(&mut self) {
        let lines = &self.lines;
        let slots = lines.shared.table.slots();
        for _ in 0..slots.min(LOOKS) {
            self.looked_at = (self.looked_at + 1) % slots;
            let slot = self.looked_at as u32;
            if let Some(connection) = lines.connection(slot) {
                assert!(matches!(lines.sockets.get(slot as usize), Some(Some(_))), "a connection has no socket");
                assert_law(&lines.shared, slot, connection);
                assert_layer(slot, connection, lines.layers.get(slot));
            }
        }
        if slots <= LOOKS {
            let again: Vec<_> = lines.again.iter().copied().collect();
            assert_list(&lines.shared, &again, |connection| connection.is_again);
            assert_list(&lines.shared, &lines.flushes, |connection| connection.output.is_listed());
        }
    }
}

/// The laws of one connection.
fn assert_law(shared: &Shared, slot: u32, connection: &Connection) {
    let (id, output, reading) = (shared.table.id(slot), &connection.output, connection.reading);
    let owed = output.len();
    assert!(!connection.is_gone(), "{id} is gone and was not reaped");
    // No wake-up is lost: a connection that may have something to read is in `again`, or its read side is known drained, or
    // it is paused until a flush that is sure to come, or until its application answers.
    assert!(!connection.wants_service() || connection.is_again, "{id} has lost a wake-up: {reading:?}");
    let least = shared.env.config.low_water.min(shared.env.config.high_water);
    assert!(!output.is_paused() || owed > least, "{id} is paused, and owed only {owed}");
    // Bytes that are owed leave: in the next turn, or when the socket says that it accepts bytes again.
    assert!(owed == 0 || output.is_listed() || output.is_blocked(), "{id} is owed {owed} bytes that nobody sends");
    assert!(!output.has_pong() || output.is_blocked(), "{id} has a Pong that nobody sends");
    // No deadline is noticed late. (Ticks are whole milliseconds.)
    let look = connection.next_look(&shared.env).map(|millis| shared.env.now + Duration::from_millis(millis + 1));
    let is_in_time = look.is_none_or(|look| shared.next_sweep.is_some_and(|next| next <= look));
    assert!(is_in_time, "{id} is looked at too late for its deadline");
}

/// The laws of TLS: what is pending is owed, and leaves when the socket accepts bytes again. The stream ends after it.
fn assert_layer<S: Socket>(slot: u32, connection: &Connection, layer: Option<&dyn Layer<S>>) {
    let Some(layer) = layer else { return };
    let (output, pending) = (&connection.output, layer.pending());
    assert_eq!(output.pending(), pending, "slot {slot}: bytes pending that are not counted");
    assert!(pending == 0 || output.is_blocked(), "slot {slot}: {pending} bytes pending that nobody sends");
    assert!(pending <= layer.held(), "slot {slot}: {pending} bytes pending, more than are counted as memory");
    assert!(pending == 0 || output.stalled_since().is_some(), "slot {slot}: bytes pending without a deadline");
}

/// The connections that count as being in a list are in it, once, and no other is.
fn assert_list(shared: &Shared, list: &[u32], is_marked: impl Fn(&Connection) -> bool) {
    let marked = shared.table.slots_where(&is_marked).len();
    let are_marked = list.iter().all(|slot| shared.table.get(*slot).is_some_and(&is_marked));
    assert!(are_marked && list.len() == marked, "{list:?}, but {marked} are marked");
}
