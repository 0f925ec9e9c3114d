"""The README's host works as it stands."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from jobs import State, engine_of, in_words
from jobs.ledger import reader
from jobs.testing import run_ready

README = Path(__file__).parents[2] / "jobs" / "README.md"


def test_another_application_uses_the_engine_as_the_readme_says(database_url: str) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    example: dict[str, Any] = {"__name__": "greetings"}
    exec(code, example)
    app = example["create_app"](database_url)
    engine = engine_of(app)
    answer = app.test_client().post("/greetings/Ada")
    weekly = app.test_client().post("/greetings/Ada/weekly")
    run_ready(engine)
    with engine.host.inside():
        entry = reader.by_uid(engine.host.reading(), answer.json["job"])
        recurring = engine.schedules.get(weekly.json["schedule"])
    engine.pause(("queue", "mail"), by="olga", reason=None)
    with pytest.raises(DBAPIError, match="only added to"), engine.host.transaction() as session:
        session.execute(text("UPDATE job_audit SET by = 'nobody'"))
    engine.host.close()
    assert answer.status_code == 202
    assert entry is not None
    assert (entry.state, entry.result, entry.priority) == (State.SUCCEEDED, "Hello Ada!", 2)
    assert (recurring.kind, recurring.args, recurring.zone) == ("greetings.greet", {"name": "Ada"}, "Europe/Vienna")
    assert in_words(recurring.rule) == "On Mondays at 09:00 (Europe/Vienna)"
    assert (entry.progress_current, entry.progress_total) == (3, 3)
