"""The example `http` in a process, and programs that use it, for the tests beside this file."""

import contextlib
import http.client
import os
import pathlib
import re
import select
import socket
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BINARY = os.environ.get("SOCKHOP_HTTP") or str(HERE.parents[2] / "target/debug/examples/http")
# Seconds after which a missing answer is a failure. No test waits for it when all is well.
PATIENCE = 20
PAGE = b"<p>A long page.</p>\n" * 25_000
# Of `Config`: bytes of a body, and requests of a connection.
MAX_BODY = 1 << 20
MAX_REQUESTS = 1000
# A client's opening handshake with the key of RFC 6455, and a masked frame with the text "hello".
UPGRADE = (b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
HELLO = b"\x81\x85\0\0\0\0hello"


def run(*command, seconds=PATIENCE):
    """Runs a program to its end: its standard output and standard error. It must succeed."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
    error = done.stderr.decode(errors="replace")
    assert done.returncode == 0, f"{command} has failed with {done.returncode}: {error}\n{done.stdout[:2000]}"
    return done.stdout, error


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class ExampleTest(unittest.TestCase):
    """Starts the example before each test, and ends it afterwards. It must not have ended by itself."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sockhop-http-")))
        server = self.start(BINARY, "127.0.0.1:0", stdout=subprocess.PIPE)
        readable, _, _ = select.select([server.stdout], [], [], PATIENCE)
        line = server.stdout.readline().decode() if readable else ""
        address = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\n", line)
        self.assertTrue(address, f"no address in the first line: {line!r}")
        self.port = int(address[1])
        # Kept for the whole test, so that it never counts.
        self.statistics = self.client(self.port)
        self.assertEqual(self.accepted(), 1)

    def start(self, *command, **options):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        status = process.poll()
        if status is None:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()
        self.assertIsNone(status, f"{process.args} has ended with {status}")

    def url(self, path, port=None):
        return f"http://127.0.0.1:{port or self.port}{path}"

    def client(self, port):
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self.addCleanup(client.close)
        return client

    def tcp(self, port=None):
        return self.enterContext(socket.create_connection(("127.0.0.1", port or self.port), PATIENCE))

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def get(self, client, path):
        """The body of the answer, which must be 200."""
        client.request("GET", path)
        with client.getresponse() as answer:
            body = answer.read()
            self.assertEqual(answer.status, 200, body)
            return body

    def accepted(self):
        """The number of connections that the server has accepted."""
        return int(self.get(self.statistics, "/accepted"))

    @contextlib.contextmanager
    def connections(self, least, most=None):
        """What is done here takes so many connections to the server."""
        before = self.accepted()
        yield
        count = self.accepted() - before
        self.assertTrue(least <= count <= (most or least), f"{count} connections, not {least} to {most or least}")

    def opens_a_websocket(self, port):
        """A WebSocket opens, echoes a message, and closes."""
        stream = self.tcp(port)
        stream.sendall(UPGRADE)
        reader = stream.makefile("rb")
        self.assertTrue(reader.readline().startswith(b"HTTP/1.1 101 "))
        head = b"".join(iter(reader.readline, b"\r\n"))
        self.assertIn(b"sec-websocket-accept: " + ACCEPT.lower(), head.lower())
        stream.sendall(HELLO + b"\x88\x82\0\0\0\0\x03\xe8")
        self.assertEqual(reader.read(), b"\x81\x05hello\x88\x02\x03\xe8")
