"""The names of the queues."""

from enum import StrEnum


class Queue(StrEnum):
    """Where a job waits, by purpose; workers are started for some or all of them."""

    ACTIVITIES = "activities"
    AI = "ai"
    NOTIFICATIONS = "notifications"
    ANALYTICS = "analytics"
    IMPORTS = "imports"
    REPORTS = "reports"
    DEFAULT = "default"
