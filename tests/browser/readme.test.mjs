// The page of the README, served by the README's command, hears what it has said.

import test from "node:test";
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { browse, open, options, serve } from "./sockhop.mjs";

test("the page of the README talks to the app that it names", options, async (t) => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const [, section] = readme.split("\n## A page of your own\n");
  const [, app] = /^`sockhop (\w+) --page \.\/public`/m.exec(section);
  const [, html] = /^```html\n([^]*?)^```$/m.exec(section);
  const folder = mkdtempSync(join(tmpdir(), "sockhop-readme-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "index.html"), `<!doctype html><link rel="icon" href="data:,">${html}`);
  const server = await serve(t, [app, "--page", folder]);
  const browser = await browse(t);
  // The page may have spoken before `open` returns.
  const heard = new Promise((resolve) => browser.on("console", (message) => resolve(message.text())));
  await open(t, browser, server.url);
  const { name, message, time } = JSON.parse(await heard);
  assert.deepEqual([name, message], ["Ada", "hello"]);
  assert.ok(time, "the time that the app adds");
});
