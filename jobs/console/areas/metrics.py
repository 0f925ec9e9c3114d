"""Waits, runs, throughput and failures over hours and days, by queue and by kind."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import Blueprint, Response

from jobs import figures
from jobs.console import words
from jobs.figures import Figures
from jobs.ledger.rollup import Bucket
from jobs.ledger.spread import percentile
from jobs.ranges import RANGES
from jobs.rollups import Point

from . import charts
from .charts import Chart, Series
from .desk import Desk, asked

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
            moments = chosen.moments(self._desk.now)
            points = chosen.points(self._desk.engine.rollups, moments, queue=queue or None, kind=kind or None)
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
