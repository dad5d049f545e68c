// The connection to one app, and the inspector beside it, which shows all messages. Messages are shown as text, never as
// HTML.
import Sockhop from './client.mjs';

const INSPECT = 'sockhop.inspect';
const MAX_ENTRIES = 300;
const MAX_SHOWN = 4000;

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

export function make(name, className, ...content) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

export const bytes = (n) => n === 1 ? '1 byte' : `${n.toLocaleString('en')} bytes`;
export const millis = (ms) => ms < 1000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(3)} s`;
const clock = (at) => at.toTimeString().slice(0, 8) + '.' + String(at.getMilliseconds()).padStart(3, '0');
const sizeOf = (data) => typeof data === 'string' ? new TextEncoder().encode(data).length : data.byteLength;

const hex = (n) => n.toString(16).padStart(2, '0');
function dump(data) {
  const all = new Uint8Array(data), lines = [];
  for (let at = 0; at < all.length && at < 256; at += 16) {
    const row = [...all.subarray(at, at + 16)];
    const text = row.map((b) => b > 31 && b < 127 ? String.fromCharCode(b) : '·').join('');
    lines.push(`${at.toString(16).padStart(4, '0')}  ${row.map(hex).join(' ').padEnd(47)}  ${text}`);
  }
  if (all.length > 256) lines.push(`… and ${bytes(all.length - 256)} more`);
  return lines.join('\n');
}
const excerpt = (text, max) => text.length > max ? `${text.slice(0, max)}… (${text.length - max} more characters)` : text;

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

// The o in the name jumps at each message that comes in.
function hop() {
  const { classList } = document.querySelector('.mark');
  classList.remove('hopping');
  requestAnimationFrame(() => classList.add('hopping'));
}

export class Wire extends EventTarget {
  #ui; #socket; #entries = []; #pending = []; #counts = [0, 0]; #saved = 0; #began = 0; #head = false;

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
      this.#ui.log.replaceChildren();
    });
  }

  get state() { return this.#socket?.readyState ?? Sockhop.CLOSED; }
  get url() { return this.#socket?.url; }

  connect() {
    const socket = this.#socket = new Sockhop(this.app.path, [INSPECT, ...this.app.subprotocols]);
    socket.binaryType = 'arraybuffer';
    this.#began = performance.now();
    this.#ui.address.textContent = socket.url;
    this.#say('connecting');
    socket.onopen = () => this.#opened(socket);
    socket.onmessage = ({ data }) => this.#received(data);
    socket.onerror = () => this.#log('error', 'error', 'Something went wrong. A browser says no more, so that pages cannot look around in your network.');
    socket.onclose = (event) => this.#closed(event);
  }

  // answers(data) tells whether an incoming message is the reply, for the round-trip time. Returns false if send() threw.
  send(data, answers) {
    const waits = this.state !== Sockhop.OPEN;
    try {
      this.#socket.send(data);
    } catch (error) {
      this.#log('error', 'send()', `refused: ${error.message}`);
      return false;
    }
    if (answers && !waits) {
      this.#pending.push({ at: performance.now(), answers });
      if (this.#pending.length > 64) this.#pending.shift();
    }
    this.#ui.up.textContent = ++this.#counts[0];
    if (!waits) this.#reckon(data, 0);
    this.#logData('up', waits ? 'send() waits' : 'send()', data, true);
    return true;
  }

  close(code, reason) {
    this.#socket.close(code, reason);
    const [name] = closeInWords(code);
    const payload = 2 + sizeOf(reason);
    this.#log('up', 'close()', `${code} ${name}${reason && `: ${reason}`}`, `close 0x8 · ${payload} B`, () => anatomy('0x8 close', payload, true));
    if (this.state === Sockhop.CLOSING) this.#say('closing');
  }

  #opened(socket) {
    const took = performance.now() - this.#began;
    this.#ui.took.textContent = millis(took);
    this.#head = socket.protocol === INSPECT;
    const agreed = [socket.protocol && `subprotocol ${socket.protocol}`, socket.extensions && `extensions ${socket.extensions}`].filter(Boolean);
    this.#log('open', 'open', agreed.join(', ') || 'no subprotocol, no extension');
    this.#ui.saved.parentElement.hidden = !socket.extensions;
    this.#say('open');
    this.dispatchEvent(new Event('open'));
  }

  // Adds up the bytes that compression saves. Browsers do not tell, so each message is compressed here once more. The
  // server does not compress messages of fewer than `least` bytes.
  async #reckon(data, least) {
    const size = sizeOf(data);
    if (!this.#socket.extensions || size < least || size > 2 ** 22) return;
    const deflated = await new Response(new Blob([data]).stream().pipeThrough(new CompressionStream('deflate-raw'))).arrayBuffer();
    this.#saved += Math.max(0, size - deflated.byteLength);
    this.#ui.saved.textContent = `about ${bytes(this.#saved)}`;
  }

  #received(data) {
    if (this.#head) {
      this.#head = false;
      this.#handshake(JSON.parse(data));
      this.#logData('down', 'message', data, false, undefined, 'the request head, for this inspector: ');
      return;
    }
    let trip;
    const at = this.#pending.findIndex(({ answers }) => answers(data));
    if (at >= 0) {
      trip = performance.now() - this.#pending.splice(at, 1)[0].at;
      const wait = this.app.after;
      this.#ui.trip.textContent = millis(trip);
      this.#ui['trip-note'].textContent = wait ? `${wait / 1000} s of the round trip is the app’s own waiting.` : '';
    }
    this.#ui.down.textContent = ++this.#counts[1];
    this.#reckon(data, 256);
    hop();
    this.#logData('down', 'message', data, false, trip);
    this.dispatchEvent(new MessageEvent('message', { data }));
  }

  #closed({ code, reason, wasClean, retryIn }) {
    const [name, meaning] = closeInWords(code);
    this.#pending = [];
    const waiting = this.#socket.bufferedAmount;
    this.#log('close', 'close', `${code} ${name}${reason && `: “${reason}”`}. ${meaning}`, wasClean ? 'clean' : 'not clean');
    if (retryIn === null) this.#say('closed', `${code} ${name}`);
    else {
      this.#began = performance.now() + retryIn;
      this.#say('away', `trying again in ${(retryIn / 1000).toFixed(1)} s`);
      this.#log('note', 'client.js', `tries again in ${Math.round(retryIn)} ms${waiting ? `; ${bytes(waiting)} wait to be sent` : ''}`);
    }
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason, retryIn }));
  }

  #say(state, more = '') {
    const words = { connecting: 'connecting', open: 'open', closing: 'closing', closed: 'closed', away: 'away' };
    this.#ui.state.className = `state ${state}`;
    this.#ui.state.textContent = words[state] + (more && `: ${more}`);
    this.#ui.toggle.textContent = state === 'closed' ? 'Connect' : 'Close';
  }

  #logData(kind, event, data, masked, trip, before = '') {
    const size = sizeOf(data), isText = typeof data === 'string';
    const opcode = isText ? 'text 0x1' : 'binary 0x2';
    const shown = isText ? excerpt(data, MAX_SHOWN) : dump(data);
    const label = `${opcode} · ${size.toLocaleString('en')} B${trip ? ` · after ${millis(trip)}` : ''}`;
    const line = before + (isText ? excerpt(data, 200) || '(empty)' : dump(data.slice(0, 16)).slice(6, 53).trim() || '(empty)');
    this.#log(kind, event, line, label, () => {
      const [name, number] = opcode.split(' ');
      return make('div', '', anatomy(`${number} ${name}`, size, masked), make('pre', '', shown));
    });
  }

  #log(kind, event, text, label = '', more) {
    const at = new Date();
    const arrow = { up: '↑', down: '↓', open: '●', close: '■', error: '!', note: '…' }[kind];
    const line = make('div', 'line', make('span', 'arrow', arrow), make('b', '', event), make('span', 'label', label), make('time', '', clock(at)));
    line.firstChild.ariaHidden = 'true';
    const body = make('div', 'text', text);
    const item = make('li', kind);
    if (more) {
      const details = make('details', '', make('summary', '', line, body));
      details.addEventListener('toggle', () => details.childElementCount < 2 && details.append(more()), { once: true });
      item.append(details);
    } else item.append(line, body);
    this.#entries.push([clock(at), arrow, event.padEnd(9), label, text].filter(Boolean).join('  '));
    const { log } = this.#ui;
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    log.append(item);
    if (this.#entries.length > MAX_ENTRIES) {
      this.#entries.shift();
      log.firstChild.remove();
    }
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  // 4.2 Server-side requirements: the request as the server saw it, and the response, which browsers hide from pages.
  #handshake(head) {
    const asked = {
      host: 'the server that is meant', upgrade: 'asks to change the protocol', connection: 'Upgrade applies only to the next hop',
      origin: 'the page that asks; browsers always send it', 'sec-websocket-key': '16 random bytes, answered below',
      'sec-websocket-version': 'the version of RFC 6455', 'sec-websocket-protocol': 'the subprotocols that the client offers',
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

  async #copy() {
    const text = [`${this.app.name} ${this.url}`, ...this.#entries].join('\n') + '\n';
    const { copy } = this.#ui;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // A page that did not come by https or from localhost has no clipboard.
      const area = make('textarea', 'offscreen', text);
      copy.after(area);
      area.select();
      document.execCommand('copy');
      area.remove();
    }
    copy.textContent = 'Copied';
    setTimeout(() => { copy.textContent = 'Copy as text'; }, 1500);
  }
}
