"""The report: one HTML file that says what was understood, tried, chosen and measured.

It needs nothing else: no script, no network, pictures inside. Names of files and classes are
other people's text: they are escaped, kept from turning the reading direction of what follows,
and the page's own policy forbids whatever might slip through.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup

from headstart.metrics.intervals import Interval
from headstart.reports.audit import Audit
from headstart.reports.curve_figure import curve_figure
from headstart.reports.figures import WHOLE, Scale, scale_for
from headstart.reports.matrix_figure import MatrixFigure, matrix_svg
from headstart.reports.results import Results, interval_text, percent
from headstart.reports.training_figure import TrainingFigure
from headstart.strategy.backbone_choice import BackboneChoice
from headstart.strategy.matrix import ADVICE, UNMEASURED, Matrix
from headstart.unusable import REASONS, Unusable

MOST_CLASSES = 25  # A larger confusion matrix cannot be read.
MOST_MISTAKES = 48
MOST_UNUSABLE = 100
MOST_DOUBTED = 24
MOST_UNLIKE = 12
MOST_LOOK_ALIKES = 12


class Finding(Protocol):
    """Something seen in a dataset (``datasets`` makes them)."""

    @property
    def kind(self) -> str:
        """A code, for example ``"near_duplicates"``."""

    @property
    def severity(self) -> str:
        """How much it matters, in one word; ``"note"`` is shown quietly."""

    @property
    def message(self) -> str:
        """What was seen, in words."""

    @property
    def examples(self) -> Sequence[str]:
        """A few of the pictures it is about."""


@dataclass(frozen=True)
class Candidate:
    """One way to classify that was tried.

    Args:
        name: As the receipt has it.
        score: Its accuracy on pictures held out of its training.
        interval: Of the score.
        log_loss: In nats, on the same pictures.
        seconds: What trying it took.
        chosen: Whether this is the one in the bundle.
        difference: Its accuracy less that of the chosen one on the same pictures, and the ends of
            the interval.
    """

    name: str
    score: float
    interval: Interval | None = None
    log_loss: float | None = None
    seconds: float | None = None
    chosen: bool = False
    difference: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class BackboneFacts:
    """Which pretrained network the features come from."""

    name: str
    licence: str
    weights: str
    input_size: int
    taps: tuple[str, ...]


@dataclass(frozen=True)
class Mistake:
    """A picture that got a wrong answer.

    Args:
        path: As the user would write it.
        thumbnail: From ``gallery.thumbnail``; empty when the picture is no longer there.
        true: The class it belongs to.
        predicted: The class it was given.
        probability: Of the class it was given.
    """

    path: str
    thumbnail: str
    true: str
    predicted: str
    probability: float


@dataclass(frozen=True, eq=False)
class Report:
    """Everything the page shows. What is empty is left out.

    Args:
        title: What the page is about, for example the dataset's name.
        created: When, in words.
        version: Of headstart.
        results: The evaluation.
        pictures: Which pictures the results are about.
        look: Which look at them it was, in words; may be empty.
        warnings: What makes the numbers less than they seem, in sentences without their end.
        dataset: What was understood of the dataset, a line for each fact.
        candidates: What was tried, in the order to show.
        why: What was chosen, and why.
        backbone: Where the features come from.
        backbone_choice: How it was chosen among several.
        matrix: Where the training pictures lie, and what follows.
        matrix_figure: The same to be drawn.
        ladder: The receipt's rows of the rungs that came up.
        trainings: The curves of those that were trained.
        audit: What the features say about pictures and labels.
        thumbnails: Path to address (as in `Mistake`) of the pictures that `pictured` names.
        mistakes: Wrong answers, in any order, at least the surest; these are shown.
        unusable: Pictures that could not be used.
        findings: What was seen in the dataset.
        bundle: Where the classifier is.
        receipt: Where the record of what was tried is.
    """

    title: str
    created: str
    version: str
    results: Results
    pictures: str = "test pictures"
    look: str = ""
    warnings: tuple[str, ...] = ()
    dataset: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    why: str = ""
    backbone: BackboneFacts | None = None
    backbone_choice: BackboneChoice | None = None
    matrix: Matrix | None = None
    matrix_figure: MatrixFigure | None = None
    ladder: tuple[dict[str, Any], ...] = ()
    trainings: tuple[TrainingFigure, ...] = ()
    audit: Audit | None = None
    thumbnails: Mapping[str, str] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()
    unusable: tuple[Unusable, ...] = ()
    findings: tuple[Finding, ...] = ()
    bundle: str = ""
    receipt: str = ""


def pictured(audit: Audit) -> tuple[str, ...]:
    """The paths of those pictures that the page shows of an audit."""
    labels = (*audit.doubted("train")[:MOST_DOUBTED], *audit.ticked("test")[:MOST_DOUBTED])
    doubted = [label.path for label in labels]
    unlike = [picture.path for picture in audit.unlike[:MOST_UNLIKE]]
    pairs = audit.told[:MOST_LOOK_ALIKES]
    alike = [path for pair in pairs for path in (pair.path, pair.other_path)]
    return tuple(dict.fromkeys([*doubted, *unlike, *alike]))


def render(report: Report) -> str:
    """The page as text, ready for a UTF-8 file."""
    style = _source("page.css")
    audit, matrix, figure = report.audit, report.matrix, report.matrix_figure
    page = _template().render(
        report=report,
        results=report.results,
        style=Markup(style),
        style_digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        whole=WHOLE,
        scale=_candidate_scale(report.candidates),
        shades=_shades(report.results) if len(report.results.class_names) <= MOST_CLASSES else (),
        matrix_picture=Markup(matrix_svg(figure)) if figure else "",
        depth_scale=_depth_scale(matrix) if matrix else None,
        advice=ADVICE,
        unmeasured=UNMEASURED,
        audit=audit,
        most={"doubted": MOST_DOUBTED, "unlike": MOST_UNLIKE, "look_alikes": MOST_LOOK_ALIKES},
        learning=curve_figure(audit.curve) if audit and audit.curve else None,
        num_mistakes=report.results.num_images - int(report.results.confusion.trace()),
        mistakes=sorted(report.mistakes, key=lambda mistake: -mistake.probability)[:MOST_MISTAKES],
        unusable=report.unusable[:MOST_UNUSABLE],
        reasons=REASONS,
        command=f"headstart predict {shlex.quote(report.bundle)} picture.jpg",
    )
    # A file name need not be valid text; what cannot be written is spelled out.
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def _candidate_scale(candidates: tuple[Candidate, ...]) -> Scale:
    intervals = [each.interval for each in candidates if each.interval]
    ends = [end for interval in intervals for end in (interval.low, interval.high)]
    return scale_for([each.score for each in candidates] + ends)


def _depth_scale(matrix: Matrix) -> Scale:
    intervals = [depth.interval for depth in matrix.fitness.depths]
    return scale_for([end for interval in intervals for end in (interval.low, interval.high)])


def _shades(results: Results) -> list[list[int]]:
    """How dark each cell of the confusion matrix is, 0 to 10, by its share of the row."""
    matrix = results.confusion
    share = matrix / matrix.sum(axis=1, keepdims=True).clip(min=1)
    # A single mistake must be visible too.
    return [[min(10, int(cell * 9) + (cell > 0)) for cell in row] for row in share.tolist()]


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(_source),
    )
    environment.filters |= {"percent": percent, "interval": interval_text}
    return environment.get_template("page.html")


def _source(name: str) -> str:
    return files("headstart.reports").joinpath(name).read_text(encoding="utf-8")
