// Each panel does in two tabs what it promises, with a console free of errors; all apps on one page, and each alone.

import test from "node:test";
import assert from "node:assert/strict";
import { browse, open, options, panel, serve, until } from "./sockhop.mjs";
import { apps, panels, texts } from "./panels.mjs";

for (const [app, promise] of Object.entries(panels)) {
  test(`${app} in two tabs`, options, async (t) => {
    const server = await serve(t);
    await promise(t, await browse(t), server.url);
  });

  test(`${app} alone, in two tabs`, options, async (t) => {
    const server = await serve(t, [app]);
    const browser = await browse(t);
    await promise(t, browser, server.url);
    const page = await open(t, browser, server.url);
    assert.equal(await (await panel(page, app)).locator(".address").innerText(), `ws://127.0.0.1:${server.port}/ws`);
    assert.ok(await page.locator("nav").isHidden(), "one app needs no list");
  });
}

test("a recipe of one's own has a panel, too", options, async (t) => {
  const server = await serve(t, ["recipe", "--greet", "hello", "--on", "text:bye", "--reply", "so long", "--subprotocol", "x.1"]);
  const page = await open(t, await browse(t), server.url);
  const own = await panel(page, "recipe");
  await own.locator("[name=message]").press("Enter");
  await until(async () => (await texts(page, "#panel-recipe .talk li span")).length === 3, "an answer");
  assert.deepEqual(await texts(page, "#panel-recipe .talk li span"), ["hello", "bye", "so long"]);
  assert.equal(await own.locator(".command").textContent(), "sockhop recipe --greet hello --on text:bye --reply 'so long'");
});

test("the inspector shows what travels, and the log can be copied as text", options, async (t) => {
  const server = await serve(t);
  const context = await browse(t, [], { permissions: ["clipboard-read", "clipboard-write"], extraHTTPHeaders: { Authorization: "Basic SECRET" } });
  await context.addCookies([{ name: "id", value: "SECRET", url: server.url, httpOnly: true }]);
  const page = await open(t, context, `${server.url}#greet`);
  const greet = await panel(page, "greet");
  await page.locator("#panel-greet .talk li").first().waitFor();

  await greet.locator(".handshake summary").click();
  const handshake = await greet.locator(".handshake").innerText();
  for (const line of ["GET /greet HTTP/1.1", "Upgrade: websocket", "Sec-WebSocket-Protocol: sockhop.inspect", "Cookie: (hidden)",
    `Origin: http://127.0.0.1:${server.port}`, "HTTP/1.1 101 Switching Protocols"]) {
    assert.ok(handshake.includes(line), `${line} in ${handshake}`);
  }
  const key = /Sec-WebSocket-Key: (\S+)/.exec(handshake)[1];
  const accept = await page.evaluate(async (key) => {
    const text = new TextEncoder().encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
    return btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("SHA-1", text))));
  }, key);
  assert.ok(handshake.includes(`Sec-WebSocket-Accept: ${accept}`), "the accept that belongs to the key");
  assert.ok(!(await page.content()).includes("SECRET"));

  await page.locator("#panel-greet [name=message]").fill("☃");
  await page.locator("#panel-greet [name=message]").press("Enter");
  const answer = greet.locator(".log li.down", { hasText: "Received: ☃" });
  await answer.waitFor();
  assert.match(await answer.locator(".label").innerText(), /^text 0x1 · 13 B · after [\d.]+ m?s$/);
  await greet.locator(".log li.up", { hasText: "☃" }).locator("summary").click();
  const frame = await greet.locator(".log li.up .frame").first().innerText();
  assert.match(frame.replace(/\s+/g, " "), /FIN 1 RSV 000 opcode 0x1 text MASK 1 length 3 masking key 4 bytes, random payload 3 bytes/);
  assert.match(await greet.locator(".log li.up .hint").first().innerText(), /One frame of 9 bytes/);

  await greet.locator(".closing select").selectOption("4000");
  await greet.locator(".closing input").fill("enough");
  await greet.locator(".closing .toggle").click();
  await greet.locator(".state.closed").waitFor();
  assert.equal(await greet.locator(".state").innerText(), "closed: 4000 your own");
  await greet.locator(".copy").click();
  await greet.locator(".copy", { hasText: "Copied" }).waitFor();
  const log = await page.evaluate(() => navigator.clipboard.readText());
  const lines = log.trim().split("\n");
  assert.equal(lines[0], `greet ws://127.0.0.1:${server.port}/greet`);
  const wanted = [/● {2}open/, /↓ {2}message {4}text 0x1 · 8 B {2}Hi there$/, /↑ {2}send\(\) {5}text 0x1 · 3 B {2}☃$/,
    /↓ {2}message {4}text 0x1 · 13 B · after .* {2}Received: ☃$/, /↑ {2}close\(\) {4}close 0x8 · 8 B {2}4000 your own: enough$/,
    /■ {2}close {6}clean {2}4000 your own: “enough”\. A code that/];
  assert.ok(!log.includes("inspect"), "only the app's own messages");
  for (const line of wanted) assert.ok(lines.some((it) => line.test(it) && /^\d\d:\d\d:\d\d\.\d{3} {2}/.test(it)), `${line} in\n${log}`);

  await greet.locator(".toggle", { hasText: "Connect" }).click();
  await panel(page, "greet");
});

test("it can be used with the keyboard alone, and says what its parts are", options, async (t) => {
  const server = await serve(t);
  const page = await open(t, await browse(t), server.url);
  await panel(page, "pong");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "To the app");
  const stops = [];
  for (let i = 0; i < 17; i++) {
    await page.keyboard.press("Tab");
    stops.push(await page.evaluate(() => {
      const { activeElement: it } = document;
      const ring = getComputedStyle(it).outlineStyle;
      return `${(it.ariaLabel ?? it.textContent).trim().replace(/\s+/g, " ").slice(0, 24)}${ring === "none" ? " (no focus ring)" : ""}`;
    }));
  }
  assert.deepEqual(stops.slice(0, 10), ["Open a second tab ↗", "pong", "chat", "relay", "echo", "greet", "broadcast", "Send ping", "What this tab has heard", "Do it yourself"]);
  assert.ok(stops.includes("Copy as text") && stops.includes("Close"), stops.join(", "));
  assert.ok(!stops.some((stop) => stop.includes("no focus ring")), stops.join(", "));
  for (const app of apps) {
    await page.evaluate((app) => { location.hash = app; }, app);
    const nameless = await (await panel(page, app)).evaluate((root) => [...root.querySelectorAll("input, select, textarea, button")]
      .filter((it) => !(it.ariaLabel || it.textContent.trim() || [...(it.labels ?? [])].some((label) => label.textContent.trim()))).map((it) => it.outerHTML));
    assert.deepEqual(nameless, [], app);
  }
});
