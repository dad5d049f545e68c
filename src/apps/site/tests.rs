use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use super::*;

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

    fn write(&self, name: &str, text: &str) {
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
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let client = Representation::new("text/javascript", &b"client"[..]);
    site.answer(&Request::parse(head.as_bytes()).unwrap(), prefix, Some(("/client.js", &client)))
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
    let response = get(&site, "/docs", "");
    assert_eq!(response.status(), 307);
    assert!(response.headers().contains(&("Location".into(), "./docs/".into())));
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
        let response = get(&site, &format!("/{name}"), "");
        assert!(response.headers().contains(&("Content-Type".into(), kind.into())), "{name}");
    }
}

#[test]
fn reads_only_regular_files_inside_that_are_not_hidden() {
    let scene = Scene::new("kinds");
    for hidden in [".env", ".git/config", "sub/.hidden"] {
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
    scene.link(".env", "env.txt");
    scene.link("nowhere", "dangling");
    let _socket = UnixListener::bind(scene.www().join("socket")).unwrap();
    let expected = ["/index.html", "/inside.txt", "/linked/real.txt", "/sub/real.txt"];
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
    let big = File::create(scene.www().join("big")).unwrap();
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
