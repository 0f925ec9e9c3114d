"""Templates keep to the Content-Security-Policy and to what the stylesheet and the sprite offer."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted({*(ROOT / "templates").rglob("*.html"), *(ROOT / "jobs").rglob("templates/**/*.html")})
PRODUCT = [path for path in TEMPLATES if "admin" not in path.relative_to(ROOT).parts]
SPRITE = set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static" / "icons.svg").read_text()))

FORBIDDEN = {
    "inline script": re.compile(r"<script(?![^>]*\bsrc=)", re.IGNORECASE),
    "inline style": re.compile(r"<style\b|\sstyle\s*=", re.IGNORECASE),
    "event handler": re.compile(r"\son[a-z]+\s*=\s*[\"']", re.IGNORECASE),
    "hx-on": re.compile(r"\bhx-on[:-]"),
    "trigger filter": re.compile(r"hx-trigger=\"[^\"]*\[[^\"]*\""),
    "seconds where htmx needs milliseconds": re.compile(r"every [^\"'#]*[\d}]s\b"),
    "evaluated value": re.compile(r"[\"']?(?:js|javascript):"),
    "autoescape undone": re.compile(r"\|\s*safe\b|autoescape\s+false"),
    "another host": re.compile(r"(?:src|href|action)=\"(?:https?:)?//"),
    "meta refresh": re.compile(r"http-equiv=\"refresh\"", re.IGNORECASE),
}


def markup(path: Path) -> str:
    return re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize(("kind", "sample"), [
    ("inline script", "<script>alert(1)</script>"),
    ("inline style", '<p style="color: red">'),
    ("event handler", '<a onclick="go()">'),
    ("hx-on", '<a hx-on:click="go()">'),
    ("trigger filter", '<a hx-trigger="click[ctrlKey]">'),
    ("seconds where htmx needs milliseconds", '<p hx-trigger="every 0.5s">'),
    ("seconds where htmx needs milliseconds", '<p hx-trigger="every {{ pace }}s">'),
    ("evaluated value", """<a hx-vals='js:{"a": 1}'>"""),
    ("autoescape undone", "{{ name|safe }}"),
    ("another host", '<script src="https://cdn.example/x.js">'),
    ("meta refresh", '<meta http-equiv="refresh" content="2">'),
])  # fmt: skip
def test_the_check_would_see_it(kind: str, sample: str) -> None:
    assert FORBIDDEN[kind].search(sample)


@pytest.mark.parametrize("path", PRODUCT, ids=named)
def test_template_has_nothing_that_the_policy_forbids(path: Path) -> None:
    text = markup(path)
    assert [kind for kind, pattern in FORBIDDEN.items() if pattern.search(text)] == []


@pytest.mark.parametrize("path", PRODUCT, ids=named)
def test_template_draws_only_icons_that_exist(path: Path) -> None:
    text = markup(path)
    asked = {*re.findall(r"\bicon\(\"([\w-]+)\"", text), *re.findall(r"\bicon=\"([\w-]+)\"", text)}
    assert asked - SPRITE == set()


def test_no_code_hands_htmx_seconds() -> None:
    sources = [*(ROOT / "app").rglob("*.py"), *(ROOT / "jobs").rglob("*.py")]
    in_seconds = re.compile(r"f\"every \{[^}]*\}s\b")
    assert [named(path) for path in sources if in_seconds.search(path.read_text())] == []


@pytest.mark.parametrize("path", [path for path in TEMPLATES if path.name.startswith("_")], ids=named)
def test_fragment_says_what_it_needs(path: Path) -> None:
    first = path.read_text().split("-#}")[0].split("#}")[0]
    assert path.name == "_ui.html" or re.match(r"\{#-? needs:", first)


@pytest.mark.parametrize("path", PRODUCT, ids=named)
def test_every_form_that_writes_carries_the_token(path: Path) -> None:
    forms = re.findall(r"<form\b[^>]*method=\"post\".*?</form>", markup(path), flags=re.DOTALL | re.IGNORECASE)
    assert [form[:80] for form in forms if not re.search(r"csrf", form)] == []
