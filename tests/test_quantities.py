import math
import subprocess
import sys

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from lossmath.claims.evaluation import evaluate
from lossmath.claims.quantities import *
from lossmath.claims.quantities import differentiate

SIX = [0.05, 0.1, 0.15, 0.2, 0.25, 0.25]


@pytest.mark.parametrize(
    ("module", "absent"),
    [("lossmath.claims.quantities", "torch"), ("lossmath.claims", "torch"), ("lossmath.losses", "sympy")],
)
def test_one_side_does_not_import_the_other(module, absent):
    code = f"import {module}, sys; sys.exit({absent!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=8), st.data())
def test_the_quantities_against_their_textbook_formulas(weights, data):
    import numpy as np

    truth = np.array(weights) / sum(weights)
    model = np.array(data.draw(st.lists(st.floats(0.01, 1), min_size=len(weights), max_size=len(weights))))
    model = model / model.sum()
    at = {p: truth, q: model}
    assert evaluate(entropy(p), at) == pytest.approx(-np.log(truth**truth).sum(), abs=1e-12)
    assert evaluate(cross_entropy(p, q), at) == pytest.approx(np.log(1 / model) @ truth, abs=1e-12)
    assert evaluate(kl_divergence(p, q), at) == pytest.approx(truth @ np.log(truth / model), abs=1e-12)
    assert evaluate(expectation(p, lambda c: q[c]), at) == pytest.approx(truth @ model, abs=1e-12)


def test_the_softmax_quantities_against_torch():
    import torch

    logits, label = torch.tensor([1.5, -0.3, 0.2, 2.0], dtype=torch.float64), 3
    at = {z: logits, y: label}
    assert evaluate(softmax(z)[y], at) == pytest.approx(logits.softmax(0)[label - 1])
    others = torch.cat([logits[: label - 1], logits[label:]])
    s_ = others.logsumexp(0) - logits[label - 1]
    assert evaluate(lead(z, y), at) == pytest.approx(s_)
    assert evaluate(sigmoid(lead(z, y)), at) == pytest.approx(s_.sigmoid())
    assert evaluate(softplus(lead(z, y)), at) == pytest.approx(torch.nn.functional.softplus(s_))
    assert evaluate(one_hot(y)[j], {y: 3, j: 3}) == 1
    assert evaluate(one_hot(y)[j], {y: 3, j: 2}) == 0
    smoothed = evaluate(smooth_labels(p, epsilon)[j], {p: SIX, epsilon: 0.1, j: 2})
    assert smoothed == pytest.approx(0.9 * 0.1 + 0.1 / 6)


def test_the_data_set_against_a_loop():
    import math

    table = [[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]]
    xs, ys = [1, 1, 3, 2, 1], [1, 2, 2, 1, 2]
    mean = -sum(math.log(table[x - 1][y - 1]) for x, y in zip(xs, ys)) / len(xs)
    at = {conditional: table, inputs: xs, labels: ys}
    assert evaluate(dataset_loss(conditional), at) == pytest.approx(mean)
    assert evaluate(empirical_cross_entropy(conditional), at) == pytest.approx(mean)
    assert evaluate(empirical(a, k), at | {a: 1, k: 2}) == pytest.approx(2 / 5)


def test_a_vector_does_not_capture_the_index_it_is_given():
    vector = Vector("v", lambda c: total(p[j] * z[c], j))
    (summed,) = unfold(vector[j]).atoms(sp.Sum)
    assert summed.has(z[j]) and summed.bound_symbols[0] != j


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (x**3, x**3),
        (gradient(x**3 * u, x), 3 * x**2 * u),
        (u + x * gradient(x**3, x), u + 3 * x**3),
        (Derivative(x**4, (x, 2), evaluate=False), 12 * x**2),
        (Derivative(x**4 * u**3, (x, 2), u, evaluate=False), 36 * x**2 * u**2),
        (gradient(u * gradient(x**3 * u, x), u), 6 * x**2 * u),
        (exp(gradient(x**2, x)), exp(2 * x)),
    ],
)
def test_derivatives_are_worked_out(expr, expected):
    assert differentiate(expr) == expected


def test_a_derivative_of_a_sum_has_indices_of_its_own():
    summed = total(x**2 * z[k], k)
    slope = differentiate(gradient(summed, x))
    assert slope.bound_symbols != summed.bound_symbols and slope.dummy_eq(total(2 * x * z[k], k))
    twice = differentiate(Derivative(total(exp(x * z[k]), k) ** 2, (x, 2), evaluate=False))
    expected = sum((one + other) ** 2 for one in SIX for other in SIX)
    assert evaluate(twice.subs(x, 0), {z: SIX}) == pytest.approx(expected)


def test_a_limit_is_approached_from_inside():
    assert [str(limit(x, x, *to).args[3]) for to in ((oo,), (1,), (0, "+"), (-oo,))] == ["-", "-", "+", "+"]


def test_the_other_quantities_against_their_formulas():
    import numpy as np

    truth, model = np.array(SIX), np.array(SIX[::-1])
    for expr, expected in (
        (focal_loss(p, q, gamma), -(truth * (1 - model) ** 1.5 * np.log(model)).sum()),
        (dot(p, q), truth @ model),
        (sum_norm(Vector("v", lambda c: p[c] - q[c])), np.abs(truth - model).sum()),
        (maximum_norm(Vector("v", lambda c: p[c] - q[c])), np.abs(truth - model).max()),
        (maximum_norm(p), truth.max()),
        (cross_entropy(uniform(), q), -np.log(model).mean()),
        (total(p[k] * q[k], k), truth @ model),
    ):
        assert evaluate(expr, {p: truth, q: model, gamma: 1.5}) == pytest.approx(expected, abs=1e-14)
    assert evaluate(binary_entropy(x), {x: 0.25}) == pytest.approx(-0.25 * math.log(0.25) - 0.75 * math.log(0.75))


@pytest.mark.parametrize("own", [j, k])
def test_a_definition_does_not_capture_an_index_of_its_argument(own):
    # the vector that is p_2 at class 2 if the index is 2, and 0 else; each definition sums over an index of that name
    vector = Vector("v", lambda c: p[c] * sp.KroneckerDelta(own, c))
    for value in (2, 3):
        at = {p: SIX, own: value}
        assert evaluate(sum_norm(vector), at) == pytest.approx(SIX[value - 1])
        assert evaluate(dot(vector, vector), at) == pytest.approx(SIX[value - 1] ** 2)
        assert evaluate(entropy(vector), at) == pytest.approx(-SIX[value - 1] * math.log(SIX[value - 1]))
    assert evaluate(lead(z, own), {z: SIX, own: 3}) == evaluate(lead(z, y), {z: SIX, y: 3})
    given = {inputs: [1, 1, 2], labels: [1, 2, 2], own: 2, a: 1}
    assert evaluate(empirical(a, own), given) == pytest.approx(1 / 3)
    twice = {inputs: [1, 1, 2], labels: [2, 2, 1]}  # of three observations, two are alike
    assert evaluate(total(empirical(inputs[n], labels[n]), n, N), twice) == pytest.approx((2 + 2 + 1) / 3)


def test_a_vector_has_as_many_indices_as_its_formula():
    with pytest.raises(IndexError, match="2 indices, got 1"):
        unfold(softmax(scores)[n])
