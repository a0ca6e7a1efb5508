"""A signal that comes in the middle of Python's own library ends the command as any other does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# Puts a signal at one place of the library, where an exception does harm, and runs the command.
DRIVER = """
import builtins, signal, sys, tempfile, threading, time

from wordkit_cli.main import main

def is_reading():
    # the main thread is at the text, and the handlers of signals are there
    frame = sys._getframe()
    while frame is not None and frame.f_code.co_name != "_prepare":
        frame = frame.f_back
    return frame is not None and threading.current_thread() is threading.main_thread()

def come():
    if numbers:
        signal.raise_signal(numbers.pop(0))

def then_come(function, only_in=None, threads=1):
    def called(*arguments, **options):
        value = function(*arguments, **options)
        if is_reading() and threading.active_count() >= threads and (
            only_in in (None, sys._getframe(1).f_code)
        ):
            come()
        return value
    return called

class Dying:
    def __del__(self):
        come()

def with_dying(function):
    def called(*arguments, **options):
        if is_reading():
            Dying()
        return function(*arguments, **options)
    return called

def broken_wait(condition, timeout=None):
    # the moment between the release of the lock and the try that takes it back
    if is_reading():
        saved = condition._release_save()
        come()
        condition._acquire_restore(saved)
    return wait(condition, timeout)

wait = threading.Condition.wait
place, *numbers = sys.argv[1:3]
numbers = [getattr(signal, name) for name in numbers[0].split(",")]
if place == "an unlocked lock":
    threading.Condition.wait = broken_wait
elif place == "a locked lock":
    threading.Condition.__enter__ = then_come(  # by an executor that has a thread
        threading.Condition.__enter__, threading.Semaphore.acquire.__code__, 2
    )
elif place == "a finalizer":
    threading.Thread.__init__ = with_dying(threading.Thread.__init__)
elif place == "a new thread":
    threading.Thread.start = then_come(threading.Thread.start)
elif place == "a new folder":
    tempfile.mkdtemp = then_come(tempfile.mkdtemp)
else:  # an event on the way out
    from wordkit.text.corpus_folder import CorpusWriter
    clean_up = CorpusWriter.__exit__
    def eventful(*arguments):
        clean_up(*arguments)
        if place == "a clean-up":
            come()
            time.sleep(1)
        else:
            raise getattr(builtins, place)("mine")
    CorpusWriter.__exit__ = eventful
    start = threading.Thread.start
    def start_and_come(thread):
        threading.Thread.start = start
        start(thread)
        come()
    threading.Thread.start = start_and_come
main(sys.argv[3:])
"""
PLACES = {
    "an unlocked lock": signal.SIGHUP,
    "a locked lock": signal.SIGINT,
    "a finalizer": signal.SIGHUP,
    "a new thread": signal.SIGINT,
    "a new folder": signal.SIGTERM,
}
"""Where a signal comes, and which."""


def ended(place: str, numbers: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A training run that gets the signals at the place, and must leave no temporary file."""
    (folder / "big.txt").write_text("one two three four five six seven\n" * 300_000)
    (folder / "tmp").mkdir()
    command = ["train-counts", "big.txt", "--dim", "5", "-o", "vectors.txt"]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, place, numbers, *command],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder / "tmp")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert list((folder / "tmp").iterdir()) == []
    assert not (folder / "vectors.txt").exists()
    return done


@pytest.mark.parametrize("place", PLACES)
def test_a_signal(place: str, folder: Path) -> None:
    number = PLACES[place]
    done = ended(place, number.name, folder)
    if number == signal.SIGINT:
        told = "wordkit: stopped by Ctrl-C; nothing half-written is left\n"
        assert (done.returncode, done.stderr) == (1, told)
    else:
        assert (done.returncode, done.stderr) == (128 + number, "")


def test_a_second_signal_does_not_disturb_the_cleaning_up(folder: Path) -> None:
    """Who closes a terminal hangs up twice, through the system and the shell."""
    done = ended("a clean-up", "SIGHUP,SIGTERM", folder)
    assert (done.returncode, done.stderr) == (128 + signal.SIGHUP, "")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("ValueError", "stopped, but not all is cleaned up: ValueError: mine"),
        ("OSError", "the system refuses what this needs: mine"),
    ],
)
def test_an_error_on_the_way_out_is_told_and_is_not_the_cause(
    error: str, message: str, folder: Path
) -> None:
    done = ended(error, "SIGTERM", folder)
    assert (done.returncode, done.stderr) == (128 + signal.SIGTERM, f"wordkit: {message}\n")
