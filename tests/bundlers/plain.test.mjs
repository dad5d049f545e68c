// The client as it is served: in workers, in Node 22 and for TypeScript.

import test from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { browse, open, options, serve } from "../browser/sockhop.mjs";
import { HEARD, greeter, needsNode, node, project } from "./project.mjs";

test("workers of every kind find the server by their own location", options, async (t) => {
  const use = (report) => `const socket = new Sockhop("any/where"); socket.onmessage = ({ data }) => ${report};`;
  const toAll = "clients.matchAll({ includeUncontrolled: true }).then((all) => all.forEach((it) => it.postMessage(data)))";
  const folder = await project(t, {
    "index.html": "<!doctype html><title>workers</title><link rel=icon href=data:,><p></p>",
    "shared.js": `import Sockhop from "./client.mjs"; onconnect = ({ ports: [port] }) => { ${use("port.postMessage(data)")} };`,
    "service.js": `import Sockhop from "./client.mjs"; ${use(toAll)}`,
    "service-classic.js": `importScripts("client.js"); ${use(toAll)}`,
  });
  const server = await serve(t, ["greet", "--page", folder]);
  const context = await browse(t);
  const page = await open(t, context, server.url);
  const heard = (start) => page.evaluate(start);
  const first = (worker) => `new Promise((resolve, reject) => { const worker = ${worker}; worker.onerror = ({ message }) => reject(message);
    (worker.port ?? worker).onmessage = ({ data }) => resolve(data); })`;
  assert.equal(await heard(first('new Worker("worker.mjs", { type: "module" })')), HEARD);
  assert.equal(await heard(first('new Worker("worker.js")')), HEARD);
  assert.equal(await heard(first('new SharedWorker("shared.js", { type: "module" })')), "Hi there");
  for (const [file, type] of [["service.js", "module"], ["service-classic.js", "classic"]]) {
    const registered = `new Promise((resolve, reject) => {
      navigator.serviceWorker.onmessage = ({ data }) => resolve(data);
      navigator.serviceWorker.startMessages();
      navigator.serviceWorker.register("${file}", { type: "${type}" }).catch(reject);
    })`;
    assert.equal(await heard(registered), "Hi there", file);
  }
});

test("Node imports and requires the client", { ...options, ...needsNode }, async (t) => {
  const address = await greeter(t);
  const folder = await project(t, {
    "both.mjs": `import Sockhop, { Sockhop as named } from "./client.js"; import assert from "node:assert"; assert.equal(named, Sockhop);`,
  });
  for (const program of ["default.mjs", "named.mjs", "hub-user.mjs", "interop.mjs", "required.cjs"]) {
    assert.equal(await node(join(folder, program), address), `${HEARD}\n`, program);
  }
  await node(join(folder, "both.mjs"));
});

test("Node 22 tries again, though it tells no end of a try that failed", { ...options, ...needsNode }, async (t) => {
  const gone = createServer().listen(0, "127.0.0.1");
  await once(gone, "listening");
  const { port } = gone.address();
  gone.close();
  await once(gone, "close");
  const folder = await project(t, {
    "again.mjs": `import Sockhop from "./client.mjs";
      const socket = new Sockhop("ws://127.0.0.1:${port}/"), told = [];
      socket.addEventListener("error", () => told.push("error"));
      socket.onclose = ({ code, reason, wasClean, retryIn }) => {
        told.push([code, reason, wasClean, retryIn && retryIn >= 500, socket.readyState]);
        if (retryIn && told.length > 4) socket.close();
        else if (!retryIn) console.log(JSON.stringify(told));
      };`,
    "closed.mjs": `import Sockhop from "./client.mjs";
      const socket = new Sockhop("ws://127.0.0.1:${port}/");
      socket.onclose = ({ code, retryIn }) => console.log(code, retryIn, socket.readyState);
      socket.close();`,
  });
  const failed = ["error", [1006, "", false, true, 0]];
  const expected = [...failed, ...failed, ...failed, [1006, "", false, null, 3]];
  assert.deepEqual(JSON.parse(await node(join(folder, "again.mjs"))), expected);
  assert.equal(await node(join(folder, "closed.mjs")), "1006 null 3\n");
});

