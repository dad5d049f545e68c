"""The programs and commands of docs/hub.md, run as they stand there against the command `sockhop hub`.

Only the address is replaced. Each program publishes the same two messages; a listener must get both, in order.
"""

import base64
import json
import os
import pathlib
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENT = (HERE.parents[2] / "docs" / "hub.md").read_text()
BINARY = os.environ.get("SOCKHOP") or str(HERE.parents[2] / "target/debug/sockhop")
# Seconds after which a missing answer is a failure. No test waits for it when all is well.
PATIENCE = 20
ADDRESS = "127.0.0.1:8080"
TOKEN = "s3cret"
STATES = ["paid", "sent"]


def blocks(language):
    """All blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)


class Hub:
    """The command in a process, on a free port."""

    def __init__(self, *flags):
        command = [BINARY, "hub", "127.0.0.1:0", *flags]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if found := re.search(r"127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
                return
        self.process.communicate(timeout=PATIENCE)
        raise AssertionError(f"{command} has told no address")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE)

    def at(self, text):
        """A text of the document with the port of this hub."""
        return text.replace("8080", str(self.port))


class Listener:
    """A WebSocket client as small as can be: it reads short unfragmented messages."""

    def __init__(self, hub, target):
        self.socket = socket.create_connection(("127.0.0.1", hub.port), PATIENCE)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        self.file = self.socket.makefile("rb")
        status = self.file.readline()
        assert b" 101 " in status, status
        while self.file.readline() != b"\r\n":
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def message(self):
        first, length = self.file.read(2)
        assert length < 127, "no message of these tests is longer than 65,535 bytes"
        if length == 126:
            length = int.from_bytes(self.file.read(2))
        payload = self.file.read(length)
        return payload.decode() if first == 0x81 else payload


def run(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, f"{command} has failed with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


class Programs(unittest.TestCase):
    """Each program is run with the token that it names, and then without one that the hub knows."""

    def publishes_both(self, language, interpreter, count=1):
        programs = blocks(language)
        self.assertEqual(len(programs), count, language)
        for program in programs:
            with self.subTest(program=program.splitlines()[:3]):
                with Hub("--publish-token", TOKEN) as hub, Listener(hub, "/orders/42") as listener:
                    run(*interpreter(hub.at(program)))
                    self.assertEqual([json.loads(listener.message())["state"] for _ in STATES], STATES)
                with Hub("--publish-token", "another") as hub:
                    with self.assertRaisesRegex(AssertionError, "has failed") as failure:
                        run(*interpreter(hub.at(program)))
                    self.assertRegex(str(failure.exception), "40[13]|token", "the program says why")

    def file(self, name, text):
        path = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sockhop-hub-"))) / name
        path.write_text(text)
        return str(path)

    def test_php(self):
        self.publishes_both("php", lambda text: ("php", "-d", "error_reporting=E_ALL", self.file("a.php", text)), 2)

    def test_python(self):
        self.publishes_both("python", lambda text: (sys.executable, "-c", text))

    def test_ruby(self):
        self.publishes_both("ruby", lambda text: ("ruby", "-w", "-e", text))

    def test_node(self):
        self.publishes_both("mjs", lambda text: ("node", self.file("a.mjs", text)))

    def test_shell(self):
        self.publishes_both("bash", lambda text: ("bash", "-e", "-c", text))


class Commands(unittest.TestCase):
    def test_each_command_of_sockhop_starts(self):
        commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("sockhop hub")]
        self.assertGreaterEqual(len(commands), 2)
        for command in commands:
            flags = [word for word in shlex.split(command)[2:] if word != ADDRESS]
            with self.subTest(flags=flags), Hub(*flags):
                pass

    def test_curl_is_heard(self):
        (curl,) = [block for block in blocks("sh") if block.startswith("curl -d ")]
        with Hub() as hub, Listener(hub, "/orders/42") as listener:
            answer = json.loads(run("bash", "-c", hub.at(curl)))
            self.assertEqual(answer["subscribers"], 1)
            self.assertEqual(listener.message(), "hello")

    def test_a_batch_reaches_its_channels(self):
        (curl,) = [block for block in blocks("sh") if "/-/batch" in block]
        with Hub("--publish-token", TOKEN) as hub, Listener(hub, "/orders/42") as orders, \
                Listener(hub, "/b") as other, Listener(hub, "/photos") as photos:
            answers = json.loads(run("bash", "-c", hub.at(curl)))
            self.assertEqual([answer["status"] for answer in answers], [201, 202, 201, 201])
            heard = [orders.message(), other.message(), photos.message()]
            self.assertEqual(heard, ["text", '{"n": 1}', b"\x00\x01"])

    def test_the_first_frame_and_the_answer_look_as_the_document_shows(self):
        texts = blocks("text")
        (frame,) = [text for text in texts if text.startswith("! ")]
        (response,) = [text for text in texts if text.startswith("HTTP/1.1 201 ")]
        with Hub() as hub, Listener(hub, "/orders/42?ids") as listener:
            shown, sent = json.loads(frame[2:]), json.loads(listener.message()[2:])
            self.assertEqual(list(sent), list(shown))
            self.assertEqual(sent["channel"], "/orders/42")
            answer = run("curl", "-si", "-d", "hello", f"http://127.0.0.1:{hub.port}/orders/42")
            head, body = answer.replace("\r\n", "\n").split("\n\n", 1)
            self.assertEqual(list(json.loads(body)), list(json.loads(response.split("\n\n", 1)[1])))
            self.assertTrue(head.startswith("HTTP/1.1 201 Created\n"), head)
            self.assertIn(f"\nSockhop-Id: {json.loads(body)['id']}\n", head + "\n")
            line, payload = listener.message().split("\n", 1)
            self.assertEqual((line, payload), (f"{json.loads(body)['id']} /orders/42", "hello"))


if __name__ == "__main__":
    unittest.main()
