"""`headstart sort`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from headstart.cli import options
from headstart.cli.console import Console, print_json


@click.command("sort", short_help="put pictures into a folder for each class")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("pictures", metavar="FROM", type=click.Path(path_type=Path))
@click.argument("to", metavar="TO", type=click.Path(path_type=Path))
@options.ways("copy", "hard-link", "symlink", "move", "manifest-only")
@click.option("--dry-run", is_flag=True, help="Count only, touch nothing.")
@click.option("--undo", "is_undo", is_flag=True, help="Take the sort of FROM into TO back.")
@options.max_error("as fit set it")
@click.option("--threads", type=click.IntRange(min=1), help="Cores to use.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
@click.option("--quiet", "-q", is_flag=True, help="Show errors only.")
def command(
    bundle: Path,
    pictures: Path,
    to: Path,
    dry_run: bool,
    is_undo: bool,
    max_error: float | None,
    threads: int | None,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Put the pictures of FROM into a folder of TO for each class, _unsure or _unreadable.

    \b
    headstart sort pets.headstart inbox/ sorted/ --dry-run   how many of each?
    headstart sort pets.headstart inbox/ sorted/
    headstart sort pets.headstart inbox/ sorted/ --undo      as before

    Nothing is overwritten, links in FROM are not followed. A run that was stopped goes on when it
    is called again. Exit codes: 0 done, 2 wrong input, 3 done but some pictures could not be used,
    or something could not be undone.
    """  # noqa: D301
    from headstart.errors import SettingError

    console, how = Console(quiet=quiet), options.way_of(given)
    if is_undo and dry_run:
        raise SettingError("--undo with --dry-run", "one of them", "leave one of them out")
    if is_undo:
        code = _undo(pictures, to, console, as_json)
    else:
        code = _sort(bundle, pictures, to, how, dry_run, max_error, threads, console, as_json)
    click.get_current_context().exit(code)


def _sort(
    bundle: Path,
    pictures: Path,
    to: Path,
    how: str,
    dry_run: bool,
    max_error: float | None,
    threads: int | None,
    console: Console,
    as_json: bool,
) -> int:
    from headstart.model.classifier import load
    from headstart.sorting.sort import sort

    classifier = load(bundle, threads=threads, max_error=max_error)
    if classifier.warning:
        console.say(classifier.warning)
    found = sort(classifier, pictures, to, how=how, dry_run=dry_run, progress=console)
    if as_json:
        print_json(found.to_json())
    for line in _lines(found):
        console.say(line)
    return 3 if found.unreadable or found.num_left else 0


def _lines(found: Any) -> list[str]:
    counts = [*found.counts.items(), *((f"unsure ({k})", n) for k, n in found.unsure.items())]
    counts += [("not readable", found.unreadable), ("left where they are", found.num_left)]
    lines = [f"{number:>9}  {name}" for name, number in counts if number]
    lines += [f"left: {path}: {reason}" for path, reason in found.left[:5]]
    if found.passed_by:
        kinds = ", ".join(f"{number} {kind}" for kind, number in found.passed_by.items())
        lines.append(f"passed by, no pictures: {kinds}")
    if found.dry_run:
        return [*lines, f"{found.num_pictures} pictures; nothing was done (--dry-run)"]
    return [*lines, f"{found.num_pictures} pictures: see {found.table}"]


def _undo(pictures: Path, to: Path, console: Console, as_json: bool) -> int:
    from headstart.sorting.undo import undo

    undone = undo(pictures, to, progress=console)
    if as_json:
        print_json(undone.to_json())
    for path, why in undone.kept[:5]:
        console.say(f"stays: {path}: {why}")
    stays = f"; {undone.num_kept} stay in {to}, with the journal" if undone.num_kept else ""
    console.say(f"{undone.num_undone} pictures are as before{stays}")
    return 3 if undone.num_kept else 0
