// The server goes, a tab is killed, and pages come from other origins.

import test from "node:test";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { browse, open, options, panel, serve, until } from "./sockhop.mjs";
import { AWAY, apps, ghosts, say, texts } from "./panels.mjs";

test("tabs come back to a server that was killed, and what they had queued arrives once", options, async (t) => {
  const first = await serve(t);
  const context = await browse(t);
  const [a, b] = [await open(t, context, `${first.url}#chat`, AWAY), await open(t, context, `${first.url}#chat`, AWAY)];
  for (const page of [a, b]) await panel(page, "chat");
  await say(a, "chat", "before", "Ada");
  for (const page of [a, b]) await page.locator("#panel-chat .chat li", { hasText: "before" }).waitFor();
  await first.kill();
  for (const page of [a, b]) await page.locator("#panel-chat .state.away").waitFor();
  await a.locator("#panel-chat .log .close", { hasText: "1006 no Close frame" }).first().waitFor();
  for (const words of ["one", "two", "three"]) await say(a, "chat", words);
  await say(b, "chat", "four", "Grace");
  await a.locator("#panel-chat .log .up", { hasText: "send() waits" }).nth(2).waitFor();

  await serve(t, [], { port: first.port });
  for (const page of [a, b]) await panel(page, "chat");
  const own = (lines, name) => lines.map((line) => line.slice(11)).filter((line) => line.startsWith(name));
  await until(async () => own(await texts(a, "#panel-chat .chat li"), "Ada").length >= 4, "what was queued");
  // The tab that comes back first may miss messages of others meanwhile; none misses its own, or gets one twice.
  await say(b, "chat", "last");
  await say(a, "chat", "last");
  for (const page of [a, b]) await page.locator("#panel-chat .chat li", { hasText: "Ada: last" }).waitFor();
  assert.deepEqual(own(await texts(a, "#panel-chat .chat li"), "Ada"), ["Ada: before", "Ada: one", "Ada: two", "Ada: three", "Ada: last"]);
  assert.deepEqual(own(await texts(b, "#panel-chat .chat li"), "Grace"), ["Grace: four", "Grace: last"]);
});

test("a panel notices that its server is silent, and comes back", options, async (t) => {
  const server = await serve(t);
  const context = await browse(t);
  // The page's clock is moved on by the test.
  await context.clock.install();
  await context.addInitScript(() => {
    globalThis.asked = globalThis.answered = 0;
    const { send } = WebSocket.prototype, isBeat = (data) => data === "sockhop.heartbeat";
    WebSocket.prototype.send = function (data) {
      if (isBeat(data) && asked++ === 0) this.addEventListener("message", (event) => { answered += isBeat(event.data); });
      send.call(this, data);
    };
  });
  const page = await open(t, context, `${server.url}#echo`, AWAY);
  await panel(page, "echo");
  while (await page.evaluate(() => answered) < 3) {
    await page.clock.runFor(5000);
    await until(() => page.evaluate(() => asked === answered), "an answer to the heartbeat");
  }
  assert.equal(await page.locator("#panel-echo .log .close").count(), 0, "an answer of the server is a sign of life");
  assert.equal(await page.locator("#panel-echo .log .down").count(), 0, "but no message to show");
  server.child.kill("SIGSTOP");
  t.after(() => server.child.kill("SIGCONT"));
  await page.clock.runFor(30_000);
  await page.locator("#panel-echo .log .close", { hasText: "1006 no Close frame" }).first().waitFor();
  server.child.kill("SIGCONT");
  await page.clock.runFor(30_000);
  await panel(page, "echo");
});

test("every panel comes back", options, async (t) => {
  const first = await serve(t);
  const page = await open(t, await browse(t), first.url, AWAY);
  for (const app of apps) {
    await page.evaluate((app) => { location.hash = app; }, app);
    await panel(page, app);
  }
  await first.kill("SIGTERM");
  // A hidden panel has no box, but a state all the same.
  const states = () => page.locator(".state").evaluateAll((all) => all.map((it) => it.className));
  await until(async () => (await states()).every((state) => state === "state away"), "six that are away");
  const codes = await page.locator("#panel-broadcast .log .close .text").allInnerTexts();
  assert.match(codes[0], /^1001 going away/);
  await say(page, "broadcast", "queued");
  await serve(t, [], { port: first.port });
  await until(async () => (await states()).every((state) => state === "state open"), "six that are back");
  await page.locator("#panel-broadcast .talk .theirs", { hasText: "queued" }).waitFor();
  assert.equal(await page.locator("#panel-broadcast .talk .theirs").count(), 1);
});

