use super::*;

fn head(headers: &[&str]) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\n{}\r\n\r\n", headers.join("\r\n")).into_bytes()
}

fn check(policy: &OriginPolicy, via: Via, reach: Reach, host: &str, lines: &[&str]) -> Result<(), RequestError> {
    let host = format!("Host: {host}");
    let bytes = head(&[&[host.as_str()], lines].concat());
    policy.check(&Request::parse(&bytes).unwrap(), via, reach)
}

fn check_origin(policy: &OriginPolicy, host: &str, origin: &str) -> bool {
    match check(policy, Via::Direct, Reach::Loopback, host, &[&format!("Origin: {origin}")]) {
        Ok(()) => true,
        Err(error) => {
            assert_eq!(error, RequestError::ForeignOrigin);
            false
        }
    }
}

#[test]
fn a_present_origin_has_the_host_and_port_of_host() {
    let cases = [
        ("example.com", "http://example.com", true),
        ("example.com", "https://example.com", true),
        ("example.com", "http://example.com:80", true),
        ("example.com", "https://example.com:443", true),
        ("example.com", "ws://example.com", true),
        ("example.com", "http://example.com:8080", false),
        ("example.com", "HTTPS://Example.COM", true),
        ("EXAMPLE.com", "https://example.com", true),
        ("example.com:", "https://example.com", true),
        ("example.com:80", "http://example.com", true),
        ("example.com:443", "https://example.com", true),
        ("example.com:443", "wss://example.com", true),
        ("example.com:80", "https://example.com", false),
        ("example.com:443", "http://example.com", false),
        ("example.com:8080", "http://example.com:8080", true),
        ("example.com:8080", "https://example.com:8080", true),
        ("example.com:8080", "http://example.com", false),
        ("example.com:8080", "http://example.com:8081", false),
        ("example.com", "https://evil.example", false),
        ("example.com", "https://example.com.evil.example", false),
        ("example.com", "https://evilexample.com", false),
        ("example.com", "https://sub.example.com", false),
        ("example.com", "https://example.com@evil.example", false),
        ("example.com", "https://evil.example#example.com", false),
        ("example.com", "https://example.com/", true),
        ("example.com", "https://example.com//", false),
        ("example.com", "https://example.com/a", false),
        ("example.com", "https://example.com/a/", false),
        ("example.com", "https:///", false),
        ("[fe80::1%eth0]:8080", "http://[fe80::1%eth0]:8080", true),
        ("example.com", "https://example.com https://evil.example", false),
        ("example.com", "example.com", false),
        ("example.com", "//example.com", false),
        ("example.com", "://example.com", false),
        ("example.com", "chrome-extension://example.com", false),
        ("example.com", "file://", false),
        ("example.com", "", false),
        ("example.com", "null", false),
        ("example.com", "*", false),
        ("[2001:db8::1]:8080", "http://[2001:DB8::1]:8080", true),
        ("[2001:db8::1]", "https://[2001:db8::1]", true),
        ("[2001:db8::1]:8080", "http://[2001:db8::2]:8080", false),
        ("[::1]:8080", "http://::1:8080", false),
        ("127.0.0.1:8080", "http://localhost:8080", false),
    ];
    for (host, origin, expected) in cases {
        assert_eq!(check_origin(&OriginPolicy::default(), host, origin), expected, "{host} {origin}");
    }
}

#[test]
fn an_absent_origin_passes() {
    assert_eq!(check(&OriginPolicy::default(), Via::Direct, Reach::Network, "example.com", &[]), Ok(()));
}

#[test]
fn several_origins_are_refused() {
    let lines = ["Origin: http://example.com", "Origin: http://example.com"];
    let result = check(&OriginPolicy::default(), Via::Direct, Reach::Network, "example.com", &lines);
    assert_eq!(result, Err(RequestError::SeveralOrigins));
}

#[test]
fn allowed_origins_match_in_scheme_host_and_port() {
    let allowed = ["https://app.example", "http://dev.example:5173", "chrome-extension://abc", "file://"];
    let policy = OriginPolicy { allowed: allowed.map(|it| it.parse().unwrap()).to_vec(), ..OriginPolicy::default() };
    let cases = [
        ("https://app.example", true),
        ("https://APP.example:443", true),
        ("http://app.example", false),
        ("https://app.example:444", false),
        ("http://dev.example:5173", true),
        ("https://dev.example:5173", false),
        ("http://dev.example", false),
        ("chrome-extension://abc", true),
        ("chrome-extension://abd", false),
        ("file://", true),
        ("null", false),
        ("http://api.example", true),
    ];
    for (origin, expected) in cases {
        assert_eq!(check_origin(&policy, "api.example", origin), expected, "{origin}");
    }
}