const USES = `
const socket: WebSocket = new Sockhop("ws");
const ours = new Sockhop("ws", ["a"], { heartbeat: "sockhop.heartbeat", timeout: 10_000 });
ours.onclose = ({ code, retryIn }) => { const ms: number = retryIn ?? code; console.log(ms); };
ours.addEventListener("close", ({ retryIn }) => console.log(retryIn?.toFixed()));
ours.addEventListener("message", ({ data }) => socket.send(data));
// @ts-expect-error: there is no such option
new Sockhop("ws", [], { beat: 1 });
new Sockhop("ws", { timeout: 10_000 });
`;
const HUB_USES = `
const hub = new Sockhop("orders/42", { ids: true, heartbeat: "sockhop.heartbeat", headers: { Authorization: "Bearer x" } });
hub.onmessage = ({ id, channel, data }) => console.log(id?.length, channel?.length, data);
hub.ongap = ({ channel }) => console.log(channel?.length);
hub.addEventListener("gap", ({ channel, id }) => console.log(channel?.length, id));
hub.addEventListener("error", ({ error }) => console.log(error?.toFixed()));
hub.subscribe(["/a", "/b"], hub.position);
hub.unsubscribe("/a");
new Sockhop("-/multi?channel=/a", ["v1"], { since: hub.position });
`;

for (const version of ["typescript5", "typescript7"]) {
  const tsc = fileURLToPath(new URL(`node_modules/${version}/bin/tsc`, import.meta.url));
  const compile = (folder, files, compilerOptions) => {
    const strict = { strict: true, skipDefaultLibCheck: true, target: "es2022", outDir: "compiled", ...compilerOptions };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: strict, files }));
    const { status, stdout } = spawnSync(process.execPath, [tsc], { cwd: folder, encoding: "utf8" });
    assert.equal(status, 0, `${files}: ${stdout}`);
  };
  const bundled = { module: "esnext", moduleResolution: "bundler" };

  test(`${version} knows the types, by import and as a global`, options, async (t) => {
    const folder = await project(t, {
      "module.mts": `import Sockhop, { Sockhop as named } from "./client.mjs"; new named("a");${USES}`,
      "hub-module.mts": `import Sockhop, { Sockhop as named } from "./hub.mjs"; new named("a");${USES}${HUB_USES}`,
      "classic.cts": `import Sockhop = require("./client.js"); new Sockhop.Sockhop("a"); new Sockhop.default("a");${USES}${HUB_USES}`,
      "interop.mts": `import Sockhop, { Sockhop as named } from "./client.js"; new named("a");${USES}${HUB_USES}`,
      "global.ts": `/// <reference path="./client.d.ts" />\n{${USES}${HUB_USES}}`,
    });
    compile(folder, ["module.mts", "hub-module.mts", "classic.cts", "interop.mts"], { module: "nodenext", noEmit: true });
    compile(folder, ["module.mts", "hub-module.mts", "interop.mts", "global.ts"], { ...bundled, noEmit: true });
  });

  test(`${version} with allowJs compiles the client itself`, { ...options, ...needsNode }, async (t) => {
    const folder = await project(t, {}, /\.d\.m?ts$/);
    const address = await greeter(t);
    for (const [programs, settings] of [
      [["default.mjs", "named.mjs", "hub-user.mjs", "interop.mjs", "required.cjs"], { module: "nodenext" }],
      [["default.mjs", "named.mjs"], { ...bundled, target: "es2020" }],
    ]) {
      compile(folder, programs, { allowJs: true, ...settings });
      for (const program of programs) assert.equal(await node(join(folder, "compiled", program), address), `${HEARD}\n`, program);
    }
  });
}
