//! What a request to read wants, by its query.

use std::time::Duration;

use super::super::config::units::{digits, time};
use super::super::page::LIMIT;
use super::super::problem::Problem;
use super::super::state::types::Replay;
use crate::http::Request;

/// Messages in an answer at most.
const MAX_LIMIT: usize = 1000;

/// Keys that are not among these are ignored; of a key that is there twice the first counts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// Empty where it cannot be decoded: as any text that is no position, it is a gap.
    since: Option<String>,
    last: Option<usize>,
    pub limit: usize,
    /// How long to wait, if there is nothing.
    pub wait: Option<Duration>,
}

impl Query {
    pub fn read(request: &Request<'_>) -> Result<Self, Problem> {
        let mut query = Query { since: None, last: None, limit: LIMIT, wait: None };
        if request.query().is_none() {
            return Ok(query);
        }
        let find = |name| request.query_params(name).next().map(Option::unwrap_or_default);
        let bad = |text: &'static str| move || Problem::new(400, text);
        query.since = find("since").map(|since| since.into_owned());
        if let Some(last) = find("last") {
            let number = digits(&last).filter(|last: &usize| *last <= MAX_LIMIT);
            let number = number.ok_or_else(bad("last is a number from 0 to 1000, such as last=10"))?;
            (query.last, query.limit) = (Some(number), number.max(1));
        }
        if let Some(limit) = find("limit") {
            let number = digits(&limit).filter(|limit| (1..=MAX_LIMIT).contains(limit));
            query.limit = number.ok_or_else(bad("limit is a number from 1 to 1000, such as limit=100"))?;
        }
        if let Some(wait) = find("wait") {
            query.wait = Some(time(&wait).ok_or_else(bad("wait is a time with its unit, such as wait=25s"))?);
        }
        match (&query.since, query.last, query.wait) {
            (Some(_), Some(_), _) => Err(bad("since and last exclude each other: send one of them")()),
            (None, _, Some(_)) => Err(bad("wait needs since, so that nothing is missed: send the last position")()),
            _ => Ok(query),
        }
    }

    /// The messages that it wants, if it wants any.
    pub fn replay(&self) -> Option<Replay<'_>> {
        match (&self.since, self.last) {
            (Some(since), _) => Some(Replay::Since(since)),
            (None, Some(last)) => Some(Replay::Last(last)),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(query: &str) -> Result<Query, String> {
        let head = format!("GET /a{query} HTTP/1.1\r\nHost: a\r\n\r\n");
        let request = Request::parse(head.as_bytes()).expect("a request");
        Query::read(&request).map_err(|problem| format!("{} {}", problem.status, problem.text))
    }

    #[test]
    fn reads_queries() {
        let none = || Query { since: None, last: None, limit: 100, wait: None };
        let since = |text: &str| Query { since: Some(text.to_owned()), ..none() };
        let cases = [
            ("", none()),
            ("?", none()),
            ("?x=1&Since=a&lasts=1", none()),
            ("?since=k3vQ7a-1", since("k3vQ7a-1")),
            ("?since=", since("")),
            ("?since", since("")),
            ("?since=%ff", since("")),
            ("?since=a&since=b", since("a")),
            ("?since=a&limit=1000&wait=25s", Query { limit: 1000, wait: Some(Duration::from_secs(25)), ..since("a") }),
            ("?since=a&wait=0s", Query { wait: Some(Duration::ZERO), ..since("a") }),
            ("?last=0", Query { last: Some(0), limit: 1, ..none() }),
            ("?last=1000", Query { last: Some(1000), limit: 1000, ..none() }),
            ("?last=10&limit=3", Query { last: Some(10), limit: 3, ..none() }),
            ("?limit=5", Query { limit: 5, ..none() }),
        ];
        for (text, expected) in cases {
            assert_eq!(query(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_numbers_and_times_that_are_none() {
        for number in ["", "-1", "+1", "1.5", "x", "1e3", "1001", "99999999999999999999", "%ff", "1+"] {
            assert_eq!(query(&format!("?last={number}")).unwrap_err().get(..11), Some("400 last is"), "{number}");
            assert_eq!(query(&format!("?limit={number}")).unwrap_err().get(..12), Some("400 limit is"), "{number}");
        }
        assert_eq!(query("?limit=0").unwrap_err().get(..12), Some("400 limit is"));
        for time in ["", "25", "s", "-1s", "1.5s", "99999999999999999999s", "1d"] {
            assert_eq!(query(&format!("?since=a&wait={time}")).unwrap_err().get(..11), Some("400 wait is"), "{time}");
        }
        assert!(query("?since=a&last=1").unwrap_err().contains("exclude"));
        assert!(query("?wait=1s").unwrap_err().contains("needs since"));
        assert!(query("?last=1&wait=1s").unwrap_err().contains("needs since"));
    }
}
