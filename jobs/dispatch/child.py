"""The child of an isolated job. Run by its path, and alone: it imports nothing but what the function needs.

Limits come as arguments, the call as JSON on stdin, the answer goes as JSON to stdout; what is printed goes nowhere.
"""

import json
import os
import resource
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

MOST_FILES = 32
TOLD_AT_MOST = 2_000


def limit(memory: int, cpu_s: int, file_size: int) -> None:
    """Bind this process, and all that it starts, to what it may use."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_FILES, MOST_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Call the function, and say how it ended."""
    try:
        found: Any = import_module(asked["module"])
        for name in asked["function"].split("."):
            found = getattr(found, name)
        function = getattr(found, "run", found)  # a declared job stands where its function was
        return {"result": function(**asked["args"])}
    except MemoryError:
        return {"error": "It needed more memory than it may use."}
    except Exception as error:  # noqa: BLE001 -- whatever it is, the parent tells it
        if any(kind.__name__ == "GiveUp" and kind.__module__ == "jobs.errors" for kind in type(error).__mro__):
            return {"gave_up": str(error)}
        return {"error": f"{type(error).__name__}: {error}"[:TOLD_AT_MOST]}


def main() -> None:
    """Be the child."""
    asked = json.load(sys.stdin)
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    limit(*(int(one) for one in sys.argv[1:4]))
    with os.fdopen(out, "w") as told:
        json.dump(answer(asked), told)


if __name__ == "__main__":
    main()
