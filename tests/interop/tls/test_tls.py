"""`https:` and `wss:` with real clients. Each loads the same file of random bytes, or has messages come back, and trusts no
certificate but that of the tests' authority."""

import asyncio
import http.server
import json
import os
import pathlib
import random
import ssl
import subprocess
import tempfile
import threading

from sockhop import ROOT, SockhopTest, soon
from websockets.asyncio.client import connect

HERE = pathlib.Path(__file__).parent
OTHERS = HERE.parent / "others"
FIXTURES = ROOT / "src/server/transport/tls/fixtures"
AUTHORITY = str(FIXTURES / "authority.pem")
# A browser that starts for the first time on a busy machine takes its time.
START = 90
# testssl.sh starts thousands of processes: a minute on an idle machine.
SCAN = 600
BYTES = random.Random(7).randbytes(1_000_000)


def flags(*names):
    """The flags for these certificates."""
    return [word for name in names
            for word in ("--tls-cert", str(FIXTURES / f"{name}.pem"), "--tls-key", str(FIXTURES / f"{name}.key"))]


async def run(*command, text=b"", patience=20, expected=0, **environment):
    """Runs a command, which must end with this code, or with any if that is None. Returns all that it says."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, env=os.environ | environment)
    try:
        said, _ = await asyncio.wait_for(process.communicate(text), patience)
    finally:
        if process.returncode is None:
            process.kill()
    assert expected in (process.returncode, None), f"{command} has ended with {process.returncode}: {said.decode(errors='replace')}"
    return said


class TlsTest(SockhopTest):
    """With a folder of files for pages, in which `bytes` is the large one."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sockhop-tls-")))
        self.pages = self.folder / "pages"
        self.pages.mkdir()
        (self.pages / "bytes").write_bytes(BYTES)
        (self.pages / "index.html").write_text("<!doctype html><title>here</title>")

    async def echo(self, *more, certificates=("a",)):
        return await self.serve("echo", "--page", str(self.pages), *flags(*certificates), *more)


