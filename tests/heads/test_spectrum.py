"""The decomposition, against its definition and numpy's singular values."""

import functools

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from headstart.heads import spectrum as spectrum_file
from headstart.heads.spectrum import Rows, class_sums, decompose


def basis_of(spectrum):
    return functools.reduce(np.matmul, spectrum.factors)


def features(num_rows, dim, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=(num_rows, dim)) * random.uniform(0.1, 9, dim) + random.normal(
        size=dim
    )


@pytest.mark.parametrize(("num_rows", "dim"), [(40, 7), (12, 30), (20, 20)])
def test_is_the_standardised_rows_in_another_basis(num_rows, dim):
    X = features(num_rows, dim)
    spectrum = decompose(X)
    standardised = StandardScaler().fit_transform(X)
    np.testing.assert_allclose(spectrum.rotated @ basis_of(spectrum).T, standardised, atol=1e-10)
    np.testing.assert_allclose(standardised @ basis_of(spectrum), spectrum.rotated, atol=1e-10)
    singular = np.linalg.svd(standardised, compute_uv=False)
    rank = min(num_rows - 1, dim)
    np.testing.assert_allclose(np.sort(spectrum.eigenvalues)[::-1], singular[:rank] ** 2)


def test_constant_columns_are_dropped():
    X = features(30, 5)
    X[:, 2] = 1234.5
    X[:, 3] = 0
    spectrum = decompose(X)
    assert len(spectrum.eigenvalues) == 3
    assert np.isfinite(spectrum.rotated).all()
    np.testing.assert_allclose(basis_of(spectrum)[[2, 3]], 0, atol=1e-12)


def test_without_any_variance_there_is_no_direction():
    spectrum = decompose(np.ones((6, 4)))
    assert spectrum.rotated.shape == (6, 0)
    assert spectrum.mean_eigenvalue == 1


def test_an_integer_weight_is_as_good_as_repeating_the_row():
    X = features(20, 6)
    counts = np.arange(20) % 3 + 1
    weights = counts * 20 / counts.sum()
    weighted = decompose(X, weights)
    repeated = decompose(np.repeat(X, counts, axis=0))
    np.testing.assert_allclose(weighted.mean, repeated.mean)
    gram = np.linalg.multi_dot(
        [basis_of(weighted), np.diag(weighted.eigenvalues), basis_of(weighted).T]
    )
    scaled = gram * np.outer(weighted.scale, weighted.scale) * counts.sum() / 20
    centred = np.repeat(X, counts, axis=0) - repeated.mean
    np.testing.assert_allclose(scaled, centred.T @ centred, atol=1e-8)


def test_affine_takes_raw_features():
    X = features(25, 4)
    spectrum = decompose(X)
    coefficients, intercept = np.random.default_rng(1).normal(size=(4, 3)), np.array([1.0, 2, 3])
    layer = spectrum.affine(coefficients, intercept)
    expected = spectrum.rotated @ coefficients + intercept
    np.testing.assert_allclose(layer.run(X.astype(np.float32)), expected, rtol=1e-4, atol=1e-4)


def test_rows_are_decomposed_once():
    rows = Rows(features(10, 3))
    assert rows.spectrum is rows.spectrum


def test_class_sums_against_a_loop():
    X, weights = features(15, 4), np.random.default_rng(2).uniform(size=15)
    y = np.arange(15) % 4
    slow = np.zeros((5, 4))
    for row, label, weight in zip(X, y, weights, strict=True):
        slow[label] += weight * row
    np.testing.assert_allclose(class_sums(X, y, 5, weights), slow)
    np.testing.assert_allclose(class_sums(X, y, 5)[1], X[y == 1].sum(axis=0))


def test_many_numbers_in_float32_give_the_rows_back(monkeypatch):
    monkeypatch.setattr(spectrum_file, "_EXACT", 0)
    for shape in ((300, 40), (30, 90)):
        X = features(*shape)
        spectrum = decompose(X)
        assert spectrum.rotated.dtype == basis_of(spectrum).dtype == np.float32
        assert spectrum.mean.dtype == np.float64
        back = spectrum.rotated @ basis_of(spectrum).T
        np.testing.assert_allclose(back, StandardScaler().fit_transform(X), atol=2e-5)


@pytest.mark.parametrize("shape", [(200, 60), (60, 200)])
@pytest.mark.parametrize("largest", [30, 100])  # a sketch; the whole matrix
@pytest.mark.parametrize("weighted", [False, True])
def test_the_leading_directions_are_those_of_the_singular_values(
    weighted, largest, shape, monkeypatch
):
    monkeypatch.setattr(spectrum_file, "_MOST_DIRECTIONS", 30)
    monkeypatch.setattr(spectrum_file, "_LARGEST_GRAM", largest)
    monkeypatch.setattr(spectrum_file, "_BLOCK", 64)
    random = np.random.default_rng(0)
    num, dim = shape
    X = (random.normal(size=(num, 60)) * np.logspace(1, -3, 60)) @ random.normal(size=(60, dim))
    weights = None
    if weighted:
        weights = random.uniform(0.5, 2, num)
        weights *= num / weights.sum()
    spectrum = decompose(X, weights)
    root = np.ones(num) if weights is None else np.sqrt(weights)
    Z = (X - spectrum.mean) / X.std(axis=0) * root[:, None]
    left, singular, _ = np.linalg.svd(Z, full_matrices=False)
    order = np.argsort(-spectrum.eigenvalues)
    assert len(order) == 30
    np.testing.assert_allclose(spectrum.eigenvalues[order][:20], singular[:20] ** 2, rtol=1e-4)
    np.testing.assert_allclose(basis_of(spectrum).T @ basis_of(spectrum), np.eye(30), atol=1e-10)
    np.testing.assert_allclose(Z @ basis_of(spectrum), spectrum.rotated, atol=1e-8)
    own = spectrum.rotated[:, order][:, :20] / np.sqrt(spectrum.eigenvalues[order][:20])
    np.testing.assert_allclose(np.abs((own * left[:, :20]).sum(axis=0)), 1, atol=1e-3)
