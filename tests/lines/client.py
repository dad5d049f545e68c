"""A client at the far end of a slow line: client.py HOST:PORT echo|page BYTES. It sends one message and wants it back, or asks for
a page; each byte is checked. Only the standard library, so that nothing hides how slowly bytes come."""

import os
import socket
import sys
import time

address, kind, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
host, port = address.split(":")
began = time.monotonic()
stream = socket.create_connection((host, int(port)), timeout=60)
received = bytearray()


def until(count):
    while len(received) < count:
        part = stream.recv(65536)
        if not part:
            raise SystemExit(f"{kind}: ended after {len(received)} bytes and {time.monotonic() - began:.0f} s")
        received.extend(part)


def take(count):
    until(count)
    part = bytes(received[:count])
    del received[:count]
    return part


def take_head():
    while b"\r\n\r\n" not in received:
        until(len(received) + 1)
    return take(received.index(b"\r\n\r\n") + 4)


if kind == "page":
    stream.sendall(f"GET / HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
    head = take_head()
    assert head.startswith(b"HTTP/1.1 200 "), head
    assert take(size) == b"x" * size
else:
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    stream.sendall(
        f"GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert take_head().startswith(b"HTTP/1.1 101 ")
    payload = os.urandom(size)
    # The way to the server is fast. The key of the mask is zero.
    stream.sendall(b"\x82\xff" + size.to_bytes(8, "big") + bytes(4) + payload)
    while True:
        first, length = take(2)
        length = {126: lambda: int.from_bytes(take(2), "big"), 127: lambda: int.from_bytes(take(8), "big")}.get(
            length, lambda: length
        )()
        body = take(length)
        if first == 0x89:
            stream.sendall(bytes([0x8A, 0x80 | length]) + bytes(4) + body)
        elif first == 0x82:
            assert body == payload
            break
        else:
            raise SystemExit(f"echo: frame {first:#x}: {body[:80]!r}")
print(f"{kind}: {size} bytes in {time.monotonic() - began:.0f} s", flush=True)
