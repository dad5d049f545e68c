//! nginx as most people run it: TLS in front of a plain Sockhop, in one worker. It is told to speak TLS 1.3, which some
//! packages leave out. Its time and memory count together with those of Sockhop.

use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use sockhop::{ListenAddr, TlsPair};

use super::{Mode, NGINX_FRONT, sockhop as plain};

/// Why it cannot run here.
pub fn missing() -> Option<String> {
    let nginx = Command::new("nginx").arg("-v").stdin(Stdio::null()).stderr(Stdio::null()).status();
    nginx.is_err().then(|| "there is no nginx; to install it: apt-get install nginx-light".to_owned())
}

/// Serves without TLS at a free port, and starts nginx in front of it.
pub fn serve(port: u16, pair: &TlsPair) -> io::Result<()> {
    let server = plain::server(0, Mode::None, None)?;
    let behind = server.local_addrs().into_iter().find_map(|address| match address {
        ListenAddr::Tcp(address) => Some(address.port()),
        _ => None,
    });
    let folder = folder()?;
    fs::create_dir_all(&folder)?;
    let text = configuration(port, behind.ok_or(ErrorKind::AddrNotAvailable)?, pair)?;
    fs::write(configuration_file(&folder, port), text)?;
    // A process between this one and nginx has nginx end together with this one.
    let port = port.to_string();
    Command::new(env::current_exe()?).args(["serve", NGINX_FRONT, &port]).stdin(Stdio::null()).spawn()?;
    server.run()
}

/// Becomes nginx, which keeps the signal at its parent's death.
pub fn front(port: u16) -> io::Result<()> {
    let folder = folder()?;
    let file = configuration_file(&folder, port);
    Err(Command::new("nginx").arg("-p").arg(&folder).args(["-e", "stderr", "-c"]).arg(&file).exec())
}

fn folder() -> io::Result<PathBuf> {
    Ok(env::current_exe()?.parent().map_or_else(PathBuf::new, |folder| folder.join("nginx")))
}

fn configuration_file(folder: &Path, port: u16) -> PathBuf {
    folder.join(format!("{port}.conf"))
}

fn configuration(port: u16, behind: u16, pair: &TlsPair) -> io::Result<String> {
    let temporary =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {kind};"));
    // nginx looks for relative paths elsewhere.
    let (cert, key) = (fs::canonicalize(&pair.cert)?, fs::canonicalize(&pair.key)?);
    Ok(format!(
        "daemon off; worker_processes 1; pid {port}.pid; error_log stderr crit;\n\
         events {{ worker_connections 100000; }}\n\
         http {{\n\
         access_log off; {}\n\
         server {{ listen 127.0.0.1:{port} ssl backlog=4096;\n\
         ssl_certificate {}; ssl_certificate_key {}; ssl_protocols TLSv1.2 TLSv1.3;\n\
         location / {{\n\
         proxy_pass http://127.0.0.1:{behind}; proxy_http_version 1.1; proxy_read_timeout 1h;\n\
         proxy_set_header Host $http_host; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;\n\
         }} }} }}\n",
        temporary.join(" "),
        cert.display(),
        key.display(),
    ))
}
