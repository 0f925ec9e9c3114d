"""When a worker process has done enough: libraries leak, and a fresh process is the cure."""

import os
from dataclasses import dataclass
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Wear:
    """After how many jobs, or at how much resident memory, a process gives way to a fresh one; None: never."""

    jobs: int | None = None
    memory_mib: int | None = None

    def holds(self, *, jobs: int) -> bool:
        """Whether this process, which has settled so many jobs, has reached either."""
        if self.jobs is not None and jobs >= self.jobs:
            return True
        return self.memory_mib is not None and resident_mib() >= self.memory_mib


UNWORN = Wear()


def resident_mib() -> float:
    """The memory this process holds; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * PAGE_BYTES / MIB
