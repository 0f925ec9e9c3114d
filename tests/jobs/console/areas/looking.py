"""Asking the console for pages, and reading what they say."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse


def get(app: Flask, path: str, **kwargs: Any) -> TestResponse:
    return app.test_client().get(path, **kwargs)


def said(response: TestResponse) -> str:
    """The words of a page."""
    words = re.sub(r"<[^>]+>", " ", response.get_data(as_text=True))
    return re.sub(r"\s+", " ", unescape(words)).strip()


def part(app: Flask, path: str, tag: str = "") -> TestResponse:
    """The part of a page that asks again."""
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", **({"HX-PTag": tag} if tag else {})}
    return get(app, path, headers=headers)


def post(app: Flask, path: str, **form: Any) -> TestResponse:
    return app.test_client().post(path, data=form)


def done(app: Flask, path: str, **form: Any) -> str:
    """Send a form that is taken; what the page says that it leads to."""
    answer = app.test_client().post(path, data=form, follow_redirects=True)
    assert (answer.status_code, len(answer.history)) == (200, 1), said(answer)
    return said(answer)


def refused(app: Flask, path: str, **form: Any) -> dict[str, str]:
    """Send a form that is not taken; what is wrong, by field."""
    answer = post(app, path, **form)
    assert answer.status_code == 422
    found = re.findall(r'id="field-(\w+)-error">([^<]*)<', answer.get_data(as_text=True))
    return {name: unescape(sentence) for name, sentence in found}
