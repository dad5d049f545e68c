// A shared editor over the relay, with three kinds of messages. {line, column, userId} is the place of a cursor, counted
// from 1; {userId, gone: true} says that a user has left; {userId, text, revision} is the new text. The last writer wins.
import { inFrame, make, recall, remember } from './dom.js';

const AGAIN = 2000;
const SILENCE = 5000;
const MAX_PEOPLE = 50;
const MAX_TEXT = 100000;
const NAME = 'sockhop.relay';
const DANCES = ['lindy', 'jive', 'stroll', 'twist', 'bop', 'shag', 'madison', 'mambo'];
const CODE = `// A WebSocket is open until one side closes it.
const ws = new WebSocket("ws://127.0.0.1:8080/relay");

function whereIs(position, text) {
  const lines = text.slice(0, position).split("\\n");
  return { line: lines.length, column: lines.at(-1).length + 1 };
}

editor.onselectionchange = () => {
  const cursor = whereIs(editor.selectionStart, editor.value);
  ws.send(JSON.stringify({ ...cursor, userId }));
};
`;

const pick = (n) => Math.floor(Math.random() * n);
const hue = (name) => [...name].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) % 360, 7);

export function relay(wire, ui) {
  const [area, ghosts, gutter, people] = ['textarea', '.ghosts', '.gutter', '.people'].map((it) => ui.querySelector(it));
  // Kept while the tab reloads. A copy of the tab must not get it too, so it is not stored meanwhile.
  const userId = recall(NAME) || `${DANCES[pick(DANCES.length)]}-${String(pick(10000)).padStart(4, '0')}`;
  remember(NAME, '');
  const others = new Map();
  let revision = 0, writer = '', shown = false, sent = 0, timer, answer;
  area.value = CODE;
  area.setSelectionRange(0, 0);

  const tell = (what) => wire.send(JSON.stringify(what));
  function tellText() {
    answer = clearTimeout(answer);
    // While disconnected, the newest text waits for the connection, not each.
    if (wire.state === WebSocket.OPEN) tell({ userId, text: area.value, revision });
  }
  function tellCursor() {
    timer = clearTimeout(timer);
    // Not while disconnected: the cursor is sent when the connection opens.
    if (!shown || wire.state !== WebSocket.OPEN) return;
    const lines = area.value.slice(0, area.selectionStart).split('\n');
    sent = Date.now();
    tell({ line: lines.length, column: lines.at(-1).length + 1, userId });
  }
  // At most every 50 ms, not for every key of a fast typist.
  const moved = () => { timer ??= setTimeout(tellCursor, Math.max(0, sent + 50 - Date.now())); };
  for (const type of ['keyup', 'pointerup', 'select', 'focus']) area.addEventListener(type, moved);
  area.addEventListener('input', () => {
    revision++;
    writer = userId;
    tellText();
    moved();
    draw();
  });
  area.addEventListener('scroll', follow);

  setInterval(() => {
    if (Date.now() - sent >= AGAIN - 100) tellCursor();
    const count = others.size;
    for (const [id, { heard }] of others) if (Date.now() - heard >= SILENCE - 250) others.delete(id);
    if (others.size !== count) draw();
  }, 250);
  const leave = () => {
    shown = false;
    if (wire.state === WebSocket.OPEN) tell({ userId, gone: true });
  };
  addEventListener('pagehide', () => {
    remember(NAME, userId);
    if (shown) leave();
  });
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    remember(NAME, '');
    if (!ui.closest('article').hidden) enter();
  });
  const enter = () => {
    shown = true;
    draw();
    if (wire.state === WebSocket.OPEN) tellCursor();
  };
  wire.addEventListener('open', () => {
    tellCursor();
    if (revision) tellText();
  });
  wire.addEventListener('close', () => {
    others.clear();
    draw();
  });

  wire.addEventListener('message', ({ data }) => {
    let heard;
    try { heard = JSON.parse(data); } catch { return; }
    const id = heard?.userId;
    if (typeof id !== 'string' || id === '' || id.length > 40 || id === userId) return;
    if (heard.gone === true) others.delete(id);
    else if (typeof heard.text === 'string' && heard.text.length <= MAX_TEXT && Number.isSafeInteger(heard.revision)) take(heard);
    else if (Number.isSafeInteger(heard.line) && Number.isSafeInteger(heard.column)) {
      const isNew = !others.has(id);
      if (isNew && others.size >= MAX_PEOPLE) return;
      others.set(id, { line: heard.line, column: heard.column, heard: Date.now() });
      // A relay keeps nothing, so users send their state to a new one, after a random delay, unless another was quicker.
      if (isNew) {
        moved();
        if (revision) answer ??= setTimeout(tellText, pick(300));
      }
    }
    draw();
  });

  function take({ text, revision: theirs, userId: id }) {
    if (theirs >= revision) answer = clearTimeout(answer);
    if (theirs < revision || (theirs === revision && id <= writer)) return;
    revision = theirs;
    writer = id;
    const old = area.value, at = area.selectionStart;
    let same = 0;
    while (same < at && old[same] === text[same]) same++;
    // A caret behind the change keeps its distance from the end.
    const place = same < at ? Math.max(same, at + text.length - old.length) : at;
    area.value = text;
    area.setSelectionRange(place, place);
  }

  function follow() {
    ghosts.scrollTop = gutter.scrollTop = area.scrollTop;
    ghosts.scrollLeft = area.scrollLeft;
    // A label that would be cut off is below its cursor, or to the left. All are measured before one is moved.
    const { top, right } = ghosts.getBoundingClientRect();
    const labels = [...ghosts.querySelectorAll('i')].map((label) => {
      const place = label.parentElement.getBoundingClientRect();
      return [label.parentElement.classList, place.top - label.offsetHeight < top, place.left + label.offsetWidth > right];
    });
    for (const [classes, isBelow, isLeft] of labels) {
      classes.toggle('below', isBelow);
      classes.toggle('left', isLeft);
    }
  }

  // Other users' cursors are in an invisible copy of the text that lies over it, so that each is at its column.
  const draw = inFrame(() => {
    const lines = area.value.split('\n');
    gutter.textContent = lines.map((_, index) => index + 1).join('\n');
    const places = [...others].map(([id, { line, column }]) => {
      const row = Math.min(Math.max(line, 1), lines.length) - 1;
      return { id, row, at: Math.min(Math.max(column, 1), lines[row].length + 1) - 1 };
    }).sort((a, b) => a.row - b.row || a.at - b.at);
    const content = [];
    let row = 0, at = 0;
    for (const place of places) {
      for (; row < place.row; row++, at = 0) content.push(`${lines[row].slice(at)}\n`);
      content.push(lines[row].slice(at, place.at));
      at = place.at;
      const ghost = make('span', 'ghost', make('i', '', place.id));
      ghost.style.setProperty('--hue', hue(place.id));
      ghost.dataset.user = place.id;
      content.push(ghost);
    }
    content.push(lines[row].slice(at), '\n', lines.slice(row + 1).join('\n'), '\n');
    ghosts.replaceChildren(...content);
    people.replaceChildren(`You are ${userId}. `, others.size ? 'Also here: ' : 'Nobody else is here: open a second tab.',
      ...[...others.keys()].map((id) => {
        const chip = make('b', 'person', id);
        chip.style.setProperty('--hue', hue(id));
        return chip;
      }));
    follow();
  });
  draw();
  return { enter, leave };
}
