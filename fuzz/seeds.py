#!/usr/bin/env python3
"""Writes the seed corpora, corpus/TARGET/NAME: streams of frames, request heads and the like, by hand, one for each
rule and its border.

The fuzzer begins with these. Run it again when the format of an input changes (`Case::draw` in src/lib.rs, the
docs of each target).
"""

import base64
import pathlib
import random
import shutil
import struct
import zlib

HERE = pathlib.Path(__file__).parent
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def header(opcode, length, *, fin=True, key=None):
    mask = 0 if key is None else 0x80
    first = bytes([(0x80 if fin else 0) | opcode])
    if length < 126:
        return first + bytes([mask | length]) + (key or b"")
    if length < 65536:
        return first + struct.pack("!BH", mask | 126, length) + (key or b"")
    return first + struct.pack("!BQ", mask | 127, length) + (key or b"")


def frame(opcode, payload=b"", *, fin=True, key=None):
    masked = payload if key is None else bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
    return header(opcode, len(payload), fin=fin, key=key) + masked


def case(stream, *, client=False, limits=0, close_after=None, cuts=(), stretch=None):
    """An input of `connection`; `stretch` is (half its length, the byte, behind how much of the stream)."""
    flags = client | limits << 1 | (0 if close_after is None else close_after + 1) << 4
    shape = len(cuts) | (0xF0 if stretch else 0)
    return bytes([flags, shape, *cuts]) + (struct.pack("<HBB", *stretch) if stretch else b"") + stream


def streams(key):
    """Streams as a peer sends them, by name: {name: (stream, options)}."""

    def f(opcode, payload=b"", fin=True):
        return frame(opcode, payload, fin=fin, key=key)

    text = "κόσμε 😀".encode()
    close = struct.pack("!H", 1000)
    yield "hello", f(TEXT, b"Hello"), {"cuts": [2]}
    yield "empty", f(TEXT) + f(BINARY), {}
    yield "len-125", f(BINARY, bytes(125)), {"limits": 1}
    yield "len-126", f(BINARY, bytes(126)), {"limits": 1}
    yield "several", f(TEXT, b"a") + f(BINARY, b"b") + f(PING, b"c") + f(TEXT, text) + f(PONG), {"cuts": [3, 0, 8]}
    fragments = f(TEXT, text[:3], False), f(PING, b"p"), f(CONTINUATION, b"", False), f(CONTINUATION, text[3:])
    yield "fragments", b"".join(fragments), {"cuts": [4]}
    yield "close", f(CLOSE, close + b"bye") + f(TEXT, b"after"), {}
    yield "close-empty", f(CLOSE), {}
    yield "close-amid", f(TEXT, b"x", False) + f(CLOSE, close), {}
    ours = f(TEXT, b"x") + f(TEXT, b"y", False) + f(PING) + f(CONTINUATION, b"z") + f(CLOSE, close)
    yield "close-ours", ours, {"close_after": 1}
    yield "close-first", f(TEXT, b"\xff") + f(CLOSE, close), {"close_after": 0}
    yield "close-1-byte", f(CLOSE, b"\x03"), {}
    yield "close-1005", f(CLOSE, struct.pack("!H", 1005)), {}
    yield "close-bad-reason", f(CLOSE, close + b"\xed\xa0\x80"), {}
    yield "utf8-bad", f(TEXT, b"ok\xc0\xaf"), {"cuts": [0]}
    yield "utf8-bad-early", header(TEXT, 100, key=key) + b"\xff" * 9, {"cuts": [0]}
    yield "utf8-cut-off", f(TEXT, text[:-1]), {}
    yield "utf8-over-fragments", f(TEXT, text[:-1], False) + f(CONTINUATION, text[-1:]), {}
    yield "rsv", b"\xc1" + f(TEXT, b"x")[1:], {}
    yield "reserved-opcode", b"\x83" + f(TEXT, b"x")[1:], {}
    yield "ping-fragmented", f(PING, b"", False), {}
    yield "ping-too-long", f(PING, bytes(126)), {}
    yield "continuation-first", f(CONTINUATION, b"x"), {}
    yield "interrupted", f(TEXT, b"x", False) + f(TEXT, b"y"), {}
    yield "too-many-frames", f(BINARY, b"", False) * 3 + f(CONTINUATION), {"limits": 2}
    yield "too-big-in-all", f(BINARY, bytes(100), False) + f(CONTINUATION, bytes(26)), {"limits": 1}
    # Large frames, whose middle is a stretch.
    head = header(BINARY, 100_000, key=key)
    stretch = (49_900, 0, len(head) + 100)
    yield "large", head + bytes(200) + f(PING, b"p"), {"cuts": [255], "stretch": stretch}
    yield "large-in-pieces", head + bytes(200) + f(CLOSE, close), {"cuts": [1, 140, 200], "stretch": stretch}
    yield "large-too-big", head + bytes(100), {"limits": 3, "stretch": stretch}
    closing = f(PING) + head + bytes(206) + f(CLOSE, close)
    yield "large-closing", closing, {"close_after": 1, "cuts": [150], "stretch": stretch}
    fragmented = header(TEXT, 70_000, fin=False, key=key)
    # Every byte of the key turns this into ASCII.
    stretch = (35_000, 0x55, len(fragmented))
    yield "large-fragmented", fragmented + f(CONTINUATION, b"end"), {"cuts": [130], "stretch": stretch}


