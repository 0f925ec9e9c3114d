"""A raw Dramatiq actor: the same arithmetic, no ledger, no result, nothing kept."""

from datetime import timedelta
from decimal import Decimal

import dramatiq

from app.activities.calories import burned
from bench.peers.messages import stock_broker

broker = stock_broker()


@dramatiq.actor
def count_calories(activity_id: int, met: str, weight_kg: str, duration_s: int) -> None:
    """Work out what one activity burned, and forget it."""
    burned(Decimal(met), weight_kg=Decimal(weight_kg), duration=timedelta(seconds=duration_s))
