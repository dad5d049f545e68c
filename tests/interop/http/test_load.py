"""ab and wrk at 10 and 100 connections: no request fails."""

import re
import unittest

from example import MAX_REQUESTS, ExampleTest, run

REQUESTS = 2000
SECONDS = 5


class Load(ExampleTest):
    def number(self, pattern, text):
        match = re.search(pattern, text)
        self.assertTrue(match, f"no {pattern} in {text}")
        return int(match[1])

    def ab(self, *options):
        output, _ = run("ab", "-q", "-n", str(REQUESTS), *options, seconds=60)
        output = output.decode()
        self.assertEqual(self.number(r"Complete requests: +(\d+)", output), REQUESTS)
        self.assertEqual(self.number(r"Failed requests: +(\d+)", output), 0)
        self.assertNotIn("Non-2xx responses", output)

    def test_ab_sees_no_failed_request(self):
        post = "-p", self.file("body", b"x" * 100), "-T", "text/plain"
        cases = [(clients, path, options) for clients in (10, 100) for path, options in (("/2", ()), ("/echo", post))]
        for clients, path, options in [*cases, (100, "/later", ())]:
            # ab speaks HTTP/1.0, so that each answer ends its connection, whatever it asks for.
            for keep in ((), ("-k",)):
                with self.subTest(keep=keep, clients=clients, path=path):
                    with self.connections(REQUESTS, REQUESTS + clients):
                        self.ab(*keep, "-c", str(clients), *options, self.url(path))

    def test_wrk_sees_no_failed_request_on_kept_connections(self):
        for clients in (10, 100):
            before = self.accepted()
            output, _ = run("wrk", "-t1", f"-c{clients}", f"-d{SECONDS}s", self.url("/2"), seconds=60)
            output = output.decode()
            self.assertNotIn("Socket errors", output)
            self.assertNotIn("Non-2xx", output)
            requests = self.number(r"(\d+) requests in", output)
            self.assertGreater(requests, clients)
            # One more when wrk probes the server.
            most = clients + requests // MAX_REQUESTS + 1
            self.assertLessEqual(self.accepted() - before, most, f"connections for {requests} requests")


if __name__ == "__main__":
    unittest.main()
