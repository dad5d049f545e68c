// The ready-made apps, as a client of another make sees them.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Client, clients, options, serve } from "./sockhop.mjs";

test("echo returns text and binary as they were", options, async (t) => {
  const client = await Client.connect(t, await serve(t, "echo"));
  const mebibyte = Buffer.alloc(1 << 20, "0123456789abcde");
  const binary = [Buffer.alloc(0), Buffer.from([0, 255]), mebibyte];
  for (const message of ["hello", "", "κόσμε 😀", "x".repeat(65536), ...binary]) {
    client.send(message);
    await client.receives(message);
  }
});

test("echo joins fragments and answers pings in between", options, async (t) => {
  const client = await Client.connect(t, await serve(t, "echo"));
  client.send("one ", { fin: false });
  assert.equal(await client.ping("first"), "first");
  client.send("", { fin: false });
  client.send("twö ", { fin: false });
  assert.equal(await client.ping(), "");
  client.send("three", { fin: true });
  await client.receives("one twö three");
});

test("echo closes with 1009 above the limit", options, async (t) => {
  const client = await Client.connect(t, await serve(t, "echo", "--max-message", "1K"));
  client.send("x".repeat(1024));
  await client.receives("x".repeat(1024));
  client.send("x".repeat(1025));
  await client.receives({ closed: 1009 });
});

test("pong answers every ping to all, a second later", options, async (t) => {
  const server = await serve(t, "pong");
  const [sender, leaves] = await clients(t, server, 2);
  const begin = performance.now();
  sender.send("ping");
  sender.send("ping");
  sender.send(Buffer.from("ping"));
  sender.send("Ping");
  const late = await Client.connect(t, server);
  leaves.socket.close(1000);
  await leaves.receives({ closed: 1000 });
  for (const client of [sender, late]) {
    await client.receives("pong", "pong");
    assert.ok(performance.now() - begin >= 999, "a pong came too early");
  }
  for (const client of [sender, late]) await client.nothingMore();
});

test("pong answers also when the sender has left", options, async (t) => {
  const [stays, sender] = await clients(t, await serve(t, "pong"), 2);
  sender.send("ping");
  sender.socket.close(1000);
  await sender.receives({ closed: 1000 });
  await stays.receives("pong");
  await stays.nothingMore();
});

test("chat stamps an object for everyone", options, async (t) => {
  const all = await clients(t, await serve(t, "chat"), 3);
  all[0].send('{"user":"Zoë","n":1.0e+5,"time":"mine"}');
  const replies = await Promise.all(all.map((client) => client.next()));
  assert.equal(new Set(replies).size, 1);
  const { time, ...rest } = JSON.parse(replies[0]);
  assert.match(time, /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$/);
  assert.deepEqual(rest, { user: "Zoë", n: 100000 });
  assert.ok(replies[0].includes('"user":"Zoë","n":1.0e+5'), "byte for byte");
});

test("chat tells what is no object to its sender alone", options, async (t) => {
  const [sender, other] = await clients(t, await serve(t, "chat"), 2);
  for (const message of ["hi", "", "[]", "null", '{"a":1,"a":2}', Buffer.from("{}"), '{"a":1}x']) {
    sender.send(message);
    assert.deepEqual(Object.keys(JSON.parse(await sender.next())), ["error"], `for ${message}`);
  }
  sender.send("{}");
  for (const client of [sender, other]) assert.deepEqual(Object.keys(JSON.parse(await client.next())), ["time"]);
});

test("greet greets first, then answers each message", options, async (t) => {
  const client = await Client.connect(t, await serve(t, "greet"));
  client.send("one");
  client.send(Buffer.from([0, 255]));
  await client.receives("Hi there", "Received: one", Buffer.from("Received: \0\xff", "latin1"));
});

test("greet loses nothing when the client sends and closes at once", options, async (t) => {
  const server = await serve(t, "greet");
  const numbers = Array.from({ length: 100 }, (_, number) => `${number}`);
  for (let round = 0; round < 20; round++) {
    const client = await Client.connect(t, server);
    for (const number of numbers) client.send(number);
    client.socket.close(1000);
    await client.receives("Hi there", ...numbers.map((number) => `Received: ${number}`), { closed: 1000 });
  }
});

test("relay reaches everyone else", options, async (t) => {
  const all = await clients(t, await serve(t, "relay"), 4);
  for (const message of ["text", Buffer.from([0, 255]), "", "x".repeat(100_000)]) {
    all[0].send(message);
    for (const client of all.slice(1)) await client.receives(message);
  }
  await all[0].nothingMore();
});

test("broadcast reaches everyone", options, async (t) => {
  const all = await clients(t, await serve(t, "broadcast"), 4);
  for (const message of ["text", Buffer.from([0, 255]), "", "x".repeat(100_000)]) {
    all[2].send(message);
    for (const client of all) await client.receives(message);
  }
  for (const client of all) await client.nothingMore();
});

test("a client that is cut off harms nobody", options, async (t) => {
  const [cut, ...others] = await clients(t, await serve(t, "broadcast"), 3);
  cut.socket.terminate();
  await once(cut.socket, "close");
  others[0].send("still here");
  for (const client of others) await client.receives("still here");
});
