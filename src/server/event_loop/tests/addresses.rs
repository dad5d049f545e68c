//! The addresses of clients, behind proxies and not, and the limits for each address. Peers of the first listener
//! come from 192.0.2.1, those of the second, which is local, from 127.0.0.1.

use super::*;
use crate::http::{Cidr, OriginPolicy};
use crate::server::Count;
use crate::server::ProxyProtocol;

/// Two listeners; every client is told its address when it has opened, and gets its messages back.
fn bed(config: Config) -> Bed {
    let app = App::new(|ctx, call| match call {
        Call::Open => {
            let peer = ctx.peer().to_string();
            ctx.send(peer);
        }
        Call::Message(message) => ctx.send(message),
        _ => {}
    });
    let bed = Bed::with(config, app);
    assert_eq!(bed.network.add_local_listener(), 1);
    bed
}

/// A configuration that trusts these.
fn trusting(ranges: &[&str]) -> Config {
    let trusted_proxies = ranges.iter().map(|range| range.parse::<Cidr>().expect(range)).collect();
    Config { trusted_proxies, ..Config::default() }
}

/// The same with the PROXY protocol.
fn proxied(ranges: &[&str]) -> Config {
    Config { proxy_protocol: ProxyProtocol::Required, ..trusting(ranges) }
}

/// A limit for each address.
fn limited(max_connections_per_address: usize, config: Config) -> Config {
    Config { max_connections_per_address: Some(max_connections_per_address), ..config }
}

/// An opening handshake with further header lines.
fn with(lines: &str) -> String {
    request("/").replace("\r\n\r\n", &format!("\r\n{lines}\r\n"))
}

fn forwarded(client: &str) -> String {
    with(&format!("X-Forwarded-For: {client}\r\n"))
}

/// Sends bytes to a listener; the status of the answer, and what the handler has said, as far as there is any.
fn ask(bed: &mut Bed, listener: usize, bytes: &[u8]) -> (u16, Vec<String>, Client) {
    let mut client = bed.network.connect(listener);
    client.write(bytes);
    bed.settle();
    let (status, texts) = answer(&mut client);
    (status, texts, client)
}

fn answer(client: &mut Client) -> (u16, Vec<String>) {
    let Some(head) = client.response() else { return (0, Vec::new()) };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, if status == 101 { client.texts() } else { Vec::new() })
}

/// The name by which the handler greets a client.
#[track_caller]
fn name(bed: &mut Bed, listener: usize, bytes: &[u8]) -> String {
    let (status, texts, _) = ask(bed, listener, bytes);
    assert_eq!((status, texts.len()), (101, 1), "{}", String::from_utf8_lossy(bytes));
    texts.concat()
}

fn status(bed: &mut Bed, listener: usize, bytes: &[u8]) -> u16 {
    ask(bed, listener, bytes).0
}

/// A PROXY header of version 2 with this command, for a client at 192.0.2.7, port 56324, with an extension.
fn binary(command: u8) -> Vec<u8> {
    let block = [192, 0, 2, 7, 192, 0, 2, 1, 0xdc, 0x04, 0, 80, 4, 0, 2, 0, 0];
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, 0x11, 0, 17][..], &block].concat()
}

const LINE: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 80\r\n";

fn behind(header: &[u8], request: &str) -> Vec<u8> {
    [header, request.as_bytes()].concat()
}

#[test]
fn a_trusted_proxy_names_the_client_and_nobody_else_does() {
    let cases = [
        (&["192.0.2.1"][..], "198.51.100.9", "198.51.100.9:0"),
        (&["192.0.2.0/24"], "198.51.100.9:443", "198.51.100.9:0"),
        (&["192.0.2.0/24"], "1.1.1.1, 198.51.100.9, 192.0.2.8", "198.51.100.9:0"),
        (&["192.0.2.1"], "1.1.1.1, [2001:db8::9]:443", "[2001:db8::9]:0"),
        (&["192.0.2.1"], "198.51.100.9, unknown", "192.0.2.1:"),
        (&["192.0.2.1"], "", "192.0.2.1:"),
        (&[], "198.51.100.9", "192.0.2.1:"),
        (&["127.0.0.1", "::/0", "unix"], "198.51.100.9", "192.0.2.1:"),
    ];
    for (trusted, value, expected) in cases {
        let mut bed = bed(trusting(trusted));
        let name = name(&mut bed, 0, forwarded(value).as_bytes());
        assert!(name.starts_with(expected) && (expected.ends_with(':') || name == expected), "{value}: {name}");
    }
}

