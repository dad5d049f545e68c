//! A publisher: a kept HTTP connection with at most one request in flight. Both servers end a connection after 1,000
//! requests by default, and say so in the last answer.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Poll, Token};

/// The longest answer that a server may give.
const LONGEST: usize = 4096;

pub struct Publisher {
    stream: TcpStream,
    /// The time of the request that is in flight.
    since: Option<Instant>,
    /// The beginning of its answer, if it has not come at once.
    begun: Vec<u8>,
}

pub struct Answer {
    /// The time of its request.
    pub since: Instant,
    /// Whether the server ends the connection.
    pub is_last: bool,
}

/// Requests that publish a payload to a channel.
pub struct Requests {
    heads: Vec<Vec<u8>>,
    request: Vec<u8>,
}

impl Requests {
    /// Prepares requests with payloads of `len` bytes.
    pub fn new(address: SocketAddr, channels: usize, len: usize) -> Self {
        let head = |channel| {
            format!(
                "POST {} HTTP/1.1\r\nHost: {address}\r\nContent-Type: text/plain\r\nContent-Length: {len}\r\n\r\n",
                super::path(channel)
            )
        };
        Requests { heads: (0..channels).map(|channel| head(channel).into_bytes()).collect(), request: Vec::new() }
    }

    pub fn channels(&self) -> usize {
        self.heads.len()
    }

    pub fn request(&mut self, channel: usize, payload: &[u8]) -> &[u8] {
        self.request.clear();
        self.request.extend_from_slice(&self.heads[channel]);
        self.request.extend_from_slice(payload);
        &self.request
    }
}

impl Publisher {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Publisher { stream: TcpStream::from_std(stream), since: None, begun: Vec::new() })
    }

    pub fn register(&mut self, poll: &Poll, token: Token) -> io::Result<()> {
        // The send buffer always has room for one request.
        poll.registry().register(&mut self.stream, token, Interest::READABLE)
    }

    pub fn is_waiting(&self) -> bool {
        self.since.is_some()
    }

    /// Sends a request, whose answer takes its time from `since`.
    pub fn send(&mut self, request: &[u8], since: Instant) -> io::Result<()> {
        if self.stream.write(request)? < request.len() {
            return Err(ErrorKind::WriteZero.into());
        }
        self.since = Some(since);
        Ok(())
    }

    /// Reads the answer. Returns it once it is complete, and an error if it is not 201 or 202.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<Answer>, Box<dyn Error>> {
        let n = match self.stream.read(buffer) {
            Ok(0) => return Err("the server has dropped a publisher".into()),
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let ended = if self.begun.is_empty() {
            ended(&buffer[..n])?
        } else {
            self.begun.extend_from_slice(&buffer[..n]);
            ended(&self.begun)?
        };
        let Some(is_last) = ended else {
            if self.begun.is_empty() {
                self.begun.extend_from_slice(&buffer[..n]);
            }
            return Ok(None);
        };
        self.begun.clear();
        let since = self.since.take().ok_or("an answer came to no request")?;
        Ok(Some(Answer { since, is_last }))
    }
}

/// Whether an answer is the last one of its connection, once it is complete: its head, and as many bytes as its
/// Content-Length says.
fn ended(answer: &[u8]) -> Result<Option<bool>, String> {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return if answer.len() > LONGEST { Err("an answer without an end".to_owned()) } else { Ok(None) };
    };
    let (head, body) = answer.split_at(end + 4);
    if !head.starts_with(b"HTTP/1.1 201 ") && !head.starts_with(b"HTTP/1.1 202 ") {
        return Err(format!("a publish was answered: {}", String::from_utf8_lossy(answer)));
    }
    let digits = field(head, b"content-length:").ok_or("an answer without a length")?;
    let len = str::from_utf8(digits).ok().and_then(|digits| digits.parse::<usize>().ok()).ok_or("a wrong length")?;
    if body.len() > len {
        return Err("more than one answer".to_owned());
    }
    let is_last = field(head, b"connection:").is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
    Ok((body.len() == len).then_some(is_last))
}

/// The value of a field, whose name is given with its colon.
fn field<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    head.split(|byte| *byte == b'\n').find_map(|line| {
        let (found, value) = line.split_at_checked(name.len())?;
        found.eq_ignore_ascii_case(name).then_some(value.trim_ascii())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_with_its_body() {
        let answer = b"HTTP/1.1 201 Created\r\nServer: x\r\ncontent-length: 3\r\n\r\nabc";
        for end in 0..answer.len() {
            assert_eq!(ended(&answer[..end]), Ok(None), "{end} bytes");
        }
        assert_eq!(ended(answer), Ok(Some(false)));
        assert_eq!(ended(&[&answer[..], b"H"].concat()), Err("more than one answer".to_owned()));
        let last = b"HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(ended(last), Ok(Some(true)));
        let refused = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
        assert!(ended(refused).is_err_and(|error| error.contains("503")));
    }
}
