"""What can happen in the product, and how it is made known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

from flask import current_app

from jobs import Job, JobRequest, engine_of

from .db import transaction


@dataclass(frozen=True, slots=True)
class Event:
    """A past fact. Its fields become its followers' arguments; the first field is the id of its subject."""

    subject_kind: ClassVar[str]


@dataclass(frozen=True, slots=True)
class ActivityLogged(Event):
    """An activity was written down, changed in what its energy depends on, or asked to be counted again."""

    subject_kind: ClassVar[str] = "activity"
    activity_id: int


@dataclass(frozen=True, slots=True)
class ActivityCounted(Event):
    """An activity has its energy."""

    subject_kind: ClassVar[str] = "activity"
    activity_id: int


Followers = Mapping[type[Event], Sequence[Job]]
