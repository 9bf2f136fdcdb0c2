"""Several processes on one cache and one place."""

import subprocess
import sys

import numpy as np
import pytest

import headstart as hs
from headstart.features.store import FeatureStore

WRITER = """
import dataclasses
import sys
from pathlib import Path
import numpy as np
from headstart.backbones.loading import load_backbone
from headstart.backbones.reading import facts_of
from headstart.features.store import FeatureStore
from headstart.images.decode import of_array

cache, first, shards = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
backbone = load_backbone(cache=cache)
store = FeatureStore(cache, backbone)
facts = facts_of(of_array(np.zeros((8, 8, 3), np.uint8)))
for number in range(first, first + shards):
    taps = {tap.name: np.full(tap.dim, number, np.float32) for tap in backbone.taps}
    row = (number.to_bytes(32, "big"), taps, dataclasses.replace(facts, width=number))
    store.add([row])
"""


@pytest.mark.long
def test_two_fits_at_once(own_cache, draw_folder, headstart, tmp_path, tiny):
    pictures = draw_folder(tmp_path / "pictures", start=1600, stripes=12, blobs=12)
    places = ("--out", tmp_path / "out", "--cache", own_cache)
    network = ("--backbone", tiny.name, "--weights", "random", "--head", "ridge")
    arguments = [str(a) for a in ("fit", pictures, *places, *network, "--json")]
    command = [sys.executable, "-m", "headstart", *arguments]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)]
    running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    for each in running:
        _, stderr = each.communicate()
        assert each.returncode == 0, stderr.decode()
    assert hs.load(tmp_path / "out").predict(pictures / "blobs" / "blobs_1600.png").label == "blobs"
    assert {path.name for path in tmp_path.iterdir()} == {"pictures", "own-cache", "out"}
    again = headstart(*arguments)
    assert again.json["features"] == {"computed": 0, "reused": 24}


def test_a_store_is_read_while_others_write_to_it(own_cache, backbone):
    shards = 40
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(own_cache), str(first), str(shards)],
            stderr=subprocess.PIPE,
        )
        # Half of what they write is the same.
        for first in (0, shards // 2)
    ]
    seen = 0
    while any(writer.poll() is None for writer in writers):
        store = FeatureStore(own_cache, backbone)
        known = [n for n in range(shards * 2) if n.to_bytes(32, "big") in store]
        assert len(known) >= seen
        seen = len(known)
        taps, facts = store.load([number.to_bytes(32, "big") for number in known])
        for values in taps.values():
            np.testing.assert_array_equal(values[:, 0], known)
            np.testing.assert_array_equal(values[:, -1], known)
        assert facts.widths.tolist() == known
        assert store.damaged == []
    for writer in writers:
        _, stderr = writer.communicate()
        assert writer.returncode == 0, stderr.decode()
    assert len(FeatureStore(own_cache, backbone)) == shards * 3 // 2
