// The page: shows one app at a time, each with a panel that uses its connection.
import { Wire, closeInWords } from './wire.js';
import { bytes, clock, count, excerpt, feed, inFrame, make, millis, recall, remember } from './dom.js';
import { relay } from './relay.js';
import { channels } from './channels.js';

const server = JSON.parse(document.querySelector('meta[name=sockhop]').content);
const $ = (selector, root = document) => root.querySelector(selector);
const clone = (id) => $(`#${id}`).content.cloneNode(true);

const MAX_LINES = 200;
const MAX_SHOWN = 2000;
const NAME = 'sockhop.name';

const ABOUT = {
  pong: 'Say ping, and one second later everyone who is connected hears pong: this tab and every other. The others did not ask for it: on an open WebSocket, the server may send at any time.',
  chat: 'A JSON object goes to everyone, its sender too, and the server adds the time. Names and messages are text, and stay text: try some <b>HTML</b>.',
  relay: 'Edit, and move around. Everyone sees everyone else’s cursor, while the server keeps nothing: it hands each message to all but its sender.',
  echo: 'Whatever you send comes back as it was: text as text, bytes as bytes, up to the longest message that this server takes.',
  greet: 'Says Hi there as soon as you are connected, then Received: and what you said. The order is certain: one connection, one stream.',
  hub: 'A path is a channel. A web application publishes to it by HTTP, and everyone hears it who has opened a WebSocket there. Publish from here or with curl, and watch it in a second tab.',
  broadcast: 'Each message goes to everyone who is connected, its sender included.',
};

// The function adds a line to the list; content() builds what the line holds.
function lines(box) {
  const list = feed(box, MAX_LINES);
  return (className, content) => list.add(() => make('li', className, ...content()));
}

function onSay(form, say) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    say(form.elements);
  });
}

const panels = {
  pong(wire, ui) {
    const add = lines($('.pongs', ui)), court = $('.court', ui);
    let way;
    const play = inFrame(() => {
      court.classList.remove('out', 'back');
      void court.offsetWidth;
      court.classList.add(way);
    });
    const ping = () => {
      wire.send('ping', (data) => data === 'pong');
      way = 'out';
      play();
    };
    $('.ping', ui).addEventListener('click', ping);
    globalThis.ping = ping;
    let greeted = false;
    wire.addEventListener('open', () => {
      if (!greeted) ping();
      greeted = true;
    });
    wire.addEventListener('message', ({ data }) => {
      way = 'back';
      play();
      const time = clock(new Date()), said = excerpt(String(data), MAX_SHOWN);
      add('', () => [make('time', '', time), ' ', make('b', '', said)]);
    });
  },

  chat(wire, ui) {
    const add = lines($('.chat', ui)), form = $('form', ui);
    form.elements.name.value = recall(NAME) || 'Anonymous';
    form.elements.name.addEventListener('input', ({ target }) => remember(NAME, target.value));
    onSay(form, ({ name, message }) => {
      const said = { name: name.value.trim() || 'Anonymous', message: message.value };
      const isOurs = (data) => {
        const heard = parse(data);
        return heard?.name === said.name && heard?.message === said.message;
      };
      if (said.message.trim() === '' || wire.send(JSON.stringify(said), isOurs)) message.value = '';
      message.focus();
    });
    wire.addEventListener('message', ({ data }) => {
      const heard = parse(data);
      if (!heard) return;
      if (typeof heard.error === 'string') return add('bad', () => [`The server says: ${heard.error}`]);
      const [time, name, message] = [heard.time, heard.name ?? 'Anonymous', heard.message ?? heard.text ?? ''].map((it) => excerpt(String(it), MAX_SHOWN));
      add('', () => [make('time', '', `[${time}]`), ' ', make('b', '', `${name}:`), ' ', make('span', '', message)]);
    });
  },

  relay,

  hub: (wire, ui) => channels(wire, ui, lines),

  echo(wire, ui) {
    const add = lines($('.echoes', ui)), [range, output] = [$('[type=range]', ui), $('output', ui)];
    const limit = Math.min(server.max, 2 ** 26);
    const size = () => Math.round(limit ** (range.value / 100));
    const show = () => { output.textContent = bytes(size()); };
    let pending = [];
    range.addEventListener('input', show);
    show();
    const send = (data) => {
      const reply = { data, at: performance.now(), waits: wire.state !== WebSocket.OPEN };
      if (wire.send(data, (heard) => pending[0] === reply && typeof heard === typeof data)) pending.push(reply);
    };
    const random = (n) => {
      const data = new Uint8Array(n);
      for (let at = 0; at < n; at += 65536) crypto.getRandomValues(data.subarray(at, at + 65536));
      return data.buffer;
    };
    const [words, sizes] = ui.querySelectorAll('form');
    onSay(words, ({ message }) => {
      send(message.value);
      message.select();
    });
    onSay(sizes, () => send(random(size())));
    $('.beyond', ui).addEventListener('click', () => {
      send(random(limit + 1));
    });
    $('[type=file]', ui).addEventListener('change', async ({ target }) => {
      const [file] = target.files;
      if (!file) return;
      if (file.size > 2 ** 26) add('bad', () => [`${file.name} is too long to try: ${bytes(file.size)}.`]);
      else {
        add('soft', () => [`${file.name}: ${bytes(file.size)}`]);
        send(await file.arrayBuffer());
      }
      target.value = '';
    });
    wire.addEventListener('message', ({ data }) => {
      const sent = pending.shift();
      const took = sent ? `, after ${millis(performance.now() - sent.at)}` : '';
      if (typeof data === 'string') {
        const heard = `“${excerpt(data, 500)}”`;
        return add(data === sent?.data ? 'good' : 'bad', () => [heard, make('small', '', took)]);
      }
      const size = bytes(data.byteLength);
      const at = differs(new Uint8Array(data), sent?.data);
      if (at < 0) add('good', () => [`${size} came back, every one the same`, make('small', '', took)]);
      else add('bad', () => [`${size} came back, and byte ${at} is not what was sent`]);
    });
    wire.addEventListener('open', () => pending.forEach((reply) => { reply.waits = false; }));
    wire.addEventListener('close', ({ code }) => {
      const lost = pending.filter((reply) => !reply.waits).length;
      if (code === 1009) {
        add('bad', () => [`Close 1009, message too big. This server takes up to ${bytes(server.max)} (--max-message). It closes when it reads a frame’s length, before any payload. `
          + 'The connection ends, and the client reconnects on its own.']);
      } else if (lost) add('bad', () => [`The connection closed (${code} ${closeInWords(code)[0]}) before ${count(lost, 'answer')} came.`]);
      pending = pending.filter((reply) => reply.waits);
    });
  },

  talk(wire, ui) {
    const add = lines($('.talk', ui)), form = $('form', ui);
    form.elements.message.value = wire.app.example;
    onSay(form, ({ message }) => {
      const said = message.value;
      message.focus();
      if (!wire.send(said, (data) => typeof data === 'string' && data.includes(said))) return;
      add('mine', () => [make('small', '', 'you'), ' ', make('span', '', said)]);
      message.value = '';
    });
    wire.addEventListener('message', ({ data }) => {
      const heard = typeof data === 'string' ? excerpt(data, MAX_SHOWN) : bytes(data.byteLength);
      add('theirs', () => [make('small', '', 'server'), ' ', make('span', '', heard)]);
    });
  },
};

