"""The names of the queues."""

from enum import StrEnum


class Queue(StrEnum):
    """Where a job waits; workers are started for some or all of them."""

    ACTIVITIES = "activities"
    NOTIFICATIONS = "notifications"
    REPORTS = "reports"
    DEFAULT = "default"
