"""Waiting for what other threads and processes do."""

import time
from collections.abc import Callable

LOOK_AGAIN_S = 0.05


def wait_until(
    is_so: Callable[[], bool], *, within_s: float = 60, what: str | Callable[[], object] = "it did not come to be"
) -> float:
    """How many seconds it took. Where it took too many, the test fails and tells `what`."""
    started = time.monotonic()
    while not is_so():
        assert time.monotonic() - started < within_s, what() if callable(what) else what
        time.sleep(LOOK_AGAIN_S)
    return time.monotonic() - started
