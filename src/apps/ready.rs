//! The ready-made apps: recipes with a name, served all or one, with pages to try them.

use std::borrow::Cow;
use std::time::Duration;

use super::handler::RecipeHandler;
use super::hub::Hub;
use super::page::{self, Pages};
use super::recipe::{On, Recipe, Reply, Stamp, To};
use crate::Server;
use crate::http::Response;

/// Sends every message back to its sender, as text or binary as it came.
pub const ECHO: Recipe = Recipe {
    greet: None,
    on: On::Any,
    reply: Reply::Same,
    to: To::Sender,
    after: Duration::ZERO,
    stamp: None,
    subprotocols: Vec::new(),
};

/// Sends `pong` to everyone one second after each text message `ping` (the control frame is not meant).
pub const PONG: Recipe = Recipe {
    greet: None,
    on: On::Text(Cow::Borrowed("ping")),
    reply: Reply::Text(Cow::Borrowed("pong")),
    to: To::All,
    after: Duration::from_secs(1),
    stamp: None,
    subprotocols: Vec::new(),
};

/// Sends every JSON object to everyone, with the time of day in its member `time`.
pub const CHAT: Recipe = Recipe {
    greet: None,
    on: On::JsonObject,
    reply: Reply::Same,
    to: To::All,
    after: Duration::ZERO,
    stamp: Some(Stamp { key: Cow::Borrowed("time") }),
    subprotocols: Vec::new(),
};

/// Greets with `Hi there`, and answers each message with `Received: ` and the message.
pub const GREET: Recipe = Recipe {
    greet: Some(Cow::Borrowed("Hi there")),
    on: On::Any,
    reply: Reply::Template(Cow::Borrowed("Received: {message}")),
    to: To::Sender,
    after: Duration::ZERO,
    stamp: None,
    subprotocols: Vec::new(),
};

/// Sends every message to everyone else.
pub const RELAY: Recipe = Recipe {
    greet: None,
    on: On::Any,
    reply: Reply::Same,
    to: To::Others,
    after: Duration::ZERO,
    stamp: None,
    subprotocols: Vec::new(),
};

/// Sends every message to everyone, its sender included.
pub const BROADCAST: Recipe = Recipe {
    greet: None,
    on: On::Any,
    reply: Reply::Same,
    to: To::All,
    after: Duration::ZERO,
    stamp: None,
    subprotocols: Vec::new(),
};

/// A recipe with a name, a description and an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// One lower-case word. It is the app's command, and its path when all apps are served.
    pub name: &'static str,
    /// A description that continues a sentence after the name, without a full stop.
    pub about: Cow<'static, str>,
    /// A message to try the app with.
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

/// The mount of the hub that [`serve_hub`] serves, for [`Handle::call`](crate::Handle::call).
pub const HUB_MOUNT: &str = "/*";

/// Serves each app at the path of its name, and the pages.
#[must_use]
pub fn serve_all(server: Server, apps: &[App], pages: Pages) -> Server {
    let server = page::routes(health(server), pages, &page::Served::Named(apps)).not_found(nothing_here(apps));
    let mount =
        |server: Server, app: &App| server.mount(&format!("/{}", app.name), RecipeHandler::new(app.recipe.clone()));
    apps.iter().fold(server, mount)
}

/// Serves one app at every path, because a proxy may or may not have removed a prefix. Plain requests get the pages.
#[must_use]
pub fn serve_one(server: Server, app: &App, pages: Pages) -> Server {
    let server = page::routes(health(server), pages, &page::Served::Everywhere(app));
    server.mount("/*", RecipeHandler::new(app.recipe.clone()))
}

/// Serves a hub at every path, and the pages. A plain GET gets a page where there is one; all other requests go to the hub.
#[must_use]
pub fn serve_hub(server: Server, hub: Hub, pages: Pages) -> Server {
    match pages {
        Pages::Site { site, prefix } => {
            health(server).mount(HUB_MOUNT, hub.with_pages(page::beside_hub(site, &prefix)))
        }
        pages @ Pages::Playground { .. } => {
            page::routes(health(server), pages, &page::Served::Hub).mount(HUB_MOUNT, hub)
        }
    }
}

/// Answers 404 with the paths of the apps.
fn nothing_here(apps: &[App]) -> Response {
    let paths: Vec<_> = apps.iter().map(|app| format!("/{}", app.name)).collect();
    Response::text(404, format!("There is nothing at this path. The apps are at {}.\n", paths.join(", ")))
}

/// Adds the routes for health checks: `/healthz` (the server lives) and `/readyz` (it takes new clients at the door that the
/// request came through).
fn health(server: Server) -> Server {
    let answer = |status, text| Response::text(status, text).header("Cache-Control", "no-cache");
    let handle = server.handle();
    let ready = move || match (handle.is_stopping(), handle.is_full()) {
        (true, _) => (503, "shutting down\n"),
        (false, true) => (503, "there are too many connections\n"),
        (false, false) => (200, "ok\n"),
    };
    server.route("GET", "/healthz", move |_, _| answer(200, "ok\n")).route("GET", "/readyz", move |_, _| {
        let (status, text) = ready();
        answer(status, text)
    })
}
