"""A classifier that reads a picture's class from its bytes, and folders of such pictures."""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from headstart.backbones.reading import Outcome
from headstart.errors import UnusableImage
from headstart.files import content_digest
from headstart.model.classifier import Classifier
from headstart.model.prediction import Unsure
from headstart.sorting.sort import sort

CLASSES = ("cats", "dogs", "a/b", "_unsure", "CATS")


class Pretending(Classifier):
    """Bytes are the class's name, then anything. ``afterwards`` is called with what was judged."""

    def __init__(self, folder: Path, class_names=CLASSES, afterwards=lambda path: None) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "bundle.json").touch()
        self.folder, self.sets, self.afterwards = folder, None, afterwards
        self.record = SimpleNamespace(class_names=class_names, unsure=Unsure(0.6, 1.0))

    def outcomes(self, pictures):
        for picture in pictures:
            try:
                content = picture.read_bytes()
            except FileNotFoundError:
                yield Outcome(b"", failure=UnusableImage("vanished"))
                continue
            yield self.outcome(content)
            self.afterwards(picture)

    def outcome(self, content: bytes) -> Outcome:
        digest, name = content_digest(content), content.split(b"\n")[0].decode()
        if name == "broken":
            # As of a file whose first bytes are no picture's: it was not read.
            return Outcome(b"", failure=UnusableImage("not_an_image", "text"))
        probabilities = np.full(len(self.class_names), 0.0, np.float32)
        probabilities[:2] = 0.5
        if name in self.class_names:
            probabilities = (np.array(self.class_names) == name).astype(np.float32)
        return Outcome(digest, {"probabilities": probabilities, "distance": np.zeros(1)})


def fill(folder: Path, **files: str) -> None:
    """Pictures by their path (``__`` for ``/``) and class; each has other bytes and its own age."""
    for number, (name, label) in enumerate(sorted(files.items())):
        path = folder / f"{name.replace('__', '/')}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{label}\n{name} {number}")
        os.utime(path, ns=(10**18 + number, 10**18 + number))


def tree(*folders: Path) -> dict[str, object]:
    """All there is to know of folders: names, contents, where links lead, times of files."""
    found: dict[str, object] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_symlink():
                found[str(path)] = str(path.readlink())
            elif path.is_dir():
                found[str(path)] = "folder"
            else:
                found[str(path)] = (path.read_bytes(), path.stat().st_mtime_ns)
    return found


@pytest.fixture(name="tree", scope="session")
def tree_as_fixture():
    return tree


@pytest.fixture(name="fill", scope="session")
def fill_as_fixture():
    return fill


@pytest.fixture(scope="session")
def pretending():
    return Pretending


@pytest.fixture
def classifier(tmp_path):
    return Pretending(tmp_path / "bundle")


@pytest.fixture
def inbox(tmp_path):
    """A messy folder."""
    folder = tmp_path / "inbox"
    fill(
        folder,
        one="cats",
        two="dogs",
        deep__one="cats",
        deep__er__one="cats",
        slash="a/b",
        odd="_unsure",
        big="CATS",
        who="nobody",
        knows__who="nobody",
        broken="broken",
    )
    (folder / "notes.txt").write_text("not a picture")
    (folder / "empty").mkdir()
    return folder


@pytest.fixture
def to(tmp_path):
    return tmp_path / "new" / "sorted"


@pytest.fixture
def run(classifier, inbox, to):
    return lambda **more: sort(classifier, inbox, to, **more)
