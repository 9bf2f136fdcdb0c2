"""The training loop: steps, epochs, the best so far; stopped and continued at any step.

Nothing random is carried from step to step: the order of the pictures follows from the seed and
the epoch, what a step draws from the seed and the step. A state on disk is therefore all it takes
to go on as if nothing had happened.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from headstart.finetuning import checkpoints
from headstart.finetuning.batch import Batch
from headstart.finetuning.checkpoints import State
from headstart.finetuning.inputs import Items
from headstart.finetuning.judging import judged_losses
from headstart.finetuning.learner import Learner, Weights, mixture
from headstart.finetuning.mixing import mixed
from headstart.finetuning.optimization import (
    names_in_groups,
    optimizer_of,
    restore,
    set_rates,
    state_of,
)
from headstart.finetuning.plan import Plan
from headstart.finetuning.recipe import Tuning
from headstart.finetuning.schedule import factor
from headstart.finetuning.team import Alone, Team, part_of
from headstart.progress import Progress
from headstart.randomness import generator, integer

Integers = npt.NDArray[np.int64]

_SECONDS_BETWEEN_CHECKPOINTS = 30.0
_REASONS = ("", "time", "interrupted")


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training ended with.

    Args:
        weights: The best on the validation rows; the last without such rows.
        state: The last.
        stopped: Why it ended early, or None.
        spent_before: Seconds that earlier processes have spent on it.
    """

    weights: Weights
    state: State
    stopped: str | None
    spent_before: float


class Stop(Exception):
    """Training ends here, for this reason: ``"time"``, ``"interrupted"``, ``"nan"``."""


