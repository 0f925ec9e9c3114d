"""What tests of the console ask it, and read of its answers."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse


def text_of(response: TestResponse) -> str:
    words = re.sub(r"<[^>]+>", " ", response.get_data(as_text=True))
    return re.sub(r"\s+", " ", unescape(words)).strip()


def listed(response: TestResponse) -> list[str]:
    """The ids of the jobs on the page, in order."""
    return re.findall(r'<tr id="job-([0-9a-f]{32})"', response.get_data(as_text=True))


def get(app: Flask, path: str, **kwargs: Any) -> TestResponse:
    return app.test_client().get(path, **kwargs)


def post(app: Flask, path: str, **data: Any) -> TestResponse:
    return app.test_client().post(path, data=data)


def part(app: Flask, path: str, tag: str = "") -> TestResponse:
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", **({"HX-PTag": tag} if tag else {})}
    return get(app, path, headers=headers)
