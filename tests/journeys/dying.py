"""Runs the program and sends it a signal at a chosen step.

``python dying.py SIGNAL STAGE NUMBER FOLDER ARGUMENTS...``: a step of a stage is what it reports as
progress (``features``: one picture; ``comparing heads``: the heads of one fold); a step of the
stage ``file`` is a file or folder below FOLDER that is opened to be written, made, renamed or
removed. With the number 0 it is only told, on standard error, how many steps each stage had.
"""

import atexit
import collections
import os
import signal
import sys

from headstart.cli.console import Console
from headstart.cli.main import run

_CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree"}

_TO_WRITE = os.O_WRONLY | os.O_RDWR


def main(name: str, stage: str, number: str, folder: str, *arguments: str) -> None:
    # A shell that starts a test run in the background has its children ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    steps: collections.Counter[str] = collections.Counter()

    def step(of: str) -> None:
        steps[of] += 1
        if (of, steps[of]) == (stage, int(number)):
            os.kill(os.getpid(), signal.Signals[name])

    def watch(event: str, values: tuple[object, ...]) -> None:
        changes = event in _CHANGES or (event == "open" and int(values[2]) & _TO_WRITE)  # type: ignore
        if changes and str(values[0]).startswith(folder):
            step("file")

    advance = Console.advance

    def advance_and_step(console: Console, count: int = 1) -> None:
        advance(console, count)
        step(console._what)

    Console.advance = advance_and_step  # type: ignore[method-assign]
    sys.addaudithook(watch)
    if number == "0":
        atexit.register(lambda: print(dict(steps), file=sys.stderr))
    run(list(arguments))


if __name__ == "__main__":
    main(*sys.argv[1:])
