"""`headstart predict`."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from headstart.cli import options
from headstart.cli.console import Console, print_json, print_json_rows, printable
from headstart.cli.shares import share
from headstart.unusable import REASONS


class _Shard(click.ParamType):  # type: ignore[type-arg]
    """`3/16`: the number of this run, from 0, and how many there are."""

    name = "shard"

    def convert(self, value: Any, parameter: Any, context: Any) -> Any:
        index, slash, of = str(value).partition("/")
        if not (slash and index.isdecimal() and of.isdecimal() and int(index) < int(of)):
            self.fail(f"{value!r} is not of the form I/N, from 0/N on: 3/16", parameter, context)
        return int(index), int(of)


@click.command("predict", short_help="what do these pictures show?")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("pictures", nargs=-1)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=None,
    metavar="K",
    help="How many classes to rank.  [default: 3 in the table, all elsewhere]",
)
@options.max_error("as fit set it")
@click.option(
    "--sets",
    type=share,
    metavar="X",
    help="Add a set of classes that holds the true one in this share of cases, as 90%.",
)
@click.option("--bars", is_flag=True, help="Draw the probabilities below each picture.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option(
    "--out",
    "--parquet",
    type=click.Path(path_type=Path),
    metavar="PLACE",
    help="Write Parquet: one file if it ends in .parquet, else a folder of them; "
    "what was killed goes on there.",
)
@click.option("--image-column", metavar="NAME", help="Column of Parquet files of pictures.")
@click.option(
    "--rows-per-shard",
    type=click.IntRange(min=1),
    metavar="N",
    help="Pictures in a file of the folder.  [default: 2000]",
)
@click.option("--shard", type=_Shard(), metavar="I/N", help="Only every N-th file, from the I-th.")
@click.option("--finish", is_flag=True, help="Only look whether all files of the folder are there.")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    help="Where: on this machine, or on the Ray cluster at RAY_ADDRESS.",
)
@options.device
@click.option("--threads", type=click.IntRange(min=1), help="Cores to use.  [default: all]")
@click.option("--seed", type=int, hidden=True, expose_value=False)
@click.option("--quiet", "-q", is_flag=True, help="Show errors only.")
def command(
    bundle: Path,
    pictures: tuple[str, ...],
    as_json: bool,
    as_csv: bool,
    bars: bool,
    out: Path | None,
    quiet: bool,
    **given: Any,
) -> None:
    """Say what PICTURES show: files, folders, patterns, .txt lists, - for a list on standard
    input, Parquet files of paths or pictures, and URLs (s3://, gs://, https://) of any of these.

    \b
    headstart predict pets.headstart my-cat.jpg
    headstart predict pets.headstart holiday/ --csv > labels.csv
    headstart predict pets.headstart holiday/ --out labels.parquet
    find . -name '*.jpg' | headstart predict pets.headstart - --json

    A picture that cannot be read becomes a row with the reason. Exit codes: 0 done, 2 wrong input,
    3 done but some pictures could not be used.
    """  # noqa: D205, D301
    from headstart.errors import SettingError

    if as_csv and (as_json or out is not None):
        raise SettingError(
            "two output formats at once", "--csv alone, or --json or --out", "leave one of them out"
        )
    if bars and (as_json or as_csv or out is not None):
        raise SettingError(
            "--bars has no effect on --json, --csv and --out",
            "bars in the text alone",
            "leave one of them out",
        )
    if not pictures:
        raise SettingError(
            "no pictures were named",
            "files, folders, patterns, lists, URLs, or -",
            f"headstart predict {bundle} PICTURE",
        )
    sources = [sys.stdin.buffer if place == "-" else place for place in pictures]
    console = Console(quiet=quiet)
    given["device"] = given["device"] or "auto"
    wanted = {name: given[name] for name in ("threads", "device", "max_error", "sets")}
    if out is None:
        _must_have_effect(given)
        classifier = _loaded(bundle, wanted, console)
        counts = _to_screen(classifier, sources, as_json, as_csv, given | {"bars": bars})
    else:
        _warn(bundle, wanted, console)
        counts = _to_disk(bundle, sources, out, console, as_json, given)
    if counts.unusable:
        console.say(f"{counts.unusable} of {counts.rows} could not be used (see their reasons)")
    click.get_current_context().exit(3 if counts.unusable else 0)


def _to_disk(
    bundle: Path, sources: Any, out: Path, console: Console, as_json: bool, given: dict[str, Any]
) -> Any:
    from headstart.bulk.job import predict_bulk
    from headstart.datasets.manifest import counted

    chosen = {name: value for name, value in given.items() if value is not None}
    bulk = predict_bulk(bundle, sources, out, progress=console, **chosen)
    if as_json:
        print_json(bulk.to_json())
    if not bulk.finished:
        is_left = "is left" if len(bulk.missing) == 1 else "are left"
        shards = counted(bulk.shards, "shard", "shards")
        console.say(f"{len(bulk.missing)} of {shards} {is_left} to other runs")
    console.say(f"{counted(bulk.counts.rows, 'picture is', 'pictures are')} in {bulk.out}")
    return bulk.counts


def _warn(bundle: Path, wanted: dict[str, Any], console: Console) -> None:
    """What `_loaded` says; the network itself is loaded by those who do the work."""
    from headstart.model.bundle import read_record

    if wanted["max_error"] is not None or wanted["sets"] is not None:
        _loaded(bundle, wanted, console)
    elif warning := read_record(bundle).warning:
        console.say(warning)


def _loaded(bundle: Path, wanted: dict[str, Any], console: Console) -> Any:
    from headstart.model.classifier import load

    classifier = load(bundle, **wanted)
    if classifier.warning:
        console.say(classifier.warning)
    if wanted["max_error"] is not None:
        threshold = classifier.record.unsure.ambiguous_below
        console.say(_meaning_of_unsure(threshold, wanted["max_error"]))
    if classifier.sets is not None:
        console.say(_meaning_of_sets(classifier.sets))
    return classifier


def _must_have_effect(given: dict[str, Any]) -> None:
    from headstart.errors import SettingError

    if given["shard"] or given["finish"] or given["engine"] != "local" or given["rows_per_shard"]:
        raise SettingError(
            "--shard, --finish, --engine and --rows-per-shard have no effect on what is printed",
            "a folder for the results",
            "add --out FOLDER",
        )


def _to_screen(
    classifier: Any, sources: Any, as_json: bool, as_csv: bool, given: dict[str, Any]
) -> Any:
    from headstart.bulk.answers import Counts, answers
    from headstart.bulk.plan import no_pictures
    from headstart.bulk.sources import references

    top, threads = given["top"], given["threads"]
    counts = Counts()
    named = references(sources, given["image_column"])
    found = counts.of(answers(classifier, named, Path.cwd(), threads))
    rows = (answer.prediction for answer in found)
    if as_json:
        print_json_rows(row.to_json(top) for row in rows)
    elif as_csv:
        _write_csv(rows, top, with_sets=classifier.sets is not None)
    else:
        _show(rows, top or 3, with_bars=given["bars"])
    if not counts.rows:
        raise no_pictures(sources)
    return counts


def _show(rows: Iterator[Any], top: int, *, with_bars: bool) -> None:
    for row in rows:
        click.echo(printable(_line(row, top)))
        for label, p in row.ranking[:top] if with_bars else ():
            width = max(len(name) for name, _ in row.ranking[:top])
            click.echo(printable(f"  {label:<{width}} {100 * p:5.1f} %  {'█' * round(40 * p)}"))


def _line(row: Any, top: int) -> str:
    if row.label is None:
        meaning = REASONS.get(row.reason)  # of a reason without details
        return f"{row.path}: not usable: {row.reason}{f': {meaning}' if meaning else ''}"
    ranking = "   ".join(f"{label} {100 * p:.1f} %" for label, p in row.ranking[:top])
    members = "" if row.set is None else f"   {{{', '.join(row.set)}}}"
    return f"{row.path}: {f'unsure ({row.reason}): ' if row.unsure else ''}{ranking}{members}"


def _meaning_of_unsure(threshold: float, max_error: float) -> str:
    from headstart.model.prediction import threshold_text

    return (
        f"unsure {threshold_text(threshold)}: of other pictures like those of "
        f"training, at most {100 * max_error:g} % of the answers are wrong (95 % confidence)"
    )


def _meaning_of_sets(sets: Any) -> str:
    return (
        f"sets hold the true class in {100 * sets.level:g} % or more of pictures like those of "
        f"training (± {100 * sets.deviation:.1f} points, one standard deviation)"
    )


def _write_csv(rows: Iterator[Any], top: int | None, *, with_sets: bool) -> None:
    writer = csv.writer(sys.stdout)
    columns = ["path", "label", "probability", "unsure", "reason", "ranking"]
    writer.writerow([*columns, "set"] if with_sets else columns)
    for row in rows:
        ranking = json.dumps({label: round(p, 6) for label, p in row.ranking[:top]})
        cells = [row.path, row.label, row.probability, row.unsure, row.reason, ranking]
        writer.writerow([*cells, json.dumps(row.set)] if with_sets else cells)
