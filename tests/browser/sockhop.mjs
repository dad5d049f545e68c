// A `sockhop` process and a Chromium to visit it with, for the tests in this folder and in ../proxy.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const BINARY = process.env.SOCKHOP_BIN ?? fileURLToPath(new URL("../../target/release/sockhop", import.meta.url));
const PICTURES = process.env.SOCKHOP_PICTURES ?? fileURLToPath(new URL("../../target/browser/", import.meta.url));

/** One that was built with the feature `deflate`. */
const DEFLATE_BINARY = process.env.SOCKHOP_DEFLATE_BIN
  ?? fileURLToPath(new URL("../../target/release/sockhop-deflate", import.meta.url));

/** What does not come in time is a failure, not a hang. No test waits for it when all is well. */
export const options = { timeout: 120_000 };
const PATIENCE = 20_000;
/** Tests that are over: their tabs may notice that the server goes. */
const over = new WeakSet();

/** One process; when the test ends it must exit by SIGTERM with code 0, unless the test has killed it. */
export async function serve(t, args = [], { port = 0, env: more = {} } = {}) {
  const env = { ...process.env, ...more };
  for (const name of ["SOCKHOP_LISTEN", "IP", "PORT"]) delete env[name];
  const child = spawn(args.includes("--deflate") ? DEFLATE_BINARY : BINARY, [...args, "--listen", `127.0.0.1:${port}`], { env, stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  const server = {
    child,
    log: "",
    async kill(signal = "SIGKILL") {
      server.isKilled = true;
      child.kill(signal);
      await exited;
    },
  };
  child.stderr.setEncoding("utf8").on("data", (text) => { server.log += text; });
  t.after(async () => {
    over.add(t);
    if (server.isKilled) return;
    child.kill("SIGTERM");
    assert.deepEqual(await exited, [0, null], "exit code of the server");
  });
  const line = await Promise.race([once(createInterface({ input: child.stdout }), "line"), exited.then(() => [""])]);
  server.port = Number(/:\/\/[^/\s]*:(\d+)/.exec(line[0])?.[1]);
  assert.ok(server.port, `an address in the first line: ${line[0]} ${server.log}`);
  server.url = `http://127.0.0.1:${server.port}/`;
  return server;
}

/** A browser of its own; `more` are further switches. */
export async function browse(t, more = [], context = {}) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", ...more],
  });
  t.after(() => browser.close());
  return browser.newContext({ viewport: { width: 1360, height: 900 }, ...context });
}

/** A tab whose console must stay free of errors; those that match `expected` are none. */
export async function open(t, context, url, expected = /^$/) {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const errors = [];
  const note = (error) => over.has(t) || expected.test(error) || errors.push(error);
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && note(message.text()));
  page.on("pageerror", (error) => note(String(error)));
  page.on("requestfailed", (request) => note(`${request.url()}: ${request.failure()?.errorText}`));
  page.on("request", (request) => new URL(request.url()).host === new URL(url).host || note(`a request to elsewhere: ${request.url()}`));
  t.after(() => assert.deepEqual(errors, [], `errors on ${url}`));
  await page.goto(url);
  return page;
}

/** The panel of an app, once it is connected. */
export async function panel(page, app) {
  const element = page.locator(`#panel-${app}`);
  await element.locator(".state.open").waitFor();
  return element;
}

export async function picture(page, name, more = {}) {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: `${PICTURES}/${name}.png`, ...more });
}

/** Resolves when the condition holds, asked again and again. */
export async function until(condition, what, patience = PATIENCE) {
  const end = Date.now() + patience;
  while (!(await condition())) {
    if (Date.now() > end) assert.fail(`in vain waited for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
