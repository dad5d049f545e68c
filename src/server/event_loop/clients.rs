//! Who a client is: the peer itself, or whom a trusted proxy names in a PROXY header or in X-Forwarded-For; and whether
//! its address has connections enough.

use std::net::SocketAddr;

use super::EventLoop;
use super::accept::TURNED_AWAY;
use crate::http::{Body, ProxyHeader, Request, Response, Via, forwarded_client};
use crate::server::config::{Config, ProxyProtocol};
use crate::server::handler::Peer;
use crate::server::log_limit::log_limited;
use crate::server::poller::Poller;
use crate::server::session::{Flags, Head, Phase};
use crate::server::stats::Count;

impl<P: Poller> EventLoop<P> {
    /// A connection was accepted. It is counted for its peer's address, unless a proxy is to name the client first.
    pub(super) fn meet_peer(&mut self, slot: u32, peer: Peer) {
        if !trusts(&self.core.config, peer) {
            return self.count_early(slot);
        }
        let flags = &mut self.core.sessions[slot].flags;
        flags.set(Flags::TRUSTED);
        if self.core.config.proxy_protocol == ProxyProtocol::Required {
            flags.set(Flags::PROXY_HEADER);
        }
    }

    /// Bytes of a PROXY header, and perhaps of the request behind it.
    pub(super) fn on_proxy_header_bytes(&mut self, slot: u32, input: &mut [u8]) {
        let mut kept = self.core.sessions[slot].rare.as_mut().and_then(|rare| rare.head.take());
        let bytes = match kept.as_mut() {
            None => &mut *input,
            Some(head) => {
                head.bytes.extend_from_slice(input);
                head.bytes.as_mut_slice()
            }
        };
        match ProxyHeader::parse(bytes) {
            Ok(Some((header, len))) => {
                self.core.sessions[slot].shrink();
                self.meet_proxied(slot, header);
                if let Some((_, request @ [_, ..])) = bytes.split_at_mut_checked(len)
                    && self.core.sessions[slot].phase == Phase::Handshake
                {
                    self.on_handshake_bytes(slot, request);
                }
            }
            Ok(None) => {
                let head = kept.unwrap_or_else(|| Box::new(Head { bytes: input.to_vec(), ..Head::default() }));
                self.core.sessions[slot].rare().head = Some(head);
            }
            Err(error) => {
                let peer = self.core.sessions.peer(slot);
                log_limited!(
                    self.core,
                    ProxyHeader,
                    "{peer}: dropped: {error}: by --proxy-protocol (in code, Config::proxy_protocol) this proxy puts one \
                     before each connection"
                );
                self.kill(slot);
            }
        }
    }

    /// A PROXY header has said whose the connection is.
    fn meet_proxied(&mut self, slot: u32, header: ProxyHeader) {
        let flags = &mut self.core.sessions[slot].flags;
        // Wherever the client is, it has not connected to us.
        flags.clear(Flags::PROXY_HEADER);
        flags.clear(Flags::LOCAL);
        // The bytes behind the header are the client's: it is believed about others only if it is a proxy itself.
        flags.clear(Flags::TRUSTED);
        if let ProxyHeader::Client(address) = header {
            let client = Peer::Tcp(address);
            self.core.sessions.set_peer(slot, client);
            if trusts(&self.core.config, client) {
                return self.core.sessions[slot].flags.set(Flags::TRUSTED);
            }
        }
        self.count_early(slot);
    }

    /// Learns from a request whose it is, if a trusted proxy has sent it. Whether that address has room for it; if not,
    /// the request is answered.
    pub(super) fn meet_client(&mut self, slot: u32, request: &Request<'_>) -> bool {
        if self.via(slot) == Via::Direct {
            return true;
        }
        let config = &self.core.config;
        if let Some(client) = forwarded_client(request, |address| trusts(config, Peer::Tcp((address, 0).into()))) {
            self.core.sessions.set_peer(slot, Peer::Tcp(SocketAddr::new(client, 0)));
        }
        let has_room = self.count(slot);
        if !has_room {
            self.respond(slot, &too_many(), Body::answering(request.method()));
        }
        has_room
    }

    /// How the connection's requests come here.
    pub(super) fn via(&self, slot: u32) -> Via {
        if self.core.sessions[slot].flags.has(Flags::TRUSTED) { Via::TrustedProxy } else { Via::Direct }
    }

    /// Counts a connection whose request is yet to come; if its address has no room for it, that will be the answer.
    fn count_early(&mut self, slot: u32) {
        if self.core.sessions[slot].flags.has(Flags::TURNED_AWAY) || self.count(slot) {
            return;
        }
        if self.accepting.turned_away >= TURNED_AWAY {
            return self.kill(slot);
        }
        self.core.sessions[slot].flags.set(Flags::TURNED_AWAY);
        self.look_for(slot);
        self.accepting.turned_away += 1;
    }

    fn count(&mut self, slot: u32) -> bool {
        let client = self.core.sessions.peer(slot);
        let has_room = self.addresses.count(slot, client);
        if !has_room {
            self.core.stats.add(Count::RefusedAddress);
            log_limited!(
                self.core,
                Address,
                "{client}: refused with 429: its address has as many connections as --max-per-address {} allows (in code, \
                 Config::max_connections_per_address)",
                self.core.config.max_connections_per_address
            );
        }
        has_room
    }
}

/// The answer to a client whose address has too many connections (RFC 6585 §4).
pub(super) fn too_many() -> Response {
    Response::text(429, "your address has too many connections; close one, or try again later\n")
        .header("Retry-After", "10")
}

/// Whether a peer may speak for others.
fn trusts(config: &Config, peer: Peer) -> bool {
    config.trusted_proxies.iter().any(|range| match peer.ip() {
        Some(address) => range.contains(address),
        None => range.is_unix(),
    })
}
