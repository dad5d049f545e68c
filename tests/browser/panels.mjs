// The promises of each panel, in two tabs at `url`. A tab that shows several apps is sent to the one by its hash.

import assert from "node:assert/strict";
import { open, panel, until } from "./sockhop.mjs";

export const apps = ["pong", "chat", "relay", "echo", "greet", "broadcast"];

/** A browser reports each try to reach a server that is not there. */
export const AWAY = /WebSocket connection to .* failed/;

async function tabs(t, context, url, app, count = 2) {
  const pages = [];
  for (let i = 0; i < count; i++) pages.push(await open(t, context, `${url}#${app}`));
  for (const page of pages) await panel(page, app);
  return pages;
}

export const texts = (page, selector) => page.locator(selector).allInnerTexts();

export async function say(page, app, words, name) {
  if (name) await page.locator(`#panel-${app} [name=name]`).fill(name);
  const input = page.locator(`#panel-${app} [name=message]`);
  await input.fill(words);
  await input.press("Enter");
}

/** Whose cursors a tab shows, and how many pixels from the corner of the paper. */
export const ghosts = (page) => page.evaluate(() => [...document.querySelectorAll("#panel-relay .ghost")].map((ghost) => {
  const [paper, { x, y }] = [ghost.closest(".paper").getBoundingClientRect(), ghost.getBoundingClientRect()];
  return { id: ghost.dataset.user, x: x - paper.x, y: y - paper.y };
}));

