"""Sorts with a pretended classifier and dies at a chosen step: a call or return in the station.

``python dying.py STEP BUNDLE FROM TO HOW``; HOW may be ``undo``. With the step 0 it comes to its
end, and prints how many steps there were and the most memory that it had.
"""

import os
import resource
import signal
import sys
from pathlib import Path
from types import FrameType

from conftest import Pretending
from headstart.sorting import sort, undo


def main(at: str, bundle: str, pictures: str, to: str, how: str) -> None:
    classifier = Pretending(Path(bundle))
    steps = 0

    def step(frame: FrameType, event: str, argument: object) -> None:
        nonlocal steps
        steps += "/headstart/sorting/" in frame.f_code.co_filename
        if steps == int(at):
            os.kill(os.getpid(), signal.SIGKILL)

    if at != "-1":
        sys.setprofile(step)
    if how == "undo":
        undo.undo(pictures, to)
    else:
        sort.sort(classifier, pictures, to, how=how)
    sys.setprofile(None)
    print(steps, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    main(*sys.argv[1:])
