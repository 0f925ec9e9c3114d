"""The sockets of the web: which of them something happens on, without asking all of them every time."""

from __future__ import annotations

import selectors
import threading
import time
from collections import deque
from select import POLLIN, POLLOUT
from typing import Any

from waitress.channel import HTTPChannel
from waitress.wasyncore import readwrite

ASK_ALL_EVERY_S = 1.0


class Sockets(dict[int, Any]):
    """waitress's map of its sockets, which also waits for them.

    waitress itself asks each socket, before every wait, what it waits for: with the pages of 500 people open, half a
    millisecond for each answer. Here one is asked after something was done with it, by whoever did it, and the kernel
    (epoll, kqueue) hears of it while others wait. All are asked once a second: some have been silent for too long.
    """

    def __init__(self) -> None:
        super().__init__()
        self._selector = selectors.DefaultSelector()
        self._changing = threading.Lock()
        self._awaited: dict[int, int] = {}
        self._new: list[Any] = []
        self._all_at = 0.0

    def __setitem__(self, number: int, one: Any) -> None:
        super().__setitem__(number, one)
        self._new.append(one)  # half made yet

    def __delitem__(self, number: int) -> None:
        with self._changing:
            super().__delitem__(number)
            if self._awaited.pop(number, 0):
                self._selector.unregister(number)

    def wait(self, timeout_s: float) -> None:
        """Until something happens, and do what it asks for; or until nothing has happened for so long."""
        self._ask_new()
        for key, events in self._selector.select(timeout_s):
            if self.get(key.fd) is key.data:
                reads, writes = events & selectors.EVENT_READ, events & selectors.EVENT_WRITE
                readwrite(key.data, (POLLIN if reads else 0) | (POLLOUT if writes else 0))
                self.ask(key.data)

    def ask(self, one: Any) -> None:
        """Note what it waits for now; for whoever did something with it, in whatever thread."""
        with self._changing:
            number = one._fileno
            is_open = number is not None and self.get(number) is one
            if not is_open:
                return
            reads = selectors.EVENT_READ if one.readable() else 0
            awaited = reads | (selectors.EVENT_WRITE if one.writable() and not one.accepting else 0)
            before = self._awaited.get(number, 0)
            if awaited == before:
                return
            self._awaited[number] = awaited
            if not before:
                self._selector.register(number, awaited, one)
            elif awaited:
                self._selector.modify(number, awaited, one)
            else:
                self._selector.unregister(number)

    def _ask_new(self) -> None:
        """New ones, and now and then all."""
        if time.monotonic() >= self._all_at:
            asked, self._all_at = list(self.values()), time.monotonic() + ASK_ALL_EVERY_S
        else:
            asked = self._new
        self._new = []
        for one in asked:
            self.ask(one)


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection, in a map of `Sockets`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._at_work = deque[None]()  # of two threads, when one has the next request before the other has left
        super().__init__(*args, **kwargs)

    def writable(self) -> bool:
        """Whether it is to be sent more: not while a thread makes the answer and sends it by itself, if it can."""
        if self.will_close:
            return True
        if self._at_work:
            return bool(self.total_outbufs_len >= self.adj.outbuf_high_watermark)
        return bool(self.total_outbufs_len or self.close_when_flushed)

    def write_soon(self, data: Any) -> int:
        """Take a piece of the answer. Where too much of it waits to be sent, the next piece will wait."""
        taken: int = super().write_soon(data)
        if self.total_outbufs_len >= self.adj.outbuf_high_watermark:
            self._map.ask(self)
        return taken

    def service(self) -> None:
        """Answer what was asked, in one of the threads."""
        self._at_work.append(None)
        try:
            super().service()
        finally:
            self._at_work.pop()
            self._map.ask(self)
