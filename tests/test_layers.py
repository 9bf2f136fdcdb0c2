"""The array operations, against slow loops."""

import json

import numpy as np
import pytest
from scipy.special import softmax as their_softmax

from headstart.layers import (
    Affine,
    Normalise,
    Pool,
    Rectify,
    Root,
    Shift,
    Vote,
    from_plain,
    run,
    softmax,
    to_plain,
)


def normal(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def unit_rows(num_rows, dim):
    return Normalise().run(normal(num_rows, dim))


def vote(neighbours=3, sharpness=2.0):
    classes = np.arange(20, dtype=np.int64) % 3
    return Vote(unit_rows(20, 6), classes, 4, neighbours, sharpness, prior=0.01)


def test_affine_and_rectify():
    x, weight, bias = normal(5, 4), normal(4, 3), normal(3)
    slow = [[row @ weight[:, k] + bias[k] for k in range(3)] for row in x]
    np.testing.assert_allclose(Affine(weight, bias).run(x), slow, rtol=1e-5)
    rectified = Rectify().run(x)
    assert (rectified[x > 0] == x[x > 0]).all()
    assert (rectified[x <= 0] == 0).all()


def test_shift_and_root():
    x, offset = normal(5, 4), normal(4)
    np.testing.assert_array_equal(Shift(offset).run(x), x + offset)
    slow = [[np.copysign(abs(value) ** 0.5, value) for value in row] for row in x]
    np.testing.assert_allclose(Root().run(x), slow, rtol=1e-6)


def test_normalise_gives_length_one_and_leaves_zero_alone():
    x = normal(5, 4)
    x[2] = 0
    lengths = np.linalg.norm(Normalise().run(x), axis=1)
    np.testing.assert_allclose(lengths, [1, 1, 0, 1, 1], rtol=1e-6)


@pytest.mark.parametrize("neighbours", [1, 5, 20])
def test_vote_against_a_loop(neighbours):
    layer, x = vote(neighbours), unit_rows(7, 6)
    for row, found in zip(x, layer.run(x), strict=True):
        similarity = layer.bank @ row
        votes = np.full(4, layer.prior)
        for nearest in np.argsort(-similarity)[:neighbours]:
            votes[layer.classes[nearest]] += np.exp(2.0 * (similarity[nearest] - similarity.max()))
        np.testing.assert_allclose(found, np.log(votes / votes.sum()), rtol=1e-4, atol=1e-5)


def test_vote_gives_the_same_in_one_block_or_several():
    layer, x = vote(), unit_rows(2500, 6)
    whole = layer.run(x)
    np.testing.assert_allclose(whole[1000:1100], layer.run(x[1000:1100]), atol=1e-5)
    assert whole.dtype == np.float32


def pool():
    branches = (
        (Affine(normal(6, 4), normal(4)),),
        (Shift(normal(2)), Affine(normal(2, 4), normal(4))),
    )
    return Pool(branches, columns=((0, 6), (3, 5)), weights=(0.5, 2.0))


def test_a_pool_adds_up_what_its_branches_make_of_their_columns():
    layer, x = pool(), normal(5, 6)
    first, second = layer.branches
    expected = 0.5 * run(first, x) + 2 * run(second, x[:, 3:5])
    np.testing.assert_allclose(layer.run(x), expected, rtol=1e-6)
    assert layer.run(x).dtype == np.float32


def test_a_pool_goes_to_plain_and_back():
    layers, x = (Root(), pool()), normal(5, 6)
    described, arrays = to_plain(layers)
    assert sorted(arrays) == [
        *("1.0.0.bias", "1.0.0.weight", "1.1.0.offset", "1.1.1.bias", "1.1.1.weight"),
    ]
    again = from_plain(json.loads(json.dumps(described)), arrays)
    np.testing.assert_array_equal(run(again, x), run(layers, x))


def test_run_is_one_layer_after_the_other():
    x = normal(5, 6)
    layers = (Affine(normal(6, 6), normal(6)), Rectify(), Normalise(), vote())
    expected = x
    for layer in layers:
        expected = layer.run(expected)
    np.testing.assert_array_equal(run(layers, x), expected)


def test_softmax_is_scipys_and_survives_large_scores():
    scores = normal(6, 4) * 1000
    found = softmax(scores, temperature=30.0)
    np.testing.assert_allclose(found, their_softmax(scores / 30.0, axis=1), rtol=1e-5, atol=1e-7)
    assert found.dtype == np.float32


def test_to_plain_and_back():
    layers = (Affine(normal(6, 6), normal(6)), Rectify(), Normalise(), vote())
    described, arrays = to_plain(layers)
    assert [entry["kind"] for entry in described] == ["Affine", "Rectify", "Normalise", "Vote"]
    assert all(isinstance(array, np.ndarray) for array in arrays.values())
    x = normal(5, 6)
    np.testing.assert_array_equal(run(from_plain(described, arrays), x), run(layers, x))


def test_a_missing_array_or_an_unknown_kind_is_an_error():
    described, arrays = to_plain((Affine(normal(6, 6), normal(6)),))
    with pytest.raises(KeyError):
        from_plain(described, {})
    with pytest.raises(KeyError):
        from_plain([{"kind": "Convolution"}], arrays)
