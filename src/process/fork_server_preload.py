"""The first import of the fork server: no garbage collection, and a quick end.

https://docs.python.org/3/library/gc.html#gc.freeze: a process that forks collects nothing before,
so that pages stay shared.
"""

import atexit
import gc
import os
import signal
import sys

gc.disable()
# Without file handles or processes it cannot go on; the sweep says what that means for it.
sys.excepthook = lambda _, error, __: print(f"fork server: {error!r}", file=sys.stderr)
# Taking torch apart takes a second, in which a pipe that the sweep writes to would stay open.
atexit.register(os._exit, 0)
signal.signal(signal.SIGINT, lambda *_: os._exit(0))
# The sweep has blocked them until here, where it is known what they do.
signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
