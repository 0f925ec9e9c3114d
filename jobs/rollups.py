"""History at a glance: kept by a sweep, read by whoever shows it."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .host import Host
from .ledger import reader, rollup
from .ledger.rollup import LENGTHS, Bucket, Mark, Span, floored

STILL_COMING = timedelta(minutes=2)
"""A finish carries the moment of its statement and is seen when it commits: by then it has."""
MINUTES_KEPT = timedelta(hours=48)
HOURS_KEPT = timedelta(days=400)
MINUTES_AT_ONCE = timedelta(hours=6)
HOURS_AT_ONCE = timedelta(hours=24)
FOR_S = 0.5
REST_TIMES = 10
"""Counting takes no more than a tenth of the time: after a long one, as often as long nothing is counted."""
RECENT = timedelta(minutes=90)


@dataclass(frozen=True, slots=True)
class Point:
    """What happened within one bucket, in one queue, to one kind."""

    at: datetime
    queue: str
    kind: str
    bucket: Bucket


class Rollups:
    """The history of one engine, by the minute for two days and by the hour for more than a year."""

    def __init__(self, host: Host, clock: Callable[[], float] = time.monotonic) -> None:
        self._host, self._clock = host, clock
        self._not_before = 0.0
        self._kept: tuple[int, datetime, Sequence[Point]] | None = None
        self._lock = threading.Lock()

    # -- keeping ----------------------------------------------------------------------------------------------------

    def keep(self) -> int:
        """Count what ended since the last time; how many steps were made. Safe to run twice at once.

        A history that was never counted is worked off half a second at a time: submits go on beside it.
        """
        began = self._clock()
        if began < self._not_before:
            return 0
        steps = 0
        while self._step():
            steps += 1
            if self._clock() - began > FOR_S:
                break
        took_s = self._clock() - began
        self._not_before = began + took_s * REST_TIMES if took_s > FOR_S / 10 else 0.0
        return steps + 1

    def keep_now(self) -> int:
        """As `keep`, without the rest that follows a long time."""
        self._not_before = 0.0
        return self.keep()

    def _step(self) -> bool:
        """Count the next few buckets; whether more are final already and wait to be counted."""
        with self._host.inside():
            session = self._host.reading()
            now, seen = reader.now(session), rollup.mark(session)
            since = seen.reached_at if seen else floored(rollup.oldest_end(session) or now, "hour")
            oldest_minute = floored(now - MINUTES_KEPT, "hour")
            span: Span = "hour" if since < oldest_minute else "minute"
            most = min(oldest_minute, since + HOURS_AT_ONCE) if span == "hour" else since + MINUTES_AT_ONCE
            until = min(most, floored(now, span) + LENGTHS[span])
            above_id = seen.came_id if seen else 0
            buckets = rollup.counted(session, span, since, until, above_id=above_id)
            reached = max(since, min(until, floored(now - STILL_COMING, "minute")))
            came_id = rollup.id_below(session, reached, above_id=above_id)
            with self._host.transaction(durable=False) as writing:
                if not rollup.move_mark(writing, seen, reached, came_id):
                    return False
                rollup.write(writing, span, buckets)
                if span == "minute":
                    rollup.sum_up_hours(writing, since, until)
                rollup.forget(writing, minutes_before=oldest_minute, hours_before=now - HOURS_KEPT)
        return until == most and reached < floored(now - STILL_COMING, "minute")

    def count_anew(self) -> None:
        """Have everything counted once more that the ledger still knows; what it forgot stays as it was counted."""
        with self._host.inside(), self._host.transaction() as session:
            seen = rollup.mark(session)
            oldest = rollup.oldest_end(session)
            if seen is not None and oldest is not None:
                # The ledger may have forgotten a part of its oldest hour.
                since = min(seen.reached_at, floored(oldest, "hour") + LENGTHS["hour"])
                rollup.move_mark(session, seen, since, 0)

    # -- looking ----------------------------------------------------------------------------------------------------

    def mark(self) -> Mark | None:
        """How far the counting is. Its version changes with whatever is shown of it."""
        return rollup.mark(self._host.reading())

    def recent(self) -> Sequence[Point]:
        """The last ninety minutes by the minute, oldest first; kept until something new was counted."""
        session = self._host.reading()
        seen = rollup.mark(session)
        now = floored(reader.now(session), "minute")
        version = seen.version if seen else 0
        with self._lock:
            if self._kept is None or self._kept[:2] != (version, now):
                self._kept = version, now, self.history("minute", now - RECENT, now + LENGTHS["minute"])
            return self._kept[2]

    def history(
        self, span: Span, since: datetime, until: datetime, *, queue: str | None = None, kind: str | None = None
    ) -> Sequence[Point]:
        """What happened between two moments, oldest first."""
        rows = rollup.rows_between(self._host.reading(), span, since, until, queue=queue, kind=kind)
        points: list[Point] = []
        for row in rows:
            bucket = Bucket()
            bucket.add(row)
            points.append(Point(row.at, row.queue, row.kind, bucket))
        return points
