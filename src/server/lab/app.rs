//! A handler that records its callbacks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::http::{Request, Response};
use crate::protocol::Message;
use crate::server::{Accept, Answer, CloseReason, ConnectionError, ConnectionId, Context, Handler, TimerId};

/// A callback of a handler.
pub(crate) enum Call<'a> {
    Open,
    Message(Message<'a>),
    Drained,
    Timer(TimerId),
    Error,
    Close,
}

type Hook = Box<dyn FnMut(&mut Context<'_>, Call<'_>) + Send>;
type AdmitHook = Box<dyn FnMut(&mut Context<'_>, &Request<'_>) -> Result<usize, Response> + Send>;
type AnswerHook = Box<dyn FnMut(&mut Context<'_>, &Request<'_>, &[u8]) -> Answer + Send>;
type AcceptHook = Box<dyn FnMut(&mut Context<'_>, &Request<'_>) -> Accept + Send>;

/// A handler that keeps a record and leaves the rest to closures.
pub(crate) struct App {
    hook: Hook,
    accept: AcceptHook,
    admit: AdmitHook,
    answer: Option<AnswerHook>,
    pub record: Arc<Mutex<Record>>,
}

/// The callbacks that were called, as lines such as `open #0.0`.
#[derive(Default)]
pub(crate) struct Record {
    pub lines: Vec<String>,
    pub ids: Vec<ConnectionId>,
    pub open: HashMap<ConnectionId, bool>,
    pub faults: Vec<String>,
}

impl App {
    pub fn new(hook: impl FnMut(&mut Context<'_>, Call<'_>) + Send + 'static) -> Self {
        App {
            hook: Box::new(hook),
            accept: Box::new(|_, _| Accept::yes()),
            admit: Box::new(|ctx, _| Ok(ctx.max_body())),
            answer: None,
            record: Arc::default(),
        }
    }

    /// Decides about opening handshakes.
    pub fn accepting(mut self, hook: impl FnMut(&mut Context<'_>, &Request<'_>) -> Accept + Send + 'static) -> Self {
        self.accept = Box::new(hook);
        self
    }

    /// Admits plain requests, before their bodies are read.
    pub fn admitting(
        mut self,
        hook: impl FnMut(&mut Context<'_>, &Request<'_>) -> Result<usize, Response> + Send + 'static,
    ) -> Self {
        self.admit = Box::new(hook);
        self
    }

    /// Answers plain requests.
    pub fn answering(
        mut self,
        hook: impl FnMut(&mut Context<'_>, &Request<'_>, &[u8]) -> Answer + Send + 'static,
    ) -> Self {
        self.answer = Some(Box::new(hook));
        self
    }

    /// Sends every message back.
    pub fn echo() -> Self {
        Self::new(|ctx, call| {
            if let Call::Message(message) = call {
                ctx.send(message);
            }
        })
    }

    /// Sends every message to all.
    pub fn broadcast() -> Self {
        Self::new(|ctx, call| {
            if let Call::Message(message) = call {
                ctx.broadcast(message);
            }
        })
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a callback on a connection that has to be open, unless it is a timer's.
    fn note(&self, what: &str, id: ConnectionId) {
        let mut record = self.record();
        record.lines.push(format!("{what} {id}"));
        if record.open.get(&id) != Some(&true) && !what.starts_with("timer") {
            record.faults.push(format!("{what} {id}, which is not open"));
        }
    }
}

impl Handler for App {
    fn accept(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Accept {
        (self.accept)(ctx, request)
    }

    fn open(&mut self, ctx: &mut Context<'_>) {
        let id = ctx.id();
        let mut record = self.record();
        record.ids.push(id);
        if record.open.insert(id, true).is_some() {
            record.faults.push(format!("a second open {id}"));
        }
        drop(record);
        self.note("open", id);
        (self.hook)(ctx, Call::Open);
    }

    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        self.note("message", ctx.id());
        (self.hook)(ctx, Call::Message(message));
    }

    fn admit(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Result<usize, Response> {
        (self.admit)(ctx, request)
    }

    fn request(&mut self, ctx: &mut Context<'_>, request: &Request<'_>, body: &[u8]) -> Answer {
        match &mut self.answer {
            Some(answer) => answer(ctx, request, body),
            None => Answer::Now(crate::http::upgrade_required(request)),
        }
    }

    fn drained(&mut self, ctx: &mut Context<'_>) {
        self.note("drained", ctx.id());
        (self.hook)(ctx, Call::Drained);
    }

    fn timer(&mut self, ctx: &mut Context<'_>, timer: TimerId) {
        self.note("timer", ctx.id());
        (self.hook)(ctx, Call::Timer(timer));
    }

    fn error(&mut self, ctx: &mut Context<'_>, error: &ConnectionError) {
        self.note(&format!("error {error}"), ctx.id());
        (self.hook)(ctx, Call::Error);
    }

    fn close(&mut self, ctx: &mut Context<'_>, reason: CloseReason<'_>) {
        let id = ctx.id();
        let why = match reason {
            CloseReason::Peer(_) => "peer",
            CloseReason::Local(_) => "local",
            CloseReason::Lost => "lost",
            CloseReason::Failed(_) => "failed",
            CloseReason::Shutdown => "shutdown",
        };
        self.note(&format!("close {why} {}", reason.code().0), id);
        self.record().open.insert(id, false);
        (self.hook)(ctx, Call::Close);
    }
}
