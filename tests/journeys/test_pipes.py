"""Whoever reads our output may leave early, and is not shouted after."""

import subprocess
import sys

import pytest

PROGRAM = f"{sys.executable} -m headstart"


def shell(command):
    script = f"set -o pipefail; {command}"
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("form", ["--csv", "--json"])
def test_predictions_cut_off(bundle, shapes, tmp_path, form):
    many = tmp_path / "many.txt"
    many.write_text(f"{shapes}/blobs/blobs_00.png\n" + "none.png\n" * 2000)
    ran = shell(f"{PROGRAM} predict {bundle} - {form} < {many} | head -1")
    assert ran.returncode == 0
    assert len(ran.stdout.splitlines()) == 1
    assert ran.stderr == ""


def test_a_full_disk_behind_standard_output(bundle, shapes):
    ran = shell(f"{PROGRAM} predict {bundle} {shapes} --csv > /dev/full")
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[0] == "error: standard output: No space left on device"
    assert "Traceback" not in ran.stderr
    assert "Exception ignored" not in ran.stderr


def test_closed_streams(bundle, shapes):
    ran = shell(f"{PROGRAM} predict {bundle} {shapes} {shapes}/none.png >&- 2>&- <&-")
    assert ran.returncode == 3


@pytest.mark.long
def test_nobody_reads_the_progress(shapes, tiny, tmp_path):
    out = tmp_path / "out"
    network = f"--backbone {tiny.name} --weights random --head ridge"
    ran = shell(f"{PROGRAM} fit {shapes} --out {out} {network} 2>&1 | head -1")
    assert ran.returncode == 0
    assert ran.stdout.startswith("shapes/: 44 pictures")
    assert (out / "bundle.json").exists()
