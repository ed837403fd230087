import subprocess
import sys

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from lossmath.check import evaluate
from lossmath.symbolic import *

SIX = [0.05, 0.1, 0.15, 0.2, 0.25, 0.25]


@pytest.mark.parametrize(
    ("module", "absent"), [("lossmath.symbolic", "torch"), ("lossmath.claims", "torch"), ("lossmath.losses", "sympy")]
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
    assert evaluate(entropy(p), at).item() == pytest.approx(-np.log(truth**truth).sum(), abs=1e-12)
    assert evaluate(cross_entropy(p, q), at).item() == pytest.approx(np.log(1 / model) @ truth, abs=1e-12)
    assert evaluate(kl_divergence(p, q), at).item() == pytest.approx(truth @ np.log(truth / model), abs=1e-12)
    assert evaluate(expectation(p, lambda c: q[c]), at).item() == pytest.approx(truth @ model, abs=1e-12)


def test_the_softmax_quantities_against_torch():
    import torch

    logits, label = torch.tensor([1.5, -0.3, 0.2, 2.0], dtype=torch.float64), 3
    at = {z: logits, y: label}
    assert evaluate(softmax(z)[y], at).item() == pytest.approx(logits.softmax(0)[label - 1].item())
    others = torch.cat([logits[: label - 1], logits[label:]])
    s_ = others.logsumexp(0) - logits[label - 1]
    assert evaluate(lead(z, y), at).item() == pytest.approx(s_.item())
    assert evaluate(sigmoid(lead(z, y)), at).item() == pytest.approx(s_.sigmoid().item())
    assert evaluate(softplus(lead(z, y)), at).item() == pytest.approx(torch.nn.functional.softplus(s_).item())
    assert evaluate(one_hot(y)[j], {y: 3, j: 3}).item() == 1
    assert evaluate(one_hot(y)[j], {y: 3, j: 2}).item() == 0
    smoothed = evaluate(smooth_labels(p, epsilon)[j], {p: SIX, epsilon: 0.1, j: 2}).item()
    assert smoothed == pytest.approx(0.9 * 0.1 + 0.1 / 6)


def test_the_data_set_against_a_loop():
    import math

    table = [[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]]
    xs, ys = [1, 1, 3, 2, 1], [1, 2, 2, 1, 2]
    mean = -sum(math.log(table[x - 1][y - 1]) for x, y in zip(xs, ys)) / len(xs)
    at = {conditional: table, inputs: xs, labels: ys}
    assert evaluate(dataset_loss(conditional), at).item() == pytest.approx(mean)
    assert evaluate(empirical_cross_entropy(conditional), at).item() == pytest.approx(mean)
    assert evaluate(empirical(a, k), at | {a: 1, k: 2}).item() == pytest.approx(2 / 5)


def test_a_vector_does_not_capture_the_index_it_is_given():
    vector = Vector("v", lambda c: total(p[j] * z[c], j))
    (summed,) = unfold(vector[j]).atoms(sp.Sum)
    assert summed.has(z[j]) and summed.bound_symbols[0] != j


def test_quantities_print_by_name():
    assert str(kl_divergence(p, q)) == "kl_divergence(p, q)"
    assert latex(entropy(p)) == r"\mathrm{H}\left[p\right]"
    assert latex(total((1 - sp.KroneckerDelta(j, y)) * z[j], j)) == r"\sum_{j \ne y} z_{j}"
    assert latex(p[k] * log(q[k])) == r"p_{k} \log{\left(q_{k} \right)}"
