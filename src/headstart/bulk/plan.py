"""The plan of a job: which pictures are in which shard, written once and never changed.

``_plan/plan.json`` and ``_plan/manifest-00000.parquet``, one for each shard, in the folder of the
results. It appears whole, and the first one stands: of many that plan at once (the tasks of an
array), all work by the same one.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from pathlib import Path
from typing import Any

from headstart.backbones.devices import AUTO
from headstart.bulk import places
from headstart.bulk.sources import Place, Reference, references
from headstart.errors import BundleError, SettingError, StoreError
from headstart.files import (
    canonical_json,
    must_be_writable,
    readable_json,
    sha256,
    sha256_file,
    write_text,
    written_whole,
)
from headstart.labels import similar
from headstart.model import bundle as bundles
from headstart.model.classifier import Classifier, load

FORMAT_VERSION = 1
FOLDER, RECORD = "_plan", "plan.json"


@dataclass(frozen=True)
class Settings:
    """What decides the rows of the results, beside the pictures and the classifier.

    Args:
        max_error, sets: As for ``headstart.load``.
        top: How many classes a row ranks; None: all.
        image_column: Of Parquet files that name or hold the pictures; None: found by its content.
        rows_per_shard: Pictures of one file of the results: what is lost when a process dies.

    Raises:
        SettingError: One is out of its range.
    """

    max_error: float | None = None
    sets: float | None = None
    top: int | None = None
    image_column: str | None = None
    rows_per_shard: int = 2000

    def __post_init__(self) -> None:
        for name in ("top", "rows_per_shard"):
            value = getattr(self, name)
            is_whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
            if not (is_whole or (value is None and name == "top")):
                raise SettingError(
                    f"{name} is {value!r}", "a whole number from 1 on", "choose another"
                )

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Settings:
        """Settings by name.

        Raises:
            SettingError: There is none of that name, or one is out of its range.
        """
        known = [field.name for field in fields(cls)]
        for name in set(settings) - set(known):
            near = similar(name, known)
            raise SettingError(
                f"no setting is called {name!r}",
                f"one of {', '.join(known)}",
                f"did you mean {near[0]}?" if near else "leave it out",
            )
        return cls(**{name: _plain(value) for name, value in settings.items()})


def _plain(value: Any) -> Any:
    """Whole numbers of numpy are no JSON."""
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    return int(value) if is_whole else value


@dataclass(frozen=True)
class Shard:
    """One unit of work.

    Args:
        rows: How many pictures.
        sha256: Of its manifest.
    """

    rows: int
    sha256: str


@dataclass(frozen=True)
class Plan:
    """What was planned.

    Args:
        out: The folder of the results.
        bundle: The classifier's folder.
        bundle_sha256: Of its record, which knows the digests of all its parts.
        folder: Where relative paths begin.
        sources: What the pictures were named by, with the size and time of lists and tables.
        settings: See `Settings`.
        shards: In order.
    """

    out: Path
    bundle: Path
    bundle_sha256: str
    folder: Path
    sources: tuple[dict[str, Any], ...]
    settings: Settings
    shards: tuple[Shard, ...]

    @property
    def rows(self) -> int:
        """How many pictures."""
        return sum(shard.rows for shard in self.shards)

    @functools.cached_property
    def id(self) -> str:
        """Names everything that decides the rows."""
        return sha256(canonical_json(self.to_json()).encode())

    def part(self, number: int) -> Path:
        """The file of a shard's results."""
        return self.out / f"part-{number:05}-of-{len(self.shards):05}.parquet"

    def classifier(self, threads: int | None, device: str) -> Classifier:
        """The classifier of this plan, loaded.

        Raises:
            BundleError: It is another one by now, or cannot be loaded.
        """
        if _fingerprint(self.bundle) != self.bundle_sha256:
            raise BundleError(
                f"{self.bundle} is another classifier than the one planned with",
                "one classifier for all rows",
                "put the old one back, or choose another folder with --out",
            )
        settings = self.settings
        wanted = settings.max_error, settings.sets
        return _loaded(self.bundle, self.bundle_sha256, threads, device, *wanted)

    def references(self, number: int) -> list[Reference]:
        """The pictures of a shard.

        Raises:
            StoreError: Its manifest is not as it was written.
        """
        import pyarrow.parquet as pq

        manifest = _manifest(self.out / FOLDER, number)
        if not manifest.is_file() or sha256_file(manifest) != self.shards[number].sha256:
            raise _damaged(manifest)
        with pq.ParquetFile(manifest) as file:
            columns = file.read().to_pydict().values()
        return [Reference(os.fsdecode(path), *cell) for path, *cell in zip(*columns, strict=True)]

    def to_json(self) -> dict[str, Any]:
        """Plain values, as they are written; the folder of the results may be moved."""
        return {
            "format": FORMAT_VERSION,
            "bundle": str(self.bundle),
            "bundle_sha256": self.bundle_sha256,
            "folder": str(self.folder),
            "sources": list(self.sources),
            "settings": vars(self.settings),
            "shards": [vars(shard) for shard in self.shards],
        }


def planned(
    bundle: Path,
    sources: Sequence[Place],
    out: Path,
    settings: Settings,
    threads: int | None = None,
    device: str = AUTO,
) -> tuple[Plan, bool]:
    """The plan of this job, and whether it stood there before.

    Raises:
        SettingError: ``out`` holds a plan for something else, or foreign files; or there are no
            pictures.
        BundleError, DatasetError, MissingExtra, StoreError: As `references` and ``load``.
    """
    wanted = Plan(
        out=out.absolute(),
        bundle=bundle.absolute(),
        bundle_sha256=_fingerprint(bundle),
        folder=Path.cwd(),
        sources=tuple(map(_described, sources)),
        settings=settings,
        shards=(),
    )
    stood = (out / FOLDER / RECORD).is_file()
    if not stood:
        _must_be_new(out)
        # What is wrong with it is said now, not after the listing.
        wanted.classifier(threads, device)
        _write(wanted, sources)
    found = read(out)
    _must_be_same(found, wanted)
    return found, stood