export const panels = {
  async pong(t, context, url) {
    const heard = (page) => page.locator("#panel-pong .pongs li").count();
    // Each says ping when it opens. The first is alone when its own is answered.
    const [a] = await tabs(t, context, url, "pong", 1);
    await until(async () => await heard(a) === 1, "the pong of the first opening");
    const [b] = await tabs(t, context, url, "pong", 1);
    await until(async () => await heard(a) === 2 && await heard(b) === 1, "the pong of the second");
    const start = Date.now();
    await a.locator("#panel-pong .ping").click();
    await until(async () => await heard(a) === 3 && await heard(b) === 2, "a pong in both tabs");
    assert.ok(Date.now() - start >= 950, "it came a second later, not at once");
    await b.evaluate("ping()");
    await until(async () => await heard(a) === 4 && await heard(b) === 3, "the pong of a ping from the console");
    assert.deepEqual(new Set((await texts(b, "#panel-pong .pongs li b"))), new Set(["pong"]));
    const trip = await a.locator("#panel-pong .trip").innerText();
    assert.match(trip, /^1\.\d+ s$/, "a round trip of a second and a bit");
  },

  async chat(t, context, url) {
    const [a, b] = await tabs(t, context, url, "chat");
    assert.equal(await a.locator("#panel-chat [name=name]").inputValue(), "Anonymous");
    await say(a, "chat", "hello");
    await say(b, "chat", "<b>bold</b><img src=x onerror=\"document.title='owned'\">", "<i>Grace</i>");
    const expected = [/^\[\d\d:\d\d:\d\d\] Anonymous: hello$/, /^\[\d\d:\d\d:\d\d\] <i>Grace<\/i>: <b>bold<\/b><img src=x onerror="document.title='owned'">$/];
    for (const page of [a, b]) {
      await until(async () => await page.locator("#panel-chat .chat li").count() === 2, "two lines in each tab");
      const lines = await texts(page, "#panel-chat .chat li");
      lines.forEach((line, i) => assert.match(line, expected[i]));
      assert.equal(await page.locator("#panel-chat .chat img, #panel-chat .log img, #panel-chat .chat b b").count(), 0);
      assert.match(await page.title(), /^chat/);
    }
    const input = a.locator("#panel-chat [name=message]");
    assert.equal(await input.inputValue(), "", "the input is cleared");
    assert.ok(await input.evaluate((it) => it === document.activeElement), "and focused");
  },

  async relay(t, context, url) {
    const [a, b] = await tabs(t, context, url, "relay");
    await until(async () => (await ghosts(a)).length === 1 && (await ghosts(b)).length === 1, "each other's cursor, not one's own");
    const area = a.locator("#panel-relay textarea");
    await area.evaluate((it) => it.setSelectionRange(0, 0));
    await area.focus();
    const home = async () => (await ghosts(b))[0];
    await until(async () => (await home())?.x < 20 && (await home())?.y < 25, "a cursor at line 1, column 1");
    await a.keyboard.press("ArrowDown");
    for (let i = 0; i < 4; i++) await a.keyboard.press("ArrowRight");
    await until(async () => (await home())?.x > 40 && (await home())?.y > 30, "the cursor at line 2, column 5");
    const told = (await texts(b, "#panel-relay .log .down .text")).map((text) => text.trim());
    const id = (await home()).id;
    assert.ok(told.includes(`{"line":2,"column":5,"userId":"${id}"}`), told.join("\n"));
    const echoed = (await texts(a, "#panel-relay .log .down .text")).filter((text) => text.includes(`"${id}"`));
    assert.deepEqual(echoed, [], "one's own is not echoed");
    await a.keyboard.type("let it = 1;");
    await until(async () => (await b.locator("#panel-relay textarea").inputValue()).includes("let it = 1;"), "the text that was written");
    // A relay keeps nothing; those who are there tell who comes.
    const [c] = await tabs(t, context, url, "relay", 1);
    await until(async () => (await c.locator("#panel-relay textarea").inputValue()).includes("let it = 1;"), "the text in a third tab");
    await until(async () => (await ghosts(c)).length === 2, "two cursors in a third tab");
    // A tab that leaves says so.
    await c.close({ runBeforeUnload: false });
    await a.goto("about:blank");
    await until(async () => (await ghosts(b)).length === 0, "an empty page");
  },

  async echo(t, context, url) {
    const [a] = await tabs(t, context, url, "echo", 1);
    const good = a.locator("#panel-echo .echoes .good");
    await say(a, "echo", "héllo ☃");
    await good.nth(0).waitFor();
    assert.match(await good.nth(0).innerText(), /^“héllo ☃”, after [\d.]+ m?s$/);
    await a.locator("#panel-echo [type=file]").setInputFiles({ name: "bytes.bin", mimeType: "application/octet-stream", buffer: Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 256)) });
    await good.nth(1).waitFor();
    assert.match(await good.nth(1).innerText(), /^70,000 bytes came back, every one the same/);
    for (const [place, size] of [["0", "1 byte"], ["100", "1,048,576 bytes"]]) {
      await a.locator("#panel-echo [type=range]").fill(place);
      assert.equal(await a.locator("#panel-echo output").innerText(), size);
      await a.locator("#panel-echo .bytes").click();
      await a.locator("#panel-echo .echoes .good", { hasText: `${size} came back, every one the same` }).waitFor();
    }
    await a.locator("#panel-echo .beyond").click();
    await a.locator("#panel-echo .echoes .bad", { hasText: "Close 1009, message too big" }).waitFor();
    await a.locator("#panel-echo .log .close", { hasText: "1009 message too big" }).waitFor();
    await panel(a, "echo");
    await say(a, "echo", "again");
    await a.locator("#panel-echo .echoes .good", { hasText: "“again”" }).waitFor();
    assert.equal(await a.locator("#panel-echo .echoes .bad").count(), 1);
  },

  async greet(t, context, url) {
    const pages = await tabs(t, context, url, "greet");
    for (const [i, page] of pages.entries()) {
      await say(page, "greet", `dance ${i}`);
      await until(async () => (await texts(page, "#panel-greet .talk li span")).length === 3, "a greeting and an answer");
      assert.deepEqual(await texts(page, "#panel-greet .talk li span"), ["Hi there", `dance ${i}`, `Received: dance ${i}`]);
    }
  },

  async broadcast(t, context, url) {
    const [a, b] = await tabs(t, context, url, "broadcast");
    await say(a, "broadcast", "to all");
    for (const page of [a, b]) await page.locator("#panel-broadcast .talk .theirs", { hasText: "to all" }).waitFor();
  },
};
