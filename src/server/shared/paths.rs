//! The paths of the connections. Each is stored once, however many connections share it.

use std::collections::HashMap;
use std::rc::Rc;

use slab::Slab;

/// The key of no path.
pub(super) const NO_PATH: u32 = u32::MAX;

#[derive(Default)]
pub(super) struct Paths {
    keys: HashMap<Rc<str>, u32>,
    paths: Slab<(Rc<str>, u32)>,
}

impl Paths {
    pub fn get(&self, key: u32) -> &str {
        self.paths.get(key as usize).map_or("", |(path, _)| path)
    }

    pub fn acquire(&mut self, path: &str) -> u32 {
        if let Some(&key) = self.keys.get(path) {
            self.paths[key as usize].1 += 1;
            return key;
        }
        let path: Rc<str> = path.into();
        let key = self.paths.insert((Rc::clone(&path), 1)) as u32;
        self.keys.insert(path, key);
        key
    }

    pub fn release(&mut self, key: u32) {
        let Some((path, users)) = self.paths.get_mut(key as usize) else { return };
        *users -= 1;
        if *users == 0 {
            self.keys.remove(path);
            self.paths.remove(key as usize);
        }
    }

    /// The name, shared with the path if that is the same.
    pub fn share(&self, key: u32, name: &str) -> Rc<str> {
        let path = self.paths.get(key as usize).filter(|(path, _)| **path == *name);
        path.map_or_else(|| name.into(), |(path, _)| Rc::clone(path))
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        assert_eq!(self.paths.len(), self.keys.len());
        self.paths.len()
    }

    /// Heap bytes, by capacity, without the paths themselves.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        let keys = super::topics::map_bytes(self.keys.capacity(), size_of::<(Rc<str>, u32)>());
        keys + self.paths.capacity() * size_of::<Option<(Rc<str>, u32)>>()
    }
}
