//! Reads the files of a running server again: pages, tokens, certificates. All of them are checked before anything
//! changes, so that one bad file changes nothing.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::hub::tokens::{Sources, Tokens};
use super::tls::{TlsPlan, flag, warnings};
use crate::apps::hub::Hub;
use crate::apps::{HUB_MOUNT, NewFiles, Site};
use crate::{Context, Handle, Rejected, Tls, TlsError};

/// The time from the first try to the second where a key does not fit its certificate: certbot swaps two links, and the
/// signal may come between.
const SECOND_TRY: Duration = Duration::from_secs(1);
/// The time between two looks at the ends of certificates.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The time that the server has to take the new certificates before the log says that they are in use.
const TAKING: Duration = Duration::from_secs(5);

/// The files that are read again.
#[derive(Debug, Default)]
pub(super) struct Reload {
    pub site: Option<Site>,
    /// The tokens of the hub, if some are in files.
    pub tokens: Option<Sources>,
    /// The files of TLS, and what has been read from them.
    pub tls: Option<(TlsPlan, Tls)>,
}

/// Files that have been read, and are not in use yet.
struct Fresh {
    site: Option<NewFiles>,
    tokens: Option<Tokens>,
    tls: Option<Tls>,
}

/// Why nothing changes.
enum Failed {
    /// A key and its certificate do not belong together, perhaps because only one of the two is new so far.
    Mismatch(String),
    Other(String),
}

impl Reload {
    /// Whether there is no file to read again.
    pub(super) fn is_empty(&self) -> bool {
        self.site.is_none() && self.tokens.is_none() && self.tls.is_none()
    }

    /// Starts a thread that reads the files each time it is told to, so that the event loop never waits for a disk. It
    /// also warns once a day of certificates that end. The returned function tells it.
    pub(super) fn start(mut self, handle: Handle) -> io::Result<impl Fn()> {
        let is_due = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_due);
        let thread = thread::Builder::new().spawn(move || {
            let wait = |span| Some(wait(&told, span));
            serve(wait, |task| match task {
                Task::Look => {
                    self.warn_of_ends();
                    Ok(())
                }
                Task::Read => self.reload(&handle),
            });
        })?;
        Ok(move || {
            is_due.store(true, Ordering::Release);
            thread.thread().unpark();
        })
    }

    fn reload(&mut self, handle: &Handle) -> Result<(), Failed> {
        let fresh = self.read()?;
        self.put(fresh, handle).map_err(Failed::Other)?;
        self.warn();
        Ok(())
    }

    /// Reads everything, and changes nothing.
    fn read(&self) -> Result<Fresh, Failed> {
        let site = self.site.as_ref().map(|site| site.read_again().map_err(|error| format!("--page: {error}")));
        let tokens = self.tokens.as_ref().map(Sources::read);
        Ok(Fresh {
            site: site.transpose().map_err(Failed::Other)?,
            tokens: tokens.transpose().map_err(Failed::Other)?,
            // Last, so that an error elsewhere is not told as late as one here may be.
            tls: self.tls.as_ref().map(|(plan, tls)| read_tls(plan, tls)).transpose()?,
        })
    }

    /// Puts everything into use.
    fn put(&mut self, fresh: Fresh, handle: &Handle) -> Result<(), String> {
        // First, since these alone may be refused.
        if let Some(tokens) = fresh.tokens {
            put_tokens(tokens, handle)?;
        }
        if let (Some(site), Some(files)) = (&self.site, fresh.site) {
            site.put(files);
            ::log::info!("{}: {} files read", site.root().display(), site.len());
        }
        if let (Some((_, tls)), Some(fresh)) = (&mut self.tls, fresh.tls) {
            handle.put_tls(fresh.clone());
            // The server takes the certificates before it accepts another connection.
            handle.wait_for_room(TAKING);
            for certificate in fresh.certificates() {
                ::log::info!("{} ({}) is in use now", certificate.path.display(), certificate.subject);
            }
            *tls = fresh;
        }
        Ok(())
    }

    /// Warns of keys that others can read, and of certificates that end.
    pub(super) fn warn(&self) {
        if let Some((plan, _)) = &self.tls {
            warnings::of_keys(&plan.files).iter().for_each(|text| ::log::warn!("{text}"));
        }
        self.warn_of_ends();
    }

    fn warn_of_ends(&self) {
        if let Some((_, tls)) = &self.tls {
            warnings::of_ends(tls.certificates(), jiff::Timestamp::now())
                .iter()
                .for_each(|text| ::log::warn!("{text}"));
        }
    }
}

fn read_tls(plan: &TlsPlan, tls: &Tls) -> Result<Tls, Failed> {
    tls.read_again(&plan.files).map_err(|error| {
        let text = format!("{}: {error}", flag(&plan.files, &error));
        match error {
            TlsError::OtherKey(..) | TlsError::WrongOrder(..) => Failed::Mismatch(text),
            _ => Failed::Other(text),
        }
    })
}

