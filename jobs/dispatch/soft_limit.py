"""The exception by which a job hears that its time is over, for those that end tidily."""

from dramatiq.middleware import TimeLimitExceeded as SoftLimit

__all__ = ["SoftLimit"]
