// For the hub: new Sockhop("orders/42", { ids: true }), or new Sockhop("-/multi?channel=/a&channel=/b").
import { Sockhop } from './client.mjs'
const POLLS = 4
const encode = (channel) => channel.split('/').map(encodeURIComponent).join('/')

class Link {
 // A channel that is replayed has a position of its own, `at` ('': from now on). Otherwise it is complete up to #since. It
 // is `asked` when this connection has asked for it, `on` when the hub has answered.
 #channels; #since; #safe = ''; #leaving = new Map; #options; #url; #last; #isMulti; #ws; #timer; #fails = 0

 constructor(options = {}) { this.#options = options }

 // Complete for every channel.
 get position() {
  if (this.#each().every((it) => !it.at)) this.#safe = this.#since ?? ''
  return this.#safe
 }

 #each() { return [...this.#channels?.values() ?? []] }

 #add(names, at) {
  for (const name of names) this.#channels.has(name) || this.#channels.set(name, { name, at })
 }

 dial(url, names, End) {
  if (!this.#channels) {
   const { ids, since } = this.#options, query = url.searchParams
   this.#isMulti = url.pathname.endsWith('/-/multi')
   if (!ids && since == null && !this.#isMulti) return new WebSocket(url, names)
   this.#url = new URL(url)
   this.#since = this.#safe = since ?? query.get('since') ?? ''
   this.#last = query.get('last')
   this.#channels = new Map
   this.#add(this.#isMulti ? query.getAll('channel') : [''], this.#since)
   for (const key of ['channel', 'ids', 'last', 'since']) this.#url.searchParams.delete(key)
  }
  this.position
  for (const it of this.#each()) {
   it.at ??= this.#since
   it.asked = it.on = it.round = false
   it.stop = null
  }
  this.#leaving.clear()
  if (this.#fails > 1) return this.#poll(names, End)
  this.#fails++
  const [first] = this.#each(), since = first?.at
  const ws = this.#ws = new WebSocket(this.#address(this.#each().filter((it) => it.at == since), since), names)
  // Blobs cannot be read at once, so that messages would change places.
  ws.binaryType = 'arraybuffer'
  Object.defineProperty(ws, 'binaryType', { value: 'blob', writable: true })
  ws.addEventListener('open', () => {
   this.#fails = 0
   this.#flush()
  })
  ws.addEventListener('message', (event) => this.#hear(ws, event))
  return ws
 }

 #query(since, more) {
  const last = this.#last && 'last=' + this.#last
  const query = [this.#url.search.slice(1), since ? 'since=' + encodeURIComponent(since) : last, more].filter(Boolean).join('&')
  return query && '?' + query
 }

 // Channels that do not fit are asked for later.
 #address(channels, since) {
  let url = this.#url.origin + this.#url.pathname + this.#query(since, !since && 'ids')
  for (const it of channels) {
   if (url.length > 2000) break
   it.asked = true
   if (this.#isMulti) url += '&channel=' + encode(it.name)
  }
  return url
 }

 #hear(ws, event) {
  let { data } = event
  if (data === this.#options.heartbeat) return
  event.stopImmediatePropagation()
  const isText = typeof data == 'string', all = isText ? data : new Uint8Array(data)
  if (isText && data.startsWith('! ')) return this.#told(ws, JSON.parse(data.slice(2)))
  const end = all.indexOf(isText ? '\n' : 10)
  const [id, channel] = (isText ? data.slice(0, end) : new TextDecoder().decode(all.subarray(0, end))).split(' ')
  this.#bring(ws, id, decodeURIComponent(channel), data.slice(end + 1))
 }

 #find(channel) { return this.#channels.get(this.#isMulti ? channel : '') }

 #bring(ws, id, channel, data) {
  const it = this.#find(channel)
  // What a connection brings after it was given up, the next one brings again.
  if (!it?.on || !ws.onmessage) return
  this.#move(it, id)
  if (typeof data != 'string' && ws.binaryType == 'blob') data = new Blob([data])
  ws.onmessage(new MessageEvent('message', { data }), { id, channel })
 }

 #move(it, id) {
  if (it.at) it.at = id
  else this.#since = id
 }

 #told(ws, said) {
  const { event, channel, id } = said, it = this.#find(channel)
  if (!ws.onmessage) return
  if (event == 'subscribed') {
   if (!it || it.on || this.#leaving.has(channel)) return
   // Without a replay it begins where the others are; polls are never at one place.
   const isReplayed = this.#isMulti && (it.at || this.#last || ws.pump)
   it.on = true
   it.at = isReplayed ? id : null
   if (!isReplayed) this.#since = id
  } else if (event == 'position') {
   for (const it of this.#each()) if (it.on) it.at = null
   this.#since = id
  } else if (event == 'unsubscribed' || event == 'error' && !it?.on) {
   if (!this.#leaving.delete(channel) && this.#isMulti) this.#channels.delete(channel)
   this.#flush()
  } else if (channel && !it?.on) return
  ws.onmessage(new Event(event), said)
  if (event != 'gap' && said.gap) ws.onmessage?.(new Event('gap'), said)
 }

 subscribe(channels, since = '') {
  this.#check()
  this.position
  this.#add([channels].flat(), since)
  this.#flush()
 }

 unsubscribe(channels) {
  this.#check()
  for (const name of [channels].flat()) {
   const it = this.#channels.get(name)
   if (it?.asked && !this.#ws.pump) this.#leaving.set(name, false)
   it?.stop?.abort()
   this.#channels.delete(name)
  }
  this.#flush()
 }

 #check() {
  if (!this.#isMulti) throw new TypeError('not a connection to /-/multi')
 }

 // One command every 50 ms, for the hub takes 32 a second.
 #flush() {
  const ws = this.#ws
  if (ws.pump) return ws.pump()
  if (this.#timer || ws.readyState != 1) return
  const leave = [...this.#leaving].flatMap(([name, isSent]) => isSent ? [] : name)
  const join = this.#each().filter((it) => !it.asked && !this.#leaving.has(it.name)), since = join[0]?.at
  let command
  if (leave[0] != null) {
   for (const name of leave) this.#leaving.set(name, true)
   command = { unsubscribe: leave }
  } else if (join[0]) {
   const subscribe = join.flatMap((it) => it.at == since ? (it.asked = true, it.name) : [])
   command = { subscribe, since: since || undefined }
  } else return
  ws.send(JSON.stringify(command))
  this.#timer = setTimeout(() => {
   this.#timer = 0
   this.#flush()
  }, 50)
 }

 // Long polling behind the interface of a WebSocket.
 #poll(names, End) {
  let count = 0, round = 0, mark, timer
  const ws = {
   readyState: 0, protocol: '', extensions: '', bufferedAmount: 0, binaryType: 'blob',
   send: (data) => data === this.#options.heartbeat ? ws.onmessage({ data }) : ws.onmessage(new Event('error'), { error: 405 }),
   close: (code = 1005, reason = '') => {
    if (ws.readyState > 1) return
    ws.readyState = 2
    clearTimeout(timer)
    for (const it of this.#each()) it.stop?.abort()
    setTimeout(() => {
     ws.readyState = 3
     ws.onclose?.(new End('close', { code, reason }))
    })
   },
   pump: () => {
    if (ws.readyState > 1) return
    if (!this.#channels.size) open()
    for (const it of this.#each()) if (!it.stop && count < POLLS) ask(it)
   },
  }
  const open = () => {
   if (ws.readyState) return
   ws.readyState = 1
   timer = setTimeout(probe, 5e3 + Math.random() * 5e3)
   ws.onopen(new Event('open'))
  }
  // The first comes soon: perhaps only the server was away.
  const probe = () => {
   const test = new WebSocket(this.#address(this.#each().slice(0, 1)), names)
   test.onopen = () => {
    test.close()
    ws.close(1006)
   }
   timer = setTimeout(probe, 12e4 + Math.random() * 12e4)
  }
  const isLive = (it) => ws.readyState < 2 && ws.onmessage && this.#channels.get(it.name) == it
  const ask = async (it) => {
   const stop = it.stop = new AbortController, timer = setTimeout(() => stop.abort(), 4e4)
   const began = round
   let answer, said
   count++
   try {
    answer = await fetch(this.#page(it), { signal: stop.signal, headers: this.#options.headers })
    said = answer.ok && await answer.json()
   } catch { }
   clearTimeout(timer)
   try {
    if (isLive(it)) said ? hear(it, said, began) : fail(it, answer?.status)
   } finally {
    // A busy channel does not take a request for each message.
    setTimeout(() => {
     count--
     if (it.stop == stop) it.stop = null
     // Now the others.
     if (this.#channels.get(it.name) == it && this.#channels.delete(it.name)) this.#channels.set(it.name, it)
     ws.pump()
    }, said?.items?.length ? 100 : 500)
   }
  }
  const hear = (it, { channel, last, position = last, gap, items = [], more }, began) => {
   const id = (it.at ?? this.#since) || position
   channel = it.name || channel
   open()
   if (!it.on) this.#told(ws, { event: 'subscribed', channel, id, gap })
   else if (gap) this.#told(ws, { event: 'gap', channel, id })
   for (const { id, data, base64 } of items) {
    if (!isLive(it)) return
    this.#bring(ws, id, channel, data ?? Uint8Array.from(atob(base64), (c) => c.charCodeAt()).buffer)
   }
   if (!isLive(it) || more) return
   this.#move(it, position)
   // Complete for all is what was the position before each of them was asked.
   it.round = began
   if (!this.#each().every((it) => it.round === round)) return
   this.#safe = mark ?? this.#safe
   mark = position
   round++
  }
  const fail = (it, error) => {
   if (it.name && error > 399 && error < 429) {
    open()
    it.on = false
    return this.#told(ws, { event: 'error', error, channel: it.name })
   }
   if (error) ws.onmessage(new Event('error'), { error })
   ws.close(error == 429 || error == 503 ? 1013 : 1006)
  }
  this.#fails = 1
  queueMicrotask(ws.pump)
  return this.#ws = ws
 }

 #page({ name, at, on }) {
  const { origin, pathname } = this.#url, since = at ?? this.#since
  const page = name ? pathname.slice(0, -'/-/multi'.length) + encode(name) : pathname
  const wait = !on ? '' : this.#channels.size > POLLS ? '&wait=1s' : '&wait=25s'
  return origin.replace('ws', 'http') + page + this.#query(since, since && 'limit=1000' + wait)
 }
}

class HubSockhop extends Sockhop {
 #link; ongap = null

 constructor(url, names, options) {
  if (names && !names[Symbol.iterator]) [names, options] = [, names]
  const link = new Link(options)
  super(url, names, { ...options, dial: (...to) => link.dial(...to) })
  this.#link = link
 }

 get position() { return this.#link.position }
 subscribe(channels, since) { this.#link.subscribe(channels, since) }
 unsubscribe(channels) { this.#link.unsubscribe(channels) }
}
export { HubSockhop as Sockhop, HubSockhop as default }
