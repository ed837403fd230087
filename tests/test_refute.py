import random
from fractions import Fraction

import mpmath
import pytest
import statements
import sympy as sp

from lossmath import refute
from lossmath.claims import Claim, Distribution, Label, OneHot, Real
from lossmath.refute import NotRefuted, Point, Undefined
from lossmath.symbolic import *

P, Q = Distribution(p), Distribution(q, positive=True)


def obeys(claim, point):
    """The point lies in the domain, by exact fractions."""
    for base, positive in claim.hypotheses.distributions.items():
        rows = point.values.get(base, ())
        for row in rows if rows and isinstance(rows[0], tuple) else [rows]:
            assert not row or (sum(row) == 1 and min(row) >= 0 and (min(row) > 0 or not positive))
    for symbol, interval in claim.hypotheses.intervals.items():
        if symbol in point.values:
            value = point.values[symbol]
            assert interval.contains(sp.Rational(value.numerator, value.denominator)) == sp.true


@pytest.mark.parametrize("name", statements.FALSE)
def test_a_false_statement_has_a_counterexample(name):
    claim = statements.FALSE[name]()
    found = claim.refute()
    obeys(claim, found.point)
    left, right = found.left, found.right
    relation = found.statement[1]
    assert {"==": left != right, "<=": left > right, ">=": left < right}[relation]
    one, other = found._sides()
    assert one != other and one in str(found) and found._repr_markdown_()


@pytest.mark.parametrize("name", statements.UNDER)
def test_a_dropped_hypothesis_shows_where_both_sides_are_defined(name):
    kind, claim = statements.UNDER[name]
    if kind == "false":
        obeys(claim(), claim().refute().point)
    else:
        with pytest.raises(NotRefuted):
            claim().refute()


@pytest.mark.parametrize("name", [name for number, name in enumerate(statements.TRUE) if number % 6 == 0])
def test_a_true_statement_is_not_refuted(name):
    with pytest.raises(NotRefuted, match="this proves nothing"):
        statements.TRUE[name]().claim.refute()


def test_a_counterexample_is_short():
    found = Claim(
        "kl", (kl_divergence(p, q), "==", kl_divergence(q, p)), given=[Distribution(p, positive=True), Q]
    ).refute()
    assert found.point.sizes[K] == 2
    assert all(entry.denominator <= 10 for base in (p, q) for entry in found.point.values[base])


def test_a_counterexample_lists_only_what_the_statement_speaks_of():
    found = Claim("x", (x, "<=", 1), given=[P, Real(z), x > 0]).refute()
    assert set(found.point.values) == {x}


def test_zero_log_zero_is_zero_and_log_zero_is_not_a_number():
    point = Point({K: 2}, {p: (Fraction(0), Fraction(1)), q: (Fraction(1, 2), Fraction(1, 2))})
    assert refute.evaluate(entropy(p), point) == 0
    assert refute.evaluate(kl_divergence(p, q), point) == pytest.approx(mpmath.log(2))
    with pytest.raises(Undefined):
        refute.evaluate(cross_entropy(q, p), point)


def test_an_undefined_point_is_no_counterexample():
    with pytest.raises(NotRefuted):
        Claim("ratio", (x / x**2, "==", 1 / x), given=[Real(x)]).refute()


def test_a_violation_on_a_sliver_is_found():
    found = Claim("sliver", ((x - Rational(3, 7)) ** 2, ">=", Rational(1, 10**9)), given=[x > 0, x < 1]).refute()
    assert abs(found.point.values[x] - Fraction(3, 7)) < Fraction(4, 10**5)


def test_a_violation_on_a_sliver_of_the_distributions_is_found_and_is_one_of_a_distribution():
    away = (p[y] - Rational(3, 7)) ** 2 + (x - Rational(2, 3)) ** 2
    claim = Claim("sliver", (away, ">=", Rational(1, 10**6)), given=[P, Label(y), Real(x)])
    found = claim.refute()
    obeys(claim, found.point)
    assert abs(found.point.values[p][int(found.point.values[y]) - 1] - Fraction(3, 7)) < Fraction(1, 1000)


def test_many_classes_where_few_do_not_show_it():
    found = Claim("five", (entropy(p), "<=", log(5)), given=[P]).refute()
    assert found.point.sizes[K] > 5


def test_the_same_seed_finds_the_same():
    claim = Claim("symmetric", (cross_entropy(p, q), "==", cross_entropy(q, p)), given=[Distribution(p, positive=True), Q])
    assert str(claim.refute(seed=3)) == str(claim.refute(seed=3))


def test_a_point_is_written_in_short_numbers():
    many = tuple(Fraction(n) for n in range(9))
    rows = (Fraction(1), Fraction(2)), (Fraction(3), Fraction(4))
    half = (Fraction(1, 4), Fraction(3, 4))
    point = Point({K: 2}, {p: half, x: Fraction(1, 10**7), t: Fraction(10**9), u: Fraction(-3, 7), z: many, scores: rows})
    text = "K = 2, p = (1/4, 3/4), x = 1e-7, t = 1e+9, u = -3/7, z = (0, 1, 2, ..., 8), z = ((1, 2), (3, 4))"
    assert str(point) == text
    shown = (
        "K = 2", r"p = \left(1/4,\ 3/4\right)", r"x = 1 \times 10^{-7}", r"t = 1 \times 10^{9}", "u = -3/7",
        r"z = \left(0,\ 1,\ 2,\ \dots,\ 8\right)", r"z = \left(\left(1,\ 2\right),\ \left(3,\ 4\right)\right)",
    )  # fmt: skip
    assert point.latex() == ", ".join(f"${part}$" for part in shown)


