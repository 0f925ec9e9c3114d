"""Numbers in chunks: cut, summed up, brought together."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

NUMBERS = ("count", "sum", "min", "max")


def cut(data: Sequence[float], size: int) -> list[list[float]]:
    """The data in chunks of this size; the last may be shorter."""
    return [list(data[start : start + size]) for start in range(0, len(data), size)]


def summary(chunk_id: int, data: Sequence[float]) -> dict[str, Any]:
    """Count, sum, smallest, largest and mean of a chunk."""
    total = math.fsum(data)
    return {
        "chunk_id": chunk_id,
        "count": len(data),
        "sum": total,
        "min": min(data),
        "max": max(data),
        "mean": total / len(data),
    }


def together(summaries: Sequence[Any]) -> dict[str, Any]:
    """What the summaries of chunks come to as a whole.

    Raises:
        ValueError: there are none, or one is no summary
    """
    if not summaries or not all(_is_summary(one) for one in summaries):
        raise ValueError("These are not summaries of chunks.")
    count = sum(one["count"] for one in summaries)
    total = math.fsum(one["sum"] for one in summaries)
    return {
        "chunks": len(summaries),
        "count": count,
        "sum": total,
        "min": min(one["min"] for one in summaries),
        "max": max(one["max"] for one in summaries),
        "mean": total / count,
    }


def _is_summary(one: Any) -> bool:
    return (
        isinstance(one, Mapping)
        and all(isinstance(one.get(name), int | float) and not isinstance(one[name], bool) for name in NUMBERS)
        and one["count"] >= 1
    )
