
/** How the page hears the hub. Also possible: a URL that ends in `/-/multi`, with `?channel=/a&channel=/b` for some. */
interface HubOptions extends SockhopOptions {
  /** Messages have an id and a channel, and a new connection goes on after the last message. */
  ids?: boolean;
  /** The position of an earlier page, or the id of the last message that the page has got otherwise: goes on there. */
  since?: string;
  /** Headers of the requests where upgrades do not get through. */
  headers?: HeadersInit;
}

interface HubMessageEvent extends MessageEvent {
  /** With ids it is there. It is optional in its type, so that a Sockhop can be passed for a WebSocket. */
  readonly id?: string;
  /** With ids it is there, as in "/orders/42". */
  readonly channel?: string;
}

/** What the hub says of a channel. Not all of it is there each time. */
interface HubEvent extends Event {
  /** None: all channels. */
  readonly channel?: string;
  /** The position before the next message. */
  readonly id?: string;
  readonly gap?: boolean;
  /** The hub's name for this connection: a publisher passes it as `Sockhop-Except`. */
  readonly connection?: string;
  /** The status of what was refused, as in HTTP. */
  readonly error?: number;
  readonly ref?: unknown;
}

interface HubEventMap extends SockhopEventMap {
  message: HubMessageEvent;
  error: HubEvent;
  /** Messages are lost: the history no longer has them. */
  gap: HubEvent;
  subscribed: HubEvent;
  unsubscribed: HubEvent;
  position: HubEvent;
}

/** A Sockhop that hears one channel of the hub, or many. */
declare class HubSockhop extends Sockhop {
  constructor(url: string | URL, protocols?: string | string[], options?: HubOptions);
  constructor(url: string | URL, options: HubOptions);
  /** Every message up to it has been fired, for each channel. "" as long as it is unknown. */
  readonly position: string;
  onmessage: ((this: WebSocket, event: HubMessageEvent) => any) | null;
  onerror: ((this: WebSocket, event: HubEvent) => any) | null;
  ongap: ((this: WebSocket, event: HubEvent) => any) | null;
  /** Takes on channels, such as "/orders/42": from now on, or after a position. Throws where the URL is not `/-/multi`. */
  subscribe(channels: string | string[], since?: string): void;
  /** Leaves channels. Their messages are fired no more. */
  unsubscribe(channels: string | string[]): void;
  addEventListener<K extends keyof HubEventMap>(type: K, listener: (this: WebSocket, event: HubEventMap[K]) => any,
    options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof HubEventMap>(type: K, listener: (this: WebSocket, event: HubEventMap[K]) => any,
    options?: boolean | EventListenerOptions): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | EventListenerOptions): void;
}
export { HubSockhop as Sockhop, HubSockhop as default }
