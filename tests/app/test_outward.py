"""Calling addresses outside: only public ones, and only the one that was looked at."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any, Self

import pytest

from app.outward import AddressRefused, Answer, CallFailed, ask, is_public, post

PRIVATE = [
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
    *("192.0.0.1", "198.18.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fec0::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1"),
    *("2002:7f00:1::", "2001:0:7f00:1::", "ff02::1", "not an address", ""),
]
REFUSED = [
    *("http://example.org/", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org", "//example.org"),
    *("https://example.org:22/", "https://example.org:99999/", "https://me:secret@example.org/", "https:///x", "x"),
    *("https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://2130706433/", "https://0x7f000001/"),
    *("https://127.1/", "https://017700000001/", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/"),
]


def test_addresses_that_are_not_public_are_known_in_every_spelling() -> None:
    assert [one for one in PRIVATE if is_public(one)] == []
    assert [is_public(one) for one in ("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c")] == [True, True]


def test_what_must_not_be_called_is_refused_before_anything_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object, **__: object) -> socket.socket:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "create_connection", opened)
    for url in REFUSED:
        with pytest.raises(AddressRefused):
            post(url, b"{}", headers={})


def test_listener_on_this_machine_hears_nothing_unless_it_is_trusted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        port = listener.getsockname()[1]
        for url in (f"http://127.0.0.1:{port}/", f"https://127.0.0.1:{port}/", f"http://localhost:{port}/"):
            with pytest.raises(AddressRefused):
                post(url, b"{}", headers={}, trusted=("example.org",))
        with pytest.raises(TimeoutError):
            listener.accept()
        with pytest.raises(CallFailed):
            post(f"http://127.0.0.1:{port}/", b"{}", headers={}, trusted=("127.0.0.1",), deadline_s=0.2)
        listener.accept()[0].close()


class Line:
    """One connection to a listener on this machine, which is told what to say, byte by byte if need be."""

    def __init__(self, *parts: bytes, pause_s: float = 0.0) -> None:
        self._parts, self._pause_s = parts, pause_s
        self.heard = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._talk, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/a?b=1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._thread.join(timeout=5)

    def _talk(self) -> None:
        with self._listener.accept()[0] as one:
            while b"\r\n\r\n{}" not in self.heard:
                self.heard += one.recv(4096)
            try:
                for part in self._parts:
                    one.sendall(part)
                    time.sleep(self._pause_s)
            except OSError:
                pass  # whoever asked has gone


def asked(line: Line, **more: Any) -> Answer:
    return ask(line.url, b"{}", headers={"X-A": "1"}, trusted=("127.0.0.1",), **more)


def test_an_answer_is_given_whatever_it_says() -> None:
    with Line(b"HTTP/1.1 429 Busy\r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\nlater") as line:
        assert asked(line) == Answer(429, b"later", "7", is_cut=False)
    assert line.heard.startswith(b"POST /a?b=1 HTTP/1.1\r\n")
    assert b"X-A: 1\r\n" in line.heard


def test_a_redirect_is_an_answer_like_any_other() -> None:
    with Line(b"HTTP/1.1 307 There\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n") as line:
        assert asked(line) == Answer(307, b"", None, is_cut=False)


def test_no_more_of_an_answer_is_read_than_was_wanted() -> None:
    with Line(b"HTTP/1.0 200 OK\r\nContent-Length: 100000000\r\n\r\n", *[b"x" * 1000] * 4) as line:
        assert asked(line, largest=1500) == Answer(200, b"x" * 1500, None, is_cut=True)


def test_an_answer_that_breaks_off_is_none() -> None:
    with Line(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel") as line, pytest.raises(CallFailed, match="3 bytes"):
        asked(line)


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
    ],
)
def test_who_talks_a_byte_at_a_time_is_cut_off_when_the_time_is_over(beginning: bytes) -> None:
    with Line(beginning, *[b"x"] * 100, pause_s=0.05) as line:
        began = time.monotonic()
        with pytest.raises(CallFailed, match="timed out"):
            asked(line, deadline_s=0.3)
        assert time.monotonic() - began < 1


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with Line(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as line:
        assert asked(line).body == b"ok"
