//! The number of connections of each client address, where it is limited. Otherwise nothing is kept here.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::server::types::id::Peer;

pub(crate) struct Addresses {
    /// `None`: any number.
    limit: Option<usize>,
    /// Addresses with at least one connection.
    counts: HashMap<IpAddr, usize>,
    /// By slot.
    slots: Vec<Standing>,
    /// Proxies' own addresses, by slot, where the table has the address of a client that a proxy has named.
    proxies: HashMap<u32, Peer>,
}

/// Whether the connection in a slot counts for an address.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Standing {
    Uncounted,
    Counted(IpAddr),
}

impl Addresses {
    pub fn new(limit: Option<usize>) -> Self {
        Addresses { limit, counts: HashMap::new(), slots: Vec::new(), proxies: HashMap::new() }
    }

    /// Counts a connection for its client's address, until it is released. Returns whether the address had room for it; a
    /// client without an address always has.
    pub fn count(&mut self, slot: u32, client: Peer) -> bool {
        let (Some(limit), Some(address)) = (self.limit, client.ip()) else { return true };
        let address = network(address);
        self.release(slot);
        let count = self.counts.entry(address).or_default();
        if *count >= limit {
            if *count == 0 {
                self.counts.remove(&address);
            }
            return false;
        }
        *count += 1;
        let at = slot as usize;
        if self.slots.len() <= at {
            self.slots.resize(at + 1, Standing::Uncounted);
        }
        self.slots[at] = Standing::Counted(address);
        true
    }

    /// The own address of a connection's proxy, given the peer as it is shown now. It is remembered, since the connection
    /// is then shown as the client that the proxy names.
    pub fn proxy(&mut self, slot: u32, shown: Peer) -> Peer {
        *self.proxies.entry(slot).or_insert(shown)
    }

    /// A connection carries no further request, so that its proxy's address is not needed any more.
    pub fn forget_proxy(&mut self, slot: u32) {
        if !self.proxies.is_empty() {
            self.proxies.remove(&slot);
        }
    }

    /// Forgets everything about a connection that ends.
    pub fn forget(&mut self, slot: u32) {
        self.release(slot);
        self.forget_proxy(slot);
    }

    /// Forgets that a connection counts, whether it did or not.
    pub fn release(&mut self, slot: u32) {
        let Some(standing) = self.slots.get_mut(slot as usize) else { return };
        if let Standing::Counted(address) = std::mem::replace(standing, Standing::Uncounted)
            && let Some(count) = self.counts.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&address);
            }
        }
    }

    /// Connections that count, and entries that the count takes.
    #[cfg(any(test, fuzzing))]
    pub fn totals(&self) -> (usize, usize) {
        (self.counts.values().sum(), self.counts.capacity() + self.slots.capacity() + self.proxies.len())
    }
}

/// The network that counts as one address. A subscriber is given a /64 of IPv6 addresses at least (RFC 6177 §2), and may
/// use all of them. Other clients share a /64: those in a private or link-local network, and those behind a translator,
/// which puts their IPv4 addresses into its own (RFC 6052 §2.1, RFC 3056 §2).
fn network(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address.to_canonical() else { return address.to_canonical() };
    let v4 = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)));
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => v4(high, low),
        // RFC 8215: a translator of one's own.
        [0x64, 0xff9b, 1, ..] => IpAddr::V6(v6),
        _ if v6.is_unique_local() || v6.is_unicast_link_local() => IpAddr::V6(v6),
        _ => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::Tcp((address.parse::<IpAddr>().expect(address), 0).into())
    }

    #[test]
    fn an_address_has_room_until_as_many_are_released_as_are_too_many() {
        let mut addresses = Addresses::new(Some(2));
        let ann = peer("192.0.2.1");
        assert!(addresses.count(0, ann) && addresses.count(1, ann));
        assert!(!addresses.count(2, ann) && !addresses.count(3, ann));
        assert!(addresses.count(4, peer("192.0.2.2")), "another's");
        // A connection that did not count leaves no room, and none leaves twice.
        for slot in [2, 3, 2, 7] {
            addresses.release(slot);
        }
        assert!(!addresses.count(2, ann));
        addresses.release(0);
        addresses.release(0);
        assert!(addresses.count(0, ann) && !addresses.count(5, ann));
        assert_eq!(addresses.totals().0, 3);
        (0..6).for_each(|slot| addresses.release(slot));
        assert_eq!((addresses.totals().0, addresses.counts.len()), (0, 0));
    }

    #[test]
    fn one_ipv6_network_is_one_address_and_so_are_all_forms_of_an_ipv4_address() {
        let cases = [
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", false),
            ("2001:db8::1", "2001:db8:0:1::1", true),
            ("192.0.2.1", "::ffff:192.0.2.1", false),
            ("192.0.2.1", "::ffff:192.0.2.2", true),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1", false),
            ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2", true),
            ("64:ff9b::192.0.2.1", "192.0.2.1", false),
            ("64:ff9b:1::1", "64:ff9b:1::2", true),
            ("2002:c000:201:1::1", "2002:c000:201:2::1", false),
            ("2002:c000:201:1::1", "2002:c000:202:1::1", true),
            ("fd00::1", "fd00::2", true),
            ("fe80::1", "fe80::2", true),
            ("fe80::1", "fe80::1", false),
        ];
        for (first, second, has_room) in cases {
            let mut addresses = Addresses::new(Some(1));
            assert!(addresses.count(0, peer(first)));
            assert_eq!(addresses.count(1, peer(second)), has_room, "{first} and {second}");
        }
    }

    #[test]
    fn nothing_is_kept_where_there_is_no_limit_or_no_address() {
        let mut addresses = Addresses::new(None);
        assert!((0..1000).all(|slot| addresses.count(slot, peer("192.0.2.1"))));
        assert_eq!(addresses.totals(), (0, 0));
        let mut addresses = Addresses::new(Some(1));
        assert!((0..1000).all(|slot| addresses.count(slot, Peer::Unix)));
        assert_eq!(addresses.totals(), (0, 0));
    }

    #[test]
    fn a_connection_that_is_counted_again_counts_for_its_new_client_alone() {
        let mut addresses = Addresses::new(Some(1));
        assert!(addresses.count(0, peer("192.0.2.1")) && addresses.count(0, peer("192.0.2.2")));
        assert!(addresses.count(1, peer("192.0.2.1")), "the first client has room again");
        assert!(addresses.count(0, peer("192.0.2.2")), "the same client, again");
        assert_eq!(addresses.totals().0, 2);
    }
}
