// A WebSocket that reconnects: import Sockhop from "./client.mjs"; then new Sockhop("chat"). For <script src> and for
// require(), the server makes client.js from this text and hub.mjs. Each connection ends with a close event: retryIn is the
// ms to the next try, or null for none (after close(), 1000, 1008). Meanwhile send() queues up to 256 messages or 1 MiB.
// With { heartbeat: "beat", timeout: 20000 }, the text beat is sent to a silent server, which must answer it.
const End = globalThis.CloseEvent ?? class CloseEvent extends Event {
 constructor(type, { code = 0, reason = '', wasClean = false }) { Object.assign(super(type), { code, reason, wasClean }) }
}
class Sockhop extends EventTarget {
 onopen = null; onmessage = null; onerror = null; onclose = null
 #url; #names; #beat; #quarter; #dial; #ws; #since; #retry; #watch; #asked; #over; #left
 #quiet = 0; #pace = 1; #tries = 0; #queue = []; #type = 'blob'; #stop = new AbortController

 constructor(url, names, options = {}) {
  super()
  if (names && !names[Symbol.iterator]) [names, options] = [, names]
  const { heartbeat, timeout = 2e4, dial = (url, names) => new WebSocket(url, names) } = options
  this.#url = new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href.replace(/^blob:/, ''))
  this.#url.protocol = this.#url.protocol.replace('http', 'ws')
  this.#names = names
  this.#beat = heartbeat
  this.#quarter = timeout / 4
  this.#dial = dial
  this.#connect()
  const { signal } = this.#stop
  globalThis.addEventListener?.('online', () => this.#wake(), { signal })
  globalThis.document?.addEventListener('visibilitychange', () => document.hidden || this.#wake(), { signal })
 }

 get url() { return this.#url.href }
 get protocol() { return this.#ws.protocol }
 get extensions() { return this.#ws.extensions }
 get readyState() { return this.#retry ? 0 : this.#stop.signal.aborted ? 3 : this.#ws.readyState }
 get bufferedAmount() { return this.#queue.reduce((n, [, size]) => n + size, this.#ws.bufferedAmount) }
 get binaryType() { return this.#type }
 set binaryType(type) { this.#ws.binaryType = type; this.#type = this.#ws.binaryType }

 send(data) {
  if (this.#over || this.readyState == 1) return this.#ws.send(data)
  const copy = new Blob([data]), { size } = copy
  if (this.#queue.length > 255 || this.bufferedAmount + size > 2 ** 20) throw new RangeError('queue full')
  this.#queue.push([(data?.byteLength ?? data?.size) >= 0 ? copy : `${data}`, size])
 }

 close(...how) {
  this.#ws.close(...how)
  this.#over = true
  if (this.#retry) this.#drop()
 }

 #connect() {
  this.#retry = this.#since = this.#quiet = 0
  const ws = this.#ws = this.#dial(this.#url, this.#names, End)
  ws.binaryType = this.#type
  this.#listen()
  ws.onopen = (event) => {
   this.#since = Date.now()
   this.#quiet = 0
   this.#listen()
   try { this.#fire(event) } finally {
    while (ws.readyState == 1 && this.#queue[0]) ws.send(this.#queue.shift()[0])
   }
  }
  ws.onmessage = (event, more) => {
   if (this.#quiet > 1) this.#pace = 1
   this.#quiet = 0
   if (more || event.data !== this.#beat) this.#fire(event, more)
  }
  ws.onerror = (event) => {
   // Node 22, which lacks CloseEvent too, does not tell that it could not connect.
   this.#since || setTimeout(() => ws.onclose && this.#drop())
   this.#fire(event)
  }
  ws.onclose = (event) => this.#end(event)
 }

 #listen() {
  clearTimeout(this.#watch)
  if (this.#beat || !this.#since) this.#watch = setTimeout(() => this.#tick(), this.#quarter * this.#pace)
 }

 // After two quarters of silence the server is asked, after three once more. To open or to close takes twice as long.
 #tick() {
  const { readyState, bufferedAmount } = this.#ws
  this.#quiet = bufferedAmount < this.#left ? 1 : this.#quiet + 1
  this.#left = bufferedAmount
  if (this.#quiet > (readyState == 1 ? 3 : 7)) {
   // One long message on a slow line looks the same, so the next connection gets more time.
   if (this.#since) this.#pace = Math.min(8, this.#pace * 2)
   return this.#drop()
  }
  if (readyState == 1 && this.#quiet > 1 && !bufferedAmount) this.#ws.send(this.#beat)
  this.#listen()
 }

 // The network is back, or the user.
 #wake() {
  const { readyState } = this.#ws
  this.#tries = 0
  // Packets to a network that was away are repeated more and more seldom.
  if (!this.#retry && readyState == 0 && this.#quiet) this.#drop()
  if (this.#retry && !this.#asked) {
   clearTimeout(this.#retry)
   this.#connect()
  } else if (readyState == 1 && this.#beat && this.#quiet < 2) {
   this.#quiet = 1
   this.#tick()
  }
 }

 // Ends a connection that does not say itself that it has ended.
 #drop() {
  this.#ws.onerror = this.#ws.onclose = null
  this.#ws.close()
  this.#end(new End('close', { code: 1006 }))
 }

 #end(event) {
  const { code } = event, ws = this.#ws
  let retryIn = null
  // Node may tell the end twice.
  ws.onopen = ws.onmessage = ws.onerror = ws.onclose = null
  clearTimeout(this.#watch)
  this.#retry = clearTimeout(this.#retry)
  this.#asked = code == 1012 || code == 1013
  if (this.#since && Date.now() - this.#since > 5e3) this.#tries = 0
  if (this.#over ||= code == 1000 || code == 1008) {
   this.#queue = []
   this.#stop.abort()
  } else {
   const [min, max] = this.#asked ? [5e3, 3e4] : [500, Math.min(3e4, 1e3 * 2 ** this.#tries++)]
   retryIn = min + Math.random() * (max - min)
   this.#retry = setTimeout(() => this.#connect(), retryIn)
  }
  this.#fire(event, { retryIn })
 }

 #fire(event, more) {
  event = Object.assign(new event.constructor(event.type, event), more)
  this.dispatchEvent(event)
  this['on' + event.type]?.(event)
 }
}
['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'].forEach((key, i) => Sockhop[key] = Sockhop.prototype[key] = i)
export { Sockhop, Sockhop as default }
