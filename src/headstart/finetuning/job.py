"""One fine-tuning in a process of its own: asked for here, done in `child`. No torch here.

The job lies in a folder: ``job.json`` is what was asked, ``checkpoint.safetensors`` where it
stands, ``metrics.jsonl`` its epochs, ``result.*`` and ``graph/`` its end. The same call on the same
folder goes on from there, whatever ended the one before.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

from headstart.backbones.backbone import Backbone
from headstart.backbones.building import GRAPH, RECORD
from headstart.backbones.devices import AUTO, CPU, device_of
from headstart.backbones.engine import num_cores
from headstart.backbones.request import Request
from headstart.errors import NotEnoughData, SettingError
from headstart.files import canonical_json, readable_json, sha256, write_text
from headstart.finetuning.process import OnEpoch, run_child
from headstart.finetuning.recipe import Tuning
from headstart.layers import Affine, Layer, Root
from headstart.progress import Progress, Silent

JOB, RESULT, ARRAYS, METRICS = "job.json", "result.json", "result.safetensors", "metrics.jsonl"
GRAPH_FOLDER = "graph"
# Raise it when the same job gives another result, or writes it otherwise, than before.
_VERSION = 2
# What decides nothing; the fingerprint stands for the weights, wherever they come from.
_FREE = ("paths", "cache", "time_limit")
_FREE_OF_REQUEST = ("name", "weights", "source", "licence")
# The fingerprint and views decide; the rest is written into the tuned network's record.
_OF_BACKBONE = ("fingerprint", "tta", "name", "weights", "licence")

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Job:
    """What is asked of the child, as plain values.

    Args:
        task: ``"tune"`` or ``"range"``.
        backbone: Its record.
        request: How its network is made.
        paths, digests: Of every picture; digests in hex.
        y: Class index of every picture.
        num_classes: C.
        train, validation, judged: Rows.
        tuning: The recipe.
        cache: Folder for what is kept between jobs.
        threads: Processor cores to use.
        seed: For everything random.
        graph: Whether the tuned network is wanted as a graph.
        time_limit: Seconds, or None.
        workers: Processes that train together, each with so many threads.
        device: Where the network learns: torch's name of it.
        groups: Of every picture, for the linear probe; None: each stands alone.
    """

    task: str
    backbone: dict[str, Any]
    request: dict[str, Any]
    paths: list[str]
    digests: list[str]
    y: list[int]
    num_classes: int
    train: list[int]
    validation: list[int]
    judged: list[int]
    tuning: dict[str, Any]
    cache: str
    threads: int
    seed: int
    graph: bool
    time_limit: float | None
    workers: int = 1
    device: str = CPU
    groups: list[int] | None = None

    def identity(self) -> str:
        """All that decides the result, in one spelling: of labels those that are learnt from."""
        asked = {name: value for name, value in asdict(self).items() if name not in _FREE}
        learnt = [self.y[row] for row in (*self.train, *self.validation)]
        first: dict[int, int] = {}
        groups = self.groups or range(len(self.y))
        together = [first.setdefault(groups[row], len(first)) for row in self.train]
        backbone = {name: self.backbone[name] for name in _OF_BACKBONE}
        request = {
            name: value for name, value in self.request.items() if name not in _FREE_OF_REQUEST
        }
        decides = {"version": _VERSION, "y": learnt, "groups": together}
        return canonical_json({**asked, **decides, "backbone": backbone, "request": request})


@dataclass(frozen=True, eq=False)
class Tuned:
    """What fine-tuning gave.

    Args:
        scores: float32 [judged rows, C], logits at the chosen share.
        alpha: Share of the tuned weights in the mean with the initial ones; 0: nothing gained,
            all is as the linear probe left it.
        layers: The head: from the tap ``head`` of the tuned network to scores.
        backbone: The tuned network, when its graph was asked for.
        epochs: Epochs run.
        seconds: Of training.
        stopped: Why before the end: ``"patience"``, ``"time"``, ``"interrupted"``, ``"nan"``;
            None: it ran to the end.
        history: One record an epoch, the fields of `EpochMetrics` but for rung and fold.
        losses: Validation log loss of each share that was tried.
        spent: Seconds of all processes that had a part in it.
        spent_before: Of those, what was spent before this call.
        kept: Whether all this was there already.
        was_interrupted: Whether a person asked it to end, be it too late to matter.
    """

    scores: Floats
    alpha: float
    layers: tuple[Layer, ...]
    backbone: Backbone | None
    epochs: int
    seconds: float
    stopped: str | None
    history: tuple[dict[str, Any], ...]
    losses: dict[str, float]
    spent: float = 0.0
    spent_before: float = 0.0
    kept: bool = False
    was_interrupted: bool = False


def tune(
    backbone: Backbone,
    request: Request,
    paths: Sequence[Path],
    digests: Sequence[bytes],
    y: Integers,
    num_classes: int,
    *,
    train: Integers,
    validation: Integers,
    judged: Integers,
    tuning: Tuning,
    cache: Path,
    folder: Path | None = None,
    groups: Integers | None = None,
    threads: int | None = None,
    workers: int = 1,
    device: str = CPU,
    seed: int = 0,
    time_limit: float | None = None,
    graph: bool = False,
    progress: Progress | None = None,
    on_epoch: OnEpoch | None = None,
) -> Tuned:
    """Fine-tune, or go on with it; gives the finished result at once where there is one.

    Ctrl-C ends the training and gives the best so far (a second one gives nothing); the next call
    goes on with it.

    Args:
        backbone: The pretrained network.
        request: How its network is made.
        paths: N files.
        digests: `files.content_digest` of each file's bytes.
        y: int [N], class indices.
        num_classes: C.
        train: Rows to learn from; every class must be among them.
        validation: Rows that choose: when to end, and how far to go from the linear probe.
        judged: Rows to give scores of; of no other use.
        tuning: The recipe.
        cache: Where the frozen layers' outputs are kept for this job and others.
        folder: The job's own; made if it is not there. None: in the cache, under the name of all
            that decides the result.
        groups: int [N], of which the linear probe judges none by others; None: each stands alone.
        threads: Of each process; None: all cores, shared among them. Part of what decides the
            last bits of the result.
        workers: Processes that share every batch, on Ray Train; the result is that of one process
            but for rounding.
        device: Where the network learns, as for `devices.device_of`; several processes learn on
            processors.
        seed: For everything random.
        time_limit: Seconds, those that earlier calls have spent on it included; what is best then
            is given, as after Ctrl-C.
        graph: Whether the tuned network is wanted as a `Backbone`.
        progress: Told step by step.
        on_epoch: Told each epoch's record, as in ``history``.

    Raises:
        SettingError: A setting that cannot be, or a folder that holds another job.
        NotEnoughData: A class without a training picture.
        DatasetError: A picture changed.
        StoreError: No room, or the disk cannot be written.
        RuntimeError: The child died.
    """
    job = _job(
        "tune",
        backbone,
        request,
        (paths, digests, y, num_classes),
        (train, validation, judged),
        tuning,
        cache,
        threads or max(1, num_cores() // workers),
        seed,
        graph,
        time_limit,
        workers,
        _device(device, workers),
        groups,
    )
    if folder is None:
        folder = cache / "tuning" / sha256(job.identity().encode())[:24]
    _open(job, folder)
    is_kept, was_interrupted = is_done(folder), False
    if not is_kept:
        was_interrupted = run_child(folder, progress or Silent(), on_epoch or _nobody)
    tuned = result_of(folder)
    before = tuned.spent if is_kept else tuned.spent_before
    return replace(tuned, spent_before=before, kept=is_kept, was_interrupted=was_interrupted)


def find_learning_rate(
    backbone: Backbone,
    request: Request,
    paths: Sequence[Path],
    digests: Sequence[bytes],
    y: Integers,
    num_classes: int,
    *,
    train: Integers,
    tuning: Tuning,
    cache: Path,
    folder: Path,
    groups: Integers | None = None,
    threads: int | None = None,
    device: str = CPU,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Floats, Floats, float]:
    """Train for a hundred steps while the rate rises, and watch the loss.

    Args:
        backbone: As for `tune`, like all that follows.
        request: How its network is made.
        paths: N files.
        digests: `files.content_digest` of each file's bytes.
        y: int [N], class indices.
        num_classes: C.
        train: Rows to learn from.
        tuning: The recipe; its epochs do not matter.
        cache: Where the frozen layers' outputs are kept.
        folder: The job's own.
        groups: As for `tune`.
        threads: None: all cores.
        device: As for `tune`.
        seed: For everything random.
        progress: Told step by step.

    Returns:
        The rates of the last tuned stage, float32 [M]; the smoothed losses at them; a suggestion.

    Raises:
        HeadstartError: As `tune` does.

    Source:
        Smith 2017, "Cyclical learning rates", arXiv 1506.01186, §3.3; the suggestion is a tenth of
        the rate with the lowest loss, as in fastai's ``lr_find``.
    """
    none = np.empty(0, np.int64)
    job = _job(
        "range",
        backbone,
        request,
        (paths, digests, y, num_classes),
        (train, none, none),
        tuning,
        cache,
        threads or num_cores(),
        seed,
        False,
        None,
        device=_device(device, 1),
        groups=groups,
    )
    _open(job, folder)
    if not is_done(folder):
        run_child(folder, progress or Silent(), _nobody)
    arrays = load_file(folder / ARRAYS)
    suggestion = float(json.loads((folder / RESULT).read_bytes())["suggestion"])
    return arrays["rates"], arrays["losses"], suggestion


def _job(
    task: str,
    backbone: Backbone,
    request: Request,
    data: tuple[Sequence[Path], Sequence[bytes], Integers, int],
    rows: tuple[Integers, Integers, Integers],
    tuning: Tuning,
    cache: Path,
    threads: int,
    seed: int,
    graph: bool,
    time_limit: float | None,
    workers: int = 1,
    device: str = CPU,
    groups: Integers | None = None,
) -> Job:
    paths, digests, y, num_classes = data
    _must_have_every_class(y[rows[0]], num_classes)
    train, validation, judged = (np.asarray(part).tolist() for part in rows)
    return Job(
        task=task,
        backbone=backbone.to_json(),
        request=vars(request),
        paths=[os.fspath(path.absolute()) for path in paths],
        digests=[digest.hex() for digest in digests],
        y=np.asarray(y).tolist(),
        num_classes=num_classes,
        train=train,
        validation=validation,
        judged=judged,
        tuning=tuning.to_json(),
        cache=os.fspath(cache.absolute()),
        threads=threads,
        seed=seed,
        graph=graph,
        time_limit=time_limit,
        workers=workers,
        device=device,
        groups=None if groups is None else np.asarray(groups).tolist(),
    )


def _device(asked: str, workers: int) -> str:
    """Where one process learns, or several.

    Raises:
        SettingError: It is not there; or several are to learn on a card.
    """
    if workers == 1:
        return device_of(asked)
    if asked not in (AUTO, CPU):
        raise SettingError(
            f"device is {asked!r}, but {workers} processes that learn together do so on processors",
            "one process on a card, or several on processors",
            "leave --workers or --device out",
        )
    return CPU


def _must_have_every_class(y: Integers, num_classes: int) -> None:
    missing = sorted(set(range(num_classes)) - set(np.unique(y).tolist()))
    if missing or num_classes < 2:
        raise NotEnoughData(
            f"{num_classes} classes, {len(missing)} of them without a picture to learn from"
            + (f"; first: class {missing[0]}" if missing else ""),
            "two classes or more, and training pictures of each",
            "add pictures, or leave the class out",
        )


def _open(job: Job, folder: Path) -> None:
    """Write what is asked, unless the same stands there already.

    Raises:
        SettingError: The folder holds another job.
    """
    path = folder / JOB
    if path.exists() and Job(**json.loads(path.read_bytes())).identity() != job.identity():
        raise SettingError(
            f"{folder} holds a fine-tuning with other settings or pictures",
            "a folder of its own for every job",
            f"choose another folder, or remove {folder}",
        )
    write_text(path, readable_json(asdict(job)))


def is_done(folder: Path) -> bool:
    """Whether the job ran to its end, whatever that was: no person ended it, and no time limit."""
    if not (folder / RESULT).exists():
        return False
    return json.loads((folder / RESULT).read_bytes()).get("stopped") not in ("interrupted", "time")


def result_of(folder: Path) -> Tuned:
    """What stands in the folder of a job that has ended."""
    record = json.loads((folder / RESULT).read_bytes())
    arrays = load_file(folder / ARRAYS)
    head, backbone = Affine(arrays["weight"], arrays["bias"]), None
    layers = (Root(), head) if record.pop("rooted") else (head,)
    if record.pop("graph"):
        place = folder / GRAPH_FOLDER
        backbone = Backbone.from_json(json.loads((place / RECORD).read_bytes()), place / GRAPH)
    return Tuned(
        scores=arrays["scores"],
        layers=layers,
        backbone=backbone,
        **{**record, "history": tuple(record["history"])},
    )


def _nobody(_record: dict[str, Any]) -> None:
    """Told each epoch; does nothing."""