#[test]
fn x_forwarded_host_counts_for_the_origin_behind_a_trusted_proxy_alone() {
    let lines = "Origin: https://front.example\r\nX-Forwarded-Host: front.example\r\nX-Forwarded-For: 1.1.1.1\r\n";
    for (trusted, expected) in [(&["192.0.2.1"][..], 101), (&["192.0.2.2"], 403), (&[], 403)] {
        assert_eq!(status(&mut bed(trusting(trusted)), 0, with(lines).as_bytes()), expected, "{trusted:?}");
    }
    // The bytes behind a PROXY header are the client's, whom nobody trusts.
    let bytes = behind(LINE, &with(lines));
    assert_eq!(status(&mut bed(proxied(&["192.0.2.1"])), 0, &bytes), 403);
}

#[test]
fn a_page_that_comes_by_a_trusted_proxy_is_never_local() {
    let page = with("Origin: null\r\n").replace("example.org", "localhost");
    let local = |config| Config { origins: OriginPolicy { local: true, ..OriginPolicy::default() }, ..config };
    assert_eq!(status(&mut bed(local(Config::default())), 1, page.as_bytes()), 101);
    assert_eq!(status(&mut bed(local(trusting(&["127.0.0.1"]))), 1, page.as_bytes()), 403);
    for header in [LINE.to_vec(), binary(0x20), b"PROXY TCP4 127.0.0.1 127.0.0.1 1 80\r\n".to_vec()] {
        let mut bed = bed(local(proxied(&["127.0.0.1"])));
        assert_eq!(status(&mut bed, 1, &behind(&header, &page)), 403, "{header:?}");
    }
}

#[test]
fn a_proxy_header_names_the_client_wherever_it_is_split() {
    for header in [LINE.to_vec(), binary(0x21)] {
        let bytes = [behind(&header, &request("/")), masked(0x81, b"early")].concat();
        let mut bed = bed(proxied(&["192.0.2.1"]));
        for at in 0..bytes.len() {
            let mut client = bed.network.connect(0);
            for part in [&bytes[..at], &bytes[at..]] {
                client.write(part);
                bed.settle();
            }
            assert_eq!(answer(&mut client), (101, vec!["192.0.2.7:56324".into(), "early".into()]), "split at {at}");
        }
        let mut client = bed.network.connect(0);
        for byte in bytes {
            client.write(&[byte]);
            bed.settle();
        }
        assert_eq!(answer(&mut client).0, 101, "byte by byte");
    }
}

#[test]
fn a_proxy_header_without_an_address_leaves_the_connection_its_own_and_its_client_unheard() {
    for header in [b"PROXY UNKNOWN\r\n".to_vec(), binary(0x20)] {
        let mut bed = bed(proxied(&["192.0.2.1"]));
        let name = name(&mut bed, 0, &behind(&header, &forwarded("198.51.100.9")));
        assert!(name.starts_with("192.0.2.1:") && name != "192.0.2.1:0", "{name}");
    }
}

#[test]
fn x_forwarded_for_counts_behind_a_proxy_header_only_if_that_names_a_trusted_proxy() {
    let bytes = behind(LINE, &forwarded("198.51.100.9"));
    assert_eq!(name(&mut bed(proxied(&["192.0.2.1"])), 0, &bytes), "192.0.2.7:56324");
    assert_eq!(name(&mut bed(proxied(&["192.0.2.0/24"])), 0, &bytes), "198.51.100.9:0");
}

