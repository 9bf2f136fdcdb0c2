"""What is wrong with a dataset, found before anything is learned from it."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import Any

from headstart.audit.name_groups import BESIDE
from headstart.audit.siblings import FAR_NEARER, share_with_siblings
from headstart.datasets import checks
from headstart.datasets.finding import Finding, worst_first
from headstart.datasets.options import NO_GROUPS
from headstart.errors import NotEnoughData
from headstart.heads.candidates import Seen
from headstart.progress import Progress, Silent
from headstart.reports.results import percent
from headstart.workflows.dividing import divide
from headstart.workflows.preparing import Prepared, prepare
from headstart.workflows.recipe import Recipe, recipe_of

_SEED = 0
_MANY = 0.25  # share of the pictures with a sibling that is worth a warning


@dataclass(frozen=True, eq=False)
class Checked:
    """What one check gave.

    Args:
        findings: The worst first.
        prepared: The dataset as it was read.
    """

    findings: tuple[Finding, ...]
    prepared: Prepared

    @property
    def has_problems(self) -> bool:
        """Whether anything was found that should be mended before training."""
        return any(finding.severity == "problem" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """What ``headstart check --json`` prints."""
        return {
            "num_images": len(self.prepared.manifest),
            "understood": self.prepared.manifest.summary(),
            "findings": [finding.to_json() for finding in self.findings],
        }


def check(
    pictures: str | os.PathLike[str], *, progress: Progress | None = None, **settings: Any
) -> tuple[Finding, ...]:
    """Find what is wrong with a dataset.

    Unreadable files, copies (also with different labels, or on both sides of a split), classes
    that are tiny, far too large or nearly named alike, and properties of the files that give the
    class away. The features made on the way are kept, so that a later `fit` reuses them.

    Args:
        pictures: As for `fit`.
        progress: Told what happens.
        **settings: Fields of `Recipe`.

    Raises:
        DatasetError: The pictures cannot be understood as a dataset.
    """
    return run_check(pictures, recipe_of(settings), progress).findings


def run_check(
    pictures: str | os.PathLike[str], recipe: Recipe, progress: Progress | None = None
) -> Checked:
    """`check`, with the dataset as it was read."""
    prepared = prepare(pictures, recipe, progress or Silent())
    return Checked((*_what_prevents(prepared, recipe), *findings_of(prepared)), prepared)


def _what_prevents(prepared: Prepared, recipe: Recipe) -> list[Finding]:
    """That `fit` would refuse so few pictures, in its words."""
    try:
        divide(prepared, recipe, Silent())
    except NotEnoughData as error:
        message = f"nothing can be fitted: {error.what}; expected {error.expected}"
        return [Finding("too_few", "problem", len(prepared.manifest), message)]
    return []


def findings_of(prepared: Prepared) -> tuple[Finding, ...]:
    """Every finding about a prepared dataset, the worst first."""
    found = checks.findings(
        prepared.manifest,
        prepared.features.facts,
        exact=prepared.duplicates.exact,
        near=prepared.duplicates.near,
        turned=prepared.duplicates.turned,
        unusable=prepared.unusable,
    )
    return worst_first([*found, *_in_names(prepared), *_siblings(prepared)])


def _siblings(prepared: Prepared) -> list[Finding]:
    """That pictures come in families which nobody has named, by what they look like."""
    features = Seen((prepared.features.taps[prepared.backbone.tap_names[-1]],), is_rooted=True)
    y = prepared.manifest.class_indices
    share = share_with_siblings(features, y, prepared.groups, _SEED)
    if share is None or share < _MANY:
        return []
    message = (
        f"of {percent(share)} of the pictures one other of the class is far nearer than the rest "
        f"(at less than {FAR_NEARER:g} of the distance of the tenth nearest; of pictures taken "
        "one by one it is about 1 %): versions of one source, a burst, frames or slices. Torn "
        "apart they flatter every figure: name the groups (--group-pattern, or a column)"
    )
    return [Finding("siblings", "warning", round(share * len(y)), message)]


def _in_names(prepared: Prepared) -> list[Finding]:
    """What file names tell of which pictures look alike, where nobody has named groups."""
    names, number = prepared.names, len(prepared.manifest)
    if names is None:
        return []
    share, chance = percent(names.share), percent(names.chance)
    if not names.pattern:
        message = (
            f"pictures that stand side by side in the order of files look alike: of {share} the "
            f"most alike of their class is within {BESIDE} files, where chance gives {chance}. If "
            "they are frames of a film, slices of a scan or parts of one thing, results on new "
            "ones will be lower: name the groups (--group-pattern, or a column)"
        )
        return [Finding("file_order", "note", number, message)]
    option = f"--group-pattern {shlex.quote(names.pattern)}"
    advice = (
        f"They are kept together, within a class as with {option}, and count as leakage where a "
        f"given split tears them; --group-pattern {NO_GROUPS} parts them"
        if any(prepared.manifest.groups)
        else f"If these are of one patient, burst or source, keep them together: {option}"
    )
    message = (
        f"file names seem to hold groups: of {share} the most alike of their class is of the "
        f"same group, where chance gives {chance}. {advice}"
    )
    return [Finding("name_groups", "warning", number, message)]
