// Compression in a real Chromium: what is negotiated, what travels, and what the inspector says of it.

import test from "node:test";
import assert from "node:assert/strict";
import { browse, open, options, panel, serve, until } from "./sockhop.mjs";

for (const flags of [["--deflate"], ["--deflate", "takeover"]]) {
  test(`messages come back as they were with ${flags.join(" ")}`, options, async (t) => {
    const server = await serve(t, ["echo", ...flags]);
    const page = await open(t, await browse(t), server.url);
    const heard = await page.evaluate(async (url) => {
      const socket = new WebSocket(url);
      socket.binaryType = "arraybuffer";
      await new Promise((resolve) => { socket.onopen = resolve; });
      const said = ["short", "", "the same again and again ".repeat(4000), "κόσμε 😀".repeat(999), "x".repeat(1 << 20)];
      const random = crypto.getRandomValues(new Uint8Array(60_000));
      const answer = () => new Promise((resolve) => { socket.onmessage = ({ data }) => resolve(data); });
      const same = [];
      for (const message of said) {
        socket.send(message);
        same.push(await answer() === message);
      }
      socket.send(random);
      const bytes = new Uint8Array(await answer());
      same.push(bytes.length === random.length && bytes.every((byte, at) => byte === random[at]));
      return { same, extensions: socket.extensions };
    }, server.url.replace("http", "ws"));
    assert.deepEqual(heard.same, Array(6).fill(true));
    assert.match(heard.extensions, /^permessage-deflate/);
    assert.equal(heard.extensions.includes("takeover"), flags.length === 1, heard.extensions);
  });
}

test("the inspector shows what was negotiated and what it saves", options, async (t) => {
  const server = await serve(t, ["echo", "--deflate"]);
  const page = await open(t, await browse(t), server.url);
  const echo = await panel(page, "echo");
  await echo.locator("[name=message]").fill("again and again ".repeat(200));
  await echo.locator("[name=message]").press("Enter");
  await until(async () => /^about 6,\d{3} bytes$/.test(await echo.locator(".saved").innerText()), "what both ways have saved");
  await echo.locator(".handshake summary").click();
  const handshake = await echo.locator(".handshake").innerText();
  assert.match(handshake, /Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits/);
  assert.match(handshake, /Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover/);
});

test("without the flag nothing is negotiated, and nothing said to be saved", options, async (t) => {
  const page = await open(t, await browse(t), (await serve(t, ["echo"])).url);
  const echo = await panel(page, "echo");
  assert.ok(await echo.locator(".saved").isHidden());
  await echo.locator(".handshake summary").click();
  const answered = (await echo.locator(".handshake").innerText()).split("HTTP/1.1 101")[1];
  assert.ok(!answered.includes("Sec-WebSocket-Extensions"));
});
