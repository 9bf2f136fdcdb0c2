"""What tutorials print: a line every so many pictures, scikit-learn's report."""

import numpy as np
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix

from headstart.heads.dense import Epoch
from headstart.workflows.recipe import recipe_of
from headstart.workflows.showing import Every, _paths, curve_lines, curve_rows, report_lines


class Heard:
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)

    def start(self, what, total):
        self.lines.append(what)

    def advance(self, count=1):
        pass

    def stop(self):
        pass


def test_a_line_every_so_many_pictures():
    heard = Heard()
    every = Every(heard, 100)
    every.start("features", 250)
    for _ in range(250):
        every.advance()
    every.stop()
    every.start("comparing heads", 250)
    every.advance(250)
    assert heard.lines == [
        "features",
        "100 of 250 pictures",
        "200 of 250 pictures",
        "comparing heads",
    ]


def test_paths_of_a_recipe_hold_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"weights": "w.pth", "images": "photos", "test": tmp_path / "more"}
    places = {"weights": "w.pth", "images": "photos", "test": "more"}
    assert _paths(recipe_of(given)) == {name: str(tmp_path / x) for name, x in places.items()}
    assert _paths(recipe_of({"weights": "random"})) == {}
    strange = tmp_path / "a\udcff"
    strange.mkdir()
    monkeypatch.chdir(strange)
    assert _paths(recipe_of(given)) == {"test": str(tmp_path / "more")}


def test_the_report_is_scikit_learns():
    random = np.random.default_rng(0)
    y, predicted = random.integers(0, 3, (2, 50))
    names = ("ant", "bee", "wasp", "never seen")
    words, answers = np.array(names)[y], np.array(names)[predicted]
    lines = report_lines(y, predicted, names)
    assert lines[0] == f"accuracy {accuracy_score(words, answers)}"
    assert "\n".join(lines[2:5]) == str(confusion_matrix(words, answers))
    assert "\n".join(lines[5:]) == classification_report(words, answers).rstrip("\n")


def test_curves_as_lines_and_as_a_table():
    curves = {"dense-softmax": tuple(Epoch(1 / n, 0.5, 2 / n, 0.25) for n in range(1, 31))}
    lines = curve_lines(curves)
    assert [line.split()[1] for line in lines[1:]] == ["1", "2", "5", "10", "20", "30"]
    rows = curve_rows(curves)
    assert len(rows) == 30
    assert rows[1] == {
        "head": "dense-softmax",
        "epoch": 2,
        "loss": 0.5,
        "accuracy": 0.5,
        "held_loss": 1.0,
        "held_accuracy": 0.25,
    }
