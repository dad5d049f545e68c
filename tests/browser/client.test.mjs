// The client notices that a path is dead, and tries at once when it may be back.

import test from "node:test";
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { once } from "node:events";
import Sockhop from "../../src/apps/page/client.mjs";
import { Clock, put } from "./clock.mjs";
import { browse, open, options, serve, until } from "./sockhop.mjs";

const BEAT = "sockhop.heartbeat";

/** Node has one from 23 on. */
const CloseEvent = globalThis.CloseEvent ?? class extends Event {
  constructor(type, { code }) { Object.assign(super(type), { code }); }
};

/** A connection as the browser makes it, but for its server. */
class Fake extends EventTarget {
  readyState = 0; bufferedAmount = 0; sent = [];
  constructor(url) { super(); this.url = String(url); Fake.made.push(this); }
  send(data) { this.sent.push(data); }
  open() { this.readyState = 1; this.onopen(new Event("open")); }
  hear(data) { this.onmessage(new MessageEvent("message", { data })); }
  end(code) {
    this.readyState = 3;
    this.onclose(new CloseEvent("close", { code }));
  }
  close() { this.readyState = 2; }
  static get last() { return Fake.made.at(-1); }
}

/** A page whose clock stands still, and one client on it. */
function page(t, settings = {}, url = "ws") {
  const window = new EventTarget(), clock = new Clock();
  const document = Object.assign(new EventTarget(), { baseURI: "https://a.test/b/page.html", hidden: false });
  Fake.made = [];
  put(t, {
    WebSocket: Fake, document, addEventListener: window.addEventListener.bind(window),
    setTimeout: (...how) => clock.set(...how), clearTimeout: (id) => clock.clear(id),
    Date: class extends Date { static now() { return clock.now; } },
  });
  const socket = new Sockhop(url, [], settings);
  const ends = [];
  socket.addEventListener("close", ({ code, retryIn }) => ends.push([code, retryIn !== null]));
  return { socket, ends, window, document, pass: (ms) => clock.pass(ms) };
}

const show = (document, isShown) => {
  document.hidden = !isShown;
  document.dispatchEvent(new Event("visibilitychange"));
};

test("a silent server is asked after ten seconds, and left after twenty", (t) => {
  const { socket, ends, pass } = page(t, { heartbeat: BEAT });
  const heard = [];
  socket.onmessage = ({ data }) => heard.push(data);
  Fake.last.open();
  pass(9999);
  assert.deepEqual(Fake.last.sent, []);
  pass(1);
  assert.deepEqual(Fake.last.sent, [BEAT]);
  Fake.last.hear(BEAT);
  pass(10_000);
  assert.deepEqual(Fake.last.sent, [BEAT, BEAT], "and again in the next silence");
  Fake.last.hear("news");
  assert.deepEqual(heard, ["news"], "the answer to a heartbeat is not shown");
  pass(19_999);
  assert.deepEqual(ends, []);
  pass(1);
  assert.deepEqual(ends, [[1006, true]]);
  assert.equal(socket.readyState, 0);
  pass(1000);
  assert.equal(Fake.made.length, 2, "it tries again");
});

test("any message is life, so a server that talks is not asked", (t) => {
  const { ends, pass } = page(t, { heartbeat: BEAT, timeout: 4000 });
  Fake.last.open();
  for (let i = 0; i < 20; i++) {
    pass(1000);
    Fake.last.hear("tick");
  }
  assert.deepEqual([Fake.last.sent, ends], [[], []]);
});

test("without a heartbeat an open connection may be silent for ever", (t) => {
  const { ends, pass } = page(t);
  Fake.last.open();
  pass(1e7);
  assert.deepEqual([Fake.last.sent, ends, Fake.made.length], [[], [], 1]);
});

test("a connection whose own data still leaves is not left, one where it is stuck is", (t) => {
  const { ends, pass } = page(t, { heartbeat: BEAT });
  Fake.last.open();
  for (let left = 1000; left > 0; left -= 10) {
    Fake.last.bufferedAmount = left;
    pass(5000);
  }
  assert.deepEqual([Fake.last.sent, ends], [[], []], "the question would wait behind the data");
  Fake.last.bufferedAmount = 10;
  pass(25_000);
  assert.deepEqual(ends, [[1006, true]]);
});

test("one long message on a slow line gets through in the end", (t) => {
  const { ends, pass } = page(t, { heartbeat: BEAT });
  const seconds = () => {
    const count = ends.length;
    Fake.last.open();
    let passed = 0;
    for (; ends.length === count && passed < 300; passed++) pass(1000);
    pass(30_000);
    return passed;
  };
  assert.deepEqual([1, 2, 3, 4, 5].map(seconds), [20, 40, 80, 160, 160], "a connection that brings nothing gives the next more time");
  Fake.last.open();
  pass(100_000);
  Fake.last.hear("all of it");
  Fake.last.end(1006);
  pass(30_000);
  assert.equal(seconds(), 20, "until one brings something");
});

