"""Which requests the threads of the web take: of large ones and of looks few, so that others never wait behind many."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Literal

from waitress.channel import HTTPChannel
from waitress.task import ThreadedTaskDispatcher

LARGE_BYTES = 8 * 1024
"""A batch or an upload: its work is many times that of a form or a page."""
OPERATORS = "/ops/"
"""Under it are the pages that tell of all jobs; left open, each looks again every few seconds."""
LOOKS_TAKE_ONE_IN = 24
"""Threads share one interpreter: what many small looks take from all others is its time, however few are at work."""
PROGRAMS = "/api/"
"""Under it programs ask, of which one may send fifty requests at once; whoever waits for a page sends one."""
CALM_AFTER_S = 0.1
"""Those who are answered one after the other leave moments between them in which looks would still be in their way."""


class Threads(ThreadedTaskDispatcher):  # type: ignore[misc]
    """waitress's threads, of which few take what would take all of them.

    A quarter, and at least one, may take a large request at the same moment; an eighth, and at least one, a look of a
    page that operators have open. While others are answered, and a moment longer, looks rest after each as long as
    they need to take no more than a twenty-fourth of one processor's time. All the others are taken by turns, one for a
    page and one of a program; each has `alone_s` seconds before the next is begun, unless it ends sooner.
    """

    def __init__(self, count: int, *, alone_s: float = 0.0) -> None:
        super().__init__()
        few, fewer = max(1, count // 4), max(1, count // 8)
        self.queue = _Line(self.lock, alone_s=alone_s, most_large=few, most_looks=fewer)
        self.queue_cv = self.queue.bell
        self.set_thread_count(count)


Numbered = tuple[int, HTTPChannel]
"""Who waits, with a number in the order of all who came."""


class _Turns:
    """Those who wait for pages, and programs: by turns while there are both, and each in the order they came."""

    def __init__(self) -> None:
        self._people, self._programs, self._people_next = deque[Numbered](), deque[Numbered](), True

    def __len__(self) -> int:
        """How many wait."""
        return len(self._people) + len(self._programs)

    def __getitem__(self, _first: Literal[0]) -> Numbered:
        """Whose turn it is."""
        return self._line()[0]

    def append(self, one: Numbered) -> None:
        """Let it wait."""
        (self._programs if _is_program(one[1]) else self._people).append(one)

    def popleft(self) -> Numbered:
        """Whose turn it is, who waits no more."""
        line = self._line()
        self._people_next = line is self._programs
        return line.popleft()

    def _line(self) -> deque[Numbered]:
        is_for_people = self._people_next if self._people and self._programs else bool(self._people)
        return self._people if is_for_people else self._programs


class _Share:
    """Those of one kind: who waits, and how many of them are at work."""

    def __init__(self, most: int = sys.maxsize, *, waiting: deque[Numbered] | _Turns | None = None) -> None:
        self.waiting = deque[Numbered]() if waiting is None else waiting
        self.at_work, self._most = deque[None](), most
        self._calm_at = -math.inf

    def __len__(self) -> int:
        """How many may be taken now."""
        return min(len(self.waiting), max(0, self._most - len(self.at_work)))

    def take(self) -> _Taken:
        """The first of them, at work from now on."""
        self.at_work.append(None)
        return _Taken(self, self.waiting.popleft()[1])

    def end(self, _took_s: float) -> None:
        """One of them is done. A deque needs no lock; until this is seen, one less is taken."""
        self._calm_at = time.monotonic() + CALM_AFTER_S
        self.at_work.pop()

    def calm_at(self) -> float:
        """The moment from which others need not make room for them, if no more come."""
        return math.inf if self.waiting or self.at_work else self._calm_at


class _Small(_Share):
    """Neither large nor looks: one at a time, as long as it is quick."""

    def __init__(self, alone_s: float) -> None:
        super().__init__(waiting=_Turns())
        self._alone_s, self._next_at = alone_s, 0.0

    def rest_s(self) -> float:
        """For how many seconds from now the one at work is alone, if it takes so long."""
        return max(0.0, self._next_at - time.monotonic()) if self._alone_s and self.at_work else 0.0

    def take(self) -> _Taken:
        """The first of them, at work from now on."""
        self._next_at = time.monotonic() + self._alone_s
        return super().take()


class _Looks(_Share):
    """Looks, which rest after each while `others` are answered."""

    def __init__(self, lock: threading.Lock, most: int, others: Sequence[_Share]) -> None:
        super().__init__(most)
        self._lock, self._rest_until, self._others = lock, 0.0, others

    def rest_s(self) -> float:
        """For how many seconds from now they rest."""
        calm_at = max(one.calm_at() for one in self._others)
        return max(0.0, min(self._rest_until, calm_at) - time.monotonic())

    def end(self, took_s: float) -> None:
        """One is done, and took so much of the processor's time."""
        with self._lock:  # whoever counted with it that one may be taken finds it so
            self._rest_until = max(self._rest_until, time.monotonic()) + took_s * (LOOKS_TAKE_ONE_IN - 1)
            super().end(took_s)


