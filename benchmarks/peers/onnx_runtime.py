"""ONNX Runtime on the same graph: Pillow loads, four threads, one picture at a time."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
from PIL import Image
from task import Clock, given, timed

task = given()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(task.graph, options, providers=["CPUExecutionProvider"])


def features(file: str) -> np.ndarray:
    image = Image.open(file)
    image.draft("RGB", (512, 512))
    image = image.convert("RGB")
    scale = min(image.size) / 256
    left, top = (image.width / scale - 224) / 2 * scale, (image.height / scale - 224) / 2 * scale
    box = (left, top, left + 224 * scale, top + 224 * scale)
    pixels = np.asarray(image.resize((224, 224), Image.Resampling.BICUBIC, box=box))
    return session.run(["head"], {"pixels": pixels[None]})[0][0]


clock, total = Clock(task.warm), 0.0
with ThreadPoolExecutor(4) as pool:
    for row in timed(clock, pool.map(features, task.files)):
        total += float(row.sum())
clock.report(sum=total)
