import math
import subprocess
import sys

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from lossmath.claims.evaluation import evaluate
from lossmath.claims.notation import latex
from lossmath.claims.quantities import *

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
    assert evaluate(softmax(z)[y], at) == pytest.approx(logits.softmax(0)[label - 1].item())
    others = torch.cat([logits[: label - 1], logits[label:]])
    s_ = others.logsumexp(0) - logits[label - 1]
    assert evaluate(lead(z, y), at) == pytest.approx(s_.item())
    assert evaluate(sigmoid(lead(z, y)), at) == pytest.approx(s_.sigmoid().item())
    assert evaluate(softplus(lead(z, y)), at) == pytest.approx(torch.nn.functional.softplus(s_).item())
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


# made in the test, so that what makes them is tested too
NAMED = [
    (lambda: entropy(p), "entropy(p)", r"\mathrm{H}\left[p\right]"),
    (lambda: kl_divergence(p, q), "kl_divergence(p, q)", r"\mathrm{KL}\left(p \,\|\, q\right)"),
    (lambda: focal_loss(p, q, gamma), "focal_loss(p, q, gamma)", r"\mathrm{CE}_{\gamma}\left(p \,\|\, q\right)"),
    (lambda: dataset_loss(conditional), "dataset_loss(q)", r"\mathcal{L}_{\mathrm{CE}}\left(q\right)"),
    (
        lambda: expectation(p, lambda c: log(q[c])),
        "expectation(p, f)",
        r"\mathbb{E}_{k \sim p}\left[\log{\left(q_{k} \right)}\right]",
    ),
    (lambda: maximum_norm(P), "maximum_norm(P)", r"\left\lVert P \right\rVert_\infty"),
    (lambda: maximum_norm(Vector("v", lambda c: p[c])), "maximum_norm(v)", r"\left\lVert v \right\rVert_\infty"),
    (lambda: one_hot(y)[k], r"\delta_{y}[k]", r"{\delta_{y}}_{k}"),
    (
        lambda: softmax(scores)[n, k],
        r"\operatorname{softmax}\left(z\right)[n, k]",
        r"{\operatorname{softmax}\left(z\right)}_{n,k}",
    ),
    (lambda: smooth_labels(p, epsilon)[k], r"\widetilde{p}[k]", r"{\widetilde{p}}_{k}"),
    (lambda: predictions(conditional)[n, k], "q[n, k]", "{q}_{n,k}"),
]


@pytest.mark.parametrize(("expr", "text", "shown"), NAMED, ids=[text for _, text, _ in NAMED])
def test_quantities_print_by_name(expr, text, shown):
    assert (str(expr()), latex(expr())) == (text, shown)
    assert latex(expr() ** 2) == shown + "^{2}"


@pytest.mark.parametrize(
    ("expr", "shown"),
    [
        (total((1 - sp.KroneckerDelta(j, y)) * z[j], j), r"\sum_{j \ne y} z_{j}"),
        (total((1 - sp.KroneckerDelta(y, j)) * (z[j] + 1), j), r"\sum_{j \ne y} \left(z_{j} + 1\right)"),
        (total(sp.KroneckerDelta(j, y) * z[j], j), r"\sum_{j=1}^{K} \delta_{j y} z_{j}"),
        (total(total(p[j] * conditional[a, k], k), j), r"\sum_{j=1}^{K} \sum_{k=1}^{K} p_{j} q_{a,k}"),
        (total(z[n], n, N), r"\sum_{n=1}^{N} z_{n}"),
        (p[k] * log(q[k]), r"p_{k} \log{\left(q_{k} \right)}"),
        (gamma * p[k] * log(q[k]), r"\gamma p_{k} \log{\left(q_{k} \right)}"),
        (entropy(p) * gamma + cross_entropy(p, q), rf"{latex(cross_entropy(p, q))} + \gamma {latex(entropy(p))}"),
        (entropy(q) - entropy(p), rf"{latex(entropy(q))} - {latex(entropy(p))}"),
        (limit(x, x, oo), r"\lim_{x \to \infty} x"),
        (limit(x, x, 0, "+"), r"\lim_{x \to 0^+} x"),
        (gradient(cross_entropy(p, q), p[k]), rf"\frac{{\partial}}{{\partial p_{{k}}}} {latex(cross_entropy(p, q))}"),
    ],
)
def test_expressions_are_shown_in_the_hand_of_the_field(expr, shown):
    assert latex(expr) == shown


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
