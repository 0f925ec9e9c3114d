"""Working a person's statistics out, and keeping them."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import OperationalError

from app.accounts import queries as account_queries
from app.clock import now, today
from app.db import insert_into, transaction
from app.errors import NotFound
from app.events import StatisticsOutdated, announce

from . import queries
from .bests import Bests
from .models import UserStatistics
from .summary import summed_up, window

log = logging.getLogger("metronome.statistics")

STILL_COMING = timedelta(seconds=30)
"""A change carries the moment at which it began and is seen when it commits: by then it has."""
MOVES_ON_AFTER = timedelta(days=1)
ASKED_AT_ONCE = 1_000


def statistics_of(user_id: int, *, zone: str) -> UserStatistics:
    """The statistics of this person, calculated now unless those that are stored know everything."""
    stored = queries.stored_of(user_id)
    if stored is not None and stored.until_day == today(zone):
        newest = queries.newest_change_of(user_id)
        if newest is None or newest <= stored.knows_until:
            return stored
    values = _worked_out(user_id, zone=zone)
    try:
        _keep(values)
    except OperationalError:  # nobody is refused a page because it could not be written
        log.info("statistics not kept", exc_info=True)
    return UserStatistics(**values)


def calculate(user_id: int) -> dict[str, int]:
    """Work the statistics of this person out and keep them. Running it twice changes nothing.

    Those that were calculated later are not overwritten, and nothing is done for somebody who is gone.
    """
    try:
        zone = account_queries.user_of(user_id).zone
    except NotFound:
        return {}
    values = _worked_out(user_id, zone=zone)
    _keep(values)
    return {"activities": values["activity_count"], "active_days": values["active_days"]}


def ask_for_old_ones() -> int:
    """Have the statistics calculated that miss something, once for each person; of how many people."""
    moment = now()
    people = queries.people_with_old_ones(
        settled_before=moment - STILL_COMING, older_than=moment - MOVES_ON_AFTER, limit=ASKED_AT_ONCE
    )
    announce(*(StatisticsOutdated(one) for one in people))
    return len(people)


def _worked_out(user_id: int, *, zone: str) -> dict[str, Any]:
    """The columns of their row, as of this moment."""
    moment = now()
    since, until = window(today(zone))
    summary = summed_up(queries.parts_of(user_id, since=since, until=until), since=since, until=until)
    bests = Bests.among(queries.record_holders_of(user_id), queries.best_day_of(user_id))
    return {
        "user_id": user_id,
        "since_day": since,
        "until_day": until,
        "activity_count": summary.activity_count,
        "active_days": summary.active_days,
        "duration_s": summary.duration_s,
        "longest_s": summary.longest_s,
        "energy_kcal": summary.energy_kcal,
        "uncounted": summary.uncounted,
        "kinds": [one.written() for one in summary.kinds],
        "days": [one.written() for one in summary.days],
        "bests": bests.written(),
        "calculated_at": moment,
        "knows_until": moment - STILL_COMING,
    }


def _keep(values: Mapping[str, Any]) -> None:
    """Write them down, unless newer ones are there."""
    with transaction(durable=False) as session:
        new = insert_into(session, UserStatistics).values(values)
        newer = {name: new.excluded[name] for name in values if name != "user_id"}
        is_older = UserStatistics.calculated_at <= new.excluded.calculated_at
        session.execute(new.on_conflict_do_update(index_elements=["user_id"], set_=newer, where=is_older))
