"""A saved classifier, loaded: pictures in, predictions out."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from headstart.backbones.devices import AUTO, engine_on
from headstart.backbones.engine import Outputs
from headstart.backbones.reading import Outcome, Source, outcome_of, outputs_of, read_through
from headstart.errors import BundleError, SettingError
from headstart.images.in_memory import as_bytes, is_picture, no_picture
from headstart.model import bundle
from headstart.model.out_of_fold import OutOfFold, Sets
from headstart.model.prediction import Prediction
from headstart.model.record import Record, handed_over

# One picture: a path, or the bytes of a file.
Picture = Any


def load(
    path: str | os.PathLike[str],
    *,
    threads: int | None = None,
    device: str = AUTO,
    max_error: float | None = None,
    sets: float | None = None,
    with_features: bool = False,
) -> Classifier:
    """Load a saved classifier.

    Args:
        path: The folder that ``fit`` wrote.
        threads: Processor cores to use; None: all of them.
        device: Where the network is run: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``;
            ``"auto"``: a graphics card where torch sees one, which takes seconds to start.
        max_error: Answer only when so sure that at most this share of the answers is wrong, for
            example 0.01; None: as ``fit`` set it.
        sets: The share of predictions whose set of classes holds the true one, for example 0.9;
            None: predictions have no sets.
        with_features: `Classifier.outcomes` also hold ``features``, to compare pictures by.

    Raises:
        BundleError: There is none, or it is damaged, edited, foreign, or too new; or too old for
            ``max_error`` or ``sets``.
        SettingError: The pictures it was made from cannot show so small an error, or are too few
            for so high a share; or the device is not there.
    """
    _must_be_share("max_error", max_error)
    _must_be_share("sets", sets)
    is_count = isinstance(threads, Integral) and not isinstance(threads, bool)
    if threads is not None and not (is_count and threads >= 1):
        raise SettingError(f"threads={threads!r}", "a whole number, 1 or more", "threads=2")
    folder = Path(path)
    record = bundle.read_record(folder)
    made = None
    if max_error is not None or sets is not None:
        held_out = _out_of_fold(folder, record)
        if max_error is not None:
            threshold = held_out.abstention(max_error).threshold
            unsure = dataclasses.replace(record.unsure, ambiguous_below=threshold)
            record = dataclasses.replace(record, unsure=unsure)
        made = None if sets is None else held_out.sets(sets)
    return Classifier(
        folder, record, threads=threads, device=device, sets=made, with_features=with_features
    )


def _must_be_share(name: str, value: object) -> None:
    """It is None, or a number above 0 and below 1."""
    is_share = isinstance(value, Real) and not isinstance(value, bool) and 0 < float(value) < 1
    if not (value is None or is_share):
        percent = 90 if name == "sets" else 5
        raise SettingError(
            f"{name}={value!r}",
            "a share above 0 and below 1",
            f"give {percent} % as {name}={percent / 100:g}",
        )


def _out_of_fold(folder: Path, record: Record) -> OutOfFold:
    try:
        assert record.out_of_fold is not None
        return OutOfFold.from_arrays(bundle.read_arrays(folder), record.out_of_fold["method"])
    except (AssertionError, KeyError, TypeError) as error:
        raise BundleError(
            f"the classifier in {folder} holds no held-out answers: it is of an older version",
            "one that can say how often it errs when it is how sure",
            "make it again with headstart fit",
        ) from error


class Classifier:
    """Pictures to predictions, through the bundle's one graph.

    Args:
        folder: Where the bundle is.
        record: What it says.
        threads: Processor cores to use; None: all of them.
        device: As for `load`.
        sets: How predictions get their set of classes; None: they get none.
        with_features: Outcomes also hold ``features``.
    """

    def __init__(
        self,
        folder: Path,
        record: Record,
        *,
        threads: int | None = None,
        device: str = AUTO,
        sets: Sets | None = None,
        with_features: bool = False,
    ) -> None:
        self.folder = folder
        self.record = record
        self.sets = sets
        self.with_features = with_features
        self._threads = threads
        self._engine = engine_on(
            device,
            folder / bundle.GRAPH,
            ("probabilities", "distance", *(("features",) if with_features else ())),
            threads,
            record.backbone.get("precision", "f32"),
            handed_over(record.head["taps"], record.head.get("familiar_tap", "head")),
        )

    def __repr__(self) -> str:
        head, backbone = self.record.head["name"], self.record.backbone["name"]
        what = f"{head} on {backbone}, {len(self.class_names)} classes"
        return f"Classifier({str(self.folder)!r}: {what})"

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the probabilities."""
        return self.record.class_names

    @property
    def warning(self) -> str:
        """What makes its answers mean less; empty: nothing."""
        return self.record.warning

    @property
    def test(self) -> dict[str, Any]:
        """The figures on the test pictures of the run that made it."""
        return self.record.test

    @overload
    def predict(self, pictures: str | os.PathLike[str] | bytes) -> Prediction: ...
    @overload
    def predict(self, pictures: Sequence[Picture] | Iterator[Picture]) -> list[Prediction]: ...
    @overload
    def predict(self, pictures: Any) -> Any: ...
    def predict(self, pictures: Any) -> Any:
        """What the pictures show.

        Args:
            pictures: One picture or several: a path, the bytes of a file, a Pillow image, or an
                array uint8 [H, W], [H, W, 3] or [H, W, 4].

        Returns:
            One prediction for one picture, else a list in the same order. A picture that cannot
            be read gives a prediction without a label, and with the reason.

        Raises:
            SettingError: Something that is no picture at all.
        """
        if isinstance(pictures, str | bytes | os.PathLike) or is_picture(pictures):
            return next(self.predictions([pictures]))
        is_strange_array = isinstance(pictures, np.ndarray) and pictures.ndim == 3
        if is_strange_array or not isinstance(pictures, Iterable):
            raise no_picture(pictures)
        return list(self.predictions(pictures))

    def predictions(self, pictures: Iterable[Picture]) -> Iterator[Prediction]:
        """Predictions one by one, in order, in memory that does not grow with their number."""
        ours, theirs = itertools.tee(pictures)
        for picture, outcome in zip(ours, self.outcomes(theirs), strict=True):
            named = isinstance(picture, str | os.PathLike)
            yield self.prediction(os.fspath(picture) if named else _unnamed(picture), outcome)

    def outcomes(
        self, pictures: Iterable[Picture], *, with_facts: bool = False
    ) -> Iterator[Outcome]:
        """Raw outputs: ``probabilities`` float32 [C] and ``distance`` float32 [1].

        With features also ``features`` float32 [D], at the tap where pictures are compared with
        those of training. ``with_facts``: also what each file is, by which copies are found.
        """
        sources = map(_source, pictures)
        threads = 2 * self._threads if self._threads else None
        preprocessing = self.record.preprocessing
        return read_through(
            sources, self._engine, preprocessing, with_facts=with_facts, threads=threads
        )

    def outcome(self, picture: Picture) -> Outcome:
        """As `outcomes`, of one picture, in the thread that asks."""
        return outcome_of(_source(picture), self._engine, self.record.preprocessing)

    def reason(self, outputs: dict[str, Any]) -> str | None:
        """Why it is unsure about a picture with these outputs: a word, or None."""
        probability, distance = outputs["probabilities"].max(), outputs["distance"][0]
        return self.record.unsure.reason(float(probability), float(distance))

    def outputs(self, pixels: npt.NDArray[np.uint8]) -> Outputs:
        """Raw outputs, as in `outcomes`, for pixels made elsewhere by ``Preprocessing.pixels``.

        Args:
            pixels: uint8 [size, size, 3].

        Raises:
            UnusableImage: The network gave values that are not finite.
        """
        return outputs_of(pixels, self._engine)

    def prediction(self, path: str, outcome: Outcome) -> Prediction:
        """What a raw outcome means."""
        if outcome.outputs is None:
            assert outcome.failure is not None
            return Prediction.unusable(path, outcome.failure, self.sets)
        return Prediction.of(
            path,
            outcome.outputs["probabilities"],
            float(outcome.outputs["distance"][0]),
            self.class_names,
            self.record.unsure,
            self.sets,
        )


def _source(picture: Picture) -> Source:
    if isinstance(picture, str | os.PathLike):
        return Path(picture)
    return picture if isinstance(picture, bytes) else as_bytes(picture)


def _unnamed(picture: Picture) -> str:
    return "<bytes>" if isinstance(picture, bytes) else "<image>"
