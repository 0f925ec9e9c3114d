"""What all pages of the console share, and pages beside it: the row of links, and how often they ask again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, current_app, request, url_for
from flask.blueprints import BlueprintSetupState

from jobs.console import answers

PLACES = (
    ("Overview", "overview", ()),
    ("Jobs", "jobs", ("job",)),
    ("Failures", "failures", ("failure",)),
    ("Queues", "queues", ("queue", "kind")),
    ("Workers", "workers", ()),
    ("Schedules", "schedules", ("schedule", "calendar")),
    ("Workflows", "workflows", ("workflow",)),
    ("Operations", "operations", ("operation",)),
    ("Metrics", "metrics", ()),
    ("Broker", "broker", ()),
    ("Integrity", "integrity", ()),
    ("Audit", "audit", ()),
)
"""What each link says, where it leads, and what else belongs to it."""
KEYS = {"jobs": "j", "queues": "q", "workers": "w", "schedules": "s"}
"""What is pressed after `g` to go there."""
ALSO = "JOBS_CONSOLE_ALSO"


@dataclass(frozen=True, slots=True)
class Link:
    """A link, whether it leads to where one is, and the key that is pressed after `g` to go there."""

    word: str
    url: str
    is_here: bool
    key: str = ""


def install(bp: Blueprint) -> None:
    """Let every template of the application ask for the places of this console, and how often its pages ask again."""

    def record(state: BlueprintSetupState) -> None:
        state.app.jinja_env.globals["console_places"] = lambda: places(bp.name)
        state.app.jinja_env.globals["console_live"] = lambda: (
            answers.refresh(),
            datetime.now(UTC),
            url_for(f"{bp.name}.overview"),
        )

    bp.record_once(record)


def places(blueprint: str) -> Sequence[Link]:
    """The places there are, those that the host adds last.

    Its setting JOBS_CONSOLE_ALSO are words with endpoints, or gives those that the person of the request may see.
    """
    given = current_app.config.get(ALSO, ())
    own = [
        (word, f"{blueprint}.{name}", [f"{blueprint}.{one}" for one in others], KEYS.get(name, ""))
        for word, name, others in PLACES
    ]
    also: list[tuple[str, str, list[str], str]] = [
        (word, endpoint, [], "") for word, endpoint in (given() if callable(given) else given)
    ]
    here = request.endpoint or ""
    return [
        Link(word, url_for(endpoint), here in {endpoint, *others}, key)
        for word, endpoint, others, key in [*own, *also]
        if endpoint in current_app.view_functions
    ]
