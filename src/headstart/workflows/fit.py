"""From a folder of labelled pictures to a saved classifier, with the proof."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.files import folder_written_whole, must_be_writable, sweep
from headstart.model.classifier import Classifier, load
from headstart.progress import Progress, Silent
from headstart.reports.audit import Audit
from headstart.reports.results import Results
from headstart.workflows.auditing import audit
from headstart.workflows.check import findings_of
from headstart.workflows.choosing import prepare_chosen
from headstart.workflows.comparing import candidates_of
from headstart.workflows.preparing import Prepared
from headstart.workflows.receipt import receipt_of
from headstart.workflows.recipe import Recipe, recipe_of
from headstart.workflows.reporting import report_of
from headstart.workflows.saving import bundle_place, write_bundle
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
    """

    bundle: Path
    results: Results
    receipt: dict[str, Any]
    prepared: Prepared
    trained: Trained
    audit: Audit


def fit(
    pictures: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
    **settings: Any,
) -> Classifier:
    """Make a classifier from labelled pictures, and save it.

    Args:
        pictures: A folder (a folder per class; or train and test folders; or files with the label
            in the name), or a table (CSV, TSV, JSONL, Parquet) that names files and labels.
        out: Where the bundle goes; None: ``<pictures>.headstart`` beside them. An older
            classifier there is replaced.
        progress: Told what happens; None: nobody.
        **settings: Fields of `Recipe`, for example ``backbone="resnet50"`` or ``seed=1``.

    Returns:
        The saved classifier, loaded from what was written.

    Raises:
        SettingError: A setting is unknown, wrong, or without effect.
        DatasetError: The pictures cannot be understood as a dataset, or are too few.
        WeightsError: The backbone's weights are not at hand.
        StoreError: The cache or the bundle cannot be written.
    """
    recipe = recipe_of(settings)
    return load(run_fit(pictures, out, recipe, progress).bundle, threads=recipe.threads)


def run_fit(
    pictures: str | os.PathLike[str],
    out: str | os.PathLike[str] | None,
    recipe: Recipe,
    progress: Progress | None = None,
) -> Fitted:
    """`fit`, giving back all that was measured instead of the loaded classifier."""
    began = time.monotonic()
    progress = progress or Silent()
    place = bundle_place(Path(pictures), out)
    candidates_of(("head",), recipe.heads)  # a wrong name is refused now, not after the reading
    must_be_writable(place.parent)
    sweep(place.parent, older_than=time.time() - _HOUR)
    prepared, choice = prepare_chosen(pictures, recipe, progress)
    trained = train(prepared, recipe, progress)
    findings = findings_of(prepared)
    audited = audit(
        prepared, trained.division, trained.compared, trained.probabilities, recipe, progress
    )
    receipt = receipt_of(place, prepared, trained, recipe, findings, audited, choice)
    report = report_of(prepared, trained, receipt, findings, audited, choice)
    receipt["seconds"] = round(time.monotonic() - began, 2)
    with folder_written_whole(place) as folder:
        write_bundle(folder, prepared, trained, audited, receipt, report)
    receipt["seconds"] = round(time.monotonic() - began, 2)
    return Fitted(place, trained.results, receipt, prepared, trained, audited)
