"""What we serve of others is what they published."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "static"
VENDOR = STATIC / "vendor"
ROW = re.compile(r"^\| (\S+) \| (\S+)@([\d.]+), [^|]+ \| ([^|]+) \| (\S{64}) \|$", re.MULTILINE)
PINNED = {row[0]: row[4] for row in ROW.findall((VENDOR / "README.md").read_text())}


def sha384(path: Path) -> str:
    return base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()


@pytest.mark.parametrize("name", PINNED)
def test_vendored_file_is_the_published_one(name: str) -> None:
    assert sha384(VENDOR / name) == PINNED[name]


def test_every_vendored_file_is_pinned() -> None:
    served = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.suffix in {".js", ".css", ".woff2"}}
    fonts = {f"../fonts/{path.name}" for path in (STATIC / "fonts").glob("*.woff2")}
    assert served | fonts == set(PINNED)


def test_nothing_of_ours_points_at_another_host() -> None:
    ours = [path for path in STATIC.iterdir() if path.suffix in {".css", ".js"}]
    outside = {path.name: re.findall(r"(?:https?:)?//[\w.-]+\.\w+/", path.read_text()) for path in ours}
    assert outside == {path.name: [] for path in ours}
