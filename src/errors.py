"""The exceptions that are told in a line: what a user can mend, and the end of one job."""


class InputError(Exception):
    """Bad input: one line that names the key or file, the value and what must hold."""


class ExperimentDeletedError(InputError):
    """The experiment that runs are to be sent to was deleted there."""


class AccessDeniedError(InputError):
    """A tracking server that answers, but not to this user."""


class JobError(Exception):
    """A job of a sweep failed, which is its own affair; the message says why."""


class JobKilledError(JobError):
    """A job's process is gone: someone killed it, or memory ran out."""


class JobTimeoutError(JobKilledError):
    """A job took longer than it may."""


class JobRequeued(BaseException):
    """The scheduler ends a job now and starts it again later; passes all handlers of Exception."""


class Refused(BaseException):
    """Carries an error past Hydra, which turns every Exception of a callback into a warning."""


OUTPUT_CLOSED = (OSError, SystemExit)  # the reader has gone, for which rich raises the latter
PEER_CLOSED = (EOFError, ConnectionError)  # the other end of a connection has gone
