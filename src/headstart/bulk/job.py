"""A whole job: planned, worked on, and finished when every row is there."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

from headstart.backbones.devices import AUTO, CPU
from headstart.bulk import local, on_ray
from headstart.bulk.answers import Counts, answers, schema, write
from headstart.bulk.plan import Plan, Settings, no_pictures, planned
from headstart.bulk.shards import Job, Part, look
from headstart.bulk.sources import Place, references
from headstart.datasets.manifest import counted
from headstart.errors import SettingError
from headstart.files import readable_json, sweep, write_text, written_whole
from headstart.model.classifier import load
from headstart.progress import Progress, Silent

SUCCESS = "_SUCCESS.json"
_FILE = (".parquet", ".pq")
# Endings of what is printed, and by which option. What is written is Parquet.
_PRINTED = {".csv": "--csv", ".json": "--json", ".jsonl": "--json"}
_NOT_WRITTEN = (".txt", ".tsv", ".xls", ".xlsx", ".html")
_DAY = 86_400

Engine = Callable[[Job, Iterable[int], Progress], Iterator[Part]]
ENGINES: dict[str, Engine] = {"local": local.run, "ray": on_ray.run}


@dataclass(frozen=True)
class Bulk:
    """What one run gave.

    Args:
        out: The file or folder of the results.
        finished: Every row is there (in a folder, ``_SUCCESS.json`` says so).
        counts: Of the rows that stand there now.
        shards: Of the whole job; 0 for a file.
        computed, reused: Shards that this run did, and that it was to do but found whole.
        missing: Numbers of the shards that are not there yet, or damaged.
    """

    out: Path
    finished: bool
    counts: Counts
    shards: int = 0
    computed: int = 0
    reused: int = 0
    missing: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        shards = {name: vars(self)[name] for name in ("shards", "computed", "reused")}
        return {
            "out": str(self.out),
            "finished": self.finished,
            **self.counts.to_json(),
            **shards,
            "missing": len(self.missing),
        }


def predict_bulk(
    bundle: str | os.PathLike[str],
    sources: str | os.PathLike[str] | Iterable[Place],
    out: str | os.PathLike[str],
    *,
    engine: str = "local",
    shard: tuple[int, int] | None = None,
    finish: bool = False,
    threads: int | None = None,
    device: str = AUTO,
    progress: Progress | None = None,
    **settings: Any,
) -> Bulk:
    """What many pictures show, written to disk; killed at any moment, the next call goes on.

    Args:
        bundle: The folder of a saved classifier.
        sources: Folders, files, patterns; ``.txt`` lists; ``.parquet`` files of paths or of
            pictures; URLs (``s3://``, ``gs://``, ``http://``, ...).
        out: A folder, which gets a Parquet file for each shard and ``_SUCCESS.json`` in the end;
            or, if it ends in ``.parquet``, one file, written whole at the end or not at all.
        engine: ``"local"``: this machine; ``"ray"``: the cluster at ``RAY_ADDRESS``.
        shard: (i, n): work on each n-th shard only, from the i-th on (from 0). The last of n
            such runs to end finishes the job.
        finish: Work on no shard; finish the job of which all are there.
        threads: Processor cores to use; None: all of them (``"ray"``: one a shard).
        device: Where the network is run, as for `model.classifier.load`; on Ray the processors.
        progress: Told what happens; None: nobody.
        **settings: Fields of `bulk.plan.Settings`, for example ``rows_per_shard=10_000``.

    Returns:
        Counts. Pictures that cannot be read are rows with a reason.

    Raises:
        SettingError: A setting is wrong, nothing is named, ``out`` holds something else or ends
            in ``.csv`` or ``.json``, or there are shards missing to ``finish``.
        BundleError: The saved classifier is missing or damaged.
        DatasetError: A list, table or store cannot be read.
        MissingExtra: A library for these URLs, or Ray, is not installed.
        StoreError: The results cannot be written.
    """
    chosen = Settings.of(settings)
    place = Path(out)
    _must_not_be_printed(place)
    listed: list[Place] = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    progress = progress or Silent()
    if place.suffix.lower() in _FILE:
        if shard or finish or engine != "local" or "rows_per_shard" in settings:
            raise SettingError(
                f"one file ({place}) is written at once, by one machine: there are no shards",
                "a folder for the results",
                "name one with --out FOLDER",
            )
        return _to_file(bundle, listed, place, chosen, threads, device)
    _must_be_one_of_several(shard)
    if engine not in ENGINES:
        raise SettingError(f"engine {engine!r}", f"one of {', '.join(ENGINES)}", "choose one")
    if engine != "local":
        device = _on_a_cluster(device)
    plan, stood = planned(Path(bundle), listed, place, chosen, threads, device)
    progress.say(
        f"{'planned before' if stood else 'planned'}: "
        f"{counted(plan.rows, 'picture', 'pictures')} in {_shards(plan)}"
    )
    sweep(plan.out, older_than=time.time() - _DAY)
    ours = range(0) if finish else _ours(plan, shard)
    job = Job(plan.out, plan.id, threads, device)
    bulk = _run(plan, ENGINES[engine], ours, job, progress)
    if finish and not bulk.finished:
        raise _unfinished(plan, bulk.missing)
    return bulk


def _on_a_cluster(device: str) -> str:
    """Shards ask Ray for processor cores alone."""
    if device not in (AUTO, CPU):
        raise SettingError(
            f"device is {device!r}, but shards on Ray are worked on by processors",
            "auto or cpu",
            "leave --device or --engine out",
        )
    return CPU


def _run(plan: Plan, engine: Engine, ours: Sequence[int], job: Job, progress: Progress) -> Bulk:
    known = _finished(plan)
    counts, digests = Counts(), {}  # not the parts: a thousand classes by a million shards

    def take(parts: Iterable[Part]) -> None:
        for part in parts:
            digests[part.number] = part.sha256
            counts.update(part.counts)

    take(_whole(plan, ours, known))
    reused = len(digests)
    if reused:
        stand = counted(reused, "shard stands", "shards stand")
        progress.say(f"{stand} there already")
    to_do = [number for number in ours if number not in digests]
    if to_do:
        # From now on, and until all is there again, the job is not done.
        (plan.out / SUCCESS).unlink(missing_ok=True)
        progress.start("predicting", sum(plan.shards[number].rows for number in to_do))
        take(engine(job, to_do, progress))
        progress.stop()
    others = [number for number in range(len(plan.shards)) if number not in digests]
    missing = [number for number in others if not plan.part(number).is_file()]
    if not missing:
        take(_whole(plan, others, known))
        missing = [number for number in others if number not in digests]
    if not missing:
        _finish(plan, counts, digests)
    return Bulk(plan.out, not missing, counts, len(plan.shards), len(to_do), reused, tuple(missing))


def _whole(plan: Plan, numbers: Iterable[int], known: dict[int, str]) -> Iterator[Part]:
    """The parts that stand there as they must; of a finished job, as they did."""
    for number in numbers:
        part = look(plan, number)
        if part is not None and known.get(number, part.sha256) == part.sha256:
            yield part


def _finished(plan: Plan) -> dict[int, str]:
    """The digests of a job that was finished before."""
    try:
        values = json.loads((plan.out / SUCCESS).read_bytes())
        same = values["plan"] == plan.id
        return {n: part["sha256"] for n, part in enumerate(values["parts"])} if same else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _finish(plan: Plan, counts: Counts, digests: dict[int, str]) -> None:
    assert counts.rows == plan.rows  # each part was compared with its manifest, row by row
    parts = [
        {"name": plan.part(number).name, "rows": shard.rows, "sha256": digests[number]}
        for number, shard in enumerate(plan.shards)
    ]
    made_by = {"bundle_sha256": plan.bundle_sha256, "plan": plan.id}
    values = {"format": 1, **counts.to_json(), **made_by, "parts": parts}
    write_text(plan.out / SUCCESS, readable_json(values))


def _to_file(
    bundle: str | os.PathLike[str],
    sources: list[Place],
    place: Path,
    settings: Settings,
    threads: int | None,
    device: str,
) -> Bulk:
    """One file, row group by row group: there is no plan, and nothing to go on from."""
    _must_not_be_another_file(place)
    wanted: dict[str, Any] = {"max_error": settings.max_error, "sets": settings.sets}
    classifier = load(bundle, threads=threads, device=device, **wanted)
    counts = Counts()
    named = references(sources, settings.image_column)
    rows = counts.of(answers(classifier, named, Path.cwd(), threads))
    with written_whole(place) as temporary:
        write(temporary, rows, schema(settings.sets is not None), settings.top)
        if not counts.rows:
            raise no_pictures(sources)
    return Bulk(place, True, counts)


def _must_not_be_printed(place: Path) -> None:
    if place.suffix.lower() in _NOT_WRITTEN:
        raise SettingError(
            f"{place} would be a folder of Parquet files",
            "a folder, or a file that ends in .parquet",
            f"--out {place.with_suffix('.parquet')}",
        )
    if option := _PRINTED.get(place.suffix.lower()):
        printed = place.with_suffix(option.replace("--", "."))
        raise SettingError(
            f"{place} would be a folder of Parquet files",
            "a folder, or a file that ends in .parquet",
            f"{option} > {printed} instead of --out; or --out {place.with_suffix('.parquet')}",
        )


def _must_not_be_another_file(path: Path) -> None:
    begins = b""
    if path.is_file():
        with path.open("rb") as file:
            begins = file.read(4)
    if path.is_dir() or begins not in (b"PAR1", b""):
        raise SettingError(
            f"{path} is there already, and is no Parquet file",
            "a new file, or an older Parquet file to be replaced",
            "choose another place with --out",
        )


def _must_be_one_of_several(shard: Any) -> None:
    is_pair = isinstance(shard, tuple | list) and len(shard) == 2
    is_pair = is_pair and all(isinstance(number, Integral) for number in shard)
    if shard is None or (is_pair and 0 <= shard[0] < shard[1]):
        return
    raise SettingError(
        f"shard {'/'.join(map(str, shard)) if is_pair else repr(shard)}",
        "which run this is, counted from 0, and of how many: 0/4 to 3/4",
        "--shard 0/4 (in Python shard=(0, 4))",
    )


def _ours(plan: Plan, shard: tuple[int, int] | None) -> range:
    index, of = shard or (0, 1)
    return range(index, len(plan.shards), of)


def _shards(plan: Plan) -> str:
    return counted(len(plan.shards), "shard", "shards")


def _unfinished(plan: Plan, missing: tuple[int, ...]) -> SettingError:
    first = plan.part(missing[0]).name
    return SettingError(
        f"{len(missing)} of {_shards(plan)} {'is' if len(missing) == 1 else 'are'} not done, "
        f"as {first}",
        "all of them",
        "run the same command without --finish",
    )
