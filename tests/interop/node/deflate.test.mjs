// Compression (RFC 7692), as this client does it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, options, serve } from "./sockhop.mjs";

const JSON_TEXT = '{"id": 17, "name": "somebody", "list": [1, 2, 3]}, '.repeat(20);
const OFFERS = [
  {},
  { threshold: 0 },
  { serverNoContextTakeover: true, clientNoContextTakeover: true },
  { serverMaxWindowBits: 9, clientMaxWindowBits: 10, threshold: 0 },
];

for (const flags of [["--deflate"], ["--deflate", "takeover"]]) {
  test(`messages are echoed with ${flags.join(" ")}`, options, async (t) => {
    const server = await serve(t, "echo", ...flags);
    for (const perMessageDeflate of OFFERS) {
      const client = await Client.connect(t, server, "/", [], { perMessageDeflate });
      assert.match(client.socket.extensions, /^permessage-deflate/);
      for (const message of ["short", "", JSON_TEXT, JSON_TEXT, Buffer.alloc(300_000), "κόσμε 😀".repeat(5000), JSON_TEXT]) {
        client.send(message, { compress: true });
        await client.receives(message);
      }
      client.send(JSON_TEXT.slice(0, 100), { compress: true, fin: false });
      client.send(JSON_TEXT.slice(100), { compress: true, fin: true });
      await client.receives(JSON_TEXT);
    }
  });
}

test("a message of the limit passes and one byte more is 1009, whatever it was compressed to", options, async (t) => {
  const server = await serve(t, "echo", "--deflate", "--max-message", "100000");
  const client = await Client.connect(t, server, "/", [], { perMessageDeflate: true });
  client.send(Buffer.alloc(100_000), { compress: true });
  await client.receives(Buffer.alloc(100_000));
  client.send(Buffer.alloc(100_001), { compress: true });
  await client.receives({ closed: 1009 });
});

test("a broadcast reaches those who compress and those who do not", options, async (t) => {
  const server = await serve(t, "broadcast", "--deflate");
  const all = [];
  for (const perMessageDeflate of [true, false, true, { serverMaxWindowBits: 9 }]) {
    all.push(await Client.connect(t, server, "/", [], { perMessageDeflate }));
  }
  for (const message of [JSON_TEXT, "short", JSON_TEXT.repeat(100)]) {
    all[0].send(message, { compress: true });
    for (const client of all) await client.receives(message);
  }
});
