//! The subprotocol `sockhop.inspect`: a client that offers it first gets its own request head, as the server saw it.

use super::json::quoted;
use crate::http::{Request, Upgrade, Version};

/// The subprotocol. A connection that offers it gets, before anything else, one text message with its request head.
///
/// The text is a JSON object: `method`, `target`, `version`, `headers` as pairs of name and value in the order in which
/// they came, and `accept`, the Sec-WebSocket-Accept of the answer. A value that may be secret is shown as `(hidden)`:
/// a script must not see the cookies of its browser, nor headers that a proxy has added for the server.
pub const INSPECT: &str = "sockhop.inspect";

/// Words in the names of headers whose values may be secret, in lower case: of Cookie, Proxy-Authorization,
/// X-Forwarded-Access-Token, X-Api-Key and the like.
const SECRET: [&str; 9] = ["cookie", "auth", "token", "secret", "password", "session", "credential", "jwt", "api-key"];

/// The message with the request head, if the client offers the subprotocol.
pub(super) fn request_head(request: &Request<'_>, upgrade: &Upgrade<'_>) -> Option<String> {
    upgrade.subprotocols().any(|name| name == INSPECT).then(|| {
        let line = |(name, value)| format!("[{},{}]", quoted(name), quoted(shown(name, value)));
        let headers: Vec<_> = request.headers().map(line).collect();
        // Written by hand, so that the members come in the order of a request.
        format!(
            r#"{{"method":{},"target":{},"version":"{}","headers":[{}],"accept":{}}}"#,
            quoted(request.method()),
            quoted(request.target()),
            match request.version() {
                Version::Http10 => "HTTP/1.0",
                Version::Http11 => "HTTP/1.1",
            },
            headers.join(","),
            quoted(&String::from_utf8_lossy(&upgrade.accept_key())),
        )
    })
}

fn shown<'a>(name: &str, value: &'a str) -> &'a str {
    let name = name.to_ascii_lowercase();
    if SECRET.iter().any(|secret| name.contains(secret)) { "(hidden)" } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(lines: &str) -> Option<serde_json::Value> {
        let fixed = "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let text = format!("GET /chat?a=%20 HTTP/1.1\r\n{fixed}{lines}\r\n");
        let request = Request::parse(text.as_bytes()).unwrap();
        let text = request_head(&request, &Upgrade::from_request(&request).unwrap())?;
        Some(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn only_a_client_that_offers_it_gets_its_head() {
        for lines in ["", "Sec-WebSocket-Protocol: chat\r\n", "Sec-WebSocket-Protocol: sockhop.inspector\r\n"] {
            assert_eq!(head(lines), None, "{lines}");
        }
        for lines in ["Sec-WebSocket-Protocol: sockhop.inspect\r\n", "sec-websocket-protocol: a, sockhop.inspect\r\n"] {
            assert!(head(lines).is_some(), "{lines}");
        }
    }

    #[test]
    fn shows_the_head_as_it_came_without_secrets() {
        let secrets = "Cookie: s=XYZ\r\ncOOkie: t=XYZ\r\nAuthorization: Basic XYZ\r\nProxy-Authorization: XYZ\r\n\
            X-Forwarded-Access-Token: XYZ\r\nx-api-key: XYZ\r\nX-Amzn-Oidc-Jwt: XYZ\r\n";
        let head = head(&format!("Sec-WebSocket-Protocol: sockhop.inspect\r\nX-A: \"q\"\r\n{secrets}")).unwrap();
        assert_eq!(head["method"], "GET");
        assert_eq!(head["target"], "/chat?a=%20");
        assert_eq!(head["version"], "HTTP/1.1");
        assert_eq!(head["accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let headers: Vec<_> = head["headers"].as_array().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(headers[0], r#"["Host","a"]"#);
        assert_eq!(headers[6], r#"["X-A","\"q\""]"#);
        assert_eq!(
            headers[7..],
            [
                r#"["Cookie","(hidden)"]"#,
                r#"["cOOkie","(hidden)"]"#,
                r#"["Authorization","(hidden)"]"#,
                r#"["Proxy-Authorization","(hidden)"]"#,
                r#"["X-Forwarded-Access-Token","(hidden)"]"#,
                r#"["x-api-key","(hidden)"]"#,
                r#"["X-Amzn-Oidc-Jwt","(hidden)"]"#,
            ]
        );
        assert!(!head.to_string().contains("XYZ"));
    }
}
