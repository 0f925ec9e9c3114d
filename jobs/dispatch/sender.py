"""Handing written jobs to the broker.

A thread of its own talks to Redis, so that nobody who commits ever waits for it; what piles up meanwhile goes out
together. A wake-up that cannot be sent is dropped: the relay notices ready jobs that nobody was told of.

Where nothing else is to be sent, a wake-up goes ahead of a commit that follows at once: the worker is on its way while
the database writes. Whether it came in time nobody knows, so another one follows the commit as ever.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping

from jobs.log import get_logger

MOST_AT_ONCE = 8
MOST_HELD = 16
PAUSE_AFTER_ERROR_S = 1.0
REST_S = 0.003
REST_WHEN_FULL_S = 0.03
"""After a hand-over: the first of many goes at once, and the others together."""
UNTIL_IT_LOOKS_S = 0.0006
"""After Redis took a wake-up, before the worker that waits for one looks: what is committed by then, it finds."""

log = get_logger(__name__)


class Sender:
    """Sends wake-ups for queues, coalesced, from a background thread."""

    def __init__(self, send: Callable[..., object]) -> None:
        self._send = send
        self._pending: dict[str, int] = {}
        self._ahead: dict[str, int] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._is_down = False
        self._is_sending = False

    def wake(self, queue: str, ready_count: int = 1) -> None:
        """Say that this many jobs of the queue became ready. Returns at once, never raises."""
        with self._changed:
            if self._pid != os.getpid():
                self._start()
            self._ahead = {}
            self._pending[queue] = self._pending.get(queue, 0) + ready_count
            self._changed.notify_all()

    def wake_ahead(self, queue: str) -> None:
        """Say that a job of the queue is about to become ready; `wake` follows when it is. Never waits, never raises.

        Nobody is woken where there is something else to do, or Redis was away when it was last tried.
        """
        with self._changed:
            if self._is_idle() and self._pid == os.getpid() and not self._is_down:
                self._ahead = {queue: 1}
                self._changed.notify_all()

    def flush(self, timeout_s: float = 1.0) -> None:
        """Wait until everything said so far was handed over or dropped, at most this long."""
        with self._changed:
            if self._pid == os.getpid():
                self._changed.wait_for(self._is_idle, timeout_s)

    def _is_idle(self) -> bool:
        return not (self._pending or self._ahead or self._is_sending)

    def _start(self) -> None:
        self._pid, self._pending, self._ahead, self._is_sending = os.getpid(), {}, {}, False
        self._thread = threading.Thread(target=self._run, name="jobs-sender", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._is_sending = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._pending or self._ahead))
                pending, ahead = self._pending, self._ahead
                self._pending, self._ahead, self._is_sending = {}, {}, True
            rest_s = self._hand_over(pending or ahead)
            if not ahead or self._is_committed_in_time(ahead):
                time.sleep(rest_s)

    def _is_committed_in_time(self, ahead: Mapping[str, int]) -> bool:
        """Whether the worker that was woken ahead of a commit will find what was committed."""
        time.sleep(UNTIL_IT_LOOKS_S)
        with self._changed:
            return ahead.keys() <= self._pending.keys()

    def _hand_over(self, pending: Mapping[str, int]) -> float:
        """Send what is pending, or drop it; for how many seconds to rest then."""
        try:
            full = [self._send(queue, min(count, MOST_AT_ONCE), at_most=MOST_HELD) for queue, count in pending.items()]
        except Exception as error:  # noqa: BLE001 -- whatever happens, the next wake-up wants this thread alive
            if not self._is_down:
                log.warning("redis is away, wake-ups are dropped", extra={"error": str(error)})
            self._is_down = True
            return PAUSE_AFTER_ERROR_S
        self._is_down = False
        # Where workers have more to do than they can, one more look would tell nobody anything.
        return REST_WHEN_FULL_S if all(full) else REST_S