/// Gives the hub its tokens anew.
fn put_tokens(tokens: Tokens, handle: &Handle) -> Result<(), String> {
    let set = move |hub: &mut Hub, _: &mut Context<'_>| {
        let (publish, subscribe) = (tokens.publish.len(), tokens.subscribe.len());
        hub.set_tokens(tokens.publish, tokens.subscribe);
        ::log::info!("{publish} tokens to publish and {subscribe} to subscribe are in use now");
    };
    match handle.call(HUB_MOUNT, set) {
        // The server is at its end, and takes no clients.
        Ok(()) | Err(Rejected::Stopped(())) => Ok(()),
        Err(error) => Err(format!("{error}; send SIGHUP again")),
    }
}

/// The end of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wake {
    Told,
    Timeout,
}

/// Waits until the thread is told, or the time is over. What it is told while it reads files counts for the next time.
fn wait(told: &AtomicBool, span: Duration) -> Wake {
    let end = Instant::now() + span;
    loop {
        if told.swap(false, Ordering::AcqRel) {
            return Wake::Told;
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Wake::Timeout;
        }
        thread::park_timeout(left);
    }
}

/// The work of the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    /// Read the files and put them into use.
    Read,
    /// Look at the ends of the certificates.
    Look,
}

/// Has the files read whenever the thread is told, a second time where a key does not fit, and the certificates looked
/// at once a day; until `wait` has nothing more to wait for.
fn serve(mut wait: impl FnMut(Duration) -> Option<Wake>, mut work: impl FnMut(Task) -> Result<(), Failed>) {
    let mut look = Instant::now() + DAY;
    // The time of the second try, where the first one has found a key that does not fit.
    let mut second_try: Option<Instant> = None;
    while let Some(wake) = wait(second_try.unwrap_or(look).saturating_duration_since(Instant::now())) {
        let task = match (wake, second_try) {
            (Wake::Timeout, None) => Task::Look,
            _ => Task::Read,
        };
        if task == Task::Look {
            look = Instant::now() + DAY;
        }
        let is_last = wake == Wake::Timeout;
        second_try = match work(task) {
            Ok(()) => None,
            Err(Failed::Mismatch(_)) if !is_last => second_try.or(Some(Instant::now() + SECOND_TRY)),
            Err(Failed::Mismatch(error) | Failed::Other(error)) => {
                ::log::error!("SIGHUP: pages, tokens and certificates stay as they were: {error}");
                None
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Task::{Look, Read};
    use Wake::{Timeout, Told};

    /// The tasks of the thread, each with the length of the wait before it, for these ends of waits and outcomes.
    fn tasks(script: Vec<(Wake, Result<(), Failed>)>) -> Vec<(u64, Task)> {
        let (wakes, outcomes): (Vec<_>, Vec<_>) = script.into_iter().unzip();
        let (mut wakes, mut outcomes) = (wakes.into_iter(), outcomes.into_iter());
        let (mut spans, mut tasks) = (Vec::new(), Vec::new());
        let wait = |span: Duration| {
            // Nobody waits in this test, so the clock hardly moves.
            spans.push(span.as_secs_f64().round() as u64);
            wakes.next()
        };
        serve(wait, |task| {
            tasks.push(task);
            outcomes.next().unwrap()
        });
        spans.into_iter().zip(tasks).collect()
    }

    fn mismatch() -> Result<(), Failed> {
        Err(Failed::Mismatch("the key does not fit".into()))
    }

    #[test]
    fn a_key_that_does_not_fit_is_read_a_second_time_after_a_second() {
        let day = DAY.as_secs();
        let fits = tasks(vec![(Told, mismatch()), (Timeout, Ok(())), (Timeout, Ok(()))]);
        assert_eq!(fits, [(day, Read), (1, Read), (day, Look)]);
        // After the second time only a signal leads to another one.
        let does_not = tasks(vec![(Told, mismatch()), (Timeout, mismatch()), (Timeout, Ok(())), (Told, mismatch())]);
        assert_eq!(does_not, [(day, Read), (1, Read), (day, Look), (day, Read)]);
        // A signal between the two is one more try, and delays nothing.
        let between = tasks(vec![(Told, mismatch()), (Told, mismatch()), (Timeout, mismatch()), (Timeout, Ok(()))]);
        assert_eq!(between, [(day, Read), (1, Read), (1, Read), (day, Look)]);
        let other = tasks(vec![(Told, Err(Failed::Other("no file".into()))), (Timeout, Ok(()))]);
        assert_eq!(other, [(day, Read), (day, Look)], "any other error is none that time would mend");
    }

    #[test]
    fn a_wait_ends_with_its_time_or_when_the_thread_is_told() {
        let told = AtomicBool::new(false);
        assert_eq!(wait(&told, Duration::ZERO), Timeout);
        assert_eq!(wait(&told, Duration::from_millis(1)), Timeout);
        told.store(true, Ordering::Release);
        assert_eq!(wait(&told, Duration::ZERO), Told);
        assert_eq!(wait(&told, Duration::ZERO), Timeout, "it is told once");
        thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&told, DAY));
            told.store(true, Ordering::Release);
            waiting.thread().unpark();
            assert_eq!(waiting.join().unwrap(), Told);
        });
    }
}
