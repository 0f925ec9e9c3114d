"""How long to wait before the next try."""

import random


def backoff_s(failures: int, *, min_backoff: int, max_backoff: int, chance: random.Random) -> float:
    """Seconds to wait after the given number of failures (1 or more); the bounds are in milliseconds.

    Doubles with every failure from `min_backoff` up to `max_backoff`, and then varies by up to a fifth either way,
    so that jobs that failed together do not come back together.
    """
    doubled: int = min_backoff * 2 ** min(failures - 1, 32)
    return min(doubled, max_backoff) / 1000 * chance.uniform(0.8, 1.2)
