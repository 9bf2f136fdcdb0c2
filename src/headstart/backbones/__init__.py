"""Pretrained networks without their last layer.

In: a name and weights. Out: a `Backbone`: one ONNX graph (uint8 pixels in, pooled features at
named taps out), its preprocessing and its fingerprint. Only `building` and `from_timm` know torch,
and they run in a process of their own, once for each backbone.
"""
