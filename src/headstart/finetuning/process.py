"""The parent's side of a training process: it is begun, heard and, on Ctrl-C, asked to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from headstart import errors
from headstart.progress import Progress

OnEpoch = Callable[[dict[str, Any]], None]

# Memory that torch gives back is kept by the process: fetching its pages from the system again
# and again is a fifth of a training step on a processor.
_MALLOC = (
    "glibc.malloc.mmap_threshold=4294967296:"
    "glibc.malloc.trim_threshold=8589934592:"
    "glibc.malloc.hugetlb=1"
)


class Interrupted(KeyboardInterrupt):
    """A person ended a training, once; what it has learnt is kept, and it can go on."""


def run_child(folder: Path, progress: Progress, on_epoch: OnEpoch) -> bool:
    """Do the job that lies in a folder, and hear how it goes.

    Args:
        folder: The job's own.
        progress: Told what the child tells.
        on_epoch: Told each epoch's record.

    Returns:
        Whether a person asked it to end, be it too late to matter.

    Raises:
        HeadstartError: What the child raised.
        OSError: Likewise.
        Interrupted: Ctrl-C before there was anything to keep.
        KeyboardInterrupt: Ctrl-C once more.
        RuntimeError: The child died.
    """
    # -P: no module is taken from the folder where the user happens to be.
    command = [sys.executable, "-P", "-m", "headstart.finetuning.child", os.fspath(folder)]
    with (folder / "stderr.txt").open("wb") as stderr:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=_environment(),
            # Ctrl-C reaches this process only, which passes it on.
            start_new_session=True,
        )
    try:
        error, interrupted = _listen(child, progress, on_epoch)
    finally:
        child.kill()
        child.communicate()
    if error:
        kind, *values = error
        raise getattr(errors, kind, OSError)(*values)
    if child.returncode == -signal.SIGINT:
        raise Interrupted
    if child.returncode != 0:
        said = (folder / "stderr.txt").read_text(errors="replace")
        raise RuntimeError(f"fine-tuning failed (exit code {child.returncode}):\n{said[-2000:]}")
    return interrupted


def _environment() -> dict[str, str]:
    # Threads that wait asleep: those that wait awake take the cores from the engine, from the
    # decoders and from other programs (measured beside busy neighbours: half the time a step).
    ours = {"HF_HUB_DISABLE_TELEMETRY": "1", "OMP_WAIT_POLICY": "passive"}
    # Without it the products of NVIDIA's cards do not always give the same bits.
    ours["CUBLAS_WORKSPACE_CONFIG"] = os.environ.get("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if sys.platform == "linux" and "GLIBC_TUNABLES" not in os.environ:
        ours["GLIBC_TUNABLES"] = _MALLOC
    return {**os.environ, **ours}


def _listen(
    child: subprocess.Popen[bytes], progress: Progress, on_epoch: OnEpoch
) -> tuple[Any, bool]:
    """Pass on what the child tells until it ends.

    Returns:
        Its error, if it told one; and whether it was asked to end.
    """
    assert child.stdout
    error: Any = None
    interrupted = False
    while True:
        try:
            line = child.stdout.readline()
            if not line:
                child.wait()
                return error, interrupted
            error = _pass_on(json.loads(line), progress, on_epoch) or error
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted = True
            progress.say("interrupted: ending the training (Ctrl-C again to stop at once)")
            child.send_signal(signal.SIGINT)


def _pass_on(told: list[Any], progress: Progress, on_epoch: OnEpoch) -> Any:
    what, *values = told
    if what == "error":
        return values
    if what == "epoch":
        on_epoch(*values)
    else:
        getattr(progress, what)(*values)
    return None


def tell(out: IO[str], what: str, *values: Any) -> None:
    """What the child says, for ``_pass_on``: one line of JSON."""
    out.write(json.dumps([what, *values]) + "\n")
    out.flush()
