"""Fine-tunes in a process of its own: ``python -m headstart.finetuning.child FOLDER``.

Progress and errors go to the parent as lines of JSON on standard output; what libraries print
goes to standard error. SIGINT during training ends it with the best so far.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import IO, Any

from headstart.errors import HeadstartError
from headstart.finetuning.job import JOB, Job, is_done
from headstart.finetuning.process import tell

_FAILED = 3


class _Told:
    """Progress, as lines for the parent."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out

    def say(self, line: str) -> None:
        tell(self._out, "say", line)

    def start(self, what: str, total: int) -> None:
        tell(self._out, "start", what, total)

    def advance(self, count: int = 1) -> None:
        tell(self._out, "advance", count)

    def stop(self) -> None:
        tell(self._out, "stop")

    def epoch(self, record: dict[str, Any]) -> None:
        tell(self._out, "epoch", record)


class Interruption:
    """SIGINT: a request while there is something to keep, the end before that."""

    def __init__(self) -> None:
        self.asked = False
        self.can_wait = False
        signal.signal(signal.SIGINT, self._on_signal)

    def reason(self) -> str | None:
        """Why training must stop now."""
        return "interrupted" if self.asked else None

    def _on_signal(self, _number: int, _frame: Any) -> None:
        self.asked = True
        if not self.can_wait:
            raise KeyboardInterrupt


def _main() -> int:
    folder = Path(sys.argv[1])
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    interruption = Interruption()
    try:
        job = Job(**json.loads((folder / JOB).read_bytes()))
        if job.workers > 1:
            from headstart.finetuning.on_ray import run as work
        else:
            from headstart.finetuning.work import work
        work(job, folder, _Told(out), interruption)
        if is_done(folder):
            _forget(folder)
    except HeadstartError as error:
        return _failed(out, error, error.what, error.expected, error.fix)
    except BrokenPipeError:  # the parent is gone
        return 1
    except OSError as error:
        return _failed(out, error, error.errno, error.strerror or str(error))
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    return 0


def _forget(folder: Path) -> None:
    """Nobody goes on from there: some hundred megabytes for every fold of a large network."""
    from headstart.finetuning import checkpoints, probe

    for name in (checkpoints.FILE, probe.FILE):
        (folder / name).unlink(missing_ok=True)


def _failed(out: IO[str], error: Exception, *values: Any) -> int:
    tell(out, "error", type(error).__name__, *values)
    return _FAILED


if __name__ == "__main__":
    sys.exit(_main())
