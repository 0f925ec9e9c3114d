"""The front door of the engine: everything a host may import."""

from .dispatch.outbox import JobRequest
from .dispatch.run import Run, check_cancelled, current
from .engine import Engine, engine_of, enqueue, install
from .errors import (
    BadArguments,
    Cancelled,
    GiveUp,
    JobError,
    NoSuchJob,
    RetryAfter,
    Snooze,
    UnknownJob,
    WrongState,
)
from .host import Host
from .ledger.history import SettledJob
from .ledger.lanes import LaneLook, Limits
from .ledger.models import Entry, metadata
from .ledger.moments import UtcDateTime, db_now
from .ledger.reader import JobBrief, has_live
from .ledger.states import State
from .log import current_uid
from .registry import Job, JobGroup, Unique
from .schedules.ticker import Sweep

__all__ = [
    "BadArguments",
    "Cancelled",
    "Engine",
    "Entry",
    "GiveUp",
    "Host",
    "Job",
    "JobBrief",
    "JobError",
    "JobGroup",
    "JobRequest",
    "LaneLook",
    "Limits",
    "NoSuchJob",
    "RetryAfter",
    "Run",
    "SettledJob",
    "Snooze",
    "State",
    "Sweep",
    "Unique",
    "UnknownJob",
    "UtcDateTime",
    "WrongState",
    "check_cancelled",
    "current",
    "current_uid",
    "db_now",
    "engine_of",
    "enqueue",
    "has_live",
    "install",
    "metadata",
]
