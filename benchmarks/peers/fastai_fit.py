"""fastai as its first lesson shows it: a frozen epoch, then one or more with all unfrozen."""

import timm
import torch
from fastai.vision.all import (
    ImageDataLoaders,
    Resize,
    accuracy,
    get_image_files,
    set_seed,
    vision_learner,
)
from task import answer, given

if __name__ == "__main__":
    task = given()
    set_seed(0, reproducible=True)
    made = timm.create_model

    def create_model(name: str, pretrained: bool = False, **more: object) -> torch.nn.Module:
        """The weights that everyone here starts from, instead of a download."""
        network = made(name, pretrained=False, **more)
        network.load_state_dict(torch.load(task.weights, weights_only=True), strict=False)
        return network

    timm.create_model = create_model
    count = len(get_image_files(f"{task.folder}/train"))
    pictures = ImageDataLoaders.from_folder(
        task.folder,
        train="train",
        valid="test",
        item_tfms=Resize(224),
        bs=min(64, count // 4),  # 64 is its default; a rest smaller than a batch is left out
        num_workers=2,
    )
    learner = vision_learner(pictures, task.architecture, metrics=accuracy)
    with learner.no_bar(), learner.no_logging():
        learner.fine_tune(task.epochs)
        probabilities, labels = learner.get_preds()
    right = (probabilities.argmax(dim=1) == labels).int().tolist()
    answer(right=dict(zip(map(str, pictures.valid_ds.items), right, strict=True)))
