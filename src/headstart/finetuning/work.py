"""What the child does, from the job to its result."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import save

from headstart.backbones.backbone import Backbone
from headstart.backbones.devices import CPU
from headstart.backbones.request import TTA, Request
from headstart.errors import SettingError
from headstart.files import readable_json, write_text, written_whole
from headstart.finetuning import inputs, probe, rate_range
from headstart.finetuning.cutting import cut
from headstart.finetuning.depth import depths_of, first_trained
from headstart.finetuning.forecast import forecast
from headstart.finetuning.inputs import Inputs, Items, Live
from headstart.finetuning.job import ARRAYS, GRAPH_FOLDER, METRICS, RESULT, Job
from headstart.finetuning.judging import chosen_share
from headstart.finetuning.learner import Learner, learner_of, mixture, plain
from headstart.finetuning.loop import Trained, Training
from headstart.finetuning.network import network_of, write_tuned
from headstart.finetuning.pictures import Pictures
from headstart.finetuning.plan import Plan
from headstart.finetuning.presets import augmentation_of
from headstart.finetuning.recipe import Tuning
from headstart.finetuning.settings import changed
from headstart.finetuning.team import Alone, Team, first_then_all
from headstart.progress import Progress
from headstart.randomness import integer

Integers = npt.NDArray[np.int64]

# To exchange rows and columns is to mirror and turn.
_NO_MIRROR: dict[str, Any] = {"flip": 0.0, "vertical_flip": 0.0, "transpose": 0.0}


class _Told(Progress, Protocol):
    def epoch(self, record: dict[str, Any]) -> None:
        """An epoch has ended."""


class _Interruption(Protocol):
    can_wait: bool

    def reason(self) -> str | None:
        """Why training must stop now."""


def work(
    job: Job,
    folder: Path,
    told: _Told,
    interruption: _Interruption,
    team: Team | None = None,
) -> None:
    """Do the job and write its result.

    Args:
        job: What is asked.
        folder: The job's own.
        told: Hears how it goes.
        interruption: Asked whether to stop.
        team: Who does it together; None: this process alone.
    """
    team, began = team or Alone(), time.monotonic()
    _settle(job)
    tuning = Tuning.from_json(job.tuning)
    rows = {n: np.array(getattr(job, n), np.int64) for n in ("train", "validation", "judged")}
    y = np.array(job.y, np.int64)
    views = tuning.views if tuning.is_partial else None
    plan = Plan(rows["train"], tuning.batch_size, views, job.seed, tuning.steps_per_epoch)
    network = network_of(Request(**job.request), tuning.is_scratch, job.seed)
    learner, ending = first_then_all(team, lambda: _learner(job, tuning, network, plan, told))
    interruption.can_wait = job.task == "tune"
    groups = np.arange(len(y)) if job.groups is None else np.array(job.groups, np.int64)
    probed = (rows["train"], y, groups, folder, job.seed)
    initial = first_then_all(team, lambda: probe.initial_weights(learner, tuning, *probed))
    if job.task == "range":
        rates, losses, suggestion = rate_range.test(learner, tuning, plan, y, job.seed, told)
        _write(folder, {"rates": rates, "losses": losses}, {"suggestion": suggestion})
        return
    history: list[dict[str, Any]] = []
    training = Training(
        learner=learner,
        tuning=tuning,
        plan=plan,
        y=y,
        validation=rows["validation"],
        seed=job.seed,
        folder=folder,
        must_stop=interruption.reason,
        began=began,
        time_limit=(job.time_limit or math.inf) - ending,
        progress=told,
        on_epoch=_nothing if team.rank else _epochs_to(folder, history, told),
        team=team,
    )
    trained = training.run()
    if team.rank:
        return
    alphas = _alphas(tuning)
    validation = rows["validation"]
    alpha, losses_of = chosen_share(
        learner, initial, trained.weights, validation, y[validation], alphas
    )
    learner.take(mixture(initial, trained.weights, alpha))
    _finish(job, folder, network, learner, rows["judged"], trained, alpha, losses_of, began)


def _settle(job: Job) -> None:
    """One machine, one number of threads, one result."""
    # Not every operation of a card has a way that always gives the same bits.
    torch.use_deterministic_algorithms(True, warn_only=job.device != CPU)
    # Else every new tensor is first filled with NaN.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.set_num_threads(job.threads)
    torch.manual_seed(integer(job.seed, "network"))


def _learner(
    job: Job, tuning: Tuning, network: Any, plan: Plan, told: _Told
) -> tuple[Learner, float]:
    """The part that learns, with everything it needs kept on disk.

    Also how many seconds it is expected to take to choose and to judge after the last epoch.
    """
    backbone = Backbone.from_json(job.backbone, Path())
    augmentation = augmentation_of(tuning.augmentation)
    pictures = Pictures(
        paths=tuple(map(Path, job.paths)),
        digests=tuple(map(bytes.fromhex, job.digests)),
        preprocessing=backbone.preprocessing,
        augmentation=augmentation if tuning.mirror else changed(augmentation, _NO_MIRROR),
        seed=job.seed,
    )
    first = first_trained(tuning.train_from, depths_of(network).last)
    parted = cut(network, first, backbone.preprocessing.size) if tuning.is_partial else None
    source: Inputs = Live(pictures, job.threads, job.device)
    body = network
    missing: Items = ()
    if parted:
        trunk, body = parted
        # The range test takes its own number of steps, whatever the epochs are.
        in_range = math.ceil(rate_range.STEPS / plan.steps)
        epochs = in_range if job.task == "range" else tuning.epochs
        name = f"before stage {first} of {depths_of(network).last}"
        place = Path(job.cache), job.device
        kept, graph = inputs.keep(trunk, pictures, backbone.fingerprint, name, *place)
        wanted = [
            *plain(job.train),
            *plain([*job.validation, *job.judged], TTA[backbone.tta]),
            *plan.items(epochs),
        ]
        source, missing = kept, kept.missing(wanted)
    elif tuning.is_partial:
        told.say("this network cannot be cut there: its frozen layers are computed every time")
    learner = learner_of(
        network,
        body,
        source,
        tuning.train_from,
        (backbone.taps[-1].dim, job.num_classes),
        dropout=tuning.dropout,
        autocast=tuning.autocast,
        device=job.device,
        rooted=tuning.sees_roots,
        views=TTA[backbone.tta],
    )
    ending = 0.0
    if job.task == "tune":
        num_validation, num_judged = len(job.validation), len(job.judged)
        at_the_end = len(_alphas(tuning)) * num_validation + num_judged
        expected = forecast(
            learner,
            tuning,
            plan,
            num_validation * len(learner.views),
            at_the_end * len(learner.views),
            len(missing),
            job.threads,
        )
        ending = expected.ending
        told.say(f"training of {tuning.epochs} x {plan.steps} steps: {expected.words}")
    if missing:
        # Beside the engine's threads torch's own would only wait, on the same cores.
        torch.set_num_threads(1)
        kept.fill(pictures, missing, graph, job.threads, told)
        torch.set_num_threads(job.threads)
    return learner, ending


def _alphas(tuning: Tuning) -> tuple[float, ...]:
    from headstart.finetuning.judging import ALPHAS

    if tuning.alpha is not None:
        return (tuning.alpha,)
    # Between weights that know nothing and learnt ones lies nothing.
    return (1.0,) if tuning.starts_from_zeros else ALPHAS


def _epochs_to(
    folder: Path, history: list[dict[str, Any]], told: _Told
) -> Callable[[dict[str, Any]], None]:
    def one(record: dict[str, Any]) -> None:
        history.append(record)
        write_text(folder / METRICS, "".join(json.dumps(line) + "\n" for line in history))
        told.epoch(record)

    return one


def _nothing(_record: dict[str, Any]) -> None:
    """The first process writes and tells."""


def _finish(
    job: Job,
    folder: Path,
    network: Any,
    learner: Learner,
    judged: Integers,
    trained: Trained,
    alpha: float,
    losses: dict[str, float],
    began: float,
) -> None:
    head = learner.affine()
    arrays = {
        "scores": learner.answers(judged.tolist()),
        "weight": head.weight,
        "bias": head.bias,
    }
    if not np.isfinite(arrays["scores"]).all():
        raise SettingError(
            "the tuned network gives scores that are not finite",
            "finite scores",
            "a smaller learning rate",
        )
    if job.graph:
        write_tuned(network, learner.body, job.backbone, job.tuning, folder / GRAPH_FOLDER)
    record = {
        "alpha": alpha,
        "epochs": len(trained.state.history),
        "seconds": trained.state.seconds,
        "stopped": trained.stopped,
        "history": trained.state.history,
        "losses": losses,
        "graph": job.graph,
        "rooted": learner.rooted,
        "spent": round(trained.spent_before + time.monotonic() - began, 3),
        "spent_before": round(trained.spent_before, 3),
    }
    _write(folder, arrays, record)


def _write(
    folder: Path, arrays: dict[str, npt.NDArray[np.float32]], record: dict[str, Any]
) -> None:
    """The arrays first: the record says that all is there."""
    with written_whole(folder / ARRAYS) as temporary:
        temporary.write_bytes(save({k: np.ascontiguousarray(v) for k, v in arrays.items()}))
    write_text(folder / RESULT, readable_json(record))
