"""Compression (RFC 7692), as this client does it."""

import asyncio
import os
import pathlib
import struct
import zlib

import tornado.websocket
from sockhop import DEFLATE_BINARY, SockhopTest, soon
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory as Offer

JSON = '{"id": 17, "name": "somebody", "list": [1, 2, 3]}, ' * 20


def bomb(chunks):
    """So many times 4 MiB of zeros, in about a thousandth of that, without the tail of a flush."""
    deflate = zlib.compressobj(9, wbits=-15)
    first, further = (deflate.compress(bytes(4 << 20)) + deflate.flush(zlib.Z_SYNC_FLUSH) for _ in range(2))
    return (first + further * (chunks - 1))[:-4]


def frame(first, payload):
    """A masked frame whose masking key is 0."""
    size = len(payload)
    if size < 126:
        head = bytes([0x80 | size])
    else:
        head = struct.pack("!BH", 0xFE, size) if size < 65536 else struct.pack("!BQ", 0xFF, size)
    return bytes([first]) + head + bytes(4) + payload


class Deflate(SockhopTest):
    binary = DEFLATE_BINARY

    async def test_messages_are_echoed_in_every_mode(self):
        for arguments, takeover in ((("--deflate",), False), (("--deflate", "takeover"), True)):
            server = await self.serve("echo", *arguments)
            for offer in (Offer(), Offer(client_max_window_bits=9), Offer(server_max_window_bits=9),
                          Offer(server_max_window_bits=15),
                          Offer(server_no_context_takeover=True, client_no_context_takeover=True)):
                client = await self.client(server, extensions=[offer], compression=None)
                [extension] = client.protocol.extensions
                if not takeover:
                    self.assertTrue(extension.local_no_context_takeover)
                for message in ("short", "", JSON, JSON, b"\x00" * 300_000, "κόσμε 😀" * 5000, b"", JSON):
                    await soon(client.send(message))
                    await self.receives(client, message)

    async def test_a_client_that_keeps_its_context_needs_takeover(self):
        for arguments, closed in ((("--deflate",), True), (("--deflate", "takeover"), False)):
            server = await self.serve("echo", *arguments)
            client = await soon(tornado.websocket.websocket_connect(server.url(), compression_options={}))
            for number in range(2):
                await soon(client.write_message(JSON))
                echo = await soon(client.read_message())
                self.assertEqual(echo, None if closed and number == 1 else JSON)
            if closed:
                self.assertEqual(client.close_code, 1007)
            client.close()

    async def test_a_client_without_compression_and_one_with_it_get_the_same(self):
        server = await self.serve("broadcast", "--deflate")
        plain = await self.client(server, compression=None)
        others = await self.clients(server, 3)
        self.assertEqual(len(others[0].protocol.extensions), 1)
        for message in (JSON, "short", JSON * 100):
            await soon(plain.send(message))
            for client in (plain, *others):
                await self.receives(client, message)

    async def test_without_the_flag_nothing_is_negotiated(self):
        client = await self.client(await self.serve("echo"))
        self.assertEqual(client.protocol.extensions, [])
        await soon(client.send(JSON))
        await self.receives(client, JSON)

    async def test_bombs_go_off_within_the_limit_and_a_bystander_is_answered_meanwhile(self):
        server = await self.serve("echo", "--deflate")
        bystander = await self.client(server)
        memory = self.resident(server)
        answers = 0

        async def ask():
            nonlocal answers
            while True:
                await soon(bystander.send("x"))
                await self.receives(bystander, "x")
                answers += 1

        asking = asyncio.create_task(ask())
        # 1 GiB in about 1 MiB, 512 KiB of that, and what is 1,000,000 bytes again and again, within the limit.
        whole = bomb(256)
        self.assertLess(len(whole), 1_049_000)
        for payload in (whole, whole[: 512 * 1024], whole[: 512 * 1024]):
            client = await self.client(server)
            client.transport.write(frame(0xC2, payload))
            self.assertEqual(await self.close_code(client), 1009)
        client = await self.client(server)
        deflate = zlib.compressobj(9, wbits=-15)
        allowed = (deflate.compress(bytes(1_000_000)) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
        client.transport.write(frame(0xC2, allowed) * 50)
        for _ in range(50):
            await self.receives(client, bytes(1_000_000))
        asking.cancel()
        self.assertGreater(answers, 3)
        self.assertLess(self.resident(server) - memory, 16 << 20)

    async def test_a_message_of_exactly_the_limit_passes_though_this_client_makes_it_larger(self):
        server = await self.serve("echo", "--deflate")
        for offer in (Offer(compress_settings={"memLevel": 5}), Offer(compress_settings={"memLevel": 1})):
            client = await self.client(server, extensions=[offer], compression=None)
            noise = os.urandom(1 << 20)
            await soon(client.send(noise))
            await self.receives(client, noise)
            await soon(client.send(noise + b"x"))
            self.assertEqual(await self.close_code(client), 1009)

    async def test_what_breaks_the_rules_is_answered_with_its_code(self):
        server = await self.serve("echo", "--deflate")
        hello = bytes.fromhex("f248cdc9c90700")
        for data, code in ((frame(0xC1, b"\xff\xff"), 1007), (frame(0xC1, hello[:4]), 1007), (frame(0xC9, b""), 1002),
                           (frame(0x41, hello[:3]) + frame(0xC0, hello[3:]), 1002), (frame(0xA1, hello), 1002)):
            client = await self.client(server)
            client.transport.write(data)
            self.assertEqual(await self.close_code(client), code)

    async def test_a_text_that_is_not_utf8_fails_before_it_ends(self):
        client = await self.client(await self.serve("echo", "--deflate"))
        deflate = zlib.compressobj(9, wbits=-15)
        client.transport.write(frame(0x41, deflate.compress(b"ok\xff") + deflate.flush(zlib.Z_SYNC_FLUSH)))
        self.assertEqual(await self.close_code(client), 1007)

    def resident(self, server):
        status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
        return 1024 * int(status.split("VmRSS:")[1].split()[0])
