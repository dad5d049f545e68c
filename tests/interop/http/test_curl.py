"""curl."""

import unittest

from example import MAX_BODY, PAGE, ExampleTest, run

# curl sends a body without leave after that many seconds, which is more than it has in all. So it succeeds only if
# the server answers with 100 Continue.
EXPECT = ("--header", "Expect: 100-continue", "--expect100-timeout", "60", "--max-time", "20")


class Curl(ExampleTest):
    def curl(self, *arguments):
        return run("curl", "--silent", "--show-error", "--verbose", *arguments)

    def body(self, content):
        return "--data-binary", "@" + self.file("body", content)

    def test_two_addresses_in_one_call_share_a_connection(self):
        with self.connections(1):
            body, log = self.curl(self.url("/2"), self.url("/page"))
        self.assertEqual(body, b"ok" + PAGE)
        self.assertIn("Re-using existing connection", log)

    def test_a_deferred_answer_keeps_its_connection(self):
        with self.connections(1):
            body, _ = self.curl(self.url("/later"), self.url("/later"), self.url("/2"))
        self.assertEqual(body, b"at last\nat last\nok")

    def test_posts_share_a_connection(self):
        with self.connections(1):
            body, _ = self.curl("--data", "x=1", self.url("/count"), self.url("/count"), self.url("/echo"))
        self.assertEqual(body, b"1\n2\nx=1")

    def test_a_body_that_waits_for_100_continue_is_let_in_at_once(self):
        for size in (1025, 1_000_001, MAX_BODY):
            sent = bytes(range(256)) * (size // 256) + bytes(size % 256)
            with self.subTest(size=size), self.connections(1):
                body, log = self.curl(*EXPECT, *self.body(sent), self.url("/echo"), self.url("/echo"))
                self.assertTrue(body == sent * 2, "the body comes back, twice")
                self.assertEqual(log.count("HTTP/1.1 100 Continue"), 2)

    def test_a_body_over_the_limit_is_refused_before_it_is_sent(self):
        body = self.body(bytes(MAX_BODY + 1))
        report = "--output", "/dev/null", "--write-out", "%{http_code} %{size_upload}"
        with self.connections(1):
            output, log = self.curl(*EXPECT, *body, *report, self.url("/echo"))
        self.assertEqual(output, b"413 0")
        self.assertNotIn("100 Continue", log)

    def test_a_body_over_the_limit_that_comes_unasked_is_refused(self):
        body = self.body(bytes(MAX_BODY + 1))
        report = "--output", "/dev/null", "--write-out", "%{http_code}"
        for header in ("X: y", "Transfer-Encoding: chunked"):
            with self.subTest(header=header), self.connections(1):
                output, _ = self.curl("--header", "Expect:", "--header", header, *body, *report, self.url("/echo"))
                self.assertEqual(output, b"413")

    def test_head_has_the_length_and_no_body(self):
        with self.connections(1):
            head, _ = self.curl("--head", self.url("/page"), "--next", self.url("/2"))
        head, _, body = head.partition(b"\r\n\r\n")
        self.assertIn(b"\r\nContent-Length: 500000", head)
        self.assertEqual(body, b"ok")

    def test_a_chunked_upload_comes_back(self):
        with self.connections(1):
            chunked = "--header", "Transfer-Encoding: chunked"
            body, log = self.curl(*chunked, *self.body(PAGE), self.url("/echo"), self.url("/echo"))
        self.assertIn("> Transfer-Encoding: chunked", log)
        self.assertTrue(body == PAGE * 2, "the body comes back, twice")

    def test_http_1_0_gets_one_answer_on_each_connection(self):
        with self.connections(2):
            body, log = self.curl("--http1.0", self.url("/2"), self.url("/page"))
        self.assertEqual(body, b"ok" + PAGE)
        self.assertEqual(log.count("< Connection: close"), 2)


if __name__ == "__main__":
    unittest.main()
