"""A plan is made once, whole, and stands for one job only."""

import dataclasses
import os
import shutil
import threading

import numpy as np
import pytest

from headstart.bulk.plan import Settings, planned, read
from headstart.bulk.sources import Reference
from headstart.errors import BundleError, SettingError, StoreError


@pytest.fixture
def plan(bundle, tmp_path):
    """Plans seven pictures of a list, some of them with names that are no text."""
    names = [f"{number}.png" for number in range(6)] + [os.fsdecode(b"caf\xe9.png")]
    (tmp_path / "list.txt").write_bytes(os.fsencode("\n".join(names)))

    def call(sources=(tmp_path / "list.txt",), out=tmp_path / "out", of=bundle, **settings):
        return planned(of, sources, out, Settings(**{"rows_per_shard": 3} | settings))

    call.names = names
    return call


def test_every_picture_is_in_one_shard(plan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found, stood = plan()
    assert not stood
    assert [shard.rows for shard in found.shards] == [3, 3, 1]
    assert found.rows == 7
    named = [one for number in range(3) for one in found.references(number)]
    assert named == [Reference(name) for name in plan.names]
    assert found.folder == tmp_path
    assert found.part(1).name == "part-00001-of-00003.parquet"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"_plan"}


def test_the_first_plan_stands(plan, tmp_path, monkeypatch):
    first, _ = plan()
    monkeypatch.chdir("/")
    again, stood = plan()
    assert stood
    assert (again, again.id) == (first, first.id)
    moved = tmp_path / "moved"
    (tmp_path / "out").rename(moved)
    assert plan(out=moved)[0].id == first.id


def test_many_plan_at_once(plan):
    found = []
    threads = [threading.Thread(target=lambda: found.append(plan()[0].id)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 5
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"rows_per_shard": 4}, r"rows_per_shard \(3, not 4\)"),
        ({"top": 1}, "top"),
        ({"max_error": 0.4}, "max_error"),
        ({"sources": ["other.png"]}, "sources"),
    ],
)
def test_other_settings_or_sources_are_refused(plan, changed, named):
    plan()
    with pytest.raises(SettingError, match=f"planned for something else: {named}"):
        plan(**changed)


def test_a_list_that_was_changed_is_refused(plan, tmp_path):
    plan()
    with (tmp_path / "list.txt").open("a") as file:
        file.write("\nmore.png")
    with pytest.raises(SettingError, match="something else: sources"):
        plan()


def test_another_classifier_is_refused(plan, bundle, tmp_path):
    found, _ = plan()
    other = shutil.copytree(bundle, tmp_path / "other")
    record = (other / "bundle.json").read_text()
    (other / "bundle.json").write_text(record.replace("{", "{ ", 1))
    with pytest.raises(SettingError, match="something else: classifier"):
        plan(of=other)
    with pytest.raises(BundleError, match="another classifier"):
        dataclasses.replace(found, bundle=other).classifier(1, "cpu")


def test_foreign_folders_are_left_alone(plan, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.csv").touch()
    with pytest.raises(SettingError, match="holds other files, as mine"):
        plan()
    with pytest.raises(SettingError, match="is a file"):
        plan(out=tmp_path / "list.txt")
    assert {path.name for path in tmp_path.iterdir()} == {"out", "list.txt"}


def test_nothing_to_predict_and_wrong_settings_leave_nothing(plan, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingError, match="no pictures in"):
        plan(sources=[tmp_path / "empty"])
    with pytest.raises(SettingError, match="cannot be shown"):
        plan(max_error=1e-6)
    with pytest.raises(SettingError, match="rows_per_shard is 0"):
        plan(rows_per_shard=0)
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("change", [b"", b"{}", b"[1]"])
def test_a_damaged_plan_is_no_plan(plan, tmp_path, change):
    plan()
    path = tmp_path / "out" / "_plan" / "plan.json"
    path.write_bytes(change or path.read_bytes().replace(b'"rows": 3', b'"rows": 2', 1))
    with pytest.raises(StoreError, match="damaged"):
        read(tmp_path / "out")


def test_a_damaged_manifest_is_no_manifest(plan):
    found, _ = plan()
    manifest = found.out / "_plan" / "manifest-00001.parquet"
    data = bytearray(manifest.read_bytes())
    data[len(data) // 2] ^= 1
    manifest.write_bytes(data)
    with pytest.raises(StoreError, match="manifest-00001"):
        found.references(1)
    assert len(found.references(2)) == 1


def test_settings_by_name():
    assert Settings.of({"top": 3}) == Settings(top=3)
    assert type(Settings.of({"top": np.int64(3)}).top) is int
    with pytest.raises(SettingError, match="no setting is called 'tops'"):
        Settings.of({"tops": 3})
    with pytest.raises(SettingError, match="top is '3'"):
        Settings.of({"top": "3"})
