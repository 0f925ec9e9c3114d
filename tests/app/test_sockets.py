"""The web's sockets: whoever sends something is heard at once, and open ones that say nothing cost nothing."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from waitress.server import create_server

from app import sockets as our_sockets
from app.sockets import Channel, Sockets

LARGE = b"large" * 1_000_000
ASKED: Counter[str] = Counter()


class Counted(Channel):
    """Counts how often connections are asked what they wait for."""

    def readable(self) -> bool:
        """As it is."""
        ASKED["readable"] += 1
        return bool(super().readable())


def site(environ: Any, start_response: Any) -> list[bytes]:
    body = LARGE if environ["PATH_INFO"] == "/large" else environ["wsgi.input"].read() or b"well"
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


Serve = Callable[..., tuple[Sockets, int]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves the small site in threads of this process; gives its sockets and its port."""
    with ExitStack() as ends:

        def begin(**settings: Any) -> tuple[Sockets, int]:
            open_ones, is_over = Sockets(), threading.Event()
            server = create_server(site, map=open_ones, host="127.0.0.1", port=0, threads=2, **settings)
            server.channel_class = Counted
            end_wait, server.pull_trigger = server.pull_trigger, lambda: None
            waiting = threading.Thread(target=_wait, args=(open_ones, is_over))
            waiting.start()

            def end() -> None:
                is_over.set()
                end_wait()
                waiting.join(10)
                server.task_dispatcher.shutdown()
                for one in list(open_ones.values()):
                    one.handle_close()

            ends.callback(end)
            return open_ones, server.effective_port

        yield begin


def test_open_sockets_that_say_nothing_are_not_asked_for_every_request(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(our_sockets, "ASK_ALL_EVERY_S", 1_000)
    _, port = serve()
    with ExitStack() as clients:
        one, *idle = [clients.enter_context(_connected(port)) for _ in range(41)]
        assert [_ask(each) for each in (*idle, one)] == [b"well"] * 41
        before = ASKED.total()
        assert [_ask(one) for _ in range(50)] == [b"well"] * 50
        asked = ASKED.total() - before
    assert asked < 50 * 10


def test_numbers_of_sockets_are_used_again(serve: Serve) -> None:
    open_ones, port = serve()
    steady = len(open_ones)
    for _ in range(60):
        with _connected(port) as client:
            assert _ask(client) == b"well"
        with _connected(port) as client:
            client.sendall(b"GET / HT")
    with _connected(port) as client:
        assert _ask(client) == b"well"
        assert len(open_ones) <= steady + 3
        assert set(open_ones._awaited) <= set(open_ones)


def test_a_large_answer_comes_whole_to_who_reads_slowly(serve: Serve) -> None:
    _, port = serve(outbuf_high_watermark=200_000)
    with _connected(port) as client:
        assert [_ask(client, path="/large") == LARGE for _ in range(2)] == [True, True]


def test_requests_sent_at_once_are_answered_in_their_order(serve: Serve) -> None:
    _, port = serve()
    with _connected(port) as client:
        client.sendall(b"".join(_request(body=str(number).encode()) for number in range(5)))
        with client.makefile("rb") as answers:
            assert [_answer(answers) for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]


def test_who_is_told_to_go_on_goes_on(serve: Serve) -> None:
    _, port = serve()
    with _connected(port) as client, client.makefile("rb") as answers:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert [answers.readline(), answers.readline()] == [b"HTTP/1.1 100 Continue\r\n", b"\r\n"]
        client.sendall(b"went")
        assert _answer(answers) == b"went"


def test_a_connection_that_is_silent_for_too_long_is_closed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(our_sockets, "ASK_ALL_EVERY_S", 0)
    _, port = serve(channel_timeout=1, cleanup_interval=0)
    with _connected(port) as client:
        assert _ask(client) == b"well"
        assert client.recv(1) == b""


def _wait(open_ones: Sockets, is_over: threading.Event) -> None:
    while not is_over.is_set():
        open_ones.wait(0.5)


def _connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def _request(path: str = "/", body: bytes = b"") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _ask(client: socket.socket, path: str = "/") -> bytes:
    client.sendall(_request(path))
    with client.makefile("rb") as answers:
        return _answer(answers)


def _answer(answers: Any) -> bytes:
    assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
    length = 0
    while (line := answers.readline()) != b"\r\n":
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return bytes(answers.read(length))
