//! Whether there is room for a new client, as other threads see it, and as the answer to a plain request does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

#[derive(Default)]
pub(crate) struct Full {
    server: AtomicBool,
    /// While a plain request is answered: the thread that does so, and whether a new client would be refused at its door.
    asked: Mutex<Option<(ThreadId, bool)>>,
}

impl Full {
    pub fn set(&self, full: bool) {
        self.server.store(full, Ordering::Relaxed);
    }

    /// A plain request is about to be answered on this thread, at a door where a new client would be refused or not.
    pub fn begin_answer(&self, full: bool) {
        *self.asked() = Some((thread::current().id(), full));
    }

    pub fn end_answer(&self) {
        *self.asked() = None;
    }

    pub fn get(&self) -> bool {
        let asked = self.asked().filter(|(thread, _)| *thread == thread::current().id());
        asked.map_or_else(|| self.server.load(Ordering::Relaxed), |(_, full)| full)
    }

    fn asked(&self) -> MutexGuard<'_, Option<(ThreadId, bool)>> {
        // Nothing can panic while it is held, so a poisoned lock guards a sound value.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
