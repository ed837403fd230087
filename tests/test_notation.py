"""How claims are written: the LaTeX of the book, and the normal forms that a proof shows."""

from fractions import Fraction

import pytest
import sympy as sp
from sympy import E, IndexedBase

from lossmath.claims.evaluation import evaluate_exactly
from lossmath.claims.hypotheses import Distribution, Hypotheses, Label, Real
from lossmath.claims.normal_form import Context
from lossmath.claims.notation import latex, show_normal_form
from lossmath.claims.quantities import *
from lossmath.claims.sampling import Point

SHARES = IndexedBase("h", shape=(M,), real=True)  # one for each input


def context(*given):
    return Context(Hypotheses(given))


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


def test_an_index_has_a_letter_that_means_nothing_else():
    where = context(Real(z), Label(j), Label(k))
    double = show_normal_form(where, total(total(exp(z[i] * z[y]), i), y))
    assert len({index.name for index in double.bound_symbols}) == 2
    values = {z: (Fraction(1), Fraction(-1)), j: Fraction(2), k: Fraction(1)}
    expected = 2 * E + 2 / E  # of the products 1, -1, -1, 1
    assert abs(evaluate_exactly(double, Point({K: 2, N: 1, M: 1}, values)) - expected) < 1e-12
    beside = show_normal_form(where, z[j] * z[k] * total(z[y], y))
    assert not {index.name for node in beside.atoms(sp.Sum) for index in node.bound_symbols} & {"j", "k"}


def test_what_is_shown_is_in_the_symbols_of_the_claim():
    where = context(Distribution(q, positive=True), Real(z), Real(scores), Real(SHARES), x > 0, x < 1, Label(y))
    nested = total(z[i] * log(total(exp(z[j] * z[i]) * log(total(exp(z[k] * z[j]), k)), j)), i)
    assert show_normal_form(where, x * (x + total(q[i] ** 2, i))) == x**2 + x * total(q[j] ** 2, j)
    shown = show_normal_form(where, nested)
    assert shown == total(z[i] * log(total(exp(z[k] * z[i]) * log(total(exp(z[j] * z[k]), j)), k)), i)
    assert show_normal_form(where, total(log(total(exp(scores[i, a]), a)), i, N)) == total(
        log(total(exp(scores[n, j]), j)), n, N
    )
    assert show_normal_form(where, total(exp(SHARES[i]), i, M)) == total(exp(SHARES[a]), a, M)
    deeper = show_normal_form(where, total(log(total(exp(z[i] * z[j]) * nested, j)), i))
    assert {index.name for node in deeper.atoms(sp.Sum) for index in node.bound_symbols} <= {"i", "j", "k"}
    assert show_normal_form(where, q[y] + total((1 - KroneckerDelta(k, y)) * z[k], k)) == q[y] + total(z[j], j) - z[y]
