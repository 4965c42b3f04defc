"""The exceptions that are told in a line: what a user can mend, and the end of one job."""


class InputError(Exception):
    """Bad input: one line that names the key or file, the value and what must hold."""


class ExperimentDeletedError(InputError):
    """The experiment that runs are to be sent to was deleted there."""


class AccessDeniedError(InputError):
    """A tracking server that answers, but not to this user."""


class JobError(Exception):
    """A job's failure, at which the other jobs of its sweep go on."""


class JobKilledError(JobError):
    """The end of a job's process by a kill, or for lack of memory."""


class JobTimeoutError(JobKilledError):
    """The end of a job that took longer than allowed."""


class JobRequeued(BaseException):
    """The end of a job that its scheduler starts again later; no handler of Exception stops it."""


class Refused(BaseException):
    """A carrier of an error past Hydra, which turns a callback's Exception into a warning."""


OUTPUT_CLOSED = (OSError, SystemExit)  # the reader has gone, for which rich raises the latter
PEER_CLOSED = (EOFError, ConnectionError)  # the other end of a connection has gone
