"""Sending events to a store of time series that speaks InfluxDB's line protocol."""

import http.client
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from urllib.parse import SplitResult, urlencode, urlsplit

from app import logs
from app.config import Config
from app.stream import Happening

from .counters import EventCounters
from .events.lines import TAGS, line

log = logging.getLogger("metronome.influx")

AT_ONCE = 1_000
MOST_UNSENT = 10_000
DEADLINE_S = 5.0
LONGEST_PAUSE_S = 60.0
MEASUREMENT = "metronome"
REFUSED = {400, 404, 413, 422}
"""What the server will never take, however often it is sent."""


class Influx:
    """Sends events in batches to a server that speaks InfluxDB's line protocol; what it does not take waits."""

    def __init__(self, config: Config, counters: EventCounters) -> None:
        self._url: SplitResult = urlsplit(str(config.influx_url))
        where = {"org": config.influx_org, "bucket": config.influx_bucket, "precision": "ns"}
        self._target = f"{self._url.path}/api/v2/write?{urlencode(where)}"
        self._headers = {"Content-Type": "text/plain; charset=utf-8"}
        if config.influx_token:
            self._headers["Authorization"] = f"Token {config.influx_token}"
        self._counters = counters
        self._unsent: deque[str] = deque()
        self._batch: list[str] = []
        self._dropped = 0
        self._sending = threading.Lock()
        self._has_more = threading.Event()
        self._pid = 0

    def add(self, happenings: Iterable[Happening]) -> None:
        """Have these sent by a thread. When too many wait, the oldest give way, and are counted."""
        for one in happenings:
            self._unsent.append(point(one))
        while len(self._unsent) > MOST_UNSENT:
            self._unsent.popleft()
            self._dropped += 1
        if self._pid != os.getpid():
            self._pid = os.getpid()
            threading.Thread(target=self._keep_sending, name="influx", daemon=True).start()
        self._has_more.set()

    def take_dropped(self) -> int:
        """How many were dropped since somebody asked."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def _keep_sending(self) -> None:
        pause_s = 0.0
        while self._has_more.wait():
            self._has_more.clear()
            is_sent = self.send()
            pause_s = 0.0 if is_sent else min(LONGEST_PAUSE_S, pause_s * 2 or 1.0)
            if not is_sent:
                time.sleep(pause_s)
                self._has_more.set()

    def send(self) -> bool:
        """Send what waits; whether all of it was taken. A batch that the server calls wrong is dropped, and counted."""
        with self._sending:
            while batch := self._batch or self._next():
                try:
                    status = self._post("\n".join(batch))
                except (OSError, http.client.HTTPException) as error:
                    log.info("the time-series store is away", extra={"error": str(error), "waiting": len(self._unsent)})
                    return False
                if status in REFUSED:
                    log.warning("the time-series store refuses events", extra={"status": status, "number": len(batch)})
                    self._dropped += len(batch)
                elif not 200 <= status <= 299:
                    log.info("the time-series store is not ready", extra={"status": status})
                    return False
                else:
                    self._counters.sent(len(batch))
                self._batch = []
        return True

    def _next(self) -> list[str]:
        """The batch that is sent now, and kept until it was taken."""
        self._batch = [self._unsent.popleft() for _ in range(min(AT_ONCE, len(self._unsent)))]
        return self._batch

    def _post(self, body: str) -> int:
        kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
        connection = kind(str(self._url.hostname), self._url.port, timeout=DEADLINE_S)
        try:
            connection.request("POST", self._target, body.encode(), self._headers)
            answer = connection.getresponse()
            answer.read(10_000)
            return answer.status
        finally:
            connection.close()


def point(one: Happening) -> str:
    """The happening as a line of InfluxDB's protocol."""
    shown = {name: logs.shown(name, value) for name, value in one.fields.items()}
    count = shown.pop("count", 1)
    tags = {"kind": one.kind, "action": one.action, "level": one.level}
    tags |= {name: shown.pop(name) for name in TAGS if name in shown}
    fields = {name: value for name, value in shown.items() if isinstance(value, str | int | float)}
    named = {"words": logs.clean(one.words), "who": one.who, "request_id": one.request_id, "job": one.job}
    return line(MEASUREMENT, tags=tags, fields={**fields, **named, "count": count}, at=one.at)
