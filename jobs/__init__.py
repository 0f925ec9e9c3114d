"""The front door of the engine: everything a host may import."""

from .dispatch.outbox import JobRequest
from .engine import Engine, engine_of, install
from .errors import GiveUp, JobError, NoSuchJob, Snooze, UnknownJob, WrongState
from .host import Host
from .ledger.history import SettledJob
from .ledger.models import Entry, metadata
from .ledger.moments import UtcDateTime, db_now
from .ledger.reader import JobBrief, has_live
from .ledger.states import State
from .log import current_uid
from .registry import Job, JobGroup, Unique
from .schedules.ticker import Sweep

__all__ = [
    "Engine",
    "Entry",
    "GiveUp",
    "Host",
    "Job",
    "JobBrief",
    "JobError",
    "JobGroup",
    "JobRequest",
    "NoSuchJob",
    "SettledJob",
    "Snooze",
    "State",
    "Sweep",
    "Unique",
    "UnknownJob",
    "UtcDateTime",
    "WrongState",
    "current_uid",
    "db_now",
    "engine_of",
    "has_live",
    "install",
    "metadata",
]
