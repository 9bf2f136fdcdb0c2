import base64
import hashlib
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from headstart.audit.leakage import leakage_price
from headstart.audit.learning_curve import learning_curve
from headstart.finetuning.epoch_metrics import EpochMetrics
from headstart.metrics.intervals import wilson
from headstart.reports.audit import Audit, DoubtedLabel, LookAlikes, UnlikePicture
from headstart.reports.gallery import thumbnail
from headstart.reports.matrix_figure import MatrixFigure
from headstart.reports.page import BackboneFacts, Candidate, Mistake, Report, pictured, render
from headstart.reports.results import Results
from headstart.reports.training_figure import training_figure
from headstart.strategy.backbone_choice import Contender, choose_backbone
from headstart.strategy.expectation import expect
from headstart.strategy.fitness import ALL_TAPS, Depth, Fitness
from headstart.strategy.matrix import Matrix, Size
from headstart.strategy.similarity import Similarity
from headstart.unusable import Unusable

VOID = {"meta", "br", "img", "line", "rect", "circle", "polyline", "polygon", "path"}
HOSTILE = "<img src=x onerror=alert(1)>\"'</style></bdi><script>alert(2)</script>&amp;{{ 7 * 7 }}"


class Page(HTMLParser):
    """Every tag with its attributes, and the text; fails when tags are not closed in order."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts, self._open = [], [], []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.texts))

    def named(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def results(names, num_images=120, **settings):
    random = np.random.default_rng(0)
    y = random.integers(len(names), size=num_images)
    p = np.eye(len(names))[y] * 3 + random.random((num_images, len(names)))
    wrong = random.random(num_images) < 0.1
    p[wrong] = np.roll(p[wrong], 1, axis=1)
    return Results.of(y, p / p.sum(axis=1, keepdims=True), names, **settings)


def trainings(name):
    epochs = [EpochMetrics("top1", 0, n, 2, n, 1 / n, 0.9, 1e-3, 1.0, 1.0, 0.5) for n in (1, 2)]
    return (training_figure(name, epochs),)


def matrix(words="more photo-like than 5 of 9 reference sets"):
    right = np.ones(90, dtype=bool)
    return Matrix(
        Size(num_images=90, num_independent=88, num_classes=2, smallest=40, largest=50),
        Similarity(
            score=-3.0,
            interval=(-3.1, -2.9),
            thirds={},
            noise=0.1,
            measured_by="batch norm",
            percentile=61.0,
            percentile_interval=(55.0, 66.0),
            references=(("flowers", -3.1, 60.0),),
            words=words,
            looks_like=(("bee", 0.31), ("vase", 0.06)),
            num_images=90,
            affinity=0.3,
        ),
        Fitness(
            tuple(Depth(tap, 0.9, wilson(81, 90), right) for tap in ("early", "late", ALL_TAPS)),
            neighbours=0.8,
            num_rows=90,
        ),
        expect(0.9, 0.5, 44, True, 88),
    )


def rungs(name="last block"):
    tried = {"score": 0.9, "gain": [0.021, -0.004, 0.046], "seconds": 61.2}
    start = {"name": name, "strategy": "partial", "reason": name}
    return (
        start | {"outcome": "not proved"} | tried,
        start | {"outcome": "not tried", "seconds": 0.0},
    )


@cache
def curve():
    random = np.random.default_rng(0)
    y = np.arange(120) % 2
    X = (0.8 * y[:, None] + random.normal(size=(120, 6))).astype(np.float32)
    return learning_curve(X, y, seed=0)


def audit(name="bee", num_doubted=3):
    right = np.ones(400, dtype=bool)
    labels = (
        *(
            DoubtedLabel(f"{i}{name}", "train", "ant", name, 0.01, 0.01, i < 2, 0.1)
            for i in range(num_doubted)
        ),
        DoubtedLabel("t", "test", "ant", name, 0.01, 0.01, True, None),
    )
    return Audit(
        num_images={"train": 90, "test": 120},
        labels=labels,
        unlike=(UnlikePicture(f"u{name}", "train", name, 0.9, 1e-6),),
        look_alikes=(
            LookAlikes(f"one{name}", "ant", "train", f"other{name}", name, "test", 0.99),
            LookAlikes("same", "ant", "train", "again", "ant", "train", 0.99),
            LookAlikes("learnt", "ant", "train", "judged", "ant", "test", 0.99),
        ),
        leakage=leakage_price(right, np.arange(400) % 4 > 0, np.arange(400) // 2),
        curve=curve(),
    )


def full_report(name="bee", names=("ant", "bee")):
    return Report(
        title=name,
        created="yesterday",
        version="1.2.3",
        results=results(names, leaked=np.arange(120) < 7),
        look="look 2 at this set: choices made since",
        dataset=(f"{name} in a line",),
        candidates=(
            Candidate(name, 0.97, wilson(97, 100), 0.1, 1.25, chosen=True),
            Candidate("plain", 0.9),
        ),
        why=f"{name} was best",
        backbone=BackboneFacts(name, "Apache-2.0", "some weights", 224, ("early", "late")),
        matrix=matrix(name),
        matrix_figure=MatrixFigure(
            name, 0.61, (0.55, 0.66), 44.0, 40, 50, 4, ((name, 0.6),), ("do this",) * 4, name
        ),
        ladder=rungs(name),
        trainings=trainings(name),
        audit=audit(name),
        thumbnails=dict.fromkeys(pictured(audit(name)), thumbnail(Image.new("RGB", (9, 9)))),
        mistakes=(
            Mistake(f"a/{name}", thumbnail(Image.new("RGB", (9, 9))), name, "ant", 0.8),
            Mistake("b/1.jpg", thumbnail(Image.new("RGB", (9, 9))), "ant", name, 0.9),
        ),
        unusable=(Unusable(name, "truncated", name),),
        findings=(
            SimpleNamespace(kind="near_twins", severity="warning", message=name, shown=(name,)),
        ),
        bundle=f"{name}.headstart",
        receipt="receipt.json",
    )


def test_the_smallest_report_has_the_number_and_leaves_out_what_is_not_there():
    judged = results(("ant", "bee"))
    page = Page(render(Report("t", "now", "1", judged)))
    low, high = 100 * judged.interval.low, 100 * judged.interval.high
    assert f"{100 * judged.accuracy:.1f} %" in page.text
    assert f"{low:.1f} – {high:.1f} %" in page.text
    headings = [heading["id"] for heading in page.named("h2")]
    assert headings == ["confused", "classes", "reliable"]
    left_out = {heading["id"] for heading in Page(render(full_report())).named("h2")} - {*headings}
    assert left_out == {
        *("understood", "tried", "strategy", "mistakes", "labels", "unlike", "look-alikes"),
        *("more", "findings", "unusable", "use"),
    }


@pytest.mark.parametrize("sure", [0.9, 1.1], ids=["of some", "of none"])
def test_of_how_many_it_is_sure(sure):
    answered = np.random.default_rng(1).random(120) > sure
    judged = results(("ant", "bee"), answered=answered)
    text = render(Report("t", "now", "1", judged))
    assert f"<dt>Sure about</dt><dd>{100 * answered.mean():.1f} %<small>" in text
    if answered.any():
        assert f"of these answers {100 * judged.when_sure.error:.1f} % are wrong" in text
    else:
        assert "unsure about every one of them" in text
    assert "Sure about" not in render(Report("t", "now", "1", results(("ant", "bee"))))


def test_the_full_report_says_everything():
    text = Page(render(full_report())).text
    for said in (
        "bee in a line",
        "bee was best",
        "chosen",
        "97.0 %",
        "1.2",
        "Apache-2.0",
        "early, late",
        "of 113 test pictures that training has not seen, as far as is known, answered rightly",
        "Look 2 at this set: choices made since.",
        "With the 7 others, which training has seen",
        "the file ends before the image does",
        "near twins",
        "small: 90 training pictures (88 independent ones)",
        "bee 31 %, vase 6 %",
        "quadrant 4: freeze the network, train a new head",
        "late90.0 %",
        "+2.1 (-0.4 to +4.6)",
        "2 of 90 training labels, and 1 of 120 test labels",
        "labelled beeotherbee",
        "25.0 points were leakage",
        "with 4x the pictures",
        "headstart predict bee.headstart picture.jpg",
        "receipt.json",
        "headstart 1.2.3",
    ):
        assert said in text, said


def test_the_page_needs_nothing_from_elsewhere():
    page = Page(render(full_report()))
    assert not page.named("script") + page.named("link")
    for _, attributes in page.tags:
        assert not any(key.startswith("on") or key in ("style", "href") for key in attributes)
        assert attributes.get("src", "data:").startswith("data:")
    assert "http" not in render(full_report()).replace("http-equiv", "")


def test_the_policy_allows_the_page_its_own_style_and_nothing_else():
    html = render(full_report())
    style = html.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = (
        attributes["content"]
        for attributes in Page(html).named("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_hostile_names_stay_text():
    plain = Page(render(full_report("bee", ("ant", "bee"))))
    hostile = Page(render(full_report(HOSTILE, ("ant", HOSTILE))))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]
    assert HOSTILE in hostile.text
    assert not any(key.startswith("on") for _, attributes in hostile.tags for key in attributes)


def test_a_name_that_turns_the_reading_direction_is_kept_in_its_place():
    turning = "\u202egpj.exe"
    html = render(full_report(turning, ("ant", turning)))
    body = re.sub(r'="[^"]*"', "", html.split("<body>")[1])
    outside = re.sub(r"<bdi>.*?</bdi>", "", body)
    assert turning in body
    assert "\u202e" not in outside.split("<dl")[0].split("<pre>")[0]


def test_a_file_name_that_is_not_text_is_spelled_out():
    report = replace(full_report(), unusable=(Unusable("caf\udce9.jpg", "empty"),))
    assert "caf\\udce9.jpg" in render(report)
    render(report).encode("utf-8")


def test_a_command_can_be_copied_whatever_the_bundle_is_called():
    report = replace(full_report(), bundle="it's mine.headstart")
    assert (
        """headstart predict 'it'"'"'s mine.headstart' picture.jpg""" in Page(render(report)).text
    )


def test_the_confusion_matrix_is_shown_for_few_classes_only():
    few = Page(render(Report("t", "now", "1", results(tuple(f"c{i}" for i in range(25))))))
    many = Page(render(Report("t", "now", "1", results(tuple(f"c{i}" for i in range(26))))))
    assert sum("s0" in cell.get("class", "").split() for cell in few.named("td")) > 300
    assert not any("s0" in cell.get("class", "").split() for cell in many.named("td"))
    assert "Most often confused" in many.text


def test_a_single_mistake_among_many_is_shaded():
    y = np.zeros(1000, dtype=int)
    p = np.tile([0.9, 0.1], (1000, 1))
    p[0] = [0.1, 0.9]
    page = Page(render(Report("t", "now", "1", Results.of(y, p, ("ant", "bee")))))
    shades = [cell["class"] for cell in page.named("td") if "wrong" in cell.get("class", "")]
    assert shades == ["wrong s1", "wrong s0"]


def test_the_surest_mistakes_come_first_and_not_too_many():
    picture = thumbnail(Image.new("RGB", (9, 9)))
    mistakes = tuple(Mistake(f"{i}.jpg", picture, "ant", "bee", i / 100) for i in range(60))
    judged = results(("ant", "bee"), 1000)
    page = Page(render(replace(full_report(), mistakes=mistakes, results=judged)))
    gallery = [image for image in page.named("img") if "taken for" in image["alt"]]
    assert len(gallery) == 48
    assert f"48 of {round(1000 * (1 - judged.accuracy))}" in page.text
    shown = re.findall(r"(\d+)\.jpg", page.text.split("The surest mistakes")[1])
    assert shown[:48] == [str(i) for i in range(59, 11, -1)]


def test_a_mistake_without_its_picture_is_still_listed():
    mistakes = (Mistake("gone.jpg", "", "ant", "bee", 0.9),)
    page = Page(render(replace(full_report(), mistakes=mistakes)))
    assert not any("taken for" in image["alt"] for image in page.named("img"))
    assert "gone.jpg" in page.text


def test_a_long_list_of_unusable_pictures_is_cut_and_counted():
    rows = tuple(Unusable(f"{i}.jpg", "empty") for i in range(130))
    text = Page(render(replace(full_report(), unusable=rows))).text
    assert "130 in all; the first 100" in text
    assert "99.jpg" in text
    assert "100.jpg" not in text


@pytest.mark.parametrize("num_images", [1, 12])
def test_a_handful_of_pictures_is_enough_for_a_page(num_images):
    page = Page(render(Report("t", "now", "1", results(("ant", "bee", "cat"), num_images))))
    assert f"of {num_images} test pictures" in page.text


def test_pictures_and_figures_can_be_heard():
    page = Page(render(full_report()))
    assert all(image["alt"] for image in page.named("img"))
    assert all(
        figure.get("aria-label") or figure.get("aria-hidden") for figure in page.named("svg")
    )
    assert all(cell.get("scope") in ("row", "col") for cell in page.named("th"))


def test_which_backbone_was_chosen_and_how_the_others_did():
    def probe(name, rows):
        return rows % 10 > (0 if name == "good" else 6)

    y = np.arange(200) % 2
    contenders = [Contender("good", 0.02, 0.7), Contender(HOSTILE, 0.01)]
    choice = choose_backbone(contenders, y, np.arange(200), probe, seed=0)
    page = Page(render(replace(full_report(), backbone_choice=choice)))
    assert "good: none was more accurate." in page.text
    assert f"The runner-up, {HOSTILE}, differs by -" in page.text
    assert "worse than good" in page.text
    assert "Which backbone" not in Page(render(full_report())).text


def test_the_least_supported_labels_are_shown_and_all_are_counted():
    found = audit(num_doubted=40)
    report = replace(full_report(), audit=found, thumbnails=dict.fromkeys(pictured(found), ""))
    page = Page(render(report))
    text = page.text.split("Labels to look at")[1].split("Unlike the rest")[0]
    assert "24 of 40 training pictures" in text
    assert re.findall(r"(\d+)bee", text) == [str(i) for i in range(24)]
    assert "Test labels that are ticked:" in text
    assert re.findall(r"ticked\s+bee\?\s*labelled ant(\w+)", text)[-1] == "t"
    assert text.count("no longer there") == 25


def test_pictures_that_are_shown_are_named():
    assert pictured(audit()) == (
        "0bee",
        "1bee",
        "2bee",
        "t",
        "ubee",
        "onebee",
        "otherbee",
        "learnt",
        "judged",
    )


def test_the_matrix_has_its_picture_and_its_place_in_words():
    page = Page(render(full_report()))
    (figure,) = (svg for svg in page.named("svg") if svg.get("class") == "matrix")
    assert "quadrant 4" in figure["aria-label"]
    unknown = replace(matrix(), similarity=None)
    text = Page(render(replace(full_report(), matrix=unknown, matrix_figure=None))).text
    assert "cannot be measured (fewer than 8 pictures" in text
    assert "quadrant 4" not in text