#[test]
fn without_its_proxy_header_a_proxy_s_connection_is_dropped_at_once() {
    let cases: [&[u8]; 8] = [
        b"G",
        b"PROXY TCP4 192.0.2.7\r\n",
        b"PROXY TCP5\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 1 80\n",
        b"PP",
        b"\r\n\r\n\0\r\nQUIT\n\x11",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
        &[&b"PROXY UNKNOWN "[..], &[b'x'; 93]].concat(),
    ];
    for bytes in cases {
        let mut bed = bed(proxied(&["192.0.2.1"]));
        let mut client = bed.connect("");
        client.write(bytes);
        bed.settle();
        assert!(client.is_gone() && client.bytes().is_empty(), "{bytes:?}");
        bed.assert_empty();
    }
}

#[test]
fn from_others_a_proxy_header_is_no_request_and_none_is_missed() {
    for header in [LINE.to_vec(), binary(0x21)] {
        let bytes = behind(&header, &request("/"));
        for config in [proxied(&["192.0.2.2"]), trusting(&["192.0.2.1"]), Config::default()] {
            assert_eq!(status(&mut bed(config), 0, &bytes), 400);
        }
    }
    assert_eq!(status(&mut bed(proxied(&["192.0.2.2"])), 0, request("/").as_bytes()), 101);
}

#[test]
fn a_proxy_header_extends_no_deadline() {
    let mut bed = bed(proxied(&["192.0.2.1"]));
    let (silent, mut late) = (bed.connect(""), bed.connect(""));
    for part in [&LINE[..10], &LINE[10..], b"GET / HTTP/1.1\r\n"] {
        bed.pass(Duration::from_secs(3));
        assert!(!silent.is_ended() && !late.is_ended());
        late.write(part);
    }
    bed.pass(Duration::from_secs(3));
    assert!(silent.is_ended() && late.is_ended());
    assert_eq!(answer(&mut late).0, 408);
    bed.pass(Duration::from_secs(2));
    bed.assert_empty();
}

#[test]
fn an_address_with_connections_enough_gets_429_until_one_of_them_has_left() {
    let mut bed = bed(limited(2, Config::default()));
    for round in 0..12 {
        let [open, silent] = [bed.open(), bed.connect("")];
        let mut refused = bed.connect(&request("/"));
        bed.settle();
        let head = refused.response().expect("an answer");
        assert!(head.starts_with("HTTP/1.1 429 ") && head.contains("\r\nRetry-After: "), "{head}");
        let (status, _, other) = ask(&mut bed, 1, request("/").as_bytes());
        assert_eq!(status, 101, "another address");
        match round % 4 {
            0 => open.close(1000),
            1 => open.finish(),
            2 => silent.finish(),
            _ => silent.reset(),
        }
        bed.settle();
        let next = bed.open();
        let (status, _, last) = ask(&mut bed, 0, b"");
        assert_eq!(status, 0);
        last.write(request("/").as_bytes());
        bed.settle();
        assert!(last.is_ended(), "no more than one place was free");
        assert_eq!(bed.server.lines.shared.addresses.totals().0, 3);
        [open, silent, refused, other, next, last].iter().for_each(Client::reset);
        bed.settle();
        bed.assert_empty();
    }
    assert_eq!(bed.stats().get(Count::RefusedAddress), 24);
}

#[test]
fn connections_beyond_those_of_an_address_have_32_places_for_two_seconds_and_the_newest_gets_one() {
    let mut bed = bed(limited(1, Config::default()));
    let _first = bed.open();
    let silent: Vec<_> = (0..40).map(|_| bed.connect("")).collect();
    bed.settle();
    assert_eq!(silent.iter().filter(|client| client.is_gone()).count(), 8);
    assert_eq!(status(&mut bed, 0, request("/").as_bytes()), 429);
    assert_eq!(status(&mut bed, 1, request("/").as_bytes()), 101, "another address is not concerned");
    bed.pass(Duration::from_secs(5));
    assert!(silent.iter().all(Client::is_gone));
    assert_eq!(status(&mut bed, 0, request("/").as_bytes()), 429);
}

