"""The published recipe: features of a frozen torch network, scikit-learn's LogisticRegression."""

import numpy as np
import torch
from network import eager, to_tensor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from task import answer, given
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder

if __name__ == "__main__":
    task = given()
    network = eager(task.architecture, task.weights)
    parts = {}
    with torch.inference_mode():
        for part in ("train", "test"):
            folder = ImageFolder(f"{task.folder}/{part}", to_tensor())
            batches = [
                (network(images).numpy(), labels.numpy())
                for images, labels in DataLoader(folder, batch_size=32, num_workers=2)
            ]
            parts[part] = [np.concatenate(columns) for columns in zip(*batches, strict=True)]
    head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(*parts["train"])
    X, y = parts["test"]
    right = (head.predict(X) == y).astype(int).tolist()
    answer(right=dict(zip([file for file, _ in folder.samples], right, strict=True)))