def headers():
    """Inputs of `frame_header`, by name."""
    key = b"\1\2\3\4"
    for length in (0, 1, 125, 126, 65535, 65536, (1 << 63) - 1):
        yield f"len-{length}", header(BINARY, length)
        yield f"len-{length}-masked", header(TEXT, length, fin=False, key=key)
    yield "continuation", header(CONTINUATION, 7, fin=False)
    yield "close", header(CLOSE, 2)
    yield "ping", header(PING, 125)
    yield "pong-masked", header(PONG, 0, key=key)
    yield "one-byte", b"\x81"
    yield "key-cut-off", b"\x81\x85\x01\x02\x03"
    yield "not-minimal-16", b"\x82\x7e\x00\x7d"
    yield "not-minimal-64", b"\x82\x7f" + struct.pack("!Q", 65535)
    yield "most-significant-bit", b"\x82\x7f" + struct.pack("!Q", 1 << 63)
    yield "rsv1", b"\xc1\x00"
    yield "rsv2", b"\xa1\x00"
    yield "rsv3", b"\x91\x00"
    yield "opcode-3", b"\x83\x00"
    yield "opcode-15", b"\x8f\x00"
    yield "ping-fragmented", b"\x09\x00"
    yield "ping-126", b"\x89\x7e\x00\x7e"


KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", KEY]


def head(line, *headers):
    return "\r\n".join([line, *headers, "", ""]).encode()


def upgrade(path="/chat", *more, host="example.org"):
    return head(f"GET {path} HTTP/1.1", f"Host: {host}", *UPGRADE, *more)


def heads():
    """Request heads by name: {name: (flags, head)}; the flags are those of the target `handshake`."""
    yield "upgrade", 0xE0, upgrade()
    yield "leading-crlf", 0xE0, b"\r\n" + upgrade()
    yield "prefix", 0xE0, upgrade("/ws/rooms/a%20b?q=%zz")
    yield "below", 0xE0, upgrade("/rooms/1/2", "Cookie: a=b; c=d", "Accept: */*")
    yield "absolute", 0xE0, upgrade("wss://other.example:444/ws/own", "Origin: https://other.example:444")
    yield "absolute-other", 0xE0, upgrade("ftp://other.example/chat")
    yield "lists", 0xE0, head("GET /rooms HTTP/1.1", "HOST:[::1]:80", "upgrade: h2c,WebSocket",
                              "connection: keep-alive", "Connection: ,UPGRADE ,", "Sec-WebSocket-Version:13", KEY,
                              "Content-Length: 0")
    protocol = "Sec-WebSocket-Protocol: "
    yield "subprotocols", 0xE0, upgrade("/chat", protocol + "mqtt, v2.chat", protocol + "chat")
    yield "subprotocol-twice", 0xE0, upgrade("/chat", "Sec-WebSocket-Protocol: chat, chat")
    yield "subprotocol-no-token", 0xE0, upgrade("/chat", "Sec-WebSocket-Protocol: a b")
    yield "subprotocol-empty", 0xE0, upgrade("/chat", "Sec-WebSocket-Protocol: ,")
    yield "origin-same", 0xE0, upgrade("/chat", "Origin: https://example.org")
    yield "origin-port", 0xE0, upgrade("/chat", "Origin: http://example.org:8080", host="Example.Org:8080")
    yield "origin-foreign", 0xE0, upgrade("/chat", "Origin: https://evil.example")
    yield "origin-twice", 0xE0, upgrade("/chat", "Origin: https://example.org", "Origin: null")
    yield "origin-allowed", 0xE8, upgrade("/chat", "Origin: https://good.example:443")
    yield "origin-any", 0xE7, upgrade("/chat", "Origin: null")
    yield "origin-proxy", 0xE2, upgrade("/chat", "X-Forwarded-Host: a.example, b", "Origin: http://a.example")
    yield "origin-local", 0xE5, upgrade("/chat", "Origin: null", host="localhost:9000")
    yield "origin-local-port", 0xE5, upgrade("/chat", "Origin: http://127.0.0.1:5173", host="[::1]:9000")
    yield "origin-local-proxied", 0xE5, upgrade("/chat", "Origin: file://", "Via: 1.1 a", host="localhost")
    yield "route", 0xE0, head("GET /?x HTTP/1.1", "Host: a")
    yield "route-head", 0xE0, head("HEAD /ws/ HTTP/1.0")
    yield "route-method", 0xE0, head("DELETE / HTTP/1.1", "Host: a")
    yield "mount-plain", 0xE0, head("GET /rooms HTTP/1.1", "Host: a")
    yield "mount-method", 0xE0, head("POST /rooms HTTP/1.1", "Host: a", "Content-Length: 2") + b"{}"
    yield "files", 0xE0, head("GET /files/a HTTP/1.1", "Host: a", 'If-None-Match: "x", *')
    yield "origin-null", 0xE5, upgrade("/chat", "Origin: a.example", host="localhost")
    yield "origin-foreign-port", 0xE0, upgrade("/chat", "Origin: app://[::1]:1")
    yield "origin-bad-scheme", 0xE5, upgrade("/chat", "Origin: 1a://localhost", host="localhost")
    yield "files-method", 0xE0, head("POST /ws/files HTTP/1.1", "Host: a")
    yield "put", 0xE0, head("GET /chat HTTP/1.1", "Host: a")
    yield "nothing", 0xE0, head("GET /nothing HTTP/1.1", "Host: a")
    yield "dots", 0xE0, upgrade("/rooms/%2e%2e/x")
    yield "hidden", 0xE0, upgrade("/rooms/.x")
    yield "dot", 0xE0, upgrade("/rooms/x.y./z")
    yield "backslash", 0xE0, upgrade("/rooms/%5c")
    yield "null", 0xE0, upgrade("/rooms/%00")
    yield "version", 0xE0, head("GET / HTTP/2.0", "Host: a")
    yield "post", 0xE0, upgrade().replace(b"GET", b"POST")
    yield "http-10", 0xE0, upgrade().replace(b"HTTP/1.1", b"HTTP/1.0")
    yield "version-8", 0xE0, upgrade().replace(b": 13", b": 8")
    yield "key-short", 0xE0, upgrade().replace(b"dGhl", b"dGh")
    yield "key-none", 0xE0, upgrade().replace(b"Key", b"Yek")
    yield "key-twice", 0xE0, upgrade("/chat", KEY)
    yield "body", 0xE0, upgrade("/chat", "Transfer-Encoding: chunked")
    yield "no-host", 0xE0, upgrade().replace(b"Host", b"Hose")
    yield "hosts", 0xE0, upgrade("/chat", "Host: b")
    yield "bad-host", 0xE0, upgrade(host="a b")
    yield "bad-host-ipv6", 0xE0, upgrade(host="[::1]a")
    yield "latin-1", 0xE0, upgrade("/chat", "X: ").replace(b"X: ", b"X: \xe9")
    yield "folded", 0xE0, upgrade("/chat", "X: a", " b")
    yield "bare-lf", 0xE0, upgrade().replace(b"\r\n", b"\n")
    yield "tls", 0xE0, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    yield "http-2", 0xE0, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield "many-headers", 0xE0, head("GET / HTTP/1.1", "Host: a", *["a:"] * 64)
    yield "long-line", 0x00, head(f"GET /{'a' * 40} HTTP/1.1", "Host: a")
    yield "long-head", 0x20, head("GET / HTTP/1.1", "Host: a", "b: " + "c" * 300)