test("the form has beside it whether messages go out, and Sent counts those that did", options, async (t) => {
  const first = await serve(t);
  const context = await browse(t, [], { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
  const page = await open(t, context, `${first.url}#chat`, AWAY);
  const chat = await panel(page, "chat");
  const [state, sent, input] = [chat.locator(".state"), chat.locator(".up").first(), chat.locator("[name=message]")];
  await say(page, "chat", "one");
  await until(async () => await sent.innerText() === "1", "one that was sent");
  await first.kill();
  await chat.locator(".state.away").waitFor();
  for (const words of ["two", "three"]) await say(page, "chat", words);
  await until(async () => /^away: trying again in [\d.]+ s\. Waiting to be sent: 2 messages$/.test(await state.innerText()), "two that wait");
  assert.equal(await sent.innerText(), "1");
  const [form, line] = [await chat.locator(".say").boundingBox(), await state.boundingBox()];
  assert.ok(line.y >= form.y + form.height && line.y - form.y - form.height < 30, "right below the form");

  const second = await serve(t, [], { port: first.port });
  await panel(page, "chat");
  await until(async () => await sent.innerText() === "3" && await state.innerText() === "open", "three that were sent");
  await chat.locator(".log .note", { hasText: "sends the 2 messages that waited" }).waitFor();
  await second.kill();
  await chat.locator(".state.away").waitFor();
  await say(page, "chat", "four");
  await chat.locator(".toggle").click();
  await until(async () => await state.innerText() === "closed: 1006 no Close frame. Not sent: 1 message", "one that is lost");
  await say(page, "chat", "five");
  await chat.locator(".log .error", { hasText: "refused: the connection is closed" }).waitFor();
  assert.deepEqual([await input.inputValue(), await sent.innerText()], ["five", "3"], "the text stays in the form");
});

test("a tab keeps its names when it is reloaded, and a second tab has others", options, async (t) => {
  const server = await serve(t);
  const context = await browse(t);
  const [a, b] = [await open(t, context, `${server.url}#chat`), await open(t, context, `${server.url}#chat`)];
  for (const page of [a, b]) await panel(page, "chat");
  await say(a, "chat", "hello", "Ada");
  for (const page of [a, b]) await page.evaluate(() => { location.hash = "relay"; });
  await until(async () => (await ghosts(b)).length === 1, "a cursor");
  const [{ id }] = await ghosts(b);
  await a.reload();
  await until(async () => (await ghosts(a)).length === 1 && (await ghosts(b)).length === 1, "cursors");
  assert.equal((await ghosts(b))[0].id, id);
  const names = [];
  for (const page of [a, b]) {
    await page.evaluate(() => { location.hash = "chat"; });
    names.push(await (await panel(page, "chat")).locator("[name=name]").inputValue());
  }
  assert.deepEqual(names, ["Ada", "Anonymous"]);
});

test("a server that says that it restarts is given more time", options, async (t) => {
  const server = await serve(t, ["echo", "--restart"]);
  const page = await open(t, await browse(t), server.url, AWAY);
  const echo = await panel(page, "echo");
  await server.kill("SIGTERM");
  await echo.locator(".log .close", { hasText: "1012 service restart" }).waitFor();
  const note = await echo.locator(".log .note .text").innerText();
  const wait = Number(/^tries again in (\d+) ms$/.exec(note)?.[1]);
  assert.ok(wait >= 5000 && wait <= 30_000, note);
});

test("the cursor of a tab that was killed is gone in five seconds", options, async (t) => {
  const server = await serve(t, ["relay"]);
  const context = await browse(t);
  const a = await open(t, context, server.url);
  const b = await open(t, context, server.url);
  for (const page of [a, b]) await panel(page, "relay");
  await until(async () => (await ghosts(a)).length === 1, "a cursor");
  // One that lives stays, however long it does not move: it is told again every 2 s.
  const again = () => a.locator("#panel-relay .log .down", { hasText: "column" }).count();
  const heard = await again();
  await until(async () => await again() >= heard + 3, "the same place, told again");
  assert.equal((await ghosts(a)).length, 1);
  // pagehide does not run in a tab that is killed.
  const session = await context.newCDPSession(b);
  const isGone = b.waitForEvent("crash");
  session.send("Page.crash").catch(() => {});
  await isGone;
  await a.evaluate(() => { Date.now = () => performance.timeOrigin + performance.now() + 5000; });
  await until(async () => (await ghosts(a)).length === 0, "an empty page");
  const told = await texts(a, "#panel-relay .log .down .text");
  assert.ok(!told.some((text) => text.includes("gone")), "nobody has said so");
});

test("the client stops at 1008, tries later after 1012 and 1013, and soon after the rest", options, async (t) => {
  const server = await serve(t, ["echo"]);
  const context = await browse(t);
  const page = await open(t, context, server.url);
  const result = await page.evaluate(async () => {
    const { default: Sockhop } = await import("./client.mjs");
    // A browser's own, but for its ends.
    const made = [];
    class Fake extends EventTarget {
      constructor() { super(); this.readyState = 0; this.bufferedAmount = 0; this.sent = []; made.push(this); }
      send(data) { this.sent.push(data); }
      open() { this.readyState = 1; this.onopen(new Event("open")); }
      end(code) { this.readyState = 3; this.onclose(new CloseEvent("close", { code })); }
      close() { if (this.readyState < 2) this.readyState = 2; }
    }
    const real = globalThis.WebSocket;
    globalThis.WebSocket = Fake;
    const delays = {};
    for (const code of [1000, 1001, 1006, 1008, 1009, 1012, 1013, 4000]) {
      delays[code] = [];
      for (let i = 0; i < 200; i++) {
        const socket = new Sockhop("ws://a/");
        socket.addEventListener("close", ({ retryIn }) => delays[code].push(retryIn), { once: true });
        made.at(-1).end(code);
        socket.close();
      }
    }
    // Later and later: each try that fails doubles the longest wait.
    const longest = [];
    const clock = globalThis.setTimeout;
    let retry;
    globalThis.setTimeout = (what) => { retry = what; return 1; };
    const socket = new Sockhop("ws://a/");
    socket.onclose = ({ retryIn }) => longest.push(retryIn);
    for (let i = 0; i < 60; i++) { made.at(-1).end(1006); retry(); }
    // The queue: bounded, in order, once, behind what the open handler sends.
    const queue = new Sockhop("ws://a/");
    for (let i = 0; i < 256; i++) queue.send(`${i}`);
    const refusals = [];
    const attempt = (data) => { try { queue.send(data); } catch (error) { refusals.push(error.name); } };
    attempt("one too many");
    const bytes = new Sockhop("ws://a/");
    bytes.send(new Uint8Array(2 ** 20 - 1));
    const before = bytes.bufferedAmount;
    try { bytes.send("ab"); } catch (error) { refusals.push(error.name); }
    bytes.send("c");
    queue.onopen = () => { queue.send("first"); throw new Error("a handler may fail"); };
    const socketOfQueue = made.at(-2);
    const failed = new Promise((resolve) => addEventListener("error", (event) => { event.preventDefault(); resolve(); }, { once: true }));
    try { socketOfQueue.open(); } catch { /* as the browser would report it */ }
    const sent = [...socketOfQueue.sent];
    socketOfQueue.end(1006);
    retry();
    queue.onopen = null;
    made.at(-1).open();
    const sentAgain = made.at(-1).sent.length;
    // Queued data is copied.
    const copy = new Sockhop("ws://a/");
    const view = new Uint8Array([1, 2, 3]);
    copy.send(view.subarray(1));
    view.fill(0);
    made.at(-1).open();
    const copied = [...new Uint8Array(await made.at(-1).sent[0].arrayBuffer())];
    // close() while away is the end.
    const ended = new Sockhop("ws://a/");
    const ends = [];
    ended.addEventListener("close", ({ retryIn }) => ends.push([retryIn === null, ended.readyState]));
    made.at(-1).end(1006);
    ended.close();
    globalThis.WebSocket = real;
    globalThis.setTimeout = clock;
    return { delays, longest, refusals, before, sent: sent.slice(0, 3), count: sent.length, sentAgain, copied, ends,
      constants: [Sockhop.CONNECTING, Sockhop.OPEN, socket.CLOSING, socket.CLOSED] };
  });
  const within = (values, min, max) => values.every((value) => value >= min && value <= max) && Math.max(...values) - Math.min(...values) > (max - min) / 2;
  for (const code of [1001, 1006, 1009, 4000]) assert.ok(within(result.delays[code], 500, 1000), `${code}: with jitter, soon`);
  for (const code of [1012, 1013]) assert.ok(within(result.delays[code], 5000, 30_000), `${code}: with jitter, later`);
  for (const code of [1000, 1008]) assert.ok(result.delays[code].every((value) => value === null), `${code}: never`);
  assert.ok(result.longest.every((value) => value >= 500 && value <= 30_000) && within(result.longest.slice(6), 500, 30_000), result.longest.join());
  assert.deepEqual(result.refusals, ["RangeError", "RangeError"]);
  assert.equal(result.before, 2 ** 20 - 1);
  assert.deepEqual([result.sent, result.count, result.sentAgain], [["first", "0", "1"], 257, 0]);
  assert.deepEqual(result.copied, [2, 3]);
  assert.deepEqual(result.ends, [[false, 0], [true, 3]]);
  assert.deepEqual(result.constants, [0, 1, 2, 3]);
});

test("the client works as a plain script and as a module, on a page of one's own", options, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sockhop-own-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const body = (how) => `<!doctype html><title>own</title><link rel=icon href=data:,><p id=out></p>${how}`;
  const use = "const s = new Sockhop('any/where'); s.onopen = () => s.send('hi'); s.onmessage = (e) => { out.textContent += e.data + ';' };";
  writeFileSync(join(folder, "index.html"), body(`<script src=client.js></script><script>${use}</script>`));
  writeFileSync(join(folder, "default.html"), body(`<script type=module>import Sockhop from './client.mjs'; ${use}</script>`));
  writeFileSync(join(folder, "named.html"), body(`<script type=module>import { Sockhop } from './client.mjs'; ${use}</script>`));
  const server = await serve(t, ["greet", "--page", folder]);
  const context = await browse(t);
  for (const name of ["", "default.html", "named.html"]) {
    const page = await open(t, context, server.url + name);
    await page.locator("#out", { hasText: "Hi there;Received: hi;" }).waitFor();
  }
});

test("a page opened as a file talks to the loopback, unless told otherwise", options, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sockhop-file-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const context = await browse(t, ["--disable-features=LocalNetworkAccessChecks"]);
  for (const [args, expected, log] of [[["greet"], "Hi there", /^$/], [["greet", "--origin", "same"], "closed 1006", /origin "null" is not that of host/]]) {
    const server = await serve(t, args);
    writeFileSync(join(folder, "page.html"), `<!doctype html><p id=out></p><script>const ws = new WebSocket("ws://127.0.0.1:${server.port}/");
      ws.onmessage = (e) => { out.textContent = e.data; }; ws.onclose = (e) => { out.textContent = "closed " + e.code; };</script>`);
    const page = await open(t, context, `file://${folder}/page.html`, AWAY);
    await page.locator("#out", { hasText: expected }).waitFor();
    await until(() => log.test(server.log), `${log} in ${server.log}`);
  }
});

