//! Shared by integration tests and benchmarks: a server in a thread, an independent client (tungstenite), and raw bytes
//! (`raw.rs`). Every wait has an end, so that a hang is a failure.
// Each test binary uses a part of it.
#![allow(dead_code)]

pub mod compressed;
pub mod deflate;
pub mod flood;
pub mod line;
pub mod raw;
#[cfg(feature = "tls")]
pub mod tls;

use std::fmt::Debug;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sockhop::{CloseReason, Config, ConnectionError, Context, Handle, Handler, ListenAddr, Message, Server, Shutdown};
use tungstenite::client::IntoClientRequest;
use tungstenite::error::Error as ClientError;
use tungstenite::handshake::client::Response;

use self::line::{Place, Way};

/// How long a test waits for something that should come at once.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// An independent WebSocket client.
pub type Client<S = TcpStream> = tungstenite::WebSocket<S>;
pub use tungstenite::Message as ClientMessage;

/// A server that runs in a thread, and is shut down when this value goes.
pub struct TestServer {
    pub handle: Handle,
    pub addrs: Vec<ListenAddr>,
    /// How clients speak to its first door.
    way: Way,
    ended: Receiver<io::Result<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestServer {
    /// Runs a server that was bound, mounted and configured by the caller.
    pub fn run(server: Server) -> Self {
        let (handle, addrs) = (server.handle(), server.local_addrs());
        let (sender, ended) = mpsc::channel();
        let thread = thread::spawn(move || {
            let result = server.run();
            // Nobody listens when the test has failed meanwhile.
            let _ = sender.send(result);
        });
        TestServer { handle, addrs, way: Way::Plain, ended, thread: Some(thread) }
    }

    /// Serves one handler at `/`, at a free port.
    pub fn serve(handler: impl Handler) -> Self {
        TestServer::run(bind().mount("/", handler))
    }

    /// The first TCP address.
    pub fn addr(&self) -> SocketAddr {
        tcp_addr(&self.addrs[0])
    }

    /// The same, and how clients speak to it.
    pub fn place(&self) -> Place {
        Place { addr: self.addr(), way: self.way }
    }

    pub fn connect(&self, path: &str) -> Client {
        connect(self.addr(), path)
    }

    /// A TCP connection that has not said anything.
    pub fn tcp(&self) -> TcpStream {
        tcp(self.addr())
    }

    /// The result of `run`, without shutting it down.
    pub fn wait(mut self) -> io::Result<()> {
        self.join()
    }

    fn join(&mut self) -> io::Result<()> {
        let result = self.ended.recv_timeout(PATIENCE).expect("the server neither ends nor panics");
        self.thread.take().expect("joined once").join().expect("the server has panicked");
        result
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if self.thread.is_some() && !thread::panicking() {
            self.handle.shutdown(Shutdown::default());
            self.join().expect("the server has failed");
        }
    }
}

/// A server with the default limits, at a free port.
pub fn bind() -> Server {
    Server::bind("127.0.0.1:0").expect("a free port")
}

/// A server with limits of its own, at a free port.
pub fn bind_with(config: Config) -> Server {
    Server::new(config).and_then(|server| server.listen("127.0.0.1:0")).expect("a free port")
}

pub fn tcp_addr(addr: &ListenAddr) -> SocketAddr {
    match addr {
        ListenAddr::Tcp(addr) => *addr,
        ListenAddr::Unix(path) => panic!("{} is no TCP address", path.display()),
    }
}

/// A TCP connection whose reads and writes end.
pub fn tcp(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("the server listens");
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

pub fn connect(addr: SocketAddr, path: &str) -> Client {
    let (client, _) = handshake(tcp(addr), format!("ws://{addr}{path}")).expect("the handshake succeeds");
    client
}

/// The opening handshake over any stream, with a URL or with a request that has headers of its own.
pub fn handshake<S: io::Read + io::Write>(
    stream: S,
    request: impl IntoClientRequest,
) -> Result<(Client<S>, Response), ClientError> {
    tungstenite::client(request, stream).map_err(|error| match error {
        tungstenite::HandshakeError::Failure(error) => error,
        tungstenite::HandshakeError::Interrupted(_) => ClientError::Io(io::ErrorKind::TimedOut.into()),
    })
}

/// A line of what the kernel says of a process's memory, in bytes.
pub fn memory(process: u32, line: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it lives");
    let value = status.lines().find_map(|it| it.strip_prefix(line)?.strip_prefix(':')?.strip_suffix(" kB"));
    1024 * value.and_then(|kib| kib.trim().parse::<usize>().ok()).expect("there is such a line")
}

/// The status and the text of a handshake's refusal.
pub fn refusal<C: Debug>(result: Result<C, ClientError>) -> (u16, String) {
    match result {
        Err(ClientError::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            (response.status().as_u16(), String::from_utf8(body).expect("the text is UTF-8"))
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// The next message, which must be a text.
pub fn read_text<S: io::Read + io::Write>(client: &mut Client<S>) -> String {
    match client.read().expect("a message comes") {
        ClientMessage::Text(text) => text.as_str().to_owned(),
        other => panic!("not a text: {other:?}"),
    }
}

/// The code and the reason of the Close frame, which must come next, and the end of the stream behind it.
pub fn read_close<S: io::Read + io::Write>(client: &mut Client<S>) -> (u16, String) {
    let close = match client.read().expect("a Close comes") {
        ClientMessage::Close(Some(frame)) => (frame.code.into(), frame.reason.as_str().to_owned()),
        ClientMessage::Close(None) => (1005, String::new()),
        other => panic!("not a Close: {other:?}"),
    };
    // The client has queued its answer; reading on sends it.
    match client.read() {
        Err(ClientError::ConnectionClosed) => close,
        other => panic!("not the end after a Close: {other:?}"),
    }
}

/// Answers every message with itself.
pub struct Echo;

impl Handler for Echo {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.send(message);
    }
}

/// An echo that tells what its callbacks see: `open`, `text …`, `binary …`, `error …`, `close by … CODE`.
pub struct Reporter(Sender<String>);

impl Reporter {
    pub fn new() -> (Self, Reports) {
        let (sender, receiver) = mpsc::channel();
        (Reporter(sender), Reports(receiver))
    }

    fn report(&self, what: String) {
        // The test may have seen enough.
        let _ = self.0.send(what);
    }
}

impl Handler for Reporter {
    fn open(&mut self, _ctx: &mut Context<'_>) {
        self.report("open".into());
    }

    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        match message {
            Message::Text("panic") => panic!("as the test wants it"),
            Message::Text(text) => self.report(format!("text {text}")),
            Message::Binary(bytes) => self.report(format!("binary of {}", bytes.len())),
        }
        ctx.send(message);
    }

    fn error(&mut self, _ctx: &mut Context<'_>, error: &ConnectionError) {
        self.report(format!("error {error}"));
    }

    fn close(&mut self, _ctx: &mut Context<'_>, reason: CloseReason<'_>) {
        self.report(describe(&reason));
    }
}

pub fn describe(reason: &CloseReason<'_>) -> String {
    let who = match reason {
        CloseReason::Peer(_) => "peer",
        CloseReason::Local(_) => "us",
        CloseReason::Lost => "loss",
        CloseReason::Failed(_) => "failure",
        CloseReason::Shutdown => "shutdown",
        other => panic!("a reason that the tests do not know: {other:?}"),
    };
    format!("close by {who} {}", reason.code().0)
}

/// The reports of a [`Reporter`].
pub struct Reports(Receiver<String>);

impl Reports {
    /// Asserts that exactly these come next.
    #[track_caller]
    pub fn expect(&self, reports: &[&str]) {
        for report in reports {
            assert_eq!(self.0.recv_timeout(PATIENCE).expect(report), *report);
        }
    }

    /// The next one, if it comes soon.
    pub fn poll(&self, soon: Duration) -> Option<String> {
        self.0.recv_timeout(soon).ok()
    }

    /// All that have come and were not asked for. For when the server has ended.
    pub fn rest(&self) -> Vec<String> {
        self.0.try_iter().collect()
    }

    /// Asserts that nothing more has come. For when the server has ended.
    #[track_caller]
    pub fn expect_end(&self) {
        assert_eq!(self.rest(), Vec::<String>::new());
    }
}

/// Bytes that look like nothing, different for each seed.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(|| {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
    .take(len)
    .collect()
}