#[test]
fn a_server_that_is_full_says_so_whoever_comes() {
    let mut bed = bed(Config { max_connections: 1, ..limited(1, Config::default()) });
    let first = bed.open();
    for listener in [0, 1, 1] {
        assert_eq!(status(&mut bed, listener, request("/").as_bytes()), 503);
    }
    first.reset();
    bed.settle();
    assert_eq!(bed.server.lines.shared.addresses.totals().0, 0);
}

#[test]
fn a_forwarded_client_counts_from_its_request_on_and_by_its_own_address() {
    let mut bed = bed(limited(2, trusting(&["192.0.2.1"])));
    let silent: Vec<_> = (0..5).map(|_| bed.connect("")).collect();
    bed.settle();
    assert!(silent.iter().all(|client| !client.is_ended()), "nobody knows yet who they are");
    let ann = forwarded("2001:db8::1");
    let (first, second) = (ask(&mut bed, 0, ann.as_bytes()), ask(&mut bed, 0, ann.as_bytes()));
    assert_eq!((first.0, second.0), (101, 101));
    for (client, expected) in [("2001:db8::1", 429), ("2001:db8::ffff", 429), ("2001:db8:0:1::1", 101)] {
        assert_eq!(status(&mut bed, 0, forwarded(client).as_bytes()), expected, "{client}");
    }
    assert_eq!(status(&mut bed, 0, ann.replace("Upgrade", "Other").as_bytes()), 426, "a plain request is not limited");
    first.2.reset();
    bed.settle();
    assert_eq!(status(&mut bed, 0, ann.as_bytes()), 101);
    assert_eq!(status(&mut bed, 0, ann.as_bytes()), 429);
    // Whom the proxy does not name is the proxy.
    for expected in [101, 101, 429] {
        assert_eq!(status(&mut bed, 0, request("/").as_bytes()), expected);
    }
    assert_eq!(bed.server.lines.shared.addresses.totals().0, 5);
}

#[test]
fn refusals_of_every_kind_give_a_forwarded_client_s_place_back() {
    let mut bed = bed(limited(1, trusting(&["192.0.2.1"])));
    let from_ann = forwarded("198.51.100.9");
    let requests = [
        (from_ann.replace("Version: 13", "Version: 12"), 426),
        (from_ann.replace("GET", "POST"), 405),
        (from_ann.replace("X-F", "Origin: https://foreign.example\r\nX-F"), 403),
        (from_ann.replace("HTTP/1.1", "HTTP/3.7"), 505),
        (from_ann.clone(), 101),
    ];
    for (request, expected) in requests.iter().cycle().take(15) {
        let (status, _, client) = ask(&mut bed, 0, request.as_bytes());
        assert_eq!(status, *expected, "{request}");
        client.reset();
        bed.settle();
        bed.assert_empty();
    }
}

#[test]
fn whom_a_proxy_header_names_counts_before_the_request() {
    let mut bed = bed(limited(1, proxied(&["192.0.2.1"])));
    let unnamed: Vec<_> = (0..5).map(|_| bed.connect("PROXY")).collect();
    let (silent, other) = (bed.connect(""), b"PROXY TCP4 192.0.2.8 192.0.2.1 1 80\r\n");
    silent.write(LINE);
    bed.settle();
    assert_eq!(status(&mut bed, 0, &behind(LINE, &request("/"))), 429);
    assert_eq!(status(&mut bed, 0, &behind(&binary(0x21), &request("/"))), 429);
    assert_eq!(status(&mut bed, 0, &behind(other, &request("/"))), 101);
    assert!(!silent.is_ended() && unnamed.iter().all(|client| !client.is_ended()));
    silent.reset();
    bed.settle();
    assert_eq!(status(&mut bed, 0, &behind(LINE, &request("/"))), 101);
    assert_eq!(bed.server.lines.shared.addresses.totals().0, 2);
}

#[test]
fn nothing_is_kept_of_addresses_while_they_are_not_limited() {
    let mut bed = bed(trusting(&["192.0.2.1"]));
    let clients: Vec<_> = (0..200).map(|_| bed.connect(&forwarded("198.51.100.9"))).collect();
    bed.settle();
    assert!(clients.iter().all(|client| !client.is_ended()));
    assert_eq!(bed.server.lines.shared.addresses.totals(), (0, 0));
}
