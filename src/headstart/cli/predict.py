"""`headstart predict`."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from headstart.cli import options
from headstart.cli.console import Console, print_json_rows, printable
from headstart.cli.shares import share

_FORMATS = ("table", "json", "csv", "parquet")


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
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option(
    "--parquet", type=click.Path(path_type=Path), metavar="FILE", help="Write a Parquet file."
)
@click.option("--threads", type=click.IntRange(min=1), help="Cores to use.  [default: all]")
@click.option("--seed", type=int, hidden=True, expose_value=False)
@click.option("--quiet", "-q", is_flag=True, help="Show errors only.")
def command(
    bundle: Path,
    pictures: tuple[str, ...],
    top: int | None,
    max_error: float | None,
    sets: float | None,
    as_json: bool,
    as_csv: bool,
    parquet: Path | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Say what PICTURES show: files, folders, patterns, or - for a list on standard input.

    \b
    headstart predict pets.headstart my-cat.jpg
    headstart predict pets.headstart holiday/ --csv > labels.csv
    find . -name '*.jpg' | headstart predict pets.headstart - --json

    A picture that cannot be read becomes a row with the reason. Exit codes: 0 done, 2 wrong input,
    3 done but some pictures could not be used.
    """  # noqa: D301
    from headstart.errors import SettingError
    from headstart.model.classifier import load
    from headstart.workflows.predict import expand

    if sum((as_json, as_csv, parquet is not None)) > 1:
        raise SettingError(
            "two output formats at once", "one of --json, --csv, --parquet", "leave one of them out"
        )
    if not pictures:
        raise SettingError(
            "no pictures were named",
            "files, folders, patterns, or -",
            f"headstart predict {bundle} PICTURE",
        )
    if parquet is not None:
        _must_not_be_another_file(parquet)
    classifier = load(bundle, threads=threads, max_error=max_error, sets=sets)
    console = Console(quiet=quiet)
    if classifier.warning:
        console.say(classifier.warning)
    if max_error is not None:
        console.say(_meaning_of_unsure(classifier.record.unsure.ambiguous_below, max_error))
    if classifier.sets is not None:
        console.say(_meaning_of_sets(classifier.sets))
    tally = _Tally()
    rows = tally.of(classifier.predictions(_unlisted(expand, pictures)))
    if as_json:
        print_json_rows(row.to_json(top) for row in rows)
    elif as_csv:
        _write_csv(rows, top, with_sets=sets is not None)
    elif parquet is not None:
        _write_parquet(rows, parquet, top, with_sets=sets is not None)
    else:
        _show(rows, top or 3)
    if not tally.rows:
        raise SettingError(
            f"no pictures in {' '.join(pictures)}",
            "at least one file",
            "check the spelling of the path, or what is in it",
        )
    if tally.unusable:
        console.say(f"{tally.unusable} of {tally.rows} could not be used (see their reasons)")
    click.get_current_context().exit(3 if tally.unusable else 0)


class _Tally:
    """Counts rows as they pass."""

    def __init__(self) -> None:
        self.rows = self.unusable = 0

    def of(self, predictions: Iterable[Any]) -> Iterator[Any]:
        for prediction in predictions:
            self.rows += 1
            self.unusable += prediction.label is None
            yield prediction


def _unlisted(expand: Any, pictures: tuple[str, ...]) -> Iterator[str]:
    for place in pictures:
        if place == "-":
            # A name that is read from a list is a name, whatever signs it holds.
            yield from _names(sys.stdin.buffer.read())
        else:
            yield from expand([place])


def _names(listed: bytes) -> list[str]:
    """File names one a line, or each ended by a zero byte (``find -print0``)."""
    end = b"\0" if b"\0" in listed else b"\n"
    return [os.fsdecode(name.removesuffix(b"\r")) for name in listed.split(end) if name.strip()]


def _show(rows: Iterator[Any], top: int) -> None:
    for row in rows:
        click.echo(printable(_line(row, top)))


def _line(row: Any, top: int) -> str:
    if row.label is None:
        return f"{row.path}: not usable: {row.reason}"
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


def _write_parquet(rows: Iterator[Any], path: Path, top: int | None, *, with_sets: bool) -> None:
    """Row group by row group, so that memory does not grow with the number of pictures."""
    import itertools

    import pyarrow as pa
    import pyarrow.parquet as pq

    from headstart.files import written_whole

    ranked = pa.struct([("label", pa.string()), ("probability", pa.float64())])
    schema = pa.schema(
        [
            ("path", pa.string()),
            ("label", pa.string()),
            ("probability", pa.float64()),
            ("ranking", pa.list_(ranked)),
            ("unsure", pa.bool_()),
            ("reason", pa.string()),
        ]
    )
    if with_sets:
        schema = schema.append(pa.field("set", pa.list_(pa.string())))
    batch = list(itertools.islice(rows, 4096))
    if not batch:
        return  # nothing to say is no reason to replace what an earlier run wrote
    with written_whole(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        while batch:
            values = [_as_text(row.to_json(top)) for row in batch]
            writer.write_table(pa.Table.from_pylist(values, schema))
            batch = list(itertools.islice(rows, 4096))


def _must_not_be_another_file(path: Path) -> None:
    from headstart.errors import SettingError

    if path.is_dir() or (path.is_file() and path.read_bytes()[:4] not in (b"PAR1", b"")):
        raise SettingError(
            f"{path} is there already, and is no Parquet file",
            "a new file, or an older Parquet file to be replaced",
            "choose another place with --parquet FILE",
        )


def _as_text(value: Any) -> Any:
    """Names of files and classes need not be text; what is none is spelled out."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case list():
            return [_as_text(each) for each in value]
        case dict():
            return {key: _as_text(each) for key, each in value.items()}
    return value
