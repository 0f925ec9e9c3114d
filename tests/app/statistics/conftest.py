"""Ada and Cleo with what they did, and a worker in this very process."""

from tests.app.activities.conftest import inside
from tests.app.reports.conftest import ada, ada_id, api, cleo, cleo_id, cleos_api, log, run_jobs

__all__ = ["ada", "ada_id", "api", "cleo", "cleo_id", "cleos_api", "inside", "log", "run_jobs"]
