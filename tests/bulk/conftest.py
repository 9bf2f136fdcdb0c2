"""What the tests of bulk prediction share."""

import http.server
import threading

import pyarrow.parquet as pq
import pytest

import headstart as hs


@pytest.fixture(scope="session")
def pictures(tmp_path_factory, draw_folder):
    """Eleven pictures and a file that is none; tests must not change it."""
    folder = draw_folder(tmp_path_factory.mktemp("bulk") / "pictures", 700, stripes=6, blobs=5)
    (folder / "blobs" / "bad.jpg").write_bytes(b"<html>")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture(scope="session")
def expected(bundle, pictures):
    """What `predict` says of them, by path."""
    return {one.path: one for one in hs.predict(bundle, pictures)}


@pytest.fixture
def must_be_expected(expected):
    """Fails unless these rows are what `predict` says, each once."""

    def check(rows, name=lambda path: path):
        assert sorted(name(row["path"]) for row in rows) == sorted(expected)
        for row in rows:
            one = expected[name(row["path"])]
            same = ("label", "probability", "unsure", "reason")
            assert {key: row[key] for key in same} == {key: getattr(one, key) for key in same}
            assert [tuple(entry.values()) for entry in row["ranking"]] == list(one.ranking)
            assert (row["distance"] is None) == (one.label is None)

    return check


@pytest.fixture
def rows_of():
    """The rows of a folder of results, part by part, or of one file."""

    def read(place):
        parts = sorted(place.glob("part-*.parquet")) if place.is_dir() else [place]
        return [row for part in parts for row in pq.ParquetFile(part).read().to_pylist()]

    return read


@pytest.fixture
def web(pictures):
    """The pictures on a web server; also its log of requests. ``/broken`` answers 500, then 200."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(pictures))

        def do_GET(self):
            asked.append(self.path)
            if self.path.startswith("/broken/") and asked.count(self.path) == 1:
                self.send_error(500)
                return
            self.path = self.path.removeprefix("/broken")
            super().do_GET()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()
