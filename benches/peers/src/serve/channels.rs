//! Sockhop's hub with its default limits, except that it allows enough connections.

use std::io;

use sockhop::{Config, Hub, HubConfig, Server};

pub fn serve(port: u16) -> io::Result<()> {
    let config = Config { max_connections: 100_000, ..Config::default() };
    let server = Server::new(config)?.listen(format!("127.0.0.1:{port}"))?;
    server.mount("/*", Hub::new(HubConfig::default())).run()
}
