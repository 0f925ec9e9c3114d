"""Keeping what was told: in the log, in the table and, where one is set, in a time-series store.

A thread of its own does it, so that nobody who tells something waits for it.
"""

import atexit
import logging
import os
import platform
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from flask import Flask
from sqlalchemy import Table, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from app import logs
from app.alerts import services as alerts
from app.alerts.conditions import RULES
from app.clock import now
from app.config import Config
from app.db import transaction
from app.monitoring.counters import EventCounters
from app.monitoring.influx import Influx
from app.stream import MOST_KEPT, Happening, Kind, Level, Stream, stream_of, tell

from .models import EventRow

log = logging.getLogger("metronome.events")

EVERY_S = 1.0
AFTER_TROUBLE_S = 5.0
AT_ONCE = 1_000
FORGET_AT_ONCE = 5_000
LONGEST = {"action": 100, "words": 300, "who": 80, "request_id": 64}
DROPPED = "events dropped"
event = cast("Table", EventRow.__table__)
LEVELS = {Level.INFO: logging.INFO, Level.WARNING: logging.WARNING, Level.ERROR: logging.ERROR}


class Recorder:
    """Takes what a process tells, and keeps it. `start()` lets its thread begin with the first thing that is told."""

    def __init__(self, app: Flask, config: Config, stream: Stream, counters: EventCounters) -> None:
        self._app, self._stream, self._counters = app, stream, counters
        self._influx = Influx(config, counters) if config.influx_url else None
        self._unwritten: list[Happening] = []
        self._recording = threading.Lock()
        self._has_heard = threading.Event()
        self._pid = 0

    def start(self, role: str, *, version: str) -> None:
        """Record from now on, in this process and those it forks; what process it is, is the first thing told."""
        self._stream.wake = self.wake
        atexit.register(self.flush)
        with self._app.app_context():
            system = description()
            words = f"{role.capitalize()} {version} started on {system['platform']} with Python {system['python']}"
            told: dict[str, Any] = {**system, "role": role, "version": version}
            tell(Kind.SYSTEM, f"{role} started", words, **told)

    def wake(self) -> None:
        """Have the thread look; it is started in each process where something is told."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            threading.Thread(target=self._keep_recording, name="events", daemon=True).start()
        if not self._has_heard.is_set():
            self._has_heard.set()

    def _keep_recording(self) -> None:
        while self._has_heard.wait():
            time.sleep(EVERY_S)
            self._has_heard.clear()
            try:
                while self.record() == AT_ONCE:
                    pass
            except Exception:
                log.exception("events could not be recorded")
            if self._unwritten:
                time.sleep(AFTER_TROUBLE_S)
                self._has_heard.set()

    def flush(self) -> None:
        """Keep what was told so far: this process is about to end."""
        if self._pid == os.getpid() and len(self._stream):
            self.record()
            if self._influx:
                self._influx.send()

    def record(self) -> int:
        """Take what lies there, up to a thousand, and keep it; how many. Without a database it waits for the next."""
        with self._recording, self._app.app_context():
            told = self._stream.take(AT_ONCE)
            taken = _gathered([*told, *(_told_of_drops(*one) for one in self._count_dropped())])
            for one in taken:
                _log(one)
            if self._influx and taken:
                # That it is full would only fill it further.
                self._influx.add(one for one in taken if one.action != DROPPED)
            self._unwritten += taken
            self._write()
            return len(told)

    def _write(self) -> None:
        try:
            while batch := self._unwritten[:AT_ONCE]:
                keep(batch)
                del self._unwritten[: len(batch)]
        except SQLAlchemyError as error:
            log.warning("events wait", extra={"error": str(error)[:300], "waiting": len(self._unwritten)})
            too_many = max(0, len(self._unwritten) - MOST_KEPT)
            self._stream.drop("table", too_many)
            del self._unwritten[:too_many]

    def _count_dropped(self) -> Iterable[tuple[str, int]]:
        dropped = Counter(self._stream.take_dropped())
        if self._influx:
            dropped += Counter({"influx": self._influx.take_dropped()})
        for reason, number in dropped.items():
            self._counters.dropped(reason, number)
        return dropped.items()


def install(app: Flask, config: Config, counters: EventCounters) -> None:
    """Have the application's recorder ready; a door starts it."""
    app.extensions["recorder"] = Recorder(app, config, stream_of(app), counters)


