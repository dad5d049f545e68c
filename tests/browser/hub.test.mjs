// A page with client.js and a hub, between which connections are cut: every message comes once and in order.

import test from "node:test";
import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { connect, createServer } from "node:net";
import { once } from "node:events";
import { browse, open, options, serve, until } from "./sockhop.mjs";

const COUNT = 10_000, CUTS = 20, PER_SECOND = 1000, BATCH = 20;

/** Passes connections on until they are cut, no new ones while it is down, and no upgrades while it is plain. */
async function relay(t, port) {
  const sockets = new Set();
  const path = {
    isDown: false, isPlain: false, upgrades: 0,
    /** Returns how many WebSockets there were. */
    cut() {
      const cut = [...sockets];
      for (const socket of cut) socket.destroy();
      return cut.filter(({ isOpen }) => isOpen).length;
    },
  };
  const server = createServer((near) => {
    if (path.isDown) return near.destroy();
    const far = connect(port, "127.0.0.1");
    for (const [from, to] of [[near, far], [far, near]]) {
      sockets.add(from);
      from.on("error", () => {}).on("close", () => sockets.delete(from) && to.destroy());
    }
    far.pipe(near);
    near.on("data", (data) => {
      const isUpgrade = /^upgrade: websocket/im.test(data.toString("latin1"));
      if (isUpgrade) {
        path.upgrades++;
        far.once("data", () => { near.isOpen = true; });
      }
      if (isUpgrade && path.isPlain) near.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", () => near.destroy());
      else far.write(data);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    path.cut();
  });
  path.url = `http://127.0.0.1:${server.address().port}/`;
  return path;
}

/** Publishes over one kept connection, beside the path that is cut. */
function publisher(t, server) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  return async (messages) => {
    const sent = request(`${server.url}-/batch`, { agent, method: "POST", headers: { "Content-Type": "application/json" } });
    sent.end(JSON.stringify(messages));
    const [answer] = await once(sent, "response");
    let text = "";
    for await (const part of answer.setEncoding("utf8")) text += part;
    assert.equal(answer.statusCode, 200, text);
    const results = JSON.parse(text);
    assert.ok(results.length === messages.length && results.every(({ id }) => id), text);
  };
}

/** A tab that writes down what its socket fires. The page is the hub's, the connection goes through the relay. */
async function listener(t, path, url, settings, channels) {
  const page = await open(t, await browse(t), path.url, /WebSocket|ERR_/);
  await page.addScriptTag({ url: "/client.js" });
  await page.evaluate(([url, settings]) => {
    globalThis.heard = [];
    globalThis.socket = new Sockhop(url, settings);
    socket.onmessage = ({ data, channel }) => heard.push([channel, Number(data)]);
    socket.ongap = ({ channel }) => heard.push([channel, "gap"]);
    globalThis.begun = new Set;
    socket.addEventListener("subscribed", ({ channel }) => begun.add(channel));
  }, [url, settings]);
  await until(() => page.evaluate(() => begun.size).then((size) => size === channels.length), "all channels");
  return {
    page,
    isOpen: () => until(() => page.evaluate(() => socket.readyState === 1), "a connection"),
    /** As when a laptop has its network back: a new try at once. */
    online: () => page.evaluate(() => void dispatchEvent(new Event("online"))),
    /** What each channel has brought, once the last of these numbers is there. */
    heard: async (channels, last) => {
      await until(() => page.evaluate((last) => heard.some(([, data]) => data === last), last), `message ${last}`, 60_000);
      const all = await page.evaluate(() => heard.splice(0));
      return channels.map((name) => all.filter(([channel]) => channel === name).map(([, data]) => data));
    },
  };
}

const numbers = (from, to, step = 1) => Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => from + i * step);

