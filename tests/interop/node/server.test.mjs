// The server around its apps: paths, plain HTTP, origins, subprotocols, shutdown.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, clients, options, serve } from "./sockhop.mjs";

const APPS = ["echo", "pong", "chat", "greet", "relay", "broadcast"];

/** The status with which an opening handshake is refused. */
async function refusal(t, server, path, connectOptions) {
  const accepted = () => assert.fail("accepted");
  const error = await Client.connect(t, server, path, [], connectOptions).then(accepted, (error) => error);
  return Number(/Unexpected server response: (\d+)/.exec(error.message)?.[1]);
}

test("all apps and a page are served", options, async (t) => {
  const server = await serve(t);
  const status = async (path, init) => (await fetch(`http://${server.address}${path}`, init)).status;
  assert.equal(await status("/"), 200);
  assert.equal(await status("/healthz"), 200);
  assert.equal(await status("/elsewhere"), 404);
  assert.equal(await refusal(t, server, "/elsewhere"), 404);
  for (const app of APPS) {
    assert.equal(await status(`/${app}`), 426, app);
    await Client.connect(t, server, `/${app}`);
  }
});

test("HEAD is GET without the body", options, async (t) => {
  const server = await serve(t, "chat");
  for (const path of ["/", "/healthz"]) {
    const get = await fetch(`http://${server.address}${path}`);
    const head = await fetch(`http://${server.address}${path}`, { method: "HEAD" });
    assert.equal(head.status, 200);
    assert.equal(head.headers.get("content-type"), get.headers.get("content-type"));
    assert.equal(Number(head.headers.get("content-length")), (await get.arrayBuffer()).byteLength);
    assert.equal((await head.arrayBuffer()).byteLength, 0);
  }
});

test("a foreign origin is refused unless it is named", options, async (t) => {
  const origin = "https://app.example";
  assert.equal(await refusal(t, await serve(t, "echo"), "/", { origin }), 403);
  await Client.connect(t, await serve(t, "echo", "--origin", origin), "/", [], { origin });
});

test("a configured subprotocol is chosen", options, async (t) => {
  const server = await serve(t, "echo", "--subprotocol", "chat.v1");
  assert.equal((await Client.connect(t, server, "/", ["other", "chat.v1"])).socket.protocol, "chat.v1");
  assert.equal((await Client.connect(t, server)).socket.protocol, "");
});

test("SIGTERM closes with 1001 and exits with 0", options, async (t) => {
  const server = await serve(t, "echo");
  const all = await clients(t, server, 3);
  assert.equal(await server.stop(), 0);
  for (const client of all) await client.receives({ closed: 1001 });
});
