//! Batches.

use super::*;

#[test]
fn batches_that_are_none() {
    let batch = |body, status, text| ("POST", "/-/batch", &[][..], Some(body), status, text);
    let (deep, long) = ("[".repeat(2000), format!("[\"{}\"]", "x".repeat(4096)));
    let many = format!("[{}]", vec!["7"; 1001].join(","));
    let rows: &[Row<'_>] = &[
        batch("", 400, "JSON array"),
        batch(" ", 400, "JSON array"),
        batch("{}", 400, "JSON array"),
        batch("null", 400, "JSON array"),
        batch("\"[]\"", 400, "JSON array"),
        batch("[", 400, "not JSON"),
        batch("[]]", 400, "not JSON"),
        batch("[],", 400, "not JSON"),
        batch("[][]", 400, "not JSON"),
        batch("[,]", 400, "not JSON"),
        batch("[{\"channel\":\"/a\",\"data\":\"1\"},]", 400, "not JSON"),
        batch("[{\"channel\":\"/a\",\"data\":\"1\"}", 400, "not JSON"),
        batch("[{'channel':'/a'}]", 400, "not JSON"),
        batch("[{\"channel\":\"/a\",\"data\":NaN}]", 400, "not JSON"),
        batch("[{\"channel\":\"/a\",\"data\":\"a\nb\"}]", 400, "not JSON"),
        batch("channel=/a&data=1", 400, "JSON array"),
        batch("\u{feff}[]", 400, "JSON array"),
        batch(&deep, 400, "not JSON"),
        batch(&long, 413, "HubConfig::max_batch (4096)"),
        batch(&many, 413, "1000"),
        batch("[]", 200, "[]"),
        ("POST", "/-/batch", &[], None, 411, "Content-Length"),
        ("POST", "/-/batch?binary", &[("Content-Type", "image/png")], Some("[]"), 200, "[]"),
    ];
    let mut stage = small();
    check(&mut stage, rows);
    assert_eq!(get(&mut stage, "/a").json["messages"], 0, "nothing of a broken batch is published");
    let got = ask(&mut stage, "POST", "/-/batch", &[], Some(b"[\"caf\xe9\"]"));
    assert_eq!(got.status, 415);
}

#[test]
fn items_that_are_none() {
    let cases: &[(&str, u64, &str)] = &[
        ("null", 400, "JSON object"),
        ("[]", 400, "JSON object"),
        ("\"/a\"", 400, "JSON object"),
        ("{}", 400, "no channel"),
        (r#"{"data":"1"}"#, 400, "no channel"),
        (r#"{"channel":"/a"}"#, 400, "no message"),
        (r#"{"channel":7,"data":"1"}"#, 400, "channel is a string"),
        (r#"{"channel":null,"data":"1"}"#, 400, "channel is a string"),
        (r#"{"channel":["/a"],"data":"1"}"#, 400, "channel is a string"),
        (r#"{"channel":"","data":"1"}"#, 404, "no channel"),
        (r#"{"channel":"a","data":"1"}"#, 400, "begins with a slash"),
        (r#"{"channel":"/a/","data":"1"}"#, 400, "empty segment"),
        (r#"{"channel":"/a\u0000","data":"1"}"#, 400, "control character"),
        (r#"{"channel":"/a\\b","data":"1"}"#, 400, "backslash"),
        (r#"{"channel":"/\ud800","data":"1"}"#, 400, "channel is a string"),
        (r#"{"channel":"/a%2Fb","data":"1"}"#, 202, ""),
        (r#"{"channel":"/-/multi","data":"1"}"#, 404, "no channel"),
        (r#"{"channel":"/closed/a","data":"1"}"#, 403, "denies"),
        (r#"{"channels":[],"data":"1"}"#, 400, "no channel"),
        (r#"{"channels":"/a","data":"1"}"#, 400, "array of strings"),
        (r#"{"channels":["/a",7],"data":"1"}"#, 400, "array of strings"),
        (r#"{"channel":"/a","channels":["/b"],"data":"1"}"#, 400, "not both"),
        (r#"{"channel":"/a","channel":"/b","data":"1"}"#, 400, "twice"),
        (r#"{"channel":"/a","data":"1","d\u0061ta":"2"}"#, 400, "twice"),
        (r#"{"channel":"/a","data":"1","base64":""}"#, 400, "not both"),
        (r#"{"channel":"/a","base64":7}"#, 400, "base64"),
        (r#"{"channel":"/a","base64":"AAE"}"#, 400, "padding"),
        (r#"{"channel":"/a","base64":"AAE=="}"#, 400, "padding"),
        (r#"{"channel":"/a","base64":"_-8="}"#, 400, "RFC 4648"),
        (r#"{"channel":"/a","base64":"AA E="}"#, 400, "RFC 4648"),
        (r#"{"channel":"/a","base64":""}"#, 202, ""),
        (r#"{"channel":"/a","data":null}"#, 202, ""),
        (r#"{"channel":"/a","data":"\ud800"}"#, 400, "surrogate"),
        (r#"{"channel":"/a","data":{"a":"\ud800"}}"#, 202, ""),
        (r#"{"channel":"/a","data":1e999999}"#, 202, ""),
        (r#"{"channel":"/a","data":"1","key":""}"#, 400, "128"),
        (r#"{"channel":"/a","data":"1","key":"a b"}"#, 400, "visible"),
        (r#"{"channel":"/a","data":"1","key":7}"#, 400, "key is a string"),
        (r#"{"channel":"/a","data":"1","history":"no"}"#, 400, "history is true or false"),
        (r#"{"channel":"/a","data":"1","history":0}"#, 400, "history is true or false"),
        (r#"{"channel":"/a","data":"1","except":""}"#, 400, "first frame"),
        (r#"{"channel":"/a","data":"1","except":[]}"#, 400, "except is a string"),
        (r#"{"channel":"/a","data":"1","histroy":false}"#, 400, "nothing else"),
        (r#"{"channel":"/a","data":"1","token":"x"}"#, 400, "nothing else"),
    ];
    cases.iter().for_each(|(item, status, text)| check_item(item, *status, text));
    let long = format!(r#"{{"channel":"/a","data":"{}"}}"#, "x".repeat(65));
    check_item(&long, 413, "Config::max_body (64)");
    let key = format!(r#"{{"channel":"/a","data":"","key":"{}"}}"#, "k".repeat(129));
    check_item(&key, 400, "128");
}

fn check_item(item: &str, status: u64, text: &str) {
    // What comes behind it is published nevertheless.
    let batch = format!(r#"[{item},{{"channel":"/z","data":"z"}}]"#);
    let got = post(&mut small(), "/-/batch", &batch);
    assert_eq!((&got.json[0]["status"], &got.json[1]["status"]), (&status.into(), &202.into()), "{item}");
    assert_eq!(got.status, if status < 400 { 200 } else { 207 }, "{item}");
    let error = got.json[0]["error"].as_str().unwrap_or_default();
    assert!(error.contains(text), "{item}: {error}");
}
