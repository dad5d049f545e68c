// Many messages at once: the page stays usable, because what it does for them happens once in a frame.

import test from "node:test";
import assert from "node:assert/strict";
import { browse, open, options, panel, serve, until } from "./sockhop.mjs";

/** What the sender says the nth time. */
const MESSAGES = {
  broadcast: (n) => `message ${n} `,
  chat: (n) => JSON.stringify({ name: "flood", message: `message ${n} ${"long enough to be compressed ".repeat(10)}` }),
  relay: (n) => JSON.stringify({ line: 1 + n % 9, column: 1 + n % 30, userId: `flood-${n % 20}` }),
  pong: () => "ping",
};

/** Sends `count` messages to an app from another tab, and counts what they cost the page. */
async function flood(t, app, count, flags = []) {
  const server = await serve(t, flags);
  const context = await browse(t);
  const page = await open(t, context, `${server.url}#${app}`);
  const element = await panel(page, app);
  const other = await open(t, context, `${server.url}#echo`);
  // A tab in the background gets few frames.
  await page.bringToFront();
  const session = await context.newCDPSession(page);
  await session.send("Performance.enable");
  const layouts = async () => (await session.send("Performance.getMetrics")).metrics.find(({ name }) => name === "LayoutCount").value;
  await page.evaluate(() => {
    globalThis.frames = 0;
    requestAnimationFrame(function next() {
      globalThis.frames++;
      requestAnimationFrame(next);
    });
  });
  // A busy page answers late.
  const received = async () => Number((await element.locator(".down").first().textContent({ timeout: 90_000 })).replaceAll(",", ""));
  const before = [await layouts(), await received()];
  await other.evaluate(async ([url, messages]) => {
    const socket = new WebSocket(url);
    await new Promise((resolve) => { socket.onopen = resolve; });
    socket.onmessage = () => {};
    for (const message of messages) {
      socket.send(message);
      while (socket.bufferedAmount > 1e5) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }, [server.url.replace("http", "ws") + app, Array.from({ length: count }, (_, n) => MESSAGES[app](n))]);
  await until(async () => await received() >= before[1] + count, `${count} messages`, 90_000);
  const frames = await page.evaluate(() => globalThis.frames);
  assert.ok(await layouts() - before[0] <= 5 * frames + 20, `${await layouts() - before[0]} layouts in ${frames} frames`);
  assert.ok(await element.locator(".log li").count() <= 300 && await element.locator(".lines li").count() <= 200, "lists of a limited length");
  return element;
}

test("20,000 broadcasts do not freeze the page", options, async (t) => {
  const element = await flood(t, "broadcast", 20_000);
  // The lists end with the last messages, none missing.
  for (const [list, kept] of [[".log .down .text", 299], [".talk li span", 199]]) {
    await element.locator(list, { hasText: "message 19999 " }).waitFor();
    const numbers = (await element.locator(list).allTextContents()).map((text) => Number(/message (\d+)/.exec(text)?.[1])).slice(-kept);
    assert.deepEqual(numbers, Array.from({ length: kept }, (_, n) => 20_000 - kept + n));
  }
});

for (const [app, ...flags] of [["chat"], ["relay"], ["pong"], ["chat", "--deflate"]]) {
  test(`1,000 messages do not freeze ${app} ${flags.join(" ")}`, options, (t) => flood(t, app, 1000, flags));
}
