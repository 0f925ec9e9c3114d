"""The small host's jobs that harm whoever runs them."""

import sys
import threading
import time
import traceback
from collections.abc import Callable

from dramatiq.threading import raise_thread_exception

from jobs import JobGroup


class UnreadableError(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise ValueError("no text")


ERRORS: dict[str, Callable[[], BaseException]] = {
    "plain": lambda: ValueError("no"),
    "memory": MemoryError,
    "keyboard": KeyboardInterrupt,
    "exit": lambda: SystemExit(3),
    "base": lambda: BaseException("bare"),
    "unreadable": UnreadableError,
    "no text at all": lambda: ValueError("\udcff\x00"),
    "ten megabytes": lambda: ValueError("x" * 10_000_000),
}
"""What a job may raise, by the word it is asked for."""
AGAIN_S = 0.5


def declare_hazards(group: JobGroup, queue: str, write_down: Callable[..., None]) -> None:
    """Declare jobs that raise whatever there is, end threads, and write much."""

    @group.actor(queue_name=queue, max_retries=1, min_backoff=200)
    def raising(number: int, what: str) -> None:
        """Writes, and raises."""
        write_down(number)
        error = ERRORS[what]()
        raise error

    @group.actor(queue_name=queue)
    def deadly(number: int, thread: str) -> None:
        """Ends another thread of its process: one that could run jobs and has none, or one that fetches wake-ups."""
        write_down(number)
        threading.Thread(target=_end_one, args=(thread,), daemon=True).start()

    @group.actor(queue_name=queue, max_retries=0)
    def wordy(number: int) -> str:
        """Its result needs room in the database."""
        write_down(number)
        return "x" * 40_000


def _end_one(kind: str) -> None:
    """End an idle thread of this kind; again, where it had just begun something that swallows the exception."""
    known = [one for one in threading.enumerate() if type(one).__name__ == kind]
    while all(one.is_alive() for one in known):
        for one in known:
            if one.ident is not None and not _runs_a_job(one.ident):
                raise_thread_exception(one.ident, SystemExit)  # type: ignore[no-untyped-call]
        time.sleep(AGAIN_S)


def _runs_a_job(ident: int) -> bool:
    return "process_message" in {
        frame.f_code.co_name for frame, _ in traceback.walk_stack(sys._current_frames()[ident])
    }
