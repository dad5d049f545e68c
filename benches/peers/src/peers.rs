//! The list of servers. Servers in scripting languages are installed by name into `target/peers` of this crate when
//! they are first needed. If the language is missing, they are left out, and a line says so.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::{env, fs};

use crate::options::Measure;
use crate::secure::Certificates;
use crate::serve::{self, Mode, SERVERS};
use crate::workload::{Key, Load};

const CACHE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers");
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts");

/// A server that can be started.
pub struct Peer {
    pub name: String,
    /// The words of the command. `{port}` stands for the port.
    pub command: Vec<String>,
    /// Whether it can carry a load.
    takes: fn(Load) -> bool,
    /// Whether it gets less load, and only one round.
    pub is_slow: bool,
    /// Set if it speaks TLS. `{cert}` and `{key}` in the command stand for the files.
    pub certificates: Option<Rc<Certificates>>,
}

impl Peer {
    pub fn takes_part(&self, load: Load, round: usize) -> bool {
        (self.takes)(load) && (round == 0 || !self.is_slow)
    }

    /// A server that is started by its name.
    fn named(name: &str, command: Vec<String>, takes: fn(Load) -> bool) -> Self {
        Peer { name: name.to_owned(), command, takes, is_slow: false, certificates: None }
    }
}

/// For a server without a limit of its own.
fn all(_: Load) -> bool {
    true
}

fn all_but_broadcasts(load: Load) -> bool {
    !load.is_broadcast()
}

/// The requested servers that can run here.
pub fn available(options: &Measure) -> Result<Vec<Peer>, Box<dyn Error>> {
    let mut peers = Vec::new();
    for (name, broadcasts) in SERVERS.into_iter().filter(|(name, _)| options.wants(name)) {
        peers.push(Peer::named(name, own(name)?, if broadcasts { all } else { all_but_broadcasts }));
    }
    peers.extend(further(options));
    for (name, install) in [("ws", npm as fn() -> Installed), ("websockets", python)] {
        if !options.wants(name) {
            continue;
        }
        match install() {
            Ok(command) => peers.push(Peer { is_slow: true, ..Peer::named(name, command, all) }),
            Err(why) => eprintln!("{name} is left out: {why}"),
        }
    }
    Ok(peers)
}

/// The servers that can compress, each in all modes.
pub fn compressing(options: &Measure) -> Vec<Peer> {
    let mut peers = Vec::new();
    for (server, install) in [("sockhop", sockhop as fn() -> Installed), ("ws", npm), ("websockets", python)] {
        if !options.wants(server) {
            continue;
        }
        match install() {
            Ok(command) => peers.extend(Mode::ALL.map(|mode| {
                let command = [&command[..], &[mode.name().to_owned()]].concat();
                Peer::named(&format!("{server}/{}", mode.name()), command, all)
            })),
            Err(why) => eprintln!("{server} is left out: {why}"),
        }
    }
    peers.extend(further(options));
    peers
}

/// The hub, nginx with nchan if it is installed, and Sockhop's bare broadcast, with which deliveries are compared.
pub fn hubs(options: &Measure) -> Result<Vec<Peer>, Box<dyn Error>> {
    let mut peers = Vec::new();
    let wanted =
        [(serve::HUB, Load::is_hub as fn(Load) -> bool), (serve::NCHAN, Load::is_hub), ("sockhop", Load::is_broadcast)];
    for (name, takes) in wanted.into_iter().filter(|(name, _)| options.wants(name)) {
        match serve::missing(name) {
            None => peers.push(Peer::named(name, own(name)?, takes)),
            Some(why) => eprintln!("{name} is left out: {why}"),
        }
    }
    Ok(peers)
}

/// The name of Sockhop without TLS, with which TLS is compared.
pub const PLAIN: &str = "sockhop/plain";

