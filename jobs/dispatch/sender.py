"""Handing written jobs to the broker.

A thread of its own talks to Redis, so that nobody who commits ever waits for it; what piles up meanwhile goes out
together. A wake-up that cannot be sent is dropped: the relay notices ready jobs that nobody was told of.
"""

import os
import threading
import time
from collections.abc import Callable

from jobs.log import get_logger

MOST_AT_ONCE = 8
MOST_HELD = 16
PAUSE_AFTER_ERROR_S = 1.0
REST_S = 0.003
REST_WHEN_FULL_S = 0.03
"""After a hand-over: the first of many goes at once, and the others together."""

log = get_logger(__name__)


class Sender:
    """Sends wake-ups for queues, coalesced, from a background thread."""

    def __init__(self, send: Callable[..., object]) -> None:
        self._send = send
        self._pending: dict[str, int] = {}
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
            self._pending[queue] = self._pending.get(queue, 0) + ready_count
            self._changed.notify_all()

    def flush(self, timeout_s: float = 1.0) -> None:
        """Wait until everything said so far was handed over or dropped, at most this long."""
        with self._changed:
            if self._pid == os.getpid():
                self._changed.wait_for(lambda: not self._pending and not self._is_sending, timeout_s)

    def _start(self) -> None:
        self._pid, self._pending, self._is_sending = os.getpid(), {}, False
        self._thread = threading.Thread(target=self._run, name="jobs-sender", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._is_sending = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._pending))
                pending, self._pending, self._is_sending = self._pending, {}, True
            self._hand_over(pending)

    def _hand_over(self, pending: dict[str, int]) -> None:
        try:
            full = [self._send(queue, min(count, MOST_AT_ONCE), at_most=MOST_HELD) for queue, count in pending.items()]
        except Exception as error:  # noqa: BLE001 -- whatever happens, the next wake-up wants this thread alive
            if not self._is_down:
                log.warning("redis is away, wake-ups are dropped", extra={"error": str(error)})
            self._is_down = True
            time.sleep(PAUSE_AFTER_ERROR_S)
        else:
            self._is_down = False
            # Where workers have more to do than they can, one more look would tell nobody anything.
            time.sleep(REST_WHEN_FULL_S if all(full) else REST_S)
