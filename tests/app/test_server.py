"""The web server: patient with slow sockets, strict with large bodies, polite when it ends."""

import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from app.config import ROOT, Config
from app.server import LARGEST_BODY_BYTES, options
from app.threads import LARGE_BYTES

SLOW_SOCKETS = 500
SITE = """
import sys, time
from pathlib import Path
from app import server
from app.config import Config

def site(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(1)
    if environ["PATH_INFO"] == "/wait":
        while not Path(environ["QUERY_STRING"]).exists():
            time.sleep(0.01)
    if environ["PATH_INFO"] == "/unchanged":
        start_response("304 Not Modified", [])
        return []
    body = environ["REMOTE_ADDR"].encode() + b" " + environ["wsgi.url_scheme"].encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]

config = Config.from_env()
sockets = server.Sockets()
server._allow_many_sockets()
running = server.listening(site, sockets, config)
print("ready", flush=True)
server._serve(running, sockets)
"""


class Site:
    """A small site behind our server's settings, in a process of its own."""

    def __init__(self, folder: Path, **environ: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        environment = {"DATA_DIR": str(folder), "PORT": str(self.port), "WEB_THREADS": "4", **environ}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SITE], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def get(self, path: str = "/", **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        told = answer.status, answer.read().decode()
        connection.close()
        return told

    def send(self, path: str, size: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("POST", path, body=b"x" * size)
        status = connection.getresponse().status
        connection.close()
        return status

    def end(self) -> int:
        self.process.terminate()
        self.process.communicate(timeout=20)
        return self.process.returncode


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    one = Site(tmp_path)
    yield one
    one.end()


def test_it_answers_while_hundreds_of_slow_sockets_are_open(site: Site) -> None:
    slow = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(SLOW_SOCKETS)]
    for one in slow:
        one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    began = time.monotonic()
    answers = [site.get() for _ in range(4)]
    took_s = time.monotonic() - began
    for one in slow:
        one.close()
    print(f"4 answers beside {SLOW_SOCKETS} slow sockets: {took_s * 1000:.0f} ms")
    assert answers == [(200, "127.0.0.1 http")] * 4
    assert took_s < 5


def test_however_many_large_requests_wait_small_ones_are_answered(site: Site, tmp_path: Path) -> None:
    gate = tmp_path / "open"
    with ThreadPoolExecutor(12) as pool:
        large = [pool.submit(site.send, f"/wait?{gate}", LARGE_BYTES + 1) for _ in range(12)]
        time.sleep(0.3)
        small = [site.send("/", LARGE_BYTES), site.get()[0]]
        done = [one.done() for one in large]
        gate.touch()
        answered = [one.result() for one in large]
    assert (small, done, answered) == ([200, 200], [False] * 12, [200] * 12)


def test_a_large_request_is_not_passed_by_for_ever(site: Site, tmp_path: Path) -> None:
    gate = tmp_path / "open"
    with ThreadPoolExecutor(12) as pool:
        small = [pool.submit(site.get, f"/wait?{gate}") for _ in range(3)]
        time.sleep(0.3)
        assert site.send("/", LARGE_BYTES + 1) == 200
        assert [one.done() for one in small] == [False] * 3
        gate.touch()
        assert [one.result()[0] for one in small] == [200] * 3


def test_what_was_asked_before_the_end_is_answered(site: Site) -> None:
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(site.get, "/slow")
        time.sleep(0.3)
        code = site.end()
        assert asked.result() == (200, "127.0.0.1 http")
    assert code == 0


def test_nobody_new_is_let_in_while_it_ends(site: Site) -> None:
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(site.get, "/slow")
        time.sleep(0.3)
        site.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", site.port))
        assert asked.result()[0] == 200


@pytest.mark.parametrize(("headers", "ends"), [({}, False), ({"Connection": "close"}, True)])
def test_a_connection_goes_on_after_an_answer_without_a_body(site: Site, headers: dict[str, str], ends: bool) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    connection.request("GET", "/unchanged", headers=headers)
    first = connection.getresponse()
    assert (first.status, first.read(), first.will_close) == (304, b"", ends)
    with closing(connection):
        port = connection.sock and connection.sock.getsockname()
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"127.0.0.1 http"
        assert (connection.sock.getsockname() == port) is not ends


def test_an_answer_that_is_made_in_one_piece_comes_in_one(site: Site) -> None:
    body = b"127.0.0.1 http"
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as client:
        for _ in range(50):
            client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            head, end, rest = client.recv(65_536).partition(b"\r\n\r\n")
            assert (head.split(b"\r\n")[0], end, rest) == (b"HTTP/1.1 200 OK", b"\r\n\r\n", body)


def test_a_body_that_is_too_large_is_refused_before_it_is_read(site: Site) -> None:
    connection = socket.create_connection(("127.0.0.1", site.port))
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {LARGEST_BODY_BYTES + 1}\r\n\r\n"
    connection.sendall(head.encode() + b"x" * 70_000)
    with connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_headers_of_a_proxy_nobody_trusts_are_ignored(site: Site) -> None:
    assert site.get(X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https") == (200, "127.0.0.1 http")


def test_headers_of_the_trusted_proxy_are_believed(tmp_path: Path) -> None:
    site = Site(tmp_path, TRUSTED_PROXY="127.0.0.1")
    assert site.get(X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https") == (200, "203.0.113.9 https")
    assert site.end() == 0


def test_no_answer_says_what_serves_it(tmp_path: Path) -> None:
    assert options(Config.from_env({"DATA_DIR": str(tmp_path)}))["ident"] is None
