"""The first import of the process from which workers fork: it collects nothing and ends at once.

https://docs.python.org/3/library/gc.html#gc.freeze: who forks collects nothing before, so that
pages stay shared.
"""

import atexit
import gc
import os
import signal

from src.signals import unblock_signals

gc.disable()
# Taking torch apart takes a second, in which a pipe that the sweep writes to would stay open.
atexit.register(os._exit, 0)
signal.signal(signal.SIGINT, lambda *_: os._exit(0))
unblock_signals()
