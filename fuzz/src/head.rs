//! A second reader of request heads. It has the whole head, splits it into lines and words, and asks one question after
//! the other; nothing in it is shared with `sockhop::http`.

/// A head that is split into its parts, if it has them.
pub struct Head<'a> {
    pub method: &'a str,
    pub target: &'a str,
    pub version: &'a str,
    /// Names in lower case.
    headers: Vec<(String, &'a [u8])>,
}

/// Who may connect: what the policy under test is made of.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    pub any: bool,
    pub local: bool,
    pub via_proxy: bool,
    pub loopback: bool,
    /// An origin that may connect, as it is written without its port.
    pub allowed: Option<&'static str>,
}

const GARBAGE: &str = "\u{FFFD}";
const TOKEN: &str = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

impl<'a> Head<'a> {
    /// Splits a whole head, the empty line included.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(b"\r\n").unwrap_or(bytes).strip_suffix(b"\r\n\r\n")?;
        // The scanner has refused all other line ends.
        let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let words: Vec<&str> = std::str::from_utf8(lines.next()?).ok()?.split(' ').collect();
        let [method, target, version] = words[..] else { return None };
        let mut headers = Vec::new();
        for line in lines {
            let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':')?);
            let (name, value) = (std::str::from_utf8(name).ok()?, &value[1..]);
            if !is_token(name) || value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
                return None;
            }
            headers.push((name.to_ascii_lowercase(), value.trim_ascii()));
        }
        (is_token(method) && headers.len() <= 100).then_some(Self { method, target, version, headers })
    }

    /// A value that is not UTF-8 is garbage.
    pub fn values(&self, name: &str) -> Vec<&'a str> {
        self.bytes(name).map(|value| std::str::from_utf8(value).unwrap_or(GARBAGE)).collect()
    }

    fn bytes(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| *value)
    }

    fn list(&self, name: &str) -> Vec<String> {
        let words = self.bytes(name).flat_map(|value| value.split(|byte| *byte == b','));
        let words = words.map(|word| std::str::from_utf8(word).unwrap_or(GARBAGE).trim_matches([' ', '\t']).to_owned());
        words.filter(|word| !word.is_empty()).collect()
    }

    fn lists(&self, name: &str, word: &str) -> bool {
        self.list(name).iter().any(|it| it.to_ascii_lowercase() == word)
    }

    /// The subprotocols that are offered.
    pub fn subprotocols(&self) -> Vec<String> {
        self.list("sec-websocket-protocol")
    }

    /// RFC 6455 4.2.1, RFC 9112 3.2: whether it is an opening handshake that may be accepted, but for its origin.
    pub fn is_upgrade(&self) -> bool {
        let [key] = self.values("sec-websocket-key")[..] else { return false };
        let [host] = self.values("host")[..] else { return false };
        let mut offered = self.subprotocols();
        let words = offered.len();
        offered.sort();
        offered.dedup();
        let is_offer = offered.iter().all(|word| is_token(word)) && offered.len() == words;
        self.method == "GET"
            && self.version == "HTTP/1.1"
            && self.path().is_some()
            && authority(host).is_some()
            && self.lists("upgrade", "websocket")
            && self.lists("connection", "upgrade")
            && self.values("transfer-encoding").is_empty()
            && matches!(self.values("content-length")[..], [] | ["0"])
            && self.values("sec-websocket-version") == ["13"]
            && is_key(key)
            && is_offer
            && (words > 0 || self.values("sec-websocket-protocol").is_empty())
    }

    /// The path of the target, decoded; `None` for one that is not allowed.
    pub fn path(&self) -> Option<String> {
        if !self.target.bytes().all(|byte| byte.is_ascii_graphic()) || self.target.contains('#') {
            return None;
        }
        let rest = match self.absolute() {
            Some((target_authority, rest)) => authority(target_authority).map(|_| rest)?,
            None => Some(self.target).filter(|target| target.starts_with('/'))?,
        };
        let path = rest.split('?').next().filter(|path| !path.is_empty()).unwrap_or("/");
        let mut bytes = Vec::new();
        let mut pieces = path.split('%');
        bytes.extend(pieces.next().unwrap_or_default().bytes());
        for piece in pieces {
            let digits = piece.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            bytes.extend(piece[2..].bytes());
        }
        let path = String::from_utf8(bytes).ok()?;
        let is_safe = !path.chars().any(|c| c.is_control() || c == '\\') && !path.contains("/.");
        is_safe.then_some(path)
    }

    /// Authority and rest of a target in absolute-form.
    fn absolute(&self) -> Option<(&'a str, &'a str)> {
        let lower = self.target.to_ascii_lowercase();
        let scheme = ["http://", "https://", "ws://", "wss://"].into_iter().find(|scheme| lower.starts_with(scheme))?;
        let behind = &self.target[scheme.len()..];
        Some(behind.split_at(behind.find(['/', '?']).unwrap_or(behind.len())))
    }

    /// RFC 6455 10.2, and what `OriginPolicy` promises.
    pub fn origin_may_connect(&self, policy: Policy) -> bool {
        let origin = match self.values("origin")[..] {
            _ if policy.any => return true,
            [] => return true,
            [origin] => origin.to_ascii_lowercase(),
            _ => return false,
        };
        let own_host = self.absolute().map(|(host, _)| host).or_else(|| self.values("host").first().copied());
        let forwarded = self.list("x-forwarded-host").first().cloned().filter(|_| policy.via_proxy);
        let named = forwarded.or(own_host.map(str::to_owned)).and_then(|host| authority(&host));
        let is_loopback = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let proxied = self
            .headers
            .iter()
            .any(|(name, _)| matches!(&name[..], "forwarded" | "via") || name.starts_with("x-forwarded-"));
        let here = own_host.and_then(authority).is_some_and(|(host, _)| is_loopback(&host));
        let local = policy.local && policy.loopback && here && !proxied;
        let origin = match &origin[..] {
            "file://" => "file://",
            origin if origin.contains("://") => origin.strip_suffix('/').unwrap_or(origin),
            origin => origin,
        };
        if matches!(origin, "null" | "file://") {
            return local && (origin != "null" || self.values("origin") == ["null"]);
        }
        let Some((scheme, rest)) = origin.split_once("://") else { return false };
        let is_scheme = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
        if !scheme.starts_with(|c: char| c.is_ascii_lowercase()) || !scheme.bytes().all(is_scheme) {
            return false;
        }
        let Some((host, port)) = authority(rest) else { return false };
        let port = port.or(match scheme {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            _ => None,
        });
        let is_same = named.is_some_and(|(named_host, named_port)| {
            named_host == host && if named_port.is_some() { named_port == port } else { matches!(port, Some(80 | 443)) }
        });
        let is_allowed =
            policy.allowed.is_some_and(|allowed| allowed == format!("{scheme}://{host}") && port == Some(443));
        is_same || is_allowed || local && (scheme == "file" || is_loopback(&host))
    }
}

/// Host in lower case, and port.
fn authority(text: &str) -> Option<(String, Option<u32>)> {
    let text = text.to_ascii_lowercase();
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (&text[..], ""),
    };
    let is_host = match host.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
        Some(ip) => {
            let (ip, zone) = ip.split_once('%').unwrap_or((ip, "none"));
            is_name(zone) && ip.contains(':') && ip.bytes().all(|byte| b"0123456789abcdef:.".contains(&byte))
        }
        None => is_name(host),
    };
    let digits = port.trim_start_matches('0');
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && digits.len() <= 5;
    let number = if port.is_empty() { None } else { Some(digits.parse().unwrap_or(0)) };
    (is_host && is_port && number.is_none_or(|number| number <= 65_535)).then(|| (host.to_owned(), number))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// 16 bytes are 22 characters of base64, of whose last one two bits count, and padding.
fn is_key(key: &str) -> bool {
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
    let Some(digits) = key.strip_suffix("==") else { return false };
    digits.len() == 22 && digits.bytes().all(alphabet)
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| TOKEN.contains(c))
}
