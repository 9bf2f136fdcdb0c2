"""Heads: features in (float32 [N, D] and labels), scores and probabilities out ([N, C]).

Every head keeps scikit-learn's contract for classifiers and leaves, after fitting, its
``layers_`` (numpy arrays that give the scores without scikit-learn) and its ``temperature_``.
``catalog`` names them, ``cross_validation`` compares them on the same rows, ``selection`` chooses
one, ``fitting`` fits it.
"""
