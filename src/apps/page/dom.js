// Elements, lists that stay fast under many messages, texts for people, and what a tab remembers.

const BATCH = 50;

export function make(name, className, ...content) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

// Runs `work` in the next animation frame, once, however often the returned function is called before it.
export function inFrame(work) {
  let isAsked = false;
  return () => {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      work();
    });
  };
}

// A list that shows the last `max` items. To read or change the layout for each of thousands of messages would freeze
// the page, so items are built and added once in a frame, at most 50; of those that wait for a frame, the last `max` are
// kept. The list scrolls to its end unless the user has scrolled away from it.
export function feed(box, max) {
  const list = box.querySelector('ol') ?? box;
  let waiting = [];
  const show = inFrame(() => {
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
    const items = waiting.splice(0, BATCH).map((build) => build());
    for (let extra = list.childElementCount + items.length - max; extra > 0; extra--) list.firstChild.remove();
    list.append(...items);
    if (atEnd) box.scrollTop = box.scrollHeight;
    if (waiting.length) show();
  });
  return {
    add(build) {
      waiting.push(build);
      if (waiting.length > max) waiting.shift();
      show();
    },
    clear() {
      waiting = [];
      list.replaceChildren();
    },
  };
}

const digits = new Intl.NumberFormat('en');
export const number = (n) => n < 1000 ? String(n) : digits.format(n);
export const count = (n, noun) => `${number(n)} ${noun}${n === 1 ? '' : 's'}`;
export const bytes = (n) => count(n, 'byte');
export const millis = (ms) => ms < 1000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(3)} s`;
export const clock = (at) => at.toTimeString().slice(0, 8);
// Joined, since a slice alone would keep the whole text in memory.
export const excerpt = (text, max) => text.length > max ? [text.slice(0, max), `… (${text.length - max} more characters)`].join('') : text;

// Copies a text; the button says so for a moment.
export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page that did not come by https or from localhost has no clipboard.
    const area = make('textarea', 'offscreen', text);
    button.after(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  const label = button.dataset.label ??= button.textContent;
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = label; }, 1500);
}

// A tab keeps these until it is closed, also when it is reloaded. A browser may forbid a page to store anything.
export function recall(key) {
  try { return sessionStorage.getItem(key); } catch { return null; }
}
export function remember(key, value) {
  try { sessionStorage.setItem(key, value); } catch { /* It is forgotten at the next reload. */ }
}
