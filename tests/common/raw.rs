//! Frames and requests by hand, for what no decent client sends.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

pub const FIN: u8 = 0x80;
pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// A client's opening handshake, without the empty line at its end. Its key is the RFC's example.
pub fn request(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
}

/// Opens a WebSocket.
pub fn open(addr: SocketAddr, path: &str) -> TcpStream {
    let mut stream = super::tcp(addr);
    greet(&mut stream, path);
    stream
}

/// Shakes hands for a WebSocket.
pub fn greet(stream: &mut (impl Read + Write), path: &str) {
    stream.write_all(format!("{}\r\n", request(path)).as_bytes()).unwrap();
    read_101(stream);
}

/// Reads the server's opening handshake, not a byte more, and checks it.
pub fn read_101(stream: &mut impl Read) {
    let head = read_head(stream);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
}

/// Reads up to the empty line that ends the head, not a byte more.
pub fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a whole head comes");
        head.extend(byte);
    }
    String::from_utf8(head).expect("a head in ASCII")
}

/// A client's frame: FIN, RSV and opcode as the first byte says, the payload masked.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = header(first, payload.len());
    bytes[1] |= 0x80;
    bytes.extend(KEY);
    bytes.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

pub fn text(payload: &str) -> Vec<u8> {
    frame(FIN | TEXT, payload.as_bytes())
}

pub fn close(code: u16, reason: &str) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

/// An unmasked frame header, in its shortest form.
pub fn header(first: u8, len: usize) -> Vec<u8> {
    match len {
        0..126 => vec![first, len as u8],
        126..65_536 => [&[first, 126][..], &(len as u16).to_be_bytes()].concat(),
        _ => [&[first, 127][..], &(len as u64).to_be_bytes()].concat(),
    }
}

/// Reads one frame of the server's: its first byte and its payload. It must be unmasked, in its shortest form.
pub fn read_frame(stream: &mut impl Read) -> (u8, Vec<u8>) {
    let mut take = |len: usize| {
        let mut bytes = vec![0; len];
        stream.read_exact(&mut bytes).expect("a whole frame comes");
        bytes
    };
    let start = take(2);
    let len = match start[1] {
        len @ 0..126 => usize::from(len),
        126 => usize::from(u16::from_be_bytes(take(2).try_into().unwrap())),
        127 => usize::try_from(u64::from_be_bytes(take(8).try_into().unwrap())).unwrap(),
        masked => panic!("a masked frame: {masked:#x}"),
    };
    assert_eq!(header(start[0], len)[1], start[1], "the length is in its shortest form");
    (start[0], take(len))
}

pub fn read_text(stream: &mut impl Read) -> String {
    let (first, payload) = read_frame(stream);
    assert_eq!(first, FIN | TEXT, "{payload:?}");
    String::from_utf8(payload).expect("text is UTF-8")
}

/// Reads a Close frame: its code (1005: none) and reason.
pub fn read_close(stream: &mut impl Read) -> (u16, String) {
    let (first, payload) = read_frame(stream);
    assert_eq!(first, FIN | CLOSE, "{:?}", String::from_utf8_lossy(&payload));
    match payload.split_first_chunk() {
        None => (1005, String::new()),
        Some((code, reason)) => (u16::from_be_bytes(*code), String::from_utf8(reason.to_vec()).unwrap()),
    }
}

/// Reads to the end of the stream; a reset is a failure.
pub fn read_rest(stream: &mut impl Read) -> Vec<u8> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the stream ends in good order");
    rest
}

/// Waits for the end of the stream, by a reset or not.
pub fn wait_for_end(stream: &mut impl Read) {
    match io::copy(stream, &mut io::sink()) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
    }
}

/// The answer to a request that ends its connection: it is read up to the end of the stream.
pub fn exchange(stream: &mut TcpStream, request: &[u8]) -> Answer {
    stream.write_all(request).expect("the request is taken");
    let bytes = String::from_utf8(read_rest(stream)).expect("an answer in UTF-8");
    let (head, body) = bytes.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {bytes:?}"));
    Answer::parse(head, body.to_owned())
}

/// The answer to a request that leaves its connection open: not a byte more is read.
pub fn ask(stream: &mut TcpStream, request: &[u8]) -> Answer {
    stream.write_all(request).expect("the request is taken");
    let head = read_head(stream);
    let mut answer = Answer::parse(head.trim_end(), String::new());
    let is_bodiless = request.starts_with(b"HEAD") || matches!(answer.status, 204 | 304);
    if !is_bodiless {
        let len = answer.header("content-length").parse().unwrap_or_else(|_| panic!("no length: {answer:?}"));
        let mut body = vec![0; len];
        stream.read_exact(&mut body).expect("a whole body comes");
        answer.body = String::from_utf8(body).expect("a body in UTF-8");
    }
    assert!(!answer.header("connection").contains("close"), "{answer:?}");
    answer
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    fn parse(head: &str, body: String) -> Self {
        let (line, headers) = head.split_once("\r\n").unwrap_or((head, ""));
        let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        Answer {
            status: status.unwrap_or_else(|| panic!("no status: {line:?}")),
            headers: headers.lines().map(|line| header(line).expect("a header line")).collect(),
            body,
        }
    }

    /// All values of a header, with commas between them.
    pub fn header(&self, name: &str) -> String {
        let values = self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        values.collect::<Vec<_>>().join(", ")
    }

    /// Asserts that it is one whole answer that ends its connection.
    pub fn check_framing(&self) {
        assert!(self.header("connection").split(", ").any(|option| option == "close"), "{self:?}");
        assert_eq!(self.header("content-length"), self.body.len().to_string(), "{self:?}");
    }
}
