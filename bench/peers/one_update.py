"""Dramatiq and SQLAlchemy as most people join them: one job, one session, one UPDATE, one commit."""

from datetime import timedelta
from decimal import Decimal

import dramatiq
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.activities.calories import burned
from bench.peers.messages import stock_broker
from bench.peers.rows import connect, rows

broker = stock_broker()
engine = connect()


@dramatiq.actor
def count_calories(activity_id: int, met: str, weight_kg: str, duration_s: int) -> None:
    """Work out what one activity burned, and keep it."""
    energy_kcal = burned(Decimal(met), weight_kg=Decimal(weight_kg), duration=timedelta(seconds=duration_s))
    with Session(engine) as session, session.begin():
        session.execute(update(rows).where(rows.c.id == activity_id).values(energy_kcal=float(energy_kcal)))
