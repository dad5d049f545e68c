"""Python's `http.client`, and the same requests by hand over a socket."""

import select
import socket
import unittest

from example import MAX_REQUESTS, PAGE, ExampleTest


def request(method, path, body=b""):
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n".encode() + body


class Python(ExampleTest):
    def post(self, client, path, body, headers, **options):
        client.request("POST", path, body, headers, **options)
        with client.getresponse() as answer:
            self.assertEqual(answer.status, 200)
            return answer.read()

    def test_all_kinds_of_requests_share_a_connection(self):
        client = self.client(self.port)
        with self.connections(1):
            for at in range(100):
                self.assertEqual(self.get(client, "/2"), b"ok")
                body = b"%d" % at * at
                self.assertEqual(self.post(client, "/echo", body, {"Content-Type": "text/plain"}), body)
                self.assertEqual(self.post(client, "/count", None, {}), b"%d\n" % (at + 1))
            self.assertTrue(self.get(client, "/page") == PAGE)
            self.assertEqual(self.get(client, "/later"), b"at last\n")

    def test_a_chunked_body_comes_back(self):
        client = self.client(self.port)
        chunks = [b"a", b"bc" * 5000, b"d" * 70_000]
        with self.connections(1):
            for _ in range(3):
                body = self.post(client, "/echo", iter(chunks), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
                self.assertTrue(body == b"".join(chunks))

    def test_head_is_followed_by_the_next_answer(self):
        client = self.client(self.port)
        with self.connections(1):
            for path, length in (("/page", "500000"), ("/2", "2"), ("/count", "2"), ("/later", "8")):
                client.request("HEAD", path)
                with client.getresponse() as answer:
                    self.assertEqual((answer.status, answer.getheader("Content-Length")), (200, length))
                    self.assertEqual(answer.read(), b"")
            self.assertEqual(self.get(client, "/2"), b"ok")

    def test_errors_that_the_application_chooses_keep_the_connection(self):
        client = self.client(self.port)
        with self.connections(1):
            for path, status in (("/echo", 405), ("/nowhere", 404), ("/2", 200)):
                client.request("GET", path)
                with client.getresponse() as answer:
                    self.assertEqual(answer.status, status)
                    answer.read()

    def test_an_idle_connection_serves_again(self):
        client = self.client(self.port)
        with self.connections(1):
            self.assertEqual(self.get(client, "/2"), b"ok")
            idle, _, _ = select.select([client.sock], [], [], 1.5)
            self.assertEqual(idle, [], "nothing comes on an idle connection")
            self.assertEqual(self.get(client, "/2"), b"ok")

    def test_the_last_of_a_thousand_answers_ends_the_connection(self):
        client = self.client(self.port)
        with self.connections(2):
            for at in range(1, MAX_REQUESTS + 2):
                client.request("GET", "/2")
                with client.getresponse() as answer:
                    self.assertEqual(answer.read(), b"ok")
                    self.assertEqual(answer.getheader("Connection"), "close" if at == MAX_REQUESTS else None)

    def answers(self, reader):
        """The bodies of the answers that follow, up to the end of the stream."""
        while line := reader.readline():
            self.assertEqual(line, b"HTTP/1.1 200 OK\r\n")
            headers = dict(line.rstrip().lower().split(b": ") for line in iter(reader.readline, b"\r\n"))
            yield reader.read(int(headers[b"content-length"]))

    def test_pipelined_requests_are_answered_in_order(self):
        requests, expected = [], []
        for at in range(200):
            body = b"<%d>" % at * (at * 50 + 1)
            requests += [request("POST", "/echo", body), request("GET", "/2")]
            expected += [body, b"ok"]
            if at % 50 == 0:
                requests.append(request("GET", "/later"))
                expected.append(b"at last\n")
        stream = self.tcp()
        with self.connections(0):
            answers = self.answers(stream.makefile("rb"))
            # 3 MB in both directions. The client reads only once all is sent, so a batch has to fit into the buffers.
            for at in range(0, len(requests), 20):
                stream.sendall(b"".join(requests[at:at + 20]))
                for body in expected[at:at + 20]:
                    self.assertTrue(next(answers) == body)

    def test_requests_before_the_end_of_the_stream_are_answered(self):
        for path, body in (("/2", b"ok"), ("/page", PAGE), ("/later", b"at last\n")):
            for count in (1, 3):
                with self.subTest(path=path, count=count):
                    stream = self.tcp()
                    stream.sendall(request("GET", path) * count)
                    stream.shutdown(socket.SHUT_WR)
                    self.assertTrue(list(self.answers(stream.makefile("rb"))) == [body] * count)

    def test_a_post_before_the_end_of_the_stream_is_answered(self):
        stream = self.tcp()
        stream.sendall(request("POST", "/echo", PAGE))
        stream.shutdown(socket.SHUT_WR)
        self.assertTrue(list(self.answers(stream.makefile("rb"))) == [PAGE])


if __name__ == "__main__":
    unittest.main()
