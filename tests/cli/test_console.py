"""What a person sees: on a terminal, in a pipe, and when quiet."""

import io
import json
import sys

import click
import pytest

from headstart.cli.console import Console, print_json_rows, printable


@pytest.fixture
def context():
    with click.Context(click.Command("test")) as context:
        yield context


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def on_a_terminal(monkeypatch):
    """Called in the test itself: pytest puts standard error back before it."""

    def call():
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        return stream

    return call


def test_lines_go_to_standard_error(context, capfd):
    Console().say("one\nline")
    assert capfd.readouterr() == ("", "one\\nline\n")


def test_a_quiet_console_says_nothing(context, on_a_terminal):
    terminal = on_a_terminal()
    console = Console(quiet=True)
    console.say("line")
    console.start("features", 2)
    console.advance()
    console.stop()
    assert terminal.getvalue() == ""


def test_away_from_a_terminal_no_bar_is_drawn(context, capfd):
    console = Console()
    console.start("features", 2)
    console.advance(2)
    console.stop()
    assert capfd.readouterr() == ("", "")


def test_a_long_wait_is_told_now_and_then(context, capfd, monkeypatch):
    console = Console()
    console.start("features", 20)
    monkeypatch.setattr("time.monotonic", lambda: 1e12)
    console.advance(3)
    assert capfd.readouterr().err == "features 3/20\n"


def test_a_terminal_gets_its_cursor_back_after_an_error(on_a_terminal):
    terminal = on_a_terminal()
    with pytest.raises(RuntimeError), click.Context(click.Command("test")):
        console = Console()
        console.start("features", 20)
        console.advance()
        assert "\x1b[?25l" in terminal.getvalue()
        assert "\x1b[?25h" not in terminal.getvalue()
        raise RuntimeError
    assert terminal.getvalue().rstrip().endswith("\x1b[?25h")


def test_lines_above_a_bar_command_no_terminal(context, on_a_terminal):
    terminal = on_a_terminal()
    console = Console()
    console.start("features", 20)
    console.say("\x1b[2Jcat [red]")
    console.stop()
    assert "\\x1b[2Jcat [red]" in terminal.getvalue()
    assert "\x1b[2J" not in terminal.getvalue()


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("Käse 1\u202f000 – 猫.jpg", "Käse 1\u202f000 – 猫.jpg"),
        ("a\tb\r\nc", r"a\tb\r\nc"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("caf\udce9.jpg", r"caf\udce9.jpg"),
    ],
)
def test_printable(name, printed):
    assert printable(name) == printed
    assert printed.encode()


def test_rows_are_json_whatever_ends_them(capfd):
    def rows():
        yield {"path": "a.png"}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        print_json_rows(rows())
    assert json.loads(capfd.readouterr().out) == [{"path": "a.png"}]