#[test]
fn any_lets_everything_in() {
    let policy = OriginPolicy { any: true, ..OriginPolicy::default() };
    for origin in ["https://evil.example", "null", "", "garbage"] {
        assert!(check_origin(&policy, "example.com", origin), "{origin}");
    }
}

#[test]
fn x_forwarded_host_counts_only_from_a_trusted_proxy() {
    let cases: &[(&str, &[&str], bool, bool)] = &[
        // Host, header lines, passes directly, passes from a trusted proxy
        ("10.0.0.7:8080", &["X-Forwarded-Host: example.com"], false, true),
        ("10.0.0.7:8080", &["X-Forwarded-Host: example.com:443"], false, true),
        ("10.0.0.7:8080", &["X-Forwarded-Host: example.com, inner.example"], false, true),
        ("10.0.0.7:8080", &["X-Forwarded-Host: inner.example, example.com"], false, false),
        ("10.0.0.7:8080", &["X-Forwarded-Host: example.com:8443"], false, false),
        ("10.0.0.7:8080", &["X-Forwarded-Host: https://example.com"], false, false),
        ("example.com", &["X-Forwarded-Host: other.example"], true, false),
        ("example.com", &["X-Forwarded-Host:"], true, true),
        ("example.com", &[], true, true),
    ];
    for (host, lines, direct, proxied) in cases {
        let lines = [*lines, &["Origin: https://example.com"]].concat();
        for (via, expected) in [(Via::Direct, direct), (Via::TrustedProxy, proxied)] {
            let result = check(&OriginPolicy::default(), via, Reach::Network, host, &lines);
            assert_eq!(result.is_ok(), *expected, "{host} {lines:?} {via:?}");
        }
    }
}

#[test]
fn local_pages_connect_only_on_the_own_machine() {
    let policy = OriginPolicy { local: true, ..OriginPolicy::default() };
    let cases: &[(Reach, &str, &[&str], bool)] = &[
        (Reach::Loopback, "localhost:8080", &["Origin: null"], true),
        (Reach::Loopback, "LOCALHOST", &["Origin: file://"], true),
        (Reach::Loopback, "127.0.0.1:8080", &["Origin: http://localhost:5173"], true),
        (Reach::Loopback, "[::1]:8080", &["Origin: https://127.0.0.1"], true),
        (Reach::Loopback, "localhost:8080", &["Origin: http://[::1]:3000"], true),
        (Reach::Loopback, "localhost:8080", &["Origin: http://localhost/"], true),
        (Reach::Network, "localhost:8080", &["Origin: null"], false),
        (Reach::Network, "localhost:8080", &["Origin: http://localhost:5173"], false),
        (Reach::Network, "localhost:8080", &["Origin: http://localhost:8080"], true),
        (Reach::Loopback, "example.com:8080", &["Origin: null"], false),
        (Reach::Loopback, "localhost.evil.example", &["Origin: null"], false),
        (Reach::Loopback, "127.0.0.2", &["Origin: null"], false),
        (Reach::Loopback, "localhost", &["Origin: https://evil.example"], false),
        (Reach::Loopback, "localhost", &["Origin: https://localhost.evil.example"], false),
        (Reach::Loopback, "localhost", &["Origin: NULL"], false),
        (Reach::Loopback, "localhost", &["Origin: garbage"], false),
        (Reach::Loopback, "localhost", &["Origin: null", "Forwarded: for=1.2.3.4"], false),
        (Reach::Loopback, "localhost", &["Origin: null", "x-forwarded-for: 1.2.3.4"], false),
        (Reach::Loopback, "localhost", &["Origin: null", "X-Forwarded-Anything: a"], false),
        (Reach::Loopback, "localhost", &["Origin: null", "VIA: 1.1 proxy"], false),
        (Reach::Loopback, "localhost", &["Origin: null", "X-Forward: a"], true),
    ];
    for (reach, host, lines, expected) in cases {
        let result = check(&policy, Via::Direct, *reach, host, lines);
        assert_eq!(result.is_ok(), *expected, "{reach:?} {host} {lines:?}");
        let default = check(&OriginPolicy::default(), Via::Direct, *reach, host, lines);
        assert_eq!(default.is_ok(), lines == &["Origin: http://localhost:8080"], "default: {host} {lines:?}");
    }
}

