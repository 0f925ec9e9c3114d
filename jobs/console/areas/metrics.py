"""Waits, runs, throughput and failures over hours and days, by queue and by kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, Response

from jobs.console import words
from jobs.ledger.rollup import LENGTHS, Bucket, Span, floored
from jobs.ledger.spread import percentile
from jobs.rollups import Point

from . import charts, figures
from .charts import Chart, Series
from .desk import Desk, asked
from .figures import Figures


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of time that can be looked at: so many buckets of a span, `fold` of them to a bar."""

    key: str
    word: str
    span: Span
    count: int
    fold: int = 1


RANGES = (
    Range("90m", "90 minutes", "minute", 90),
    Range("24h", "24 hours", "hour", 24),
    Range("7d", "7 days", "hour", 168, 2),
    Range("30d", "30 days", "hour", 720, 8),
)
PERCENTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
MOST_LINES = 50


class Metrics:
    """The page of the metrics."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self) -> Response:
        """Everything, or one queue, or one kind."""
        queue, kind = asked("queue"), asked("kind")
        chosen = next((one for one in RANGES if one.key == asked("range")), RANGES[1])
        mark = self._desk.engine.rollups.mark()
        told_by = (queue, kind, chosen.key, mark and mark.version)

        def draw() -> dict[str, object]:
            moments = self._moments(chosen)
            points = self._points(chosen, moments, queue=queue, kind=kind)
            drawn = drawn_of(points, moments)
            return {
                "charts_": drawn,
                "kinds": _lines(points, lambda point: point.kind),
                "queues": _lines(points, lambda point: point.queue),
                "ranges": RANGES,
                "range": chosen,
                "wanted": {"queue": queue or None, "kind": kind or None},
                "was_counted": mark is not None,
                "counted_to": self._desk.counted_to(),
                "total": _all(points),
            }

        return self._desk.region("metrics", "_metrics", told_by=told_by, draw=draw)

    def _moments(self, chosen: Range) -> list[datetime]:
        length = LENGTHS[chosen.span] * chosen.fold
        last = floored(self._desk.now, chosen.span)
        if chosen.fold > 1:
            last = last.replace(hour=last.hour // chosen.fold * chosen.fold)
        return [last - length * back for back in range(chosen.count // chosen.fold - 1, -1, -1)]

    def _points(self, chosen: Range, moments: Sequence[datetime], *, queue: str, kind: str) -> list[Point]:
        length = LENGTHS[chosen.span] * chosen.fold
        found = self._desk.engine.rollups.history(
            chosen.span, moments[0], moments[-1] + length, queue=queue or None, kind=kind or None
        )
        if chosen.fold == 1:
            return list(found)
        return [Point(_folded(one.at, chosen.fold), one.queue, one.kind, one.bucket) for one in found]


def _folded(at: datetime, hours: int) -> datetime:
    return at.replace(hour=at.hour // hours * hours)


def drawn_of(points: Sequence[Point], moments: Sequence[datetime]) -> list[Chart]:
    """The charts: throughput, waits, runs."""
    buckets = figures.by_moment(points, moments)
    minutes = _length(moments) / timedelta(minutes=1)
    return [
        _throughput(buckets, moments, minutes),
        _times("How long jobs waited", [one.waits for one in buckets], moments, _all(points), "wait"),
        _times("How long jobs ran", [one.runs for one in buckets], moments, _all(points), "run"),
    ]


def _length(moments: Sequence[datetime]) -> timedelta:
    return moments[1] - moments[0] if len(moments) > 1 else timedelta(hours=1)


def _throughput(buckets: Sequence[Bucket], moments: Sequence[datetime], minutes: float) -> Chart:
    done, failed = [one.succeeded for one in buckets], [one.failed for one in buckets]
    total, wrong = sum(done) + sum(failed), sum(failed)
    if not total:
        sentence = "Nothing ended in this time."
    else:
        most = max(a + b for a, b in zip(done, failed, strict=True)) / minutes
        share = f"{100 * wrong / total:.1f} % of them failed" if wrong else "none of them failed"
        sentence = f"{total} jobs ended, {share}; at most {most:.3g} a minute."
    series = [Series("done", "Finished", done), Series("failed", "Failed", failed)]
    return charts.bars("Finished and failed", sentence, moments, series)


def _times(
    title: str, spreads: Sequence[Sequence[int]], moments: Sequence[datetime], total: Figures | None, sort: str
) -> Chart:
    series = [Series(key, key, [percentile(one, share) for one in spreads]) for key, share in PERCENTILES]
    if total is None or not sum(total.bucket.waits if sort == "wait" else total.bucket.runs):
        sentence = "Nothing was measured in this time."
    else:
        told = [f"{key} {words.seconds(getattr(total, f'{sort}_{key}_s'))}" for key, _ in PERCENTILES]
        sentence = f"Over all of it: {', '.join(told)}."
    return charts.lines(title, sentence, moments, series, unit=" s")


def _all(points: Sequence[Point]) -> Figures | None:
    return next(iter(figures.together(points, lambda _point: "all").values()), None)


def _lines(points: Sequence[Point], by: figures.By) -> list[Figures]:
    return list(figures.together(points, by).values())[:MOST_LINES]


def mount(bp: Blueprint, desk: Desk) -> None:
    """Put the page on the blueprint."""
    bp.add_url_rule("/metrics", "metrics", Metrics(desk).show)
