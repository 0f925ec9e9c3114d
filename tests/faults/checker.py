"""The one judge of every fault: what was asked for happened once, and the ledger tells how.

- Every submitted job has one row.
- Nothing is left waiting or running.
- The effect of a job exists exactly once where it succeeded, and not at all where it did not.
- Every attempt is told, without a gap, and only the moves that exist led from one to the next.
"""

import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from jobs import Entry, State
from jobs.ledger.models import Attempt
from jobs.ledger.states import Outcome
from tests.jobs.host import SmallHost, effects

LAST_OUTCOMES = {
    State.SUCCEEDED: {Outcome.SUCCEEDED},
    State.DEAD: {Outcome.FAILED, Outcome.GAVE_UP, Outcome.SNOOZED, Outcome.INTERRUPTED},
    State.PARKED: {Outcome.LOST},
}
ON_THE_WAY = {Outcome.FAILED, Outcome.SNOOZED, Outcome.INTERRUPTED, Outcome.LOST}


@dataclass(frozen=True)
class Account:
    """What was found, job by job."""

    lost: int
    duplicate: int
    outcomes: Mapping[str, list[str]]

    @property
    def told(self) -> str:
        """The sum of it."""
        ways = Counter(" → ".join(outcomes) for outcomes in self.outcomes.values())
        return f"lost {self.lost}, duplicate {self.duplicate} ({dict(ways)})"


def count(
    wanted: Counter[Any], found: Counter[Any], outcomes: Mapping[str, list[str]], *, since: float, story: str
) -> Account:
    """Count what is missing and what is there too often, print both, and want neither."""
    account = Account((wanted - found).total(), (found - wanted).total(), outcomes)
    print(f"\n{story}: {account.told} after {time.monotonic() - since:.1f} s")
    assert (account.lost, account.duplicate) == (0, 0)
    return account


def check(
    host: SmallHost, submitted: Mapping[str, int], *, parked: Collection[str] = (), since: float, story: str
) -> Account:
    """Judge the small host; `submitted` says which number the job of each public id writes down."""
    with host.inside():
        entries = {entry.uid: entry for entry in host.reading().scalars(select(Entry))}
        found = Counter(host.reading().scalars(select(effects.c.number)))
        attempts: dict[int, list[Attempt]] = {}
        for one in host.reading().scalars(select(Attempt).order_by(Attempt.attempt)):
            attempts.setdefault(one.job_id, []).append(one)
    wanted = Counter(number for uid, number in submitted.items() if uid not in parked)
    outcomes = {uid: [one.outcome for one in attempts.get(entry.id, [])] for uid, entry in entries.items()}
    account = count(wanted, found, outcomes, since=since, story=story)
    assert sorted(entries) == sorted(submitted)
    for uid, entry in entries.items():
        assert entry.state == (State.PARKED if uid in parked else State.SUCCEEDED)
        assert [one.attempt for one in attempts[entry.id]] == list(range(1, entry.attempt + 1))
        *before, last = outcomes[uid]
        assert last in LAST_OUTCOMES[State(entry.state)]
        assert set(before) <= ON_THE_WAY
        assert (entry.lease_owner, entry.lease_until) == (None, None)
    return account