/// Sockhop without TLS, and the servers that speak it.
pub fn securing(options: &Measure) -> Result<Vec<Peer>, Box<dyn Error>> {
    let mut peers = Vec::new();
    let mut secure: Vec<Peer> = Vec::new();
    if options.wants(PLAIN) {
        peers.push(Peer::named(PLAIN, own("sockhop")?, without_tls));
    }
    let files = ["--cert", "{cert}", "--key", "{key}"].map(str::to_owned);
    for name in ["sockhop", "tokio-tungstenite", serve::NGINX].into_iter().filter(|name| options.wants(name)) {
        match serve::missing(name) {
            None => secure.push(Peer::named(name, [&own(name)?[..], &files].concat(), all)),
            Some(why) => eprintln!("{name} is left out: {why}"),
        }
    }
    secure.extend(further(options));
    for (name, install) in [("ws", npm as fn() -> Installed), ("websockets", python)] {
        if !options.wants(name) {
            continue;
        }
        let arguments = [Mode::None.name(), "{cert}", "{key}"].map(str::to_owned);
        match install() {
            Ok(command) => {
                secure.push(Peer { is_slow: true, ..Peer::named(name, [&command[..], &arguments].concat(), all) })
            }
            Err(why) => eprintln!("{name} is left out: {why}"),
        }
    }
    let certificates = Rc::new(Certificates::make(&options.out.join("certificates"))?);
    peers.extend(secure.into_iter().map(|peer| Peer { certificates: Some(certificates.clone()), ..peer }));
    Ok(peers)
}

/// Loads that do not differ from others only in the handshake of TLS.
fn without_tls(load: Load) -> bool {
    load.handshakes() == (Key::P256, false)
}

/// The servers given with their commands.
fn further(options: &Measure) -> impl Iterator<Item = Peer> {
    options.servers.iter().map(|(name, command)| {
        let command = command.split_whitespace().map(str::to_owned).collect();
        Peer::named(name, command, all)
    })
}

/// The command, or the reason why there is none.
type Installed = Result<Vec<String>, String>;

fn sockhop() -> Installed {
    own("sockhop")
}

/// The command for a server of this program.
fn own(name: &str) -> Installed {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    Ok([text(&program)?, "serve", name, "{port}"].map(str::to_owned).to_vec())
}

fn npm() -> Installed {
    let folder = Path::new(CACHE).join("node");
    run("node", &["--version"])?;
    if !folder.join("node_modules/ws").exists() {
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        run("npm", &["install", "--no-audit", "--no-fund", "--prefix", text(&folder)?, "ws@8"])?;
    }
    // Node looks for the package beside the script.
    let script = folder.join("ws.js");
    fs::copy(Path::new(SCRIPTS).join("ws.js"), &script).map_err(|error| error.to_string())?;
    Ok(vec!["node".to_owned(), text(&script)?.to_owned(), "{port}".to_owned()])
}

fn python() -> Installed {
    let folder = Path::new(CACHE).join("python");
    let python = folder.join("bin/python");
    if run(text(&python)?, &["-c", "import websockets"]).is_err() {
        run("python3", &["-m", "venv", text(&folder)?])?;
        run(text(&python)?, &["-m", "pip", "install", "--quiet", "websockets"])?;
    }
    let script = PathBuf::from(SCRIPTS).join("websockets_server.py");
    Ok([text(&python)?, text(&script)?, "{port}"].map(str::to_owned).to_vec())
}

/// The version of an installed package.
pub fn version(name: &str) -> Option<String> {
    match name {
        "ws" => {
            let package = fs::read_to_string(Path::new(CACHE).join("node/node_modules/ws/package.json")).ok()?;
            let line = package.lines().find_map(|line| line.trim().strip_prefix("\"version\": \""))?;
            line.split('"').next().map(str::to_owned)
        }
        "websockets" => {
            let script = "import websockets; print(websockets.__version__)";
            let said = Command::new(Path::new(CACHE).join("python/bin/python")).args(["-c", script]).output().ok()?;
            String::from_utf8(said.stdout).ok().map(|text| text.trim().to_owned())
        }
        serve::NGINX => nginx(),
        serve::NCHAN => {
            let args = ["--show", "--showformat=${Version}", "libnginx-mod-nchan"];
            let said = Command::new("dpkg-query").args(args).output().ok()?;
            let version = String::from_utf8(said.stdout).ok()?;
            Some(format!("{version} in nginx/{}", nginx()?))
        }
        _ => None,
    }
}

fn nginx() -> Option<String> {
    let said = Command::new("nginx").arg("-v").output().ok()?;
    Some(String::from_utf8(said.stderr).ok()?.trim().rsplit_once('/')?.1.to_owned())
}

fn text(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("{} is not text", path.display()))
}

fn run(program: &str, args: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {} failed: {}", args.join(" "), said.lines().last().unwrap_or_default()))
}
