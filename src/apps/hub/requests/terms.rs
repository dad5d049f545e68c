//! How a message is published: what the headers of its request say.

use super::super::log::Kind;
use super::super::problem::Problem;
use crate::http::Request;

/// Characters of a key.
const MAX_KEY: usize = 128;
/// Characters of the name of a connection.
const MAX_CONNECTION: usize = 64;

/// What a publisher wants, beside the message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Terms<'r> {
    pub kind: Kind,
    pub key: Option<&'r str>,
    pub keep: bool,
    /// The connection that does not get the message.
    pub except: Option<&'r str>,
}

impl<'r> Terms<'r> {
    pub fn read(request: &Request<'r>) -> Result<Self, Problem> {
        if request.header_lines("content-encoding").any(|coding| !coding.eq_ignore_ascii_case("identity")) {
            let text = "messages are passed on as they are: send the body without Content-Encoding";
            return Err(Problem::new(415, text));
        }
        let key = single(request, "idempotency-key", "Idempotency-Key is there twice: send it once")?;
        let except = single(request, "sockhop-except", "Sockhop-Except is there twice: send it once")?;
        let keep = match single(request, "sockhop-history", "Sockhop-History is there twice: send it once")? {
            None => true,
            Some(word) if word.eq_ignore_ascii_case("yes") => true,
            Some(word) if word.eq_ignore_ascii_case("no") => false,
            Some(_) => return Err(Problem::new(400, "Sockhop-History is no, or not there at all")),
        };
        let kind = if is_binary(request) { Kind::Binary } else { Kind::Text };
        Ok(Terms { kind, key: key.map(check_key).transpose()?, keep, except: except.map(check_except).transpose()? })
    }
}

/// The value of a header that may be there once.
fn single<'r>(request: &Request<'r>, name: &str, twice: &'static str) -> Result<Option<&'r str>, Problem> {
    let mut lines = request.header_lines(name);
    match (lines.next(), lines.next()) {
        (value, None) => Ok(value),
        _ => Err(Problem::new(400, twice)),
    }
}

pub(super) fn check_key(key: &str) -> Result<&str, Problem> {
    if is_visible(key, MAX_KEY) {
        return Ok(key);
    }
    Err(Problem::new(400, "a key has 1 to 128 visible ASCII characters, without spaces"))
}

pub(super) fn check_except(connection: &str) -> Result<&str, Problem> {
    if is_visible(connection, MAX_CONNECTION) {
        return Ok(connection);
    }
    Err(Problem::new(400, "a connection is named by what its first frame has as \"connection\""))
}

fn is_visible(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether the message is binary. All types but one are text: curl sends that of a form with any text.
fn is_binary(request: &Request<'_>) -> bool {
    const OCTETS: &str = "application/octet-stream";
    let is_octets = |value: &str| {
        value.split_at_checked(OCTETS.len()).is_some_and(|(essence, rest)| {
            let rest = rest.trim_start();
            essence.eq_ignore_ascii_case(OCTETS) && (rest.is_empty() || rest.starts_with(';'))
        })
    };
    request.header("content-type").is_some_and(is_octets) || request.query_params("binary").next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(target: &str, headers: &str) -> Result<(Kind, Option<String>, bool, Option<String>), u16> {
        let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        let request = Request::parse(head.as_bytes()).expect("a request");
        let Terms { kind, key, keep, except } = Terms::read(&request).map_err(|problem| problem.status)?;
        Ok((kind, key.map(str::to_owned), keep, except.map(str::to_owned)))
    }

    #[test]
    fn everything_is_text_but_octets() {
        let cases = [
            ("/a", "", Kind::Text),
            ("/a", "Content-Type: application/x-www-form-urlencoded\r\n", Kind::Text),
            ("/a", "Content-Type: application/json\r\n", Kind::Text),
            ("/a", "Content-Type: image/png\r\n", Kind::Text),
            ("/a", "Content-Type: application/octet-streams\r\n", Kind::Text),
            ("/a", "Content-Type: Application/Octet-Stream ; charset=x\r\n", Kind::Binary),
            ("/a?binary", "", Kind::Binary),
            ("/a?x=1&binary=1", "Content-Type: text/plain\r\n", Kind::Binary),
            ("/a?binar=y", "", Kind::Text),
        ];
        for (target, headers, kind) in cases {
            assert_eq!(terms(target, headers), Ok((kind, None, true, None)), "{target} {headers}");
        }
    }

    #[test]
    fn reads_the_headers_of_a_message() {
        let some = |text: &str| Some(text.to_owned());
        let long = "k".repeat(128);
        let cases = [
            ("Idempotency-Key: a\r\nSockhop-History: No\r\nSockhop-Except: c8f1", Ok((some("a"), false, some("c8f1")))),
            ("Sockhop-History: yes", Ok((None, true, None))),
            ("Content-Encoding: Identity", Ok((None, true, None))),
            (&format!("Idempotency-Key: {long}"), Ok((some(&long), true, None))),
            (&format!("Idempotency-Key: {long}k"), Err(400)),
            ("Idempotency-Key:", Err(400)),
            ("Idempotency-Key: a b", Err(400)),
            ("Idempotency-Key: \u{e9}", Err(400)),
            ("Idempotency-Key: a\r\nIdempotency-Key: a", Err(400)),
            ("Sockhop-History: off", Err(400)),
            ("Sockhop-History:", Err(400)),
            ("Sockhop-Except:", Err(400)),
            ("Sockhop-Except: a b", Err(400)),
            (&format!("Sockhop-Except: {}", "c".repeat(65)), Err(400)),
            ("Content-Encoding: gzip", Err(415)),
        ];
        for (headers, expected) in cases {
            let expected = expected.map(|(key, keep, except)| (Kind::Text, key, keep, except));
            assert_eq!(terms("/a", &format!("{headers}\r\n")), expected, "{headers}");
        }
    }
}
