#!/usr/bin/env python3
"""Fetching from an HTTP server on this machine that breaks off, lies, redirects, and is slow.

Each case names how the server behaves, request by request, and what must come of it.
"""

import hashlib
import http.server
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

DRIVER = os.path.join(os.environ["DNNB_BUILD"], "tests", "fetch_driver")
CONTENT = random.Random(3).randbytes(300_000)
OTHER = random.Random(4).randbytes(300_000)
FILE = f"net-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"

failures = 0


def expect(condition, message):
    global failures
    if not condition:
        print(f"FAILED: {case}: {message}")
        failures += 1


class Handler(http.server.BaseHTTPRequestHandler):
    """Takes the next behaviour of the server's list; the last one stays."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        server.requests.append((self.path, dict(self.headers)))
        behaviours = server.behaviours
        behaviour = behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]
        try:
            behaviour(self)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client has gone, as some cases want it

    def head(self, status, length=None, **fields):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def asked_from(self):
        value = self.headers.get("Range")
        return int(value.removeprefix("bytes=").split("-")[0]) if value else None


def serve(content=CONTENT, etag='"one"', stop_at=None, chunk=None, pause_s=0.0, length=None):
    """As a good server does; sends up to byte `stop_at` of the whole file, then breaks off."""

    def behaviour(h):
        begin = h.asked_from()
        condition = h.headers.get("If-Range")
        fields = {"ETag": etag} if etag else {}
        if begin is not None and (condition is None or condition == etag):
            if begin >= len(content):
                h.head(416, 0, Content_Range=f"bytes */{len(content)}")
                return
            h.head(206, len(content) - begin,
                   Content_Range=f"bytes {begin}-{len(content) - 1}/{len(content)}", **fields)
        else:
            begin = 0
            h.head(200, len(content) if length is None else length, **fields)
        end = len(content) if stop_at is None else max(begin, stop_at)
        step = chunk or end - begin
        for at in range(begin, end, max(step, 1)):
            h.wfile.write(content[at : min(at + step, end)])
            h.wfile.flush()
            time.sleep(pause_s)
        if stop_at is not None:
            h.close_connection = True

    return behaviour


def answer(status, length=0, **fields):
    return lambda h: h.head(status, length, **fields)


def silent(h):
    """Half of the file, and then nothing more on an open connection."""
    h.head(200, len(CONTENT), ETag='"one"')
    h.wfile.write(CONTENT[:100_000])
    h.wfile.flush()
    h.server.released.wait(20)
    h.close_connection = True


def no_length(h):
    h.send_response(200)
    h.send_header("Connection", "close")
    h.end_headers()
    h.wfile.write(CONTENT)
    h.close_connection = True


def wrong_part(h):
    """A part that begins elsewhere than asked for."""
    h.head(206, 10, Content_Range=f"bytes 5-14/{len(CONTENT)}", ETag='"one"')
    h.wfile.write(CONTENT[5:15])


class Place:
    """A server, and folders of its own for what is fetched."""

    def __init__(self, *behaviours):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.requests, self.server.released = [], threading.Event()
        self.server.behaviours = list(behaviours)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.root = tempfile.mkdtemp()
        self.folder = os.path.join(self.root, "dnnbrain", "weights")
        self.mirror = f"http://127.0.0.1:{self.server.server_port}/models"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.released.set()
        self.server.shutdown()
        self.server.server_close()
        shutil.rmtree(self.root)

    def path(self, ending=""):
        return os.path.join(self.folder, FILE + ending)

    def start(self, mirror=None, stall_s=2, tries=3, stop_bytes=0, **variables):
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        environment.pop("DNNBRAIN_DATA", None)
        environment.update(XDG_DATA_HOME=self.root, **variables)
        command = [DRIVER, FILE, mirror or self.mirror, str(stall_s), str(tries), str(stop_bytes)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    def fetch(self, **options):
        """The last line, and the messages before it."""
        lines = self.start(**options).communicate(timeout=60)[0].splitlines()
        return lines[-1], lines[:-1]

    def expect_file(self, result):
        expect(result == f"ok {self.path()}", f"expected the file, found {result}")
        with open(self.path(), "rb") as file:
            expect(file.read() == CONTENT, "other bytes than the server's")
        expect(os.listdir(self.folder) == [FILE], f"found {os.listdir(self.folder)}")

    def expect_error(self, result, status, *texts):
        expect(result.startswith(f"error {status} "), f"expected {status}, found {result}")
        for text in texts:
            expect(text in result, f"expected '{text}' in {result}")
        expect(not os.path.exists(self.path()), "a file with the final name")

    def ranges(self):
        return [headers.get("Range") for _, headers in self.server.requests]


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def a_good_server():
    with Place(serve()) as p:
        p.expect_file(p.fetch()[0])
        expect(p.server.requests[0][0] == f"/models/{FILE}", "another path")
        p.expect_file(p.fetch()[0])
        expect(len(p.server.requests) == 1, "what is there is not asked for again")
        write(p.path(), OTHER)
        result, messages = p.fetch()
        p.expect_file(result)
        expect("expected a SHA-256" in messages[0], f"a damaged file is told of: {messages}")


def a_server_that_breaks_off():
    with Place(serve(stop_at=100_000), serve(stop_at=200_000), serve()) as p:
        p.expect_file(p.fetch()[0])
        expect(p.ranges() == [None, "bytes=100000-", "bytes=200000-"], f"asked for {p.ranges()}")
        expect(p.server.requests[1][1].get("If-Range") == '"one"', "on what condition")


def a_later_call_goes_on():
    with Place(serve(stop_at=100_000)) as p:
        p.expect_error(p.fetch(tries=1)[0], "io", "goes on from there", p.folder)
        p.server.behaviours = [serve()]
        p.expect_file(p.fetch()[0])
        expect(p.ranges()[-1] == "bytes=100000-", f"asked for {p.ranges()}")
        expect(p.server.requests[-1][1].get("If-Range") == '"one"', "the version is remembered")


def the_caller_stops():
    with Place(serve(chunk=20_000, pause_s=0.1)) as p:
        p.expect_error(p.fetch(stop_bytes=60_000)[0], "stopped")
        n = os.path.getsize(p.path(".part"))
        expect(60_000 <= n < len(CONTENT), f"{n} bytes are kept")
        p.server.behaviours = [serve()]
        p.expect_file(p.fetch()[0])
        expect(p.ranges() == [None, f"bytes={n}-"], f"asked for {p.ranges()}")


def another_version_since():
    with Place(serve(OTHER, etag='"old"', stop_at=100_000), serve()) as p:
        p.expect_file(p.fetch()[0])


def a_part_of_another_file():
    with Place(serve(etag=None)) as p:
        write(p.path(".part"), OTHER[:50_000])
        result, messages = p.fetch()
        p.expect_file(result)
        expect(p.ranges() == ["bytes=50000-", None], f"asked for {p.ranges()}")
        expect(any("beginning anew" in line for line in messages), f"told {messages}")


def a_part_that_is_whole():
    with Place(serve()) as p:
        write(p.path(".part"), CONTENT)
        p.expect_file(p.fetch()[0])
    with Place(serve()) as p:
        write(p.path(".part"), CONTENT + b"more")
        p.expect_file(p.fetch()[0])


def wrong_bytes():
    with Place(serve(OTHER)) as p:
        p.expect_error(p.fetch()[0], "format", "expected a SHA-256 of")
        expect(os.listdir(p.folder) == [], "nothing of it stays")
        expect(len(p.server.requests) == 1, "once is enough")


def lies_about_the_length():
    with Place(serve(length=400_000, stop_at=len(CONTENT)), serve()) as p:
        p.expect_file(p.fetch()[0])
    with Place(serve(length=100_000)) as p:
        p.expect_error(p.fetch()[0], "format", "expected a SHA-256 of")
    with Place(no_length) as p:
        p.expect_file(p.fetch()[0])
    with Place(serve(stop_at=50_000), wrong_part, serve()) as p:
        p.expect_file(p.fetch()[0])
    with Place(serve(stop_at=50_000), wrong_part) as p:
        p.expect_error(p.fetch()[0], "io")


def redirects():
    moved = answer(302, Location="/elsewhere")
    with Place(moved, serve(stop_at=100_000), moved, serve()) as p:
        p.expect_file(p.fetch()[0])
        expect(p.server.requests[1][0] == "/elsewhere", "where it went")
        expect(p.ranges()[3] == "bytes=100000-", "the rest is asked for there")
    with Place(answer(302, Location="/again")) as p:
        p.expect_error(p.fetch()[0], "io", "redirects")
    with Place(answer(302, Location="file:///etc/passwd")) as p:
        p.expect_error(p.fetch()[0], "io", "file")


def a_slow_server():
    with Place(serve(chunk=30_000, pause_s=0.3)) as p:  # 3 s in all, never 2 s of silence
        p.expect_file(p.fetch(stall_s=2)[0])
        expect(len(p.server.requests) == 1, "slow is no failure")
    with Place(silent, serve()) as p:
        p.expect_file(p.fetch(stall_s=1)[0])
        expect(p.ranges() == [None, "bytes=100000-"], f"asked for {p.ranges()}")


def refusals():
    with Place(answer(404)) as p:
        p.expect_error(p.fetch()[0], "io", "404", FILE, p.folder)
        expect(len(p.server.requests) == 1, "a 404 is not asked again")
    with Place(answer(503), serve()) as p:
        p.expect_file(p.fetch()[0])
    with Place(serve(), serve()) as p:
        p.server.server_close()
        result, _ = p.fetch(mirror="http://127.0.0.1:9/models")
        p.expect_error(result, "io", f"https://download.pytorch.org/models/{FILE}", p.folder)
    with Place(serve()) as p:
        p.expect_error(p.fetch(mirror="ftp://127.0.0.1/models")[0], "argument", "http")


def two_at_once():
    with Place(serve(chunk=20_000, pause_s=0.1)) as p:
        first = p.start()
        while not p.server.requests:
            time.sleep(0.02)
        result, _ = p.fetch()
        p.expect_error(result, "argument", "another process")
        p.expect_file(first.communicate(timeout=60)[0].splitlines()[-1])


def a_proxy():
    with Place(serve()) as p:
        proxy = p.mirror.removesuffix("/models")
        result, _ = p.fetch(mirror="http://weights.invalid/models", http_proxy=proxy)
        p.expect_file(result)
        expect(p.server.requests[0][0] == f"http://weights.invalid/models/{FILE}", "through it")


def folders():
    with Place(serve()) as p:
        result, _ = p.fetch(DNNBRAIN_DATA=os.path.join(p.root, "data"))
        expected = os.path.join(p.root, "data", "models", FILE)
        expect(result == f"ok {expected}", f"with DNNBRAIN_DATA: {result}")
    if os.geteuid() != 0:  # root writes everywhere
        with Place(serve()) as p:
            os.chmod(p.root, 0o500)
            p.expect_error(p.fetch()[0], "io", p.root)
            os.chmod(p.root, 0o700)
    with Place(serve()) as p:
        write(os.path.join(p.root, "dnnbrain"), b"a file")
        p.expect_error(p.fetch()[0], "io", "dnnbrain")


for case in (a_good_server, a_server_that_breaks_off, a_later_call_goes_on, the_caller_stops,
             another_version_since, a_part_of_another_file, a_part_that_is_whole, wrong_bytes,
             lies_about_the_length, redirects, a_slow_server, refusals, two_at_once, a_proxy,
             folders):  # fmt: skip
    begin = time.monotonic()
    function, case = case, case.__name__.replace("_", " ")
    function()
    print(f"{case}: {time.monotonic() - begin:.1f} s")
sys.exit(1 if failures else 0)
