// The connection to one app, and the inspector beside it, which shows all messages. Messages are shown as text, never as
// HTML.
import Sockhop from './client.mjs';
import HubSockhop from './hub.mjs';
import { bytes, clock, copy, count, excerpt, feed, inFrame, make, millis, number } from './dom.js';

const INSPECT = 'sockhop.inspect';
const MAX_ENTRIES = 300;
const MAX_SHOWN = 4000;
const MAX_DUMP = 256;

// RFC 6455 7.4.1, and the registry's later ones.
const CODES = {
  1000: ['normal closure', 'The connection has served its purpose.'],
  1001: ['going away', 'The server is shutting down, or the page was left.'],
  1002: ['protocol error', 'One side broke a rule of the protocol.'],
  1003: ['unsupported data', 'One side got a kind of data that it cannot take.'],
  1005: ['no code', 'The Close frame had no code in it. This number never travels.'],
  1006: ['no Close frame', 'The connection broke, or was never made: there was no server, or it refused. This number never travels.'],
  1007: ['invalid data', 'A text message was not UTF-8.'],
  1008: ['policy violation', 'Something is not allowed here; connecting again will not help.'],
  1009: ['message too big', 'A message was longer than the other side takes.'],
  1010: ['extension missing', 'The client needed an extension that the server does not speak.'],
  1011: ['internal error', 'The server has failed.'],
  1012: ['service restart', 'The server restarts; connect again in a while.'],
  1013: ['try again later', 'The server is too busy, or this client too slow; connect again in a while.'],
  1014: ['bad gateway', 'A proxy got no good answer.'],
  1015: ['TLS failure', 'No secure connection could be made. This number never travels.'],
};

export function closeInWords(code) {
  return CODES[code] ?? (code >= 4000 ? ['your own', 'A code that the application has made up.'] : ['registered', 'A code of a library or framework.']);
}

const exactly = (at) => `${clock(at)}.${String(at.getMilliseconds()).padStart(3, '0')}`;
const encoder = new TextEncoder();
const sizeOf = (data) => typeof data === 'string' ? encoder.encode(data).length : data.byteLength;

const hex = (n) => n.toString(16).padStart(2, '0');
// The first bytes of a message of `size` bytes, in rows.
function dump(data, size) {
  const all = new Uint8Array(data), lines = [];
  for (let at = 0; at < all.length; at += 16) {
    const row = [...all.subarray(at, at + 16)];
    const text = row.map((b) => b > 31 && b < 127 ? String.fromCharCode(b) : '·').join('');
    lines.push(`${at.toString(16).padStart(4, '0')}  ${row.map(hex).join(' ').padEnd(47)}  ${text}`);
  }
  if (size > all.length) lines.push(`… and ${bytes(size - all.length)} more`);
  return lines.join('\n');
}

// 5.2 Base framing protocol: the parts of an unfragmented frame. Browsers mask, servers do not.
function anatomy(opcode, length, masked) {
  const coded = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const cells = [['FIN', 1], ['RSV', '000'], ['opcode', opcode], ['MASK', masked ? 1 : 0],
    ['length', coded ? `${coded === 2 ? 126 : 127}, then ${length} in ${coded} bytes` : length]];
  if (masked) cells.push(['masking key', '4 bytes, random']);
  cells.push(['payload', bytes(length)]);
  const list = make('dl', 'frame');
  for (const [name, value] of cells) list.append(make('div', '', make('dt', '', name), make('dd', '', String(value))));
  return make('div', '', list, make('p', 'hint', `One frame of ${bytes(2 + coded + (masked ? 4 : 0) + length)} on the wire, unless it was cut into several.`));
}

// The o in the name jumps when messages come in.
const hop = inFrame(() => {
  const { classList } = document.querySelector('.mark');
  classList.remove('hopping');
  requestAnimationFrame(() => classList.add('hopping'));
});

export class Wire extends EventTarget {
  #ui; #log; #socket; #entries = []; #pending = []; #began = 0; #head = false; #isOver = false;
  #state = ''; #sent = 0; #waiting = 0; #received = 0; #trip = 0;
  #compressed = { all: 0, tried: 0, saved: 0, isBusy: false };

