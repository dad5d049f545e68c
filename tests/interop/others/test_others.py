"""Clients that are not for Python or Node: each sends the same text three times to an echo."""

import asyncio
import os
import pathlib
import subprocess
import tempfile

from sockhop import DEFLATE_BINARY, SockhopTest, soon

HERE = pathlib.Path(__file__).parent
JSON = '{"id": 17, "name": "somebody", "list": [1, 2, 3]}, ' * 20
TAKEOVER = ("--deflate", "takeover")
JARS = ":".join(map(str, pathlib.Path("/usr/share/java").glob("netty-*.jar")))


class Others(SockhopTest):
    binary = DEFLATE_BINARY

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.nhooyr = f"{folder.name}/nhooyr"
        cls.netty = ("java", "-cp", f"{folder.name}:{JARS}", "Netty")
        go = os.environ | {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode"}
        subprocess.run(["go", "build", "-o", cls.nhooyr, HERE / "nhooyr.go"], env=go, check=True)
        subprocess.run(["javac", "-cp", JARS, "-d", folder.name, HERE / "Netty.java"], check=True)

    async def outcome(self, flags, *client):
        """What the client prints, and the server's log."""
        server = await self.serve("echo", *flags, stderr=asyncio.subprocess.PIPE, RUST_LOG="debug")
        *command, mode = client
        process = await asyncio.create_subprocess_exec(
            *command, server.url(), JSON, mode, stdout=asyncio.subprocess.PIPE)
        try:
            printed, _ = await soon(process.communicate())
        finally:
            if process.returncode is None:
                process.kill()
        server.terminate()
        log = await soon(server.process.stderr.read())
        return printed.decode().strip(), log.decode()

    async def is_echoed(self, flags, *client, agreed="permessage-deflate"):
        printed, log = await self.outcome(flags, *client)
        self.assertEqual(printed, "3 1000", log)
        self.assertIn(agreed, log)

    async def test_mojolicious_is_served_with_takeover_and_else_the_log_says_so(self):
        client = ("perl", HERE / "mojolicious.pl")
        await self.is_echoed((), *client, "plain", agreed="")
        await self.is_echoed(("--deflate",), *client, "plain", agreed="no compression was offered")
        await self.is_echoed(TAKEOVER, *client, "deflate")
        printed, log = await self.outcome(("--deflate",), *client, "deflate")
        self.assertEqual(printed, "1 1007")
        self.assertIn("though client_no_context_takeover was agreed, --deflate takeover serves it", log)

    async def test_mojolicious_is_served_without_compression_where_memory_for_contexts_is_short(self):
        server = await self.serve("echo", *TAKEOVER, "--max-memory", "2M")
        self.assertEqual((await self.client(server)).protocol.extensions[0].name, "permessage-deflate")
        for _ in range(9):
            last = await self.client(server)
        self.assertEqual(last.protocol.extensions, [])
        client = await asyncio.create_subprocess_exec(
            "perl", HERE / "mojolicious.pl", server.url(), JSON, "deflate", stdout=asyncio.subprocess.PIPE)
        printed, _ = await soon(client.communicate())
        self.assertEqual(printed.decode().strip(), "3 1000")

    async def test_nhooyr_is_served_in_every_mode(self):
        await self.is_echoed((), self.nhooyr, "keep", agreed="")
        for flags in (("--deflate",), TAKEOVER):
            await self.is_echoed(flags, self.nhooyr, "plain", agreed="no compression was offered")
            await self.is_echoed(flags, self.nhooyr, "forget")
            await self.is_echoed(flags, self.nhooyr, "keep")

    async def test_netty_is_served_and_its_default_handler_with_takeover(self):
        await self.is_echoed((), *self.netty, "keep", agreed="")
        await self.is_echoed(("--deflate",), *self.netty, "forget")
        for mode in ("forget", "keep"):
            await self.is_echoed(TAKEOVER, *self.netty, mode)
        printed, _ = await self.outcome(("--deflate",), *self.netty, "keep")
        self.assertIn("refused: invalid WebSocket Extension handshake", printed)
