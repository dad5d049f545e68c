"""nginx and HAProxy in front of the example: both keep their connections to it, and pass WebSockets on."""

import select
import socket
import time
import unittest

from example import PAGE, PATIENCE, ExampleTest, free_port

NGINX = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr error;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream example {{
    server 127.0.0.1:{server};
    keepalive 16;
  }}
  server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1;
    location / {{
      proxy_pass http://example;
      proxy_set_header Connection "";
    }}
    location /ws {{
      proxy_pass http://example;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection Upgrade;
    }}
  }}
}}
"""

HAPROXY = """
defaults
  mode http
  http-reuse always
  timeout connect 20s
  timeout client 20s
  timeout server 20s
frontend clients
  bind 127.0.0.1:{port}
  default_backend example
backend example
  server example 127.0.0.1:{server}
"""


class Proxy:
    """The tests that both proxies have to pass."""

    def setUp(self):
        super().setUp()
        self.proxy = free_port()
        config = self.CONFIG.format(folder=self.folder, server=self.port, port=self.proxy)
        process = self.start(*self.command(self.file("proxy.conf", config.encode())))
        until = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.proxy), PATIENCE).close()
                return
            except ConnectionRefusedError:
                self.assertIsNone(process.poll(), "the proxy has ended")
                self.assertLess(time.monotonic(), until, "the proxy does not listen")
                select.select([], [], [], 0.01)

    def test_clients_one_after_the_other_share_a_connection(self):
        with self.connections(1, 3):
            for _ in range(200):
                client = self.client(self.proxy)
                self.assertEqual(self.get(client, "/2"), b"ok")
                client.close()

    def test_clients_at_the_same_time_share_connections(self):
        clients = [self.client(self.proxy) for _ in range(10)]
        with self.connections(1, 10):
            for _ in range(20):
                for client in clients:
                    client.request("GET", "/2")
                for client in clients:
                    with client.getresponse() as answer:
                        self.assertEqual((answer.status, answer.read()), (200, b"ok"))

    def test_bodies_pass_both_ways(self):
        client = self.client(self.proxy)
        chunks = iter([PAGE[:100_000], PAGE[100_000:]])
        with self.connections(1, 3):
            for headers, body in (({}, PAGE), ({"Transfer-Encoding": "chunked"}, chunks)):
                client.request("POST", "/echo", body, headers, encode_chunked=bool(headers))
                with client.getresponse() as answer:
                    self.assertEqual(answer.status, 200)
                    self.assertTrue(answer.read() == PAGE)
            self.assertTrue(self.get(client, "/page") == PAGE)
            self.assertEqual(self.get(client, "/later"), b"at last\n")
            client.request("HEAD", "/page")
            with client.getresponse() as answer:
                self.assertEqual((answer.getheader("Content-Length"), answer.read()), ("500000", b""))

    def test_a_websocket_opens_between_requests(self):
        client = self.client(self.proxy)
        for _ in range(5):
            self.assertEqual(self.get(client, "/2"), b"ok")
            self.opens_a_websocket(self.proxy)


class Nginx(Proxy, ExampleTest):
    CONFIG = NGINX

    def command(self, config):
        return "nginx", "-p", str(self.folder), "-c", config, "-e", "stderr"


class Haproxy(Proxy, ExampleTest):
    CONFIG = HAPROXY

    def command(self, config):
        return "haproxy", "-db", "-q", "-f", config


class Direct(ExampleTest):
    def test_a_websocket_opens(self):
        self.opens_a_websocket(self.port)


if __name__ == "__main__":
    unittest.main()
