"""Reminders under /api/v1."""

from flask import Response

from app.openapi import ApiBlueprint, answer
from app.security import api_access, me

from . import queries, services
from .schemas import RemindersIn, RemindersOut, reminders_out

blp = ApiBlueprint("reminders_api", __name__, url_prefix="/api/v1/reminders", description="Being reminded by mail.")


@blp.get("")
@blp.response(200, RemindersOut)
@api_access("read")
def show() -> Response:
    """Tell whether and when you are reminded."""
    return _told()


@blp.put("")
@blp.arguments(RemindersIn())
@blp.response(200, RemindersOut)
@api_access("write")
def start(given: dict[str, int]) -> Response:
    """Be reminded by mail when you have not logged for so many days, or change after how many."""
    services.start_reminders(me(), days=given["days"], hour=given["hour"])
    return _told()


@blp.delete("")
@blp.response(204)
@api_access("write")
def stop() -> Response:
    """Be reminded no more."""
    services.stop_reminders(me().id)
    return Response(status=204)


def _told() -> Response:
    return answer(reminders_out(queries.reminder_of(me().id)))
