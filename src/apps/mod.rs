//! The ready-made apps, built on the crate's public root exactly as an embedder would.
//!
//! They are constants of one [`Recipe`]; [`APPS`] lists them, [`serve_all`] and [`serve_one`] put them, and a page to try
//! them with, on a server.

use std::borrow::Cow;
use std::time::Duration;

use crate::Server;
use crate::http::Response;

mod handler;
mod inspect;
mod json;
mod page;
mod recipe;
mod site;

pub use handler::RecipeHandler;
pub use inspect::INSPECT;
pub use page::Pages;
pub use recipe::{Answer, Body, On, Recipe, Reply, Stamp, To};
pub use site::Site;

/// Every message comes back, in text or binary as it came.
pub const ECHO: Recipe = Recipe {
    greet: None,
    on: On::Any,
    reply: Reply::Same,
    to: To::Sender,
    after: Duration::ZERO,
    stamp: None,
    subprotocols: Vec::new(),
};

/// A text message `ping` (not the control frame) has everyone hear `pong` a second later.
pub const PONG: Recipe = Recipe {
    greet: None,
    on: On::Text(Cow::Borrowed("ping")),
    reply: Reply::Text(Cow::Borrowed("pong")),
    to: To::All,
    after: Duration::from_secs(1),
    stamp: None,
    subprotocols: Vec::new(),
};

/// A JSON object goes to everyone, with the time of day in `time`.
pub const CHAT: Recipe = Recipe {
    greet: None,
    on: On::JsonObject,
    reply: Reply::Same,
    to: To::All,
    after: Duration::ZERO,
    stamp: Some(Stamp { key: Cow::Borrowed("time") }),
    subprotocols: Vec::new(),
};

/// Says `Hi there`, and what it has received.
pub const GREET: Recipe = Recipe {
    greet: Some(Cow::Borrowed("Hi there")),
    on: On::Any,
    reply: Reply::Template(Cow::Borrowed("Received: {message}")),
    to: To::Sender,
    after: Duration::ZERO,
    stamp: None,
    subprotocols: Vec::new(),
};

/// Every message goes to everyone else.
pub const RELAY: Recipe = Recipe {
    greet: None,
    on: On::Any,
    reply: Reply::Same,
    to: To::Others,
    after: Duration::ZERO,
    stamp: None,
    subprotocols: Vec::new(),
};

/// Every message goes to everyone, its sender included.
pub const BROADCAST: Recipe = Recipe {
    greet: None,
    on: On::Any,
    reply: Reply::Same,
    to: To::All,
    after: Duration::ZERO,
    stamp: None,
    subprotocols: Vec::new(),
};

/// A recipe with what people need to know to use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// One lower-case word: its command, and its path when all apps are served.
    pub name: &'static str,
    /// What it does, so that it goes on from the name, without a full stop.
    pub about: Cow<'static, str>,
    /// A message to try it with.
    pub example: Cow<'static, str>,
    /// The app itself.
    pub recipe: Recipe,
}

impl App {
    const fn new(name: &'static str, about: &'static str, example: &'static str, recipe: Recipe) -> Self {
        App { name, about: Cow::Borrowed(about), example: Cow::Borrowed(example), recipe }
    }
}

/// The ready-made apps.
pub static APPS: [App; 6] = [
    App::new("echo", "sends every message back to its sender", "hello", ECHO),
    App::new("pong", "sends pong to everyone, one second after the text ping (exactly that)", "ping", PONG),
    App::new(
        "chat",
        "sends JSON objects to everyone, with the time added",
        r#"{"name":"Ada","message":"hello"}"#,
        CHAT,
    ),
    App::new("greet", "says Hi there, then Received: and the message", "hello", GREET),
    App::new("relay", "sends every message to everyone else", "hello", RELAY),
    App::new("broadcast", "sends every message to everyone, its sender too", "hello", BROADCAST),
];

/// Serves each app at the path of its name, and the pages beside them.
#[must_use]
pub fn serve_all(server: Server, apps: &[App], pages: Pages) -> Server {
    let server = page::routes(health(server), pages, &page::Served::Named(apps)).not_found(nothing_here(apps));
    let mount =
        |server: Server, app: &App| server.mount(&format!("/{}", app.name), RecipeHandler::new(app.recipe.clone()));
    apps.iter().fold(server, mount)
}

/// Serves one app at every path, since a proxy may or may not have removed its prefix; plain requests get the pages.
#[must_use]
pub fn serve_one(server: Server, app: &App, pages: Pages) -> Server {
    let server = page::routes(health(server), pages, &page::Served::Everywhere(app));
    server.mount("/*", RecipeHandler::new(app.recipe.clone()))
}

/// Who looks for an app where none is hears where they are.
fn nothing_here(apps: &[App]) -> Response {
    let paths: Vec<_> = apps.iter().map(|app| format!("/{}", app.name)).collect();
    Response::text(404, format!("There is nothing at this path. The apps are at {}.\n", paths.join(", ")))
}

/// For those who watch whether the server lives (`/healthz`), and whether it takes new clients (`/readyz`).
fn health(server: Server) -> Server {
    let answer = |status, text| Response::text(status, text).header("Cache-Control", "no-cache");
    let handle = server.handle();
    let ready = move || if handle.is_stopping() { (503, "shutting down\n") } else { (200, "ok\n") };
    server.route("GET", "/healthz", move |_| answer(200, "ok\n")).route("GET", "/readyz", move |_| {
        let (status, text) = ready();
        answer(status, text)
    })
}
