"""Looking at jobs and acting on them in a terminal: `flask jobs`, `flask queues` and their like."""

from . import audit, errors, jobs, lanes, operations, schedules, workers, workflows

JOBS = jobs.COMMANDS
"""The commands under `flask jobs`."""
JOBS_HELP = jobs.HELP
GROUPS = (
    *(lanes.queues, lanes.kinds, workers.workers, schedules.schedules, workflows.workflows),
    *(operations.operations, errors.errors, audit.audit),
)
"""The groups beside it."""
