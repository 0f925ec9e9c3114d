"""Calling addresses outside: only public ones, and only the one that was looked at."""

from __future__ import annotations

import socket

import pytest

from app.outward import AddressRefused, CallFailed, is_public, post

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
