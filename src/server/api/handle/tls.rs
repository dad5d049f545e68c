//! New certificates for a running server.

use super::{Command, Handle};
use crate::server::transport::tls::Tls;

impl Handle {
    /// Gives every door that speaks TLS this one in place of its own: connections that are accepted from now on get it,
    /// and those that are there stay as they are. [`Tls::read_again`] reads files that have changed.
    ///
    /// It is never refused. Of several that wait for the server, the last one counts; a server that has stopped takes
    /// none.
    ///
    /// ```no_run
    /// use sockhop::{Handle, Tls, TlsError, TlsFiles};
    ///
    /// fn renew(handle: &Handle, tls: &mut Tls, files: &TlsFiles) -> Result<(), TlsError> {
    ///     *tls = tls.read_again(files)?; // after an error, the server goes on with the old certificates
    ///     handle.set_tls(tls.clone());
    ///     Ok(())
    /// }
    /// ```
    #[cfg(feature = "tls")]
    pub fn set_tls(&self, tls: Tls) {
        self.put_tls(tls);
    }

    /// The same, in every build.
    #[cfg_attr(not(any(feature = "tls", feature = "cli")), allow(dead_code))]
    pub(crate) fn put_tls(&self, tls: Tls) {
        let mut queue = self.shared.lock();
        if queue.stopped {
            return;
        }
        let older = queue.commands.iter().position(|command| matches!(command, Command::SetTls(_)));
        let older = older.and_then(|at| queue.commands.remove(at));
        queue.commands.push_back(Command::SetTls(tls));
        drop(queue);
        // Not under the lock: what an application has put into it may have a use for its handle.
        drop(older);
        self.shared.wake();
    }
}
