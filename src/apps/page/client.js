// A WebSocket that reconnects: <script src="client.js">, or import Sockhop from "./client.js"; then new Sockhop("chat").
// Each connection ends with a close event: retryIn is the ms to the next try, 500 to 30000 (from 5000 after 1012, 1013),
// or null for none (after close(), 1000, 1008). Meanwhile readyState is 0 and send() queues up to 256 messages or 1 MiB,
// then throws. They are sent after what onopen sends, each at most once.
var Sockhop = globalThis.Sockhop ??= class extends EventTarget {
 onopen = null; onmessage = null; onerror = null; onclose = null
 #url; #names; #ws; #timer; #over; #tries = 0; #queue = []; #type = 'blob'

 constructor(url, names) {
  super()
  this.#url = new URL(url, globalThis.document?.baseURI)
  this.#url.protocol = this.#url.protocol.replace('http', 'ws')
  this.#names = names
  this.#connect()
 }

 get url() { return this.#url.href }
 get protocol() { return this.#ws.protocol }
 get extensions() { return this.#ws.extensions }
 get readyState() { return this.#timer ? 0 : this.#ws.readyState }
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
  if (this.#timer) this.#end(new CloseEvent('close', { code: 1006 }))
 }

 #connect() {
  this.#timer = 0
  const ws = this.#ws = new WebSocket(this.#url, this.#names)
  let since
  ws.binaryType = this.#type
  ws.onopen = (event) => {
   since = Date.now()
   try { this.#fire(event) } finally {
    while (ws.readyState == 1 && this.#queue[0]) ws.send(this.#queue.shift()[0])
   }
  }
  ws.onmessage = ws.onerror = (event) => this.#fire(event)
  ws.onclose = (event) => {
   if (Date.now() - since > 5e3) this.#tries = 0
   this.#end(event)
  }
 }

 #end(event) {
  const { code } = event
  let retryIn = null
  this.#timer = clearTimeout(this.#timer)
  if (this.#over ||= code == 1000 || code == 1008) this.#queue = []
  else {
   const [min, max] = code == 1012 || code == 1013 ? [5e3, 3e4] : [500, Math.min(3e4, 1e3 * 2 ** this.#tries++)]
   retryIn = min + Math.random() * (max - min)
   this.#timer = setTimeout(() => this.#connect(), retryIn)
  }
  this.#fire(event, { retryIn })
 }

 #fire(event, more) {
  event = Object.assign(new event.constructor(event.type, event), more)
  this.dispatchEvent(event)
  this['on' + event.type]?.(event)
 }
}
;['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'].forEach((key, i) => Sockhop[key] = Sockhop.prototype[key] = i)
// A module awaits a regular expression; a script divides by an array.
typeof await /[/*]/; export { Sockhop, Sockhop as default } //*/1]
