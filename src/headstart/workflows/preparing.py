"""The first half of every journey over a dataset: understood, read once, copies found, split."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from headstart.audit.name_groups import NameGroups, name_groups
from headstart.backbones.backbone import Backbone
from headstart.backbones.catalog import DEFAULT, parts
from headstart.backbones.devices import CPU, device_of
from headstart.backbones.loading import load_backbone
from headstart.backbones.request import AVERAGE, PLAIN, POOLINGS, TTA
from headstart.datasets.duplicates import Duplicates, find_duplicates
from headstart.datasets.groups import merge_groups
from headstart.datasets.manifest import Manifest
from headstart.datasets.options import NO_GROUPS
from headstart.datasets.reading import place_of, read
from headstart.datasets.refining import groups_found
from headstart.errors import SettingError
from headstart.features.extraction import extract
from headstart.features.feature_set import FeatureSet
from headstart.features.store import FeatureStore
from headstart.files import cache_folder
from headstart.heads.candidates import Seen
from headstart.progress import Progress
from headstart.strategy.second_network import LeftOut
from headstart.unusable import Unusable, nothing_usable, refused
from headstart.workflows.precision import with_precision
from headstart.workflows.recipe import Recipe

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Judged:
    """What was found out about some rows while a second network was thought of.

    Args:
        rows: int64 [M], which ones.
        left_out: By ridge regression on their features.
    """

    rows: Rows
    left_out: LeftOut


@dataclass(frozen=True, eq=False)
class Prepared:
    """A dataset whose every usable picture has its features.

    Args:
        manifest: The usable pictures only, N rows.
        backbone: Whose features.
        features: N rows.
        duplicates: Copies among the rows.
        groups: int64 [N]: rows that must not be split apart share a number.
        unusable: Everything that could not be used, from the table to the decoder.
        single: The first network alone, where the backbone is two side by side.
        names: What file names tell of which pictures look alike, where nobody has named groups.
        judged: What is known of the training rows already.
        lost: Classes of which no picture can be used, and why not, in words.
    """

    manifest: Manifest
    backbone: Backbone
    features: FeatureSet
    duplicates: Duplicates
    groups: Rows
    unusable: tuple[Unusable, ...]
    single: Backbone | None = None
    names: NameGroups | None = None
    judged: Judged | None = None
    lost: tuple[str, ...] = ()

    def left_out(self, rows: Rows) -> LeftOut | None:
        """What is known already of just these rows."""
        is_known = self.judged is not None and np.array_equal(self.judged.rows, rows)
        return self.judged.left_out if is_known and self.judged else None

    @property
    def network(self) -> Backbone:
        """The one network that can be measured layer by layer, and tuned."""
        return self.single or self.backbone


def depths(backbone: Backbone) -> tuple[str, ...]:
    """Its taps in order of depth, without other poolings of the last feature map."""
    others = {tap for way, tap in POOLINGS.items() if way != AVERAGE}
    return tuple(name for name in backbone.tap_names if name not in others)


def prepare(pictures: str | os.PathLike[str], recipe: Recipe, progress: Progress) -> Prepared:
    """Understand a dataset and read every picture once.

    Raises:
        DatasetError: It cannot be understood, or no picture of it can be used.
        WeightsError: The backbone is not at hand.
        SettingError: The device is not there.
        StoreError: The cache cannot be written.
    """
    device = device_of(recipe.device)
    found = read(place_of(pictures), recipe.read_options)
    _must_have_effect(recipe, found)
    progress.say(found.summary())
    for note in found.notes:
        progress.say(f"  {note}")
    backbone, single = _backbones(recipe, progress)
    progress.say(describe(backbone))
    if device != CPU:
        progress.say(f"device {device}")
    backbone = with_precision(backbone, found, recipe, recipe.cache or cache_folder(), progress)
    features = _read(found, backbone, recipe, progress)
    unusable = (*found.unusable, *features.unusable)
    if not len(features):
        raise nothing_usable(pictures, unusable)
    if len(features) < len(found):
        progress.say(f"{len(features)} of {len(found)} pictures can be used")
    lost = _lost(found, features)
    for line in lost:
        progress.say(f"  {line}: it cannot be learnt")
    manifest = found.select(features.indices)
    duplicates = find_duplicates(features.facts.prints, manifest.class_indices)
    if copies := _copies(duplicates):
        progress.say(copies)
    prepared = Prepared(
        manifest=manifest,
        backbone=backbone,
        features=features,
        duplicates=duplicates,
        groups=merge_groups(manifest.groups, duplicates.pairs),
        unusable=unusable,
        single=single,
        lost=lost,
    )
    return prepared if any(manifest.groups) else _grouped_by_names(prepared, recipe, progress)


def _backbones(recipe: Recipe, progress: Progress) -> tuple[Backbone, Backbone | None]:
    """The one that is asked for, or the default; and the first of two alone."""

    def load(name: str) -> Backbone:
        return load_backbone(
            name,
            recipe.weights,
            cache=recipe.cache or cache_folder(),
            seed=recipe.seed,
            input_size=recipe.input_size,
            tta=recipe.tta,
            pooling=recipe.poolings,
            progress=progress,
        )

    name = recipe.backbone or DEFAULT
    first, *others = parts(name)
    return load(name), load(first) if others else None


def _read(found: Manifest, backbone: Backbone, recipe: Recipe, progress: Progress) -> FeatureSet:
    """Features of every picture: from the store, or computed now."""
    store = FeatureStore(recipe.cache or cache_folder(), backbone)
    for shard in store.damaged:
        progress.say(f"  a damaged part of the feature store was put aside: {shard}")
    return extract(
        (found.path(row) for row in range(len(found))),
        found.ids,
        backbone,
        store,
        threads=recipe.threads,
        device=recipe.device,
        progress=progress,
    )


def _grouped_by_names(prepared: Prepared, recipe: Recipe, progress: Progress) -> Prepared:
    """The same, with the groups that names hold kept together where that is certain."""
    manifest = prepared.manifest
    last = prepared.features.taps[prepared.backbone.tap_names[-1]]
    features = Seen((last,), is_rooted=True)
    names = name_groups(manifest.ids, features, manifest.class_indices, prepared.groups)
    prepared = replace(prepared, names=names)
    is_parted = recipe.group_pattern == NO_GROUPS or recipe.split == "random"
    if names is None or not names.is_certain or is_parted:
        return prepared
    # Within a class, as it was asked: in other classes the same numbers may begin anew.
    named = zip(manifest.labels, groups_found(manifest, names.pattern).groups, strict=True)
    groups = tuple(f"{label}/{group}" if group else "" for label, group in named)
    manifest = replace(manifest, groups=groups)
    progress.say(
        f"pictures kept together by their names, within a class as with --group-pattern "
        f"'{names.pattern}': of {100 * names.share:.0f} % the most alike of their class is of the "
        f"same group, where chance gives {100 * names.chance:.0f} % (--group-pattern {NO_GROUPS} "
        "parts them)"
    )
    together = merge_groups(manifest.groups, prepared.duplicates.pairs)
    return replace(prepared, manifest=manifest, groups=together)


def select(prepared: Prepared, rows: Rows, splits: Sequence[str]) -> Prepared:
    """What `prepare` would have given of some of the pictures: copies are sought among them alone.

    Args:
        prepared: The whole dataset.
        rows: int64 [M], which pictures, in the order that is wanted.
        splits: ``"train"``, ``"validation"``, ``"test"`` or ``""`` for each of them.
    """
    manifest = replace(prepared.manifest.select(rows), splits=tuple(splits))
    features = prepared.features.select(rows)
    duplicates = find_duplicates(features.facts.prints, manifest.class_indices)
    groups = merge_groups(manifest.groups, duplicates.pairs)
    return replace(
        prepared,
        manifest=manifest,
        features=features,
        duplicates=duplicates,
        groups=groups,
        judged=None,
    )


def _must_have_effect(recipe: Recipe, found: Manifest) -> None:
    """Refuse a share for the test where the test is given.

    Raises:
        SettingError: It would be ignored.
    """
    if recipe.test_share is not None and {"test", "validation"} & set(found.splits):
        raise SettingError(
            f"a test share of {recipe.test_share} was asked for, but the pictures have a test "
            "part already",
            "a share only where no test part is given",
            "leave it out (on the command line: --test-share)",
        )


def _copies(duplicates: Duplicates) -> str:
    """How many pictures are copies, in words; empty when none are."""
    pairs = {
        "in byte-for-byte copies": duplicates.exact,
        "in near-copies": duplicates.near,
        "mirrored or turned": duplicates.turned,
    }
    kinds = [f"{len(np.unique(found))} {words}" for words, found in pairs.items() if len(found)]
    return f"pictures kept together: {', '.join(kinds)}" if kinds else ""


def describe(backbone: Backbone) -> str:
    """One line about a backbone."""
    dims = " + ".join(str(tap.dim) for tap in backbone.taps)
    random = "" if backbone.pretrained else "  (RANDOM WEIGHTS: nothing was learned before)"
    size = f"{backbone.preprocessing.size} px"
    if backbone.tta != PLAIN:
        size += f", means over {len(TTA[backbone.tta])} views"
    return (
        f"backbone {backbone.name} ({backbone.weights}; licence {backbone.licence}; {size}; "
        f"features {dims}){random}"
    )


def _lost(found: Manifest, features: FeatureSet) -> tuple[str, ...]:
    """Of every class that no usable picture is left of: how many there were, and the first."""
    usable = {found.labels[row] for row in features.indices}
    labels = dict(zip(found.ids, found.labels, strict=True))
    lost: dict[str, list[Unusable]] = {}
    for each in features.unusable:
        if labels[each.path] not in usable:
            lost.setdefault(labels[each.path], []).append(each)
    return tuple(
        f"no picture of class {label!r} can be used ({refused(rows)})"
        for label, rows in lost.items()
    )
