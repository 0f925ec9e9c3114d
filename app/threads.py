"""Which requests the threads of the web take: of large ones and of looks few, so that others never wait behind many."""

import sys
from collections import deque
from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import ThreadedTaskDispatcher

LARGE_BYTES = 8 * 1024
"""A batch or an upload: its work is many times that of a form or a page."""
OPERATORS = "/ops/"
"""Under it are the pages that tell of all jobs; left open, each looks again every few seconds."""


class Threads(ThreadedTaskDispatcher):  # type: ignore[misc]
    """waitress's threads, of which few take what would take all of them.

    A quarter, and at least one, may take a large request at the same moment; an eighth, and at least one, a look of a
    page that operators have open.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.queue = _Line(most_large=max(1, count // 4), most_looks=max(1, count // 8))
        self.set_thread_count(count)


class _Share:
    """Those of one kind: who waits, numbered in the order they came, and how many of them are at work."""

    def __init__(self, most: int) -> None:
        self.waiting, self.at_work, self.most = deque[tuple[int, HTTPChannel]](), deque[None](), most

    def __len__(self) -> int:
        """How many may be taken now."""
        return min(len(self.waiting), max(0, self.most - len(self.at_work)))


class _Line:
    """Who waits, in the order they came; those of a kind are passed by while enough of it are at work.

    The dispatcher asks and changes it with its lock held; one that is done says so without: it is counted out by
    taking it from a deque, which needs no lock.
    """

    def __init__(self, *, most_large: int, most_looks: int) -> None:
        self._small, self._large, self._looks = _Share(sys.maxsize), _Share(most_large), _Share(most_looks)
        self._number = 0

    def append(self, channel: HTTPChannel) -> None:
        """Let it wait."""
        self._number += 1
        share = self._large if _is_large(channel) else self._looks if _is_look(channel) else self._small
        share.waiting.append((self._number, channel))

    def popleft(self) -> Any:
        """Who came first of those that may be taken now; there must be one."""
        share = min((one for one in (self._small, self._large, self._looks) if one), key=lambda one: one.waiting[0][0])
        share.at_work.append(None)
        return _Taken(share.waiting.popleft()[1], share.at_work)

    def __len__(self) -> int:
        """How many may be taken now."""
        return len(self._small) + len(self._large) + len(self._looks)


class _Taken:
    """A channel whose request is counted among those of its kind at work, until it is done."""

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
        self._at_work.pop()
        self._channel.cancel()


def _is_large(channel: HTTPChannel) -> bool:
    body = channel.requests[0].body_rcv
    return body is not None and len(body) > LARGE_BYTES


def _is_look(channel: HTTPChannel) -> bool:
    request = channel.requests[0]
    return request.error is None and "HX_PTAG" in request.headers and request.path.startswith(OPERATORS)
