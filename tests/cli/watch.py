"""The live view as an HTTP client sees it: what is given out, what is refused, who must wait."""

import contextlib
import http.client
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import time

CLI = os.environ["DNNB_CLI"]
# Some seconds of epochs, so that the page is told of more than three of them.
EPOCHS = 160
WAIT_S = 30 # for what takes a second on a machine that is not busy


class Watch:
    """A running `dnnbrain watch`."""

    def __init__(self, run, *options):
        self.program = subprocess.Popen([CLI, "watch", run, *options], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        url = self.program.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:") and url.endswith("/"), (
            url, self.program.stderr.read() if not url else "")
        self.port = int(url.split(":")[2].rstrip("/"))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.program.kill()
        self.program.communicate()

    def ask(self, path, method="GET", headers=None, body=None):
        """(status, headers, body) of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        with contextlib.closing(connection):
            connection.request(method, path, headers=headers or {}, body=body)
            response = connection.getresponse()
            return response.status, response.headers, response.read()

    def send(self, request):
        """What comes back for these bytes, until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def end(self, number):
        self.program.send_signal(number)
        return self.program.wait(WAIT_S)


class Events:
    """The stream of news of a page."""

    def __init__(self, watch):
        self.socket = socket.create_connection(("127.0.0.1", watch.port), timeout=WAIT_S)
        self.socket.sendall(f"GET /events HTTP/1.1\r\nHost: localhost:{watch.port}\r\n\r\n".encode())
        response = http.client.HTTPResponse(self.socket)
        response.begin()
        assert response.status == 200, response.status
        assert response.getheader("Content-Type") == "text/event-stream"
        self.response = response

    def next(self):
        """(kind, data) of the next event."""
        kind, data = "message", None
        while True:
            line = self.response.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: "):
                data = line[6:]
            elif line == "" and data is not None:
                return kind, data

    def next_run(self, condition=lambda data: True):
        """The data of the next event that satisfies the condition."""
        end_s = time.monotonic() + WAIT_S
        while time.monotonic() < end_s:
            kind, data = self.next()
            if kind == "message" and condition(json.loads(data)):
                return json.loads(data)
        raise AssertionError("no such event")

    def close(self):
        self.response.close()
        self.socket.close()


def test_gives_out_a_run_and_nothing_else(run):
    with Watch(run) as watch:
        status, headers, page = watch.ask("/")
        assert status == 200 and page.startswith(b"<!doctype html>"), status
        policy = headers["Content-Security-Policy"]
        for rule in ("default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'"):
            assert rule in policy, policy
        for name, value in (("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"),
                            ("Referrer-Policy", "no-referrer"),
                            ("Cross-Origin-Resource-Policy", "same-origin")):
            assert headers[name] == value, (name, headers[name])
        assert "Access-Control-Allow-Origin" not in headers
        status, headers, data = watch.ask("/report.json")
        assert status == 200 and json.loads(data)["run"]["state"] == "finished", data[:200]
        for name in ("config.json", "history.csv", "train_dict.pkl", "log.jsonl", "epoch_loss.svg",
                     "score.png", "predictions.csv"):
            status, headers, body = watch.ask("/" + name)
            with open(os.path.join(run, name), "rb") as file:
                assert status == 200 and body == file.read(), name
            assert "sandbox" in headers["Content-Security-Policy"], name
        status, headers, body = watch.ask("/config.json", "HEAD")
        assert status == 200 and body == b"", body
        assert int(headers["Content-Length"]) == os.path.getsize(os.path.join(run, "config.json"))
        # Large ones are streamed.
        status, headers, body = watch.ask("/model.pth")
        assert status == 200 and len(body) == os.path.getsize(os.path.join(run, "model.pth"))


def test_refuses_what_is_no_file_of_the_run(run):
    os.makedirs("linked", exist_ok=True)
    for name in ("config.json", "train_dict.json"):
        shutil.copy(os.path.join(run, name), "linked")
    with open("secret", "w") as file:
        file.write("secret\n")
    os.symlink(os.path.abspath("secret"), "linked/history.csv.link")
    os.symlink("../secret", "linked/score.svg")
    os.symlink("/etc", "linked/epoch_loss.svg")
    os.mkdir("linked/score.png")
    os.mkfifo("linked/confusion.png")
    with Watch("linked") as watch:
        outside = ["/../secret", "/..%2fsecret", "/%2e%2e/secret", "/./config.json", "//config.json",
                   "/config.json/", "/config.json/../../secret", "/linked/config.json",
                   "/history.csv.link", "/score.svg", "/epoch_loss.svg", "/epoch_loss.svg/passwd",
                   "/score.png", "/confusion.png", "/lock", "/checkpoint/x", "/model.pth",
                   "/etc/passwd", "/" + "a" * 4000, "/CONFIG.JSON", "/config.json%00.png%00/x",
                   "/favicon.ico", "/\\..\\secret"]
        for path in outside:
            status, _, body = watch.ask(path)
            found = path.startswith("/config.json%00") # a name ends at its NUL
            assert status == (200 if found else 404), (path, status)
            assert b"secret\n" not in body and b"root:" not in body, path
        # Absolute and odd forms of a request.
        host = f"Host: 127.0.0.1:{watch.port}\r\n\r\n"
        for line in ("GET ../secret HTTP/1.1", "GET http://127.0.0.1/../secret HTTP/1.1",
                     "GET /../../../../etc/passwd HTTP/1.0", "GET  HTTP/1.1", "GET", ""):
            answer = watch.send(f"{line}\r\n{host}".encode())
            assert b"200 OK" not in answer and b"root:" not in answer, (line, answer)
        assert watch.ask("/report.json")[0] == 200


