"""Work that hears nobody: it runs in a process of its own, which is ended when its time is over."""

import math
import time


def hard_limited(duration_s: float) -> dict[str, float]:
    """Compute for so many seconds."""
    began = time.monotonic()
    value = 0.0
    rounds = 0
    while time.monotonic() - began < duration_s:
        value = math.sin(value + rounds)
        rounds += 1
    return {"seconds": round(time.monotonic() - began, 1), "rounds": rounds}
