"""From a folder of labelled pictures to a saved classifier, with the proof."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.datasets.reading import place_of
from headstart.files import cache_folder, folder_written_whole, must_be_writable, sweep
from headstart.finetuning.epoch_metrics import OnEpochMetrics
from headstart.model.bundle import is_bundle
from headstart.model.classifier import Classifier, load
from headstart.progress import Progress, Silent
from headstart.reports.audit import Audit
from headstart.reports.results import Results
from headstart.workflows.auditing import audit
from headstart.workflows.check import findings_of
from headstart.workflows.choosing import prepare_chosen
from headstart.workflows.comparing import must_be_known
from headstart.workflows.looks import count_look, in_words
from headstart.workflows.own_choice import OwnChoice, own_choice
from headstart.workflows.preparing import Prepared
from headstart.workflows.receipt import receipt_of
from headstart.workflows.recipe import Recipe, recipe_of
from headstart.workflows.reporting import report_of
from headstart.workflows.saving import bundle_place, write_bundle
from headstart.workflows.showing import Every, Shown, shown_of, target_lines, write_shown
from headstart.workflows.training import Trained, train

_HOUR = 3600


@dataclass(frozen=True, eq=False)
class Fitted:
    """What one run gave.

    Args:
        bundle: The folder that was written.
        results: The test.
        receipt: What was tried, measured and chosen, as plain values.
        prepared, trained: The run's data, for whoever wants to look further.
        audit: What its features say about the pictures and labels.
        shown: What its recipe tells besides.
        own_choice: What Headstart would have chosen, where the recipe asks for it.
        look: Which look at these test pictures it was, in words.
    """

    bundle: Path
    results: Results
    receipt: dict[str, Any]
    prepared: Prepared
    trained: Trained
    audit: Audit
    shown: Shown
    own_choice: OwnChoice | None
    look: str

    @property
    def is_interrupted(self) -> bool:
        """Whether a person ended its fine-tuning: what was best so far is saved."""
        return self.trained.adapted.is_interrupted


def fit(
    pictures: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
    on_epoch: OnEpochMetrics | None = None,
    **settings: Any,
) -> Classifier:
    """Make a classifier from labelled pictures, and save it.

    Args:
        pictures: A folder (a folder per class; or train and test folders; or files with the label
            in the name), or a table (CSV, TSV, JSONL, Parquet) that names files and labels.
        out: Where the bundle goes; None: ``<pictures>.headstart`` beside them. An older
            classifier there is replaced.
        progress: Told what happens; None: nobody.
        on_epoch: Called after every epoch of fine-tuning with its `EpochMetrics`; None: nobody.
        **settings: Fields of `Recipe`, for example ``backbone="resnet50"`` or ``seed=1``; and
            ``recipe``, the name or the file of a recipe for what is not given.

    Returns:
        The saved classifier, loaded from what was written.

    Raises:
        SettingError: A setting is unknown, wrong, or without effect.
        DatasetError: The pictures cannot be understood as a dataset, or are too few.
        WeightsError: The backbone's weights are not at hand.
        StoreError: The cache or the bundle cannot be written.
        KeyboardInterrupt: Ctrl-C; during fine-tuning what was best so far is saved before.
    """
    recipe = recipe_of(settings)
    fitted = run_fit(pictures, out, recipe, progress, on_epoch)
    if fitted.is_interrupted:
        raise KeyboardInterrupt
    return load(fitted.bundle, threads=recipe.threads, device=recipe.device)


def run_fit(
    pictures: str | os.PathLike[str],
    out: str | os.PathLike[str] | None,
    recipe: Recipe,
    progress: Progress | None = None,
    on_epoch: OnEpochMetrics | None = None,
) -> Fitted:
    """`fit`, giving back all that was measured instead of the loaded classifier."""
    began = time.monotonic()
    progress = progress or Silent()
    place = bundle_place(place_of(pictures), out)
    if is_bundle(place):
        progress.say(f"the classifier in {place} will be replaced")
    # A wrong name is refused now, not after the reading.
    must_be_known(recipe.heads)
    must_be_writable(place.parent)
    sweep(place.parent, older_than=time.time() - _HOUR)
    watched = Every(progress, recipe.say_every) if recipe.say_every else progress
    prepared, choice = prepare_chosen(pictures, recipe, watched)
    if "targets" in recipe.show:
        for line in target_lines(prepared):
            progress.say(line)
    trained = train(prepared, recipe, progress, on_epoch)
    digests = prepared.features.facts.digests
    names = prepared.manifest.class_names
    answers = [names[k] for k in trained.probabilities.argmax(axis=1)]
    looked = zip((digests[row] for row in trained.test), answers, strict=True)
    looks = count_look(looked, recipe.cache or cache_folder())
    seconds = time.monotonic() - began
    shown = shown_of(prepared, trained, recipe)
    own = own_choice(pictures, prepared, trained, recipe, seconds, progress)
    findings = findings_of(prepared)
    audited = audit(
        prepared, trained.division, trained.compared, trained.probabilities, recipe, progress
    )
    receipt = receipt_of(place, prepared, trained, recipe, findings, audited, choice)
    receipt["own_choice"] = own.to_json() if own else None
    receipt["looks_at_test"] = looks
    look = in_words(looks)
    beside = (own.words,) if own else ()
    report = report_of(
        prepared, trained, receipt, findings, audited, choice, beside, shown.figures(), look
    )
    receipt["seconds"] = round(time.monotonic() - began, 2)
    with folder_written_whole(place) as folder:
        write_shown(folder, prepared, trained, shown, recipe)
        write_bundle(folder, prepared, trained, audited, receipt, report, recipe.device)
    receipt["seconds"] = round(time.monotonic() - began, 2)
    return Fitted(place, trained.results, receipt, prepared, trained, audited, shown, own, look)
