//! How many connections each client address has, where that is limited: otherwise nothing is kept here.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use super::handler::Peer;

pub(crate) struct Addresses {
    /// Zero: any number.
    limit: usize,
    /// No address has none.
    counts: HashMap<IpAddr, usize>,
    /// By slot.
    slots: Vec<Standing>,
}

/// What the connection in a slot is to its address.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Standing {
    Uncounted,
    Counted(IpAddr),
    /// There were enough already.
    TurnedAway,
}

impl Addresses {
    pub fn new(limit: usize) -> Self {
        Addresses { limit, counts: HashMap::new(), slots: Vec::new() }
    }

    /// Counts a connection for its client's address, until it is released. Whether there was room for it; there is for
    /// everyone without an address.
    pub fn count(&mut self, slot: u32, client: Peer) -> bool {
        let Some(address) = client.ip().filter(|_| self.limit > 0) else { return true };
        let address = network(address);
        debug_assert!(!matches!(self.slots.get(slot as usize), Some(Standing::Counted(_))), "counted twice");
        let count = self.counts.entry(address).or_default();
        let has_room = *count < self.limit;
        *count += usize::from(has_room);
        self.set(slot, if has_room { Standing::Counted(address) } else { Standing::TurnedAway });
        has_room
    }

    /// Whether there was no room for a connection.
    pub fn has_turned_away(&self, slot: u32) -> bool {
        self.slots.get(slot as usize) == Some(&Standing::TurnedAway)
    }

    /// Forgets a connection, whether it was counted or not.
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

    /// Connections that are counted, and entries that the count takes.
    #[cfg(any(test, fuzzing))]
    pub fn totals(&self) -> (usize, usize) {
        (self.counts.values().sum(), self.counts.capacity() + self.slots.capacity())
    }

    fn set(&mut self, slot: u32, standing: Standing) {
        let at = slot as usize;
        if self.slots.len() <= at {
            self.slots.resize(at + 1, Standing::Uncounted);
        }
        self.slots[at] = standing;
    }
}

/// What counts as one address. A subscriber is given a /64 of IPv6 addresses at least (RFC 6177 §2), and may use all.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        v4 => v4,
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
        let mut addresses = Addresses::new(2);
        let ann = peer("192.0.2.1");
        assert!(addresses.count(0, ann) && addresses.count(1, ann));
        assert!(!addresses.count(2, ann) && !addresses.count(3, ann));
        assert!(addresses.has_turned_away(2) && !addresses.has_turned_away(1) && !addresses.has_turned_away(9));
        assert!(addresses.count(4, peer("192.0.2.2")), "another's");
        // Who was turned away leaves no room, and nobody leaves twice.
        for slot in [2, 3, 2, 7] {
            addresses.release(slot);
        }
        assert!(!addresses.has_turned_away(2));
        assert!(!addresses.count(2, ann));
        addresses.release(0);
        addresses.release(0);
        assert!(addresses.count(0, ann) && !addresses.count(5, ann));
        assert_eq!(addresses.totals().0, 3);
        (0..6).for_each(|slot| addresses.release(slot));
        assert_eq!((addresses.totals().0, addresses.counts.len()), (0, 0));
    }

    #[test]
    fn one_ipv6_network_is_one_address_and_so_are_both_forms_of_ipv4() {
        let cases = [
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", false),
            ("2001:db8::1", "2001:db8:0:1::1", true),
            ("192.0.2.1", "::ffff:192.0.2.1", false),
            ("192.0.2.1", "::ffff:192.0.2.2", true),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1", false),
        ];
        for (first, second, has_room) in cases {
            let mut addresses = Addresses::new(1);
            assert!(addresses.count(0, peer(first)));
            assert_eq!(addresses.count(1, peer(second)), has_room, "{first} and {second}");
        }
    }

    #[test]
    fn nothing_is_kept_where_there_is_no_limit_or_no_address() {
        let mut addresses = Addresses::new(0);
        assert!((0..1000).all(|slot| addresses.count(slot, peer("192.0.2.1"))));
        assert_eq!(addresses.totals(), (0, 0));
        let mut addresses = Addresses::new(1);
        assert!((0..1000).all(|slot| addresses.count(slot, Peer::Unix)));
        assert_eq!(addresses.totals(), (0, 0));
    }
}
