//! The client of a connection: the peer itself, or the one that a trusted proxy names in a PROXY header or in
//! X-Forwarded-For; and whether its address has room for another connection.

use std::net::SocketAddr;

use super::responses::too_many;
use super::state::{Door, EventLoop};
use crate::http::{Body, Persistence, ProxyHeader, Request, Via, forwarded_client};
use crate::server::connection::{Phase, Standing};
use crate::server::transport::Poller;
use crate::server::types::config::ProxyProtocol;
use crate::server::types::id::Peer;
use crate::server::types::log_limit::log_limited;
use crate::server::types::stats::Count;

/// Connections beyond a limit that are told so at a time; others are closed unread.
pub(super) const TURNED_AWAY: usize = 32;

impl<P: Poller> EventLoop<P> {
    /// The door that a connection came through.
    pub(super) fn door(&self, slot: u32) -> Option<&Door> {
        self.site.doors.get(usize::from(self.lines.connection(slot)?.door))
    }

    /// A connection was accepted. It counts for its peer's address, unless a proxy is to name the client first.
    pub(super) fn meet_peer(&mut self, slot: u32, peer: Peer) {
        let Some(door) = self.door(slot) else { return };
        if !door.trusts(peer) {
            return self.count_early(slot);
        }
        let awaits_proxy_header = door.proxy_protocol == ProxyProtocol::Required;
        if let Some((entrance, _)) = self.lines.entrance(slot) {
            (entrance.via, entrance.awaits_proxy_header) = (Via::TrustedProxy, awaits_proxy_header);
        }
    }

    /// A PROXY header has named the client of a connection.
    pub(super) fn meet_proxied(&mut self, slot: u32, header: ProxyHeader) {
        let client = match header {
            ProxyHeader::Client(address) => Some(Peer::Tcp(address)),
            _ => None,
        };
        let is_proxy = client.is_some_and(|client| self.door(slot).is_some_and(|door| door.trusts(client)));
        let Some((entrance, _)) = self.lines.entrance(slot) else { return };
        // Wherever the client is, it has not connected to us.
        entrance.is_local = false;
        // The bytes behind the header are the client's: it is believed about others only if it is a proxy itself.
        entrance.via = if is_proxy { Via::TrustedProxy } else { Via::Direct };
        if let Some(client) = client {
            self.lines.shared.table.set_peer(slot, client);
        }
        if !is_proxy {
            self.count_early(slot);
        }
    }

    /// Learns from a request of a trusted proxy which client it comes from. Returns whether the client's address has room
    /// for it; if not, the request is answered.
    pub(super) fn meet_client(&mut self, slot: u32, request: &Request<'_>) -> bool {
        if self.lines.entrance(slot).is_none_or(|(entrance, _)| entrance.via == Via::Direct) {
            return true;
        }
        let Some(door) = self.door(slot) else { return true };
        let client = forwarded_client(request, |address| door.trusts(Peer::Tcp((address, 0).into())));
        let proxy = self.addresses.proxy(slot, self.lines.shared.table.peer(slot));
        let client = client.map_or(proxy, |client| Peer::Tcp(SocketAddr::new(client, 0)));
        self.lines.shared.table.set_peer(slot, client);
        let has_room = self.count(slot);
        if !has_room {
            self.lines.respond(slot, &too_many(), Body::answering(request.method()), Persistence::Close);
        }
        has_room
    }

    /// Counts a connection whose request is yet to come. If its address has no room for it, that will be the answer.
    fn count_early(&mut self, slot: u32) {
        let is_turned_away = self.lines.entrance(slot).is_some_and(|(entrance, _)| entrance.is_turned_away);
        if is_turned_away || self.count(slot) {
            return;
        }
        if self.lines.shared.table.count(Standing::TurnedAway) >= TURNED_AWAY {
            return self.lines.kill(slot);
        }
        if let Some((entrance, _)) = self.lines.entrance(slot) {
            (entrance.is_turned_away, entrance.is_crowded) = (true, true);
        }
        self.lines.shared.table.recount(slot);
        self.lines.shared.schedule(slot);
    }

    fn count(&mut self, slot: u32) -> bool {
        let client = self.lines.shared.table.peer(slot);
        let has_room = self.addresses.count(slot, client);
        if let (false, Some(most)) = (has_room, self.lines.shared.env.config.max_connections_per_address) {
            let shared = &mut self.lines.shared;
            shared.env.stats.add(Count::RefusedAddress);
            log_limited!(
                shared,
                Address,
                "{client}: refused with 429: its address has as many connections as \
                 Config::max_connections_per_address ({most}) allows"
            );
        }
        has_room
    }

    /// Whether a handler has put off its decision about a connection's opening handshake.
    pub(super) fn awaits_decision(&self, slot: u32) -> bool {
        let phase = self.lines.connection(slot).map(|connection| &connection.phase);
        matches!(phase, Some(Phase::Entrance(entrance)) if entrance.awaits_decision())
    }
}

impl Door {
    /// Whether a peer is a proxy that may speak for others.
    fn trusts(&self, peer: Peer) -> bool {
        self.trusted_proxies.iter().any(|range| match peer.ip() {
            Some(address) => range.contains(address),
            None => range.is_unix(),
        })
    }
}