test("a page of another site is kept out, and the log says how to let it in", options, async (t) => {
  const site = createServer((_, response) => response.setHeader("Content-Type", "text/html").end("<!doctype html><link rel=icon href=data:,><p>elsewhere")).listen(0, "127.0.0.1");
  t.after(() => site.close());
  await once(site, "listening");
  const origin = `http://evil.test:${site.address().port}`;
  const context = await browse(t, ["--host-resolver-rules=MAP evil.test 127.0.0.1", "--disable-features=LocalNetworkAccessChecks"]);
  const connect = async (server) => {
    const page = await open(t, context, `${origin}/`, AWAY);
    return page.evaluate((port) => new Promise((resolve) => {
      const ws = new WebSocket(`ws://127.0.0.1:${port}/`);
      ws.onmessage = ({ data }) => resolve(data);
      ws.onclose = ({ code }) => resolve(code);
    }), server.port);
  };
  const strict = await serve(t, ["greet"]);
  assert.equal(await connect(strict), 1006);
  for (const words of [`origin "${origin}"`, `host "127.0.0.1:${strict.port}"`, `--origin ${origin}`, "proxy_set_header Host $http_host"]) {
    await until(() => strict.log.includes(words), `${words} in ${strict.log}`);
  }
  assert.equal(await connect(await serve(t, ["greet", "--origin", origin])), "Hi there");
});
