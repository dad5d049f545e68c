#!/usr/bin/env python3
"""Writes the seed corpora, corpus/TARGET/NAME: streams of frames by hand, one for each rule and its border.

The fuzzer begins with these. Run it again when the format of an input changes (`Case::draw` in src/lib.rs).
"""

import pathlib
import shutil
import struct

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
    yield "fragments", f(TEXT, text[:3], False) + f(PING, b"p") + f(CONTINUATION, b"", False) + f(CONTINUATION, text[3:]), {"cuts": [4]}
    yield "close", f(CLOSE, close + b"bye") + f(TEXT, b"after"), {}
    yield "close-empty", f(CLOSE), {}
    yield "close-amid", f(TEXT, b"x", False) + f(CLOSE, close), {}
    yield "close-ours", f(TEXT, b"x") + f(TEXT, b"y", False) + f(PING) + f(CONTINUATION, b"z") + f(CLOSE, close), {"close_after": 1}
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
    yield "large-closing", f(PING) + head + bytes(206) + f(CLOSE, close), {"close_after": 1, "cuts": [150], "stretch": stretch}
    fragmented = header(TEXT, 70_000, fin=False, key=key)
    # Every byte of the key turns this into ASCII.
    yield "large-fragmented", fragmented + f(CONTINUATION, b"end"), {"cuts": [130], "stretch": (35_000, 0x55, len(fragmented))}


def main():
    for target in ("frame_header", "connection"):
        shutil.rmtree(HERE / "corpus" / target, ignore_errors=True)
        (HERE / "corpus" / target).mkdir(parents=True)
    for role, key in (("server", b"\x17\x2a\x21\x3d"), ("client", None)):
        for name, stream, options in streams(key):
            data = case(stream, client=role == "client", **options)
            (HERE / "corpus/connection" / f"{role}-{name}").write_bytes(data)
    headers = {f"len-{length}": header(BINARY, length, key=key) for key in (None, b"\1\2\3\4")
               for length in (0, 1, 125, 126, 65535, 65536, (1 << 63) - 1)}
    headers |= {f"masked-{length}": header(TEXT, length, fin=False, key=b"\1\2\3\4") for length in (0, 125, 126, 65536)}
    headers |= {"ping": header(PING, 125), "ping-masked": header(PING, 0, key=b"\1\2\3\4"), "close": header(CLOSE, 2),
                "pong": header(PONG, 0), "continuation": header(CONTINUATION, 7, fin=False),
                "not-minimal-16": b"\x82\x7e\x00\x7d", "not-minimal-64": b"\x82\x7f" + struct.pack("!Q", 65535),
                "msb": b"\x82\x7f" + struct.pack("!Q", 1 << 63), "rsv1": b"\xc1\x00", "rsv2": b"\xa1\x00", "rsv3": b"\x91\x00",
                "opcode-3": b"\x83\x00", "opcode-15": b"\x8f\x00", "ping-fragmented": b"\x09\x00", "ping-126": b"\x89\x7e\x00\x7e",
                "one-byte": b"\x81", "no-key": b"\x81\x85\x01\x02\x03"}
    for name, data in headers.items():
        (HERE / "corpus/frame_header" / name).write_bytes(data)


if __name__ == "__main__":
    main()
