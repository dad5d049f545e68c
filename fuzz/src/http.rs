//! HTTP responses, read as strictly as RFC 9112 has them written.

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case, in the order in which they came.
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads the response that `bytes` begins with, and what lies behind it. Panics when it is not well-formed.
    pub fn parse(bytes: &[u8]) -> (Self, &[u8]) {
        let (mut answer, mut rest) = Self::parse_head(bytes);
        if let Some(length) = answer.header("content-length") {
            let length: usize = length.parse().expect("a length");
            let (body, behind) = rest.split_at_checked(length).expect("a whole body");
            (answer.body, rest) = (body.to_vec(), behind);
        }
        (answer, rest)
    }

    /// The same of a response without its body, as HEAD gets it (RFC 9110 9.3.2).
    pub fn parse_head(bytes: &[u8]) -> (Self, &[u8]) {
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("a whole head: {:?}", bytes[..bytes.len().min(300)].escape_ascii().to_string()));
        let head = std::str::from_utf8(&bytes[..end]).expect("a head in UTF-8");
        assert!(head.split("\r\n").all(|line| !line.contains(|c: char| c.is_control() && c != '\t')), "{head:?}");
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let (status, _reason) =
            status_line.strip_prefix("HTTP/1.1 ").and_then(|it| it.split_once(' ')).expect("a status");
        assert!(status.len() == 3, "{status_line}");
        let headers = lines
            .map(|line| {
                let (name, value) = line.split_once(": ").expect("a header line");
                let is_token = |c: char| c.is_ascii_alphanumeric() || c == '-';
                assert!(!name.is_empty() && name.chars().all(is_token) && value.trim() == value, "{line:?}");
                (name.to_ascii_lowercase(), value.to_owned())
            })
            .collect();
        let answer = Self { status: status.parse().expect("a number"), headers, body: Vec::new() };
        (answer, &bytes[end + 4..])
    }

    /// The value of a header that is there once at the most.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| &value[..]);
        let first = values.next();
        assert_eq!(values.next(), None, "{name} twice");
        first
    }

    /// Asserts that it ends its connection as every answer but 101 must.
    pub fn assert_final(&self) {
        let connection: Vec<_> = self.headers.iter().filter(|(name, _)| name == "connection").collect();
        assert!(matches!(&connection[..], [(_, value)] if value.split(", ").any(|it| it == "close")), "{self:?}");
        assert!((200..=599).contains(&self.status), "{self:?}");
        let has_length = self.header("content-length").is_some();
        assert_eq!(has_length, !matches!(self.status, 204 | 304), "{self:?}");
        assert!(self.header("sec-websocket-accept").is_none() && self.header("transfer-encoding").is_none());
    }
}
