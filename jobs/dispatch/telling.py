"""Telling the host that a job will not be tried again by itself."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from jobs.host import Host
from jobs.log import get_logger

log = get_logger(__name__)


def tell_gave_up(host: Host, session: Session, kind: str, args: Mapping[str, Any], reason: str) -> None:
    """Tell the host inside the settling transaction; a host that cannot listen does not stop the settlement."""
    try:
        with session.begin_nested():
            host.gave_up(kind, args, reason)
    except Exception:
        log.exception("the host could not take in that a job gave up", extra={"kind": kind, "args_given": dict(args)})
