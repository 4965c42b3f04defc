"""Signals to real processes, which say on the way how far they came."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from src.folders import ROOT

BEGIN = """
import os, signal, sys
from src.process.signals import *
def strike(number=signal.SIGINT):
    os.kill(os.getpid(), number)
def say(word):
    print(word, flush=True)
"""


def ended(body: str, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", BEGIN + textwrap.dedent(body)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600, **options
    )


@pytest.mark.parametrize(
    ("number", "name"), [("signal.SIGINT", "KeyboardInterrupt"), ("signal.SIGTERM", "Terminated")]
)
def test_the_first_signal_is_an_interrupt(number, name):
    process = ended(f"""
    try:
        with handle_signals():
            strike({number})
            say("not reached")
    except KeyboardInterrupt as interrupt:
        say(type(interrupt).__name__)
    """)
    assert (process.returncode, process.stdout, process.stderr) == (0, f"{name}\n", "")


def test_an_interrupt_that_no_signal_has_raised_is_an_error():
    process = ended("""
    try:
        with handle_signals():
            raise KeyboardInterrupt
    except RuntimeError as error:
        say(error)
    """)
    assert process.stdout == "KeyboardInterrupt, for which there was no signal\n"


def test_a_stop_is_known_from_an_error_of_the_code_that_it_met():
    process = ended("""
    stop, error = KeyboardInterrupt(), ValueError()
    say([is_stop(stop), is_stop(error)])  # Python's own handler leaves no trace
    try:
        with handle_signals():
            say([is_stop(stop), is_stop(error)])
            try:
                strike()
            finally:
                say([is_stop(stop), is_stop(error)])
    except KeyboardInterrupt:
        pass
    """)
    assert process.stdout == "[True, False]\n[False, False]\n[True, True]\n"


@pytest.mark.parametrize("second", ["signal.SIGINT", "signal.SIGTERM"])
def test_the_second_signal_ends_the_process_at_once(second):
    process = ended(f"""
    try:
        with handle_signals():
            try:
                strike()
            finally:
                say("cleaning up")
                strike({second})
                say("not reached")
    finally:
        say("not reached")
    """)
    assert (process.returncode, process.stdout, process.stderr) == (130, "cleaning up\n", "")


def test_signals_are_what_they_were_after_the_body():
    process = ended("""
    before = [signal.getsignal(each) for each in STOP_SIGNALS]
    try:
        with handle_signals():
            with handle_signals():  # changes nothing
                pass
            strike()
    except KeyboardInterrupt:
        say(stop_requested())
    say(before == [signal.getsignal(each) for each in STOP_SIGNALS])
    """)
    assert process.stdout == "False\nTrue\n"


def test_an_ignored_signal_stays_ignored():
    process = ended("""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with handle_signals():
        strike()
        say("goes on")
    """)
    assert (process.returncode, process.stdout) == (0, "goes on\n")


def test_a_stop_waits_for_a_body_that_must_be_whole():
    process = ended("""
    try:
        with handle_signals(), defer_stop():
            strike()
            say("whole")
    except KeyboardInterrupt:
        say("stopped")
    """)
    assert process.stdout == "whole\nstopped\n"


def test_a_deferred_stop_is_deferred_whichever_thread_gets_the_signal():
    process = ended("""
    import threading, time
    waiting = threading.Event()
    threading.Thread(target=waiting.wait).start()
    try:
        with handle_signals(), defer_stop():
            signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
            strike()  # for the other thread
            time.sleep(0.05)
            say("whole")
    except KeyboardInterrupt:
        say("stopped")
    waiting.set()
    """)
    assert process.stdout == "whole\nstopped\n"


def test_the_second_signal_ends_even_a_body_that_must_be_whole():
    process = ended("""
    with handle_signals(), defer_stop():
        strike()
        say("once")
        strike()
        say("not reached")
    """)
    assert (process.returncode, process.stdout) == (130, "once\n")


def test_before_signals_are_handled_they_end_the_process_quietly():
    process = ended("""
    exit_until_handled()
    try:
        with handle_signals():
            strike()
    except KeyboardInterrupt:
        say("handled")
    strike()
    say("not reached")
    """)
    assert (process.returncode, process.stdout, process.stderr) == (130, "handled\n", "")


def test_a_signal_is_remembered_where_its_exception_is_lost():
    process = ended("""
    class Lossy:
        def __del__(self):
            strike(signal.SIGTERM)
    try:
        with handle_signals():
            Lossy()
            say(stop_requested())
            raise_if_stop_requested()
            say("not reached")
    except KeyboardInterrupt:
        say("stopped")
    """)
    assert process.stdout == "True\nstopped\n"


def test_an_interrupt_that_a_library_takes_for_an_error_is_one_again():
    process = ended("""
    try:
        with handle_signals():
            try:
                strike()
            except KeyboardInterrupt:
                raise ImportError("cannot be loaded")
    except KeyboardInterrupt:
        say("stopped")
    """)
    assert process.stdout == "stopped\n"


def test_another_thread_than_the_main_one_changes_nothing():
    process = ended("""
    import threading
    def body():
        with handle_signals():
            say(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    """)
    assert process.stdout == "True\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "imported"),
    [
        ("train", "src.config.resolved"),
        ("sync", "src.errors"),
        ("compare", "numpy"),
        ("predict", "src.config.resolved"),
    ],
)
def test_ctrl_c_among_the_first_imports_is_quiet(command, imported, tmp_path):
    """A finder of modules, there from the start, strikes in the middle of the imports."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Strike:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == '{imported}':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Strike())\n"
    )
    process = subprocess.run(
        [sys.executable, "-m", f"src.{command}"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stderr) == (130, "")
