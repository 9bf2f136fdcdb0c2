"""A whole job: planned, worked on, and finished when every row is there."""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.bulk import local, on_ray
from headstart.bulk.answers import Answer, answers, schema, write
from headstart.bulk.plan import Plan, Settings, no_pictures, planned
from headstart.bulk.shards import Job, Part, look
from headstart.bulk.sources import Place, references
from headstart.errors import SettingError
from headstart.files import readable_json, sweep, write_text, written_whole
from headstart.model.classifier import load
from headstart.progress import Progress, Silent

SUCCESS = "_SUCCESS.json"
_FILE = (".parquet", ".pq")
_DAY = 86_400

Engine = Callable[[Job, Iterable[int], Progress], Iterator[Part]]
ENGINES: dict[str, Engine] = {"local": local.run, "ray": on_ray.run}


@dataclass(frozen=True)
class Bulk:
    """What one run gave.

    Args:
        out: The file or folder of the results.
        finished: Every row is there (``_SUCCESS.json`` stands in a folder).
        rows: Pictures in the parts that stand there now.
        unusable: Those that could not be used.
        labels: Pictures by label.
        reasons: Pictures by the word that says why they are unsure or unusable.
        shards: Of the whole job; 0 for a file.
        computed, reused: Shards that this run did, and that it was to do but found whole.
        missing: Shards that are not there yet.
    """

    out: Path
    finished: bool
    rows: int
    unusable: int
    labels: dict[str, int]
    reasons: dict[str, int]
    shards: int = 0
    computed: int = 0
    reused: int = 0
    missing: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return vars(self) | {"out": str(self.out)}


