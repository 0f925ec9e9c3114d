"""What is told to many at the same moment, drawn once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from flask import Flask

from jobs.console.shared import Told, token_to_come


def test_it_is_drawn_once_for_each_shape_however_many_ask_at_once() -> None:
    told, drawn = Told("all of it"), list[str]()

    def draw(shape: str) -> str:
        drawn.append(shape)
        time.sleep(0.02)
        return f"<p>{shape}</p>"

    with ThreadPoolExecutor(8) as pool:
        shapes = ["viewer", "admin"] * 8
        parts = list(pool.map(lambda shape: told.part(shape, lambda: draw(shape)), shapes))
    assert sorted(drawn) == ["admin", "viewer"]
    assert [one.body.decode() for one in parts] == [f"<p>{shape}</p>" for shape in shapes]


def test_a_token_stands_where_the_mark_stood_and_cannot_break_out() -> None:
    site = Flask("site")
    site.jinja_env.globals["csrf_token"] = lambda: 'a"b'
    with site.app_context():
        mark = token_to_come()["csrf_token"]()
        part = Told("all of it").part("admin", lambda: f'<input value="{mark}">')
        assert (part.body, part.packed) == (b'<input value="a&#34;b">', None)


def test_a_host_without_tokens_has_no_mark() -> None:
    with Flask("site").app_context():
        assert token_to_come() == {}
