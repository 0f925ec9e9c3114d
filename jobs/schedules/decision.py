"""What becomes of the slots that are due: which fire, which were missed, which are in each other's way."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .models import MADE_A_JOB, Fired, Misfire, Overlap
from .rules import Rule, next_after

LATE = timedelta(seconds=60)
LOOK = 300
MOST_MISSED = 100
KEPT_BACK = MOST_MISSED + 61  # the most that may yet fire: those missed, and one a second on time


@dataclass(frozen=True, slots=True)
class Policies:
    """What a schedule does with slots that are late or in each other's way."""

    misfire: Misfire = Misfire.ONE
    most_missed: int = 10
    overlap: Overlap = Overlap.ALLOW


@dataclass(frozen=True, slots=True)
class Standing:
    """How a schedule stands: how often it fired, whether a job of it lives, whether a slot is queued behind that."""

    fired: int = 0
    has_live: bool = False
    has_queued: bool = False


@dataclass(slots=True)
class Decision:
    """Slots with what becomes of them, oldest first, and the slot after them; None when the schedule is over."""

    slots: list[tuple[datetime, Fired]] = field(default_factory=list)
    next_at: datetime | None = None


def decide(
    rule: Rule,
    first: datetime,
    now: datetime,
    *,
    policies: Policies,
    standing: Standing,
    taken: Collection[datetime] = (),
) -> Decision:
    """What becomes of the slots from `first` up to now; those in `taken` were decided before and are left out.

    A slot is missed when it is more than `LATE` ago. No more than `LOOK` slots are looked at in one go: when there are
    more, the oldest are decided, and `next_at` is the first of the rest.

    Raises:
        ValueError: the rule cannot be followed.
    """
    slots, next_at = _due(rule, first, now)
    if next_at is not None and next_at <= now:
        # The newest may fire yet, by the policy: they are left for the next go.
        next_at, slots = slots[-KEPT_BACK], slots[:-KEPT_BACK]
        wanted: set[datetime] = set()
    else:
        wanted = _wanted(slots, now, policies) - set(taken)
    return _fates(rule, slots, next_at, wanted, policies.overlap, standing, taken)


def _due(rule: Rule, first: datetime, now: datetime) -> tuple[list[datetime], datetime | None]:
    slots: list[datetime] = []
    slot: datetime | None = first
    while slot is not None and slot <= now and len(slots) < LOOK:
        slots.append(slot)
        slot = next_after(rule, slot)
    return slots, slot


def _wanted(slots: list[datetime], now: datetime, policies: Policies) -> set[datetime]:
    """The slots that fire unless another is in their way: those on time, and what the policy says of the missed."""
    missed = [slot for slot in slots if now - slot > LATE]
    on_time = slots[len(missed) :]
    if policies.misfire is Misfire.ALL:
        return {*missed[-policies.most_missed :], *on_time}
    if policies.misfire is Misfire.ONE and not on_time:
        return set(missed[-1:])
    return set(on_time)


def _fates(
    rule: Rule,
    slots: list[datetime],
    next_at: datetime | None,
    wanted: set[datetime],
    overlap: Overlap,
    standing: Standing,
    taken: Collection[datetime],
) -> Decision:
    fired, live, queued = standing.fired, standing.has_live, standing.has_queued
    last = max(wanted, default=None)
    fates: list[tuple[datetime, Fired]] = []
    for slot in slots:
        if rule.most_times is not None and fired >= rule.most_times:
            return Decision(fates)
        if slot in taken:
            continue
        fate = Fired.SKIPPED_LATE
        if slot in wanted:
            fate = _in_the_way(overlap, live=live, queued=queued, is_last=slot == last)
        fates.append((slot, fate))
        fired += fate in MADE_A_JOB
        live, queued = live or fate in MADE_A_JOB, queued or fate is Fired.QUEUED
    is_over = rule.most_times is not None and fired >= rule.most_times
    return Decision(fates, None if is_over else next_at)


def _in_the_way(overlap: Overlap, *, live: bool, queued: bool, is_last: bool) -> Fired:
    match overlap:
        case Overlap.REPLACE if not is_last:
            return Fired.SKIPPED_OVERLAP
        case Overlap.REPLACE if live:
            return Fired.REPLACED
        case Overlap.SKIP if live:
            return Fired.SKIPPED_OVERLAP
        case Overlap.QUEUE_ONE if queued:
            return Fired.SKIPPED_OVERLAP
        case Overlap.QUEUE_ONE if live:
            return Fired.QUEUED
        case _:
            return Fired.FIRED
