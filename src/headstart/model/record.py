"""The record of a bundle: what `bundle.json` says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from headstart.errors import BundleError, HeadstartError
from headstart.images.preprocessing import Preprocessing
from headstart.model.prediction import Unsure

FORMAT_VERSION = 1
KIND = "headstart classifier"


@dataclass(frozen=True)
class Record:
    """What a saved classifier is, apart from its graph.

    Args:
        class_names: In the order of the probabilities.
        preprocessing: What pictures go through before the graph.
        backbone: Name, architecture, weights, licence, fingerprint.
        head: Name, taps, temperature, and its layers by the names of their arrays.
        unsure: When it answers "unsure".
        test: Figures on the test pictures, with intervals.
        data: Number of pictures, classes and a fingerprint of the training data.
        versions: Of this package and of what the graph was made with.
        out_of_fold: What is promised of new pictures from answers about held-out ones (whose
            arrays lie beside the head's); None in bundles older than that.
    """

    class_names: tuple[str, ...]
    preprocessing: Preprocessing
    backbone: dict[str, Any]
    head: dict[str, Any]
    unsure: Unsure
    test: dict[str, Any]
    data: dict[str, Any]
    versions: dict[str, str]
    out_of_fold: dict[str, Any] | None = None

    @property
    def warning(self) -> str:
        """What makes its answers mean less; empty: nothing."""
        if not self.backbone["pretrained"]:
            return "the backbone has RANDOM WEIGHTS: nothing was learned before"
        clean = self.test.get("without_leakage")
        if clean and clean["accuracy"] is None:
            return "training has seen all of its test pictures: its accuracy is not known"
        return ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "kind": KIND,
            "format_version": FORMAT_VERSION,
            "classes": list(self.class_names),
            "preprocessing": self.preprocessing.to_json(),
            "backbone": self.backbone,
            "head": self.head,
            "unsure": vars(self.unsure),
            "test": self.test,
            "data": self.data,
            "versions": self.versions,
            "out_of_fold": self.out_of_fold,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], where: str) -> Record:
        """Read what `to_json` wrote.

        Raises:
            BundleError: It is something else, or of a newer format.
        """
        try:
            return cls(
                class_names=tuple(values["classes"]),
                preprocessing=Preprocessing.from_json(values["preprocessing"]),
                backbone=values["backbone"],
                head=values["head"],
                unsure=Unsure(**values["unsure"]),
                test=values["test"],
                data=values["data"],
                versions=values["versions"],
                out_of_fold=values.get("out_of_fold"),
            )
        except (KeyError, TypeError, AttributeError, HeadstartError) as error:
            raise BundleError(
                f"{where} lacks a part or has a wrong one: {error}",
                "a record as headstart fit writes it",
                "make the classifier again with headstart fit",
            ) from error


def handed_over(taps: Iterable[str], familiar_tap: str = "head") -> tuple[str, ...]:
    """Vectors that the network hands to what was learned.

    Args:
        taps: Those the head was fitted on.
        familiar_tap: Where pictures are compared with those of training.
    """
    return tuple(dict.fromkeys([*taps, familiar_tap]))


def must_be_ours(values: dict[str, Any], where: str) -> None:
    """Refuse what is no record of ours, or of a format that is not known yet.

    Raises:
        BundleError: It is.
    """
    if not isinstance(values, dict) or values.get("kind") != KIND:
        raise BundleError(
            f"{where} is not the record of a classifier",
            f'"kind": "{KIND}"',
            "give the folder that headstart fit wrote",
        )
    version = values.get("format_version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        versions = values.get("versions")
        made_by = versions.get("headstart") if isinstance(versions, dict) else None
        raise BundleError(
            f"{where} has format {version}, written by headstart {made_by or '(unknown)'}",
            f"format {FORMAT_VERSION} or older",
            f"pip install 'headstart>={made_by}'" if made_by else "install a newer headstart",
        )
