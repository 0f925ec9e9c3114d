"""Random faults under a steady load, then quiet, then the checker: `bin/chaos --seed 7 --seconds 60`."""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from .load import Load
from .plan import plan
from .scene import Scene

THINK_S = 0.08
QUIET_WITHIN_S = 120.0


def main() -> int:
    """Let it happen; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="bin/chaos", description=__doc__)
    parser.add_argument("--seed", type=int, required=True, help="decides which faults come when")
    parser.add_argument("--seconds", type=float, default=60, help="how long they come (60)")
    parser.add_argument(
        "--database", choices=["sqlite", "postgresql"], default="sqlite", help="where jobs are (sqlite)"
    )
    given = parser.parse_args()
    # Whoever is ended in the middle leaves nobody frozen behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        try:
            run(Path(folder), seed=given.seed, seconds=given.seconds, database=given.database)
        except AssertionError as broken:
            print(f"seed {given.seed}: a promise was broken: {broken}", flush=True)
            return 1
    return 0


def run(folder: Path, *, seed: int, seconds: float, database: str) -> None:
    """One run.

    Raises:
        AssertionError: something was lost or doubled, did not come to an end, or was raised and not caught.
    """
    with Scene(folder, database) as scene:
        load = Load(scene.stage, seed)
        happenings = list(plan(seed, seconds))
        began = time.monotonic()
        while happenings or time.monotonic() - began < seconds:
            if happenings and happenings[0].at_s <= time.monotonic() - began:
                scene.let_happen(happenings[0])
                print(happenings.pop(0), flush=True)
            scene.supervise()
            load.go_on()
            time.sleep(THINK_S)
        scene.calm()
        quiet_s = scene.settle(within_s=QUIET_WITHIN_S)
        while load.retry_parked():
            quiet_s += scene.settle(within_s=QUIET_WITHIN_S)
        ends = load.settle_up()
        print(f"quiet after {quiet_s:.1f} s")
        scene.stage.check(f"seed {seed}, {seconds:g} s, {database}", ends=ends)


if __name__ == "__main__":
    sys.exit(main())
