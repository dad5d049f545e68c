"""A `sockhop` process and clients of it, for the tests beside this file."""

import asyncio
import os
import pathlib
import re
import signal
import unittest

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("SOCKHOP_BIN") or str(ROOT / "target/release/sockhop")
# One that was built with the feature `deflate`.
DEFLATE_BINARY = os.environ.get("SOCKHOP_DEFLATE_BIN") or str(ROOT / "target/release/sockhop-deflate")
# Seconds after which a missing answer is a failure. No test waits for it when all is well.
PATIENCE = 20


async def soon(awaitable):
    return await asyncio.wait_for(awaitable, PATIENCE)


class Server:
    """One process on a port of its own. It must end by SIGTERM with exit code 0."""

    @classmethod
    async def start(cls, *arguments, binary=BINARY, stderr=None, **environment):
        inherited = {k: v for k, v in os.environ.items() if k not in ("SOCKHOP_LISTEN", "IP", "PORT", "TZ")}
        inherited["RUST_LOG"] = "error"  # what it warns of is done on purpose here
        server = cls()
        server.terminated = False
        server.process = await asyncio.create_subprocess_exec(
            binary, *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=stderr, env=inherited | environment)
        try:
            line = (await soon(server.process.stdout.readline())).decode()
            address = re.search(r"://[^/\s]*:(\d+)", line)
            assert address, f"no address in the first line: {line!r}"
            server.port = int(address[1])
        except BaseException:
            if server.process.returncode is None:
                server.process.kill()
            await server.process.wait()
            raise
        return server

    def url(self, path="/"):
        return f"ws://127.0.0.1:{self.port}{path}"

    def terminate(self):
        """SIGTERM, once: a second one would end the server at once."""
        if not self.terminated and self.process.returncode is None:
            self.terminated = True
            self.process.send_signal(signal.SIGTERM)

    async def stop(self):
        """Ends the server; its exit code."""
        self.terminate()
        try:
            await soon(self.process.communicate())
        except TimeoutError:
            self.process.kill()
            raise
        return self.process.returncode


class SockhopTest(unittest.IsolatedAsyncioTestCase):
    binary = BINARY

    async def serve(self, *arguments, **environment):
        server = await Server.start(*arguments, "--listen", "127.0.0.1:0", binary=self.binary, **environment)
        self.addAsyncCleanup(self.ends_well, server)
        return server

    async def ends_well(self, server):
        self.assertEqual(await server.stop(), 0, "exit code of the server")

    async def client(self, server, path="/", **options):
        # No limits of its own: what it receives it takes in at once, whether or not the test has asked for it.
        client = await connect(server.url(path), proxy=None, max_size=None, max_queue=None, **options)
        self.addAsyncCleanup(client.close)
        return client

    async def clients(self, server, count, path="/"):
        return [await self.client(server, path) for _ in range(count)]

    async def receives(self, client, *messages):
        """The client's next messages are these; str is text, bytes is binary."""
        for message in messages:
            self.assertEqual(await soon(client.recv()), message)

    async def close_code(self, client):
        """The code of the server's Close frame, which comes before any other message."""
        with self.assertRaises(ConnectionClosed) as caught:
            self.fail(f"a message instead of a Close frame: {(await soon(client.recv()))[:100]!r}")
        self.assertIsNotNone(caught.exception.rcvd, "the connection ended without a Close frame")
        return caught.exception.rcvd.code

    async def nothing_more(self, client):
        """No message is on its way: what was sent before the answer to a ping has come before it."""
        await soon(await client.ping())
        await soon(client.close())
        with self.assertRaises(ConnectionClosed):
            self.fail(f"an unexpected message: {(await soon(client.recv()))[:100]!r}")
