"""The ready-made apps, as a client of another make sees them."""

import asyncio
import json
import re
import time
import unittest

from sockhop import SockhopTest, soon

STAMPS = [re.compile(pattern % r'"time":"\d\d:\d\d:\d\d"') for pattern in ("%s", ",%s", "%s,")]


class Echo(SockhopTest):
    async def test_text_and_binary_come_back_as_they_were(self):
        client = await self.client(await self.serve("echo"))
        mebibyte = bytes(range(256)) * 4096
        for message in ("hello", "", b"", b"\x00\xff", "κόσμε 😀", "a\x00b", "x" * 125, "x" * 126, b"x" * 65535,
                        b"x" * 65536, mebibyte, "é" * (len(mebibyte) // 2)):
            with self.subTest(type=type(message), length=len(message)):
                await soon(client.send(message))
                await self.receives(client, message)

    async def test_many_messages_come_back_in_order(self):
        client = await self.client(await self.serve("echo"))
        messages = [str(number) * (number % 50) for number in range(2000)]

        async def send():
            for message in messages:
                await client.send(message)

        sender = asyncio.create_task(send())
        await self.receives(client, *messages)
        await soon(sender)

    async def test_fragments_are_joined_with_pings_in_between(self):
        client = await self.client(await self.serve("echo"))
        pongs = []

        async def fragments():
            for fragment in ("one ", "", "twö ", "three"):
                yield fragment
                pongs.append(await client.ping(fragment))

        await soon(client.send(fragments()))
        for pong in pongs:
            await soon(pong)
        await self.receives(client, "one twö three")
        await soon(client.send([b"\x00", b"", b"\xff"]))
        await self.receives(client, b"\x00\xff")

    async def test_pings_are_answered_with_their_payload(self):
        client = await self.client(await self.serve("echo"))
        for payload in (b"", b"ping", bytes(125)):
            await soon(await client.ping(payload))

    async def test_a_message_above_the_limit_is_closed_with_1009(self):
        server = await self.serve("echo", "--max-message", "1K")
        fits, whole, fragmented = await self.clients(server, 3)
        await soon(fits.send("x" * 1024))
        await self.receives(fits, "x" * 1024)
        await soon(whole.send("x" * 1025))
        self.assertEqual(await self.close_code(whole), 1009)
        await soon(fragmented.send(["x" * 1000, "x" * 25]))
        self.assertEqual(await self.close_code(fragmented), 1009)

    async def test_the_default_limit_is_1_mib(self):
        client = await self.client(await self.serve("echo"))
        await soon(client.send(bytes(1 << 20)))
        await self.receives(client, bytes(1 << 20))
        await soon(client.send(bytes((1 << 20) + 1)))
        self.assertEqual(await self.close_code(client), 1009)

    async def test_a_close_frame_is_answered_with_its_code_and_reason(self):
        server = await self.serve("echo")
        for code in (1000, 1001, 3000, 4999):
            client = await self.client(server)
            await soon(client.close(code, "bye"))
            received = client.protocol.close_rcvd
            self.assertEqual((received.code, received.reason), (code, "bye"))


class Pong(SockhopTest):
    async def test_every_ping_gets_one_pong_to_all_a_second_later(self):
        server = await self.serve("pong")
        sender, other = await self.clients(server, 2)
        begin = time.monotonic()
        for _ in range(3):
            await soon(sender.send("ping"))
        late = await self.client(server)
        for client in (sender, other, late):
            await self.receives(client, "pong", "pong", "pong")
            self.assertGreaterEqual(time.monotonic() - begin, 0.999)
        for client in (sender, other, late):
            await self.nothing_more(client)

    async def test_only_the_text_ping_counts(self):
        server = await self.serve("pong")
        client = await self.client(server)
        for message in (b"ping", "Ping", "ping ", " ping", "ping\n", "", "pong"):
            await soon(client.send(message))
        await soon(await client.ping("ping"))
        # Had any of those counted, its pong would come before this one's.
        await soon(client.send("ping"))
        await self.receives(client, "pong")
        await self.nothing_more(client)

    async def test_a_pong_comes_also_when_its_sender_has_left(self):
        server = await self.serve("pong")
        stays, sender, leaves = await self.clients(server, 3)
        await soon(sender.send("ping"))
        await soon(sender.close())
        await soon(leaves.close())
        await self.receives(stays, "pong")
        await self.nothing_more(stays)
        for left in (sender, leaves):
            self.assertEqual(await self.close_code(left), 1000)


class Chat(SockhopTest):
    def time_of(self, reply):
        """The `time` of a reply, which has each key once, and its other members as they were."""
        pairs = json.loads(reply, object_pairs_hook=list)
        members = dict(pairs)
        self.assertEqual(len(members), len(pairs), f"a key stands twice in {reply}")
        stamp = members.pop("time")
        self.assertRegex(stamp, r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$")
        return stamp, members

    async def test_everyone_gets_the_object_stamped_and_else_byte_for_byte(self):
        server = await self.serve("chat")
        clients = await self.clients(server, 3)
        for inner in ('"user":"Ann","text":"hi"',
                      '"n":1.00000000000000000001E+5, "m":-0.0,"big":123456789012345678901234567890',
                      '"u":"\\u00e9 é 😀 \\/ \\ud83d\\ude00","a":[ 1,2 ,{"time":"nested"}]',
                      ' "spaced" : {"x" :null}\t,\n"y": "}" ', ''):
            with self.subTest(inner=inner):
                await soon(clients[1].send("{" + inner + "}"))
                replies = [await soon(client.recv()) for client in clients]
                self.assertEqual(len(set(replies)), 1)
                self.time_of(replies[0])
                # Without the stamp and its comma it is what was sent.
                self.assertIn("{" + inner + "}", [stamp.sub("", replies[0], 1) for stamp in STAMPS])

    async def test_a_time_of_the_clients_own_is_replaced(self):
        client = await self.client(await self.serve("chat"))
        for member in ('"time":"25:61:61"', '"time" : null', '"time":{"a":[1,2]}', '"\\u0074ime":"x"',
                       '"time":"a\\"b,c}"'):
            for sent in ("{%s}", '{"a":1.0,%s}', '{%s,"b":"\\u00e9"}', '{ "a":1.0 , %s , "b":"\\u00e9" }'):
                sent %= member
                with self.subTest(sent=sent):
                    await soon(client.send(sent))
                    reply = await soon(client.recv())
                    expected = json.loads(sent)
                    del expected["time"]
                    self.assertEqual(self.time_of(reply)[1], expected)
                    for other in ('"a":1.0', '"b":"\\u00e9"'):
                        self.assertEqual(other in reply, other in sent)

    async def test_the_time_is_the_local_one(self):
        # Five hours and a half east of Greenwich, as POSIX writes it.
        client = await self.client(await self.serve("chat", TZ="IST-5:30"))
        before = int(time.time())
        await soon(client.send("{}"))
        hours, minutes, seconds = (int(part) for part in self.time_of(await soon(client.recv()))[0].split(":"))
        after = int(time.time())
        stamp = hours * 3600 + minutes * 60 + seconds
        self.assertIn(stamp, [(moment + 19800) % 86400 for moment in range(before, after + 1)])

    async def test_what_is_no_object_is_an_error_to_its_sender_alone(self):
        server = await self.serve("chat")
        sender, other = await self.clients(server, 2)
        for message in (b'{"a":1}', b"\xff", "", "hi", "[1]", '"s"', "1", "null", '{"a":1', '{"a":1}x', '{"a":1}{}',
                        "{'a':1}", '{"a":01}', '{"a":"\\ud800x\n"}', '{"a":1,"a":2}', '{"a":1,"b":2,"\\u0061":3}',
                        '{"time":"x","time":"y"}'):
            with self.subTest(message=message):
                await soon(sender.send(message))
                answer = await soon(sender.recv())
                self.assertIsInstance(answer, str)
                self.assertEqual(list(json.loads(answer)), ["error"])
                self.assertTrue(json.loads(answer)["error"])
        await soon(sender.send('{"text":"last"}'))
        for client in (sender, other):
            self.assertEqual(self.time_of(await soon(client.recv()))[1], {"text": "last"})

    async def test_a_deeply_nested_object_harms_nobody(self):
        server = await self.serve("chat")
        sender, other = await self.clients(server, 2)
        await soon(sender.send('{"a":' + "[" * 100_000 + "]" * 100_000 + "}"))
        await soon(sender.recv())
        await soon(other.send('{"b":1}'))
        await soon(sender.recv())


class Greet(SockhopTest):
    async def test_the_greeting_comes_first_then_each_message(self):
        client = await self.client(await self.serve("greet"))
        await self.receives(client, "Hi there")
        for message in ("one", "", "zwölf"):
            await soon(client.send(message))
            await self.receives(client, "Received: " + message)
        await soon(client.send(b"\x00\xff"))
        await self.receives(client, b"Received: \x00\xff")

    async def test_nothing_is_lost_when_the_client_sends_and_closes_at_once(self):
        server = await self.serve("greet")
        for _ in range(20):
            client = await self.client(server)
            for number in range(100):
                await soon(client.send(str(number)))
            await soon(client.close())
            await self.receives(client, "Hi there", *(f"Received: {number}" for number in range(100)))
            self.assertEqual(await self.close_code(client), 1000)


class RelayAndBroadcast(SockhopTest):
    async def test_relay_reaches_everyone_else(self):
        clients = await self.clients(await self.serve("relay"), 4)
        for message in ("text", b"\x00binary\xff", "", b"", b"x" * 100_000):
            await soon(clients[0].send(message))
            for client in clients[1:]:
                await self.receives(client, message)
        await self.nothing_more(clients[0])

    async def test_broadcast_reaches_everyone(self):
        clients = await self.clients(await self.serve("broadcast"), 4)
        for message in ("text", b"\x00binary\xff", "", b"", b"x" * 100_000):
            await soon(clients[2].send(message))
            for client in clients:
                await self.receives(client, message)
        for client in clients:
            await self.nothing_more(client)

    async def test_an_app_of_its_own_path_reaches_no_other_path(self):
        server = await self.serve()
        broadcast = await self.clients(server, 2, "/broadcast")
        relay = await self.clients(server, 2, "/relay")
        await soon(broadcast[0].send("b"))
        await soon(relay[0].send("r"))
        for client in broadcast:
            await self.receives(client, "b")
            await self.nothing_more(client)
        await self.receives(relay[1], "r")
        for client in relay:
            await self.nothing_more(client)


if __name__ == "__main__":
    unittest.main()
