//! nginx with nchan, as Debian's package `libnginx-mod-nchan` has it: one worker, and the same bounds of the history as
//! Sockhop's defaults. A location is a channel, to which messages are posted and where WebSocket clients listen.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use crate::workload::HISTORY;

const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// Why it cannot run here.
pub fn missing() -> Option<String> {
    let nginx = Command::new("nginx").arg("-v").stdin(Stdio::null()).output();
    if nginx.is_ok() && Path::new(MODULE).exists() {
        return None;
    }
    Some("there is no nginx with nchan; to install it: apt-get install libnginx-mod-nchan".to_owned())
}

/// Becomes nginx, which keeps the signal at its parent's death.
pub fn serve(port: u16) -> io::Result<()> {
    let folder = env::current_exe()?.parent().map_or_else(PathBuf::new, |folder| folder.join("nchan"));
    fs::create_dir_all(&folder)?;
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration(port))?;
    // Its worker is another user, who must reach no file.
    Err(Command::new("nginx").arg("-p").arg(&folder).args(["-e", "stderr", "-c"]).arg(&file).exec())
}

fn configuration(port: u16) -> String {
    let temporary =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {kind};"));
    format!(
        "load_module {MODULE};\n\
         daemon off; worker_processes 1; pid pid; error_log stderr crit;\n\
         events {{ worker_connections 100000; }}\n\
         http {{\n\
         access_log off; {}\n\
         nchan_max_reserved_memory 1024M;\n\
         server {{ listen 127.0.0.1:{port} backlog=4096;\n\
         location / {{\n\
         nchan_pubsub; nchan_channel_id $uri; nchan_subscriber_first_message newest;\n\
         nchan_message_buffer_length {HISTORY}; nchan_message_timeout 10m;\n\
         }} }} }}\n",
        temporary.join(" ")
    )
}
