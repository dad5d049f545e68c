"""What the server does around its apps: paths, plain HTTP, origins, subprotocols, shutdown."""

import asyncio
import http.client
import unittest

from sockhop import Server, SockhopTest, soon
from websockets.exceptions import InvalidStatus

APPS = ("echo", "pong", "chat", "greet", "relay", "broadcast")


class Http(SockhopTest):
    async def ask(self, server, method, path, headers={}):
        """(status, headers, body) of one request on a connection of its own."""

        def request():
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
            try:
                connection.request(method, path, headers=headers)
                response = connection.getresponse()
                return response.status, response.headers, response.read()
            finally:
                connection.close()

        return await asyncio.to_thread(request)

    async def test_the_page_of_one_app_is_at_the_root(self):
        for app in APPS:
            with self.subTest(app=app):
                server = await self.serve(app)
                status, headers, body = await self.ask(server, "GET", "/")
                self.assertEqual(status, 200)
                self.assertTrue(headers["Content-Type"].startswith("text/html"))
                self.assertIn(b"<", body)
                self.assertEqual((await self.ask(server, "GET", "/healthz"))[0], 200)
                self.assertEqual((await self.ask(server, "GET", "/elsewhere"))[0], 426)

    async def test_one_app_is_at_every_path(self):
        server = await self.serve("echo")
        for path in ("/", "/ws", "/wss", "/a/b?c=d"):
            client = await self.client(server, path)
            await soon(client.send(path))
            await self.receives(client, path)

    async def test_all_apps_are_under_their_own_paths(self):
        server = await self.serve()
        self.assertEqual((await self.ask(server, "GET", "/"))[0], 200)
        self.assertEqual((await self.ask(server, "GET", "/healthz"))[0], 200)
        self.assertEqual((await self.ask(server, "GET", "/elsewhere"))[0], 404)
        for app in APPS:
            with self.subTest(app=app):
                status, headers, _ = await self.ask(server, "GET", f"/{app}")
                self.assertEqual(status, 426)
                # RFC 9110 15.5.22: a 426 names the protocol that it wants.
                self.assertEqual(headers["Upgrade"].lower(), "websocket")
                await self.client(server, f"/{app}")
        with self.assertRaises(InvalidStatus) as caught:
            await self.client(server, "/elsewhere")
        self.assertEqual(caught.exception.response.status_code, 404)

    async def test_another_version_is_told_13(self):
        server = await self.serve("echo")
        status, headers, _ = await self.ask(server, "GET", "/", {
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "8",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
        self.assertEqual((status, headers["Sec-WebSocket-Version"]), (426, "13"))

    async def test_head_is_get_without_the_body(self):
        server = await self.serve()
        for path in ("/", "/healthz"):
            with self.subTest(path=path):
                _, get, body = await self.ask(server, "GET", path)
                reader, writer = await soon(asyncio.open_connection("127.0.0.1", server.port))
                writer.write(f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                answer = await soon(reader.read())
                writer.close()
                head, _, rest = answer.partition(b"\r\n\r\n")
                self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
                self.assertEqual(rest, b"")
                self.assertEqual(int(get["Content-Length"]), len(body))
                self.assertIn(b"content-length: %d" % len(body), head.lower())

    async def test_another_method_is_told_which_are_allowed(self):
        status, headers, _ = await self.ask(await self.serve(), "POST", "/")
        self.assertEqual(status, 405)
        self.assertIn("GET", headers["Allow"])


class Origins(SockhopTest):
    async def connects(self, server, origin):
        """Whether an opening handshake with this Origin is accepted; it is refused with 403 and nothing else."""
        try:
            await self.client(server, origin=origin)
        except InvalidStatus as refused:
            self.assertEqual(refused.response.status_code, 403)
            return False
        return True

    async def test_foreign_pages_are_refused(self):
        server = await self.serve("echo")
        own = f"http://127.0.0.1:{server.port}"
        for origin, accepted in ((None, True), (own, True), ("https://elsewhere.example", False),
                                 ("http://localhost.example", False),
                                 # On the loopback pages of other local ports, and opened as files, pass.
                                 ("http://localhost:5173", True), ("null", True)):
            with self.subTest(origin=origin):
                self.assertEqual(await self.connects(server, origin), accepted)

    async def test_named_origins_are_accepted(self):
        server = await self.serve("echo", "--origin", "https://app.example", "--origin", "http://b.example:8000")
        for origin, accepted in (("https://app.example", True), ("http://b.example:8000", True),
                                 ("http://app.example", False), ("https://app.example:8443", False),
                                 ("https://app.example.org", False)):
            with self.subTest(origin=origin):
                self.assertEqual(await self.connects(server, origin), accepted)

    async def test_same_takes_only_the_servers_own(self):
        server = await self.serve("echo", "--origin", "same")
        own = f"http://127.0.0.1:{server.port}"
        for origin, accepted in ((own, True), ("http://localhost:5173", False), ("null", False)):
            with self.subTest(origin=origin):
                self.assertEqual(await self.connects(server, origin), accepted)

    async def test_a_star_takes_all(self):
        server = await self.serve("echo", "--origin", "*")
        self.assertTrue(await self.connects(server, "https://elsewhere.example"))


class Subprotocols(SockhopTest):
    async def test_a_configured_one_is_chosen(self):
        server = await self.serve("echo", "--subprotocol", "chat.v2", "--subprotocol", "chat.v1")
        for offered, chosen in ((None, None), (["chat.v1"], "chat.v1"), (["other", "chat.v2"], "chat.v2"),
                                (["other"], None), (["Chat.V1"], None)):
            with self.subTest(offered=offered):
                client = await self.client(server, subprotocols=offered)
                self.assertEqual(client.subprotocol, chosen)

    async def test_none_is_chosen_by_default(self):
        client = await self.client(await self.serve("echo"), subprotocols=["chat.v1"])
        self.assertIsNone(client.subprotocol)


class Shutdown(SockhopTest):
    async def test_sigterm_closes_with_1001_and_exits_0(self):
        server = await self.serve()
        clients = [await self.client(server, f"/{app}") for app in APPS if app != "greet"]
        server.terminate()
        for client in clients:
            self.assertEqual(await self.close_code(client), 1001)
        self.assertEqual(await server.stop(), 0)

    async def test_the_address_may_be_positional_or_from_the_environment(self):
        for arguments, environment in ((["echo", "127.0.0.1:0"], {}), (["echo", "0"], {}), (["echo"], {"PORT": "0"}),
                                       (["echo"], {"SOCKHOP_LISTEN": "127.0.0.1:0"}),
                                       (["echo"], {"IP": "127.0.0.1", "PORT": "0"})):
            with self.subTest(arguments=arguments, environment=environment):
                server = await Server.start(*arguments, **environment)
                self.addAsyncCleanup(self.ends_well, server)
                client = await self.client(server)
                await soon(client.send("hello"))
                await self.receives(client, "hello")


if __name__ == "__main__":
    unittest.main()
