// The page of `sockhop hub`: publishes to a channel, in two tabs, with a curl line that works as it stands.

import test from "node:test";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import axe from "axe-core";
import { browse, open, options, panel, picture, serve, until } from "./sockhop.mjs";

const run = promisify(execFile);
const heard = (page) => page.locator("#panel-hub .heard li span").allInnerTexts();

async function publish(page, words) {
  const input = page.locator("#panel-hub [name=message]");
  await input.fill(words);
  await input.press("Enter");
}

async function listen(page, channel) {
  const input = page.locator("#panel-hub [name=channel]");
  await input.fill(channel);
  await input.press("Enter");
  await page.locator("#panel-hub .log li", { hasText: `to ${channel.replace(/^\/?/, "/")}, after` }).waitFor();
}

test("what is published in a tab or by curl is heard in two", options, async (t) => {
  const server = await serve(t, ["hub"]);
  const context = await browse(t);
  const [a, b] = [await open(t, context, server.url), await open(t, context, server.url)];
  for (const page of [a, b]) await panel(page, "hub");
  await publish(a, "it's <b>bold</b>");
  await a.locator(".answer.good", { hasText: /^201: 2 listeners have it, as \S+\.$/ }).waitFor();
  // The line of the page, as somebody pastes it into a shell.
  await b.locator("#panel-hub [name=message]").fill("it's $HOME \"here\"");
  const line = await b.locator(".curl").innerText();
  assert.match(line, /^curl -d '.*' http:\/\/127\.0\.0\.1:\d+\/news$/);
  const { stdout } = await run("sh", ["-c", `${line} --silent --show-error`]);
  assert.equal(JSON.parse(stdout).subscribers, 2);
  const expected = ["it's <b>bold</b>", "it's $HOME \"here\""];
  for (const page of [a, b]) {
    await until(async () => (await heard(page)).length === 2, "two messages in each tab");
    assert.deepEqual(await heard(page), expected);
    assert.equal(await page.locator(".heard b b").count(), 0, "text stays text");
  }
  assert.match(await a.locator("#panel-hub .trip").innerText(), /^[\d.]+ m?s$/);
  // A tab that comes later gets what is kept.
  const c = await open(t, context, server.url);
  await until(async () => (await heard(c)).length === 2, "the history in a third tab");
});

test("the second tab listens to the same channel, and each tab to one", options, async (t) => {
  const server = await serve(t, ["hub"]);
  const context = await browse(t);
  const a = await open(t, context, server.url);
  await panel(a, "hub");
  await listen(a, "orders/ä 42%");
  assert.equal(await a.title(), "/orders/ä 42% · Sockhop");
  const [b] = await Promise.all([context.waitForEvent("page"), a.locator("#twin").click()]);
  await panel(b, "hub");
  assert.equal(await b.locator("[name=channel]").inputValue(), "/orders/ä 42%");
  await publish(b, "there");
  await a.locator(".heard li", { hasText: "/orders/ä 42% there" }).waitFor();
  await listen(b, "/news");
  await publish(b, "elsewhere");
  await b.locator(".heard li", { hasText: "/news elsewhere" }).waitFor();
  await a.goBack();
  await a.locator(".heard li", { hasText: "/news elsewhere" }).waitFor();
  assert.deepEqual(await heard(a), ["there", "elsewhere"]);
});

test("a hub with tokens asks for one, and shows it nowhere", options, async (t) => {
  const server = await serve(t, ["hub", "--publish-token", "s3cret"], { env: { RUST_LOG: "trace" } });
  const page = await open(t, await browse(t), server.url, /401/);
  await panel(page, "hub");
  const token = page.locator("#panel-hub [name=token]");
  assert.ok(await token.isHidden());
  await publish(page, "hello");
  await page.locator(".answer.bad", { hasText: "401: this hub wants a publish token." }).waitFor();
  assert.match(await page.locator(".curl").innerText(), /^curl -H 'Authorization: Bearer TOKEN' -d hello /);
  await token.fill("s3cret");
  await publish(page, "again");
  await page.locator(".heard li", { hasText: "again" }).waitFor();
  assert.deepEqual(await heard(page), ["again"]);
  assert.ok(!(await page.locator("body").innerText()).includes("s3cret") && !server.log.includes("s3cret"));
});

test("a page that may not listen says why", options, async (t) => {
  const server = await serve(t, ["hub", "--subscribe-token", "s3cret"]);
  const page = await open(t, await browse(t), server.url, /WebSocket|401/);
  await page.locator(".heard li.bad", { hasText: "401: to listen needs a subscribe token" }).waitFor();
});

for (const [name, context] of [["light", {}], ["dark-phone", { colorScheme: "dark", viewport: { width: 320, height: 700 }, isMobile: true, hasTouch: true }]]) {
  test(`axe finds nothing, and nothing is too wide: ${name}`, options, async (t) => {
    const server = await serve(t, ["hub", "--publish-token", "s3cret"]);
    const page = await open(t, await browse(t, [], context), server.url, /401/);
    await panel(page, "hub");
    await publish(page, "unbroken".repeat(40));
    await page.locator(".answer.bad").waitFor();
    await page.locator("#panel-hub [name=token]").fill("s3cret");
    await publish(page, "unbroken".repeat(40));
    await page.locator(".heard li", { hasText: "unbroken" }).waitFor();
    await page.evaluate(() => document.querySelectorAll("details").forEach((it) => { it.open = true; }));
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" ")}`), []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), context.viewport?.width ?? 1360);
    await picture(page, `hub-${name}`, { fullPage: true });
  });
}
