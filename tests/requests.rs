//! Malformed and ambiguous requests over a real socket, each with another request behind it. A request that is taken gets
//! its answer, and so does the one behind it. A request that is refused gets one answer, which ends the connection, and the
//! handler sees neither of the two.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use sockhop::http::{Request, Response};
use sockhop::{Answer, Context, Handler, ListenAddr, Server};

#[path = "../src/http/tests/smuggling.rs"]
mod smuggling;

use smuggling::{Case, cases};

/// How long a test waits for bytes that should come at once.
const PATIENCE: Duration = Duration::from_secs(30);
/// More bytes than all answers on one connection have.
const MAX_ANSWERS: u64 = 64 * 1024;
/// The request behind the one that is tested.
const SECOND: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nsecond";

/// Answers any request with its body, and counts them.
struct Echo(Arc<AtomicUsize>);

impl Handler for Echo {
    fn request(&mut self, _ctx: &mut Context<'_>, _request: &Request<'_>, body: &[u8]) -> Answer {
        self.0.fetch_add(1, Ordering::Relaxed);
        Response::new(200).body(body.to_vec()).into()
    }
}

/// Runs a server for as long as `clients` takes, which gets its address and the number of requests handled so far.
fn serve(clients: impl FnOnce(SocketAddr, &AtomicUsize)) {
    let handled = Arc::new(AtomicUsize::new(0));
    let server = Server::bind("127.0.0.1:0").unwrap().mount("/", Echo(Arc::clone(&handled)));
    let [ListenAddr::Tcp(addr)] = server.local_addrs()[..] else { panic!("one TCP address") };
    let handle = server.handle();
    let thread = thread::spawn(move || server.run());
    clients(addr, &handled);
    handle.shutdown(sockhop::Shutdown::default());
    thread.join().expect("the server does not panic").expect("the server does not fail");
}

/// An answer of the server.
#[derive(PartialEq, Debug)]
struct Received {
    status: u16,
    closes: bool,
    body: String,
}

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("the server listens");
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads to the end of the stream: all answers but interim ones.
fn read_answers(stream: &mut TcpStream) -> Vec<Received> {
    let mut bytes = String::new();
    let len = stream.take(MAX_ANSWERS).read_to_string(&mut bytes).expect("the stream ends in good order");
    assert!((len as u64) < MAX_ANSWERS, "endless answers: {}", &bytes[..400]);
    let (mut rest, mut answers) = (&bytes[..], Vec::new());
    while let Some((head, behind)) = rest.split_once("\r\n\r\n") {
        let header =
            |name: &'static str| head.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix(": "));
        let status =
            head.strip_prefix("HTTP/1.1 ").and_then(|line| line.get(..3)?.parse().ok()).expect("a status line");
        let length = header("Content-Length").next().map_or(0, |length| length.parse().expect("a length"));
        let (body, next) = behind.split_at_checked(length).expect("the body is complete");
        rest = next;
        if status != 100 {
            // An answer with Upgrade has two lines of Connection.
            let closes = header("Connection").any(|value| value.split(", ").any(|option| option == "close"));
            answers.push(Received { status, closes, body: body.into() });
        }
    }
    assert_eq!(rest, "", "bytes behind the last answer");
    answers
}

/// Sends the case and a second request in pieces of at most `size` bytes, and checks all that comes back.
fn check(addr: SocketAddr, handled: &AtomicUsize, case: &Case, size: usize) {
    let (before, mut stream) = (handled.load(Ordering::Relaxed), connect(addr));
    for piece in [&case.bytes, SECOND].concat().chunks(size) {
        stream.write_all(piece).expect("the server goes on reading, also when it has refused the request");
    }
    let is_taken = case.status == 200;
    if is_taken {
        stream.shutdown(Shutdown::Write).unwrap();
    }
    let answers = read_answers(&mut stream);
    let name = format!("{:?} in pieces of {size}", String::from_utf8_lossy(&case.bytes[..case.bytes.len().min(400)]));
    let handled = handled.load(Ordering::Relaxed) - before;
    if is_taken {
        let echo = |body: &str| Received { status: 200, closes: false, body: body.into() };
        assert_eq!(answers, [echo(case.body), echo("second")], "{name}");
        assert_eq!(handled, 2, "requests handled of {name}");
    } else {
        let [Received { status, closes: true, .. }] = answers[..] else { panic!("{answers:?} to {name}") };
        assert_eq!(status, case.status, "{name}");
        assert_eq!(handled, 0, "requests handled of {name}");
    }
}

#[test]
fn each_request_of_the_table_gets_its_one_answer_over_a_socket() {
    let cases = cases();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    assert!(cases.iter().any(|case| case.status == 200) && cases.iter().any(|case| case.status != 200));
    serve(|addr, handled| cases.iter().for_each(|case| check(addr, handled, case, usize::MAX)));
}

#[test]
fn the_answers_do_not_depend_on_the_pieces_in_which_a_request_arrives() {
    serve(|addr, handled| {
        for case in cases() {
            // The largest ones are split less often, so that the test takes no longer than the others.
            let sizes = if case.bytes.len() < 1000 { [1, 7] } else { [700, 1000] };
            sizes.into_iter().for_each(|size| check(addr, handled, &case, size));
        }
    });
}

#[test]
fn a_body_that_nobody_admits_is_not_read_as_a_request() {
    let smuggled = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let head = "POST /nowhere HTTP/1.1\r\nHost: a\r\n";
    let sized = format!("{head}Content-Length: {}\r\n\r\n{smuggled}", smuggled.len());
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len());
    serve(|addr, handled| {
        for request in [sized, chunked] {
            let case = Case { bytes: request.into_bytes(), status: 404, body: "" };
            [usize::MAX, 1].into_iter().for_each(|size| check(addr, handled, &case, size));
        }
    });
}

#[test]
fn a_refused_request_without_a_body_keeps_its_connection() {
    serve(|addr, handled| {
        let mut stream = connect(addr);
        stream.write_all(&[b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", SECOND].concat()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let answers = read_answers(&mut stream);
        assert_eq!(
            answers.iter().map(|answer| (answer.status, answer.closes)).collect::<Vec<_>>(),
            [(404, false), (200, false)]
        );
        assert_eq!(handled.load(Ordering::Relaxed), 1);
    });
}