class OpenSsl(TlsTest):
    async def says(self, server, *more, name="localhost", text=b"", expected=0):
        said = await run(
            "openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", name, "-CAfile", AUTHORITY,
            "-verify_return_error", "-ign_eof", *more, text=text, expected=expected)
        return said

    async def test_both_versions_verify_and_load_the_file(self):
        server = await self.echo()
        request = b"GET /bytes HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        for version, flag in (("TLSv1.2", "-tls1_2"), ("TLSv1.3", "-tls1_3")):
            said = await self.says(server, flag, "-alpn", "h2,http/1.1", text=request)
            for line in (b"Verification: OK", b"ALPN protocol: http/1.1", f"New, {version}".encode()):
                self.assertIn(line, said)
            self.assertIn(b"HTTP/1.1 200 OK\r\n", said)
            self.assertIn(BYTES, said, f"the file in {version}")

    async def test_the_name_chooses_the_certificate(self):
        server = await self.echo(certificates=("a", "b"))
        ask = b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        for name, subject in (("x.a.example", b"a.example"), ("b.example", b"b.example"), ("other", b"a.example")):
            said = await self.says(server, name=name, text=ask)
            self.assertRegex(said, rb"subject=.*CN = " + subject, name)

    async def test_a_session_is_resumed_in_both_versions(self):
        server = await self.echo()
        session = self.folder / "session"
        ask = b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        for flag in ("-tls1_2", "-tls1_3"):
            self.assertIn(b"New, TLS", await self.says(server, flag, "-sess_out", session, text=ask))
            said = await self.says(server, flag, "-sess_in", session, text=ask)
            self.assertIn(b"Reused, TLS", said, flag)
            self.assertIn(b"HTTP/1.1 200 OK\r\n", said)

    async def test_what_is_too_old_or_another_protocol_gets_an_alert(self):
        server = await self.echo()
        said = await self.says(server, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0", expected=1)
        # rustls looks at the cipher suites first, of which TLS 1.1 has none that it knows.
        self.assertRegex(said, b"alert (handshake failure|protocol version)")
        said = await self.says(server, "-alpn", "h2", expected=1)
        self.assertIn(b"alert no application protocol", said)


class Curl(TlsTest):
    async def test_loads_the_file_again_and_again_over_one_connection(self):
        server = await self.echo()
        outs = [self.folder / f"out{at}" for at in range(3)]
        loads = [word for out in outs for word in ("-o", str(out), f"https://localhost:{server.port}/bytes")]
        said = await run("curl", "-sS", "--cacert", AUTHORITY, "-w", "%{http_version} %{num_connects}\\n", *loads)
        self.assertEqual(said.split(b"\n")[:3], [b"1.1 1", b"1.1 0", b"1.1 0"])
        for out in outs:
            self.assertEqual(out.read_bytes(), BYTES)

    async def test_plain_http_is_sent_on_to_https(self):
        server = await self.echo()
        plain = f"http://localhost:{server.port}/bytes"
        told = await run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", plain)
        self.assertEqual(told.decode(), f"308 https://localhost:{server.port}/bytes")
        out = self.folder / "out"
        await run("curl", "-sSL", "--cacert", AUTHORITY, "-o", out, plain)
        self.assertEqual(out.read_bytes(), BYTES)

    async def test_trusts_nobody_else(self):
        server = await self.echo()
        said = await run("curl", "-sS", f"https://localhost:{server.port}/bytes", expected=60)
        self.assertIn(b"certificate", said)

    async def test_wss_where_this_curl_has_it(self):
        server = await self.echo()
        if b" wss" not in await run("curl", "--version"):
            # An opening handshake by hand: curl then waits for what an echo never says by itself.
            ask = ("-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13",
                   "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"https://localhost:{server.port}/")
        else:
            ask = (f"wss://localhost:{server.port}/",)
        said = await run("curl", "-sSi", "--http1.1", "--max-time", "2", "--cacert", AUTHORITY, *ask, expected=28)
        self.assertIn(b"HTTP/1.1 101 Switching Protocols\r\n", said)


class Libraries(TlsTest):
    async def test_python(self):
        server = await self.echo()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context(cafile=AUTHORITY)
            context.minimum_version = context.maximum_version = version
            url = f"wss://localhost:{server.port}/"
            async with connect(url, ssl=context, proxy=None, max_size=None) as client:
                spoken = client.transport.get_extra_info("ssl_object").version()
                self.assertEqual(spoken, version.name.replace("_", "."))
                for message in ("wörter", b"", BYTES):
                    await client.send(message)
                    self.assertEqual(await soon(client.recv()), message)
            self.assertEqual(client.close_code, 1000)

    async def test_node(self):
        server = await self.echo()
        said = await run("node", HERE / "node.mjs", server.port, self.pages / "bytes", NODE_EXTRA_CA_CERTS=AUTHORITY)
        self.assertEqual(said, b"file and messages are the same, closed with 1000\n")

    async def test_java(self):
        server = await self.echo()
        store = self.folder / "trusted.p12"
        await run("keytool", "-importcert", "-noprompt", "-alias", "authority", "-file", AUTHORITY, "-keystore", store,
                  "-storepass", "changeit", "-storetype", "PKCS12")
        said = await run("java", f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit",
                         HERE / "Client.java", server.port, self.pages / "bytes", patience=START)
        self.assertEqual(said, b"file and messages are the same, closed with 1000\n")

    async def test_go(self):
        server = await self.echo()
        go = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode"}
        client, loader = self.folder / "nhooyr", self.folder / "loader"
        await run("go", "build", "-o", client, OTHERS / "nhooyr.go", patience=START, **go)
        await run("go", "build", "-o", loader, HERE / "loader.go", patience=START, **go)
        trust = {"SSL_CERT_FILE": AUTHORITY, "SSL_CERT_DIR": str(self.folder)}
        # It takes at most 32 KiB.
        text = BYTES.hex()[:30_000]
        said = await run(client, f"wss://localhost:{server.port}/", text, "plain", **trust)
        self.assertEqual(said, b"3 1000\n")
        said = await run(loader, f"https://localhost:{server.port}/bytes", self.pages / "bytes", **trust)
        self.assertEqual(said, b"the same over TLS 1.3, and again on the same connection\n")


class Browsers(TlsTest):
    """A page over https exchanges messages over wss, and tells a server of the test how that went."""

    def setUp(self):
        super().setUp()
        told = self.told = []
        has_told = self.has_told = threading.Event()

        class Reports(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                told.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.send_response(204)
                self.send_header("Access-Control-Allow-Origin", "*")
                self.end_headers()
                has_told.set()

            def log_message(self, *_):
                pass

        reports = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Reports)
        threading.Thread(target=reports.serve_forever, daemon=True).start()
        self.addCleanup(reports.server_close)
        self.addCleanup(reports.shutdown)
        page = (HERE / "page.html").read_text().replace("REPORTS", f"http://127.0.0.1:{reports.server_port}/")
        (self.pages / "index.html").write_text(page)

    async def trust(self, folder):
        """Has a browser's database of certificates trust the authority."""
        folder.mkdir(parents=True)
        await run("certutil", "-N", "-d", f"sql:{folder}", "--empty-password")
        await run("certutil", "-A", "-d", f"sql:{folder}", "-n", "tests", "-t", "C,,", "-i", AUTHORITY)

    async def visits(self, *command, **environment):
        browser = await asyncio.create_subprocess_exec(
            *map(str, command), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL, env=os.environ | environment)
        try:
            await asyncio.to_thread(self.has_told.wait, START)
            self.assertIsNone(browser.returncode, "the browser has ended by itself")
        finally:
            if browser.returncode is None:
                browser.terminate()
            await soon(browser.wait())
        self.assertEqual([json.loads(told) for told in self.told], [
            {"protocol": "https:", "isSecure": True, "text": True, "bytes": True, "file": len(BYTES), "code": 1000}])

    async def test_chromium(self):
        server = await self.echo()
        await self.trust(self.folder / ".pki/nssdb")
        await self.visits(
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            f"--user-data-dir={self.folder / 'profile'}", f"https://localhost:{server.port}/", HOME=str(self.folder))

    async def test_firefox(self):
        server = await self.echo()
        profile = self.folder / "profile"
        await self.trust(profile)
        await self.visits(
            "firefox-esr", "--headless", "--no-remote", "--profile", profile, f"https://localhost:{server.port}/",
            HOME=str(self.folder))


class TestSsl(TlsTest):
    """testssl.sh with a certificate like those of public authorities, which it is told to trust."""

    EXPECTED = {
        # testssl.sh asks for GOST of the openssl that it uses itself.
        "engine_problem",
        # The certificate of the test says nothing about revocation.
        "cert_revocation",
        # The client's order decides, as Mozilla's guidelines have it: a phone that computes ChaCha20 faster than AES says so.
        # All cipher suites are AEAD with forward secrecy, so a client cannot choose a weak one.
        "cipher_order",
    }

    async def test_finds_nothing_that_is_not_ok(self):
        authority = await self.certify()
        server = await self.serve(
            "echo", "--page", str(self.pages), "--tls-cert", str(self.folder / "own.pem"), "--tls-key",
            str(self.folder / "own.key"))
        found = self.folder / "found.json"
        await run("testssl", "--quiet", "--color", "0", "--warnings", "off", "--add-ca", authority, "--jsonfile", found,
                  "--ip", "127.0.0.1", f"https://localhost:{server.port}/", patience=SCAN, expected=None)
        found = json.loads(found.read_text())
        self.assertGreater(len(found), 80, "it has looked at everything")
        bad = [f"{one['id']}: {one['severity']}: {one['finding']}" for one in found
               if one["severity"] in ("WARN", "MEDIUM", "HIGH", "CRITICAL", "FATAL")
               and one["id"] not in self.EXPECTED]
        self.assertEqual(bad, [], "\n".join(bad))

    async def certify(self):
        """Makes an authority, and a certificate for a quarter of a year."""
        authority = self.folder / "own-authority.pem"
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        await run("openssl", "req", "-x509", *key, "-keyout", self.folder / "authority.key", "-out", authority,
                  "-subj", "/CN=tests", "-days", "365")
        await run("openssl", "req", "-new", *key, "-keyout", self.folder / "own.key", "-out", self.folder / "own.csr",
                  "-subj", "/CN=localhost")
        extensions = self.folder / "extensions"
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n"
                              "keyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:FALSE\n")
        await run("openssl", "x509", "-req", "-in", self.folder / "own.csr", "-CA", authority, "-CAkey",
                  self.folder / "authority.key", "-CAcreateserial", "-days", "90", "-extfile", extensions,
                  "-out", self.folder / "own.pem")
        return authority
