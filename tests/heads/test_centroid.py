"""Nearest mean against a slow loop."""

import numpy as np
from sklearn.metrics.pairwise import cosine_similarity

from headstart.heads.centroid import NearestMeanHead


def test_scores_are_cosines_with_the_class_means():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(30, 8)) + 4, np.arange(30) % 3
    centred = X - X.mean(axis=0)
    directions = np.array([row / np.linalg.norm(row) for row in centred])
    means = np.array([directions[y == label].mean(axis=0) for label in range(3)])
    scores = NearestMeanHead().fit(X, y).scores(X)
    np.testing.assert_allclose(scores, cosine_similarity(centred, means), atol=1e-5)
