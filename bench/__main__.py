"""bin/bench: every figure, from real processes, as a table and as JSON."""

from __future__ import annotations

import argparse
import dataclasses
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.burst import burst
from bench.drain import drain, one_at_a_time
from bench.engine import bulk, engine_latency, scaling, schedules, urgent, workflow
from bench.figures import Report
from bench.footprint import footprint
from bench.growth import growth
from bench.latency import latency
from bench.machines import machines
from bench.ops import ops, watch
from bench.processes import ROOT
from bench.sizes import Sizes
from bench.stage import KINDS, Kind, Stage, stage
from bench.users import users
from bench.web import web
from bench.web_servers import web_servers

Part = Callable[[Stage, Report, Sizes], None]

PARTS: Mapping[str, Part] = {
    "drain": drain,
    "one-by-one": one_at_a_time,
    "latency": latency,
    "web": web,
    "growth": growth,
    "footprint": footprint,
    "bulk": bulk,
    "urgent": urgent,
    "workflow": workflow,
    "schedules": schedules,
    "scaling": scaling,
    "engine": engine_latency,
    "users": users,
    "ops": ops,
    "watch": watch,
    "burst": burst,
    "machines": machines,
    "web-servers": web_servers,
}
ASKED_FOR_ONLY = {"burst", "machines", "ops", "watch", "web-servers"}


def main() -> None:
    """Measure what was asked for; without parts, the thirteen figures."""
    asked = _arguments().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    report, sizes = Report(facts=_facts(asked)), _sizes(asked)
    kinds: Sequence[Kind] = KINDS if asked.database == "both" else [asked.database]
    failed = False
    for kind in kinds:
        for name in asked.parts or [one for one in PARTS if one not in ASKED_FOR_ONLY]:
            failed |= not _measured(name, kind, report, sizes)
            if asked.json:
                report.write(asked.json)
    sys.exit(int(failed))


def _measured(name: str, kind: Kind, report: Report, sizes: Sizes) -> bool:
    """Measure one part; a part that fails does not take the others with it."""
    report.say(f"{name} on {kind} …")
    try:
        with stage(kind) as ground:
            PARTS[name](ground, report, sizes)
    except RuntimeError as error:
        report.say("\n".join([f"{name} on {kind} gives no figure: {error}", *getattr(error, "__notes__", [])]))
        return False
    return True


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"some of: {', '.join(PARTS)}")
    parser.add_argument("--database", choices=[*KINDS, "both"], default="both")
    parser.add_argument("--rounds", type=int, help="how often each figure is taken; 3")
    parser.add_argument("--jobs", type=int, help="how many activities wait; 10,000")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go as well")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs")
    return parser


def _sizes(asked: argparse.Namespace) -> Sizes:
    given = {name: value for name in ("rounds", "jobs") if (value := getattr(asked, name))}
    return dataclasses.replace(Sizes.quick() if asked.quick else Sizes(), **given)


def _facts(asked: argparse.Namespace) -> dict[str, Any]:
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "load_before": round(os.getloadavg()[1], 1),
        "arguments": {name: str(value) for name, value in vars(asked).items() if value},
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    main()
