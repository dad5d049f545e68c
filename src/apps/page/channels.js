// The panel of the hub: publishes to a channel as a web application does, and shows what its listeners hear.
import { bytes, clock, copy, excerpt, make } from './dom.js';

const MAX_SHOWN = 2000;
const MAX_URL = 100;

// A channel is the path of a URL below that of the page.
const pathOf = (channel) => `./${channel.split('/').slice(1).map(encodeURIComponent).join('/')}`;
const urlOf = (channel) => new URL(pathOf(channel), document.baseURI).href;
const quoted = (text) => /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

// The channel that the address of the page names, as in #/orders/42.
function named() {
  const hash = decodeURIComponent(location.hash.slice(1));
  return hash.startsWith('/') ? hash : '/news';
}

export function channels(wire, ui, lines) {
  const $ = (selector) => ui.querySelector(selector);
  const add = lines($('.heard')), [where, what] = ui.querySelectorAll('form');
  const { channel } = where.elements, { message, token } = what.elements, answer = $('.answer');
  let current = named();
  wire.app.path = `${pathOf(current)}?last=10`;

  const say = (kind, text) => {
    answer.className = `answer ${kind}`;
    answer.textContent = text;
  };
  const headers = () => token.value ? { Authorization: `Bearer ${token.value}` } : {};
  const curl = () => {
    const bearer = token.parentElement.hidden ? '' : "-H 'Authorization: Bearer TOKEN' ";
    // To curl, -d @name is the content of a file.
    const data = message.value.startsWith('@') ? '--data-raw' : '-d';
    $('.curl').textContent = `curl ${bearer}${data} ${quoted(message.value)} ${quoted(urlOf(current))}`;
  };
  const wantToken = (text) => {
    token.parentElement.hidden = false;
    curl();
    say('bad', text);
  };
  const enter = () => {
    channel.value = current;
    document.title = `${excerpt(current, MAX_URL)} · Sockhop`;
    document.querySelector('#twin').href = `#${pathOf(current).slice(1)}`;
    curl();
  };

  where.addEventListener('submit', (event) => {
    event.preventDefault();
    const chosen = channel.value.trim().replace(/^\/*/, '/');
    if (chosen !== '/') location.hash = pathOf(chosen).slice(1);
  });
  what.addEventListener('submit', async (event) => {
    event.preventDefault();
    const body = message.value, url = urlOf(current);
    message.select();
    const done = wire.publish(body, (data) => data === body);
    try {
      const response = await fetch(url, { method: 'POST', body, headers: headers() });
      const said = await response.json().catch(() => ({}));
      done(response.status, said);
      if (response.status === 401) return wantToken('401: this hub wants a publish token.');
      if (!response.ok) return say('bad', `${response.status}: ${said.error ?? 'the hub has refused it'}`);
      const heard = said.subscribers ? `${said.subscribers} ${said.subscribers === 1 ? 'listener has' : 'listeners have'} it` : 'nobody listens';
      say('good', `${response.status}: ${heard}${said.id ? `, as ${said.id}` : ''}.`);
    } catch {
      done(0, {});
      say('bad', 'The hub cannot be reached.');
    }
  });
  message.addEventListener('input', curl);
  $('.copy-curl').addEventListener('click', ({ target }) => copy($('.curl').textContent, target));

  wire.addEventListener('message', ({ data, id, channel }) => {
    const heard = typeof data === 'string' ? excerpt(data, MAX_SHOWN) : bytes(data.byteLength), time = clock(new Date());
    add('', () => [make('time', '', time), ' ', make('b', '', channel), ' ', make('span', '', heard), ' ', make('small', '', id)]);
  });
  wire.addEventListener('gap', () => add('bad', () => ['Earlier messages are no longer in the history.']));
  let isRefused = false;
  wire.addEventListener('open', () => { isRefused = false; });
  wire.addEventListener('close', async ({ opened }) => {
    if (opened || isRefused) return;
    isRefused = true;
    // A browser does not tell why a WebSocket was refused, but a plain request gets the reason.
    const response = await fetch(urlOf(current)).catch(() => null);
    if (response?.status === 401 || response?.status === 403) add('bad', () => [`${response.status}: to listen needs a subscribe token, which this page has not.`]);
  });

  return {
    enter() {
      const next = named();
      if (next !== current) {
        current = next;
        add('soft', () => [make('small', '', `now ${current}`)]);
        wire.move(`${pathOf(current)}?last=10`);
      }
      enter();
    },
  };
}
