"""People who submit, cancel and retry all the time, whatever happens."""

import itertools
import random
from collections.abc import Callable, Sequence
from contextlib import suppress

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from jobs import Entry, JobError, State, Step, chord
from tests.faults.stage import Stage

MEMBERS = 5
LOOK_BACK = 200


class Load:
    """Asks for work, and remembers what was promised, what was refused, and what was cancelled."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage, self._chance = stage, random.Random(seed)
        self._numbers = itertools.count()
        self._in_workflows: list[int] = []
        self._refused: set[int] = set()
        self._asked_to_end: set[str] = set()

    def go_on(self) -> None:
        """Do one thing that people do. While the database is away it is refused, and nobody knows what came of it."""
        ways = [self._submit, self._submit_batch, self._start_workflow, self._cancel, self._retry]
        (way,) = self._chance.choices(ways, weights=[10, 5, 1, 2, 1])
        way()

    def retry_parked(self) -> bool:
        """Retry by hand what lost three workers; whether there was any."""
        with self._stage.host.inside():
            found = select(Entry.uid).where(Entry.state.in_([State.PARKED, State.DEAD]))
            parked = list(self._stage.host.reading().scalars(found))
        for uid in parked:
            self._stage.engine.retry(uid, by="Ada")
        return bool(parked)

    def settle_up(self) -> dict[str, State]:
        """Tell the stage of all that was promised; how those ended that may end in another way than well."""
        with self._stage.host.inside():
            entries = list(self._stage.host.reading().scalars(select(Entry)))
        by_number = {entry.args.get("number", entry.args.get("numbers")): entry.uid for entry in entries}
        for number in self._in_workflows:
            self._stage.submitted[by_number.get(number, f"never written: {number}")] = number
        for number in self._refused & set(by_number):
            self._stage.submitted[by_number[number]] = number
        return {
            one.uid: State.CANCELLED
            for one in entries
            if one.state == State.CANCELLED and one.uid in self._asked_to_end
        }

    def _take(self, count: int) -> list[int]:
        return list(itertools.islice(self._numbers, count))

    def _submit(self) -> None:
        name, count = self._chance.choice([("note", 3), ("slow", 2), ("stepping", 1)])
        args: dict[str, dict[str, float]] = {"note": {}, "slow": {"seconds": 0.1}, "stepping": {"steps": 5}}
        self._try_to_submit(name, self._take(count), args[name])

    def _submit_batch(self) -> None:
        self._try_to_submit("many", self._take(15), {})

    def _try_to_submit(self, name: str, numbers: Sequence[int], args: dict[str, float]) -> None:
        try:
            self._stage.submit(name, *numbers, **args)
        except SQLAlchemyError:
            self._refused.update(numbers)

    def _start_workflow(self) -> None:
        *members, last = self._take(MEMBERS + 1)
        job_named = self._stage.engine.job_named
        steps = [Step(job_named("small.slow"), {"number": number, "seconds": 0.05}) for number in members]
        try:
            with self._stage.host.transaction() as session:
                shape = chord(steps, Step(job_named("small.note"), {"number": last}))
                self._stage.engine.workflows.start(session, shape)
        except SQLAlchemyError:
            self._refused.update([*members, last])
        else:
            self._in_workflows += [*members, last]

    def _some(self) -> str | None:
        """One of those that were asked for lately."""
        lately = list(self._stage.submitted)[-LOOK_BACK:]
        return self._chance.choice(lately) if lately else None

    def _cancel(self) -> None:
        if uid := self._some():
            self._asked_to_end.add(uid)
            self._by_hand(lambda: self._stage.engine.cancel(uid, by="Ada"))

    def _retry(self) -> None:
        asked = sorted(self._asked_to_end)
        if asked:
            uid = self._chance.choice(asked)
            self._by_hand(lambda: self._stage.engine.retry(uid, by="Ben"))

    def _by_hand(self, act: Callable[[], object]) -> None:
        """What people do may come too late, or meet a database that is away."""
        with suppress(JobError, SQLAlchemyError):
            act()
