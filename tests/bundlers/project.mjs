// A folder with the client as a server hands it out, and programs that use it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { serve } from "../browser/sockhop.mjs";

/** Node 22, the first with a WebSocket. */
const NODE = fileURLToPath(new URL("node_modules/node22/bin/node", import.meta.url));
export const needsNode = existsSync(NODE) ? {} : { skip: "npm has no Node 22 for this machine" };

/** Greets the server named in the arguments, or the page's own, and tells the answers once they are complete. */
const talk = (report) => `
let heard = "";
const socket = new Sockhop(globalThis.process?.argv[2] ?? "any/where");
socket.onopen = () => socket.send("hi");
socket.onmessage = ({ data }) => {
  heard += data + ";";
  if (heard.endsWith("hi;")) { ${report}; socket.close(); }
};`;
export const HEARD = "Hi there;Received: hi;";
const PAGE = 'globalThis.document ? document.querySelector("p").append(heard) : console.log(heard)';
const WORKER = "globalThis.postMessage(heard)";

const programs = {
  "default.mjs": `import Sockhop from "./client.mjs";${talk(PAGE)}`,
  "named.mjs": `import { Sockhop } from "./client.mjs";${talk(PAGE)}`,
  "hub-user.mjs": `import Sockhop from "./hub.mjs";${talk(PAGE)}`,
  "interop.mjs": `import Sockhop from "./client.js";${talk(PAGE)}`,
  "required.cjs": `const { Sockhop: same, default: too } = require("./client.js"), Sockhop = require("./client.js");
    if (same !== Sockhop || too !== Sockhop) throw new Error("three names, one class");${talk(PAGE)}`,
  "global.mjs": `import "./client.js"; const { Sockhop } = globalThis;${talk(PAGE)}`,
  "worker.mjs": `import Sockhop from "./client.mjs";${talk(WORKER)}`,
  "worker.js": `importScripts("client.js");${talk(WORKER)}`,
  "with-worker.mjs": `const worker = new Worker(new URL("./worker.mjs", import.meta.url), { type: "module" });
    worker.onmessage = ({ data: heard }) => ${PAGE};`,
  "with-inline.mjs": `import Inline from "./worker.mjs?worker&inline"; const worker = new Inline();
    worker.onmessage = ({ data: heard }) => ${PAGE};`,
};

/** A folder that goes with the test; `files` are added. */
export async function project(t, files = {}, without = /^$/) {
  const folder = mkdtempSync(join(tmpdir(), "sockhop-build-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const server = await serve(t, ["greet"]);
  for (const name of ["client.js", "client.mjs", "hub.mjs", "client.d.ts", "client.d.mts", "hub.d.mts"].filter((name) => !without.test(name))) {
    files[name] = await (await fetch(server.url + name)).text();
  }
  for (const [name, text] of Object.entries({ ...programs, ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** What a program prints in Node 22. */
export async function node(file, ...args) {
  const child = spawn(NODE, ["--no-warnings", file, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => { output += text; });
  const [code] = await once(child, "close");
  assert.equal(code, 0, output);
  return output;
}

/** The address of a server that greets. */
export const greeter = async (t) => (await serve(t, ["greet"])).url.replace("http", "ws");
