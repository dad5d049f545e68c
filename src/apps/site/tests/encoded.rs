//! Files that are compressed beforehand.

use super::*;

const GZIP: &[u8] = b"\x1f\x8bgzip";
const BROTLI: &[u8] = b"\x6b\x8d\0UnityWeb Compressed Content (brotli)...";
/// The lines of a client that takes both codings, of one that takes gzip, and of one that takes none.
const BOTH: &str = "Accept-Encoding: gzip, deflate, br, zstd\r\n";
const ONE: &str = "Accept-Encoding: gzip\r\n";
const NONE: &str = "";

/// The body, the coding and the media type of an answer.
fn parts(response: &Response) -> (&[u8], Option<&str>, Option<&str>) {
    (response.content(), header(response, "Content-Encoding"), header(response, "Content-Type"))
}

#[test]
fn a_file_is_sent_compressed_to_clients_that_can_decode_it() {
    let scene = Scene::new("beside");
    scene.write("app.js", "plain");
    scene.write("app.js.br", "brotli");
    scene.write("app.js.gz", GZIP);
    scene.write("index.html.gz", GZIP);
    // No gzip: it would break the page.
    scene.write("style.css", "plain");
    scene.write("style.css.gz", "text");
    let site = scene.read();
    let (script, page, style) =
        ("text/javascript; charset=utf-8", "text/html; charset=utf-8", "text/css; charset=utf-8");
    let cases = [
        ("/app.js", BOTH, &b"brotli"[..], Some("br"), script),
        ("/app.js", ONE, GZIP, Some("gzip"), script),
        ("/app.js", NONE, b"plain", None, script),
        ("/app.js", "Accept-Encoding: br;q=0\r\n", b"plain", None, script),
        ("/", BOTH, GZIP, Some("gzip"), page),
        ("/", NONE, b"home", None, page),
        ("/style.css", BOTH, b"plain", None, style),
        // By its own name it is a file like others.
        ("/app.js.gz", BOTH, GZIP, None, "application/gzip"),
    ];
    for (path, lines, body, coding, kind) in cases {
        let response = ask(&site, path, "", lines);
        assert_eq!(parts(&response), (body, coding, Some(kind)), "{path} {lines}");
        let varies = !matches!(path, "/style.css" | "/app.js.gz");
        assert_eq!(header(&response, "Vary"), varies.then_some("Accept-Encoding"), "{path}");
    }
}

#[test]
fn each_coding_has_a_tag_of_its_own_and_a_304_varies_too() {
    let scene = Scene::new("tags");
    scene.write("app.js", "plain");
    scene.write("app.js.br", "brotli");
    scene.write("app.js.gz", GZIP);
    scene.write("game.data.unityweb", GZIP);
    let site = scene.read();
    for (path, clients) in [("/app.js", &[BOTH, ONE, NONE][..]), ("/game.data.unityweb", &[BOTH, NONE])] {
        let tag = |lines: &&str| header(&ask(&site, path, "", lines), "ETag").unwrap().to_owned();
        let tags: Vec<_> = clients.iter().map(tag).collect();
        for (client, own) in clients.iter().zip(&tags) {
            for tag in &tags {
                let response = ask(&site, path, "", &format!("{client}If-None-Match: {tag}\r\n"));
                assert_eq!(response.status(), if tag == own { 304 } else { 200 }, "{path} {client}");
                assert_eq!(header(&response, "Vary"), Some("Accept-Encoding"));
            }
        }
    }
}

#[test]
fn files_of_unity_are_decoded_by_the_browser_though_their_names_are_those_of_compressed_files() {
    let scene = Scene::new("unity");
    for name in ["game.wasm.gz", "game.data.gz", "game.framework.js.gz", "game.symbols.json.gz", "game.wasm.unityweb"] {
        scene.write(name, GZIP);
    }
    for name in ["game.wasm.br", "old.data.unityweb", "archive.tar.br"] {
        scene.write(name, BROTLI);
    }
    scene.write("plain.data.unityweb", "data");
    scene.write("archive.tar.gz", GZIP);
    scene.write("table.csv.gz", GZIP);
    let site = scene.read();
    let (wasm, bytes, gzip) = ("application/wasm", "application/octet-stream", "application/gzip");
    let cases: [(&str, &str, Option<&str>, &str); 15] = [
        ("/game.wasm.gz", BOTH, Some("gzip"), wasm),
        ("/game.wasm.gz", NONE, None, gzip),
        ("/game.data.gz", BOTH, Some("gzip"), bytes),
        ("/game.framework.js.gz", BOTH, Some("gzip"), "text/javascript"),
        ("/game.symbols.json.gz", BOTH, Some("gzip"), "application/json"),
        ("/game.wasm.br", BOTH, Some("br"), wasm),
        ("/game.wasm.br", ONE, None, bytes),
        ("/game.wasm.unityweb", BOTH, Some("gzip"), wasm),
        ("/game.wasm.unityweb", NONE, None, bytes),
        ("/old.data.unityweb", BOTH, Some("br"), bytes),
        ("/old.data.unityweb", ONE, None, bytes),
        ("/plain.data.unityweb", BOTH, None, bytes),
        // Downloads stay as they are.
        ("/archive.tar.gz", BOTH, None, gzip),
        ("/archive.tar.br", BOTH, None, bytes),
        ("/table.csv.gz", BOTH, None, gzip),
    ];
    for (path, lines, coding, kind) in cases {
        let response = ask(&site, path, "", lines);
        assert_eq!(
            (header(&response, "Content-Encoding"), header(&response, "Content-Type")),
            (coding, Some(kind)),
            "{path}"
        );
        let content = fs::read(scene.www().join(&path[1..])).unwrap();
        assert_eq!(response.content(), content, "{path}");
    }
}

#[test]
fn a_player_gets_its_part_of_the_plain_file() {
    let scene = Scene::new("player");
    scene.write("a.wav", "0123456789");
    scene.write("a.wav.gz", GZIP);
    let lines = "Accept-Encoding: identity;q=1, *;q=0\r\nRange: bytes=3-\r\n";
    let response = ask(&scene.read(), "/a.wav", "", lines);
    assert_eq!((response.status(), response.content()), (206, &b"3456789"[..]));
    assert_eq!(header(&response, "Content-Encoding"), None);
}