def read(out: Path) -> Plan:
    """The plan in a folder of results.

    Raises:
        StoreError: It is damaged, or of a newer version.
    """
    path = out / FOLDER / RECORD
    try:
        values = json.loads(path.read_bytes())
        checksum = values.pop("checksum")
        assert values.pop("format") == FORMAT_VERSION
        plan = Plan(
            out=out.absolute(),
            bundle=Path(values["bundle"]),
            bundle_sha256=values["bundle_sha256"],
            folder=Path(values["folder"]),
            sources=tuple(values["sources"]),
            settings=Settings(**values["settings"]),
            shards=tuple(Shard(**shard) for shard in values["shards"]),
        )
        assert plan.id == checksum
    except (OSError, ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise _damaged(path) from error
    return plan


def _write(wanted: Plan, sources: Sequence[Place]) -> None:
    must_be_writable(wanted.out)
    wanted.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".headstart-tmp-", dir=wanted.out) as temporary:
        folder = Path(temporary) / FOLDER
        folder.mkdir()
        named = references(sources, wanted.settings.image_column)
        shards = tuple(_manifests(folder, named, wanted.settings.rows_per_shard))
        if not shards:
            raise no_pictures(sources)
        plan = dataclasses.replace(wanted, shards=shards)
        record = readable_json(plan.to_json() | {"checksum": plan.id})
        write_text(folder / RECORD, record)
        _take_place(folder, wanted.out / FOLDER)


def _manifests(folder: Path, named: Iterable[Reference], rows: int) -> Iterable[Shard]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Names of files are bytes, and need not be text.
    columns = pa.schema([("path", pa.binary()), ("row", pa.int64()), ("column", pa.string())])
    stream = iter(named)
    for number in itertools.count():
        shard = [(os.fsencode(path), *cell) for path, *cell in itertools.islice(stream, rows)]
        if not shard:
            return
        arrays = [list(values) for values in zip(*shard, strict=True)]
        path = _manifest(folder, number)
        with written_whole(path) as temporary:
            pq.write_table(pa.table(arrays, schema=columns), temporary, compression="zstd")
        yield Shard(len(shard), sha256_file(path))


def _manifest(folder: Path, number: int) -> Path:
    return folder / f"manifest-{number:05}.parquet"


def _take_place(folder: Path, place: Path) -> None:
    # Tried, not looked up: a folder that is not empty is never replaced by a rename.
    try:
        folder.rename(place)
    except OSError:
        if not (place / RECORD).is_file():
            raise


# The one that was tried before the pictures are listed is the one that works.
@functools.lru_cache(maxsize=1)
def _loaded(
    bundle: Path,
    _: str,
    threads: int | None,
    device: str,
    max_error: float | None,
    sets: float | None,
) -> Classifier:
    return load(bundle, threads=threads, device=device, max_error=max_error, sets=sets)


def _fingerprint(bundle: Path) -> str:
    bundles.read_record(bundle)
    return sha256_file(bundle / bundles.RECORD)


def _described(source: Place) -> dict[str, Any]:
    if not isinstance(source, str | os.PathLike):
        return {"place": "-"}
    place = os.fspath(source)
    if places.is_url(place):
        return {"place": place}
    path = Path(place).absolute()
    described: dict[str, Any] = {"place": os.fsencode(path).decode("utf-8", "backslashreplace")}
    if path.is_file():
        stat = path.stat()
        described |= {"bytes": stat.st_size, "changed": stat.st_mtime_ns}
    return described


def _must_be_new(out: Path) -> None:
    if out.is_dir():
        strange = sorted(path.name for path in out.iterdir() if not path.name.startswith("."))
        if not strange or FOLDER in strange:
            return
        what = f"{out} holds other files, as {strange[0]}"
    elif out.exists():
        what = f"{out} is a file"
    else:
        return
    raise SettingError(
        what,
        "a new folder, or one with the results of this job",
        "choose another place with --out FOLDER (or --out FILE.parquet for one file)",
    )


def _must_be_same(found: Plan, wanted: Plan) -> None:
    before, now = (
        {"classifier": plan.bundle_sha256, "sources": list(plan.sources), **vars(plan.settings)}
        for plan in (found, wanted)
    )
    for name in before:
        if before[name] != now[name]:
            long = name in ("classifier", "sources")
            words = "others" if long else f"{before[name]}, not {now[name]}"
            raise SettingError(
                f"{found.out} was planned for something else: {name} ({words})",
                f"the same pictures ({_in_words(found)}), classifier and settings as before",
                "choose another place with --out, or remove that folder to begin anew",
            )


def _in_words(plan: Plan) -> str:
    return ", ".join(source["place"] for source in plan.sources[:3])


def no_pictures(sources: Iterable[Place]) -> SettingError:
    """What is said where nothing was found."""
    named = " ".join(os.fspath(p) if isinstance(p, str | os.PathLike) else "-" for p in sources)
    return SettingError(
        f"no pictures in {named}",
        "at least one file",
        "check the spelling of the path, or what is in it",
    )


def _damaged(path: Path) -> StoreError:
    return StoreError(
        f"{path} is damaged, or of another version",
        "the plan as it was written",
        "remove the folder of the results, and begin anew",
    )