class _Line:
    """Who waits, in the order they came or by turns; those of a kind are passed by while they may not be taken.

    The dispatcher asks and changes it with its lock held.
    """

    def __init__(self, lock: threading.Lock, *, alone_s: float, most_large: int, most_looks: int) -> None:
        self._small, self._large = _Small(alone_s), _Share(most_large)
        self._looks = _Looks(lock, most_looks, [self._small, self._large])
        self._resting: list[_Small | _Looks] = [self._small, self._looks] if alone_s else [self._looks]
        self._number, self.bell = 0, _Bell(lock, self)

    def append(self, channel: HTTPChannel) -> None:
        """Let it wait."""
        self._number += 1
        share = self._large if _is_large(channel) else self._looks if _is_look(channel) else self._small
        share.waiting.append((self._number, channel))

    def popleft(self) -> Any:
        """Who came first of those that may be taken now; there must be one."""
        taken = min(self._free(), key=lambda share: share.waiting[0]).take()
        self.bell.keep_watch()
        return taken

    def __len__(self) -> int:
        """How many may be taken now."""
        return sum(len(share) for share in self._free())

    def awake_in_s(self) -> float | None:
        """In how many seconds there is something to take again by itself; None when nothing rests."""
        return min((share.rest_s() for share in self._resting if share), default=None)

    def _free(self) -> list[_Share]:
        small: list[_Share] = [self._small] if self._small and not self._small.rest_s() else []
        others = [*small, self._large] if self._large else small
        return [*others, self._looks] if self._looks and not self._looks.rest_s() else others


class _Bell(threading.Condition):
    """What idle threads wait for. Nobody rings when a rest is over: one of those who wait looks up by itself."""

    def __init__(self, lock: threading.Lock, line: _Line) -> None:
        super().__init__(lock)
        self._line = line
        self._looked_up_at: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Until it rings, or until a rest is over."""
        until_s = self._line.awake_in_s() if timeout is None else timeout
        if until_s is None:
            return super().wait()
        self._looked_up_at.append(at := time.monotonic() + until_s)
        try:
            return super().wait(until_s)
        finally:
            self._looked_up_at.remove(at)

    def notify(self, n: int | None = None) -> None:
        """Ring for so many. Without a number for one, if there is something to do or to wait for."""
        if n is not None or self._line:
            super().notify(n or 1)
        else:
            self.keep_watch()

    def keep_watch(self) -> None:
        """Ring for one, if there is a rest after which nobody would look up."""
        until_s = self._line.awake_in_s()
        if until_s is not None and min(self._looked_up_at, default=math.inf) > time.monotonic() + until_s:
            super().notify()


class _Taken:
    """A channel whose request is counted among those of its kind at work, until it is done."""

    def __init__(self, share: _Share, channel: HTTPChannel) -> None:
        self._share, self._channel = share, channel

    def service(self) -> None:
        """Answer it."""
        began = time.thread_time()
        try:
            self._channel.service()
        finally:
            self._share.end(time.thread_time() - began)

    def cancel(self) -> None:
        """Answer it no more."""
        self._share.at_work.pop()
        self._channel.cancel()


def _is_large(channel: HTTPChannel) -> bool:
    body = channel.requests[0].body_rcv
    return body is not None and len(body) > LARGE_BYTES


def _is_program(channel: HTTPChannel) -> bool:
    request = channel.requests[0]
    return request.error is None and request.path.startswith(PROGRAMS)


def _is_look(channel: HTTPChannel) -> bool:
    request = channel.requests[0]
    return request.error is None and "HX_PTAG" in request.headers and request.path.startswith(OPERATORS)
