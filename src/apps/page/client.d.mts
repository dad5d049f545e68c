/** How the page notices that the path to the server is dead. */
interface SockhopOptions {
  /** A text that the server must answer, best with the same text, which is then not shown: "sockhop.heartbeat" for the
   * apps of the command `sockhop`. It is sent when the server has been silent for half of the timeout. */
  heartbeat?: string;
  /** The silence in milliseconds after which the connection ends with 1006 if there is a heartbeat: 20000 by default. */
  timeout?: number;
}

/** The end of one connection. */
interface SockhopCloseEvent extends CloseEvent {
  /** The milliseconds to the next try at most, or null if there will be none. It is always there; optional in its type, so
   * that a Sockhop can be passed for a WebSocket. */
  readonly retryIn?: number | null;
}

interface SockhopEventMap extends WebSocketEventMap {
  close: SockhopCloseEvent;
}

/** A WebSocket that reconnects, and queues messages meanwhile. */
declare class Sockhop extends EventTarget implements WebSocket {
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSING: 2;
  static readonly CLOSED: 3;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  /** The URL may be relative, to the page or the worker, and begin with http or ws. */
  constructor(url: string | URL, protocols?: string | string[], options?: SockhopOptions);
  constructor(url: string | URL, options: SockhopOptions);
  readonly url: string;
  readonly protocol: string;
  readonly extensions: string;
  /** 0 also between two connections. */
  readonly readyState: 0 | 1 | 2 | 3;
  /** With the messages that wait for a connection. */
  readonly bufferedAmount: number;
  binaryType: BinaryType;
  onopen: ((this: WebSocket, event: Event) => any) | null;
  onmessage: ((this: WebSocket, event: MessageEvent) => any) | null;
  onerror: ((this: WebSocket, event: Event) => any) | null;
  onclose: ((this: WebSocket, event: SockhopCloseEvent) => any) | null;
  /** Without a connection, queues 256 messages or 1 MiB; throws a RangeError above that. */
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBufferLike>): void;
  /** Ends it for good. */
  close(code?: number, reason?: string): void;
  addEventListener<K extends keyof SockhopEventMap>(type: K, listener: (this: WebSocket, event: SockhopEventMap[K]) => any,
    options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof SockhopEventMap>(type: K, listener: (this: WebSocket, event: SockhopEventMap[K]) => any,
    options?: boolean | EventListenerOptions): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | EventListenerOptions): void;
}
export { Sockhop, Sockhop as default }