#[test]
fn a_trusted_proxy_does_not_make_foreign_pages_local() {
    let policy = OriginPolicy { local: true, ..OriginPolicy::default() };
    let lines = ["Origin: null", "X-Forwarded-Host: localhost"];
    assert!(check(&policy, Via::TrustedProxy, Reach::Loopback, "localhost", &lines).is_err());
}

#[test]
fn origins_print_as_browsers_send_them() {
    let cases = [
        ("https://Example.com:443", Some("https://example.com")),
        ("http://example.com:80", Some("http://example.com")),
        ("http://example.com:443", Some("http://example.com:443")),
        ("ws://h", Some("ws://h")),
        ("app://name", Some("app://name")),
        ("app://name:1", Some("app://name:1")),
        ("FILE://", Some("file://")),
        ("http://[::1]:1", Some("http://[::1]:1")),
        ("http://", None),
        ("1a://h", None),
        ("a b://h", None),
        ("http://h/", Some("http://h")),
        ("https://example.com:8443/", Some("https://example.com:8443")),
        ("file:///", Some("file://")),
        ("http://h//", None),
        ("http://h/a", None),
        ("http:///", None),
        ("null", None),
        ("*", None),
        ("same", None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(Origin::parse(text).ok().map(|it| it.to_string()).as_deref(), expected, "{text}");
    }
}

#[test]
fn a_refusal_tells_the_operator_what_to_do() {
    let bytes = head(&["Host: inner:8080", "X-Forwarded-Host: outer", "Origin: https://app.example"]);
    let request = Request::parse(&bytes).unwrap();
    let policy = OriginPolicy { local: true, ..OriginPolicy::default() };
    let refusal = |via| OriginRefusal::new(&policy, &request, via, Reach::Network).to_string();
    let direct = refusal(Via::Direct);
    let parts = [
        "\"https://app.example\"",
        "\"inner:8080\"",
        "add Config::origins https://app.example",
        "proxy_set_header Host $http_host",
    ];
    for part in parts {
        assert!(direct.contains(part), "{part}: {direct}");
    }
    assert!(refusal(Via::TrustedProxy).contains("\"outer\""));
}

#[test]
fn the_refusal_of_a_page_of_this_machine_names_the_way_out_that_fits() {
    let (local, strict) = (OriginPolicy { local: true, ..OriginPolicy::default() }, OriginPolicy::default());
    let listen = "while the server listens on 127.0.0.1 alone, without a proxy";
    let connect = "may connect to ws://127.0.0.1, without a proxy";
    let host = "let Host pass";
    let cases = [
        ("null", &local, Reach::Network, "Config::origins '*'", listen),
        ("null", &local, Reach::Loopback, "Config::origins '*'", connect),
        ("null", &strict, Reach::Loopback, "Config::origins '*'", host),
        ("file://", &local, Reach::Network, "add Config::origins file://", listen),
        ("http://localhost:5173", &local, Reach::Network, "add Config::origins http://localhost:5173", listen),
        ("http://127.0.0.1:5173", &local, Reach::Loopback, "add Config::origins http://127.0.0.1:5173", connect),
        ("http://localhost.example", &local, Reach::Network, "add Config::origins http://localhost.example", host),
    ];
    for (origin, policy, reach, allow, way) in cases {
        let bytes = head(&["Host: 192.0.2.1:8080", &format!("Origin: {origin}")]);
        let line = OriginRefusal::new(policy, &Request::parse(&bytes).unwrap(), Via::Direct, reach).to_string();
        let ways: Vec<_> = [listen, connect, host].into_iter().filter(|it| line.contains(it)).collect();
        assert_eq!(ways, [way], "{line}");
        assert!(line.contains(allow), "{line}");
    }
}

#[test]
fn a_refusal_escapes_and_bounds_what_the_peer_sent() {
    let origin = format!("Origin: $(id)\"\u{202e}\t{}", "x".repeat(3000));
    let bytes = head(&["Host: a", &origin]);
    let request = Request::parse(&bytes).unwrap();
    let line = OriginRefusal::new(&OriginPolicy::default(), &request, Via::Direct, Reach::Network).to_string();
    assert!(line.contains(r#"origin "$(id)\"\u{202e}\t"#), "{line}");
    assert!(line.contains("Config::origins '*'") && !line.contains("Config::origins $"), "{line}");
    assert!(line.is_ascii() && line.len() < 600 && !line.contains(|c: char| c.is_control()), "{line}");
}
