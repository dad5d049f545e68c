// A proxy as a process, in a folder of its own, on ports that were free.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** A folder that is there until the test ends, also for a proxy that runs as another user than root. */
export function folderFor(t, name) {
  const folder = mkdtempSync(join(tmpdir(), `sockhop-${name}-`));
  chmodSync(folder, 0o777);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts a proxy that stays in the foreground, and waits until it listens. */
export async function run(t, [command, ...args], port, options = {}) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => { output += text; });
  const exited = once(child, "exit");
  t.after(async () => {
    child.kill();
    await exited;
  });
  const isUp = () => new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => { socket.destroy(); resolve(true); }).on("error", () => resolve(false));
  });
  while (!(await isUp())) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${command} has ended: ${output}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
