"""The model card of an exported classifier: what it is, how good, on what, and its limits."""

from __future__ import annotations

from typing import Any

from headstart.model.record import Record

_PLAIN = """\
It is a plain timm network:

```python
import timm

model = timm.create_model("local-dir:.", pretrained=True).eval()  # or "hf-hub:USER/NAME"
```

The softmax of its outputs is the calibrated probability.
"""
_WITH_HEAD = """\
The head is more than a linear layer on the network's last features: `classifier.py` holds the
whole of it as a torch module (timm alone loads `model.safetensors` as a network of features).

```python
from classifier import Classifier

model = Classifier(".").eval()  # uint8 pixels [N, size, size, 3] to probabilities
```
"""


def model_card(record: Record, receipt: dict[str, Any], is_plain: bool) -> str:
    """Markdown with the front matter that the Hugging Face hub reads.

    Args:
        record: Of the bundle.
        receipt: Of the run that made it; empty where it is gone.
        is_plain: Whether timm alone loads it as a classifier.
    """
    sections = (
        _front_matter(record),
        f"# {len(record.class_names)} classes by {record.backbone['architecture']}\n",
        f"Tells apart: {', '.join(map(_code, record.class_names))}.\n",
        "Made with [Headstart](https://pypi.org/project/headstart/) "
        f"{record.versions['headstart']}: {_strategy(record)}.\n",
        "## How good it is\n",
        _measured(record, receipt),
        "## What it learned from\n",
        _data(record, receipt),
        "## How to use it\n",
        "`python predict.py PICTURE ...` (needs torch, timm, Pillow and numpy).\n",
        _PLAIN if is_plain else _WITH_HEAD,
        _preprocessing(record),
        "## Limits\n",
        _limits(record),
        "## Licence\n",
        f"The pretrained weights ({record.backbone['weights']}): {record.backbone['licence']}. "
        "Whoever trained the classifier says under which licence it may be used beyond that.\n",
    )
    return "\n".join(sections)


def _front_matter(record: Record) -> str:
    lines = ["---", "library_name: timm", "pipeline_tag: image-classification"]
    if record.backbone["licence"] == "apache-2.0":
        lines.append("license: apache-2.0")
    return "\n".join([*lines, "tags:", "- image-classification", "- timm", "- headstart", "---\n"])


def _strategy(record: Record) -> str:
    head = f"head {_code(record.head['name'])} at {_code(' + '.join(record.head['taps']))}"
    return f"strategy {_code(record.head.get('strategy', 'freeze'))}, {head}"


def _measured(record: Record, receipt: dict[str, Any]) -> str:
    test, clean = receipt.get("test", {}), record.test.get("without_leakage")
    rows = [
        "| on pictures held out for the test | value |",
        "|---|---|",
        *([_accuracy("accuracy on those that training has not seen", clean)] if clean else []),
        _accuracy("accuracy, copies of them included" if clean else "accuracy", record.test),
    ]
    for key, words in (
        ("balanced_accuracy", "balanced accuracy"),
        ("majority_baseline", "accuracy of always saying the largest class"),
        ("calibration_error", "calibration error"),
    ):
        if test.get(key) is not None:
            rows.append(f"| {words} | {_percent(test[key])} |")
    rows.append("")
    if classes := test.get("classes"):
        rows += ["| class | precision | recall | pictures |", "|---|---|---|---|"]
        rows += [
            f"| {_code(row['name'])} | {_percent(row['precision'])} | {_percent(row['recall'])} "
            f"| {row['support']} |"
            for row in classes
        ]
        rows.append("")
    return "\n".join(rows)


def _accuracy(what: str, test: dict[str, Any]) -> str:
    if test["accuracy"] is None:
        return f"| {what} | not known: there are none |"
    low, high = map(_percent, test["interval"])
    value = f"{_percent(test['accuracy'])} (95 % interval {low} to {high})"
    return f"| {what} | {value} of {test['num_images']} |"


def _data(record: Record, receipt: dict[str, Any]) -> str:
    counts = ", ".join(f"{_code(name)} {num}" for name, num in record.data["counts"].items())
    lines = [
        f"{record.data['num_training_images']} of {record.data['num_images']} labelled pictures "
        f"({counts}); the others were held out.",
    ]
    if rule := receipt.get("split", {}).get("rule"):
        lines.append(f"Split: {rule}.")
    return "\n".join([*lines, ""])


def _preprocessing(record: Record) -> str:
    wanted = record.preprocessing
    if not wanted.crop:
        return (
            f"Pictures: upright RGB, squeezed to {wanted.size} x {wanted.size} pixels "
            f"({wanted.interpolation}, antialiased); `pictures.py` does it.\n"
        )
    return (
        f"Pictures: upright RGB, shorter side to {wanted.resize} pixels ({wanted.interpolation}, "
        f"antialiased), centre {wanted.size} x {wanted.size} cut out; `pictures.py` does it.\n"
    )


def _limits(record: Record) -> str:
    lines = [
        "- It gives one of its classes for any picture, also for one that shows none of them. "
        "Whether a picture is unlike all training pictures is not part of this export.",
        f"- Below a probability of {record.unsure.ambiguous_below:.2f} Headstart calls the answer "
        "unsure.",
        "- The figures hold for pictures like those it was judged on. Other cameras, places or "
        "times need a test of their own.",
    ]
    if not record.backbone["pretrained"]:
        lines.append("- The backbone has RANDOM WEIGHTS: nothing was learned before.")
    return "\n".join([*lines, ""])


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _code(text: str) -> str:
    """Class names are anything at all: none may become markup."""
    return "`" + text.replace("`", "'").replace("|", "/").replace("\n", " ") + "`"