test("a try that hangs is given up", (t) => {
  const { ends, pass } = page(t);
  pass(39_999);
  assert.deepEqual(ends, []);
  pass(1);
  assert.deepEqual(ends, [[1006, true]]);
});

test("the network or the user comes back: it tries at once", (t) => {
  for (const back of [({ window }) => window.dispatchEvent(new Event("online")), ({ document }) => show(document, true)]) {
    const { socket, document, window, pass } = page(t);
    for (let i = 0; i < 8; i++) {
      Fake.last.end(1006);
      pass(30_000);
    }
    Fake.last.end(1006);
    const tries = Fake.made.length;
    show(document, false);
    assert.equal(Fake.made.length, tries, "a page that is hidden does not hurry");
    back({ document, window });
    assert.equal(Fake.made.length, tries + 1);
    back({ document, window });
    assert.equal(Fake.made.length, tries + 1, "one try at a time");
    pass(5000);
    back({ document, window });
    assert.equal(Fake.made.length, tries + 2, "one that has hung since is given up");
    let wait;
    socket.addEventListener("close", ({ retryIn }) => { wait = retryIn; }, { once: true });
    Fake.last.end(1006);
    assert.ok(wait <= 2000, "the waits begin anew");
    socket.close();
    back({ document, window });
    pass(1e6);
    assert.equal(Fake.made.length, tries + 2, "after close() nothing comes back");
  }
});

test("a server that asked for patience gets it", (t) => {
  for (const code of [1012, 1013]) {
    const { document, pass } = page(t);
    Fake.last.open();
    Fake.last.end(code);
    show(document, true);
    pass(4999);
    assert.equal(Fake.made.length, 1);
    pass(25_001);
    assert.equal(Fake.made.length, 2);
  }
});

test("a page that is shown again asks at once whether the path still works", (t) => {
  const { ends, document, pass } = page(t, { heartbeat: BEAT });
  Fake.last.open();
  pass(4000);
  for (let i = 0; i < 10; i++) show(document, true);
  assert.deepEqual(Fake.last.sent, [BEAT], "once, however often it is shown");
  pass(9999);
  assert.deepEqual(ends, []);
  pass(1);
  assert.deepEqual(ends, [[1006, true]]);
});

test("a relative URL is resolved against the page or the worker", (t) => {
  page(t);
  assert.equal(Fake.last.url, "wss://a.test/b/ws");
  page(t, {}, "http://b.test/x");
  assert.equal(Fake.last.url, "ws://b.test/x");
  put(t, { document: undefined });
  for (const [href, expected] of [["https://a.test/w/worker.js", "wss://a.test/w/ws"], ["blob:http://a.test/1-2", "ws://a.test/ws"]]) {
    put(t, { location: { href } });
    new Sockhop("ws").close();
    assert.equal(Fake.last.url, expected);
  }
});

/** Passes connections on, until the path is dead: then nothing comes through, and nobody is told. */
async function path(t, port) {
  const sockets = new Set();
  const relay = { isDead: false };
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const [from, to] of [[near, far], [far, near]]) {
      sockets.add(from);
      from.on("data", (data) => relay.isDead || to.write(data)).on("error", () => {}).on("close", () => relay.isDead || to.destroy());
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  relay.port = server.address().port;
  return relay;
}

test("the apps answer the heartbeat, and a page comes back when its path was dead", options, async (t) => {
  const server = await serve(t);
  const relay = await path(t, server.port);
  const context = await browse(t);
  for (const app of ["relay", "pong", "chat"]) {
    // Not the playground, whose policy allows connections to its own port only.
    const page = await open(t, context, `${server.url}healthz`, /WebSocket|favicon|404/);
    relay.isDead = false;
    await page.evaluate(async ([port, app, heartbeat]) => {
      const { default: Sockhop } = await import("/client.mjs");
      Object.assign(globalThis, { asked: 0, ends: [], heard: [] });
      const { send } = WebSocket.prototype;
      WebSocket.prototype.send = function (data) {
        if (data === heartbeat) asked++;
        send.call(this, data);
      };
      globalThis.socket = new Sockhop(`ws://127.0.0.1:${port}/${app}`, [], { heartbeat, timeout: 2000 });
      socket.onclose = ({ code }) => ends.push(code);
      socket.onmessage = ({ data }) => heard.push(data);
    }, [relay.port, app, BEAT]);
    await until(() => page.evaluate(() => asked > 3), "questions to a silent server");
    assert.deepEqual(await page.evaluate(() => [ends, heard]), [[], []], `${app} has answered them all, and nobody else`);
    relay.isDead = true;
    await until(() => page.evaluate(() => ends.includes(1006)), "the end of a dead path");
    relay.isDead = false;
    await until(() => page.evaluate(() => socket.readyState === 1), "a new connection");
  }
});
