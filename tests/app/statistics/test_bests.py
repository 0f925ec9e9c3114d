"""Who holds which record."""

from datetime import date
from decimal import Decimal

from app.statistics.bests import Best, BestDay, Bests, Held, OfKind

DAY = date(2020, 2, 29)


def held(number: int, kind: str, minutes: int, energy: str | None) -> Held:
    return Held(number, kind, DAY, minutes * 60, None if energy is None else Decimal(energy))


LONG_RUN, HOT_RUN = held(1, "running", 90, "500.5"), held(2, "running", 60, "700.0")
YOGA = held(3, "yoga", 120, None)


def test_each_kind_has_its_records_and_everything_has_some() -> None:
    found = Bests.among([LONG_RUN, HOT_RUN, YOGA], (DAY, Decimal("1200.5")))
    assert found.kinds == [OfKind("running", Best(*LONG_RUN), Best(*HOT_RUN)), OfKind("yoga", Best(*YOGA), None)]
    assert (found.longest, found.most_energy) == (Best(*YOGA), Best(*HOT_RUN))
    assert found.best_day == BestDay(DAY, Decimal("1200.5"))


def test_of_those_that_are_alike_the_first_one_holds_the_record() -> None:
    twins = [held(9, "yoga", 60, "280.0"), held(4, "running", 60, "280.0"), held(7, "running", 60, "280.0")]
    found = Bests.among(twins, None)
    assert [(one.longest.activity_id, one.most_energy and one.most_energy.activity_id) for one in found.kinds] == [
        *((4, 4), (9, 9))
    ]
    assert (found.longest, found.most_energy) == (Best(*twins[1]), Best(*twins[1]))


def test_who_did_nothing_holds_no_record() -> None:
    assert Bests.among([], None) == Bests(None, None, None, [])


def test_records_are_read_as_they_were_written() -> None:
    for found in (Bests.among([LONG_RUN, HOT_RUN, YOGA], (DAY, Decimal("1200.5"))), Bests.among([], None)):
        assert Bests.read(found.written()) == found