def negotiations():
    """Inputs of `negotiation`, by name: what server and client want, as `terms` there has it, and the lines."""
    deflate = "permessage-deflate"
    chromium = deflate + "; client_max_window_bits"
    takeover = 3
    values = ["", "=", "=7", "=8", "=9", "=14", "=15", "=16", "=08", "=+9", '="10"', '="1\\2"', '=""', '="1']
    for at, value in enumerate(values):
        yield f"server-bits-{at}", 3, takeover, [f"{deflate}; server_max_window_bits{value}"]
        yield f"client-bits-{at}", 3, takeover, [f"{deflate}; client_max_window_bits{value}"]
    for server in (0, 1, 2, 3, 0b0000_0111, 0b0010_0011, 0b0100_1011, 0b1001_0011):
        yield f"wanted-{server}", server, server, [chromium]
    contexts = [f"{side}_no_context_takeover" for side in ("server", "client")]
    for at, context in enumerate(contexts):
        yield f"context-{at}", 3, takeover, [f"{deflate};{context}"]
        yield f"context-{at}-value", 3, takeover, [f"{deflate}; {context}=1"]
        yield f"context-{at}-twice", 3, takeover, [f"{deflate}; {context}; {context}"]
    windows = ["server_max_window_bits=10", "client_max_window_bits=11"]
    yield "all", 3, takeover, ["; ".join([deflate, *contexts, *windows])]
    yield "all-answered", 0, 0b0010_0100, ["; ".join([deflate, *contexts, "server_max_window_bits=9",
                                                      "client_max_window_bits=9"])]
    yield "none", 0, 0, []
    yield "empty", 0, 0, [""]
    yield "commas", 0, 0, [" ,\t,"]
    declined = f"{deflate}; server_max_window_bits=8, {deflate}; x"
    yield "fallback", 3, takeover, [f"{declined}, {deflate}; server_max_window_bits=9"]
    yield "lines", 3, takeover, ["x-webkit-deflate-frame", deflate + "; client_max_window_bits=8", deflate]
    yield "others", 0, 0, ['foo; bar="baz", x;y=z']
    yield "bad-behind", 0, 0, [deflate + ", a b"]
    yield "bad-line", 0, 0, [deflate, ";"]
    yield "twice", 3, takeover, [f"{deflate}, {deflate}"]
    yield "case", 0, 0, ["Permessage-Deflate"]
    yield "spaces", 3, takeover, [f" ,{deflate}\t;client_max_window_bits = 12 ;\tserver_no_context_takeover ,"]
    yield "quote-open", 0, 0, [deflate + '; a="b\\"']
    yield "quote-comma", 0, 0, [deflate + '; a="b,c"']


