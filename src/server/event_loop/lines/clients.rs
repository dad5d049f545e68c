//! The client of a connection: the peer itself, or the one that a trusted proxy names in a PROXY header or in
//! X-Forwarded-For; and whether its address has room for another connection.

use std::net::SocketAddr;

use super::Lines;
use super::room::TURNED_AWAY;
use crate::http::{Body, Persistence, ProxyHeader, Request, Via, forwarded_client};
use crate::server::connection::Standing;
use crate::server::event_loop::responses::too_many;
use crate::server::event_loop::site::Door;
use crate::server::transport::Socket;
use crate::server::types::config::ProxyProtocol;
use crate::server::types::id::Peer;
use crate::server::types::log_limit::log_limited;
use crate::server::types::stats::Count;

impl<S: Socket> Lines<S> {
    /// A connection was accepted. It counts for its peer's address, unless a proxy is to name the client first.
    pub fn meet_peer(&mut self, slot: u32, peer: Peer, door: &Door) {
        if !door.trusts(peer) {
            return self.count_early(slot);
        }
        let awaits_proxy_header = door.proxy_protocol == ProxyProtocol::Required;
        if let Some((entrance, _)) = self.entrance(slot) {
            (entrance.via, entrance.awaits_proxy_header) = (Via::TrustedProxy, awaits_proxy_header);
        }
    }

    /// A PROXY header has named the client of a connection.
    pub fn meet_proxied(&mut self, slot: u32, header: ProxyHeader, door: &Door) {
        let client = match header {
            ProxyHeader::Client(address) => Some(Peer::Tcp(address)),
            _ => None,
        };
        let is_proxy = client.is_some_and(|client| door.trusts(client));
        let Some((entrance, _)) = self.entrance(slot) else { return };
        // Wherever the client is, it has not connected to us.
        entrance.is_local = false;
        // The bytes behind the header are the client's: it is believed about others only if it is a proxy itself.
        entrance.via = if is_proxy { Via::TrustedProxy } else { Via::Direct };
        if let Some(client) = client {
            self.shared.table.set_peer(slot, client);
        }
        if !is_proxy {
            self.count_early(slot);
        }
    }

    /// Learns from a request of a trusted proxy which client it comes from. Returns whether the client's address has room
    /// for it; if not, the request is answered.
    pub fn meet_client(&mut self, slot: u32, request: &Request<'_>, door: &Door) -> bool {
        if self.entrance(slot).is_none_or(|(entrance, _)| entrance.via == Via::Direct) {
            return true;
        }
        let client = forwarded_client(request, |address| door.trusts(Peer::Tcp((address, 0).into())));
        let proxy = self.shared.addresses.proxy(slot, self.shared.table.peer(slot));
        let client = client.map_or(proxy, |client| Peer::Tcp(SocketAddr::new(client, 0)));
        self.shared.table.set_peer(slot, client);
        let has_room = self.count(slot);
        if !has_room {
            self.respond(slot, &too_many(), Body::answering(request.method()), Persistence::Close);
        }
        has_room
    }

    /// Counts a connection whose request is yet to come. If its address has no room for it, that will be the answer.
    fn count_early(&mut self, slot: u32) {
        let is_turned_away = self.entrance(slot).is_some_and(|(entrance, _)| entrance.is_turned_away);
        if is_turned_away || self.count(slot) {
            return;
        }
        if self.shared.table.count(Standing::TurnedAway) >= TURNED_AWAY {
            return self.kill(slot);
        }
        if let Some((entrance, _)) = self.entrance(slot) {
            (entrance.is_turned_away, entrance.is_crowded) = (true, true);
        }
        self.shared.table.recount(slot);
        self.shared.schedule(slot);
    }

    fn count(&mut self, slot: u32) -> bool {
        let client = self.shared.table.peer(slot);
        let has_room = self.shared.addresses.count(slot, client);
        if let (false, Some(most)) = (has_room, self.shared.env.config.max_connections_per_address) {
            let shared = &mut self.shared;
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
}
