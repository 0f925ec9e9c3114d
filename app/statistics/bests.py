"""The best somebody ever did, of all their activities and not only of the last ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, Self


class Held(NamedTuple):
    """An activity that may hold a record."""

    id: int
    kind: str
    day: date
    duration_s: int
    energy_kcal: Decimal | None


@dataclass(frozen=True, slots=True)
class Best:
    """A record: which activity holds it, and since which day."""

    activity_id: int
    kind: str
    day: date
    duration_s: int
    energy_kcal: Decimal | None

    @property
    def duration(self) -> timedelta:
        """How long it took."""
        return timedelta(seconds=self.duration_s)

    def written(self) -> list[Any]:
        """As it is stored."""
        energy = None if self.energy_kcal is None else str(self.energy_kcal)
        return [self.activity_id, self.kind, self.day.isoformat(), self.duration_s, energy]

    @classmethod
    def read(cls, stored: Sequence[Any] | None) -> Self | None:
        """What `written` gave."""
        if stored is None:
            return None
        activity_id, kind, day, duration_s, energy = stored
        known = None if energy is None else Decimal(energy)
        return cls(activity_id, kind, date.fromisoformat(day), duration_s, known)


@dataclass(frozen=True, slots=True)
class BestDay:
    """The day on which most energy was burned."""

    day: date
    energy_kcal: Decimal


@dataclass(frozen=True, slots=True)
class OfKind:
    """The records of one kind."""

    kind: str
    longest: Best
    most_energy: Best | None


@dataclass(frozen=True, slots=True)
class Bests:
    """All records: of everything, and by kind, in the order of their names."""

    longest: Best | None
    most_energy: Best | None
    best_day: BestDay | None
    kinds: Sequence[OfKind]

    def written(self) -> dict[str, Any]:
        """As they are stored."""
        kinds = [[one.longest.written(), one.most_energy and one.most_energy.written()] for one in self.kinds]
        day = self.best_day and [self.best_day.day.isoformat(), str(self.best_day.energy_kcal)]
        return {"kinds": kinds, "best_day": day}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """What `written` gave."""
        kinds = []
        for first, second in stored["kinds"]:
            longest = Best.read(first)
            assert longest is not None, "of each kind one activity is the longest"
            kinds.append(OfKind(longest.kind, longest, Best.read(second)))
        day = stored["best_day"]
        return cls._of(kinds, BestDay(date.fromisoformat(day[0]), Decimal(day[1])) if day else None)

    @classmethod
    def among(cls, held: Sequence[Held], best_day: tuple[date, Decimal] | None) -> Self:
        """The records among these. Of those that are alike the one that was logged first holds it."""
        kinds = []
        for kind in sorted({one.kind for one in held}):
            own = [Best(*one) for one in held if one.kind == kind]
            kinds.append(OfKind(kind, min(own, key=_by_duration), _most_energy(own)))
        return cls._of(kinds, BestDay(*best_day) if best_day else None)

    @classmethod
    def _of(cls, kinds: Sequence[OfKind], best_day: BestDay | None) -> Self:
        return cls(
            longest=min((one.longest for one in kinds), key=_by_duration, default=None),
            most_energy=_most_energy([one.most_energy for one in kinds if one.most_energy]),
            best_day=best_day,
            kinds=kinds,
        )


def _by_duration(one: Best) -> tuple[int, int]:
    return -one.duration_s, one.activity_id


def _most_energy(some: Sequence[Best]) -> Best | None:
    counted = [(-one.energy_kcal, one.activity_id, one) for one in some if one.energy_kcal is not None]
    return min(counted, key=lambda one: one[:2])[2] if counted else None
