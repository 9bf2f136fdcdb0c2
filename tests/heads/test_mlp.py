"""The network's layers against the scikit-learn network they came from."""

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from headstart.heads.mlp import FullyConnectedHead
from headstart.heads.spectrum import Rows, decompose
from headstart.randomness import integer


@pytest.mark.parametrize("num_classes", [2, 3])
def test_layers_give_the_networks_probabilities(num_classes):
    random = np.random.default_rng(0)
    y = np.arange(90) % num_classes
    X = random.normal(size=(90, 20)) * 3 + 2
    X[:, 0] += 5 * y
    head = FullyConnectedHead(hidden=8, directions=6, epochs=3, seed=5).fit(X, y)

    spectrum = decompose(X)
    strongest = np.argsort(-spectrum.eigenvalues)[:6]
    rows = spectrum.rotated[:, strongest].astype(np.float32)
    seed = integer(5, "fully-connected")
    network = MLPClassifier((8,), alpha=0.05 * 8, batch_size=8, random_state=seed)
    for _ in range(3):
        network.partial_fit(rows, y, classes=range(num_classes))
    head.temperature_ = 1.0
    np.testing.assert_allclose(head.predict_proba(X), network.predict_proba(rows), atol=1e-4)


def test_learns_what_no_linear_rule_can():
    random = np.random.default_rng(0)
    X = random.uniform(-1, 1, size=(400, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    head = FullyConnectedHead(hidden=64, weight_decay=0.0).fit_rows(Rows(X), y, None)
    assert head.score(X, y) > 0.9
