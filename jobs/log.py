"""The engine's loggers, and the job that the current thread runs."""

import logging
from contextvars import ContextVar

current_uid: ContextVar[str | None] = ContextVar("current_job_uid", default=None)


def get_logger(name: str) -> logging.Logger:
    """A logger whose records the host may format as it likes; fields travel in `extra`."""
    return logging.getLogger(name)
