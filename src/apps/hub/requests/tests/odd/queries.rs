//! Queries of requests to read.

use super::*;

#[test]
fn queries() {
    let get = |target, status, text| ("GET", target, &[][..], None, status, text);
    let rows: &[Row<'_>] = &[
        get("/a?", 200, "\"last\":null,\"position\""),
        get("/a?unknown=1&&=&%", 200, "\"last\":null,\"position\""),
        get("/a?since", 200, "\"gap\":true"),
        get("/a?since=", 200, "\"gap\":true"),
        get("/a?since=0", 200, "\"gap\":true"),
        get("/a?since=-1", 200, "\"gap\":true"),
        get("/a?since=aaaaaa-0", 200, "\"gap\":true"),
        get("/a?since=aaaaaa-99999999999999999999", 200, "\"gap\":true"),
        get("/a?since=%00", 200, "\"gap\":true"),
        get("/a?since=%ff", 200, "\"gap\":true"),
        get("/a?since=%", 200, "\"gap\":true"),
        get("/a?since='%3B+DROP+TABLE", 200, "\"gap\":true"),
        get("/a?since=x&since=y", 200, "\"gap\":true"),
        get("/a?%73ince=x", 200, "\"gap\":true"),
        get("/a?SINCE=x", 200, "\"last\":null,\"position\""),
        get("/a?last=5", 200, "\"gap\":false,\"items\":[],\"more\":false"),
        get("/a?last=0", 200, "\"items\":[]"),
        get("/a?last=0005", 200, "\"items\":[]"),
        get("/a?last", 400, "last=10"),
        get("/a?last=", 400, "last=10"),
        get("/a?last=-1", 400, "last=10"),
        get("/a?last=%2B1", 400, "last=10"),
        get("/a?last=1.5", 400, "last=10"),
        get("/a?last=1001", 400, "1000"),
        get("/a?last=18446744073709551616", 400, "1000"),
        get("/a?last=\u{5b}1\u{5d}", 400, "last=10"),
        get("/a?last=%D9%A3", 400, "last=10"),
        get("/a?last=all", 400, "last=10"),
        get("/a?last=x&last=1", 400, "last=10"),
        get("/a?limit=0", 400, "limit=100"),
        get("/a?limit=1001", 400, "limit=100"),
        get("/a?limit=x", 400, "limit=100"),
        get("/a?limit=5", 200, "\"last\":null,\"position\""),
        get("/a?since=x&last=1", 400, "exclude"),
        get("/a?since=x&last=x", 400, "last=10"),
        get("/a?wait=1s", 400, "since"),
        get("/a?last=1&wait=1s", 400, "since"),
        get("/a?since=x&wait=1s", 200, "\"gap\":true"),
        get("/a?since=x&wait", 400, "wait=25s"),
        get("/a?since=x&wait=25", 400, "wait=25s"),
        get("/a?since=x&wait=-1s", 400, "wait=25s"),
        get("/a?since=x&wait=99999999999999999999h", 400, "wait=25s"),
        get("/a?since=x&wait=9223372036854775807h", 400, "wait=25s"),
        get("/a?since=x&wait=25s&wait=x", 200, "\"gap\":true"),
        get("/none/a?since=x", 200, "\"gap\":true"),
        get("/a?ids&binary", 200, "\"last\":null,\"position\""),
        ("HEAD", "/a?last=x", &[], None, 400, ""),
        ("POST", "/a?since=x&last=y&wait=z", &[], Some("1"), 202, "id"),
        ("DELETE", "/a?last=y", &[], None, 204, ""),
        ("OPTIONS", "/a?last=y", &[], None, 204, ""),
    ];
    check(&mut small(), rows);
}

#[test]
fn positions_at_the_edges() {
    let mut stage = small();
    let first = post(&mut stage, "/two/a", "1").id().to_owned();
    let epoch = first.split('-').next().expect("an epoch");
    (2..=3).for_each(|number| drop(post(&mut stage, "/two/a", &number.to_string())));
    let cases = [
        (format!("{epoch}-0"), "/two/a", true, 2),
        (format!("{epoch}-1"), "/two/a", false, 2),
        (format!("{epoch}-2"), "/two/a", false, 1),
        (format!("{epoch}-3"), "/two/a", false, 0),
        (format!("{epoch}-4"), "/two/a", true, 2),
        (format!("{epoch}-00000000003"), "/two/a", false, 0),
        (format!("{epoch}-3x"), "/two/a", true, 2),
        (format!("{epoch}-+3"), "/two/a", true, 2),
        (format!("{epoch}-"), "/two/a", true, 2),
        (format!("{epoch}3"), "/two/a", true, 2),
        (format!(" {epoch}-3"), "/two/a", true, 2),
        (
            epoch.to_ascii_uppercase() + "-3",
            "/two/a",
            epoch.bytes().any(|byte| byte.is_ascii_lowercase()),
            usize::from(epoch.bytes().any(|byte| byte.is_ascii_lowercase())) * 2,
        ),
        // A quiet channel: nothing is missing while no channel has been forgotten.
        (format!("{epoch}-0"), "/quiet", false, 0),
        (format!("{epoch}-4"), "/quiet", true, 0),
    ];
    for (since, channel, gap, count) in cases {
        let since = since.replace('+', "%2B").replace(' ', "%20");
        let got = get(&mut stage, &format!("{channel}?since={since}"));
        assert_eq!((&got.json["gap"], data(&got).len()), (&gap.into(), count), "{channel} {since}");
    }
}
