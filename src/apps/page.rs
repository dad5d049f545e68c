//! The pages for browsers: a page to try the apps, which loads nothing from elsewhere, or a site of the user's own.

use std::cell::LazyCell;

use super::json::quoted;
use super::site::{Site, to_directory};
use super::{App, INSPECT, On, Reply, To};
use crate::Server;
use crate::http::{Representation, Request, Response};

const HTML: &str = include_str!("page/page.html");
/// The files that the page loads: path, media type, content.
const ASSETS: [(&str, &str, &str); 7] = [
    ("/page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
    ("/page.js", JAVASCRIPT, include_str!("page/page.js")),
    ("/wire.js", JAVASCRIPT, include_str!("page/wire.js")),
    ("/channels.js", JAVASCRIPT, include_str!("page/channels.js")),
    ("/relay.js", JAVASCRIPT, include_str!("page/relay.js")),
    ("/dom.js", JAVASCRIPT, include_str!("page/dom.js")),
    ("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
];
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
/// A WebSocket that reconnects, also for the user's own pages, its part for the hub, and the types: path, media type,
/// content.
const CLIENT: [(&str, &str, Text); 6] = [
    ("/client.mjs", JAVASCRIPT, || MODULE.to_owned()),
    ("/hub.mjs", JAVASCRIPT, || HUB_MODULE.to_owned()),
    ("/client.js", JAVASCRIPT, script),
    ("/client.d.mts", PLAIN, || TYPES.to_owned()),
    ("/hub.d.mts", PLAIN, || [body(TYPES), HUB_TYPES].concat()),
    ("/client.d.ts", PLAIN, || [body(TYPES), body(HUB_TYPES), CLASSIC_TYPES].concat()),
];
type Text = fn() -> String;
const MODULE: &str = include_str!("page/client.mjs");
const HUB_MODULE: &str = include_str!("page/hub.mjs");
const TYPES: &str = include_str!("page/client.d.mts");
/// They go on where those of the client end.
const HUB_TYPES: &str = include_str!("page/hub.d.mts");
const CLASSIC: &str = "globalThis.Sockhop ??= HubSockhop
if (typeof module == 'object' && module.exports) {
 module.exports = HubSockhop
 module.exports.Sockhop = HubSockhop
 module.exports.default = HubSockhop
}
}
";
const CLASSIC_TYPES: &str = "declare namespace HubSockhop { export { HubSockhop as Sockhop, HubSockhop as default } }
export = HubSockhop
export as namespace Sockhop
";
const PLAIN: &str = "text/plain; charset=utf-8";

/// The page loads files and opens WebSockets only on this server, has no inline code, and may not be framed.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The pages that are served beside the WebSockets.
#[derive(Clone, Debug)]
pub enum Pages {
    /// A page to try the apps.
    Playground {
        /// The longest message that the server takes, in bytes. The page shows what happens above it.
        max_message: usize,
    },
    /// A directory with the user's own pages.
    Site {
        /// The files in it.
        site: Site,
        /// A prefix of paths that a proxy may or may not have trimmed, as in
        /// [`Config::path_prefix`](crate::Config::path_prefix).
        prefix: String,
    },
}

/// The apps on the page, and their paths.
pub(super) enum Served<'a> {
    /// Each at the path of its name.
    Named(&'a [App]),
    /// One at every path.
    Everywhere(&'a App),
    /// The hub.
    Hub,
}

/// Adds routes for the pages and their files. For a plain GET, a route takes precedence over a mount.
pub(super) fn routes(server: Server, pages: Pages, served: &Served<'_>) -> Server {
    let client = client_files();
    match pages {
        Pages::Playground { max_message } => {
            let html = html(render(served, max_message));
            let server = server.route("GET", "/", move |request, _| page(request, &html));
            let server = ASSETS.into_iter().fold(server, |server, (path, kind, text)| {
                let asset = LazyCell::new(move || Representation::new(kind, text.as_bytes()));
                server.route("GET", path, move |request, _| asset.answer(request))
            });
            client.into_iter().fold(server, |server, (path, asset)| {
                server.route("GET", path, move |request, _| asset.answer(request))
            })
        }
        Pages::Site { site, prefix } => {
            let prefix = prefix.trim_end_matches('/').to_owned();
            server.route("GET", "/*", move |request, _| {
                let built_in = client.iter().find(|(path, _)| request.path().ends_with(path));
                site.answer(request, &prefix, built_in.map(|(path, asset)| (*path, &**asset)))
            })
        }
    }
}

/// Answers requests to a site beside a hub; `None` for those that are for the hub.
pub(super) fn beside_hub(site: Site, prefix: &str) -> impl FnMut(&Request<'_>) -> Option<Response> + Send + use<> {
    let (prefix, client) = (prefix.trim_end_matches('/').to_owned(), client_files());
    move |request| {
        let built_in = client.iter().find(|(path, _)| request.path().ends_with(path));
        site.answer_beside(request, &prefix, built_in.map(|(path, asset)| (*path, &**asset)))
    }
}

type Lazy = LazyCell<Representation, Box<dyn FnOnce() -> Representation + Send>>;

/// The paths and the files of the client, made at the first request: most servers are never opened in a browser.
fn client_files() -> [(&'static str, Lazy); 6] {
    CLIENT.map(|(path, kind, text)| {
        let make = move || Representation::new(kind, text().into_bytes());
        (path, Lazy::new(Box::new(make)))
    })
}

/// The client and its part for the hub as one script for `<script>` and `require()`, without the comments.
fn script() -> String {
    let is_code = |line: &&str| !line.trim_start().starts_with("//") && !line.starts_with("import ");
    let lines = [body(MODULE), body(HUB_MODULE)].into_iter().flat_map(str::lines).filter(is_code);
    let head = "// A WebSocket that reconnects, and hears the hub. client.mjs and hub.mjs have its comments.\n{";
    [head].into_iter().chain(lines).chain([CLASSIC]).collect::<Vec<_>>().join("\n")
}

/// The text of a module without the line that exports.
fn body(module: &str) -> &str {
    module.rsplit_once("export {").map_or(module, |(body, _)| body)
}

fn html(text: String) -> Representation {
    Representation::new("text/html; charset=utf-8", text.into_bytes())
}

fn page(request: &Request<'_>, html: &Representation) -> Response {
    // The page's links are relative. Under a path prefix without a slash at its end they would lead elsewhere.
    match request.path().rsplit_once('/') {
        Some((_, last)) if !last.is_empty() => to_directory(request),
        _ => html.answer(request).header("Content-Security-Policy", POLICY).header("Referrer-Policy", "no-referrer"),
    }
}

/// The page, with facts about the server for its script in an attribute.
fn render(served: &Served<'_>, max_message: usize) -> String {
    let apps: Vec<_> = match served {
        Served::Named(apps) => apps.iter().map(|app| describe(app, app.name)).collect(),
        Served::Everywhere(app) => vec![describe(app, "ws")],
        Served::Hub => vec![THE_HUB.to_owned()],
    };
    let (version, inspect, apps) = (quoted(env!("CARGO_PKG_VERSION")), quoted(INSPECT), apps.join(","));
    let server = format!(r#"{{"version":{version},"max":{max_message},"inspect":{inspect},"apps":[{apps}]}}"#);
    HTML.replace("content=\"{}\"", &format!("content=\"{}\"", escape(&server)))
}

/// Describes an app for the script, in JSON: its URL relative to the page, and its recipe in words.
fn describe(app: &App, path: &str) -> String {
    let recipe = &app.recipe;
    let on = match &recipe.on {
        On::Any => "any message".to_owned(),
        On::Text(text) => format!("the text {text}"),
        On::JsonObject => "a JSON object".to_owned(),
    };
    let reply = match (&recipe.reply, &recipe.stamp) {
        (Reply::Same, None) => "the same".to_owned(),
        (Reply::Same, Some(stamp)) => format!("the same, and the {}", stamp.key),
        (Reply::Text(text) | Reply::Template(text), _) => text.to_string(),
    };
    let to = match recipe.to {
        To::Sender => "its sender",
        To::All => "everyone",
        To::Others => "everyone else",
    };
    let flags = app.about.strip_prefix("with ").filter(|flags| flags.starts_with("--"));
    let command = ["sockhop", app.name, flags.unwrap_or_default()].join(" ");
    let subprotocols: Vec<_> = recipe.subprotocols.iter().map(|name| quoted(name)).collect();
    let (subprotocols, after) = (subprotocols.join(","), recipe.after.as_millis());
    let greet = recipe.greet.as_deref().map_or_else(|| "null".to_owned(), quoted);
    let texts = [
        ("name", app.name),
        ("path", path),
        ("about", &*app.about),
        ("example", &*app.example),
        ("command", command.trim_end()),
        ("on", &*on),
        ("reply", &*reply),
        ("to", to),
    ];
    let texts: String = texts.iter().map(|(key, value)| format!("\"{key}\":{},", quoted(value))).collect();
    format!(r#"{{{texts}"subprotocols":[{subprotocols}],"greet":{greet},"after":{after}}}"#)
}

/// The hub as if it were an app.
const THE_HUB: &str = r#"{
    "name": "hub", "isHub": true, "path": "", "about": "", "example": "hello", "command": "sockhop hub",
    "subprotocols": [], "on": "POST", "reply": "its body", "to": "everyone who listens to the channel", "after": 0
}"#;

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