def predict_bulk(
    bundle: str | os.PathLike[str],
    sources: str | os.PathLike[str] | Iterable[Place],
    out: str | os.PathLike[str],
    *,
    engine: str = "local",
    shard: tuple[int, int] | None = None,
    finish: bool = False,
    threads: int | None = None,
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
        progress: Told what happens; None: nobody.
        **settings: Fields of `bulk.plan.Settings`, for example ``rows_per_shard=10_000``.

    Returns:
        Counts. Pictures that cannot be read are rows with a reason.

    Raises:
        SettingError: A setting is wrong, nothing is named, ``out`` holds something else, or
            there are shards missing to ``finish``.
        BundleError: The saved classifier is missing or damaged.
        DatasetError: A list, table or store cannot be read.
        MissingExtra: A library for these URLs, or Ray, is not installed.
        StoreError: The results cannot be written.
    """
    chosen = _settings(settings)
    place = Path(out)
    listed: list[Place] = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    progress = progress or Silent()
    if place.suffix.lower() in _FILE:
        if shard or engine != "local":
            raise SettingError(
                f"one file ({place}) cannot be written by several machines",
                "a folder for the results",
                "name one with --out FOLDER",
            )
        return _to_file(Path(bundle), listed, place, chosen, threads)
    if engine not in ENGINES:
        raise SettingError(f"engine {engine!r}", f"one of {', '.join(ENGINES)}", "choose one")
    plan, stood = planned(Path(bundle), listed, place, chosen)
    progress.say(
        f"{'planned before' if stood else 'planned'}: {plan.rows} pictures "
        f"in {len(plan.shards)} shards"
    )
    sweep(plan.out, older_than=time.time() - _DAY)
    ours = range(0) if finish else _ours(plan, shard)
    bulk = _run(plan, ENGINES[engine], ours, threads, progress)
    if finish and not bulk.finished:
        raise _unfinished(plan, bulk.missing)
    return bulk


def _run(
    plan: Plan, engine: Engine, ours: Sequence[int], threads: int | None, progress: Progress
) -> Bulk:
    known = _finished(plan)
    parts = {n: part for n in ours if (part := _whole(plan, n, known))}
    to_do = [number for number in ours if number not in parts]
    reused = len(parts)
    if reused:
        progress.say(f"{reused} shards stand there already")
    if to_do:
        # From now on, and until all is there again, the job is not done.
        (plan.out / SUCCESS).unlink(missing_ok=True)
        progress.start("predicting", sum(plan.shards[number].rows for number in to_do))
        job = Job(plan.out, plan.id, threads)
        for part in engine(job, to_do, progress):
            parts[part.number] = part
        progress.stop()
    others = [number for number in range(len(plan.shards)) if number not in parts]
    if not any(not plan.part(number).is_file() for number in others):
        parts |= {n: part for n in others if (part := _whole(plan, n, known))}
    missing = len(plan.shards) - len(parts)
    bulk = _counted(plan, parts, computed=len(to_do), reused=reused, missing=missing)
    if not missing:
        _finish(plan, bulk, parts)
    return bulk


def _whole(plan: Plan, number: int, known: dict[int, str]) -> Part | None:
    part = look(plan, number)
    return part if part and known.get(number, part.sha256) == part.sha256 else None


def _finished(plan: Plan) -> dict[int, str]:
    """The digests of a job that was finished before."""
    try:
        values = json.loads((plan.out / SUCCESS).read_bytes())
        same = values["plan"] == plan.id
        return {n: part["sha256"] for n, part in enumerate(values["parts"])} if same else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _finish(plan: Plan, bulk: Bulk, parts: dict[int, Part]) -> None:
    assert bulk.rows == plan.rows  # each part was compared with its manifest, row by row
    values = {
        "format": 1,
        "rows": bulk.rows,
        "unusable": bulk.unusable,
        "labels": bulk.labels,
        "reasons": bulk.reasons,
        "bundle_sha256": plan.bundle_sha256,
        "plan": plan.id,
        "parts": [
            {"name": plan.part(n).name, "rows": parts[n].rows, "sha256": parts[n].sha256}
            for n in sorted(parts)
        ],
    }
    write_text(plan.out / SUCCESS, readable_json(values))


def _counted(plan: Plan, parts: dict[int, Part], **counts: int) -> Bulk:
    labels: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for part in parts.values():
        labels.update(part.labels)
        reasons.update(part.reasons)
    return Bulk(
        out=plan.out,
        finished=not counts["missing"],
        rows=sum(part.rows for part in parts.values()),
        unusable=sum(part.unusable for part in parts.values()),
        labels=dict(sorted(labels.items())),
        reasons=dict(sorted(reasons.items())),
        shards=len(plan.shards),
        **counts,
    )


def _to_file(
    bundle: Path, sources: list[Place], place: Path, settings: Settings, threads: int | None
) -> Bulk:
    """One file, row group by row group: there is no plan, and nothing to go on from."""
    _must_not_be_another_file(place)
    classifier = load(bundle, threads=threads, max_error=settings.max_error, sets=settings.sets)
    labels: Counter[str] = Counter()
    reasons: Counter[str] = Counter()

    def counted(rows: Iterator[Answer]) -> Iterator[Answer]:
        for row in rows:
            labels[row.prediction.label or ""] += 1
            reasons[(row.prediction.reason or "").partition(":")[0]] += 1
            yield row

    named = references(sources, settings.image_column)
    rows = counted(answers(classifier, named, Path.cwd(), threads))
    with written_whole(place) as temporary:
        write(temporary, rows, schema(settings.sets is not None), settings.top)
        if not labels:
            raise no_pictures(sources)
    total, unusable = labels.total(), labels.pop("", 0)
    reasons.pop("", None)
    return Bulk(place, True, total, unusable, dict(labels), dict(reasons))


def _must_not_be_another_file(path: Path) -> None:
    if path.is_dir() or (path.is_file() and path.read_bytes()[:4] not in (b"PAR1", b"")):
        raise SettingError(
            f"{path} is there already, and is no Parquet file",
            "a new file, or an older Parquet file to be replaced",
            "choose another place with --out",
        )


def _ours(plan: Plan, shard: tuple[int, int] | None) -> range:
    index, of = shard or (0, 1)
    if not 0 <= index < of:
        raise SettingError(
            f"shard {index}/{of}", f"0/{of} to {of - 1}/{of}", "count the runs from 0"
        )
    return range(index, len(plan.shards), of)


def _unfinished(plan: Plan, missing: int) -> SettingError:
    absent = [part.name for n in range(len(plan.shards)) if not (part := plan.part(n)).is_file()]
    return SettingError(
        f"{missing} of {len(plan.shards)} shards are not done, as {absent[0]}",
        "all of them",
        "run the same command without --finish",
    )


def _settings(given: dict[str, Any]) -> Settings:
    known = [field.name for field in dataclasses.fields(Settings)]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise SettingError(
                f"there is no setting {name!r}",
                f"one of {', '.join(known)}",
                f"did you mean {near[0]!r}?" if near else "leave it out",
            )
    return Settings(**given)