for (const [name, channels] of [["one channel", ["/n"]], ["five channels over one connection", ["/n/0", "/n/1", "/n/2", "/n/3", "/n/4"]]]) {
  const isMulti = channels.length > 1;
  const url = isMulti ? `/-/multi?${channels.map((channel) => `channel=${channel}`).join("&")}` : channels[0];
  const settings = isMulti ? {} : { ids: true };
  const batch = (from, to) => numbers(from, to).map((n) => ({ channel: channels[n % channels.length], data: String(n) }));
  const expected = (from, to) => channels.map((_, i) => numbers(from + i, to, channels.length));

  test(`${name}: ${COUNT} messages over ${CUTS} cuts, each once and in order`, options, async (t) => {
    const server = await serve(t, ["hub", "--rule", `/* history=${COUNT} bytes=16M`]);
    const path = await relay(t, server.port), publish = publisher(t, server);
    const { online, heard } = await listener(t, path, url, settings, channels);
    let isCut;
    const cut = async () => {
      await until(() => path.cut(), "a connection to cut");
      await online();
    };
    const start = performance.now();
    for (let n = 0; n < COUNT; n += BATCH) {
      await publish(batch(n, n + BATCH));
      if (n % (COUNT / CUTS) === 0) {
        await isCut;
        isCut = cut();
      }
      const ahead = start + (n + BATCH) / PER_SECOND * 1000 - performance.now();
      if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead));
    }
    t.diagnostic(`${COUNT} messages in ${Math.round(performance.now() - start)} ms, ${path.upgrades} upgrades`);
    await isCut;
    await publish(batch(COUNT, COUNT + channels.length));
    assert.deepEqual(await heard(channels, COUNT + channels.length - 1), expected(0, COUNT + channels.length));
  });

  test(`${name}: one gap beyond the history, and one when the hub was killed`, options, async (t) => {
    const args = ["hub", "--rule", "/* history=20"];
    const server = await serve(t, args);
    const path = await relay(t, server.port), publish = publisher(t, server);
    const { isOpen, online, heard } = await listener(t, path, url, settings, channels);
    const back = async () => {
      path.isDown = false;
      await online();
      await isOpen();
    };
    await publish(batch(0, 100));
    assert.deepEqual(await heard(channels, 99), expected(0, 100));
    path.isDown = true;
    path.cut();
    await publish(batch(100, 1000));
    await back();
    await publish(batch(1000, 1010));
    const kept = (list) => ["gap", ...list.slice(-20)];
    const later = expected(1000, 1010);
    assert.deepEqual(await heard(channels, 1009), expected(100, 1000).map((list, i) => [...kept(list), ...later[i]]));

    path.isDown = true;
    await server.kill();
    const again = await serve(t, args, { port: server.port }), publishAgain = publisher(t, again);
    await publishAgain(batch(2000, 2010));
    await back();
    await publishAgain(batch(2010, 3000));
    assert.deepEqual(await heard(channels, 2999), expected(2000, 3000).map((list) => ["gap", ...list]));
  });

  test(`${name}: polls that are cut, then a WebSocket again`, options, async (t) => {
    const server = await serve(t, ["hub"]);
    const path = await relay(t, server.port), publish = publisher(t, server);
    path.isPlain = true;
    const { page, isOpen, online, heard } = await listener(t, path, url, settings, channels);
    await isOpen();
    let n = 0;
    const later = async (ms) => {
      await publish(batch(n, n += channels.length));
      await new Promise((resolve) => setTimeout(resolve, ms));
    };
    for (let cuts = 0; cuts < 5; cuts++) {
      for (let i = 0; i < 20; i++) await later(20);
      path.cut();
      await online();
    }
    path.isPlain = false;
    const { upgrades } = path;
    await until(async () => {
      await later(100);
      return path.upgrades > upgrades + 1 && page.evaluate(() => socket.readyState === 1);
    }, "a WebSocket", 60_000);
    await later(0);
    assert.deepEqual(await heard(channels, n - 1), expected(0, n));
  });
}
