//! What a browser sees: a page that speaks to the apps served, and may load nothing from anywhere else.

use std::cell::LazyCell;

use serde_json::json;

use super::site::Site;
use super::{App, INSPECT, On, Reply, To};
use crate::Server;
use crate::http::{Representation, Request, Response};

const HTML: &str = include_str!("page/page.html");
/// What the page loads, by its path.
const ASSETS: [(&str, &str, &str); 6] = [
    ("/page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
    ("/page.js", JAVASCRIPT, include_str!("page/page.js")),
    ("/wire.js", JAVASCRIPT, include_str!("page/wire.js")),
    ("/cursors.js", JAVASCRIPT, include_str!("page/cursors.js")),
    (CLIENT, JAVASCRIPT, include_str!("page/client.js")),
    ("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
];
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
/// A WebSocket that reconnects, for pages of the user's own.
const CLIENT: &str = "/client.js";

/// Everything from this server alone, WebSockets too, nothing inline, and no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// For pages of the user's own, which may have scripts of any kind: nobody else's page frames them or moves their
/// links.
const OWN_POLICY: &str = "base-uri 'self'; object-src 'none'; frame-ancestors 'self'";

/// What a browser is served beside the WebSockets.
#[derive(Clone, Debug)]
pub enum Pages {
    /// The page to try the apps with.
    Playground {
        /// The longest message that the server takes, in bytes: the page says what happens beyond it.
        max_message: u64,
    },
    /// A directory of the user's own.
    Site {
        /// What is in it.
        site: Site,
        /// A prefix of paths that a proxy may or may not have trimmed, as in
        /// [`Config::path_prefix`](crate::Config::path_prefix).
        prefix: String,
    },
}

/// The apps of a page, and where they are.
pub(super) enum Served<'a> {
    /// Each at the path of its name, beside the page.
    Named(&'a [App]),
    /// One at every path.
    Everywhere(&'a App),
}

/// Adds the pages and what they load. A route beats a mount for a plain GET.
pub(super) fn routes(server: Server, pages: Pages, served: &Served<'_>) -> Server {
    // Made when first asked for: most servers are never looked at.
    let assets =
        ASSETS.map(|(path, kind, text)| (path, LazyCell::new(move || Representation::new(kind, text.as_bytes()))));
    match pages {
        Pages::Playground { max_message } => {
            let html = html(render(served, max_message));
            let server = server.route("GET", "/", move |request| page(request, &html));
            assets
                .into_iter()
                .fold(server, |server, (path, asset)| server.route("GET", path, move |request| asset.answer(request)))
        }
        Pages::Site { site, prefix } => {
            let prefix = prefix.trim_end_matches('/').to_owned();
            let client = assets.into_iter().find_map(|(path, asset)| (path == CLIENT).then_some(asset));
            server.route("GET", "/*", move |request| {
                site.answer(request, &prefix, client.as_ref().map(|client| (CLIENT, &**client)))
                    .header("Content-Security-Policy", OWN_POLICY)
            })
        }
    }
}

fn html(text: String) -> Representation {
    Representation::new("text/html; charset=utf-8", text.into_bytes())
}

fn page(request: &Request<'_>, html: &Representation) -> Response {
    // The page's links are relative. Where a path prefix was asked for without a slash at its end, they would miss it.
    match request.path().rsplit_once('/') {
        Some((_, last)) if !last.is_empty() => Response::new(307).header("Location", format!("./{last}/")),
        _ => html.answer(request).header("Content-Security-Policy", POLICY).header("Referrer-Policy", "no-referrer"),
    }
}

/// The page, with what its script has to know of the server in an attribute.
fn render(served: &Served<'_>, max_message: u64) -> String {
    let apps: Vec<_> = match served {
        Served::Named(apps) => apps.iter().map(|app| describe(app, app.name)).collect(),
        Served::Everywhere(app) => vec![describe(app, "ws")],
    };
    let server = json!({ "version": env!("CARGO_PKG_VERSION"), "max": max_message, "inspect": INSPECT, "apps": apps });
    HTML.replace("content=\"{}\"", &format!("content=\"{}\"", escape(&server.to_string())))
}

/// An app, with its URL relative to the page and its recipe in words.
fn describe(app: &App, path: &str) -> serde_json::Value {
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
    json!({
        "name": app.name, "path": path, "about": app.about, "example": app.example,
        "command": command.trim_end(),
        "subprotocols": recipe.subprotocols, "greet": recipe.greet, "on": on, "reply": reply, "to": to,
        "after": u64::try_from(recipe.after.as_millis()).unwrap_or(u64::MAX),
    })
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
