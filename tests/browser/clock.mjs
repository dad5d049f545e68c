// Time and other globals of a page, as a test wants them.

/** A clock that stands still until it is told to go on. */
export class Clock {
  now = 1e12; #timers = new Map(); #last = 0;
  set(then, ms = 0) {
    this.#timers.set(++this.#last, { then, at: this.now + ms });
    return this.#last;
  }
  clear(id) { this.#timers.delete(id); }
  pass(ms) {
    const end = this.now + ms;
    for (;;) {
      const [id, next] = [...this.#timers].sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
      if (!next || next.at > end) break;
      this.now = next.at;
      this.clear(id);
      next.then();
    }
    this.now = end;
  }
}

const globals = Object.getOwnPropertyDescriptors(globalThis);

/** Puts these in the place of globals until the test ends. */
export function put(t, own) {
  for (const [name, value] of Object.entries(own)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    t.after(() => name in globals ? Object.defineProperty(globalThis, name, globals[name]) : delete globalThis[name]);
  }
}
