// Behind nginx every panel works: its prefix trimmed or kept, TLS ended there, Host passed on or not.

import test from "node:test";
import assert from "node:assert/strict";
import { browse, open, options, panel, serve, until } from "../browser/sockhop.mjs";
import { panels, say } from "../browser/panels.mjs";
import { NAME, nginx } from "./nginx.mjs";

const ORIGINS = ["--origin", `http://${NAME}`, "--origin", `https://${NAME}`];

async function behind(t, { app = [], passHost, args = [] }) {
  const trimmed = await serve(t, [...app, ...args]);
  const kept = await serve(t, [...app, ...args, "--path-prefix", "/kept"]);
  const proxy = await nginx(t, { trimmed: trimmed.port, kept: kept.port, passHost });
  return { ...proxy, trimmed, kept, browser: () => browse(t, proxy.switches, { ignoreHTTPSErrors: true }) };
}

const WAYS = [
  ["http", "trimmed", true], ["http", "kept", false], ["https", "trimmed", false], ["https", "kept", true],
];

for (const [scheme, prefix, passHost] of WAYS) {
  const how = `${scheme}, prefix ${prefix}, ${passHost ? "Host $http_host" : "Host of proxy_pass and --origin"}`;
  for (const [app, promise] of Object.entries(panels)) {
    test(`${app} behind nginx: ${how}`, options, async (t) => {
      const site = await behind(t, { passHost, args: passHost ? [] : ORIGINS });
      await promise(t, await site.browser(), `${site[scheme]}${prefix}/`);
    });
  }

  test(`one app alone behind nginx: ${how}`, options, async (t) => {
    const site = await behind(t, { app: ["chat"], passHost, args: passHost ? [] : ORIGINS });
    const page = await open(t, await site.browser(), `${site[scheme]}${prefix}/`);
    const chat = await panel(page, "chat");
    const address = `${scheme === "https" ? "wss" : "ws"}://${NAME}/${prefix}/ws`;
    assert.equal(await chat.locator(".address").innerText(), address);
    await say(page, "chat", "hello");
    await page.locator("#panel-chat .chat li", { hasText: "Anonymous: hello" }).waitFor();
  });
}

test("without Host and without --origin it is refused, and the log says what to do", options, async (t) => {
  const site = await behind(t, { passHost: false });
  const page = await open(t, await site.browser(), `${site.https}trimmed/`, /WebSocket connection to .* failed/);
  await page.locator("#panel-pong .log .close", { hasText: "1006" }).first().waitFor();
  const advice = [`origin "https://${NAME}" is not that of host "127.0.0.1:${site.trimmed.port}"`, `--origin https://${NAME}`, "proxy_set_header Host $http_host"];
  await until(() => advice.every((words) => site.trimmed.log.includes(words)), `the advice in ${site.trimmed.log}`);
});

test("a prefix without its slash leads to the page", options, async (t) => {
  const site = await behind(t, { passHost: true });
  const browser = await site.browser();
  for (const prefix of ["trimmed", "kept"]) {
    const page = await open(t, browser, `${site.https}${prefix}`);
    assert.equal(page.url(), `${site.https}${prefix}/`);
    await panel(page, "pong");
  }
});
