// A `sockhop` process and clients of it, for the tests beside this file.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import WebSocket from "ws";

const BINARY = process.env.SOCKHOP_BIN ?? fileURLToPath(new URL("../../../target/release/sockhop", import.meta.url));

/** One that was built with the feature `deflate`. */
const DEFLATE_BINARY = process.env.SOCKHOP_DEFLATE_BIN
  ?? fileURLToPath(new URL("../../../target/release/sockhop-deflate", import.meta.url));

/** Each test gets this: what does not come in time is a failure, not a hang. No test waits for it when all is well. */
export const options = { timeout: 60_000 };

/** One process on a port of its own; when the test ends it must exit by SIGTERM with code 0. */
export async function serve(t, ...args) {
  // The tests do on purpose what it warns of.
  const env = { ...process.env, RUST_LOG: "error" };
  for (const name of ["SOCKHOP_LISTEN", "IP", "PORT"]) delete env[name];
  const child = spawn(args.includes("--deflate") ? DEFLATE_BINARY : BINARY, [...args, "--listen", "127.0.0.1:0"], { env, stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const server = {
    async stop() {
      child.kill("SIGTERM");
      const [code, signal] = await exited;
      return code ?? signal;
    },
  };
  t.after(async () => assert.equal(await server.stop(), 0, "exit code of the server"));
  const lines = createInterface({ input: child.stdout });
  const line = await Promise.race([once(lines, "line"), exited.then(() => [""])]);
  const port = /:\/\/[^/\s]*:(\d+)/.exec(line[0])?.[1];
  assert.ok(port, `an address in the first line: ${line[0]}`);
  server.address = `127.0.0.1:${port}`;
  return server;
}

/** A client that keeps what it receives until it is asked for. */
export class Client {
  #received = [];
  #waiting = [];

  static async connect(t, server, path = "/", protocols = [], options = {}) {
    const client = new Client();
    client.socket = new WebSocket(`ws://${server.address}${path}`, protocols, options);
    client.socket.on("message", (data, isBinary) => client.#push(isBinary ? data : data.toString()));
    client.closed = new Promise((resolve) => client.socket.on("close", (code) => resolve(code)));
    client.closed.then((code) => client.#push({ closed: code }));
    t.after(() => client.socket.terminate());
    await once(client.socket, "open");
    return client;
  }

  #push(item) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(item);
    else this.#received.push(item);
  }

  /** The next message, a string or a Buffer, or `{ closed: code }` after the last. */
  next() {
    if (this.#received.length) return Promise.resolve(this.#received.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  send(data, options = {}) {
    this.socket.send(data, options);
  }

  async receives(...messages) {
    for (const message of messages) assert.deepEqual(await this.next(), message);
  }

  /** Resolves with the payload of the answer to a ping. */
  async ping(payload = "") {
    const pong = once(this.socket, "pong");
    this.socket.ping(payload);
    return (await pong)[0].toString();
  }

  /** No message is on its way: what was sent before the answer to a ping has come before it. */
  async nothingMore() {
    await this.ping();
    this.socket.close(1000);
    await this.receives({ closed: 1000 });
  }
}

/** Clients of one path, all of them open. */
export function clients(t, server, count, path = "/") {
  return Promise.all(Array.from({ length: count }, () => Client.connect(t, server, path)));
}
