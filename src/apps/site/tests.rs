use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use super::*;

mod beside;
mod encoded;

/// A directory of this test alone, with a secret beside it; removed when dropped.
struct Scene(PathBuf);

impl Scene {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sockhop-site-{}-{name}", std::process::id()));
        fs::create_dir_all(path.join("www")).unwrap();
        let scene = Scene(path);
        fs::write(scene.0.join("secret.txt"), "SECRET").unwrap();
        scene.write("index.html", "home");
        scene
    }

    fn www(&self) -> PathBuf {
        self.0.join("www")
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.www().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, target: &str, name: &str) {
        symlink(target, self.www().join(name)).unwrap();
    }

    fn read(&self) -> Site {
        Site::read(self.www()).unwrap()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // If this fails, the files stay in the system's directory for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn get(site: &Site, path: &str, prefix: &str) -> Response {
    ask(site, path, prefix, "")
}

/// The same with these header lines.
fn ask(site: &Site, path: &str, prefix: &str, lines: &str) -> Response {
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
    let client = Representation::new("text/javascript", &b"client"[..]);
    site.answer(&Request::parse(head.as_bytes()).unwrap(), prefix, Some(("/client.js", &client)))
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
}

fn names(site: &Site) -> Vec<String> {
    let mut names: Vec<_> = site.files().keys().cloned().collect();
    names.sort();
    names
}

#[test]
fn answers_with_its_files() {
    let scene = Scene::new("files");
    scene.write("a b/100%.txt", "odd");
    scene.write("docs/index.html", "docs");
    let site = scene.read();
    for (path, body) in [("/", "home"), ("/index.html", "home"), ("/a%20b/100%25.txt?x", "odd"), ("/docs/", "docs")] {
        let response = get(&site, path, "");
        assert_eq!((response.status(), response.content()), (200, body.as_bytes()), "{path}");
    }
    for (path, location) in
        [("/docs", "./docs/"), ("/docs?room=5&a=%20b", "./docs/?room=5&a=%20b"), ("/docs?", "./docs/?")]
    {
        let response = get(&site, path, "");
        assert_eq!((response.status(), header(&response, "Location")), (307, Some(location)));
    }
    for path in ["/a%20b/", "/a%20b", "/nothing", "/docs//", "/index.html/", "/INDEX.HTML"] {
        assert_eq!(get(&site, path, "").status(), 404, "{path}");
    }
}

#[test]
fn removes_a_prefix_that_a_proxy_has_left() {
    let scene = Scene::new("prefix");
    scene.write("pre/inner.txt", "inner");
    let site = scene.read();
    for (path, status) in [("/pre/", 200), ("/pre", 307), ("/", 200), ("/prefix/", 404), ("/pre/inner.txt", 200)] {
        assert_eq!(get(&site, path, "/pre").status(), status, "{path}");
    }
}

#[test]
fn serves_the_client_unless_a_file_has_its_name() {
    let scene = Scene::new("client");
    assert_eq!(get(&scene.read(), "/client.js", "").content(), b"client");
    assert_eq!(get(&scene.read(), "/pre/client.js", "/pre").content(), b"client");
    scene.write("client.js", "own");
    assert_eq!(get(&scene.read(), "/client.js", "").content(), b"own");
}

#[test]
fn knows_the_media_types_of_files() {
    let scene = Scene::new("types");
    let types = [
        ("a.HTML", "text/html; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.tar.png", "image/png"),
        ("a.wasm", "application/wasm"),
        ("html", "application/octet-stream"),
        ("a.", "application/octet-stream"),
        ("dir.css/a", "application/octet-stream"),
    ];
    types.iter().for_each(|(name, _)| scene.write(name, "x"));
    let site = scene.read();
    for (name, kind) in types {
        assert_eq!(header(&get(&site, &format!("/{name}"), ""), "Content-Type"), Some(kind), "{name}");
    }
}

#[test]
fn reads_only_regular_files_inside_that_are_not_hidden() {
    let scene = Scene::new("kinds");
    for hidden in [".env", ".git/config", "sub/.hidden", ".well-known/.hidden", "sub/.well-known/x"] {
        scene.write(hidden, "SECRET");
    }
    scene.write("sub/real.txt", "real");
    scene.write("sub/back\\slash", "x");
    scene.link("sub/real.txt", "inside.txt");
    scene.link("sub", "linked");
    scene.link("../secret.txt", "outside.txt");
    scene.link("/etc/passwd", "absolute.txt");
    scene.link("..", "parent");
    scene.link(".", "circle");
    scene.link("../circle", "sub/circle");
    scene.write(".well-known/security.txt", "Contact: a");
    scene.link(".env", "chosen.txt");
    scene.link("nowhere", "dangling");
    let _socket = UnixListener::bind(scene.www().join("socket")).unwrap();
    let expected =
        ["/.well-known/security.txt", "/chosen.txt", "/index.html", "/inside.txt", "/linked/real.txt", "/sub/real.txt"];
    assert_eq!(names(&scene.read()), expected);
}

