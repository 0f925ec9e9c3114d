"""The front door of the engine: everything a host may import."""

from .audit import Audit
from .bulk.desk import BulkLook, BulkOperations, BulkRequest
from .crew import WISHES
from .dispatch.bell import Bell
from .dispatch.outbox import UNMADE, JobRequest
from .dispatch.run import Run, check_cancelled, current
from .dispatch.shelves import RedisLook
from .dispatch.soft_limit import SoftLimit
from .dispatch.wear import Wear
from .driver import put
from .engine import Engine, engine_of, enqueue, install
from .errors import (
    BadArguments,
    Cancelled,
    Crowded,
    GiveUp,
    JobError,
    NameTaken,
    NoSuchError,
    NoSuchJob,
    NoSuchOperation,
    NoSuchSchedule,
    NoSuchWorker,
    NoSuchWorkflow,
    RedisAway,
    RetryAfter,
    Snooze,
    UnknownJob,
    UnknownOutcome,
    WrongState,
)
from .figures import Figures, by_moment, together
from .host import Host
from .inspector import Inspector, KindLook, Overview, QueueLook
from .integrity import Kept
from .ledger.audit import COMMAND_LINE, AuditRow, Verification
from .ledger.bulk import CAN_BE_UNDONE, WORKS_ON, Action
from .ledger.channels import Channel, came_by, enter_by
from .ledger.failures import ErrorGroup
from .ledger.flows import FlowState, OnFailure
from .ledger.history import SettledJob
from .ledger.hot import Cause
from .ledger.lanes import LaneLook, Limits
from .ledger.listing import Place, Wanted
from .ledger.models import Attempt, Entry, Mute, WorkerRow, metadata
from .ledger.moments import UtcDateTime, db_now
from .ledger.progress import Progress
from .ledger.reader import JobBrief, has_live
from .ledger.selection import Preview, Selection
from .ledger.states import FAILED, LIVE, SETTLED, WAITING, State
from .leftovers import orphans
from .log import current_uid
from .plainhost import PlainHost
from .ranges import RANGES, Range
from .recurring import schedule
from .redaction import masked, masked_text, put_back, without_secrets
from .registry import Job, JobGroup, Unique
from .rollups import Point
from .schedules.asking import rule_of
from .schedules.book import ScheduleBook, ScheduleRequest
from .schedules.models import Fired, Misfire, Overlap, Schedule, ScheduleFire
from .schedules.rules import Rule, RuleKind, Upcoming
from .schedules.ticker import Sweep
from .schedules.words import in_words
from .transactions import hasty, prepare_engine, retrying, writing
from .workflows.looks import StepBrief, WorkflowBrief
from .workflows.shape import FROM_PARENTS, FROM_THE_STEP, Part, Step, Workflow, chain, chord, group

__all__ = [
    "CAN_BE_UNDONE",
    "COMMAND_LINE",
    "FAILED",
    "FROM_PARENTS",
    "FROM_THE_STEP",
    "LIVE",
    "RANGES",
    "SETTLED",
    "UNMADE",
    "WAITING",
    "WISHES",
    "WORKS_ON",
    "Action",
    "Attempt",
    "Audit",
    "AuditRow",
    "BadArguments",
    "Bell",
    "BulkLook",
    "BulkOperations",
    "BulkRequest",
    "Cancelled",
    "Cause",
    "Channel",
    "Crowded",
    "Engine",
    "Entry",
    "ErrorGroup",
    "Figures",
    "Fired",
    "FlowState",
    "GiveUp",
    "Host",
    "Inspector",
    "Job",
    "JobBrief",
    "JobError",
    "JobGroup",
    "JobRequest",
    "Kept",
    "KindLook",
    "LaneLook",
    "Limits",
    "Misfire",
    "Mute",
    "NameTaken",
    "NoSuchError",
    "NoSuchJob",
    "NoSuchOperation",
    "NoSuchSchedule",
    "NoSuchWorker",
    "NoSuchWorkflow",
    "OnFailure",
    "Overlap",
    "Overview",
    "Part",
    "Place",
    "PlainHost",
    "Point",
    "Preview",
    "Progress",
    "QueueLook",
    "Range",
    "RedisAway",
    "RedisLook",
    "RetryAfter",
    "Rule",
    "RuleKind",
    "Run",
    "Schedule",
    "ScheduleBook",
    "ScheduleFire",
    "ScheduleRequest",
    "Selection",
    "SettledJob",
    "Snooze",
    "SoftLimit",
    "State",
    "Step",
    "StepBrief",
    "Sweep",
    "Unique",
    "UnknownJob",
    "UnknownOutcome",
    "Upcoming",
    "UtcDateTime",
    "Verification",
    "Wanted",
    "Wear",
    "WorkerRow",
    "Workflow",
    "WorkflowBrief",
    "WrongState",
    "by_moment",
    "came_by",
    "chain",
    "check_cancelled",
    "chord",
    "current",
    "current_uid",
    "db_now",
    "engine_of",
    "enqueue",
    "enter_by",
    "group",
    "has_live",
    "hasty",
    "in_words",
    "install",
    "masked",
    "masked_text",
    "metadata",
    "orphans",
    "prepare_engine",
    "put",
    "put_back",
    "retrying",
    "rule_of",
    "schedule",
    "together",
    "without_secrets",
    "writing",
]
