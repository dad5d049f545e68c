//! Finds a channel that is as large as any, to an eighth, in constant time.
//!
//! Channels are numbered 0, 1, 2 and so on. They lie in classes by size, eight for each power of two, and each class is
//! a list. A channel that changes its class goes to the end of the new one, so that channels of one class take turns.

/// Ends a list.
const NONE: u32 = u32::MAX;
/// Classes of sizes, below 2^64.
const SIZES: usize = 512;
/// Classes: those of channels whose only message is the newest come before all others.
const CLASSES: usize = 2 * SIZES;

#[derive(Debug)]
pub(super) struct Largest {
    links: Vec<Link>,
    /// The first and the last channel of each class.
    ends: Box<[(u32, u32)]>,
    /// A bit for each class that has channels.
    filled: [u64; CLASSES / 64],
}

#[derive(Clone, Copy, Debug)]
struct Link {
    before: u32,
    after: u32,
    class: u16,
}

/// The class of a channel.
fn class(messages: usize, size: usize) -> u16 {
    let of_size = match size.checked_ilog2() {
        // The three bits after the first one.
        Some(log @ 3..) => (log as usize - 2) * 8 + (size >> (log - 3)) % 8,
        _ => size,
    };
    (of_size + if messages > 1 { SIZES } else { 0 }) as u16
}

impl Largest {
    pub(super) fn new() -> Self {
        let ends = vec![(NONE, NONE); CLASSES].into_boxed_slice();
        Largest { links: Vec::new(), ends, filled: [0; CLASSES / 64] }
    }

    /// Adds the channel with the next number.
    pub(super) fn push(&mut self, messages: usize, size: usize) {
        let index = self.links.len() as u32;
        self.links.push(Link { before: NONE, after: NONE, class: 0 });
        self.link(index, class(messages, size));
    }

    /// A channel has so many messages now, of this size together.
    pub(super) fn set(&mut self, index: u32, messages: usize, size: usize) {
        let class = class(messages, size);
        if self.links.get(index as usize).is_some_and(|link| link.class != class) {
            self.unlink(index);
            self.link(index, class);
        }
    }

    /// Takes a channel away. The last one gets its number.
    pub(super) fn swap_remove(&mut self, index: u32) {
        self.unlink(index);
        self.links.swap_remove(index as usize);
        let Some(moved) = self.links.get(index as usize).copied() else { return };
        self.join(moved.before, index, moved.class);
        self.join(index, moved.after, moved.class);
    }

    /// A channel of the largest class. Channels whose only message is the newest come when there are no others.
    pub(super) fn find(&self) -> Option<u32> {
        let (word, bits) = self.filled.iter().enumerate().rfind(|(_, bits)| **bits != 0)?;
        let class: usize = word * 64 + bits.ilog2() as usize;
        self.ends.get(class).map(|(first, _)| *first)
    }

    /// Gives memory of channels back that are no longer there.
    pub(super) fn shrink_to(&mut self, channels: usize) {
        self.links.shrink_to(channels);
    }

    fn unlink(&mut self, index: u32) {
        let Some(link) = self.links.get(index as usize).copied() else { return };
        self.join(link.before, link.after, link.class);
    }

    /// Puts a channel at the end of a class.
    fn link(&mut self, index: u32, class: u16) {
        let last = self.ends.get(usize::from(class)).map_or(NONE, |(_, last)| *last);
        if let Some(link) = self.links.get_mut(index as usize) {
            link.class = class;
        }
        self.join(last, index, class);
        self.join(index, NONE, class);
    }

    /// Makes two neighbours in a class. None before is its beginning, none after its end.
    fn join(&mut self, before: u32, after: u32, class: u16) {
        let class = usize::from(class);
        let Some(ends) = self.ends.get_mut(class) else { return };
        match self.links.get_mut(before as usize) {
            Some(link) => link.after = after,
            None => ends.0 = after,
        }
        match self.links.get_mut(after as usize) {
            Some(link) => link.before = before,
            None => ends.1 = before,
        }
        let (word, bit) = (class / 64, 1 << (class % 64));
        if let Some(filled) = self.filled.get_mut(word) {
            *filled = if ends.0 == NONE { *filled & !bit } else { *filled | bit };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_rise_with_sizes_and_are_an_eighth_wide() {
        let sizes =
            (0..100_000).chain((17..64).flat_map(|log| [-1i128, 0, 1].map(|by| ((1i128 << log) + by) as usize)));
        let mut lowest = (0, 0);
        for size in sizes {
            let class = class(1, size);
            assert!(class >= lowest.0, "{size}");
            if class > lowest.0 {
                lowest = (class, size);
            }
            assert!(size - lowest.1 <= lowest.1 / 8, "{size} is in the class of {}", lowest.1);
        }
        assert!(class(1, usize::MAX) < class(2, 0));
        assert!(usize::from(class(2, usize::MAX)) < CLASSES);
    }

    /// Against a list of (messages, size): numbers drawn by a fixed rule.
    #[test]
    fn finds_what_a_walk_over_all_channels_finds() {
        let mut largest = Largest::new();
        let mut all: Vec<(usize, usize)> = Vec::new();
        let mut drawn = 1u64;
        let mut draw = |below: usize| {
            drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (drawn >> 33) as usize % below
        };
        for step in 0..6000 {
            let new = (draw(3), draw(5000));
            match draw(if step % 2000 < 1000 { 3 } else { 4 }) {
                0 => {
                    largest.push(new.0, new.1);
                    all.push(new);
                }
                1 | 2 if !all.is_empty() => {
                    let at = draw(all.len());
                    largest.set(at as u32, new.0, new.1);
                    all[at] = new;
                }
                _ if !all.is_empty() => {
                    let at = draw(all.len());
                    largest.swap_remove(at as u32);
                    all.swap_remove(at);
                }
                _ => {}
            }
            let found = largest.find().map(|at| all[at as usize]);
            let class_of = |(messages, size): (usize, usize)| class(messages, size);
            assert_eq!(found.map(class_of), all.iter().copied().map(class_of).max(), "step {step}");
        }
    }

    #[test]
    fn channels_of_one_class_take_turns() {
        let mut largest = Largest::new();
        for _ in 0..3 {
            largest.push(2, 100);
        }
        let turns: Vec<_> = (0..6)
            .map(|_| {
                let found = largest.find().expect("a channel");
                largest.set(found, 2, 50);
                largest.set(found, 2, 100);
                found
            })
            .collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
    }
}
