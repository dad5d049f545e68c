'use strict';
// Speaks to the WebSocket of the server that this page came from. What is received is shown as text, never as HTML.
(() => {
  const MAX_ENTRIES = 500;
  const MAX_SHOWN = 10000;
  const CODES = {
    1000: 'normal closure', 1001: 'going away', 1002: 'protocol error', 1003: 'unsupported data',
    1005: 'no code given', 1006: 'no Close frame: the server has gone, or did not accept the connection',
    1007: 'invalid data', 1008: 'policy violation', 1009: 'message too big', 1010: 'extension missing',
    1011: 'internal error', 1012: 'service restart', 1013: 'try again later', 1014: 'bad gateway',
    1015: 'TLS handshake failed',
  };
  const WORDS = { open: 'opened', sent: '↑ sent', received: '↓ received', closed: 'closed', error: 'error' };
  const [picker, app, about, address, state, toggle, log, text, send] =
    ['picker', 'app', 'about', 'address', 'state', 'toggle', 'log', 'text', 'send'].map((id) => document.getElementById(id));
  let socket = null;

  const count = (bytes) => bytes === 1 ? '1 byte' : `${bytes.toLocaleString('en')} bytes`;

  function show(kind, content) {
    const entry = document.createElement('li');
    entry.className = kind;
    const now = new Date();
    const time = document.createElement('time');
    time.dateTime = now.toISOString();
    time.textContent = now.toLocaleTimeString('en-GB') + '.' + String(now.getMilliseconds()).padStart(3, '0');
    const word = document.createElement('b');
    word.textContent = WORDS[kind];
    const body = document.createElement('span');
    body.textContent = content.length > MAX_SHOWN
      ? `${content.slice(0, MAX_SHOWN)}… (${content.length - MAX_SHOWN} more characters)` : content;
    entry.append(time, ' ', word, ' ', body);
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(entry);
    while (log.children.length > MAX_ENTRIES) log.firstChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  function describe(data) {
    if (typeof data === 'string') return data === '' ? '(empty text)' : data;
    const bytes = new Uint8Array(data);
    const hex = Array.from(bytes.subarray(0, 64), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    return `binary, ${count(bytes.length)}: ${hex}${bytes.length > 64 ? ' …' : ''}`;
  }

  // Relative to this page, so that the prefix of a proxy in front stays where it is.
  function target() {
    const url = new URL(app.value, location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url.href;
  }

  function refresh() {
    const words = ['connecting', 'connected', 'closing', 'not connected'];
    const ready = socket ? socket.readyState : WebSocket.CLOSED;
    state.textContent = words[ready];
    state.className = ready === WebSocket.OPEN ? 'open' : '';
    toggle.textContent = ready === WebSocket.CLOSED ? 'Connect' : 'Close';
    toggle.disabled = ready === WebSocket.CLOSING;
    send.disabled = ready !== WebSocket.OPEN;
  }

  function connect() {
    const chosen = app.selectedOptions[0].dataset;
    const own = new WebSocket(target(), chosen.subprotocols ? chosen.subprotocols.split(' ') : []);
    own.binaryType = 'arraybuffer';
    own.onopen = () => {
      show('open', own.url + (own.protocol ? `, subprotocol ${own.protocol}` : ''));
      refresh();
    };
    own.onmessage = (event) => show('received', describe(event.data));
    own.onerror = () => show('error', 'the connection has failed; the browser tells no more about it');
    own.onclose = (event) => {
      const meaning = CODES[event.code] || 'a code of the application';
      show('closed', `${event.code} ${meaning}${event.reason ? `: ${event.reason}` : ''}`);
      refresh();
    };
    socket = own;
    refresh();
  }

  function choose() {
    const chosen = app.selectedOptions[0];
    about.textContent = `${chosen.text} ${chosen.dataset.about}.`;
    address.textContent = target();
    text.value = chosen.dataset.example;
    if (socket) socket.close(1000);
    connect();
  }

  document.getElementById('link').addEventListener('submit', (event) => {
    event.preventDefault();
    if (socket && socket.readyState !== WebSocket.CLOSED) socket.close(1000);
    else connect();
    refresh();
  });
  document.getElementById('say').addEventListener('submit', (event) => {
    event.preventDefault();
    if (!socket || socket.readyState !== WebSocket.OPEN) return;
    socket.send(text.value);
    show('sent', text.value === '' ? '(empty text)' : text.value);
    text.select();
  });
  document.getElementById('clear').addEventListener('click', () => log.replaceChildren());
  app.addEventListener('change', choose);
  picker.hidden = app.options.length < 2;
  choose();
})();
