"""The door: help, exit codes, and what errors become."""

import errno
import os
import subprocess
import sys

import pytest

from headstart.errors import DatasetError

COMMANDS = ("fit", "predict", "evaluate", "check", "backbones")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_shows_an_example_on_a_line_of_its_own(headstart, command):
    ran = headstart(command, "--help")
    assert ran.code == 0
    assert any(line.strip().startswith(f"headstart {command}") for line in ran.out.splitlines())


def test_help_names_every_command(headstart):
    ran = headstart("--help")
    assert ran.code == 0
    assert all(f"\n  {command} " in ran.out for command in COMMANDS)
    assert "headstart fit pets/" in ran.out


def test_without_a_command_the_help_is_shown(headstart):
    ran = headstart()
    assert ran.code == 2
    assert "Commands:" in ran.out + ran.err


def test_version(headstart):
    import headstart as hs

    assert headstart("--version").out == f"headstart, version {hs.__version__}\n"


def test_an_unknown_command_suggests_a_near_one(headstart):
    ran = headstart("evalute", "x", "y")
    assert (ran.code, ran.out) == (2, "")
    assert "Did you mean 'evaluate'?" in ran.err


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_suggests_a_near_one(headstart, command):
    ran = headstart(command, "--jsn")
    assert (ran.code, ran.out) == (2, "")
    assert "--json" in ran.err


@pytest.mark.parametrize("command", COMMANDS[:-1])
def test_a_missing_argument(headstart, command):
    ran = headstart(command)
    assert (ran.code, ran.out) == (2, "")
    assert "Missing argument" in ran.err


@pytest.fixture
def failing_check(headstart, monkeypatch):
    def call(error):
        def fail(*_):
            raise error

        monkeypatch.setattr("headstart.workflows.check.run_check", fail)
        return headstart("check", "pictures")

    return call


def test_a_wrong_input_is_three_lines_whatever_its_name_holds(failing_check):
    ran = failing_check(DatasetError("no 'a\nb\x1b[31m\udce9.jpg'", "a picture", "look again"))
    assert ran.code == 2
    assert ran.complaint == r"no 'a\nb\x1b[31m\udce9.jpg'"


def test_a_place_that_the_system_refuses_is_no_fault_of_ours(failing_check):
    ran = failing_check(PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/root/pets"))
    assert ran.code == 2
    assert ran.complaint == "/root/pets: Permission denied"


@pytest.mark.parametrize("error", [RuntimeError("ours"), OSError(errno.EBADF, "ours")])
def test_a_fault_of_ours_keeps_its_traceback(failing_check, error):
    with pytest.raises(type(error), match="ours"):
        failing_check(error)


def test_a_fault_of_ours_exits_1():
    code = (
        "from headstart.cli import main, check\n"
        "check.command.callback = lambda **_: 1 / 0\n"
        "main.run(['check', 'x'])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ended.returncode == 1
    assert ended.stdout == b""
    assert b"Traceback" in ended.stderr
    assert b"ZeroDivisionError" in ended.stderr


def test_an_interruption_exits_130_and_says_how_to_go_on(failing_check):
    ran = failing_check(KeyboardInterrupt())
    assert ran.code == 130
    assert "run the same command to go on" in ran.err


def test_python_dash_m_is_the_same_program():
    ran = subprocess.run(
        [sys.executable, "-m", "headstart", "check", "nowhere"], capture_output=True, text=True
    )
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: ")
