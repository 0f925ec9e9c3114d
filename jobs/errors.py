"""What can go wrong in a job."""


class JobError(Exception):
    """The root of everything the engine raises on purpose."""


class GiveUp(JobError):
    """Raised by a job that cannot succeed: do not try again. The text is shown to people."""


class Snooze(JobError):
    """Raised by a job that cannot run yet: try later, and do not count this as a failure."""

    def __init__(self, *, seconds: float = 0, minutes: float = 0) -> None:
        self.delay_s = seconds + minutes * 60
        super().__init__(f"not yet, again in {self.delay_s:g} s")


class RetryAfter(JobError):
    """Raised by a job that was told when to come back (HTTP's Retry-After): a failure, tried again just then."""

    def __init__(self, message: str, *, seconds: float) -> None:
        self.delay_s = max(1.0, seconds)
        super().__init__(message)


class UnknownJob(JobError):
    """No job of that name is declared in this build."""


class Crowded(JobError):
    """So many ask for the same thing at once that it could not be settled who has it; asking again is right."""


class NoSuchJob(JobError):
    """The ledger holds no job with that id."""


class NoSuchWorkflow(JobError):
    """The ledger holds no workflow with that id."""


class NoSuchWorker(JobError):
    """No process of that name was heard of lately."""


class RedisAway(JobError):
    """Redis does not answer."""


class NoSuchOperation(JobError):
    """There is no bulk operation with that id."""


class NoSuchError(JobError):
    """The ledger holds no job with that error."""


class WrongState(JobError):
    """The job's state does not allow that move; the text says what state it is in."""


class Superseded(JobError):
    """The job is not this worker's any more: nothing it did may be kept."""


class Interrupted(JobError):
    """The run was cut short by a shutdown, not by a fault of the job's own."""


class Cancelled(JobError):
    """A person asked the job to end."""


class BadArguments(JobError):
    """A job was asked for with arguments its function does not take; `errors` says what is wrong, by argument."""

    def __init__(self, kind: str, errors: dict[str, str]) -> None:
        self.kind, self.errors = kind, errors
        super().__init__(f"{kind}: " + "; ".join(f"{name} {what}" for name, what in errors.items()))


class NoSuchSchedule(JobError):
    """There is no schedule with that id."""


class NameTaken(JobError):
    """Its owner has a schedule of that name already."""


class UnknownOutcome(JobError):
    """Something outside was begun by an attempt that did not live to tell its end: a person has to look."""
