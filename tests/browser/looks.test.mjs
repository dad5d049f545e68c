// The page on small screens, with forced colours and for axe, which finds what keeps people with disabilities out.

import test from "node:test";
import assert from "node:assert/strict";
import axe from "axe-core";
import { browse, open, options, panel, serve, until } from "./sockhop.mjs";
import { AWAY, apps, say } from "./panels.mjs";

/** Shows an app with all that can be unfolded, and long words. */
async function unfold(page, app) {
  await page.evaluate((app) => { location.hash = app; }, app);
  const element = await panel(page, app);
  if (await element.locator("[name=message]").count()) {
    await say(page, app, "unbroken".repeat(40));
    await element.locator(".lines li", { hasText: "unbroken" }).first().waitFor();
  }
  await element.evaluate((root) => root.querySelectorAll("details").forEach((it) => { it.open = true; }));
  return element;
}

for (const width of [320, 360]) {
  for (const isMobile of [false, true]) {
    test(`nothing is wider than ${width} pixels${isMobile ? " on a phone" : ""}`, options, async (t) => {
      const server = await serve(t);
      const page = await open(t, await browse(t, [], { viewport: { width, height: 700 }, isMobile, hasTouch: isMobile }), server.url);
      for (const app of apps) {
        await unfold(page, app);
        // The width that was asked for, since a phone's `innerWidth` grows with what is too wide.
        const wide = await page.evaluate((width) => [document.documentElement, ...document.querySelectorAll("main *")]
          .filter((it) => it.checkVisibility() && !it.parentElement?.closest("pre, .paper") && it.getBoundingClientRect().right > width + 0.5)
          .map((it) => `${it.tagName}.${it.className}`), width);
        assert.deepEqual(wide, [], app);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, app);
      }
    });
  }
}

test("forced colours show one tab as selected, and a bar only beside messages", options, async (t) => {
  const server = await serve(t);
  const page = await open(t, await browse(t, [], { forcedColors: "active" }), `${server.url}#chat`);
  await panel(page, "chat");
  await say(page, "chat", "hello");
  await page.locator("#panel-chat .log .down").waitFor();
  const seen = await page.evaluate(() => {
    const canvas = getComputedStyle(document.body).backgroundColor;
    const visible = (selector, side) => [...document.querySelectorAll(selector)]
      .filter((it) => getComputedStyle(it)[`border${side}Color`] !== canvas).map((it) => it.className || it.textContent);
    return [visible("#apps a", "Bottom"), visible("#panel-chat .log li", "Left")];
  });
  assert.deepEqual(seen, [["chat"], ["up", "down"]]);
  // The copy of the text that holds the cursors is not painted over the text.
  await page.evaluate(() => { location.hash = "relay"; });
  await panel(page, "relay");
  assert.equal(await page.locator(".ghosts").evaluate((it) => getComputedStyle(it).color), "rgba(0, 0, 0, 0)");
});

test("the label of a cursor is whole at every edge", options, async (t) => {
  const server = await serve(t);
  const context = await browse(t);
  const [a, b] = [await open(t, context, `${server.url}#relay`), await open(t, context, `${server.url}#relay`)];
  for (const page of [a, b]) await panel(page, "relay");
  const text = "a line that is longer than the editor is wide ".repeat(8);
  await b.locator("textarea").fill(`${text}\n`.repeat(20));
  await until(async () => (await a.locator("textarea").inputValue()).startsWith(text), "the text");
  /** Where the cursor is, if it is in sight, and by how many pixels its label is cut off. */
  const label = () => a.evaluate(() => {
    const ghost = document.querySelector(".ghost");
    const [paper, place, label] = [ghost.closest(".paper"), ghost, ghost.firstChild].map((it) => it.getBoundingClientRect());
    const isSeen = place.left >= paper.left && place.right <= paper.right && place.top >= paper.top && place.bottom <= paper.bottom;
    return { isSeen, cut: isSeen && Math.max(0, paper.left - label.left, label.right - paper.right, paper.top - label.top) };
  });
  const go = async (at, what) => {
    await b.locator("textarea").evaluate((it, at) => { it.setSelectionRange(at, at); it.dispatchEvent(new Event("select")); }, at);
    const column = at % (text.length + 1) + 1;
    await a.locator("#panel-relay .log .down", { hasText: `"column":${column},` }).last().waitFor();
    await until(async () => !(await label()).cut, what);
    return (await label()).isSeen;
  };
  let seen = 0;
  for (let column = 0; column < 120; column += 6) seen += await go(column, `a whole label at column ${column}`);
  assert.ok(seen > 5 && seen < 20, `up to the right edge and beyond: ${seen}`);
  const fourth = 3 * (text.length + 1) + 3;
  await go(fourth, "a whole label above the cursor");
  await a.locator("textarea").evaluate((it) => { it.scrollTop = 3 * parseFloat(getComputedStyle(it).lineHeight); });
  await until(async () => (await label()).isSeen && (await label()).cut === 0, "a whole label below a cursor at the upper edge");
});

for (const [name, context] of [["light", {}], ["dark, on a phone", { colorScheme: "dark", viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }]]) {
  test(`axe finds nothing: ${name}`, options, async (t) => {
    const server = await serve(t);
    const page = await open(t, await browse(t, [], context), server.url, AWAY);
    // As an expression, since the page's policy allows no script that is not the server's.
    await page.evaluate(axe.source);
    const check = async (what) => {
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" ")}`), [], what);
    };
    for (const app of apps) {
      await unfold(page, app);
      await check(app);
    }
    await server.kill();
    await page.locator("#panel-broadcast .state.away").waitFor();
    await check("away");
  });
}
