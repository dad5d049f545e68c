//! The client of a connection: the peer itself, or the one that a trusted proxy names in a PROXY header or in
//! X-Forwarded-For; and whether its address has room for another connection.

use std::net::SocketAddr;

use super::Lines;
use crate::http::{ProxyHeader, Request, Via, forwarded_client};
use crate::server::connection::entrance::NoRoom;
use crate::server::event_loop::site::Door;
use crate::server::transport::Socket;
use crate::server::types::config::ProxyProtocol;
use crate::server::types::id::Peer;

impl<S: Socket> Lines<S> {
    /// A connection was accepted. It counts for its peer's address, unless a proxy is to name the client first.
    pub fn meet_peer(&mut self, slot: u32, peer: Peer, door: &Door) {
        if !door.trusts(peer) {
            return self.count_early(slot, door);
        }
        let awaits_proxy_header = door.proxy_protocol == ProxyProtocol::Required;
        if let Some((entrance, _)) = self.entrance(slot) {
            (entrance.via, entrance.awaits_proxy_header) = (Via::TrustedProxy, awaits_proxy_header);
        }
        if awaits_proxy_header && let Some(layer) = self.layers.get_mut(slot) {
            layer.await_prefix();
        }
    }

    /// A PROXY header has named the client of a connection.
    pub fn meet_proxied(&mut self, slot: u32, header: ProxyHeader, door: &Door) {
        let client = match header {
            ProxyHeader::Client(address) => Some(Peer::Tcp(address)),
            _ => None,
        };
        let is_proxy = client.is_some_and(|client| door.trusts(client));
        let direct = if self.layers.get(slot).is_some() { Via::Tls } else { Via::Direct };
        let Some((entrance, _)) = self.entrance(slot) else { return };
        // Wherever the client is, it has not connected to us.
        (entrance.is_local, entrance.is_proxied) = (false, true);
        // The bytes behind the header are the client's: it is believed about others only if it is a proxy itself.
        entrance.via = if is_proxy { Via::TrustedProxy } else { direct };
        if let Some(client) = client {
            self.shared.table.set_peer(slot, client);
        }
        if !is_proxy {
            self.count_early(slot, door);
        }
    }

    /// Learns from a request of a trusted proxy which client it comes from. Returns the limit that leaves no room for it,
    /// if there is one.
    pub fn meet_client(&mut self, slot: u32, request: &Request<'_>, door: &Door) -> Option<NoRoom> {
        let (entrance, _) = self.entrance(slot)?;
        if entrance.via != Via::TrustedProxy {
            return entrance.no_room;
        }
        let no_room = entrance.no_room;
        let client = forwarded_client(request, |address| door.trusts(Peer::Tcp((address, 0).into())));
        let proxy = self.shared.addresses.proxy(slot, self.shared.table.peer(slot));
        let client = client.map_or(proxy, |client| Peer::Tcp(SocketAddr::new(client, 0)));
        self.shared.table.set_peer(slot, client);
        let has_room = self.shared.addresses.count(slot, client);
        no_room.or((!has_room).then_some(NoRoom::Address))
    }

    /// Counts a connection whose request is yet to come. If its address has no room for it, it comes into the reserve.
    fn count_early(&mut self, slot: u32, door: &Door) {
        let is_reserve = self.entrance(slot).is_some_and(|(entrance, _)| entrance.no_room.is_some());
        let client = self.shared.table.peer(slot);
        if !is_reserve && !self.shared.addresses.count(slot, client) {
            self.put_in_reserve(slot, NoRoom::Address, door);
        }
    }
}
