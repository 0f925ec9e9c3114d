"""Which requests the threads of the web take: large ones in a few only, so that small ones never wait behind many."""

from collections import deque
from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import ThreadedTaskDispatcher

LARGE_BYTES = 8 * 1024
"""A batch or an upload: its work is many times that of a form or a page."""


class Threads(ThreadedTaskDispatcher):  # type: ignore[misc]
    """waitress's threads, of which a quarter, and at least one, may take a large request at the same moment."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.queue = _Line(most_large=max(1, count // 4))
        self.set_thread_count(count)


class _Line:
    """Who waits, in the order they came; the large are passed by while enough of them are at work.

    The dispatcher asks and changes it with its lock held; a large one that is done says so without: it is counted out
    by taking it from a deque, which needs no lock.
    """

    def __init__(self, *, most_large: int) -> None:
        self._small, self._large = deque[tuple[int, HTTPChannel]](), deque[tuple[int, HTTPChannel]]()
        self._at_work, self._most_large, self._number = deque[None](), most_large, 0

    def append(self, channel: HTTPChannel) -> None:
        """Let it wait."""
        self._number += 1
        (self._large if _is_large(channel) else self._small).append((self._number, channel))

    def popleft(self) -> Any:
        """Who came first of those that may be taken now; there must be one."""
        large = self._large and len(self._at_work) < self._most_large
        if large and (not self._small or self._large[0] < self._small[0]):
            self._at_work.append(None)
            return _Large(self._large.popleft()[1], self._at_work)
        return self._small.popleft()[1]

    def __len__(self) -> int:
        """How many may be taken now."""
        return len(self._small) + min(len(self._large), max(0, self._most_large - len(self._at_work)))


class _Large:
    """A channel whose request is large, counted among those at work until it is done."""

    def __init__(self, channel: HTTPChannel, at_work: deque[None]) -> None:
        self._channel, self._at_work = channel, at_work

    def service(self) -> None:
        """Answer it."""
        try:
            self._channel.service()
        finally:
            self._at_work.pop()

    def cancel(self) -> None:
        """Answer it no more."""
        self._channel.cancel()


def _is_large(channel: HTTPChannel) -> bool:
    body = channel.requests[0].body_rcv
    return body is not None and len(body) > LARGE_BYTES
