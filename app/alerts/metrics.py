"""Alerts as Prometheus numbers."""

from prometheus_client import CollectorRegistry, Counter

from .conditions import SECURITY_TYPES


class Raised:
    """Counts alerts that this process raised, and those it saw again."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._raised = Counter("alerts_raised_total", "Alerts raised, again or anew.", ("type",), registry=registry)
        self._security = Counter(
            "security_alerts_total", "Security alerts raised, again or anew.", ("type",), registry=registry
        )

    def __call__(self, type_: str) -> None:
        """One was."""
        self._raised.labels(type_).inc()
        if type_ in SECURITY_TYPES:
            self._security.labels(type_).inc()