def texts():
    """Texts by name, with the lengths of the pieces in which they come: the input of `utf8`."""
    yield "ascii", [], b"Hello"
    yield "greek", [1], "κόσμε".encode()
    yield "long", [63, 2], ("a" * 62 + "é€😀") .encode() * 3
    yield "borders", [3], "\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff".encode()
    for name, text in {"overlong-2": b"\xc1\xbf", "overlong-3": b"\xe0\x9f\xbf", "overlong-4": b"\xf0\x8f\xbf\xbf",
                       "surrogate": b"\xed\xa0\x80", "too-large": b"\xf4\x90\x80\x80", "f5": b"\xf5", "alone": b"\x80",
                       "cut": b"\xf0\x9f\x98", "cut-amid": b"\xe2\x82a"}.items():
        yield name, [1, 2], b"ok" + text


def days():
    """Inputs of `loop`: each begins with what the server compresses; the rest is whatever comes."""
    choices = random.Random(7692)
    for at in range(32):
        yield f"day-{at}", bytes([at % 4 | at // 4 % 8 << 2]) + choices.randbytes(120)
    # In one turn more is compressed than there is time for with a context of its own: the ninth message goes past that,
    # so the tenth must not refer to the eighth, which it resembles.
    takeover, settle, connect = [12, 0, 0, 0, 0], [2], [4, 53, 2, 2]
    lengths = {1000: 0x31, 5000: 0x41, 40_000: 0x51, 1_000_000: 0x71}

    def replies(*sizes):
        return [8, 0, 0, len(sizes), *(lengths[size] for size in sizes), 0, 0, 1, 2]

    too_much = replies(1_000_000, 40_000, 5000, 1000) + replies(5000)
    day = replies(1000, 1000, 1000) + settle + too_much + settle + replies(1000, 1000) + settle
    yield "too-much-for-a-turn", bytes(takeover + connect + day)
    # Found: after a Close the handler says something to the same connection, which is not sent, and then to all.
    found = "DAAAAAAENQICCAAAAzwxMgAAAQICCAAABHFRQTAAAAECCAAAAUEAAAECAggAAE4xMQAAAQIC"
    yield "said-after-a-close", base64.b64decode(found)


def hub_days():
    """Inputs of `hub`: each begins with the bounds (messages, bytes, all history, channels, waiting publishes and their
    bytes, keys) and the log; the rest is whatever comes."""
    choices = random.Random(13)
    for at in range(32):
        bounds = [choices.randrange(2) for _ in range(7)] if at % 2 else [0] * 7
        yield f"day-{at}", bytes([*bounds, at // 2 % 3]) + choices.randbytes(400)


def calls():
    """Calls of the target `queue`: a byte for each, then its lengths."""
    yield "own", [0x40, 5, 200, 0, 3, 6, 100, 50, 7]
    yield "begun", [0x88, 20, 30, 40, 25, 7, 6, 255, 255]
    yield "posts", [0, 9, 0x82, 210, 255, 220, 6, 1, 1, 0, 3, 15, 0x3E, 255, 255, 15]
    yield "latest", [0xC3, 3, 4, 5, 6, 6, 3, 2, 0xC3, 9, 8, 7, 6, 11, 220, 200, 6, 220, 210]
    yield "latest-begun", [0xCB, 220, 230, 240, 220, 210, 7]
    yield "in-place", [4, 220, 0x14, 230, 6, 3, 2, 7, 0x1C, 220, 200, 6, 255, 255]
    yield "response", [5, 100, 0, 10, 7, 6, 255, 255]
    yield "page", [13, 100, 220, 6, 105, 200, 7, 6, 255, 255]


APPS = ["echo", "broadcast", "closer", "panicker", "refuser", "chooser", "later", "publisher"]


def visits():
    """Inputs of `session`: what the handlers do, the flags of `Plan::draw`, the lengths of pieces, and the rest."""

    def f(opcode, payload=b"", fin=True):
        return frame(opcode, payload, fin=fin, key=b"\x17\x2a\x21\x3d")

    def drawn(*frames):
        return b"".join(bytes([first, length]) + payload for first, length, payload in frames)

    hello = f(TEXT, b"hello") + f(PING, b"there?") + f(TEXT, b"leave")
    close = f(CLOSE, struct.pack("!H", 1000) + b"bye")
    for app in APPS:
        yield f"{app}", app, 0, 1, [30, 9], hello + close
        yield f"{app}-pieces", app, 0, 2, [3, 200], drawn((0x81, 5, b"close"), (0x89, 1, b"x"), (0x82, 193, b"y"),
                                                       (0x01, 2, b"pa"), (0x80, 3, b"nic"), (0x8A, 0, b""),
                                                       (0x88, 2, b"\x03\xe8"))
        yield f"{app}-slow", app, 1, 2, [100, 20, 250, 7], drawn((0x82, 220, b"a"), (0x89, 2, b"zz"), (0x82, 255, b"b"),
                                                               (0x81, 210, b"c"), (0x89, 0, b""), (0x82, 240, b"d"))
    large = drawn((0x02, 194, b"a"), (0xF2, 210, b"b"), (0xF2, 220, b"c"), (0xF1, 198, b"d"), (0xF0, 250, b"e"),
                  (0x89, 1, b"f"))
    for app in ("echo", "broadcast", "publisher"):
        yield f"{app}-large", app, 0, 2, [255, 130, 200], large
        yield f"{app}-many", app, 1, 1, [255, 20], f(TEXT, b"x") * 300
    breaches = (f(3), f(TEXT, b"\xff"), f(CLOSE, b"\x03"), b"\x81\0", f(BINARY, bytes(1001)), f(BINARY, b"", False) * 4)
    for at, broken in enumerate(breaches):
        yield f"broken-{at}", "echo", 2 | at % 3 << 2, 1, [9], hello + broken + hello
    yield "rate", "echo", 3, 1, [200], hello * 4
    yield "rst", "echo", 4, 1, [8], hello
    yield "silence", "echo", 8, 1, [7], hello + f(TEXT, b"half", False)
    yield "silent-head", "echo", 8, 0, [5], b"GET / HTTP/1.1\r\nHost"
    yield "page", "echo", 0, 0, [5], head("GET /page HTTP/1.1", "Host: a") + b"behind"
    yield "route-post", "echo", 0, 0, [5], head("POST /page HTTP/1.1", "Host: a")
    yield "elsewhere", "refuser", 0, 0, [5], upgrade("/else/where") + hello + close
    yield "plain", "echo", 0, 0, [5], head("GET /chat HTTP/1.0")
    yield "origin", "echo", 0, 0, [5], upgrade("/chat", "Origin: https://evil.example")
    yield "long-head", "echo", 3, 0, [50], head("GET / HTTP/1.1", "Host: a", "b: " + "c" * 300)
    yield "tls", "echo", 0, 0, [1], b"\x16\x03\x01\x02\x00"
    # By a trusted proxy: without a PROXY header, with one, with one not to be there, and without the one that is.
    yield "proxy", "echo", 16, 0, [40], upgrade("/chat", "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Host: a") + hello
    yield "proxy-origin", "echo", 16, 0, [99], upgrade("/chat", "X-Forwarded-Host: a, b", "Origin: https://a")
    yield "proxy-header", "echo", 16, 13, [3, 50], hello + close
    yield "proxy-header-unasked", "echo", 0, 9, [3], hello
    yield "proxy-header-missing", "echo", 16, 5, [3], hello
    yield "page-known", "echo", 0, 0, [5], head("GET /page HTTP/1.1", "Host: a", "If-None-Match: *")
    chain = "X-Forwarded-For: ::1, [2001:db8::7]:80"
    yield "proxy-chain", "echo", 16, 0, [99], upgrade("/chat", chain, "Cookie: a=b; c")
    for name, said in proxies():
        if said.startswith((b"PROXY", V2)):
            yield f"proxy-header-{name}", "echo", 16, 4, [12], said.removesuffix(b"GET") + upgrade()
    statuses = 99, 201, 202, 204, 301, 302, 303, 307, 308, 401, 409, 410, 411, 413, 415, 422, 429, 501, 502, 504, 599
    for status in statuses:
        yield f"status-{status}", "refuser", 0, 0, [99], upgrade(f"/chat?a+%c3%Bf&status={status}")
    # What `handshake` begins with, here on the server's machine.
    for name, _, request in heads():
        if name not in ("upgrade", "route", "route-head", "put", "version", "tls", "long-line", "long-head", "http-2"):
            yield f"near-{name}", "chooser", 0, 16, [99], request.replace(b"GET /chat ", b"GET /ws/chat ")
    yield "near-proxy", "chooser", 16, 16, [99], upgrade("/chat", "Origin: https://evil.example")
    yield "near-root", "echo", 0, 16, [99], upgrade("/ws")
    # All at once, and the handler closes, or the client does while it is owed too much.
    for code in (1000, 1005, 1006, 1015, 2000):
        yield f"closer-{code}", "closer", 0, 1, [99], f(BINARY, b"close" + struct.pack("!H", code) + "é".encode() * 100)
    yield "too-slow-close", "echo", 1, 2, [172, 5], drawn(*[(0x82, 201, b"a")] * 4, (0x88, 2, b"\x03\xe8"))
    # Several Pings at a time, while the socket takes a byte of the response now and then.
    yield "pings", "echo", 0, 2, [29, 1], drawn(*[(0x89, 1, bytes([at])) for at in range(18)])
    # Compressed, and what only says so; by a handler that sends them back, or to all.
    deflated = drawn((0xC1, 5, b"close"), (0xC1, 100, b"again " * 17), (0xD2, 230, b"a"), (0x42, 60, b"b" * 60),
                     (0x89, 1, b"x"), (0x80, 0, b""), (0xD2, 240, b"c"), (0xC1, 100, b"again " * 17))
    for app in ("echo", "broadcast", "closer", "publisher", "panicker"):
        for choice in range(4):
            yield f"deflate-{app}-{choice}", app, choice % 2, 3, [3, 200, 30], bytes([choice]) + deflated
    breaches = ((0xE2, 2, b"\xff\xff"), (0xC9, 0, b""), (0x80, 0, b""), (0xE2, 1, b"\0"), (0xC1, 99, b"\xff" * 99))
    for at, broken in enumerate(breaches):
        yield f"deflate-broken-{at}", "echo", 0, 3, [7], b"\3" + deflated + drawn(broken) + deflated
    yield "deflate-bomb", "echo", 0, 3, [200, 140], b"\0" + drawn(*[(0xD2, 255, b"a")] * 4)
    yield "deflate-limit", "echo", 2, 3, [20], b"\2" + drawn((0xC2, 194, b"a"), (0xC2, 195, b"b"))
    # Of the first two frames the second is half sent when those come that are too much.
    yield "too-slow", "broadcast", 1, 2, [140, 128, 0, 134, 255, 0], drawn(*[(0x82, 195, b"a")] * 30)


PLAIN = ["GET", "HEAD", "POST", "PUT", "GET", "POST", "OPTIONS", "DELETE"]
TARGETS = ["now", "later", "page", "file", "body", "body-later", "admit-100", "no", "admit-panic", "panic", "204", "rooms",
           "nothing", "large-later", "dots", "absolute"]
SIZED, CHUNKED, EXTENDED, EXPECTS, LAST, OLD, LEADING, FRAME, REQUEST = 1, 2, 3, 4, 8, 16, 32, 64, 128


def plain(method, target, flags=0, *lengths):
    """A request as `draw_request` reads it: with a body its length, in chunks also that of a chunk."""
    return bytes([PLAIN.index(method) | TARGETS.index(target) << 4, flags, *lengths])


def exchanges():
    """Inputs of `session` with plain requests: as `visits`, but with the requests, and their limits, before the rest."""
    get = plain("GET", "now")
    hello = bytes([0x81, 5]) + b"hello" + bytes([0x89, 1]) + b"p"
    for target in TARGETS:
        for framing, lengths in ((SIZED, [200]), (CHUNKED, [99, 6]), (EXTENDED, [210, 220])):
            many = [plain("POST", target, framing, *lengths), get, plain("HEAD", target), plain("PUT", target, framing | EXPECTS, *lengths)]
            yield f"plain-{target}-{framing}", "echo", 0, 2, [40, 7], 0, many, hello
    for hidden in (FRAME, REQUEST):
        for framing, lengths in ((SIZED, [150]), (CHUNKED, [150, 11]), (EXTENDED, [150, 200])):
            for app in ("echo", "later", "broadcast"):
                yield f"hidden-{app}-{hidden}-{framing}", app, 0, 2, [60, 3], 64, [plain("POST", "later", hidden | framing, *lengths)] * 3, hello
    for limit, name in enumerate(("default", "three", "no-keep-alive", "small-body")):
        many = [get, plain("POST", "body", SIZED, 150), plain("POST", "now", CHUNKED, 150, 9), get, get]
        for flags in (0, 1, 3):
            yield f"limit-{name}-{flags}", "echo", flags, 2, [200, 30], limit << 4, many, hello
    for name, flags in (("last", LAST), ("old", OLD), ("leading", LEADING), ("old-chunks", OLD | CHUNKED), ("last-body", LAST | SIZED)):
        yield f"plain-{name}", "echo", 0, 2, [9], 0, [get, plain("POST", "now", flags, 20, 20)[:4], get], hello
    yield "plain-slow", "echo", 1, 2, [10, 250, 0, 3], 0, [plain("POST", "body", SIZED, 220)] * 8, hello
    yield "plain-proxy", "echo", 16, 15, [99], 0, [get, plain("POST", "later", CHUNKED, 30, 3)], b"x"
    yield "plain-silent-body", "echo", 8, 0, [99], 0, [get], head("POST /chat HTTP/1.1", "Host: a", "Content-Length: 9", "Expect: 100-continue") + b"abc"
    yield "plain-idle", "echo", 8, 0, [99], 0, [get, get], b""
    smuggled = ("Content-Length: +5", "Content-Length: 5, 5", "Content-Length: 5\r\nContent-Length: 5", "Content-Length : 5",
                "Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Expect: 200-ok",
                "Transfer-Encoding: xchunked", "Content-Length: 99999999999999999999", "Content-Length: 2000000")
    for at, line in enumerate(smuggled):
        behind = head("POST /chat HTTP/1.1", "Host: a", line) + b"0\r\n\r\n" + upgrade()
        yield f"smuggled-{at}", "echo", 0, 0, [50], 0, [get], behind
    for name, kind, _, _, _, data in bodies():
        if kind == 255:
            behind = head("POST /chat HTTP/1.1", "Host: a", "Transfer-Encoding: chunked") + data + upgrade()
            yield f"chunked-{name}", "echo", 0, 0, [33], 0, [], behind


def bodies():
    """Inputs of `body`, by name: how the body comes, what it may have, the model's chunks, lengths of pieces, bytes."""
    for kind in (0, 1, 5, 6, 100, 128):
        yield f"length-{kind}", kind, 6, 3, [2, 1], b"hello!"
    chunks = {"two": b"3\r\nfoo\r\n2;a\r\nba\r\n0\r\n\r\nGET", "trailers": b"1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n",
              "long-size": b"0000000000000001\r\nx\r\n0\r\n\r\n", "longer-size": b"00000000000000001\r\nx",
              "huge": b"ffffffffffffffff\r\nx", "extension": b"1;" + b"a" * 255 + b"\r\nx\r\n0\r\n\r\n",
              "extension-long": b"1;" + b"a" * 256 + b"\r\nx", "no-size": b"\r\n", "space": b"1 \r\nx", "bare-lf": b"1\nx",
              "no-crlf": b"1\r\nxy", "trailer-space": b"0\r\nA : b\r\n\r\n", "trailer-lf": b"0\r\nA: b\n\r\n",
              "trailers-long": b"0\r\n" + b"A: b\r\n" * 171, "sign": b"+1\r\nx", "hex": b"0x1\r\nx", "cut-off": b"5\r\nhel"}
    for name, data in chunks.items():
        yield name, 255, 100, 2, [1, 5, 200], data


V2 = b"\r\n\r\n\0\r\nQUIT\n"


def proxies():
    """What proxies say, by name: the input of `proxy_header`."""
    yield "tcp4", b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\nGET"
    yield "tcp6", b"PROXY TCP6 2001:db8::7 ::1 0 65535\r\n"
    yield "unknown", b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"
    yield "longest", b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n"
    yield "too-long", b"PROXY UNKNOWN " + b"f" * 94
    yield "too-long-by-1", b"PROXY UNKNOWN " + b"f" * 92 + b"\r\n"
    yield "tcp5", b"PROXY TCP5 192.0.2.7 192.0.2.1 1 443\r\n"
    yield "bare-cr", b"PROXY TCP4 192.0.2.7\r 192.0.2.1 1 443\r\n"
    yield "leading-zero", b"PROXY TCP4 192.0.2.7 192.0.2.1 01 443\r\n"
    yield "families", b"PROXY TCP4 192.0.2.7 ::1 1 443\r\n"
    yield "v2-tcp4", V2 + b"\x21\x11\0\x0c" + bytes(range(12)) + b"GET"
    yield "v2-tcp6", V2 + b"\x21\x21\0\x28" + bytes(range(40))
    yield "v2-local", V2 + b"\x20\0\0\0"
    yield "v2-unspec", V2 + b"\x21\0\0\x03abc"
    yield "v2-udp", V2 + b"\x21\x12\0\x0c" + bytes(12)
    yield "v2-unix", V2 + b"\x21\x31\0\xd8" + bytes(216)
    yield "v2-short", V2 + b"\x21\x11\0\x0b" + bytes(11)
    yield "v2-long", V2 + b"\x21\x11\x0f\xf1"
    yield "v2-command", V2 + b"\x22\x11\0\x0c"
    yield "v2-family", V2 + b"\x21\x41\0\x0c"
    yield "forwarded", b"1.1.1.1, 192.0.2.7:80, [::1]:5, 10.0.0.2"
    yield "forwarded-all", b"[2001:db8::7],,\t127.0.0.1 , 10.0.0.2"
    yield "forwarded-garbage", b"1.1.1.1, _secret, 10.0.0.2"
    yield "range-4", b"10.0.0.0/8"
    yield "range-6", b"2001:db8::/32"
    yield "range-one", b"::1"
    yield "range-all", b"0.0.0.0/0"
    yield "range-mapped", b"::ffff:10.0.0.0/104"
    yield "range-bits", b"10.0.0.1/8"
    yield "range-unix", b"unix"
    yield "range-length", b"10.0.0.0/33"


def record(data, *, fin=True, deflate=None):
    """A frame of the target `inflate`; `deflate` is how often, as a power of two, the data is repeated and deflated."""
    return bytes([fin | (0 if deflate is None else 2 | deflate << 4), len(data)]) + data


def inflations():
    """Inputs of `inflate`, by name: (flags, allowance, cuts, records); the flags are takeover, text, the limit."""
    hello = bytes.fromhex("f248cdc9c90700")
    text = "κόσμε 😀 ".encode()
    last = bytes.fromhex("f348cdc9c90700")
    flush = zlib.compressobj(9, wbits=-15)
    twice = [(flush.compress(text * 3) + flush.flush(zlib.Z_SYNC_FLUSH))[:-4] for _ in range(2)]
    yield "hello", 2, 20, [2], record(hello)
    yield "hello-fragments", 2, 1, [], record(hello[:3], fin=False) + record(b"", fin=False) + record(hello[3:])
    yield "takeover", 3, 3, [9], record(twice[0]) + record(twice[1])
    yield "no-takeover", 2, 30, [], record(twice[0]) + record(twice[1])
    yield "last-block", 1, 30, [1], record(last + b"\0") + record(last) + record(hello)
    yield "stored", 2, 3, [], record(b"\0\5\0\xfa\xffHello\0")
    yield "empty", 2, 30, [], record(b"\0") + record(b"")
    yield "cut-off", 0, 30, [3], record(hello[:-1])
    yield "bad", 0, 30, [], record(b"\xff\xff")
    yield "utf8", 2, 4, [], record(text + b"\xff", deflate=0)
    yield "own", 3, 8, [99], record(text, deflate=3) + record(text, deflate=3) + record(text[:5], deflate=0)
    yield "limit", 0, 6, [], record(bytes(100), deflate=0) + record(bytes(101), deflate=0)
    yield "bomb", 4, 14, [200], record(bytes(64), deflate=15)
    yield "bomb-large", 12, 31, [255], record(b"ab" * 20, deflate=15)


def all_visits():
    for name, app, flags, kind, lengths, data in visits():
        yield name, app, flags, kind, lengths, 0, [], data
    yield from exchanges()


def found():
    """Inputs of `session` that have found something: what that was, and the input."""
    # A turn's work had ended at the head of a request, and nobody looked at the body that was there already.
    yield "found-body-behind-a-pause", "CBQAAHpjiVRD/zIQDwAAABkUAAIRiWEuAno="
    # A refusal where nothing is mounted.
    yield "found-refused-where-nothing-is", "AIFjAEdFVCAvd3MgSFRUUC8xLjENCkhvc3Q6IGV4YW1wbGUub3JnDQpVcGdyYWRlOiB3ZWJzb2NrZXQNCkNvbm5lY3Rpb246IFVwZ3JhZGUNClNlYy1XZWJTb2NrZXQtVmVyc2lvbjogMTMNClNlYy1XZWJTb2NrZXQtS2V5OiBkR2hsSUhOaGJYQnNaU0J1YjI1alpRPT0NCg0K"
    # The head of a HEAD request never ends: the 408 has no body, which the target expected.
    yield "found-late-head", "QAEFAEhFQUQgLyBIkCF0"


def main():
    targets = "body frame_header connection handshake hub inflate loop negotiation proxy_header session utf8 queue"
    for target in targets.split():
        shutil.rmtree(HERE / "corpus" / target, ignore_errors=True)
        (HERE / "corpus" / target).mkdir(parents=True)
    for name, flags, data in heads():
        (HERE / "corpus/handshake" / name).write_bytes(bytes([flags, 2, 7, 40]) + data)
    for name, app, flags, kind, lengths, limits, requests, data in all_visits():
        third = len(requests) | limits
        data = bytes([APPS.index(app) | flags << 3, len(lengths) | kind << 3, *lengths, third, *b"".join(requests)]) + data
        (HERE / "corpus/session" / name).write_bytes(data)
    for name, data in found():
        (HERE / "corpus/session" / name).write_bytes(base64.b64decode(data))
    for name, kind, most, chunk, cuts, data in bodies():
        (HERE / "corpus/body" / name).write_bytes(bytes([kind, most, chunk, len(cuts), *cuts]) + data)
    for name, server, client, lines in negotiations():
        (HERE / "corpus/negotiation" / name).write_bytes(bytes([server, client]) + "\n".join(lines).encode())
    for name, data in proxies():
        (HERE / "corpus/proxy_header" / name).write_bytes(data)
    for name, cuts, data in texts():
        (HERE / "corpus/utf8" / name).write_bytes(bytes([len(cuts), *cuts]) + data)
    for name, flags, allowance, cuts, records in inflations():
        (HERE / "corpus/inflate" / name).write_bytes(bytes([flags, allowance, len(cuts), *cuts]) + records)
    for name, data in days():
        (HERE / "corpus/loop" / name).write_bytes(data)
    for name, data in hub_days():
        (HERE / "corpus/hub" / name).write_bytes(data)
    for name, data in calls():
        (HERE / "corpus/queue" / name).write_bytes(bytes(data))
    for role, key in (("server", b"\x17\x2a\x21\x3d"), ("client", None)):
        for name, stream, options in streams(key):
            data = case(stream, client=role == "client", **options)
            (HERE / "corpus/connection" / f"{role}-{name}").write_bytes(data)
    for name, data in headers():
        (HERE / "corpus/frame_header" / name).write_bytes(data)


if __name__ == "__main__":
    main()