@pytest.mark.parametrize(
    ("statement", "given", "text", "shown"),
    [
        ((entropy(p), ">=", log(2)), [P], "K = 2, p = (1, 0): the left side is 0, which is not >= 0.69315", "0 < 0.69315"),
        ((x, "<=", 1), [x > 0], "x = 2: the left side is 2, which is not <= 1", "2 > 1"),
        # as many digits as tell the two sides apart
        ((x, "==", x * (1 + Rational(1, 10**8))), [x >= 1, x <= 2],
         "x = 1: the left side is 1, which is not == 1.00000001", r"1 \neq 1.00000001"),
        ((exp(50 * x), "<=", 10), [x >= Rational(3, 5), x < 1],
         "x = 3/5: the left side is 1.0686e+13, which is not <= 10", r"1.0686 \times 10^{13} > 10"),
        ((limit(log(t), t, oo), "==", 5), [t > 1],
         "t = 1e+300: the left side is 690.78, which is not == 5", r"690.78 \neq 5"),
    ],
)  # fmt: skip
def test_a_counterexample_is_written_so_that_it_can_be_verified(statement, given, text, shown):
    found = Claim("wrong", statement, given=given).refute()
    assert str(found) == text and repr(found) == f"wrong refuted with {text}"
    left, relation, right = statement
    relation = {"==": "=", "<=": r"\leq", ">=": r"\geq"}[relation]
    false, at = found._repr_markdown_().split("\n\n")
    assert false == f"✗ **False**: ${latex(left)} {relation} {latex(right)}$"
    assert at == f"at {found.point.latex()} the two sides are ${shown}$."


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        (log(x), 0), (log(x), -1), (1 / x, 0), (sqrt(x), -1), (x ** Rational(-1, 2), 0), (LambertW(x), 0), (LambertW(x), -1),
        (x * log(x), -1), (exp(log(x)) + log(x), 0), (sp.sin(x), 1),
    ],
)  # fmt: skip
def test_what_has_no_real_value_is_undefined(expr, value):
    with pytest.raises(Undefined):
        refute.evaluate(expr, Point({K: 2}, {x: Fraction(value)}))


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (gradient(x**3 * u**2, x), 3 * 4 * 25),
        (sp.Derivative(x**3 * u**2, (x, 2), evaluate=False), 6 * 2 * 25),
        (sp.Derivative(x**3 * u**2, x, u, evaluate=False), 3 * 4 * 2 * 5),
        (gradient(total(k * z[k] ** 2, k), z[y]), 2 * 2 * 7),
        (gradient(total(total(n * scores[n, k] ** 2, k), n, N), scores[2, y]), 2 * 2 * 4),
        (x * log(x), 2 * mpmath.log(2)),
        (0 * x + (x - 2) * log(x - 2), 0),
        (sqrt(x) * sp.pi, mpmath.sqrt(2) * mpmath.pi),
        (Abs(-x) + sinh(x) + sp.cosh(x) + sp.tanh(x), 2 + mpmath.e**2 + mpmath.tanh(2)),
        (LambertW(x) * exp(LambertW(x)), 2),
        (maximum_norm(z) + maximum_norm(Vector("v", lambda c: -z[c])), 14),
    ],
)
def test_values_in_multiple_precision(expr, expected):
    rows = ((Fraction(1), Fraction(2)), (Fraction(3), Fraction(4)))
    at = {x: Fraction(2), u: Fraction(5), y: Fraction(2), z: (Fraction(3), Fraction(7)), scores: rows}
    found = refute.evaluate(expr, Point({K: 2, N: 2}, at))
    assert found == pytest.approx(float(expected), rel=1e-14, abs=1e-25)


def test_points_of_every_kind_obey_their_hypotheses_and_begin_with_the_shortest():
    vectors = [P, Q, OneHot(r, y), Label(labels), Real(scores)]
    numbers = [Real(t), x > 0, x < 1, gamma >= 1, u <= -2, epsilon >= 0, epsilon <= 1]
    claim = Claim("all", (x, "<=", 1), given=[*vectors, *numbers])
    drawn = list(refute.points(claim.hypotheses, {K: 3, N: 2, M: 1}, random.Random(0), 300))
    assert drawn == list(refute.points(claim.hypotheses, {K: 3, N: 2, M: 1}, random.Random(0), 300))
    for point in drawn:
        obeys(claim, point)
        assert len(point.values[p]) == len(point.values[r]) == 3
        assert sum(point.values[r]) == point.values[r][int(point.values[y]) - 1] == 1
        assert len(point.values[labels]) == 2 and {*point.values[labels], point.values[y]} <= {1, 2, 3}
        assert [len(row) for row in point.values[scores]] == [3, 3]
    first, second = drawn[0].values, drawn[1].values
    assert set(first[p]) == set(first[q]) == {Fraction(1, 3)}
    assert (first[gamma], second[gamma], first[u], first[epsilon], second[epsilon]) == (1, 2, -2, 0, 1)
    seen = {symbol: {point.values[symbol] for point in drawn} for symbol in (p, q, x, t, y)}
    assert any(0 in weights for weights in seen[p]) and any(1 in weights for weights in seen[p])
    assert any(max(weights) > Fraction(9, 10) for weights in seen[q])
    assert min(seen[x]) < Fraction(1, 20) and max(seen[x]) > Fraction(19, 20) and min(seen[t]) < 0 < max(seen[t])
    assert seen[y] == {1, 2, 3}
