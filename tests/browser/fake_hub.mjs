// A hub in one process with its tests: a log, the histories of its channels, and connections that a test may hold up at
// any message. `listen` puts it behind real sockets.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

const encode = (channel) => channel.split("/").map(encodeURIComponent).join("/");

export class FakeHub {
  seq = 0; epoch = "aaaaaa"; channels = new Map(); connections = new Set(); polls = new Set(); forbidden = new Set();
  /** `later` calls back after so many milliseconds. */
  constructor({ history = 100, later = setTimeout } = {}) { Object.assign(this, { history, later }); }

  get position() { return `${this.epoch}-${this.seq}`; }

  /** All that was published on a channel since the start, and how much of it is forgotten. */
  channel(name) {
    if (!this.channels.has(name)) this.channels.set(name, { all: [], floor: 0 });
    return this.channels.get(name);
  }

  publish(name, what) {
    const data = typeof what === "number" ? String(what) : what;
    const channel = this.channel(name), message = { n: ++this.seq, id: this.position, name, data };
    channel.all.push(message);
    channel.floor = channel.all.at(-1 - this.history)?.n ?? channel.floor;
    for (const connection of this.connections) connection.offer(message);
    for (const poll of [...this.polls]) if (poll.name === name) poll.answer();
    return message;
  }

  /** The history is in memory, so a new process does not know what the old one had. */
  restart() {
    for (const connection of [...this.connections]) connection.cut();
    for (const poll of [...this.polls]) poll.fail();
    this.epoch = this.epoch.replace(/^./, (letter) => String.fromCharCode(letter.charCodeAt() + 1));
    this.channels.clear();
    this.seq = 0;
  }

  /** Where a replay begins. */
  find(name, since) {
    const { floor } = this.channel(name), [epoch, n] = since.split("-");
    const isKnown = epoch === this.epoch && n >= floor && n <= this.seq;
    return { isGap: !isKnown, from: isKnown ? Number(n) : floor };
  }

  after(name, n) { return this.channel(name).all.filter((message) => message.n > n); }

  /** Answers a GET. */
  read(url) {
    const { pathname, searchParams: query } = new URL(url), name = decodeURI(pathname), since = query.get("since");
    if (this.forbidden.has(name)) return Promise.resolve({ status: 403, body: "{}" });
    const answer = () => {
      const { all } = this.channel(name), body = { channel: name, last: all.at(-1)?.id ?? "", position: this.position };
      if (since) {
        const { isGap, from } = this.find(name, since), items = this.after(name, from), limit = Number(query.get("limit") ?? 100);
        body.gap = isGap;
        body.items = items.slice(0, limit).map(item);
        if (items.length > limit) Object.assign(body, { more: true, position: body.items.at(-1).id });
      } else if (query.has("last")) body.items = this.after(name, this.find(name, "").from).slice(-query.get("last")).map(item);
      return { body, isEmpty: since && !body.items.length && !body.gap };
    };
    const first = answer(), wait = /^(\d+)s$/.exec(query.get("wait"));
    if (!wait || !first.isEmpty) return Promise.resolve({ status: 200, body: JSON.stringify(first.body) });
    return new Promise((resolve, reject) => {
      const poll = {
        name,
        answer: () => this.polls.delete(poll) && resolve({ status: 200, body: JSON.stringify(answer().body) }),
        fail: () => this.polls.delete(poll) && reject(new TypeError("cut")),
      };
      this.polls.add(poll);
      this.later(poll.answer, wait[1] * 1000);
    });
  }
}

const item = ({ id, data }) => typeof data === "string" ? { id, data } : { id, base64: Buffer.from(data).toString("base64") };

/** One WebSocket at the hub. Replays go on in steps, so that a test can let something happen between two of them. */
export class Connection {
  /** The channels, each with the number up to which it was replayed, or null when it is live. */
  channels = new Map(); commands = []; isOwed = false;

  constructor(hub, url, { push, cut }) {
    const { pathname, searchParams: query } = new URL(url);
    Object.assign(this, { hub, url, push, cut, hasIds: query.has("ids") || query.has("since") });
    this.isMulti = pathname.endsWith("/-/multi");
    hub.connections.add(this);
    for (const name of this.isMulti ? query.getAll("channel") : [decodeURI(pathname)]) {
      this.subscribe(name, query.get("since"), query.get("last"));
    }
  }

  say(event) { this.push(`! ${JSON.stringify(event)}`); }

