"""Importing does no work: what is not needed is not loaded."""

import inspect
import subprocess
import sys
import types

import pytest

import headstart

HEAVY = {"torch", "timm", "sklearn", "matplotlib", "scipy", "pyarrow", "PIL", "openvino", "onnx"}


def loaded_by(code, *arguments):
    """Names of the heavy libraries that a program of its own has loaded when it ends."""
    report = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print(*({HEAVY} & set(sys.modules)), file=sys.stderr))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", report + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ended.stderr.split("\n")[-2].split())


def test_the_package_loads_nothing_heavy():
    assert loaded_by("import headstart") == set()


@pytest.mark.parametrize("arguments", [["--help"], ["fit", "--help"], ["backbones", "--json"]])
def test_neither_does_the_help(arguments):
    assert loaded_by("from headstart.cli.main import run; run()", *arguments) == set()


def test_a_prediction_loads_decoder_and_engine_alone(bundle, shapes):
    picture = shapes / "blobs" / "blobs_00.png"
    code = "from headstart.cli.main import run; run()"
    assert loaded_by(code, "predict", bundle, picture) == {"PIL", "openvino"}
    code = "import sys, headstart; headstart.load(sys.argv[1]).predict(sys.argv[2]).label"
    assert loaded_by(code, bundle, picture) == {"PIL", "openvino"}


def test_public_names_resolve():
    assert set(dir(headstart)) == set(headstart.__all__)
    for name in headstart.__all__:
        assert getattr(headstart, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'fti'"):
        _ = headstart.fti


@pytest.mark.parametrize("name", sorted(set(headstart.__all__) - {"__version__"}))
def test_public_names_say_what_they_are(name):
    thing = getattr(headstart, name)
    assert inspect.getdoc(thing)
    if isinstance(thing, types.FunctionType):
        assert "Args:" in thing.__doc__
        assert "Raises:" in thing.__doc__
    for part, value in vars(thing).items() if isinstance(thing, type) else ():
        if isinstance(value, types.FunctionType) and not part.startswith("_"):
            assert inspect.getdoc(value), f"{name}.{part}"
