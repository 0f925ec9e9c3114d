"""Telling the host that a job gave up."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import text

from jobs import GiveUp
from tests.jobs.host import SmallHost
from tests.jobs.workshop import Workshop


def gives_up(number: int) -> None:
    raise GiveUp("There is no such person.")


def test_the_host_hears_which_job_gave_up_and_why(shop: Workshop) -> None:
    uid = shop.submit_one(shop.job(gives_up), 3)
    shop.work()
    assert shop.state(uid) == "dead"
    assert shop.regrets() == ["shop.gives_up {'number': 3}: There is no such person."]


def test_what_the_host_writes_and_the_settlement_commit_together(shop: Workshop, monkeypatch: Any) -> None:
    seen: list[str] = []
    hear = shop.host.gave_up

    def gave_up(kind: str, args: Mapping[str, Any], reason: str) -> None:
        with shop.host.transaction() as session:
            seen.append(session.scalar(text("SELECT state FROM job")) or "")
        hear(kind, args, reason)

    monkeypatch.setattr(shop.host, "gave_up", gave_up)
    shop.submit_one(shop.job(gives_up))
    shop.work()
    assert (seen, len(shop.regrets())) == (["dead"], 1)


@pytest.mark.parametrize("trouble", ["SELECT * FROM nowhere", None])
def test_a_host_that_cannot_listen_does_not_stop_the_settlement(
    host: SmallHost, monkeypatch: Any, trouble: str | None
) -> None:
    shop = Workshop(host)

    def deaf(kind: str, args: Mapping[str, Any], reason: str) -> None:
        with host.transaction() as session:
            session.execute(text("INSERT INTO regret (reason) VALUES ('half')"))
            if trouble:
                session.execute(text(trouble))
        raise RuntimeError("not now")

    monkeypatch.setattr(host, "gave_up", deaf)
    uid = shop.submit_one(shop.job(gives_up))
    shop.work()
    assert (shop.state(uid), shop.regrets(), shop.outcomes(uid)) == ("dead", [], ["gave up"])
