"""What becomes of events and alerts, as Prometheus counters of this process."""

from prometheus_client import CollectorRegistry, Counter


class EventCounters:
    """Counts events that were sent on, and those that were dropped, by the reason."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sent = Counter("events_sent_total", "Events that the time-series store took.", registry=registry)
        self._dropped = Counter(
            "events_dropped_total", "Events that were not kept or not sent on.", ("reason",), registry=registry
        )

    def sent(self, count: int) -> None:
        """Some were taken."""
        self._sent.inc(count)

    def dropped(self, reason: str, count: int) -> None:
        """Some were not."""
        self._dropped.labels(reason).inc(count)