  subscribe(name, since, last) {
    const { hub } = this;
    if (!name.startsWith("/") || this.channels.size > 63) return this.say({ event: "error", error: 400, channel: name });
    if (hub.forbidden.has(name)) return this.say({ event: "error", error: 403, channel: name });
    const { isGap, from } = since ? hub.find(name, since) : { isGap: false, from: hub.after(name, hub.find(name, "").from).at(-1 - (last ?? 0))?.n ?? 0 };
    const isReplayed = since || last;
    this.channels.set(name, isReplayed ? from : null);
    this.isOwed ||= Boolean(isReplayed);
    if (this.hasIds || this.isMulti) {
      this.say({ event: "subscribed", channel: name, id: isReplayed ? `${hub.epoch}-${from}` : hub.position, gap: isGap, connection: "c1" });
    }
  }

  /** A command of the client. */
  hear(text) {
    this.commands.push(text);
    if (text === "sockhop.heartbeat") return this.push(text);
    const { subscribe = [], unsubscribe = [], since } = JSON.parse(text);
    for (const name of subscribe) this.subscribe(name, since);
    for (const name of unsubscribe) {
      this.channels.delete(name);
      this.say({ event: "unsubscribed", channel: name });
    }
  }

  offer(message) {
    if (this.channels.get(message.name) === null) this.send(message);
  }

  send({ id, name, data }) {
    if (!this.hasIds && !this.isMulti) return this.push(data);
    const head = `${id} ${encode(name)}\n`;
    this.push(typeof data === "string" ? head + data : Buffer.concat([Buffer.from(head), data]));
  }

  /** Replays one message of the channel chosen by `pick`, or tells that the replay is over. Returns whether it did. */
  step(pick = (names) => names[0]) {
    const names = [...this.channels].filter(([, at]) => at !== null).map(([name]) => name);
    if (!names.length) {
      if (this.isOwed) this.say({ event: "position", id: this.hub.position });
      return this.isOwed && !(this.isOwed = false);
    }
    const name = pick(names), at = this.channels.get(name), { floor } = this.hub.channel(name), [next] = this.hub.after(name, Math.max(at, floor));
    if (at < floor) this.say({ event: "gap", channel: name });
    if (next) this.send(next);
    this.channels.set(name, next ? next.n : null);
    return true;
  }

  close() { this.hub.connections.delete(this); }
}

const frame = (opcode, payload) => {
  const { length } = payload, head = Buffer.alloc(length < 126 ? 2 : 4);
  head[0] = 0x80 | opcode;
  head[1] = Math.min(length, 126);
  if (length > 125) head.writeUInt16BE(length, 2);
  return Buffer.concat([head, payload]);
};

/** The payloads of the short frames that are complete, and what is left. */
function* frames(data) {
  while (data.length > 5) {
    const isLong = (data[1] & 127) === 126, start = isLong ? 8 : 6, length = isLong ? data.readUInt16BE(2) : data[1] & 127;
    if (data.length < start + length) break;
    const mask = data.subarray(start - 4, start);
    yield { opcode: data[0] & 15, payload: data.subarray(start, start + length).map((byte, i) => byte ^ mask[i % 4]) };
    data = data.subarray(start + length);
  }
  return data;
}

/** Puts a hub behind a port of the loopback, with a page at /; upgrades are refused while `hub.isPlain`. */
export async function listen(t, hub, files) {
  const server = createServer(async (request, response) => {
    const url = `http://${request.headers.host}${request.url}`, file = files[new URL(url).pathname];
    if (file !== undefined) {
      return response.setHeader("Content-Type", request.url === "/" ? "text/html" : "text/javascript").end(file);
    }
    try {
      const { status, body } = await hub.read(url);
      response.writeHead(status, { "Content-Type": "application/json" }).end(body);
    } catch { response.destroy(); }
  });
  server.on("upgrade", (request, socket) => {
    socket.on("error", () => {});
    hub.upgrades = (hub.upgrades ?? 0) + 1;
    if (hub.isPlain) return socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    const key = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`);
    const push = (data) => socket.write(frame(typeof data === "string" ? 1 : 2, Buffer.from(data)));
    const connection = new Connection(hub, `ws://${request.headers.host}${request.url}`, { push, cut: () => socket.destroy() });
    const replay = () => { while (connection.step()); };
    let rest = Buffer.alloc(0);
    socket.on("data", (data) => {
      const all = frames(Buffer.concat([rest, data]));
      for (let next = all.next(); ; next = all.next()) {
        if (next.done) return void (rest = next.value);
        const { opcode, payload } = next.value;
        if (opcode === 8) return socket.end(frame(8, payload));
        if (opcode === 1) connection.hear(String(payload));
        replay();
      }
    });
    socket.on("close", () => connection.close());
    replay();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    for (const connection of hub.connections) connection.cut();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${server.address().port}/`;
}