def test_refuses_other_names_and_methods(run):
    with Watch(run) as watch:
        port = watch.port
        for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}"):
            assert watch.ask("/report.json", headers={"Host": host})[0] == 200, host
        wrong = ["evil.example", f"evil.example:{port}", "localhost", "127.0.0.1",
                 f"127.0.0.1:{port + 1}", f"127.0.0.1.evil.example:{port}", f"127.0.0.2:{port}",
                 f"0.0.0.0:{port}", f"[::1]:{port}", f"localhost:{port}@evil.example", "",
                 f"localhost.:{port}", f"localhost:0{port}", f"evil.example/localhost:{port}"]
        for host in wrong:
            for path in ("/", "/report.json", "/events", "/config.json"):
                status, _, body = watch.ask(path, headers={"Host": host})
                assert status in (400, 403) and b"network" not in body, (host, path, status)
        assert b" 200 " not in watch.send(b"GET / HTTP/1.1\r\n\r\n") # no name at all
        assert b" 200 " not in watch.send(b"GET / HTTP/1.0\r\n\r\n")
        both = f"GET / HTTP/1.1\r\nHost: evil.example\r\nHost: localhost:{port}\r\n\r\n"
        assert b" 200 " not in watch.send(both.encode())
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "FOO"):
            status, headers, _ = watch.ask("/", method, body=b"x" * 100 if method == "POST" else None)
            assert status == 405 and headers["Allow"] == "GET, HEAD", (method, status)
        assert watch.ask("/", body=b"x" * 100)[0] == 400
        assert watch.ask("/report.json")[0] == 200


def test_slow_and_many_clients_hold_up_nobody(run):
    with Watch(run) as watch:
        opened = []
        for i in range(20): # some say nothing, some half a request, some never read the answer
            client = socket.create_connection(("127.0.0.1", watch.port), timeout=WAIT_S)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            host = f"Host: localhost:{watch.port}\r\n"
            client.sendall([b"", b"GET / HT", f"GET /model.pth HTTP/1.1\r\n{host}\r\n".encode(),
                            f"GET / HTTP/1.1\r\n{host}X: ".encode()][i % 4])
            opened.append(client)
        streams = [Events(watch) for _ in range(32)] # as many as it takes
        begin_s = time.monotonic()
        for _ in range(5):
            assert watch.ask("/report.json")[0] == 200
        assert time.monotonic() - begin_s < 10, "a slow client holds up the others"
        assert watch.ask("/events")[0] == 503
        for stream in streams:
            assert stream.next()[0] == "message"
        streams.pop().close()
        # The server notices at its next word to it, after at most 15 seconds; then one more may come.
        for client in opened:
            client.close()
        # More connections than there may be at once: each is answered, some after others.
        crowd = [socket.create_connection(("127.0.0.1", watch.port), timeout=WAIT_S)
                 for _ in range(90)]
        for client in crowd:
            client.close()
        assert watch.ask("/report.json")[0] == 200
        for stream in streams:
            stream.close()


def test_waits_for_a_run_that_is_not_there_yet(run):
    with Watch("later") as watch:
        events = Events(watch)
        assert events.next() == ("waiting", "")
        status, _, page = watch.ask("/")
        assert status == 200 and b"There is none yet in <code>later</code>" in page, page
        assert watch.ask("/waiting.js")[0] == 200
        assert watch.ask("/report.json")[0] == 404
        os.mkdir("later")
        time.sleep(0.7)
        with open("later/config.json", "w") as file: # damaged, or not written by a run
            file.write("{")
        kind, text = events.next()
        assert kind == "waiting" and "later/config.json" in text, (kind, text)
        for name in ("config.json", "train_dict.json", "history.csv", "log.jsonl"):
            shutil.copy(os.path.join(run, name), "later/tmp")
            os.rename("later/tmp", os.path.join("later", name))
        data = events.next_run(lambda data: data["run"]["state"] == "finished")
        assert data["run"]["name"] == "later", data["run"]
        assert b"Waiting" not in watch.ask("/")[2]
        # Its folder is taken away: what was seen last stays, and a new run takes its place.
        shutil.rmtree("later")
        time.sleep(1.2)
        assert watch.ask("/report.json")[0] == 200 and watch.ask("/config.json")[0] == 404
        shutil.copytree(run, "later", ignore=shutil.ignore_patterns("*.pth", "predictions.csv"))
        events.next_run(lambda data: data["classification"] is None)
        events.close()
        watch.program.terminate()
        assert "there is no run yet" in watch.program.communicate()[1]


