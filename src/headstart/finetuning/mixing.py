"""Two pictures in one: mixup and cutmix, on pixels or on what the trunk made of them.

Source:
    Zhang et al. 2018, arXiv 1710.09412 (mixup); Verma et al. 2019, arXiv 1806.05236 (on hidden
    layers); Yun et al. 2019, arXiv 1905.04899 (cutmix).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor


def mixed(
    x: Tensor, mixup: float, cutmix: float, random: np.random.Generator
) -> tuple[Tensor, Tensor, float]:
    """A batch in which each picture has a part of another.

    Args:
        x: float32 [B, ...].
        mixup: Parameter of the Beta distribution; 0: not used.
        cutmix: Likewise; only for [B, C, H, W]. Where both are set one is drawn.
        random: Draws the parts.

    Returns:
        The batch; int64 [B], each picture's partner; the share of the picture itself.
    """
    partner = torch.from_numpy(random.permutation(len(x)))
    cuts = bool(cutmix) and x.ndim == 4 and (not mixup or random.random() < 0.5)
    parameter = cutmix if cuts else mixup
    if not parameter:
        return x, partner, 1.0
    share = float(random.beta(parameter, parameter))
    if not cuts:
        return share * x + (1 - share) * x[partner], partner, share
    height, width = x.shape[2:]
    top, bottom = _interval(height, math.sqrt(1 - share), random)
    left, right = _interval(width, math.sqrt(1 - share), random)
    x = x.clone()
    x[:, :, top:bottom, left:right] = x[partner, :, top:bottom, left:right]
    return x, partner, 1 - (bottom - top) * (right - left) / (height * width)


def _interval(length: int, share: float, random: np.random.Generator) -> tuple[int, int]:
    middle, half = random.uniform(0, length), share * length / 2
    return max(0, round(middle - half)), min(length, round(middle + half))
