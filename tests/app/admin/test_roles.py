"""The services that are for admins ask for the role themselves, whoever calls them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from flask import Flask

from app.accounts import services as accounts
from app.accounts.care import services as people
from app.activities.care import services as activities
from app.errors import NotAllowed
from app.security import Person
from app.tuning import services as tuning
from app.tuning.system import services as system
from jobs import engine_of


def by_people(module: ModuleType) -> Iterator[Callable[..., object]]:
    """The functions of a module that are told who asks."""
    for name, one in vars(module).items():
        if name.startswith("_") or not inspect.isfunction(one) or one.__module__ != module.__name__:
            continue
        if {"by", "person"} & inspect.signature(one).parameters.keys():
            yield one


VERBS = [one for module in (people, activities, tuning, system) for one in by_people(module)]
ALL = [*VERBS, accounts.give_role]
ROLES = ["", "viewer", "operator"]


def person(role: str, **more: Any) -> Person:
    told: dict[str, Any] = {"name": "Vera", "email": "v@example.org", "zone": "UTC", "theme": "system"}
    told |= {"live_updates": True, "is_admin": False, "is_guest": False, "session_id": 1}
    return Person(id=1, role=role, **told | more)


@pytest.mark.parametrize("who", [*map(person, ROLES), person("admin", is_admin=True, session_id=None)])
@pytest.mark.parametrize("verb", ALL, ids=lambda verb: f"{verb.__module__.split('.')[1]}.{verb.__name__}")
def test_nobody_less_than_an_admin_does_it(app: Flask, verb: Callable[..., object], who: Person) -> None:
    """Nor does a program of an admin's whose token is not for that."""
    needed = {
        name: who if name in {"by", "person"} else () if name == "activity_ids" else None
        for name, one in inspect.signature(verb).parameters.items()
        if one.default is one.empty
    }
    with app.app_context():
        with pytest.raises(NotAllowed):
            verb(**needed)
        assert engine_of().audit.page() == []


def test_nobody_is_left_out() -> None:
    assert len(VERBS) == 4 + 4 + 3 + 1
