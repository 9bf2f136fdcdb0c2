"""From the pictures of a request to predictions, on a few threads that all requests share.

Each thread takes one picture from its bytes to its answer: decoded in a child process, then through
the engine, one picture in each of its streams. There is no batch to wait for (see
``backbones.engine``: one picture at a time is the fastest batch on a processor).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from headstart.backbones.engine import num_cores
from headstart.backbones.reading import Outcome
from headstart.errors import UnusableImage
from headstart.images.decode import of_array
from headstart.images.preprocessing import Preprocessing
from headstart.model.classifier import Classifier
from headstart.model.gallery import Neighbour
from headstart.model.prediction import Prediction
from headstart.serving.counts import Counts
from headstart.serving.current import Served
from headstart.serving.decoding import Decoders, Pixels
from headstart.serving.limits import Limits
from headstart.serving.refusal import too_busy

# A name, and a file's bytes or the pixels uint8 [H, W, 3] of a picture decoded elsewhere.
Source = tuple[str, bytes | Pixels]


class Answer(NamedTuple):
    """What is said about one picture."""

    prediction: Prediction
    similar: list[Neighbour]

    def to_json(self, top: int | None, similar: int) -> dict[str, Any]:
        """As ``predict --json`` says it; the nearest training pictures only if asked for."""
        values = self.prediction.to_json(top)
        return values | {"similar": [vars(one) for one in self.similar]} if similar else values


class Answering:
    """The threads, and the decoding processes they use.

    Args:
        threads: Processor cores to use; None: all of them.
        limits: Of pixels, seconds and memory.
        counts: Told about every picture.
    """

    def __init__(self, threads: int | None, limits: Limits, counts: Counts) -> None:
        cores = threads or num_cores()
        self._limits, self._counts = limits, counts
        self.decoders = Decoders(cores, limits)
        self._pool = ThreadPoolExecutor(2 * cores, thread_name_prefix="headstart-answering")

    async def answer(
        self, served: Served, sources: Sequence[Source], similar: int = 0
    ) -> list[Answer]:
        """One answer a picture, in order.

        Raises:
            Refusal: They could not all be answered in time.
        """
        loop = asyncio.get_running_loop()
        work = [
            loop.run_in_executor(self._pool, self._one, served, name, source, similar)
            for name, source in sources
        ]
        try:
            async with asyncio.timeout(self._limits.answer_seconds):
                return await asyncio.gather(*work)
        except TimeoutError as error:
            seconds = self._limits.answer_seconds
            raise too_busy(f"not answered within {seconds:g} seconds") from error

    def close(self) -> None:
        """Finish what runs, drop what waits."""
        self._pool.shutdown(cancel_futures=True)
        self.decoders.close()

    def _one(self, served: Served, name: str, source: bytes | Pixels, similar: int) -> Answer:
        classifier = served.classifier
        outcome = self._outcome(classifier, source)
        prediction = classifier.prediction(name, outcome)
        self._counts.picture(prediction)
        return Answer(prediction, served.nearest(outcome.outputs, similar))

    def _outcome(self, classifier: Classifier, source: bytes | Pixels) -> Outcome:
        start = time.perf_counter()
        try:
            pixels = self._pixels(source, classifier.record.preprocessing)
            decoded = time.perf_counter()
            outputs = classifier.outputs(pixels)
        except UnusableImage as failure:
            return Outcome(b"", failure=failure)
        self._counts.spend("decode", decoded - start)
        self._counts.spend("network", time.perf_counter() - decoded)
        return Outcome(b"", outputs)

    def _pixels(self, source: bytes | Pixels, preprocessing: Preprocessing) -> Pixels:
        if isinstance(source, bytes):
            return self.decoders.pixels(source, preprocessing)
        return preprocessing.pixels(of_array(source))