def test_follows_a_run(train):
    """Epochs come one after the other, without an error between them; --until-end sees the end."""
    with Watch("followed", "--until-end") as watch:
        events = Events(watch)
        program = subprocess.Popen(train + ["--epochs", str(EPOCHS), "--out", "followed"],
                                   stdout=subprocess.DEVNULL)
        counts, state, n_asked = [], None, 0
        while state != "finished":
            data = events.next_run()
            state = data["run"]["state"]
            counts.append(len(data["epochs"]["loss"]))
            assert state in ("going on", "finished"), data["run"]
            for path in ("/", "/report.json"):
                assert watch.ask(path)[0] == 200, path
                n_asked += 1
        assert program.wait() == 0
        assert counts == sorted(counts) and counts[-1] == EPOCHS and len(set(counts)) > 3, counts
        assert watch.program.wait(WAIT_S) == 0
        events.close()
        assert not os.path.exists("followed/lock")
    # Another run in the same folder; the first is overwritten, the second is killed.
    with Watch("followed") as watch:
        events = Events(watch)
        events.next_run(lambda data: data["run"]["state"] == "finished")
        program = subprocess.Popen(train + ["--epochs", "100000", "--out", "followed",
                                            "--overwrite"], stdout=subprocess.DEVNULL)
        events.next_run(lambda data: data["run"]["state"] == "going on" and
                        0 < len(data["epochs"]["loss"]) < EPOCHS)
        program.kill()
        program.wait()
        events.next_run(lambda data: data["run"]["state"] == "cut off")
        events.close()


def test_ends_by_signals(run):
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
        with Watch(run) as watch:
            events = Events(watch)
            assert events.next()[0] == "message"
            assert watch.end(number) == status, number
            assert events.response.read() == b"" # it ends in good order
            again = Watch(run, "--port", str(watch.port)) # at once at the same port
            with again:
                assert again.ask("/report.json")[0] == 200


def start_in_terminal(run, kind):
    """(terminal, its process, port) of a watch that has a terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        if kind == "nohup":
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if kind != "background" or os.fork() == 0:
            if kind == "background":
                os.setpgid(0, 0)
            os.execv(CLI, [CLI, "watch", run])
        signal.pause() # a shell, until it is killed
    output = b""
    while b"/\r\n" not in output:
        output += os.read(terminal, 1000)
    return terminal, pid, int(output.decode().split(":")[2].split("/")[0])


def is_there(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=WAIT_S).close()
    except ConnectionRefusedError:
        return False
    return True


def test_ends_with_its_terminal(run):
    # In the foreground the system sends SIGHUP. One behind a shell that is killed gets none.
    for kind in ("foreground", "background"):
        terminal, pid, port = start_in_terminal(run, kind)
        assert is_there(port), kind
        if kind == "background":
            os.kill(pid, signal.SIGKILL)
        os.close(terminal)
        end_s = time.monotonic() + WAIT_S
        while is_there(port) and time.monotonic() < end_s:
            time.sleep(0.1)
        assert not is_there(port), f"{kind}: it outlives its terminal"
        os.waitpid(pid, 0)
    terminal, pid, port = start_in_terminal(run, "nohup") # asked to outlive it
    os.close(terminal)
    time.sleep(1.5)
    assert is_there(port)
    os.kill(pid, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 143


def test_tells_what_is_wrong(run):
    def fails(status, text, *arguments):
        result = subprocess.run([CLI, "watch", *arguments], capture_output=True, text=True,
                                timeout=WAIT_S)
        assert result.returncode == status and not result.stdout, (arguments, result)
        assert text in result.stderr and result.stderr.count("\n") == 1, (arguments, result.stderr)

    with Watch(run) as watch:
        fails(1, "another program uses", run, "--port", str(watch.port))
    fails(2, "expected a run folder, found a file", os.path.join(run, "config.json"))
    fails(2, "--port", run, "--port", "70000")
    fails(2, "RUN")
    full = os.open("/dev/full", os.O_WRONLY) # the address cannot be told
    result = subprocess.run([CLI, "watch", run], stdout=full, stderr=subprocess.PIPE, text=True,
                            timeout=WAIT_S)
    os.close(full)
    assert result.returncode == 1 and "standard output" in result.stderr, result


def main():
    run, train = sys.argv[1], [CLI, *sys.argv[2:]]
    test_gives_out_a_run_and_nothing_else(run)
    test_refuses_what_is_no_file_of_the_run(run)
    test_refuses_other_names_and_methods(run)
    test_slow_and_many_clients_hold_up_nobody(run)
    test_waits_for_a_run_that_is_not_there_yet(run)
    test_follows_a_run(train)
    test_ends_by_signals(run)
    test_ends_with_its_terminal(run)
    test_tells_what_is_wrong(run)
    print("all of it")


main()
