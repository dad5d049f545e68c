//! What a browser sees: a small page that speaks to the apps served, and may load nothing from anywhere else.

use super::App;
use crate::Server;
use crate::http::{Request, Response};

const HTML: &str = include_str!("page/page.html");
const CSS: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// Scripts and styles from this server alone, nothing inline, and no frame around it. Older browsers do not take
/// `'self'` for a WebSocket.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; \
    connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The apps of a page, and where they are.
pub(super) enum Served<'a> {
    /// Each at the path of its name, beside the page.
    Named(&'a [App]),
    /// One at every path.
    Everywhere(&'a App),
}

/// Adds the page and what it loads. A route beats a mount for a plain GET.
pub(super) fn routes(server: Server, served: &Served<'_>) -> Server {
    let html = render(served);
    server
        .route("GET", "/", move |request| page(request, &html))
        .route("GET", "/page.css", |_| asset("text/css; charset=utf-8", CSS))
        .route("GET", "/page.js", |_| asset("text/javascript; charset=utf-8", SCRIPT))
}

fn page(request: &Request<'_>, html: &str) -> Response {
    // The page's links are relative. Where a path prefix was asked for without a slash at its end, they would miss it.
    match request.path().rsplit_once('/') {
        Some((_, last)) if !last.is_empty() => Response::new(307).header("Location", format!("./{last}/")),
        _ => Response::html(200, html.to_owned())
            .header("Cache-Control", "no-cache")
            .header("Content-Security-Policy", POLICY)
            .header("Referrer-Policy", "no-referrer"),
    }
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    Response::new(200).header("Content-Type", kind).header("Cache-Control", "no-cache").body(text.as_bytes())
}

fn render(served: &Served<'_>) -> String {
    let mut options = String::new();
    match served {
        Served::Named(apps) => apps.iter().for_each(|app| option(&mut options, app.name, app)),
        Served::Everywhere(app) => option(&mut options, ".", app),
    }
    HTML.replace("<!--apps-->\n", &options)
}

/// One choice of app; `url` is relative to the page.
fn option(html: &mut String, url: &str, app: &App) {
    let subprotocols = escape(&app.recipe.subprotocols.join(" "));
    let (name, about, example) = (escape(app.name), escape(&app.about), escape(&app.example));
    let data = format!(r#"data-about="{about}" data-example="{example}" data-subprotocols="{subprotocols}""#);
    html.push_str(&format!("<option value=\"{url}\" {data}>{name}</option>\n"));
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
