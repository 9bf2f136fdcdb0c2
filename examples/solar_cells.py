"""Find broken solar cells: 2 624 real electroluminescence pictures, one command.

The pictures come with PyPI's `elpv-dataset` (CC BY-NC-SA 4.0). Each has a probability of being
defective, given by experts: 0, 1/3, 2/3 or 1; from 1/2 on it counts as defective here.

Deitsch et al. 2019 (arXiv 1807.02894) report, on a test quarter: SVM on hand-made features 82.4 %,
fine-tuned VGG-19 88.4 %.
"""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path

import headstart as hs
from headstart.cli.console import Console
from headstart.reports.results import percent

FOLDER = Path(__file__).parent.parent / "build"


def write_table(target: Path) -> Path:
    """A table that headstart reads: picture, label."""
    found = importlib.util.find_spec("elpv_dataset")
    if found is None or found.origin is None:
        sys.exit("the pictures are missing: pip install '.[demo]'")
    data = Path(found.origin).parent / "data"
    target.parent.mkdir(exist_ok=True)
    with target.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "label"])
        for line in (data / "labels.csv").read_text().splitlines():
            name, probability, _module = line.split()
            label = "defective" if float(probability) >= 0.5 else "functional"
            writer.writerow([data / name, label])
    return target


def main() -> None:
    """Fit, judge, and say where the report is."""
    table = write_table(FOLDER / "solar-cells.csv")
    classifier = hs.fit(
        table,
        FOLDER / "solar-cells.headstart",
        test_share=0.25,
        strategy="freeze",  # fine-tuning takes minutes; leave this out to have it tried
        progress=Console(),
    )
    low, high = classifier.test["interval"]
    print(
        f"\nfrozen features and a head: {percent(classifier.test['accuracy'])} "
        f"({100 * low:.1f} – {100 * high:.1f}) of {classifier.test['num_images']} test pictures\n"
        "published (Deitsch et al. 2019): SVM on hand-made features 82.4 %, "
        "fine-tuned VGG-19 88.4 %\n"
        f"report: {classifier.folder / 'report.html'}"
    )


if __name__ == "__main__":
    main()