#[test]
fn a_reload_serves_the_new_files() {
    let scene = Scene::new("reload");
    let site = scene.read();
    let served = site.clone();
    let before = get(&served, "/", "");
    scene.write("index.html", "new");
    assert_eq!(get(&served, "/", ""), before);
    site.reload().unwrap();
    assert_eq!(get(&served, "/", "").content(), b"new");
    assert_eq!(before.content(), b"home");
    fs::remove_dir_all(scene.www()).unwrap();
    assert!(site.reload().is_err());
    assert_eq!(get(&served, "/", "").content(), b"new");
}

#[test]
fn refuses_a_directory_over_the_limit() {
    let scene = Scene::new("limit");
    let names = "/index.html".len() + "/big".len();
    let big = fs::File::create(scene.www().join("big")).unwrap();
    big.set_len(1000 - ("home".len() + names) as u64).unwrap();
    assert_eq!(read(&scene.www(), 1000).unwrap().len(), 2);
    let error = read(&scene.www(), 999).unwrap_err().to_string();
    assert!(error.contains("more than 64 MiB in all") && error.contains("www/"), "{error}");
    // A sparse file of 1 TiB: it takes no room on the disk, and is not read to its end.
    big.set_len(1 << 40).unwrap();
    assert!(read(&scene.www(), 1000).is_err());
}

#[test]
fn names_a_path_that_is_not_a_directory() {
    let scene = Scene::new("none");
    for (path, why) in [("www/nothing", "No such file"), ("secret.txt", "Not a directory")] {
        let error = Site::read(scene.0.join(path)).unwrap_err().to_string();
        assert!(error.contains(path) && error.contains(why), "{error}");
    }
}

/// As kubelet lays out a ConfigMap: the files are links to a hidden directory, and a new version moves one link.
#[test]
fn serves_the_files_of_a_kubernetes_config_map() {
    let scene = Scene::new("configmap");
    fs::remove_file(scene.www().join("index.html")).unwrap();
    let publish = |version: &str, text: &str| {
        scene.write(&format!("..2026_11_{version}/index.html"), text);
        scene.write(&format!("..2026_11_{version}/sub/app.js"), text);
        scene.link(&format!("..2026_11_{version}"), "..data_tmp");
        fs::rename(scene.www().join("..data_tmp"), scene.www().join("..data")).unwrap();
    };
    publish("26", "old");
    scene.link("..data/index.html", "index.html");
    scene.link("..data/sub", "sub");
    let site = scene.read();
    assert_eq!(names(&site), ["/index.html", "/sub/app.js"]);
    publish("27", "new");
    assert_eq!(get(&site, "/", "").content(), b"old");
    site.reload().unwrap();
    assert_eq!((get(&site, "/", "").content(), get(&site, "/sub/app.js", "").content()), (&b"new"[..], &b"new"[..]));
    for path in ["/..data/index.html", "/..2026_11_27/index.html", "/..data"] {
        assert_eq!(get(&site, path, "").status(), 400, "{path}");
    }
}

#[test]
fn claims_utf8_only_for_text_in_utf8() {
    let scene = Scene::new("charset");
    let latin1 = b"<meta charset=iso-8859-1>caf\xe9";
    for (name, content, kind) in [
        ("a.html", &latin1[..], "text/html"),
        ("a.css", latin1, "text/css"),
        ("a.js", latin1, "text/javascript"),
        ("a.txt", b"\xff\xfeh\0i\0", "text/plain"),
        ("b.txt", "caf\u{e9}".as_bytes(), "text/plain; charset=utf-8"),
        ("c.txt", b"", "text/plain; charset=utf-8"),
        ("d.json", latin1, "application/json"),
        (".well-known/apple-app-site-association", b"{}", "application/json"),
        (".well-known/acme-challenge/token", b"abc", "application/octet-stream"),
        ("apple-app-site-association", b"{}", "application/octet-stream"),
    ] {
        scene.write(name, content);
        assert_eq!(header(&get(&scene.read(), &format!("/{name}"), ""), "Content-Type"), Some(kind), "{name}");
    }
}

