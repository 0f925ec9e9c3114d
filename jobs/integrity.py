"""Whether what the engine promises holds right now, row by row, with what mends it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from .dispatch.reaper import Reaper
from .dispatch.relay import Relay
from .errors import UnknownJob
from .host import Host
from .ledger import audit, invariants, kinds, rollup
from .ledger.invariants import Finding
from .rollups import Rollups
from .schedules import shelf
from .schedules.firing import Firing
from .workflows.desk import Workflows

LATE_S = 60.0
LAG_S = 900.0
MOST_KINDS = 20


@dataclass(frozen=True, slots=True)
class Promise:
    """Something that must hold: `sort` is what its samples are, `mend` in a word what puts it right, if anything."""

    key: str
    number: str
    words: str
    sort: str = "job"
    mend: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A promise, and what breaks it at this moment."""

    promise: Promise
    finding: Finding

    @property
    def holds(self) -> bool:
        """Whether nothing breaks it."""
        return not self.finding.count


PROMISES = (
    Promise("leases", "I2", "No job is held by a process that fell silent.", mend="Take them back"),
    Promise("due", "I2", "What is due is ready.", mend="Make them ready"),
    Promise("expired", "I2", "What was not to start any more is cancelled.", mend="Cancel them"),
    Promise("schedules", "I2", "Every schedule that is due has fired.", "schedule", "Fire them"),
    Promise("known", "I2", "Some worker knows every kind that waits.", "kind"),
    Promise("steps", "I2", "A step that waits for nothing more is ready.", mend="Count them anew"),
    Promise("workflows", "I2", "Every open workflow has something that can go on.", "workflow", "Count them anew"),
    Promise("effects", "I3", "Of everything done outside it is known whether it happened."),
    Promise("done", "I4", "A job is done exactly when one of its tries succeeded."),
    Promise("tries", "I5", "No job is tried more often than it may be."),
    Promise("gaps", "I5", "Every try of a job is told, without a gap."),
    Promise("marks", "I5", "States, leases and moments agree."),
    Promise("twins", "I1", "No two living jobs hold the same key."),
    Promise("history", "I9", "The history is counted up to now.", "moment", "Count on"),
)


class Integrity:
    """The promises of one engine, asked inside `host.inside()`. Each question looks at a few hundred rows at most."""

    def __init__(
        self,
        host: Host,
        *,
        relay: Relay,
        reaper: Reaper,
        workflows: Workflows,
        firing: Firing,
        rollups: Rollups,
        known: Callable[[], Sequence[str]],
    ) -> None:
        self._host, self._known = host, known
        self._checks: Mapping[str, Callable[[Session], Finding]] = {
            "leases": invariants.expired_leases,
            "due": invariants.overdue,
            "expired": invariants.expired,
            "schedules": _late_schedules,
            "known": self._unknown_kinds,
            "steps": invariants.stuck_steps,
            "workflows": invariants.stuck_workflows,
            "effects": invariants.unknown_effects,
            "done": invariants.done_without_a_try,
            "tries": invariants.too_many_tries,
            "gaps": invariants.gaps_in_tries,
            "marks": invariants.unmarked,
            "twins": invariants.doubled,
            "history": _uncounted,
        }
        self._mends: Mapping[str, Callable[[], Any]] = {
            "leases": reaper.reap,
            "due": relay.promote,
            "expired": relay.expire,
            "schedules": firing.fire_due,
            "steps": workflows.reconcile,
            "workflows": workflows.reconcile,
            "history": rollups.keep_now,
        }

    def all(self) -> list[Kept]:
        """Every promise, and what breaks it now."""
        session = self._host.reading()
        return [Kept(one, self._checks[one.key](session)) for one in PROMISES]

    def mend(self, key: str, *, by: str | None, reason: str | None = None) -> Kept:
        """Put one right; how it stands then.

        Raises:
            UnknownJob: there is no such promise, or nothing mends it.
        """
        promise = next((one for one in PROMISES if one.key == key and one.mend), None)
        if promise is None:
            raise UnknownJob(f"Nothing mends {key}.")
        before = self._checks[key](self._host.reading())
        self._mends[key]()
        after = self._checks[key](self._host.reading())
        with self._host.transaction() as session:
            counts = {"before": {"broken": before.count}, "after": {"broken": after.count}}
            details = {**counts, "did": promise.mend, "reason": reason}
            audit.append(session, by=by, action="repair", subject=f"integrity {key}", details=details)
        return Kept(promise, after)

    def _unknown_kinds(self, session: Session) -> Finding:
        known = [*self._known(), *(row.name for row in kinds.all_of(session))]
        found = kinds.unknown_waiting(session, known, limit=MOST_KINDS)
        return Finding(len(found), found[: invariants.SHOWN])


def _late_schedules(session: Session) -> Finding:
    late = shelf.late_by(session, LATE_S, limit=invariants.LOOK_AT)
    return Finding(len(late), late[: invariants.SHOWN])


def _uncounted(session: Session) -> Finding:
    lag_s = rollup.reached_lag_s(session)
    if lag_s is None or lag_s < LAG_S:
        return Finding(0)
    return Finding(1, [f"{lag_s / 60:.0f} min behind"])
