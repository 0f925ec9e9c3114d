"""The one judge of every fault: what was asked for happened once, and the ledger tells how.

- I1: every submitted job has one row, and there is no other.
- I2: nothing is left waiting or running, and nobody holds a lease.
- I3, I4: the effect of a job exists exactly once where it succeeded, and not at all where it did not.
- I5: every attempt is told, without a gap and within the limit, and only the moves that exist led from one to the next.

- I9: what Prometheus is told of states is what SQL counts.
- What the engine itself can check of its promises holds, too.

What the processes say (I7) is judged by the stage; what the product answers (I6) and what its processes keep of memory
and open files (I8) by the product's tests.
"""

import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import select

from jobs import Engine, Entry, State
from jobs.dispatch.verdict import MOST_ATTEMPTS
from jobs.ledger.models import Attempt
from jobs.ledger.states import LIVE, Outcome
from jobs.metrics import LedgerNumbers, totals
from tests.jobs.host import SmallHost, effects

LAST_OUTCOMES = {
    State.SUCCEEDED: {Outcome.SUCCEEDED},
    State.DEAD: {Outcome.FAILED, Outcome.GAVE_UP, Outcome.SNOOZED, Outcome.INTERRUPTED},
    State.PARKED: {Outcome.LOST, Outcome.GAVE_UP},
}
ON_THE_WAY = {Outcome.FAILED, Outcome.SNOOZED, Outcome.INTERRUPTED, Outcome.LOST}


class PromiseBroken(AssertionError):
    """Something was lost or doubled: no matter how busy the machine is, this must not happen even once."""


def _tell_for_good(what: str) -> None:
    """`bin/test` tries again what failed on a busy machine, but never what stands in this file."""
    if file := os.environ.get("BROKEN_PROMISES"):
        with Path(file).open("a") as told:
            told.write(f"{what}\n")


@dataclass(frozen=True)
class Account:
    """What was found, job by job."""

    lost: int
    doubled: int
    outcomes: Mapping[str, list[str]]

    @property
    def told(self) -> str:
        """The sum of it."""
        ways = Counter(" → ".join(outcomes) for outcomes in self.outcomes.values())
        return f"lost {self.lost}, doubled {self.doubled} ({dict(ways)})"


def count(
    wanted: Counter[Any], found: Counter[Any], outcomes: Mapping[str, list[str]], *, since: float, story: str
) -> Account:
    """Count what is missing and what is there too often, print both, and want neither."""
    account = Account((wanted - found).total(), (found - wanted).total(), outcomes)
    print(f"\n{story}: {account.told} after {time.monotonic() - since:.1f} s")
    if (account.lost, account.doubled) != (0, 0):
        _tell_for_good(f"{story}: {account.told}")
        raise PromiseBroken(f"{story}: {account.told}")
    return account


def check(
    host: SmallHost, submitted: Mapping[str, int], *, ends: Mapping[str, State], since: float, story: str
) -> Account:
    """Judge the small host; `submitted` says which number the job of each public id writes down.

    Every job has to have succeeded, but for those of which `ends` says otherwise.
    """
    with host.inside():
        entries = {entry.uid: entry for entry in host.reading().scalars(select(Entry))}
        found = Counter(host.reading().scalars(select(effects.c.number)))
        attempts: dict[int, list[Attempt]] = {}
        for one in host.reading().scalars(select(Attempt).order_by(Attempt.attempt)):
            attempts.setdefault(one.job_id, []).append(one)
    wanted = Counter(number for uid, number in submitted.items() if ends.get(uid, State.SUCCEEDED) is State.SUCCEEDED)
    outcomes = {uid: [one.outcome for one in attempts.get(entry.id, [])] for uid, entry in entries.items()}
    account = count(wanted, found, outcomes, since=since, story=story)
    assert sorted(entries) == sorted(submitted)
    assert [
        uid for uid, entry in entries.items() if entry.state in LIVE or entry.lease_owner or entry.lease_until
    ] == []
    for uid, entry in entries.items():
        assert entry.state == ends.get(uid, State.SUCCEEDED)
        told = attempts.get(entry.id, [])
        assert [one.attempt for one in told] == list(range(1, entry.attempt + 1))
        assert entry.attempt <= MOST_ATTEMPTS
        if entry.state != State.CANCELLED:
            assert outcomes[uid][-1] in LAST_OUTCOMES[State(entry.state)]
            assert set(outcomes[uid][:-1]) <= {*ON_THE_WAY, *_by_hand(entry)}
    return account


def check_promises(engine: Engine) -> None:
    """What the engine can check of its own promises holds, and its numbers are those of the ledger."""
    registry = CollectorRegistry()
    with engine.host.inside():
        session = engine.host.reading()
        broken = {one.promise.key: one.finding.count for one in engine.integrity.all() if not one.holds}
        counted = Counter(session.scalars(select(Entry.state)))
        registry.register(LedgerNumbers(engine, settled=lambda: totals(session).settled))
        told = Counter[str]()
        for family in registry.collect():
            for sample in family.samples:
                if sample.name == "jobs_state":
                    told[sample.labels["state"]] += int(sample.value)
    assert (broken, +told) == ({}, counted)


def _by_hand(entry: Entry) -> set[Outcome]:
    """What may stand before the last attempt of a job that somebody retried."""
    return {Outcome.GAVE_UP, Outcome.CANCELLED} if entry.state == State.SUCCEEDED else set()
