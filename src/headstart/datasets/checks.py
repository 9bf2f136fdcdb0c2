"""What is wrong, or worth knowing, about a dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from headstart.datasets.class_names import strange_names
from headstart.datasets.facts import Facts
from headstart.datasets.finding import Finding, worst_first
from headstart.datasets.giveaway import giveaways
from headstart.datasets.groups import union
from headstart.datasets.manifest import Manifest, counted, first_of, with_spaces
from headstart.datasets.walking import suffix_of
from headstart.labels import merge_option
from headstart.unusable import REASONS, Unusable

__all__ = ["Finding", "findings"]

Pairs = npt.NDArray[np.int64]

_NO_PAIRS: Pairs = np.empty((0, 2), dtype=np.int64)
_JUDGED_AND_SEEN = (("test", "train"), ("validation", "train"), ("test", "validation"))
_FEW_PICTURES = 10
_UNEVEN, _VERY_UNEVEN = 3, 10
_TINY_SIDE = 32
_BLANK = 2  # gray levels between the darkest and the brightest place
_NOT_FOR_ALL = {"no_row": "note", "left_out": "note", "conflicting_labels": "problem"}
_FLAGS = {
    "multi_frame": "more than one frame: the first one is used",
    "transparent": "transparent pixels: they are shown on white",
    "high_bit_depth": "more than 8 bits a colour: they are scaled down to 8",
    "exif_rotated": "a camera's note to turn them: they are turned upright",
}
_WHITES = {
    "white_1": "1",
    "white_255": "255",
    "white_4095": "4095",
    "white_65535": "65535",
    "white_own": "its brightest pixel",
}
_FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo"),
    "PNG": (".png", ".apng"),
    "GIF": (".gif",),
    "WEBP": (".webp",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "AVIF": (".avif",),
    "HEIF": (".heic", ".heif"),
}


def findings(
    manifest: Manifest,
    facts: Facts,
    *,
    exact: Pairs = _NO_PAIRS,
    near: Pairs = _NO_PAIRS,
    turned: Pairs = _NO_PAIRS,
    unusable: Sequence[Unusable] = (),
) -> tuple[Finding, ...]:
    """Every finding, the worst first.

    Args:
        manifest: The usable pictures.
        facts: Their files, in the same order.
        exact: int64 [P, 2], rows with the same bytes.
        near: int64 [P, 2], rows with nearly the same picture; like ``exact``, enough pairs to
            connect each set of copies.
        turned: int64 [P, 2], rows of one class with nearly the same picture, mirrored or turned.
        unusable: What could not be used.
    """
    return worst_first(
        [
            *conflicting_duplicates(manifest, exact, near),
            *leakage(manifest, exact, near, turned),
            *group_leakage(manifest),
            *partly_split(manifest),
            *unusable_files(unusable),
            *class_sizes(manifest),
            *near_equal_classes(manifest),
            *strange_names(manifest),
            *giveaways(manifest, facts),
            *exact_duplicates(manifest, exact),
            *near_duplicates(manifest, near),
            *turned_duplicates(manifest, turned),
            *tiny_pictures(manifest, facts),
            *blank_pictures(manifest, facts),
            *several_whites(manifest, facts),
            *wrong_extensions(manifest, facts),
            *flagged(manifest, facts),
        ]
    )


def unusable_files(unusable: Sequence[Unusable]) -> list[Finding]:
    """What was left out, by reason."""
    found = []
    for reason, meaning in REASONS.items():
        rows = [row for row in unusable if row.reason == reason]
        if rows:
            severity = _NOT_FOR_ALL.get(reason, "warning")
            message = f"{with_spaces(len(rows))} left out ({reason}): {meaning}"
            examples = (f"{row.path}: {row.detail}" if row.detail else row.path for row in rows)
            found.append(Finding(reason, severity, len(rows), message, tuple(examples)))
    return found


def class_sizes(manifest: Manifest) -> list[Finding]:
    """Classes without pictures, with one, with few; the largest against the smallest."""
    counts = manifest.counts
    empty = [name for name in manifest.declared if name not in counts]
    single = [name for name, count in counts.items() if count == 1]
    few = [name for name, count in counts.items() if 1 < count < _FEW_PICTURES]
    least = f"fewer than {_FEW_PICTURES} pictures"
    return [
        *_classes("empty_class", "warning", empty, "no usable picture and cannot be learnt"),
        *_classes(
            "single_picture", "problem", single, f"one picture: nothing can judge {_them(single)}"
        ),
        *_classes("tiny_class", "warning", few, f"{least}: figures on {_them(few)} will be loose"),
        *_imbalance(counts),
    ]


def near_equal_classes(manifest: Manifest) -> list[Finding]:
    """Class names that may be meant as one."""
    pairs = manifest.nearly_equal
    if not pairs:
        return []
    one, many = "pair of class names is", "pairs of class names are"
    message = f"{counted(len(pairs), one, many)} nearly equal"
    examples = (
        f"{new!r} and {old!r}: {merge_option(old, new)} makes them one" for old, new in pairs
    )
    return [Finding("near_equal_classes", "warning", len(pairs), message, tuple(examples))]


def exact_duplicates(manifest: Manifest, exact: Pairs) -> list[Finding]:
    """Files with the same bytes."""
    surplus = len(exact) and len(manifest) - int(union(len(manifest), exact).max()) - 1
    message = (
        f"{counted(surplus, 'picture is a copy', 'pictures are copies')} of another, byte for byte"
    )
    return _pairs("exact_duplicates", "warning", surplus, message, manifest, exact)


def near_duplicates(manifest: Manifest, near: Pairs) -> list[Finding]:
    """Pictures that are nearly the same, and kept together in every split."""
    count = len(np.unique(near))
    message = f"{counted(count, 'picture has', 'pictures have')} a near-duplicate"
    return _pairs("near_duplicates", "note", count, message, manifest, near)


def turned_duplicates(manifest: Manifest, turned: Pairs) -> list[Finding]:
    """Pictures that are another of their class, mirrored or turned; kept together likewise."""
    count = len(np.unique(turned))
    message = f"{counted(count, 'picture has', 'pictures have')} a mirrored or turned copy"
    return _pairs("turned_duplicates", "note", count, message, manifest, turned)


def conflicting_duplicates(manifest: Manifest, exact: Pairs, near: Pairs) -> list[Finding]:
    """The same picture, or nearly, with two labels."""
    both = np.concatenate([exact, near])
    count = _with_two_labels(manifest, both)
    message = (
        f"{counted(count, 'picture is', 'pictures are')} the same as one of another class, "
        f"{with_spaces(_with_two_labels(manifest, exact))} byte for byte"
    )
    classes = manifest.class_indices
    crossing = both[classes[both[:, 0]] != classes[both[:, 1]]]
    examples = (
        f"{manifest.ids[i]} ({manifest.labels[i]}) = {manifest.ids[j]} ({manifest.labels[j]})"
        for i, j in crossing
    )
    found = Finding("conflicting_duplicates", "problem", count, message, tuple(examples))
    return [found] if count else []


def leakage(manifest: Manifest, exact: Pairs, near: Pairs, turned: Pairs) -> list[Finding]:
    """Held-out pictures that stand in training too, and test pictures that stand in validation."""
    splits = np.array(manifest.splits, dtype=object)
    copies = union(len(manifest), np.concatenate([exact, near, turned]))
    upright = union(len(manifest), np.concatenate([exact, near]))
    same_bytes = union(len(manifest), exact)
    found = []
    for judged, seen in _JUDGED_AND_SEEN:
        rows, others = np.flatnonzero(splits == judged), np.flatnonzero(splits == seen)
        leaked = rows[np.isin(copies[rows], copies[others])]
        exactly = int(np.isin(same_bytes[rows], same_bytes[others]).sum())
        only_turned = int((~np.isin(upright[leaked], upright[others])).sum())
        if len(leaked):
            message = (
                f"{with_spaces(len(leaked))} of {counted(len(rows), 'picture', 'pictures')} of "
                f"{judged} stand in {seen} too, {with_spaces(exactly)} byte for byte"
                + (f", {with_spaces(only_turned)} mirrored or turned" if only_turned else "")
            )
            first = {copies[row]: manifest.ids[row] for row in others[::-1]}
            examples = (f"{manifest.ids[row]} = {first[copies[row]]}" for row in leaked)
            found.append(Finding("leakage", "problem", len(leaked), message, tuple(examples)))
    return found


def partly_split(manifest: Manifest) -> list[Finding]:
    """Pictures for which no split is given, beside others for which one is."""
    without = [name for name, s in zip(manifest.ids, manifest.splits, strict=True) if not s]
    if not without or len(without) == len(manifest):
        return []
    judged = {"test", "validation"} & set(manifest.splits)
    then = "they join training" if judged else "the test is drawn from them, if they are enough"
    message = (
        f"no split is given for {counted(len(without), 'picture', 'pictures')}, but for the "
        f"others: {then}"
    )
    return [Finding("partly_split", "warning", len(without), message, tuple(without))]


def group_leakage(manifest: Manifest) -> list[Finding]:
    """Held-out pictures of a named group of which others are learnt from."""
    first: dict[tuple[str, str], str] = {}
    for name, split, group in zip(manifest.ids, manifest.splits, manifest.groups, strict=True):
        if group:
            first.setdefault((split, group), name)
    found = []
    for judged, seen in _JUDGED_AND_SEEN:
        held_out = [g for s, g in zip(manifest.splits, manifest.groups, strict=True) if s == judged]
        shared = {group: None for group in held_out if (seen, group) in first}
        count = sum(group in shared for group in held_out)
        if count:
            message = (
                f"{with_spaces(count)} of {counted(len(held_out), 'picture', 'pictures')} of "
                f"{judged} are of groups that stand in {seen} too ({first_of(shared)})"
            )
            examples = (
                f"group {group}: {first[judged, group]} in {judged}, {first[seen, group]} in {seen}"
                for group in shared
            )
            found.append(Finding("group_leakage", "problem", count, message, tuple(examples)))
    return found


def wrong_extensions(manifest: Manifest, facts: Facts) -> list[Finding]:
    """Files that are named as another format; they are read by their content."""
    pairs = zip(manifest.ids, facts.formats, strict=True)
    wrong = [
        f"{name} is {kind}"
        for name, kind in pairs
        if (suffix := suffix_of(name)) and suffix not in _FORMATS.get(kind, (suffix,))
    ]
    message = "of another format than the name says: read by content"
    return _pictures("wrong_extension", "note", wrong, message)


def flagged(manifest: Manifest, facts: Facts) -> list[Finding]:
    """What decoding noticed and dealt with."""
    return [
        finding
        for flag, message in _FLAGS.items()
        for finding in _pictures(
            flag,
            "note",
            [name for name, flags in zip(manifest.ids, facts.flags, strict=True) if flag in flags],
            f"with {message}",
        )
    ]


def tiny_pictures(manifest: Manifest, facts: Facts) -> list[Finding]:
    """Pictures with hardly a pixel for the backbone to see."""
    sides = np.minimum(facts.widths, facts.heights)
    tiny = [
        f"{manifest.ids[row]}: {facts.widths[row]} × {facts.heights[row]}"
        for row in np.flatnonzero(sides < _TINY_SIDE)
    ]
    message = f"with a side below {_TINY_SIDE} pixels"
    return _pictures("tiny_pictures", "warning", tiny, message)


def blank_pictures(manifest: Manifest, facts: Facts) -> list[Finding]:
    """Pictures of one flat colour: placeholders, lens caps, failed downloads."""
    darkest = facts.thumbnails.min(axis=1).astype(np.int64)
    spread = facts.thumbnails.max(axis=1) - darkest
    blank = [
        f"{manifest.ids[row]} ({manifest.labels[row]}): gray level {darkest[row]}"
        for row in np.flatnonzero(spread <= _BLANK)
    ]
    return _pictures("blank_pictures", "warning", blank, "of one flat colour: nothing to see")


def several_whites(manifest: Manifest, facts: Facts) -> list[Finding]:
    """Gray of more than 8 bits that was not scaled by the same white in every picture."""
    whites = {
        name: _WHITES[flag]
        for name, flags in zip(manifest.ids, facts.flags, strict=True)
        for flag in flags & _WHITES.keys()
    }
    counts = Counter(whites.values())
    if len(counts) < 2 and counts[_WHITES["white_own"]] < 2:
        return []
    shares = ", ".join(f"{white} in {with_spaces(counts[white])}" for white in counts)
    message = (
        "gray of more than 8 bits is not always scaled by the same white "
        f"({shares}): brightness may jump from picture to picture"
    )
    rarest_first = sorted(whites, key=lambda name: counts[whites[name]])
    examples = (f"{name}: {whites[name]}" for name in rarest_first)
    return [Finding("several_whites", "warning", len(whites), message, tuple(examples))]


def _with_two_labels(manifest: Manifest, pairs: Pairs) -> int:
    """How many pictures are in sets of copies that hold more than one label."""
    sets = union(len(manifest), pairs)
    # Each set counted once for every label in it.
    labels_of_set = np.bincount(np.unique([sets, manifest.class_indices], axis=1)[0])
    return int((labels_of_set[sets] > 1).sum())


def _imbalance(counts: dict[str, int]) -> list[Finding]:
    if len(counts) < 2:
        return []
    smallest, largest = min(counts, key=lambda n: counts[n]), max(counts, key=lambda n: counts[n])
    ratio = counts[largest] / counts[smallest]
    if ratio < _UNEVEN:
        return []
    message = (
        f"{largest} has {with_spaces(counts[largest])} pictures, {smallest} "
        f"{with_spaces(counts[smallest])}: {ratio:.0f} times as many"
    )
    severity = "warning" if ratio >= _VERY_UNEVEN else "note"
    return [Finding("imbalance", severity, len(counts), message)]


def _classes(kind: str, severity: str, names: list[str], what: str) -> list[Finding]:
    if not names:
        return []
    message = f"{counted(len(names), 'class has', 'classes have')} {what} ({first_of(names)})"
    return [Finding(kind, severity, len(names), message, tuple(names))]


def _them(names: list[str]) -> str:
    return "it" if len(names) == 1 else "them"


def _pictures(kind: str, severity: str, examples: list[str], what: str) -> list[Finding]:
    if not examples:
        return []
    message = f"{counted(len(examples), 'picture', 'pictures')} {what}"
    return [Finding(kind, severity, len(examples), message, tuple(examples))]


def _pairs(
    kind: str, severity: str, count: int, message: str, manifest: Manifest, pairs: Pairs
) -> list[Finding]:
    examples = (f"{manifest.ids[i]} = {manifest.ids[j]}" for i, j in pairs)
    return [Finding(kind, severity, count, message, tuple(examples))] if count else []
