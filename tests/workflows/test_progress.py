"""Every journey tells its progress: one piece at a time, to its end, also after an error."""

import pytest

import headstart as hs
from headstart.errors import DatasetError


class Told:
    """A listener that holds callers to the protocol."""

    def __init__(self):
        self.lines, self.pieces, self.total = [], [], None

    def say(self, line):
        assert "\n" not in line
        self.lines.append(line)

    def start(self, what, total):
        assert self.total is None, "two pieces at once"
        self.what, self.total, self.done = what, total, 0

    def advance(self, count=1):
        assert self.total is not None
        self.done += count
        assert self.done <= self.total

    def stop(self):
        self.pieces.append((self.what, self.done, self.total))
        self.total = None


@pytest.fixture
def told():
    return Told()


@pytest.mark.long
def test_fit(told, shapes, cache, tmp_path):
    hs.fit(shapes, tmp_path / "out", progress=told, heads=("ridge", "neighbors"))
    assert told.total is None
    names = [what for what, _, _ in told.pieces]
    assert names == ["features", "comparing heads"]
    assert all(done == total for _, done, total in told.pieces)
    assert told.pieces[0][1] == 44
    assert "44 pictures" in told.lines[0]


def test_evaluate(told, shapes, bundle):
    hs.evaluate(bundle, shapes, progress=told)
    assert told.pieces == [("pictures", 44, 44)]


def test_check(told, shapes, cache):
    hs.check(shapes, progress=told)
    assert told.pieces == [("features", 44, 44)]


def test_an_error_on_the_way_ends_the_piece(told, shapes, bundle, tmp_path, monkeypatch):
    class Stops(Told):
        def advance(self, count=1):
            super().advance(count)
            if self.done == 3:
                raise KeyboardInterrupt

    for journey in (
        lambda told: hs.check(shapes, progress=told),
        lambda told: hs.evaluate(bundle, shapes, progress=told),
    ):
        told = Stops()
        with pytest.raises(KeyboardInterrupt):
            journey(told)
        assert told.total is None


def test_a_listener_hears_nothing_of_what_is_refused(told, tmp_path):
    with pytest.raises(DatasetError):
        hs.fit(tmp_path / "nowhere", progress=told)
    assert told.lines == told.pieces == []
