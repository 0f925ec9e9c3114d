"""The rules of the house that no linter knows."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_TOUCH_THE_WORLD = {
    *("__init__", "routes", "forms", "api", "schemas", "services", "queries"),
    *("models", "actors", "admin", "metrics", "cli"),
}
THE_WORLD = {
    *("flask", "sqlalchemy", "flask_sqlalchemy", "redis", "dramatiq", "jobs", "psycopg2", "requests", "urllib.request"),
    *("os", "sys", "time", "secrets", "socket", "subprocess", "pathlib", "logging", "threading"),
    *("app.db", "app.clock", "app.config", "app.events", "app.web", "app.security", "app.mail", "app.limits"),
}
ONLY_IMPORTED_BY = {
    "dramatiq": {"jobs/dispatch/*.py", "jobs/engine.py", "jobs/testing.py"},
    "apscheduler": {"jobs/schedules/ticker.py"},
    "dateutil": {"jobs/schedules/recurrence.py"},
    "redis": {"jobs/dispatch/*.py"},
    "prometheus_client": {"jobs/metrics.py", "app/monitoring/*.py", "app/*/metrics.py"},
    "prometheus_flask_exporter": {"app/monitoring/*.py"},
    "flask_admin": {"app/admin/*.py", "app/*/admin.py"},
    "argon2": {"app/hashing.py"},
    "dotenv": {"app/config.py"},
    "waitress": {"app/server.py", "app/sockets.py", "app/threads.py"},
    "supervisor": {"app/supervision.py"},
    "subprocess": {
        *("app/daemon.py", "app/dumps.py", "app/launcher.py", "app/welcome.py"),
        "jobs/dispatch/isolation.py",
    },
    "psycopg2": {"app/schema.py"},
    "ctypes": {"app/lineage.py"},
    "smtplib": {"app/mail.py"},
}
MAY_ENQUEUE = {
    *("app/events.py", "app/activities/services.py"),
    *("app/background/services.py", "app/workbench/services.py"),
}
"""Beside what announces, what is there to start whatever job somebody names."""
FORBIDDEN = {"pickle", "marshal", "shelve", "xml", "telnetlib", "ftplib"}
NAMES_THAT_SAY_NOTHING = {"utils", "helpers", "common", "misc", "base", "manager", "handler", "service", "types"}


def sources(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def short(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_bytes(), str(file))


def imported(file: Path) -> Iterator[str]:
    """Every module the file imports, relative ones made absolute."""
    package = list(file.relative_to(ROOT).parts[:-1])
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            begin = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*begin, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{name.name}" for name in node.names)


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def uses(file: Path, *dotted: str) -> list[str]:
    """The dotted expressions of this list that occur in the file, as code and not as words."""
    found = {ast.unparse(node) for node in ast.walk(tree(file)) if isinstance(node, ast.Attribute)}
    return [one for one in dotted if any(text == one or text.endswith(f".{one}") for text in found)]


def is_pure(file: Path) -> bool:
    inside_a_feature = len(file.relative_to(ROOT).parts) > 2
    return inside_a_feature and file.stem not in MAY_TOUCH_THE_WORLD


PURE = [file for file in sources("app") if is_pure(file) and file.parent.name not in {"monitoring", "admin"}]


@pytest.mark.parametrize("file", PURE, ids=short)
def test_a_pure_file_does_not_touch_the_world(file: Path) -> None:
    touched = {module for module in imported(file) for world in THE_WORLD if is_within(module, world)}
    assert touched == set()


@pytest.mark.parametrize("file", PURE, ids=short)
def test_a_pure_file_does_not_look_at_the_clock(file: Path) -> None:
    assert uses(file, "datetime.now", "datetime.utcnow", "date.today") == []


def test_there_are_pure_files() -> None:
    assert "app/activities/calories.py" in {short(file) for file in PURE}


def test_only_one_file_commits() -> None:
    assert [short(file) for file in sources("app", "jobs") if uses(file, "commit")] == ["jobs/transactions.py"]


def test_only_the_clock_reads_the_clock() -> None:
    readers = [short(file) for file in sources("app") if uses(file, "datetime.now", "datetime.utcnow", "date.today")]
    assert readers == ["app/clock.py"]


def test_only_the_settings_read_the_environment() -> None:
    readers = {short(file) for file in sources("app", "jobs") if uses(file, "os.environ", "os.getenv")}
    # The launcher sets it for those it starts; the counters ask for the folder that their library reads there too.
    assert readers - {"app/launcher.py", "app/monitoring/metrics.py", "jobs/metrics.py"} == {"app/config.py"}


def test_only_one_file_knows_the_headers_of_htmx() -> None:
    def names_one(file: Path) -> bool:
        texts = [node.value for node in ast.walk(tree(file)) if isinstance(node, ast.Constant)]
        return any(isinstance(text, str) and text.startswith("HX-") for text in texts)

    assert [short(file) for file in sources("app") if names_one(file)] == ["app/web.py"]


@pytest.mark.parametrize("library", ONLY_IMPORTED_BY)
def test_a_dangerous_library_has_few_importers(library: str) -> None:
    importers = [file for file in sources("app", "jobs") if any(is_within(name, library) for name in imported(file))]
    allowed = ONLY_IMPORTED_BY[library]
    strangers = [short(file) for file in importers if not any(Path(short(file)).match(one) for one in allowed)]
    assert strangers == []


def test_nothing_reads_what_could_run_code() -> None:
    found = [(short(file), name) for file in sources("app", "jobs") for name in imported(file) if name in FORBIDDEN]
    assert found == []


def test_the_engine_never_imports_the_product() -> None:
    found = [short(file) for file in sources("jobs") if any(is_within(name, "app") for name in imported(file))]
    assert found == []


def test_announce_is_the_only_one_who_enqueues() -> None:
    found = [short(file) for file in sources("app") if uses(file, "write_down", "enqueue")]
    assert [file for file in found if file not in MAY_ENQUEUE] == []


def test_every_module_says_in_a_sentence_what_lives_there() -> None:
    silent = [short(file) for file in sources("app", "jobs") if not ast.get_docstring(tree(file))]
    assert silent == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    names = {file.stem for file in sources("app", "jobs")} | {file.parent.name for file in sources("app", "jobs")}
    assert names & NAMES_THAT_SAY_NOTHING == set()


def test_an_import_inside_a_function_says_why() -> None:
    reasons = ("# noqa: PLC0415 -- slow import", "# noqa: PLC0415 -- optional dependency")
    silent = []
    for file in sources("app", "jobs"):
        lines = file.read_text().splitlines()
        for function in ast.walk(tree(file)):
            if isinstance(function, ast.FunctionDef):
                inner = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
                silent += [
                    f"{short(file)}:{n.lineno}" for n in inner if not any(r in lines[n.lineno - 1] for r in reasons)
                ]
    assert silent == []