  constructor(app, ui) {
    super();
    this.app = app;
    this.#ui = Object.fromEntries(['state', 'address code', 'took', 'trip', 'trip-note', 'up', 'down', 'saved', 'closing', 'toggle', 'handshake', 'copy', 'clear', 'log']
      .map((name) => [name.split(' ')[0], ui.querySelector(`.${name}`)]));
    if (app.to === 'everyone else') this.#ui['trip-note'].textContent = 'No answer comes to the sender, so there is no round trip to measure.';
    this.#ui.closing.addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.state === Sockhop.CLOSED) this.connect();
      else {
        const [code, reason] = event.target.elements;
        this.close(+code.value, reason.value);
      }
    });
    this.#ui.copy.addEventListener('click', () => this.#copy());
    this.#ui.clear.addEventListener('click', () => {
      this.#entries = [];
      this.#log.clear();
    });
    this.#ui.handshake.hidden = app.isHub === true;
    this.#log = feed(this.#ui.log, MAX_ENTRIES);
  }

  get state() { return this.#socket?.readyState ?? Sockhop.CLOSED; }
  get url() { return this.#socket?.url; }

  connect() {
    // Every app answers the heartbeat; neither it nor its answer is in the log.
    const { path, subprotocols, isHub } = this.app, heartbeat = 'sockhop.heartbeat';
    const socket = this.#socket = isHub ? new HubSockhop(path, { ids: true, heartbeat }) : new Sockhop(path, [INSPECT, ...subprotocols], { heartbeat });
    socket.binaryType = 'arraybuffer';
    this.#isOver = false;
    this.#began = performance.now();
    this.#ui.address.textContent = socket.url;
    this.#say('connecting', 'connecting');
    socket.onopen = () => this.#opened(socket);
    socket.onmessage = (event) => this.#heard(event);
    socket.onsubscribed = ({ channel, id }) => this.#note('note', 'subscribed', `to ${channel}, after ${id}`);
    socket.ongap = () => {
      this.#note('note', 'gap', 'Messages have been missed that the hub no longer has.');
      this.dispatchEvent(new Event('gap'));
    };
    socket.onerror = () => this.#note('error', 'error', 'Something went wrong. A browser says no more, so that pages cannot look around in your network.');
    socket.onclose = (event) => this.#closed(event);
  }

  // answers(data) tells whether an incoming message is the reply, for the round-trip time. Returns false for a message
  // that will never be sent.
  send(data, answers) {
    const waits = this.state !== Sockhop.OPEN;
    try {
      if (this.#isOver) throw new Error('the connection is closed');
      this.#socket.send(data);
    } catch (error) {
      this.#note('error', 'send()', `refused: ${error.message}`);
      return false;
    }
    if (answers && !waits) {
      this.#pending.push({ at: performance.now(), answers });
      if (this.#pending.length > 64) this.#pending.shift();
    }
    if (waits) {
      this.#waiting++;
      this.#tell();
    } else {
      this.#sent++;
      this.#reckon(data, 0);
    }
    this.#show();
    this.#noteData('up', waits ? 'send() waits' : 'send()', data, true);
    return true;
  }

  // Leaves the connection for one to another path.
  move(path) {
    const socket = this.#socket;
    for (const type of ['open', 'message', 'error', 'close', 'subscribed', 'gap']) socket[`on${type}`] = null;
    socket.close(1000);
    this.app.path = path;
    this.connect();
  }

  // A message that goes by HTTP. The function that is returned takes the status of the answer, 0 for none.
  publish(data, answers) {
    const one = { at: performance.now(), answers };
    this.#pending.push(one);
    return (status) => {
      if (status > 199 && status < 300) this.#sent++;
      else this.#pending = this.#pending.filter((it) => it !== one);
      this.#show();
      this.#note('up', 'POST', excerpt(data, 200) || '(empty)', `${status || 'no answer'} · ${number(sizeOf(data))} B · after ${millis(performance.now() - one.at)}`);
    };
  }

  close(code, reason) {
    this.#socket.close(code, reason);
    this.#isOver = true;
    const [name] = closeInWords(code);
    const payload = 2 + sizeOf(reason);
    this.#note('up', 'close()', `${code} ${name}${reason && `: ${reason}`}`, `close 0x8 · ${payload} B`, () => anatomy('0x8 close', payload, true));
    if (this.state === Sockhop.CLOSING) this.#say('closing', 'closing');
  }

  #opened(socket) {
    const took = performance.now() - this.#began;
    this.#ui.took.textContent = millis(took);
    this.#head = socket.protocol === INSPECT;
    const agreed = [socket.protocol && !this.#head && `subprotocol ${socket.protocol}`, socket.extensions && `extensions ${socket.extensions}`].filter(Boolean);
    this.#note('open', 'open', agreed.join(', ') || 'The server has accepted the connection.');
    this.#ui.saved.parentElement.hidden = !socket.extensions;
    this.dispatchEvent(new Event('open'));
    if (this.#waiting) this.#note('note', 'client.js', `sends ${this.#waiting === 1 ? 'the message' : `the ${this.#waiting} messages`} that waited`);
    this.#sent += this.#waiting;
    this.#waiting = 0;
    this.#say('open', 'open');
    this.#show();
  }

  // Adds up the bytes that compression saves. Browsers do not tell, so messages are compressed here once more, one at a
  // time: those that come meanwhile are taken to be like the others. The server does not compress messages of fewer than
  // `least` bytes.
  async #reckon(data, least) {
    const size = this.#socket.extensions ? sizeOf(data) : 0;
    if (size === 0 || size < least || size > 2 ** 22) return;
    const compressed = this.#compressed;
    compressed.all += size;
    if (compressed.isBusy) return;
    compressed.isBusy = true;
    const deflated = await new Response(new Blob([data]).stream().pipeThrough(new CompressionStream('deflate-raw'))).arrayBuffer();
    compressed.tried += size;
    compressed.saved += Math.max(0, size - deflated.byteLength);
    compressed.isBusy = false;
    this.#show();
  }

  #heard({ data, id, channel }) {
    if (this.#head) {
      this.#head = false;
      this.#handshake(JSON.parse(data));
      return;
    }
    let trip;
    const at = this.#pending.findIndex(({ answers }) => answers(data));
    if (at >= 0) this.#trip = trip = performance.now() - this.#pending.splice(at, 1)[0].at;
    this.#received++;
    this.#reckon(data, 256);
    hop();
    this.#show();
    // A hub that is asked for ids writes a line before each message.
    this.#noteData('down', 'message', id && typeof data === 'string' ? `${id} ${encodeURI(channel)}\n${data}` : data, false, trip);
    this.dispatchEvent(Object.assign(new Event('message'), { data, id, channel }));
  }

  #closed({ code, reason, wasClean, retryIn }) {
    const [name, meaning] = closeInWords(code), opened = ['open', 'closing'].includes(this.#state);
    this.#pending = [];
    this.#isOver = retryIn === null;
    const waiting = this.#waiting && count(this.#waiting, 'message');
    this.#note('close', 'close', `${code} ${name}${reason && `: “${reason}”`}. ${meaning}`, wasClean ? 'clean' : 'not clean');
    if (this.#isOver) {
      this.#waiting = 0;
      this.#say('closed', `closed: ${code} ${name}${waiting ? `. Not sent: ${waiting}` : ''}`);
      if (waiting) this.#note('error', 'client.js', `has not sent ${waiting} that waited`);
    } else {
      this.#began = performance.now() + retryIn;
      this.#say('away', `away: trying again in ${(retryIn / 1000).toFixed(1)} s`);
      this.#note('note', 'client.js', `tries again in ${Math.round(retryIn)} ms${waiting ? `; ${waiting} to be sent` : ''}`);
    }
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason, retryIn, opened }));
  }

  #say(state, words) {
    this.#state = words;
    this.#ui.state.className = `state ${state}`;
    this.#ui.toggle.textContent = state === 'closed' ? 'Connect' : 'Close';
    this.#tell();
  }

  #tell() {
    this.#ui.state.textContent = this.#state + (this.#waiting ? `. Waiting to be sent: ${count(this.#waiting, 'message')}` : '');
  }

  #show = inFrame(() => {
    const { up, down, trip, saved } = this.#ui, { all, tried, saved: bytesSaved } = this.#compressed;
    up.textContent = number(this.#sent);
    down.textContent = number(this.#received);
    if (tried) saved.textContent = `about ${bytes(Math.round(all * bytesSaved / tried))}`;
    if (!this.#trip) return;
    trip.textContent = millis(this.#trip);
    const wait = this.app.after;
    this.#ui['trip-note'].textContent = wait ? `${wait / 1000} s of the round trip is the app’s own waiting.` : '';
  });

  #noteData(kind, event, data, masked, trip) {
    const size = sizeOf(data), isText = typeof data === 'string';
    const opcode = isText ? 'text 0x1' : 'binary 0x2';
    // Not the whole message, which may be long.
    const start = isText ? excerpt(data, MAX_SHOWN) : data.slice(0, MAX_DUMP);
    const label = `${opcode} · ${number(size)} B${trip ? ` · after ${millis(trip)}` : ''}`;
    const line = isText ? excerpt(data, 200) : [...new Uint8Array(start.slice(0, 16))].map(hex).join(' ');
    this.#note(kind, event, line || '(empty)', label, () => {
      const [name, code] = opcode.split(' ');
      return make('div', '', anatomy(`${code} ${name}`, size, masked), make('pre', '', isText ? start : dump(start, size)));
    });
  }

  #note(kind, event, text, label = '', more) {
    const at = new Date();
    const arrow = { up: '↑', down: '↓', open: '●', close: '■', error: '!', note: '…' }[kind];
    this.#entries.push([at, arrow, event.padEnd(9), label, text]);
    if (this.#entries.length > MAX_ENTRIES) this.#entries.shift();
    this.#log.add(() => {
      const line = make('div', 'line', make('span', 'arrow', arrow), make('b', '', event), make('span', 'label', label), make('time', '', exactly(at)));
      line.firstChild.ariaHidden = 'true';
      const body = make('div', 'text', text);
      if (!more) return make('li', kind, line, body);
      const details = make('details', '', make('summary', '', line, body));
      details.addEventListener('toggle', () => details.childElementCount < 2 && details.append(more()), { once: true });
      return make('li', kind, details);
    });
  }

  // 4.2 Server-side requirements: the request as the server saw it, and the response, which browsers hide from pages.
  #handshake(head) {
    const asked = {
      host: 'the server that is meant', upgrade: 'asks to change the protocol', connection: 'Upgrade applies only to the next hop',
      origin: 'the page that asks; browsers always send it', 'sec-websocket-key': '16 random bytes, answered below',
      'sec-websocket-version': 'the version of RFC 6455', 'sec-websocket-protocol': 'the subprotocols that the client offers; sockhop.inspect has this head sent to the page',
      'sec-websocket-extensions': 'offered; the server may decline them',
      cookie: 'hidden here; the app gets it', authorization: 'hidden here; the app gets it',
    };
    const answered = {
      upgrade: 'agreed: frames follow', 'sec-websocket-accept': 'SHA-1 of the key and a fixed text: proof that the server has read the key',
      'sec-websocket-protocol': 'the one that the server has chosen', 'sec-websocket-extensions': 'agreed: how messages may be compressed',
    };
    const block = (first, headers, notes) => {
      const list = make('ul', 'head', make('li', 'start', first));
      for (const [name, value] of headers) {
        const item = make('li', name.toLowerCase() in notes ? 'known' : '', make('span', 'key', `${name}: `), make('span', 'value', value));
        if (item.className) item.append(make('small', '', notes[name.toLowerCase()]));
        list.append(item);
      }
      return list;
    };
    const answer = [['Upgrade', 'websocket'], ['Connection', 'Upgrade'], ['Sec-WebSocket-Accept', head.accept], ['Sec-WebSocket-Protocol', this.#socket.protocol]];
    if (this.#socket.extensions) answer.push(['Sec-WebSocket-Extensions', this.#socket.extensions]);
    this.#ui.handshake.querySelector('div').replaceChildren(
      block(`${head.method} ${head.target} ${head.version}`, head.headers, asked),
      block('HTTP/1.1 101 Switching Protocols', answer, answered));
  }

  #copy() {
    const lines = this.#entries.map(([at, ...entry]) => [exactly(at), ...entry].filter(Boolean).join('  '));
    const text = [`${this.app.name} ${this.url}`, ...lines].join('\n') + '\n';
    copy(text, this.#ui.copy);
  }
}
