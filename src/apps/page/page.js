// The page: shows one app at a time, each with a panel that uses its connection.
import Sockhop from './client.mjs';
import { Wire, bytes, closeInWords, make, millis } from './wire.js';
import { cursors } from './cursors.js';

const server = JSON.parse(document.querySelector('meta[name=sockhop]').content);
const $ = (selector, root = document) => root.querySelector(selector);
const clone = (id) => $(`#${id}`).content.cloneNode(true);
const now = () => new Date().toTimeString().slice(0, 8);

const ABOUT = {
  pong: ['Say ping, and one second later everyone who is connected hears pong: this tab and every other. The others did not ask for it: on an open WebSocket, the server may send at any time.'],
  chat: ['A JSON object goes to everyone, its sender too, and the server adds the time. Names and messages are text, and stay text: try some <b>HTML</b>.'],
  relay: ['Edit, and move around. Everyone sees everyone else’s cursor, while the server keeps nothing: it hands each message to all but its sender.'],
  echo: ['Whatever you send comes back as it was: text as text, bytes as bytes, up to the longest message that this server takes.'],
  greet: ['Says Hi there as soon as you are connected, then Received: and what you said. The order is certain: one connection, one stream.'],
  broadcast: ['Each message goes to everyone who is connected, its sender included.'],
};

// Adds a line to a list, which keeps its last 200. The list scrolls to its end unless the user has scrolled away from it.
function add(list, className, ...content) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  list.append(make('li', className, ...content));
  while (list.childElementCount > 200) list.firstChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function onSay(form, say) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    say(form.elements);
  });
}

