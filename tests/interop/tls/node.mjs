// npm's ws and Node's https with a server on localhost: node.mjs PORT FILE
//
// FILE is the one that the server has as /bytes.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { get } from "node:https";
import { createRequire } from "node:module";
import { buffer } from "node:stream/consumers";

const { WebSocket } = createRequire(new URL("../node/", import.meta.url))("ws");

const [port, file] = process.argv.slice(2);
const bytes = readFileSync(file);

const [response] = await once(get(`https://localhost:${port}/bytes`), "response");
assert.equal(response.statusCode, 200);
assert.ok((await buffer(response)).equals(bytes), "the file");

const socket = new WebSocket(`wss://localhost:${port}/`, { perMessageDeflate: false });
await once(socket, "open");
for (const message of ["wörter", Buffer.alloc(0), bytes]) {
  socket.send(message);
  const [came, isBinary] = await once(socket, "message");
  assert.equal(isBinary, typeof message !== "string");
  assert.ok(came.equals(Buffer.from(message)), `${message.length} bytes`);
}
socket.close(1000);
const [code] = await once(socket, "close");
console.log(`file and messages are the same, closed with ${code}`);
