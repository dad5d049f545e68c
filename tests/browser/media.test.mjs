// Media of a page of one's own: players ask for parts of a file, and seek.

import test from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { browse, open, options, serve } from "./sockhop.mjs";

const RATE = 44_100;
const SECONDS = 60;

/** A wav file: a tone, 16 bits, two channels, 10 MB. It is far longer than what a player reads ahead. */
function wav() {
  const file = Buffer.alloc(44 + SECONDS * RATE * 4);
  file.write("RIFF", 0);
  file.writeUInt32LE(file.length - 8, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(2, 22);
  file.writeUInt32LE(RATE, 24);
  file.writeUInt32LE(RATE * 4, 28);
  file.writeUInt16LE(4, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36);
  file.writeUInt32LE(file.length - 44, 40);
  for (let at = 44, n = 0; at < file.length; at += 4, n += 1) {
    const level = Math.round(3000 * Math.sin((n * 2 * Math.PI * 440) / RATE));
    file.writeInt16LE(level, at);
    file.writeInt16LE(level, at + 2);
  }
  return file;
}

/** For a page with a player: seeks, plays on, and tells where it has arrived. */
async function seek() {
  const audio = document.querySelector("audio");
  const once = (name) => new Promise((resolve, reject) => {
    audio.addEventListener(name, resolve, { once: true });
    audio.addEventListener("error", () => reject(audio.error), { once: true });
  });
  if (audio.readyState < HTMLMediaElement.HAVE_METADATA) await once("loadedmetadata");
  const reached = { duration: audio.duration, places: [] };
  for (const place of [50, 10, 59, 30]) {
    const seeked = once("seeked");
    audio.currentTime = place;
    await seeked;
    reached.places.push(audio.currentTime);
  }
  await audio.play();
  while (audio.currentTime <= reached.places.at(-1)) await once("timeupdate");
  return reached;
}

function assertReached({ duration, places }) {
  assert.ok(Math.abs(duration - SECONDS) < 0.1, `${duration} s`);
  assert.deepEqual(places.map(Math.round), [50, 10, 59, 30]);
}

/** A server with a page that has a player, and `more` elements. */
async function studio(t, more = "") {
  const directory = mkdtempSync(join(tmpdir(), "sockhop-media-"));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, "tone.wav"), wav());
  writeFileSync(join(directory, "index.html"), '<!doctype html><link rel="icon" href="data:,">'
    + `<audio src="tone.wav" preload="metadata" muted></audio>${more}`);
  return serve(t, ["--page", directory]);
}

test("a player in Chromium can seek", options, async (t) => {
  const server = await studio(t);
  const context = await browse(t);
  // A player breaks off a request when it seeks.
  const page = await open(t, context, server.url, /tone\.wav: net::ERR_ABORTED/);
  const statuses = [];
  page.on("response", (response) => statuses.push(response.status()));
  assertReached(await page.evaluate(seek));
  assert.ok(statuses.includes(206), `statuses ${statuses}`);
});

// Its page tells the result to a server of this test: Firefox needs no driver then.
test("a player in Firefox can seek", options, async (t) => {
  let tell;
  const told = new Promise((resolve) => { tell = resolve; });
  const listener = createServer((request, response) => {
    text(request).then(tell);
    response.end();
  }).listen(0, "127.0.0.1");
  t.after(() => {
    listener.close();
    listener.closeAllConnections();
  });
  await once(listener, "listening");
  const report = `http://127.0.0.1:${listener.address().port}/`;
  const server = await studio(t, `<script type="module">
    const tell = (body) => fetch("${report}", { method: "POST", mode: "no-cors", body: JSON.stringify(body) });
    (${seek})().then(tell, (error) => tell({ error: String(error), message: error.message }));
  </script>`);
  const profile = mkdtempSync(join(tmpdir(), "sockhop-firefox-"));
  const firefox = spawn("firefox-esr", ["--headless", "--no-remote", "--profile", profile, server.url], { stdio: "ignore" });
  const exited = once(firefox, "exit");
  t.after(async () => {
    firefox.kill();
    await exited;
    // A process of its own may still be writing there.
    rmSync(profile, { recursive: true, maxRetries: 10 });
  });
  const ended = exited.then(([code]) => assert.fail(`Firefox has exited with ${code}`));
  const result = JSON.parse(await Promise.race([told, ended]));
  assert.equal(result.error, undefined, result.message);
  assertReached(result);
});
