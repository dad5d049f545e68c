// client.js hears a hub in a real Chromium, through everything that may be in between.

import test from "node:test";
import assert from "node:assert/strict";
import { FakeHub, listen } from "./fake_hub.mjs";
import { browse, open, options, serve, until } from "./sockhop.mjs";

/** A page with client.js as the server hands it out, whose `heard` is what its socket has fired. */
async function visit(t, hub, url, settings) {
  const server = await serve(t, ["greet"]);
  const script = await (await fetch(`${server.url}client.js`)).text();
  const html = "<!doctype html><link rel=icon href=data:,><script src=client.js></script>";
  const address = await listen(t, hub, { "/": html, "/client.js": script });
  const page = await open(t, await browse(t), address, /WebSocket connection|ERR_|403/);
  await page.evaluate(([url, settings]) => {
    globalThis.heard = [];
    globalThis.socket = new Sockhop(url, settings);
    socket.binaryType = "arraybuffer";
    const bytes = (data) => typeof data === "string" ? data : `bytes ${new Uint8Array(data)}`;
    socket.onmessage = ({ data, id, channel }) => heard.push([channel, bytes(data), id]);
    socket.ongap = ({ channel }) => heard.push([channel, "gap"]);
    for (const type of ["open", "close"]) socket.addEventListener(type, () => heard.push([type]));
  }, [url, settings]);
  const told = () => page.evaluate(() => heard.splice(0).map(([channel, ...rest]) => [channel, ...rest].join(" ")));
  const open_ = () => until(() => page.evaluate(() => socket.readyState === 1), "an open connection");
  const heard = async (expected) => {
    const all = [];
    await until(async () => {
      all.push(...await told());
      return all.length >= expected.length;
    }, `${expected}, after ${all}`);
    assert.deepEqual(all, expected);
  };
  await until(() => page.evaluate(() => socket.position), "the first position");
  return { page, heard, opened: open_ };
}

test("ids, resuming and gaps", options, async (t) => {
  const hub = new FakeHub({ history: 3 });
  const { page, heard, opened } = await visit(t, hub, "/orders/ä", { ids: true });
  hub.publish("/orders/ä", "a\nb");
  hub.publish("/orders/ä", Uint8Array.of(0, 10, 255));
  await heard(["open", "/orders/ä a\nb aaaaaa-1", "/orders/ä bytes 0,10,255 aaaaaa-2"]);
  for (const count of [3, 4]) {
    for (const connection of hub.connections) connection.cut();
    for (let i = 1; i <= count; i++) hub.publish("/orders/ä", `${count}.${i}`);
    await opened();
    const told = hub.channel("/orders/ä").all.slice(-3).map(({ id, data }) => `/orders/ä ${data} ${id}`);
    await heard(["close", "open", ...count > 3 ? ["/orders/ä gap"] : [], ...told]);
  }
  hub.restart();
  hub.publish("/orders/ä", "new");
  await heard(["close", "open", "/orders/ä gap", "/orders/ä new baaaaa-1"]);
  assert.equal(await page.evaluate(() => socket.position), "baaaaa-1");
});

test("many channels, taken on and left", options, async (t) => {
  const hub = new FakeHub();
  const { page, heard } = await visit(t, hub, "/-/multi?channel=/a");
  await page.evaluate(() => socket.subscribe(["/b", "/c d"]));
  const count = (n) => until(() => [...hub.connections][0]?.channels.size === n, `${n} channels`);
  await count(3);
  for (const name of ["/a", "/b", "/c d", "/e"]) hub.publish(name, "1");
  await heard(["open", "/a 1 aaaaaa-1", "/b 1 aaaaaa-2", "/c d 1 aaaaaa-3"]);
  await page.evaluate(() => socket.unsubscribe("/a"));
  await count(2);
  [...hub.connections][0].cut();
  for (const name of ["/a", "/b", "/c d"]) hub.publish(name, "2");
  await heard(["close", "open", "/b 2 aaaaaa-6", "/c d 2 aaaaaa-7"]);
});

test("where upgrades are refused it polls, and comes back to a WebSocket", options, async (t) => {
  const hub = new FakeHub();
  hub.isPlain = true;
  const { page, heard } = await visit(t, hub, "/a", { ids: true });
  assert.equal(hub.upgrades, 2);
  await page.evaluate(() => heard.splice(0));
  hub.publish("/a", "one");
  await heard(["/a one aaaaaa-1"]);
  hub.publish("/a", Uint8Array.of(1, 2));
  hub.publish("/a", "three");
  await heard(["/a bytes 1,2 aaaaaa-2", "/a three aaaaaa-3"]);
  hub.isPlain = false;
  await until(() => hub.connections.size === 1, "a WebSocket");
  await heard(["close", "open"]);
  hub.publish("/a", "four");
  await heard(["/a four aaaaaa-4"]);
  assert.equal(hub.polls.size, 0);
});
