//! How far the delivery of some posts has come, when it takes more than one turn.

/// A post, by its number in the log, that one connection is to get.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Delivery {
    pub slot: u32,
    pub post: u32,
}

#[derive(Default)]
pub(crate) struct Progress {
    /// The deliveries that have been listed, by slot, and for each slot by post.
    list: Vec<Delivery>,
    /// How many of them have been made.
    made: usize,
    /// The posts in the list: from this one on, and before this one. None before the first has yet to be delivered, and
    /// none of the others has been listed.
    first: u32,
    end: u32,
    /// Each member gets all posts: there is one delivery for each slot.
    pub is_whole: bool,
}

impl Progress {
    /// The posts from this one on have yet to be listed.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// The post from which on a connection has got none, if it gets any.
    pub fn undelivered(&self, slot: u32) -> u32 {
        match self.rest().first() {
            Some(next) if next.slot <= slot => self.first,
            _ => self.end,
        }
    }

    /// The listed deliveries that have not been made.
    pub fn rest(&self) -> &[Delivery] {
        self.list.get(self.made..).unwrap_or_default()
    }

    /// Notes that the next deliveries have been made.
    pub fn advance(&mut self, deliveries: usize) {
        self.made += deliveries;
    }

    /// Takes the next list, of the posts from `end()` on to this one. The last list has been delivered.
    pub fn begin(&mut self, mut list: Vec<Delivery>, end: u32) {
        // One number is compared in fewer instructions than two fields.
        list.sort_unstable_by_key(|delivery| u64::from(delivery.slot) << 32 | u64::from(delivery.post));
        (self.list, self.made, self.first, self.end) = (list, 0, self.end, end);
    }

    /// The emptied list, for the next one.
    pub fn take_list(&mut self) -> Vec<Delivery> {
        let mut list = std::mem::take(&mut self.list);
        (self.made, self.first) = (0, self.end);
        list.clear();
        list
    }
}
