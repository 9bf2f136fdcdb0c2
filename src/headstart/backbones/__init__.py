"""Pretrained networks without their last layer.

In: a name and weights. Out: a `Backbone`: one ONNX graph (uint8 pixels in, pooled features at
named taps out), its preprocessing and its fingerprint. torch makes the graph in a process of its
own, once for each backbone; for those whose weights come with a package they are only filled in.
"""