def recorder_of(app: Flask) -> Recorder:
    """The application's recorder."""
    found: Recorder = app.extensions["recorder"]
    return found


def keep(happenings: Sequence[Happening]) -> None:
    """Write these down in one transaction, with what of them may become an alert."""
    seen = [_sighting(one) for one in happenings if one.kind is Kind.SECURITY and one.action in RULES]
    with transaction(durable=False) as session:
        session.connection().execute(insert(event), [_row(one) for one in happenings])
        alerts.sight(session, seen)


def forget_old(*, days: int) -> int:
    """Remove events that are older, in small transactions; how many."""
    before, total = now() - timedelta(days=days), 0
    while True:
        with transaction(durable=False) as session:
            oldest = select(EventRow.id).where(EventRow.at < before).order_by(EventRow.at).limit(FORGET_AT_ONCE)
            gone = session.execute(delete(EventRow).where(EventRow.id.in_(oldest.scalar_subquery())))
            count = int(gone.rowcount)  # type: ignore[attr-defined]
        total += count
        if count < FORGET_AT_ONCE:
            return total


def description() -> dict[str, str]:
    """The system that this process runs on."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "host": platform.node(),
    }


def _gathered(happenings: Sequence[Happening]) -> list[Happening]:
    """Security events of one sort, by the same one, as the last of them with their count; the rest as it is."""
    alike: dict[tuple[Any, ...], Happening] = {}
    for number, one in enumerate(happenings):
        key = (one.action, one.who, one.words) if one.kind is Kind.SECURITY else (number,)
        if before := alike.pop(key, None):
            alike[key] = replace(one, fields={**one.fields, "count": _count(before) + _count(one)})
        else:
            alike[key] = one
    return list(alike.values())


def _count(one: Happening) -> int:
    return int(one.fields.get("count", 1))


def _row(one: Happening) -> dict[str, Any]:
    values = {name: _cut(getattr(one, name), longest) for name, longest in LONGEST.items()}
    fields = {name: logs.shown(name, value) for name, value in one.fields.items() if name != "count"}
    about = {"at": one.at, "kind": str(one.kind), "level": str(one.level), "job": one.job}
    return {**values, **about, "count": _count(one), "fields": fields}


def _cut(text: str | None, longest: int) -> str | None:
    return None if text is None else logs.clean(text)[:longest]


def _sighting(one: Happening) -> alerts.Seen:
    return alerts.Seen(
        rule=one.action, subject=one.who or "", words=logs.clean(one.words), count=_count(one), at=one.at
    )


def _told_of_drops(reason: str, number: int) -> Happening:
    words = f"{number} events were dropped: {reason}"
    return Happening(now(), Kind.SYSTEM, DROPPED, words, Level.WARNING, fields={"reason": reason, "number": number})


def _log(one: Happening) -> None:
    """The line of the log; what is in the log already gets no second one."""
    if one.is_logged:
        return
    ids = {"request_id": one.request_id, "job": one.job, "who": one.who}
    told: Mapping[str, Any] = {name: value for name, value in ids.items() if value} | {
        "happened_at": one.at.isoformat()
    }
    given = {f"{name}_" if name in _TAKEN else name: value for name, value in one.fields.items()}
    log.log(LEVELS[one.level], one.words, extra={"kind": str(one.kind), "action": one.action, **told, **given})


_TAKEN = {*vars(logging.makeLogRecord({})), "message", "asctime", "kind", "action"}
"""What a record of the log calls its own."""
