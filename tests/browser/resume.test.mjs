// The client of the hub misses nothing and repeats nothing, whatever happens to its connections.

import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import Sockhop from "../../src/apps/page/hub.mjs";
import { Clock, put } from "./clock.mjs";
import { Connection, FakeHub } from "./fake_hub.mjs";

/** A connection as the browser makes it. Nothing arrives until the test delivers it. */
class Wire extends EventTarget {
  readyState = 0; bufferedAmount = 0; type = "blob"; frames = []; commands = [];
  set binaryType(type) { this.type = type; }
  constructor(url) {
    super();
    this.url = String(url);
    for (const type of ["open", "message", "error", "close"]) {
      let handler = null, isListening = false;
      Object.defineProperty(this, `on${type}`, { get: () => handler, set: (to) => {
        handler = to;
        if (!isListening) this.addEventListener(type, (event) => handler?.(event));
        isListening = true;
      } });
    }
    Wire.all.push(this);
  }
  static get last() { return Wire.all.at(-1); }
  send(data) { this.commands.push(data); }

  /** What comes next from the hub; returns whether something did. */
  deliver(hub) {
    if (this.readyState === 0) {
      if (hub.isPlain || hub.isAway) {
        this.dispatchEvent(new Event("error"));
        this.end();
      } else {
        this.connection = new Connection(hub, this.url, { push: (data) => this.frames.push(data), cut: () => this.end() });
        this.readyState = 1;
        this.dispatchEvent(new Event("open"));
      }
      return true;
    }
    if (!this.frames.length) return false;
    const data = this.frames.shift();
    assert.ok(typeof data === "string" || this.type === "arraybuffer", "a Blob cannot be read at once");
    this.dispatchEvent(new MessageEvent("message", { data: typeof data === "string" ? data : new Uint8Array(data).buffer }));
    return true;
  }
  /** What comes next to the hub. */
  carry() {
    if (this.connection && this.commands.length) return this.connection.hear(this.commands.shift()) ?? true;
  }
  end(code = 1006) {
    this.readyState = 3;
    this.connection?.close();
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
  /** The hub goes away at once; what it has sent may still come. */
  close() {
    this.readyState = 2;
    this.connection?.close();
  }
}

/** A page without its own time or network. */
function stage(t, settings) {
  const clock = new Clock(), window = new EventTarget();
  const hub = new FakeHub({ later: (...how) => clock.set(...how), ...settings });
  Wire.all = [];
  const requests = [], arrivals = [];
  put(t, {
    WebSocket: Wire, document: Object.assign(new EventTarget(), { baseURI: "http://a.test/page/index.html", hidden: false }),
    addEventListener: window.addEventListener.bind(window),
    setTimeout: (then, ms, ...rest) => clock.set(() => then(...rest), ms), clearTimeout: (id) => clock.clear(id),
    Date: class extends Date { static now() { return clock.now; } },
    fetch: (url, { signal, headers }) => new Promise((resolve, reject) => {
      requests.push({ url, headers });
      signal.addEventListener("abort", () => reject(new Error("aborted")));
      if (hub.isAway) return reject(new TypeError("refused"));
      hub.read(url).then(({ status, body }) => {
        const arrive = () => resolve({ ok: status === 200, status, json: async () => JSON.parse(body) });
        arrivals.push(Object.assign(arrive, { url }));
      }, reject);
    }),
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  /** Lets everything arrive that is under way, but no time pass. */
  const quiet = async () => {
    for (let isBusy = true; isBusy;) {
      await settle();
      isBusy = arrivals.length > 0;
      while (arrivals.length) arrivals.shift()();
      for (const wire of Wire.all) while (wire.readyState < 2 && (wire.deliver(hub) || wire.carry() || wire.connection?.step())) isBusy = true;
    }
  };
  /** Time passes, and everything arrives. */
  const pass = async (ms, step = 100) => {
    for (const end = clock.now + ms; clock.now < end;) {
      clock.pass(Math.min(step, end - clock.now));
      await quiet();
    }
  };
  return { hub, clock, window, requests, arrivals, settle, quiet, pass };
}

/** Writes down what a page hears. */
function listen(socket) {
  const heard = [];
  socket.addEventListener("message", ({ data, id, channel }) => heard.push([channel, data, id]));
  for (const type of ["gap", "error"]) {
    socket.addEventListener(type, ({ channel, error }) => (channel ?? error) && heard.push(error ? [type, channel ?? "-", error] : [type, channel]));
  }
  return heard;
}
const texts = (heard) => heard.map(([channel, data]) => `${channel} ${data}`);

test("without ids, and not at /-/multi, it is the client that it was", (t) => {
  const { hub } = stage(t);
  const socket = new Sockhop("/orders/42", ["a"], { heartbeat: "beat" }), heard = listen(socket);
  assert.equal(Wire.last.url, "ws://a.test/orders/42");
  Wire.last.deliver(hub);
  hub.publish("/orders/42", "k-1 /x\nhello");
  Wire.last.deliver(hub);
  assert.deepEqual(heard, [[undefined, "k-1 /x\nhello", undefined]]);
  assert.equal(socket.position, "");
  assert.throws(() => socket.subscribe("/a"), TypeError);
});

test("messages have an id and a channel, and a new connection goes on after the last", async (t) => {
  const { hub, quiet, pass } = stage(t);
  const socket = new Sockhop("../orders/ä 1", { ids: true }), heard = listen(socket);
  assert.equal(Wire.last.url, "ws://a.test/orders/%C3%A4%201?ids");
  assert.equal(socket.position, "");
  hub.publish("/orders/ä 1", "before");
  await quiet();
  assert.equal(socket.position, "aaaaaa-1", "the position is known before the first message");
  hub.publish("/orders/ä 1", "two\nlines");
  await quiet();
  assert.deepEqual(heard, [["/orders/ä 1", "two\nlines", "aaaaaa-2"]]);
  Wire.last.end();
  hub.publish("/orders/ä 1", "meanwhile");
  await pass(1000);
  assert.equal(Wire.last.url, "ws://a.test/orders/%C3%A4%201?since=aaaaaa-2");
  assert.deepEqual(heard.slice(1), [["/orders/ä 1", "meanwhile", "aaaaaa-3"]]);
  assert.equal(socket.position, "aaaaaa-3");
});

test("binary messages keep their place and are what binaryType says", async (t) => {
  const { hub, quiet, pass } = stage(t);
  for (const type of ["blob", "arraybuffer"]) {
    const socket = new Sockhop("/b", { ids: true }), heard = listen(socket);
    socket.binaryType = type;
    await quiet();
    const bytes = Uint8Array.of(0, 10, 32, 255);
    for (const data of ["first", bytes, "last"]) hub.publish("/b", data);
    await quiet();
    Wire.last.end();
    hub.publish("/b", bytes);
    await pass(1000);
    const all = await Promise.all(heard.map(async ([, data]) => typeof data === "string" ? data : [...new Uint8Array(await new Response(data).arrayBuffer())]));
    assert.deepEqual(all, ["first", [...bytes], "last", [...bytes]]);
    assert.equal(heard[1][1] instanceof Blob, type === "blob");
    socket.close();
  }
});

test("a position from elsewhere is gone on from, and what is lost is said", async (t) => {
  const { hub, quiet, pass } = stage(t, { history: 2 });
  for (const text of ["one", "two", "three", "four"]) hub.publish("/a", text);
  const fired = [];
  const socket = new Sockhop("/a?token=x", { since: "aaaaaa-3" }), heard = listen(socket);
  socket.ongap = ({ type, channel, id }) => fired.push([type, channel, id]);
  assert.equal(Wire.last.url, "ws://a.test/a?token=x&since=aaaaaa-3");
  await quiet();
  assert.deepEqual(texts(heard), ["/a four"]);
  Wire.last.end();
  for (const text of ["5", "6", "7"]) hub.publish("/a", text);
  await pass(1000);
  assert.deepEqual(texts(heard), ["/a four", "gap /a", "/a 6", "/a 7"]);
  assert.deepEqual(fired, [["gap", "/a", "aaaaaa-5"]]);
  hub.restart();
  hub.publish("/a", "new");
  await pass(2000);
  assert.deepEqual(texts(heard).slice(4), ["gap /a", "/a new"]);
  Wire.last.end();
  await pass(4000);
  assert.equal(heard.length, 6, "a gap is said once");
  assert.equal(socket.position, "bbbbbb-1".replace("bbbbbb", hub.epoch));
});

test("the last messages may come first, but once", async (t) => {
  const { hub, quiet, pass } = stage(t);
  for (const text of ["one", "two", "three"]) hub.publish("/a", text);
  const heard = listen(new Sockhop("/a?last=2", { ids: true }));
  assert.equal(Wire.last.url, "ws://a.test/a?last=2&ids");
  await quiet();
  Wire.last.end();
  await pass(1000);
  assert.equal(Wire.last.url, "ws://a.test/a?since=aaaaaa-3");
  assert.deepEqual(texts(heard), ["/a two", "/a three"]);
});

test("the hub's other events are fired as they are", async (t) => {
  const { hub, quiet } = stage(t);
  const socket = new Sockhop("/a", { ids: true }), told = [];
  for (const type of ["subscribed", "presence"]) socket.addEventListener(type, (event) => told.push([type, event.connection, event.users]));
  await quiet();
  [...hub.connections][0].say({ event: "presence", channel: "/a", users: 3 });
  await quiet();
  assert.deepEqual(told, [["subscribed", "c1", undefined], ["presence", undefined, 3]]);
});

test("the answer to a heartbeat is no message of a channel", async (t) => {
  const { quiet, pass } = stage(t);
  const socket = new Sockhop("/a", { ids: true, heartbeat: "sockhop.heartbeat" }), heard = listen(socket);
  await quiet();
  await pass(60_000);
  assert.ok(Wire.last.connection.commands.length > 4);
  assert.deepEqual([heard, Wire.all.length], [[], 1]);
});

test("many channels come over one connection, are taken on and left", async (t) => {
  const { hub, quiet, pass } = stage(t);
  const socket = new Sockhop("/-/multi?channel=/a&channel=%2Fb+c"), heard = listen(socket);
  assert.equal(Wire.last.url, "ws://a.test/-/multi?ids&channel=/a&channel=/b%20c");
  await quiet();
  for (const name of ["/a", "/b c", "/d"]) hub.publish(name, 1);
  socket.subscribe("/d");
  socket.subscribe(["/e", "/f"]);
  socket.subscribe("/f");
  await pass(100);
  assert.deepEqual(Wire.last.connection.commands, ['{"subscribe":["/d"]}', '{"subscribe":["/e","/f"]}'], "one command for what is wanted at one time");
  for (const name of ["/a", "/b c", "/d", "/e"]) hub.publish(name, 2);
  socket.unsubscribe(["/a", "/e"]);
  await quiet();
  for (const name of ["/a", "/d"]) hub.publish(name, 3);
  await pass(100);
  assert.deepEqual(heard.map(([channel, data]) => `${channel} ${data}`), ["/a 1", "/b c 1", "/b c 2", "/d 2", "/d 3"]);
  Wire.last.end();
  hub.publish("/a", 4);
  hub.publish("/f", 4);
  await pass(1000);
  assert.equal(Wire.last.url, `ws://a.test/-/multi?since=${hub.epoch}-9&channel=/b%20c&channel=/d&channel=/f`);
  assert.deepEqual(texts(heard).slice(5), ["/f 4"]);
});

test("a channel that was taken on late is not replayed from before", async (t) => {
  const { hub, quiet, pass } = stage(t);
  const socket = new Sockhop("/-/multi?channel=/a"), heard = listen(socket);
  await quiet();
  hub.publish("/b", "old");
  socket.subscribe("/b");
  await quiet();
  Wire.last.end();
  await pass(1000);
  assert.deepEqual(heard, []);
  hub.publish("/c", "old");
  hub.publish("/c", "new");
  hub.publish("/a", 1);
  await quiet();
  socket.subscribe("/c", "aaaaaa-2");
  await quiet();
  assert.deepEqual(texts(heard), ["/a 1", "/c new"], "but from a position that the page names");
});

test("a cut in the middle of a replay repeats nothing, and each channel goes on from its own place", async (t) => {
  const { hub, clock, quiet, pass } = stage(t);
  const socket = new Sockhop("/-/multi?channel=/a&channel=/b&channel=/c"), heard = listen(socket);
  await quiet();
  Wire.last.end();
  for (const i of [1, 2, 3, 4]) for (const name of ["/a", "/b"]) hub.publish(name, i);
  /** Lets a new connection bring the next of each of these channels, and no more. */
  const replay = (names) => {
    clock.pass(30_000);
    do while (Wire.last.deliver(hub)); while (Wire.last.carry());
    for (const name of names) Wire.last.connection.step(() => name);
    while (Wire.last.deliver(hub));
    Wire.last.end();
  };
  replay(["/a", "/a", "/b"]);
  assert.equal(socket.position, "aaaaaa-0", "complete for all");
  hub.publish("/c", 1);
  replay(["/b", "/a"]);
  assert.equal(new URL(Wire.last.url).search, "?since=aaaaaa-3&channel=/a", "one URL has one position");
  await pass(30_000);
  assert.deepEqual(Wire.last.connection.commands, ['{"subscribe":["/b"],"since":"aaaaaa-4"}', '{"subscribe":["/c"],"since":"aaaaaa-0"}']);
  assert.deepEqual(texts(heard).filter((text) => text.startsWith("/a")), ["/a 1", "/a 2", "/a 3", "/a 4"]);
  assert.deepEqual(texts(heard).filter((text) => text.startsWith("/b")), ["/b 1", "/b 2", "/b 3", "/b 4"]);
  assert.deepEqual(texts(heard).filter((text) => text.startsWith("/c")), ["/c 1"]);
  assert.equal(socket.position, hub.position);
});

test("a channel that the hub refuses is told, and not asked for again", async (t) => {
  const { hub, quiet, pass } = stage(t);
  hub.forbidden.add("/no");
  const socket = new Sockhop("/-/multi?channel=/a"), heard = listen(socket);
  socket.subscribe(["/no", "b"]);
  await quiet();
  assert.deepEqual(heard, [["error", "/no", 403], ["error", "b", 400]]);
  [...hub.connections][0].say({ event: "error", error: 403, channel: "/a", ref: 1 });
  await quiet();
  Wire.last.end();
  await pass(1000);
  assert.equal(new URL(Wire.last.url).search, "?since=aaaaaa-0&channel=/a", "a publish that was refused is no such channel");
});

test("a channel that is left and taken on again does not bring what was under way", async (t) => {
  const { hub, quiet, pass } = stage(t);
  const socket = new Sockhop("/-/multi?channel=/a"), heard = listen(socket);
  await quiet();
  hub.publish("/a", 1);
  socket.unsubscribe("/a");
  socket.subscribe("/a", "aaaaaa-0");
  await pass(200);
  assert.deepEqual(Wire.last.connection.commands, ['{"unsubscribe":["/a"]}', '{"subscribe":["/a"],"since":"aaaaaa-0"}']);
  assert.deepEqual(texts(heard), ["/a 1"]);
});

test("a channel that is left and taken on again before the hub has heard of it", async (t) => {
  const { hub, clock, quiet } = stage(t);
  const socket = new Sockhop("/-/multi"), heard = listen(socket), told = [];
  socket.addEventListener("subscribed", ({ id }) => told.push(id));
  await quiet();
  for (const [name, n] of [["subscribe", 1], ["unsubscribe", 2], ["subscribe", 3]]) {
    socket[name]("/a");
    Wire.last.carry();
    hub.publish("/a", n);
    clock.pass(50);
  }
  await quiet();
  clock.pass(50);
  await quiet();
  hub.publish("/a", 4);
  await quiet();
  assert.deepEqual([texts(heard), told], [["/a 4"], ["aaaaaa-3"]]);
});

test("what a connection brings after it was given up is left to the next", async (t) => {
  const { hub, clock, quiet, pass } = stage(t);
  const socket = new Sockhop("/a", { ids: true, heartbeat: "sockhop.heartbeat" }), heard = listen(socket);
  await quiet();
  hub.publish("/a", 1);
  clock.pass(20_000);
  const [late] = Wire.all;
  assert.deepEqual([late.readyState, socket.readyState, late.frames.length], [2, 0, 1]);
  late.deliver(hub);
  assert.deepEqual([heard, socket.position], [[], "aaaaaa-0"]);
  await pass(5000);
  assert.equal(Wire.all.length, 2);
});

test("so many channels that no URL holds them", async (t) => {
  const { hub, pass } = stage(t);
  const names = Array.from({ length: 64 }, (_, i) => `/${"x".repeat(200)}/${i}`);
  const socket = new Sockhop("/-/multi"), heard = listen(socket);
  socket.subscribe(names);
  await pass(1000);
  for (const round of [1, 2]) {
    for (const name of names) hub.publish(name, round);
    await pass(1000);
    assert.ok(Wire.last.url.length < 2300);
    assert.equal(heard.length, 64 * round);
    Wire.last.end();
    for (const name of names) hub.publish(name, "meanwhile");
    await pass(2000);
    assert.equal(heard.splice(-64).length, 64);
  }
});

test("where upgrades do not get through, it polls", async (t) => {
  const { hub, requests, quiet, pass } = stage(t);
  hub.isPlain = true;
  const states = [];
  const socket = new Sockhop("/a/b?token=x", { ids: true, headers: { "X-A": "1" } }), heard = listen(socket);
  for (const type of ["open", "close", "subscribed"]) socket.addEventListener(type, ({ type }) => states.push(type));
  hub.publish("/a/b", "old");
  await pass(4000);
  assert.deepEqual([Wire.all.length, states], [2, ["close", "close", "open", "subscribed"]]);
  assert.deepEqual([socket.readyState, socket.position], [1, "aaaaaa-1"]);
  assert.deepEqual(requests[0], { url: "http://a.test/a/b?token=x", headers: { "X-A": "1" } });
  assert.equal(requests[1].url, "http://a.test/a/b?token=x&since=aaaaaa-1&limit=1000&wait=25s");
  socket.binaryType = "arraybuffer";
  hub.publish("/a/b", Uint8Array.of(0, 255));
  await quiet();
  for (const text of ["two", "three"]) hub.publish("/a/b", text);
  await pass(100);
  assert.deepEqual([new Uint8Array(heard[0][1]), ...heard.slice(1)], [Uint8Array.of(0, 255), ["/a/b", "two", "aaaaaa-3"], ["/a/b", "three", "aaaaaa-4"]]);
  socket.send("lost");
  assert.deepEqual(heard.at(-1), ["error", "-", 405], "what cannot be sent is told");
});

test("and comes back to a WebSocket, without a message twice or none", async (t) => {
  const { hub, requests, pass } = stage(t);
  hub.isPlain = true;
  const socket = new Sockhop("/a", { ids: true }), heard = listen(socket);
  let count = 0;
  const publish = async (seconds) => {
    for (let i = 0; i < seconds * 2; i++) {
      hub.publish("/a", ++count);
      await pass(500);
    }
  };
  await pass(3000);
  await publish(60);
  assert.equal(Wire.all.length, 3, "soon once, for it may have been the server that was away");
  await publish(540);
  assert.ok(Wire.all.length >= 5 && Wire.all.length <= 8, `${Wire.all.length} tries in ten minutes`);
  assert.ok(requests.length < 20 + count * 1.1);
  hub.isPlain = false;
  await publish(250);
  const asked = requests.length;
  await publish(5);
  assert.equal(requests.length, asked, "it polls no more");
  assert.equal(hub.connections.size, 1);
  assert.deepEqual(heard.map(([, data]) => Number(data)), Array.from({ length: count }, (_, i) => i + 1));
});

test("a server that was away, and not only upgrades, is found again by a WebSocket", async (t) => {
  const { hub, pass } = stage(t);
  const socket = new Sockhop("/a", { ids: true }), heard = listen(socket);
  await pass(1000);
  hub.isAway = true;
  Wire.last.end();
  hub.publish("/a", "meanwhile");
  await pass(120_000);
  assert.deepEqual(heard, []);
  hub.isAway = false;
  await pass(60_000);
  assert.deepEqual([texts(heard), hub.connections.size, socket.readyState], [["/a meanwhile"], 1, 1]);
});

test("a poll that is refused tells why", async (t) => {
  const { hub, pass } = stage(t);
  hub.isPlain = true;
  hub.forbidden.add("/a");
  const heard = listen(new Sockhop("/a", { ids: true }));
  const multi = new Sockhop("/-/multi?channel=/a&channel=/b"), both = listen(multi);
  await pass(5000);
  assert.ok(heard.some(([type, , error]) => type === "error" && error === 403));
  assert.deepEqual(both, [["error", "/a", 403]]);
  hub.publish("/b", 1);
  await pass(1000);
  assert.deepEqual(texts(both).at(-1), "/b 1");
});

test("many channels are polled a few at a time, and all of them are heard", async (t) => {
  const { hub, requests, pass } = stage(t);
  hub.isPlain = true;
  const socket = new Sockhop("/live/-/multi"), heard = listen(socket);
  await pass(3000);
  assert.equal(socket.readyState, 1);
  const names = Array.from({ length: 10 }, (_, i) => `/a/${i} ä`);
  socket.subscribe(names);
  await pass(10_000);
  assert.ok(hub.polls.size <= 4, `${hub.polls.size} at once`);
  assert.equal(requests[0].url, "http://a.test/live/a/0%20%C3%A4");
  for (const name of names) hub.publish(`/live${name}`, 1);
  await pass(10_000);
  assert.deepEqual(texts(heard).sort(), names.map((name) => `${name} 1`));
  assert.equal(socket.position, hub.position);
});

test("the position while many channels are polled is complete for each of them", async (t) => {
  const { hub, clock, arrivals, settle, pass } = stage(t);
  hub.isPlain = true;
  const socket = new Sockhop("/-/multi?channel=/a&channel=/b"), heard = listen(socket);
  await pass(5000);
  /** Lets the answer about a channel arrive, and the next request begin. */
  const arrive = async (name) => {
    await settle();
    const [answer] = arrivals.splice(arrivals.findIndex(({ url }) => url.includes(name)), 1);
    answer();
    await settle();
    clock.pass(500);
    await settle();
  };
  hub.publish("/a", 1);
  await arrive("/a");
  hub.publish("/a", 2);
  await settle();
  hub.publish("/a", 3);
  for (const n of [1, 2]) {
    hub.publish("/b", n);
    await arrive("/b");
    if (n === 1) await arrive("/a");
  }
  assert.deepEqual(texts(heard), ["/a 1", "/b 1", "/a 2", "/b 2"], "3 is under way");
  assert.equal(socket.position, "aaaaaa-0");
  await arrive("/a");
  assert.equal(socket.position, "aaaaaa-4", "what it was when both had been told of something");
});

for (const name of ["close", "unsubscribe"]) {
  test(`${name}() ends the polls`, async (t) => {
    const { hub, requests, quiet, pass } = stage(t);
    hub.isPlain = true;
    const socket = new Sockhop("/-/multi?channel=/a"), ends = [];
    await pass(3000);
    socket.onclose = ({ code, retryIn }) => ends.push([code, retryIn]);
    const asked = requests.length;
    socket[name](...name === "close" ? [] : ["/a"]);
    await quiet();
    hub.publish("/a", 1);
    await pass(400_000);
    assert.equal(requests.length, asked);
    assert.deepEqual(ends, name === "close" ? [[1005, null]] : []);
  });
}

/** Random numbers that are the same each time. */
function dice(seed) {
  let state = seed * 2654435769 >>> 0;
  return (n) => {
    state = state + 0x6D2B79F5 >>> 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) % n;
  };
}

/** One life of a client, in which anything may happen at any time. */
async function life(t, seed, history) {
  const roll = dice(seed), chance = dice(seed), { hub, clock, window, arrivals, settle, pass } = stage(t, { history });
  t.mock.method(Math, "random", () => chance(1000) / 1000);
  const isMulti = roll(3) > 0, names = isMulti ? ["/a", "/b", "/c", "/d"] : ["/a"];
  const socket = isMulti ? new Sockhop("/-/multi?channel=/a&channel=/b") : new Sockhop("/a", { ids: true });
  socket.binaryType = "arraybuffer";
  /** For each channel since it was taken on: the number up to which it is told of, or null when that is not known yet. */
  const told = new Map(names.slice(0, 2).map((name) => [name, null]));
  const number = (id) => id.startsWith(hub.epoch) ? Number(id.split("-")[1]) : null;
  let gaps = 0, fired = 0;
  socket.addEventListener("subscribed", ({ channel, id }) => {
    if (told.get(channel) === null) told.set(channel, number(id));
  });
  socket.addEventListener("gap", ({ channel }) => {
    gaps++;
    told.set(channel, "gap");
  });
  socket.addEventListener("message", ({ id, channel, data }) => {
    fired++;
    const before = told.get(channel), n = number(id);
    assert.ok(told.has(channel), `seed ${seed}: ${id} of ${channel}, which was left`);
    if (n === null) return;
    const text = typeof data === "string" ? data : new TextDecoder().decode(data);
    assert.equal(text, String(n), `seed ${seed}: the payload of ${id}`);
    if (typeof before === "number") {
      assert.equal(id, hub.after(channel, before)[0]?.id, `seed ${seed}: the next of ${channel} after ${before}`);
    }
    told.set(channel, n);
  });
  const safe = () => {
    const at = number(socket.position);
    if (!at) return;
    for (const [name, before] of told) {
      if (typeof before !== "number") continue;
      const [next] = hub.after(name, before);
      assert.ok(!next || next.n > at, `seed ${seed}: the position ${at} is behind ${next?.id} of ${name}, which was not told`);
    }
  };
  const wires = () => Wire.all.filter((wire) => wire.readyState < 3);
  const any = (list) => list[roll(list.length)];
  for (let step = 0; step < 600; step++) {
    const wire = any(wires()), name = any(names);
    const what = roll(100);
    if (what < 25) {
      const text = String(hub.seq + 1);
      hub.publish(name, roll(4) ? text : Buffer.from(text));
    } else if (what < 55) {
      wire?.deliver(hub);
      // Answers overtake each other.
      if (roll(2)) arrivals.splice(roll(arrivals.length || 1), 1)[0]?.();
    }
    else if (what < 65) wire?.carry();
    else if (what < 80) wire?.connection?.step(any);
    else if (what < 85) wire && wire.end();
    else if (what < 90) clock.pass(roll(4) ? 100 : 3000);
    else if (what < 91) window.dispatchEvent(new Event("online"));
    else if (what < 92) hub.isPlain = roll(2) === 0;
    else if (what < 93) hub.isAway = roll(4) === 0;
    else if (what < 94 && history < 1000) {
      if (!roll(3)) hub.restart();
    } else if (what < 96) for (const poll of [...hub.polls]) if (roll(2)) poll.fail();
    if (isMulti && what >= 96) {
      if (told.has(name)) {
        told.delete(name);
        socket.unsubscribe(name);
      } else {
        const since = roll(2) ? undefined : socket.position || undefined;
        told.set(name, since && number(since) !== null ? number(since) : since ? "gap" : null);
        socket.subscribe(name, since);
      }
    }
    await settle();
    safe();
  }
  hub.isPlain = hub.isAway = false;
  await pass(400_000, 2000);
  for (const name of told.keys()) hub.publish(name, String(hub.seq + 1));
  await pass(60_000, 2000);
  assert.equal(hub.connections.size, 1, `seed ${seed}: one connection is left`);
  for (const [name, at] of told) assert.equal(at, hub.channel(name).all.at(-1).n, `seed ${seed}: all of ${name}`);
  safe();
  socket.close();
  return { gaps, fired };
}

test("whatever happens, every message comes once and in order, or a gap is told", async (t) => {
  const seeds = Number(process.env.SEEDS ?? 150), first = Number(process.env.SEED ?? 1), sum = { gaps: 0, fired: 0 };
  for (let seed = first; seed < first + seeds; seed++) {
    const { gaps, fired } = await life(t, seed, seed % 2 ? 5 : 1e6);
    if (seed % 2 === 0) assert.equal(gaps, 0, `seed ${seed}: the history has it all`);
    sum.gaps += gaps;
    sum.fired += fired;
  }
  assert.ok(sum.fired > seeds * 10 && (seeds < 10 || sum.gaps > 0), JSON.stringify(sum));
  t.diagnostic(JSON.stringify(sum));
});

test("is small: the client less than 3 KiB, with its part for the hub less than 5, compressed and without comments", (t) => {
  const code = (name) => readFileSync(new URL(`../../src/apps/page/${name}`, import.meta.url), "utf8").replaceAll(/^ *\/\/.*\n/gm, "");
  const size = (text) => gzipSync(text, { level: 9 }).length;
  const client = code("client.mjs"), [alone, both] = [size(client), size(client + code("hub.mjs"))];
  t.diagnostic(`${alone} bytes, ${both} with the hub`);
  assert.ok(alone < 3 * 1024 && both < 5 * 1024, `${alone}, ${both}`);
});
