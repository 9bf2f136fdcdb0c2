"""The tutorials' loop: Pillow loads, torch runs, one picture at a time."""

import torch
from network import eager, to_tensor
from PIL import Image
from task import Clock, given, timed

task = given()
network, prepared = eager(task.architecture, task.weights), to_tensor()
clock, features = Clock(task.warm), []
with torch.inference_mode():
    for file in timed(clock, task.files):
        image = Image.open(file).convert("RGB")
        features.append(network(prepared(image)[None])[0].numpy())
clock.report(sum=float(sum(row.sum() for row in features)))
