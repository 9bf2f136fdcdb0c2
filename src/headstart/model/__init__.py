"""A saved classifier and its predictions.

In: a bundle folder and pictures. Out: `Prediction`s. Imports no training code: neither torch, nor
timm, nor scikit-learn, nor (except to write one) onnx.
"""
