from fractions import Fraction

import mpmath
import pytest
import statements
import sympy as sp

from lossmath import refute
from lossmath.claims import Claim, Distribution, Real
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


def test_many_classes_where_few_do_not_show_it():
    found = Claim("five", (entropy(p), "<=", log(5)), given=[P]).refute()
    assert found.point.sizes[K] > 5


def test_the_same_seed_finds_the_same():
    claim = Claim("symmetric", (cross_entropy(p, q), "==", cross_entropy(q, p)), given=[Distribution(p, positive=True), Q])
    assert str(claim.refute(seed=3)) == str(claim.refute(seed=3))