@dataclass(eq=False)
class Training:
    """One training.

    Args:
        learner: Whose weights change; as it starts.
        tuning: The recipe.
        plan: Which pictures, when.
        y: int [N], class indices of all rows.
        validation: int, rows that judge an epoch; may be none.
        seed: For everything random.
        folder: Where checkpoints go.
        must_stop: Asked at every step: a reason to stop now, or None.
        began: When this process began, on the clock of ``time.monotonic``.
        time_limit: Seconds, those of earlier processes included; infinite without a limit.
        progress: Told step by step.
        on_epoch: Told each epoch's record.
        team: Who trains together.
    """

    learner: Learner
    tuning: Tuning
    plan: Plan
    y: Integers
    validation: Integers
    seed: int
    folder: Path
    must_stop: Callable[[], str | None]
    began: float
    time_limit: float
    progress: Progress
    on_epoch: Callable[[dict[str, Any]], None]
    team: Team = field(default_factory=Alone)

    def run(self) -> Trained:
        """Train from the last checkpoint, or from the start, to the end."""
        self._initial = self.learner.weights()
        self._optimizer = optimizer_of(self.learner, self.tuning)
        self._scaler = self.learner.scaler()
        self._names = names_in_groups(self._optimizer, self.learner)
        weights = _class_weights(self.tuning, self.y[self.plan.rows])
        self._weight_of_class = None if weights is None else weights.to(self.learner.device)
        self._state = self._start()
        self._before = self._state.spent
        self._mixes = bool(self.tuning.mixup or self.tuning.cutmix)
        self._parts = 1
        stopped: str | None = None
        try:
            while not self._is_over():
                self._epoch()
        except Stop as reason:
            stopped = str(reason)
        finally:
            self.progress.stop()
        best = self._best(stopped)
        return Trained(best, self._state, stopped or self._early(), self._before)

    # Where it stands

    def _start(self) -> State:
        state = checkpoints.load(self.folder)
        if state is None:
            return State(weights=self._initial)
        self.learner.take(state.weights)
        restore(self._optimizer, self._names, state.optimizer)
        for part in (state.weights, state.average, state.best):
            part |= {name: tensor.to(self.learner.device) for name, tensor in part.items()}
        if state.scale:
            self._scaler.load_state_dict(state.scale)
        self.progress.say(f"going on from step {state.step}")
        for record in state.history:
            self.on_epoch(record)
        return state

    def _is_over(self) -> bool:
        return self._state.step >= self._steps or self._early() is not None

    def _early(self) -> str | None:
        patience = self.tuning.patience
        return "patience" if patience and self._state.worse >= patience else None

    @property
    def _steps(self) -> int:
        return self.tuning.epochs * self.plan.steps

    def _best(self, stopped: str | None) -> Weights:
        last = self._state.average or self._state.weights
        return self._state.best or (self._initial if stopped == "nan" else last)

    # One epoch

    def _epoch(self) -> None:
        state, began = self._state, time.monotonic()
        epoch, done = divmod(state.step, self.plan.steps)
        batches = self.plan.batches(epoch)[done:]
        self.progress.start(f"epoch {epoch + 1} of {self.tuning.epochs}", len(batches))
        saved = time.monotonic()
        for x, items in self._wanted(batches):
            self._step(x, items)
            self.progress.advance()
            if time.monotonic() - saved > _SECONDS_BETWEEN_CHECKPOINTS:
                self._save()
                saved = time.monotonic()
        self.progress.stop()
        state.seconds += time.monotonic() - began
        self._judge(epoch)
        self._save()
        self.on_epoch(state.history[-1])

    def _wanted(self, batches: list[Items]) -> Iterator[tuple[Tensor, Items]]:
        """The batches, until it is asked to stop."""
        inputs = self.learner.inputs.batches(
            batches if self._mixes else [b[part_of(self.team, len(b))[0]] for b in batches]
        )
        for items in batches:
            self._stop_if_asked()
            yield next(inputs), items

    def _stop_if_asked(self) -> None:
        reason = _REASONS[int(self.team.agreed(self._why_stop, torch.tensor(0)))]
        if reason:
            self._save()
            raise Stop(reason)

    def _why_stop(self) -> Tensor:
        reason = "time" if self._spent > self.time_limit else self.must_stop()
        return torch.tensor(_REASONS.index(reason or ""))

    @property
    def _spent(self) -> float:
        return self._before + time.monotonic() - self.began

    # One step

    def _step(self, x: Tensor, items: Items) -> None:
        state = self._state
        set_rates(self._optimizer, self._share_of_rates())
        batch = self._batch(x, items)
        try:
            value, right = self._gradients(batch)
        except RuntimeError as error:
            if self._parts > 1 or len(batch.x) < 2 or not _is_out_of_memory(error):
                raise
            self._parts = 2
            self.progress.say(f"out of memory: batches of {len(items)} are computed in two halves")
            value, right = self._gradients(batch)
        self._scaler.unscale_(self._optimizer)
        if self.tuning.clip:
            nn.utils.clip_grad_norm_(self.learner.parameters().values(), self.tuning.clip)
        if not math.isfinite(value):
            self.progress.say(_explain(state, self.tuning))
            raise Stop("nan")
        self._scaler.step(self._optimizer)
        self._scaler.update()
        state.step += 1
        state.loss += value
        state.right += right
        if self.tuning.average == "ema":
            self._average(1 / min(max(10, self.plan.steps), 1 + state.step / 2))

    def _batch(self, x: Tensor, items: Items) -> Batch:
        """This process's part of a batch; what is random is drawn for the whole."""
        torch.manual_seed(integer(self.seed, f"step {self._state.step}"))
        labels = torch.from_numpy(self.y[[row for row, _ in items]]).to(x.device)
        rows, weight = part_of(self.team, len(items))
        random = generator(self.seed, f"mixing {self._state.step}")
        partner, share = torch.arange(len(items)), 1.0
        if self._mixes:
            x, partner, share = mixed(x, self.tuning.mixup, self.tuning.cutmix, random)
            x = x[rows]
        weights = self._weight_of_class
        total = len(items) if weights is None else float(weights[labels].sum())
        kept = self.learner.kept(len(items))[rows]
        return Batch(
            x=x,
            labels=labels[rows],
            partners=labels[partner][rows],
            share=share,
            kept=kept,
            total=total / weight,
            length=len(items) / weight,
        )

    def _gradients(self, batch: Batch) -> tuple[float, float]:
        """Put those of a batch in place; its mean loss, and the share of right answers."""
        self._optimizer.zero_grad()
        size, sums = len(batch.x), torch.zeros(2, device=batch.x.device)
        for place in range(self._parts):
            rows = slice(size * place // self._parts, size * (place + 1) // self._parts)
            part = batch.part(rows)
            scores = self.learner.forward(part.x, part.kept, self._is_frozen)
            loss = part.loss(scores, self._weight_of_class, self.tuning.label_smoothing)
            self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            sums += torch.stack([loss.detach(), part.right(scores)])
        gradients = (p.grad for p in self.learner.parameters().values() if p.grad is not None)
        self.team.add([*gradients, sums])
        return float(sums[0]), float(sums[1])

    # The head alone, then all

    @property
    def _frozen_steps(self) -> int:
        return self.tuning.frozen_epochs * self.plan.steps

    @property
    def _is_frozen(self) -> bool:
        return self._state.step < self._frozen_steps

    def _share_of_rates(self) -> float:
        """Of the peak rates, now; the head alone and all together have a schedule each."""
        step, frozen, tuning = self._state.step, self._frozen_steps, self.tuning
        if self._is_frozen:
            return factor(tuning.schedule, tuning.warmup, step, frozen)
        return factor(tuning.schedule, tuning.warmup, step - frozen, self._steps - frozen)

    # After an epoch

    def _average(self, rate: float) -> None:
        now = self.learner.weights()
        before = self._state.average or now
        self._state.average = mixture(before, now, min(1.0, rate))

    def _judge(self, epoch: int) -> None:
        state = self._state
        first_averaged = math.floor(2 / 3 * self.tuning.epochs)
        if self.tuning.average == "epochs":
            self._average(1 / max(1, epoch - first_averaged + 1))
        state.weights = self.learner.weights()
        candidate = state.average or state.weights
        record: dict[str, Any] = {
            "epoch": epoch + 1,
            "epochs": self.tuning.epochs,
            "step": state.step,
            "train_loss": state.loss / self.plan.steps,
            "train_accuracy": state.right / self.plan.steps,
            "learning_rate": max(group["lr"] for group in self._optimizer.param_groups),
            "seconds": round(state.seconds, 3),
        }
        before = state.history[-1]["seconds"] if state.history else 0.0
        record["seconds_left"] = round(
            (state.seconds - before) * (self.tuning.epochs - epoch - 1), 3
        )
        state.loss = state.right = 0.0
        if len(self.validation):
            record |= self._compare(candidate, epoch)
        state.history.append(record)

    def _compare(self, candidate: Weights, epoch: int) -> dict[str, Any]:
        """Judge the weights, note whether they are the best, or clearly worse than those."""
        state = self._state
        self.learner.take(candidate)
        y = self.y[self.validation]
        like = torch.empty(len(y), self.learner.head.out_features)
        scores = self.team.agreed(self._judged_scores, like).numpy()
        self.learner.take(state.weights)
        losses = judged_losses(scores, y, self._weight_of_class)
        difference = losses - np.array(state.best_losses or [math.inf] * len(losses))
        if difference.mean() < 0:
            state.best, state.best_epoch, state.best_losses = candidate, epoch + 1, losses.tolist()
            state.worse = 0
        else:
            error = difference.std() / math.sqrt(len(difference))
            state.worse = state.worse + 1 if difference.mean() > error else 0
        return {
            "validation_loss": float(losses.mean()),
            "validation_accuracy": float((scores.argmax(1) == y).mean()),
        }

    def _judged_scores(self) -> Tensor:
        return torch.from_numpy(self.learner.answers(self.validation.tolist()))

    def _save(self) -> None:
        self._state.weights = self.learner.weights()
        self._state.optimizer = state_of(self._optimizer, self._names)
        self._state.scale = self._scaler.state_dict()
        self._state.spent = self._spent
        if self.team.rank == 0:
            checkpoints.save(self._state, self.folder)


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Of a graphics card or, in torch's words, of the machine."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _class_weights(tuning: Tuning, y: Integers) -> Tensor | None:
    """float32 [C], inverse frequencies, mean 1 over the rows."""
    if tuning.class_weights == "none":
        return None
    counts = np.bincount(y)
    return torch.from_numpy((len(y) / (len(counts) * counts)).astype(np.float32))


def _explain(state: State, tuning: Tuning) -> str:
    return (
        f"training stopped at step {state.step + 1}: the loss is not a finite number; the weights "
        f"of epoch {state.best_epoch} are kept. A smaller learning rate than "
        f"{tuning.learning_rate:g} (or clip above 0) usually helps"
    )