#[test]
fn a_page_of_its_own_answers_404() {
    let scene = Scene::new("missing");
    scene.write("404.html", "lost");
    let site = scene.read();
    let tag = get(&site, "/404.html", "").headers().iter().find(|(name, _)| name == "ETag").unwrap().1.clone();
    for lines in ["", "Range: bytes=0-1\r\n", "If-None-Match: *\r\n", &format!("If-None-Match: {tag}\r\n")] {
        let response = ask(&site, "/nothing/here.js", "", lines);
        assert_eq!((response.status(), response.content()), (404, &b"lost"[..]), "{lines}");
        assert_eq!(header(&response, "Content-Type"), Some("text/html; charset=utf-8"));
        assert_eq!((header(&response, "ETag"), header(&response, "Accept-Ranges")), (None, None));
    }
    assert_eq!(get(&site, "/404.html", "").status(), 200);
}

#[test]
fn a_fallback_answers_where_a_page_is_asked_for() {
    let scene = Scene::new("fallback");
    scene.write("404.html", "lost");
    scene.write("docs/index.html", "docs");
    let site = scene.read().with_fallback("/index.html").unwrap();
    let page = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
    for (path, lines, status, body) in [
        ("/users/7", "", 200, "home"),
        ("/users/7/", "", 200, "home"),
        ("/users/j.doe", page, 200, "home"),
        ("/users/j.doe", "", 404, "lost"),
        ("/app.4f2a.js", "Accept: */*\r\n", 404, "lost"),
        ("/docs", page, 307, ""),
        ("/docs/", page, 200, "docs"),
        ("/client.js", page, 200, "client"),
        ("/.well-known/change-password", page, 404, "lost"),
    ] {
        let response = ask(&site, path, "", lines);
        assert_eq!((response.status(), response.content()), (status, body.as_bytes()), "{path} {lines}");
    }
    assert_eq!(ask(&site, "/..%2f", "", page).status(), 400);
    let error = scene.read().with_fallback("app.html").unwrap_err().to_string();
    assert!(error.contains("no file app.html in "), "{error}");
    fs::remove_file(scene.www().join("index.html")).unwrap();
    assert!(site.reload().is_err());
    assert_eq!(get(&site, "/users/7", "").content(), b"home");
}

#[test]
fn has_an_index_for_the_root_alone() {
    let scene = Scene::new("index");
    assert!(scene.read().has_index());
    scene.write("sub/index.html", "sub");
    fs::remove_file(scene.www().join("index.html")).unwrap();
    assert!(!scene.read().has_index());
    assert!(scene.read().with_fallback("sub/index.html").unwrap().has_index());
}

#[test]
fn headers_of_ones_own_replace_those_of_the_server() {
    let scene = Scene::new("headers");
    let policy = Some("base-uri 'self'; object-src 'none'; frame-ancestors 'self'");
    assert_eq!(header(&get(&scene.read(), "/", ""), "Content-Security-Policy"), policy);
    let site = scene.read();
    let with = |site: Site, line: (&str, &str)| site.with_header(line.0, line.1).unwrap();
    let lines = [
        ("content-security-policy", "default-src 'self'"),
        ("Cache-Control", "max-age=60"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Link", "</a.css>; rel=preload"),
        ("Link", "</b.js>; rel=preload"),
    ];
    let site = lines.into_iter().fold(site, with);
    let tag = header(&get(&site, "/", ""), "ETag").unwrap().to_owned();
    let cases =
        [("/", String::new(), 200), ("/", format!("If-None-Match: {tag}\r\n"), 304), ("/none", String::new(), 404)];
    for (path, request, status) in cases {
        let response = ask(&site, path, "", &request);
        assert_eq!(response.status(), status);
        let own: Vec<_> = response.headers().iter().map(|(name, value)| (&**name, &**value)).collect();
        let given = own.iter().filter(|line| lines.contains(line)).copied().collect::<Vec<_>>();
        assert_eq!(given, lines, "{own:?}");
        assert_eq!(own.iter().filter(|(name, _)| name.eq_ignore_ascii_case("cache-control")).count(), 1);
        assert!(!own.iter().any(|(_, value)| Some(*value) == policy), "{own:?}");
    }
    let bare = with(with(scene.read(), ("Content-Security-Policy", "")), ("Cache-Control", ""));
    let response = get(&bare, "/", "");
    assert_eq!((header(&response, "Content-Security-Policy"), header(&response, "Cache-Control")), (None, None));
    for (name, value) in [
        ("", "a"),
        ("a b", "c"),
        ("A", "b\r\nc: d"),
        ("A", "b\0"),
        ("content-length", "7"),
        ("Content-Type", "text/html"),
        ("etag", "\"a\""),
        ("Date", "today"),
        ("Vary", "*"),
        ("Connection", "close"),
    ] {
        let error = scene.read().with_header(name, value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}");
    }
}
