//! The subprotocol `sockhop.inspect`: who offers it is first told how its opening handshake looked from here.

use serde_json::json;

use crate::http::{Request, Upgrade, Version};

/// The subprotocol. A connection that offers it gets, before anything else, one text message with its request head.
///
/// That is a JSON object: `method`, `target`, `version`, `headers` as pairs of name and value in the order in which
/// they came, and `accept`, the Sec-WebSocket-Accept that answered it. What may be a secret is shown as `(hidden)`: a
/// script may not see the cookies that its browser sends, nor what a proxy has added for the server.
pub const INSPECT: &str = "sockhop.inspect";

/// In lower case, parts of the names of headers whose values are nobody's business but the server's: Cookie,
/// Proxy-Authorization, X-Forwarded-Access-Token, X-Api-Key and their like.
const SECRET: [&str; 9] = ["cookie", "auth", "token", "secret", "password", "session", "credential", "jwt", "api-key"];

/// The message, for a client that offers the subprotocol.
pub(super) fn request_head(request: &Request<'_>, upgrade: &Upgrade<'_>) -> Option<String> {
    upgrade.subprotocols().any(|name| name == INSPECT).then(|| {
        let headers: Vec<_> = request.headers().map(|(name, value)| [name, shown(name, value)]).collect();
        // In the order in which one reads it.
        format!(
            r#"{{"method":{},"target":{},"version":"{}","headers":{},"accept":{}}}"#,
            json!(request.method()),
            json!(request.target()),
            match request.version() {
                Version::Http10 => "HTTP/1.0",
                Version::Http11 => "HTTP/1.1",
            },
            json!(headers),
            json!(String::from_utf8_lossy(&upgrade.accept_key())),
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
    fn only_who_offers_it_is_told() {
        for lines in ["", "Sec-WebSocket-Protocol: chat\r\n", "Sec-WebSocket-Protocol: sockhop.inspector\r\n"] {
            assert_eq!(head(lines), None, "{lines}");
        }
        for lines in ["Sec-WebSocket-Protocol: sockhop.inspect\r\n", "sec-websocket-protocol: a, sockhop.inspect\r\n"] {
            assert!(head(lines).is_some(), "{lines}");
        }
    }

    #[test]
    fn tells_the_head_as_it_came_without_its_secrets() {
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