const panels = {
  pong(wire, ui) {
    const list = $('.pongs', ui), court = $('.court', ui);
    const play = (name) => {
      court.classList.remove('out', 'back');
      void court.offsetWidth;
      court.classList.add(name);
    };
    const ping = () => {
      wire.send('ping', (data) => data === 'pong');
      play('out');
    };
    $('.ping', ui).addEventListener('click', ping);
    globalThis.ping = ping;
    let greeted = false;
    wire.addEventListener('open', () => {
      if (!greeted) ping();
      greeted = true;
    });
    wire.addEventListener('message', ({ data }) => {
      play('back');
      add(list, '', make('time', '', now()), ' ', make('b', '', String(data)));
    });
  },

  chat(wire, ui) {
    const list = $('.chat', ui);
    onSay($('form', ui), ({ name, message }) => {
      if (message.value.trim() !== '') {
        const said = { name: name.value.trim() || 'Anonymous', message: message.value };
        wire.send(JSON.stringify(said), (data) => {
          const heard = parse(data);
          return heard?.name === said.name && heard?.message === said.message;
        });
      }
      message.value = '';
      message.focus();
    });
    wire.addEventListener('message', ({ data }) => {
      const heard = parse(data);
      if (!heard) return;
      if (typeof heard.error === 'string') return add(list, 'bad', `The server says: ${heard.error}`);
      const [time, name, message] = [heard.time, heard.name ?? 'Anonymous', heard.message ?? heard.text ?? ''].map(String);
      add(list, '', make('time', '', `[${time}]`), ' ', make('b', '', `${name}:`), ' ', make('span', '', message));
    });
  },

  cursors,

  echo(wire, ui) {
    const list = $('.echoes', ui), [range, output] = [$('[type=range]', ui), $('output', ui)];
    const limit = Math.min(server.max, 2 ** 26);
    const size = () => Math.round(limit ** (range.value / 100));
    const show = () => { output.textContent = bytes(size()); };
    let pending = [];
    range.addEventListener('input', show);
    show();
    const send = (data) => {
      const reply = { data, at: performance.now(), waits: wire.state !== Sockhop.OPEN };
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
      if (file.size > 2 ** 26) add(list, 'bad', `${file.name} is too long to try: ${bytes(file.size)}.`);
      else {
        add(list, 'soft', `${file.name}: ${bytes(file.size)}`);
        send(await file.arrayBuffer());
      }
      target.value = '';
    });
    wire.addEventListener('message', ({ data }) => {
      const sent = pending.shift();
      const took = sent ? `, after ${millis(performance.now() - sent.at)}` : '';
      if (typeof data === 'string') return add(list, data === sent?.data ? 'good' : 'bad', `“${data.slice(0, 500)}”`, make('small', '', took));
      const at = differs(new Uint8Array(data), sent?.data);
      if (at < 0) add(list, 'good', `${bytes(data.byteLength)} came back, every one the same`, make('small', '', took));
      else add(list, 'bad', `${bytes(data.byteLength)} came back, and byte ${at} is not what was sent`);
    });
    wire.addEventListener('open', () => pending.forEach((reply) => { reply.waits = false; }));
    wire.addEventListener('close', ({ code }) => {
      const lost = pending.filter((reply) => !reply.waits).length;
      if (code === 1009) {
        add(list, 'bad', `Close 1009, message too big. This server takes up to ${bytes(server.max)} (--max-message). It closes when it reads a frame’s length, before any payload. `
          + 'The connection ends, and the client reconnects on its own.');
      } else if (lost) add(list, 'bad', `The connection closed (${code} ${closeInWords(code)[0]}) before ${lost === 1 ? 'an answer' : `${lost} answers`} came.`);
      pending = pending.filter((reply) => reply.waits);
    });
  },

  talk(wire, ui) {
    const list = $('.talk', ui), form = $('form', ui);
    form.elements.message.value = wire.app.example;
    onSay(form, ({ message }) => {
      const said = message.value;
      wire.send(said, (data) => typeof data === 'string' && data.includes(said));
      add(list, 'mine', make('small', '', 'you'), ' ', make('span', '', said));
      message.value = '';
      message.focus();
    });
    wire.addEventListener('message', ({ data }) => {
      add(list, 'theirs', make('small', '', 'server'), ' ', make('span', '', typeof data === 'string' ? data : bytes(data.byteLength)));
    });
  },
};
const KINDS = { pong: 'pong', chat: 'chat', relay: 'cursors', echo: 'echo' };

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
  const element = clone('t-app').firstElementChild, kind = KINDS[app.name] ?? 'talk';
  element.id = `panel-${app.name}`;
  const heading = $('h2', element);
  heading.textContent = app.title;
  heading.id = `title-${app.name}`;
  element.setAttribute('aria-labelledby', heading.id);
  $('.wire', element).setAttribute('aria-label', `Messages between ${app.name} and this tab`);
  $('.about', element).textContent = ABOUT[app.name]?.[0] ?? `${app.about}.`;
  rule($('.rule', element), app);
  $('.play', element).append(clone(`t-${kind}`));
  const wire = new Wire(app, $('.wire', element));
  const panel = panels[kind](wire, $('.play', element));
  $('#main').append(element);
  wire.connect();
  $('.command', element).textContent = app.command;
  $('.snippet', element).textContent = `const ws = new WebSocket(${JSON.stringify(wire.url)});\nws.onmessage = (event) => console.log(event.data);\nws.onopen = () => ws.send(${JSON.stringify(app.example)});`;
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
  panel?.enter?.();
  for (const link of document.querySelectorAll('#apps a')) {
    if (link.hash === `#${app.name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${app.title} · Sockhop`;
  $('#twin').href = `#${app.name}`;
}

// Apps with panels of their own come first, the simplest of them at the start.
const ORDER = ['pong', 'chat', 'relay', 'echo', 'greet', 'broadcast'];
server.apps.sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name));
server.apps.forEach((app) => {
  app.title = app.name === 'relay' ? 'cursors' : app.name;
  const link = make('a', '', app.title);
  link.href = `#${app.name}`;
  $('#apps').append(make('li', '', link));
});
$('.card').hidden = server.apps.length < 2;
$('#version').textContent = server.version;
addEventListener('hashchange', choose);
choose();
