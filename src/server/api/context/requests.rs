//! The part of a context that is about requests: what is known of them, and answers that come later.

use std::time::Duration;

use super::Context;
use crate::http::{Request, Response, Via, is_forwarded};
use crate::server::connection::entrance::Entrance;
use crate::server::connection::{Connection, Phase};
use crate::server::types::id::Deferred;
use crate::server::types::verdict::{Accept, Verdict};

impl Context<'_> {
    /// In `accept` and `request`: names this request for [`settle`](Self::settle) and [`answer`](Self::answer), and those of
    /// [`Handle`](crate::Handle).
    pub fn deferred(&self) -> Deferred {
        let served = self.slot().and_then(|slot| self.shared.table.get(slot)).map(Connection::served);
        Deferred { id: self.id, request: served.unwrap_or_default() }
    }

    /// Decides about an opening handshake that a handler has put off with [`Accept::Later`]; other threads have
    /// [`Handle::settle`](crate::Handle::settle). It takes effect in this turn of the loop, after the actions of this
    /// callback: the connection can be sent messages from its `open` on.
    ///
    /// It is no error if the handshake is decided already, or its client has left. `Accept::Later` changes nothing.
    pub fn settle(&mut self, deferred: Deferred, accept: Accept) {
        self.shared.outbox.verdicts.push(Verdict::Settle(deferred, accept));
    }

    /// Answers a plain request that a handler has put off with [`Answer::Later`](crate::Answer::Later); other threads have
    /// [`Handle::answer`](crate::Handle::answer). It takes effect in this turn of the loop, after the actions of this
    /// callback, also in the callback that puts the request off. Answers from `drained`, `error` and `close`, with which a
    /// turn ends, leave in the next turn.
    ///
    /// It is no error if the request is answered already, or its client has left.
    pub fn answer(&mut self, deferred: Deferred, response: Response) {
        self.shared.outbox.verdicts.push(Verdict::Answer(deferred, response));
    }

    /// In `accept`, `admit` and `request`: whether the web page that has made the request may connect through the door that
    /// it came through ([`Config::origins`](crate::Config::origins), [`Door::origins`](crate::Door::origins)), as an opening
    /// handshake must. True for a client that sends no Origin, since it is no web page. For answers to other pages' requests
    /// (CORS): the server itself refuses opening handshakes only. Elsewhere false.
    pub fn allows_origin(&self, request: &Request<'_>) -> bool {
        let (Some(entrance), Some(origins)) = (self.entrance(), self.slot().and_then(|slot| self.shared.origins(slot)))
        else {
            return false;
        };
        origins.check(request, entrance.via, entrance.reach()).is_ok()
    }

    /// In `accept`, `admit` and `request`: whether a proxy has passed the request on, as its headers say
    /// ([`is_forwarded`](crate::http::is_forwarded)), a PROXY header, or
    /// [`Config::trusted_proxies`](crate::Config::trusted_proxies), whose peers may always speak for others. If not,
    /// [`peer`](Self::peer) is the program at the other end, so that `!ctx.is_forwarded(request) && ctx.peer().is_local()`
    /// means one on this machine. But a proxy on this machine that adds no header and is not named a trusted one cannot be
    /// told from that.
    pub fn is_forwarded(&self, request: &Request<'_>) -> bool {
        let is_proxy = |entrance: &Entrance| entrance.is_proxied || entrance.via == Via::TrustedProxy;
        self.entrance().is_none_or(is_proxy) || is_forwarded(request)
    }

    /// How long an answer may be put off ([`Config::answer_timeout`](crate::Config::answer_timeout)).
    pub fn answer_timeout(&self) -> Duration {
        self.shared.env.config.answer_timeout
    }

    /// Whether a client still waits for the answer that a handler has put off.
    pub fn is_waiting(&self, deferred: Deferred) -> bool {
        let connection = self.shared.table.find(deferred.id).and_then(|slot| self.shared.table.get(slot));
        connection.is_some_and(|connection| match &connection.phase {
            Phase::Entrance(entrance) => entrance.served == deferred.request && entrance.is_owed_an_answer(),
            _ => false,
        })
    }

    /// Bytes that the body of a plain request may have by default ([`Config::max_body`](crate::Config::max_body)).
    pub fn max_body(&self) -> usize {
        self.shared.env.config.max_body
    }

    fn entrance(&self) -> Option<&Entrance> {
        match &self.shared.table.get(self.slot()?)?.phase {
            Phase::Entrance(entrance) => Some(entrance),
            _ => None,
        }
    }
}
