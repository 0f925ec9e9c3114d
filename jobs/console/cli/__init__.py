"""Looking at jobs and acting on them in a terminal: `flask jobs`, `flask queues` and their like."""

from . import jobs, lanes, schedules, workflows

JOBS = jobs.COMMANDS
"""The commands under `flask jobs`."""
GROUPS = (lanes.queues, lanes.kinds, lanes.workers, schedules.schedules, workflows.workflows)
"""The groups beside it."""
