// Each recipe of docs/proxies.md keeps what the document says of it, and without its line about Upgrade the log says so.

import test from "node:test";
import assert from "node:assert/strict";
import { once } from "node:events";
import { get } from "node:http";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { options, serve, until } from "../browser/sockhop.mjs";
import { blocks, flags, proxy, PROXIES } from "./recipes.mjs";

const WebSocket = createRequire(new URL("../interop/node/package.json", import.meta.url))("ws");
/** Not the proxy's address, but one of this machine. */
const CLIENT = "127.0.0.2";

/** The status of a refused WebSocket, or the WebSocket. */
function open(t, port, { host = `127.0.0.1:${port}`, origin = `http://${host}` } = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws/`, { origin, localAddress: CLIENT, headers: { Host: host } });
  t.after(() => socket.terminate());
  return new Promise((resolve, reject) => {
    socket.on("open", () => resolve(socket)).on("error", reject);
    socket.on("unexpected-response", (_, response) => { response.resume(); resolve(response.statusCode); });
  });
}

async function statusOf(url) {
  const [response] = await once(get(url, { agent: false }), "response");
  response.resume();
  return response.statusCode;
}

async function talks(t, port, more) {
  const socket = await open(t, port, more);
  assert.equal(typeof socket, "object", `refused with ${socket}`);
  for (const message of ["hello", "x".repeat(500_000)]) {
    socket.send(JSON.stringify({ message }));
    const [text] = await once(socket, "message");
    assert.equal(JSON.parse(text).message, message);
  }
  socket.close(4001, "bye");
  const [code] = await once(socket, "close");
  assert.equal(code, 4001);
}

test("every block of the document is run here", () => {
  const commands = blocks.filter((it) => it.language === "sh").map((it) => it.heading);
  assert.deepEqual(commands, ["", "TCP proxies"]);
  const recipes = blocks.filter((it) => it.language !== "sh").map((it) => [it.heading, it.language]);
  assert.deepEqual(recipes, Object.entries(PROXIES).map(([heading, { language }]) => [heading, language]));
});

for (const [heading, { upgrade }] of Object.entries(PROXIES)) {
  const words = heading === "TCP proxies" ? flags(heading) : flags();

  test(`${heading}: pages of the site talk, on any port, and others are refused by their address`, options, async (t) => {
    const server = await serve(t, words);
    const { port } = await proxy(t, heading, server);
    await talks(t, port);
    assert.equal(await statusOf(`http://127.0.0.1:${port}/ws/healthz`), 200);
    assert.equal(await open(t, port, { origin: "http://evil.example" }), 403);
    await until(() => / 127\.0\.0\.2(:\d+)?: refused with 403/.test(server.log), `the client's address in ${server.log}`);
  });

  if (upgrade) {
    test(`${heading} without the setting for Upgrade: the log names it`, options, async (t) => {
      const server = await serve(t, words);
      const { port } = await proxy(t, heading, server, (recipe) => {
        assert.match(recipe, upgrade);
        return recipe.replace(upgrade, "");
      });
      assert.notEqual(typeof await open(t, port), "object");
      await until(() => server.log.includes("without its header Upgrade"), `a warning in ${server.log}`);
      assert.ok(server.log.includes(`${heading}: `), server.log);
    });
  }
}

for (const [how, change] of [
  ["GET /readyz", (recipe) => recipe],
  ["the bare check", (recipe) => recipe.replace(/^ *http-check send .*\n/m, "")],
]) {
  test(`HAProxy takes the server for healthy by ${how}`, options, async (t) => {
    const server = await serve(t, flags());
    const { folder } = await proxy(t, "HAProxy", server, change);
    const status = async () => {
      const socket = connect(`${folder}/stats`).setEncoding("utf8");
      socket.end("show stat\n");
      let text = "";
      for await (const part of socket) text += part;
      const rows = text.split("\n").map((line) => line.split(","));
      return rows.find(([backend, name]) => backend === "sockhop" && name === "sockhop")?.[rows[0].indexOf("check_status")];
    };
    await until(async () => (await status())?.startsWith("L7"), "a check");
    assert.equal(await status(), "L7OK");
  });
}

test("Apache needs ProxyPreserveHost or --trusted-proxy, as the document says", options, async (t) => {
  const untrusting = flags().join(" ").replace(/ --trusted-proxy \S+/, "").split(" ");
  const bare = (recipe) => recipe.replace("ProxyPreserveHost On\n", "");
  for (const [words, change, expected] of [[flags(), bare, "object"], [untrusting, (it) => it, "object"], [untrusting, bare, "number"]]) {
    const server = await serve(t, words);
    const { port } = await proxy(t, "Apache", server, change);
    assert.equal(typeof await open(t, port), expected, `${words} ${server.log}`);
  }
});

test("nginx with $host loses the port, as the document says", options, async (t) => {
  const server = await serve(t, flags());
  const { port } = await proxy(t, "nginx", server, (recipe) => recipe.replace("$http_host", "$host"));
  assert.equal(await open(t, port), 403);
  await talks(t, port, { host: "127.0.0.1", origin: "https://127.0.0.1" });
});
