"""Taking part in the leaderboards, and working them out."""

from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.clock import now, today
from app.db import insert_into, transaction
from app.errors import Invalid, NotAllowed
from app.events import LeaderboardsOutdated, announce
from app.security import Person
from app.web import settings
from jobs import retrying

from . import queries
from .boards import Period, Window, window
from .models import Board, Member, Standing

FOR_GUESTS = "Guests are not on the leaderboards. Keep your account first."
TAKEN = "Somebody else is called that on the leaderboards."
LIKE_AN_ADDRESS = "Everybody here sees this name, so it must not look like an e-mail address."


def join_leaderboards(person: Person, *, display_name: str) -> None:
    """Take part under this name, or change it. Whoever joins appears with the next update.

    Raises:
        NotAllowed: guests do not take part
        Invalid: somebody else has the name, or it looks like an e-mail address
    """
    if person.is_guest:
        raise NotAllowed(FOR_GUESTS)
    if "@" in display_name:
        raise Invalid({"display_name": LIKE_AN_ADDRESS})
    called = {"display_name": display_name, "name_key": display_name.casefold()}
    try:
        with transaction() as session:
            joined = insert_into(session, Member).values(user_id=person.id, joined_at=now(), **called)
            session.execute(joined.on_conflict_do_update(index_elements=["user_id"], set_=called))
    except IntegrityError:
        raise Invalid({"display_name": TAKEN}) from None


@retrying
def leave_leaderboards(user_id: int) -> None:
    """Take part no more, and be on no leaderboard from this moment on. Doing it twice changes nothing."""
    with transaction() as session:
        # Boards that are being written are waited for: what stands in them goes, too.
        session.execute(select(Board.period).order_by(Board.period).with_for_update())
        session.execute(delete(Standing).where(Standing.user_id == user_id))
        session.execute(delete(Member).where(Member.user_id == user_id))


def update_leaderboards() -> dict[str, int]:
    """Work out how everybody who takes part stands; how many people each period has. Running it twice changes nothing.

    It is all read with one statement, outside of the transaction that writes it down.
    """
    moment = now()
    windows = {period: window(period, today("UTC")) for period in Period}
    rows = [dict(row._mapping) for row in queries.calculated(windows)]
    with transaction() as session:
        _note_boards(session, windows, moment)
        session.execute(delete(Standing))
        if rows:
            session.execute(insert(Standing), rows)
        # Somebody may have left between the reading and the writing.
        session.execute(delete(Standing).where(Standing.user_id.not_in(select(Member.user_id))))
    return {period.value: sum(row["period"] == period.value for row in rows) for period in Period}


def ask_when_due() -> bool:
    """Have the leaderboards worked out when that was long enough ago, or a new week or month began; whether so."""
    count, calculated_at, until = queries.oldest_board()
    is_due = (
        count < len(Period)
        or calculated_at is None
        or until is None
        or now() >= next_update(calculated_at)
        or today("UTC") > until
    )
    if is_due:
        announce(LeaderboardsOutdated())
    return is_due


def next_update(calculated_at: datetime) -> datetime:
    """When leaderboards that were worked out at that moment are worked out again."""
    return calculated_at + timedelta(seconds=settings().leaderboards_interval_s)


def _note_boards(session: Session, windows: dict[Period, Window], moment: datetime) -> None:
    """Always in the same order, so that two who write at once wait for each other and none is in the other's way."""
    for period in sorted(windows):
        values = {
            "since_day": windows[period].since,
            "until_day": windows[period].until,
            "calculated_at": moment,
        }
        noted = insert_into(session, Board).values(period=period.value, **values)
        session.execute(noted.on_conflict_do_update(index_elements=["period"], set_=values))
