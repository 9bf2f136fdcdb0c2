"""The same job on a cluster, of which a part is lost: every row once."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from headstart.bulk.job import predict_bulk
from headstart.errors import MissingExtra


@pytest.fixture(scope="module")
def many(tmp_path_factory, draw_folder, bundle):
    """Sixty pictures, what `predict` says of them, and the options of a job of thirty shards."""
    import headstart as hs

    folder = draw_folder(tmp_path_factory.mktemp("many") / "pictures", 900, stripes=30, blobs=30)
    expected = {one.path: one.probability for one in hs.predict(bundle, folder)}
    return folder, expected


@contextlib.contextmanager
def a_cluster(nodes):
    """A head that does no work itself, and machines of two cores each (all of them pretended)."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")  # by the environment of the whole test run only
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "1")
        few = {"object_store_memory": 80 * 2**20, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **few})
        try:
            added = [cluster.add_node(num_cpus=2, **few) for _ in range(nodes)]
            patch.setenv("RAY_ADDRESS", cluster.address)
            yield cluster, added
        finally:
            ray.shutdown()
            cluster.shutdown()


def must_be_whole(out, expected, rows_of):
    rows = rows_of(out)
    assert (out / "_SUCCESS.json").exists()
    assert sorted(row["path"] for row in rows) == sorted(expected)
    assert all(row["probability"] == expected[row["path"]] for row in rows)
    assert not list(out.glob(".headstart-tmp-*")) or len(list(out.glob("part-*"))) == 30


def parts(out):
    return len(list(out.glob("part-*")))


def wait_for(out, count):
    began = time.monotonic()
    while parts(out) < count:
        assert time.monotonic() - began < 120
        time.sleep(0.02)


@pytest.mark.slow
def test_a_node_is_killed_in_mid_job(many, bundle, tmp_path, rows_of):
    pictures, expected = many
    out, got = tmp_path / "out", []
    with a_cluster(2) as (cluster, nodes):
        options = {"engine": "ray", "rows_per_shard": 2}
        job = threading.Thread(
            target=lambda: got.append(predict_bulk(bundle, pictures, out, **options))
        )
        job.start()
        wait_for(out, 3)
        assert parts(out) < 30
        cluster.remove_node(nodes[0], allow_graceful=False)
        job.join()
    (bulk,) = got
    assert (bulk.finished, bulk.counts.rows, bulk.computed) == (True, 60, 30)
    must_be_whole(out, expected, rows_of)


@pytest.mark.slow
def test_the_driver_is_killed_and_started_again(many, bundle, tmp_path, rows_of):
    pictures, expected = many
    out = tmp_path / "out"
    command = [sys.executable, "-m", "headstart", "predict", bundle, pictures]
    command += ["--out", out, "--rows-per-shard", 2, "--engine", "ray", "--json"]
    with a_cluster(2):
        with subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE) as driver:
            wait_for(out, 3)
            driver.send_signal(signal.SIGKILL)
        assert 3 <= parts(out) < 30
        assert not (out / "_SUCCESS.json").exists()
        ended = subprocess.run([*map(str, command)], capture_output=True, check=False)
        assert ended.returncode == 0, ended.stderr.decode()
    must_be_whole(out, expected, rows_of)


@pytest.mark.slow
def test_a_ray_of_its_own_asks_for_a_token(bundle, pictures, tmp_path, program):
    """Without a cluster; what goes wrong in a shard is told as it is without Ray."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    home = tmp_path / "home"
    home.mkdir()
    place = ("--out", tmp_path / "out", "--engine", "ray", "--json", "--threads", 2)
    ran = program("predict", bundle, pictures, *place, env=clean | {"HOME": str(home)})
    assert ran.code == 3, ran.err
    assert (ran.json["rows"], ran.json["finished"]) == (12, True)
    assert not (home / ".ray").exists()
    for path in ("part-00000-of-00001.parquet", "_plan/manifest-00000.parquet"):
        (tmp_path / "out" / path).unlink()
    ran = program("predict", bundle, pictures, *place, env=clean | {"HOME": str(home)})
    assert (ran.code, ran.out) == (2, "")
    assert "manifest-00000.parquet is damaged" in ran.complaint


def test_ray_is_an_extra(bundle, pictures, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(MissingExtra, match="ray is not installed") as error:
        predict_bulk(bundle, pictures, tmp_path / "out", engine="ray")
    assert "pip install '.[cluster]'" in error.value.fix