function parse(data) {
  try {
    const value = JSON.parse(data);
    return value !== null && typeof value === 'object' ? value : undefined;
  } catch {
    return undefined;
  }
}

// The index of the first byte that differs, or -1.
function differs(got, sent) {
  if (!(sent instanceof ArrayBuffer)) return 0;
  const wanted = new Uint8Array(sent);
  for (let at = 0; at < Math.max(got.length, wanted.length); at++) if (got[at] !== wanted[at]) return at;
  return -1;
}

// The recipe in words: the messages it answers, the reply, its receivers, its delay.
function rule(list, app) {
  const rows = [['On', app.on], ['say', app.reply], ['to', app.to], app.after ? ['after', `${app.after / 1000} s`] : ['at', 'once']];
  if (app.greet) rows.unshift(['At first', app.greet]);
  for (const [name, value] of rows) list.append(make('div', '', make('dt', '', name), make('dd', '', value)));
}

function build(app) {
  const element = clone('t-app').firstElementChild, kind = Object.hasOwn(panels, app.name) ? app.name : 'talk';
  element.id = `panel-${app.name}`;
  const heading = $('h2', element);
  heading.textContent = app.name;
  heading.id = `title-${app.name}`;
  element.setAttribute('aria-labelledby', heading.id);
  $('.wire', element).setAttribute('aria-label', `Messages between ${app.name} and this tab`);
  $('.about', element).textContent = ABOUT[app.name] ?? `${app.about}.`;
  rule($('.rule', element), app);
  $('.play', element).append(clone(`t-${kind}`));
  const wire = new Wire(app, element);
  const panel = panels[kind](wire, $('.play', element));
  $('#main').append(element);
  wire.connect();
  $('.command', element).textContent = app.command;
  const example = JSON.stringify(app.example), url = wire.url.split('?')[0];
  const send = app.isHub ? `fetch(${JSON.stringify(url.replace('ws', 'http'))}, { method: 'POST', body: ${example} })` : `ws.send(${example})`;
  $('.snippet', element).textContent = `const ws = new WebSocket(${JSON.stringify(url)});\nws.onmessage = (event) => console.log(event.data);\nws.onopen = () => ${send};`;
  return { element, panel };
}

const built = new Map();
function choose() {
  const name = decodeURIComponent(location.hash.slice(1));
  const app = server.apps.find((it) => it.name === name) ?? server.apps[0];
  for (const [other, { element, panel }] of built) if (other !== app) {
    if (!element.hidden) panel?.leave?.();
    element.hidden = true;
  }
  if (!built.has(app)) built.set(app, build(app));
  const { element, panel } = built.get(app);
  element.hidden = false;
  document.title = `${app.name} · Sockhop`;
  $('#twin').href = `#${app.name}`;
  panel?.enter?.();
  for (const link of document.querySelectorAll('#apps a')) {
    if (link.hash === `#${app.name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

// Apps with panels of their own come first, the simplest of them at the start.
const ORDER = ['pong', 'chat', 'relay', 'echo', 'greet', 'broadcast'];
server.apps.sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name));
server.apps.forEach((app) => {
  const link = make('a', '', app.name);
  link.href = `#${app.name}`;
  $('#apps').append(make('li', '', link));
});
$('.card').hidden = server.apps.length < 2;
$('#version').textContent = server.version;
addEventListener('hashchange', choose);
choose();
