"""Counterexamples, the search for them, and the guard of proofs."""

import random
import subprocess
import sys
from fractions import Fraction

import mpmath
import pytest
import statements
import sympy as sp

from lossmath.claims import Claim, Distribution, Label, OneHot, Real
from lossmath.claims import counterexample as refute
from lossmath.claims.counterexample import (
    NotRefuted,
    confirm,
    excess_at,
    excesses,
    find_counterexample,
    improve,
    violation,
)
from lossmath.claims.evaluation import evaluate_exactly
from lossmath.claims.notation import latex
from lossmath.claims.quantities import *
from lossmath.claims.sampling import Point, draw_points, obeys

P, Q = Distribution(p), Distribution(q, positive=True)
HALF = Fraction(1, 2)
AT = Point({K: 2}, {x: Fraction(2), u: Fraction(-5), t: Fraction(0)})


def has_its_domain(claim, point):
    """A counterexample lists what the statement speaks of only."""
    values = draw_points(claim.hypotheses, {K: 2, N: 1, M: 1} | point.sizes, random.Random(0), 1)[0].values
    return obeys(claim.hypotheses, Point(point.sizes, values | point.values))


@pytest.mark.parametrize("name", statements.FALSE)
def test_a_false_statement_has_a_counterexample(name):
    claim = statements.FALSE[name]()
    found = claim.refute()
    assert has_its_domain(claim, found.point)
    left, right = found.left, found.right
    relation = found.statement[1]
    assert {"==": left != right, "<=": left > right, ">=": left < right}[relation]
    one, other = found._sides()
    assert one != other and one in str(found) and found._repr_markdown_()


# What must fail is searched in full for these only.
IN_FULL = ("log-of-ratio", "gibbs")


@pytest.mark.parametrize("name", statements.UNDER)
def test_a_dropped_hypothesis_shows_where_both_sides_are_defined(name):
    kind, claim = statements.UNDER[name]
    if kind == "false":
        assert has_its_domain(claim(), claim().refute().point)
    else:
        with pytest.raises(NotRefuted):
            refute.refute(claim(), quick=name not in IN_FULL)


@pytest.mark.parametrize("name", [name for number, name in enumerate(statements.TRUE) if number % 6 == 0])
def test_a_true_statement_is_not_refuted(name):
    with pytest.raises(NotRefuted, match="this proves nothing"):
        refute.refute(statements.TRUE[name]().claim, quick=name not in IN_FULL)


def test_a_counterexample_is_short():
    found = Claim(
        "kl", (kl_divergence(p, q), "==", kl_divergence(q, p)), given=[Distribution(p, positive=True), Q]
    ).refute()
    assert found.point.sizes[K] == 2
    assert all(entry.denominator <= 10 for base in (p, q) for entry in found.point.values[base])


def test_a_counterexample_lists_only_what_the_statement_speaks_of():
    found = Claim("x", (x, "<=", 1), given=[P, Real(z), x > 0]).refute()
    assert set(found.point.values) == {x}


def test_an_undefined_point_is_no_counterexample():
    with pytest.raises(NotRefuted):
        Claim("ratio", (x / x**2, "==", 1 / x), given=[Real(x)]).refute()


def test_a_violation_on_a_sliver_is_found():
    found = Claim("sliver", ((x - Rational(3, 7)) ** 2, ">=", Rational(1, 10**9)), given=[x > 0, x < 1]).refute()
    assert (
        abs(found.point.values[x] - Fraction(3, 7)) < Fraction(4, 10**5) and found.point.values[x].denominator <= 10**7
    )


def test_a_violation_on_a_sliver_of_the_distributions_is_found_and_is_one_of_a_distribution():
    away = (p[y] - Rational(3, 7)) ** 2 + (x - Rational(2, 3)) ** 2
    claim = Claim("sliver", (away, ">=", Rational(1, 10**6)), given=[P, Label(y), Real(x)])
    found = claim.refute()
    assert has_its_domain(claim, found.point)
    assert abs(found.point.values[p][int(found.point.values[y]) - 1] - Fraction(3, 7)) < Fraction(1, 1000)


def test_many_classes_where_few_do_not_show_it():
    found = Claim("five", (entropy(p), "<=", log(5)), given=[P]).refute()
    assert found.point.sizes[K] > 5


def test_the_same_seed_finds_the_same():
    claim = Claim(
        "symmetric", (cross_entropy(p, q), "==", cross_entropy(q, p)), given=[Distribution(p, positive=True), Q]
    )
    assert str(claim.refute(seed=3)) == str(claim.refute(seed=3))


@pytest.mark.parametrize(
    ("statement", "given", "text", "shown"),
    [
        ((entropy(p), ">=", log(2)), [P], "K = 2, p = (0, 1): the left side is 0, which is not >= 0.69315",
        "0 < 0.69315"),
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
    false, at = found._repr_markdown_().split("; ")
    assert false == f"✗ **False**: ${latex(left)} {relation} {latex(right)}$"
    assert at == f"at {found.point.latex()} the two sides are ${shown}$."


@pytest.mark.parametrize(
    ("left", "right", "fails"),
    [
        (x, x, ""), (x, x + 1, "== >="), (x + 1, x, "== <="), (log(x), log(x) + Rational(1, 10**30), "== >="),
        # what roundings may leave: 1e-40 of 1 and both sides (differences were once off by 1e-15; they no longer are)
        (t, Rational(3, 10**40), "== >="), (Rational(3, 10**40), t, "== <="), (t, Rational(1, 2 * 10**40), ""),
        (1000 * x, 1000 * x + Rational(3, 10**37), ""), (1000 * x, 1000 * x + Rational(5, 10**37), "== >="),
        (-1000 * x, Rational(-5, 10**37) - 1000 * x, "== <="), (-1000 * x, Rational(-3, 10**37) - 1000 * x, ""),
        (gradient(exp(x), x), exp(x) + Rational(1, 10**30), "== >="), (gradient(exp(x), x), exp(x), ""),
        # what 60 digits do not see is worked out with 600
        (exp(400) * (log(1 + exp(-200)) - exp(-200)), exp(-200) / 3 - Rational(1, 2), ""),
        (sp.cosh(200 * x) + sinh(200 * x) + x - exp(200 * x), x, ""),
        (sp.cosh(200 * x) + sinh(200 * x) + x - exp(200 * x), x + 1, "== >="),
        (log(1 - 1 / (1 + exp(-200 * x))), -200 * x - log(1 + exp(-200 * x)), ""),
    ],
)  # fmt: skip
def test_a_statement_is_violated_beyond_what_roundings_may_have_done(left, right, fails):
    for relation in ("==", "<=", ">="):
        found = violation((left, relation, sp.sympify(right)), AT, None)
        assert (found is not None) == (relation in fails.split()), relation
        if found is not None and not left.has(sp.cosh):  # which 60 digits do not see
            expected = [float(evaluate_exactly(sp.sympify(side), AT)) for side in (left, right)]
            assert [*map(float, found)] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("left", "right", "shown"),
    [
        ("0", "1", ("0", "1")), ("0", "1e-40", ("0", "1.0e-40")), ("1", "1.00001", ("1", "1.00001")),
        ("0.5", "0.5000001", ("0.5", "0.5000001")), ("-2", "-2.5", ("-2", "-2.5")), ("2", "-2", ("2", "-2")),
        ("0.001", "0.0001", ("0.001", "1.0e-4")), ("123456", "133567", ("123460", "133570")),
        ("1234567890", "1", ("1.2346e+9", "1")), ("100000000", "1", ("100000000", "1")), ("7", "7", ("7.0", "7.0")),
        # five digits would round both to the same
        ("1.000004", "1.000006", ("1.000004", "1.000006")), ("1.2345678", "1.2346", ("1.234568", "1.2346")),
    ],
)  # fmt: skip
def test_two_sides_have_as_many_digits_as_tell_them_apart(left, right, shown):
    with mpmath.workdps(60):
        one, other = mpmath.mpf(left), mpmath.mpf(right)
    assert refute.Counterexample(None, None, None, one, other)._sides() == shown


@pytest.mark.parametrize(
    ("right", "tight"), [(0, False), (x, True), (x + Rational(1, 10**41), True), (x - Rational(1, 10**38), False)]
)
def test_two_sides_are_equal_to_forty_digits(right, tight):
    assert (excess_at((x, "==", right), AT) <= refute.SLACK) == tight


def test_a_doubt_is_about_a_false_statement_a_side_without_value_or_another_case_of_equality():
    def doubt(*statements, given, **more):
        return refute.doubt(Claim("doubtful", *statements, given=given, **more))

    assert doubt((x**2, ">=", 0), given=[Real(x)], equality={x: 0}) is None
    assert doubt((kl_divergence(p, q), ">=", 0), (entropy(p), "<=", log(K)), given=[P, Q], equality={q: p}) is None
    assert doubt((x, "<=", x + 1), (x, "<=", 0), given=[x >= 0]) == "x = 1: the left side is 1, which is not <= 0"
    assert doubt((log(x), "<=", x), given=[x >= 0]) == "K = 2, N = 1, M = 1, x = 0: log(x) at 0.0"
    at = "K = 2, N = 1, M = 1, x = 0: the two sides are equal there too"
    assert doubt((x**2, ">=", 0), given=[x >= 0], equality={x: 1}) == at
    assert doubt((x**2, ">=", 0), (x, "==", x), given=[x >= 0], equality={x: 0}) is None
    assert "not == 5" in doubt((limit(1 / t, t, oo), "==", 5), given=[t > 1])
    both = doubt((total((p[k] - q[k]) ** 2, k) * p[y], ">=", 0), given=[P, Q, Label(y)], equality={q: p})
    assert both.endswith(": the two sides are equal there too") and both.startswith("K = ")
    # what a difference gives beyond a closed end says nothing
    assert doubt((gradient(x ** Rational(3, 2), x), ">=", 0), given=[x >= 0]) is None
    assert doubt((entropy(p), "<=", log(4)), given=[P]).startswith("K = 5, p = (")


def test_a_counterexample_is_to_the_first_statement_that_fails_where_it_has_a_value():
    claim = Claim("two", (log(t), "<=", 5), (x, ">=", 3), (x, "==", u), given=[Real(t), Real(x), Real(u)])
    found = confirm(claim, AT)
    assert found.statement == (x, ">=", 3) and found.point == Point({}, {x: Fraction(2)})
    assert (found.left, found.right) == (2, 3)
    assert confirm(Claim("true", (x, "<=", 3), given=[Real(x)]), AT) is None
    assert confirm(Claim("classes", (K, "<=", 1), given=[]), AT).point == Point({K: 2}, {})
    limited = Claim("limit", (limit(u / t, t, oo), "==", 5), given=[t > 1, Real(u)])
    assert confirm(limited, AT).point == Point({}, {u: Fraction(-5), t: Fraction(10**300 + 1)})


@pytest.mark.parametrize(
    ("statement", "given", "quick", "tried"),
    [
        # 300 points of each of the first four sizes, and two times 100 that are improved
        ((x, "<=", x + 1), [Real(x)], True, "no counterexample among 1400 points with K from 2 to 4"),
        ((x, "<=", x + 1), [Real(x)], False, "no counterexample among 15540 points with K from 2 to 1000"),
        ((limit(1 / t, t, oo), "==", 0), [t > 0], False, "the values approach the limit at 40 points"),
    ],
)  # fmt: skip
def test_a_search_without_success_says_how_many_points_it_tried(statement, given, quick, tried):
    with pytest.raises(NotRefuted) as raised:
        refute.refute(Claim("true", statement, given=given), quick=quick)
    assert str(raised.value) == f"true: {tried}; this proves nothing"


def test_a_claim_without_symbols_is_refuted_too():
    found = Claim("numbers", (log(2), "<=", Rational(1, 2)), given=[]).refute()
    assert str(found) == ": the left side is 0.69315, which is not <= 0.5" and found.point == Point({}, {})


def test_a_place_of_equality_that_is_not_a_fraction_is_compared_in_multiple_precision():
    claim = Claim("square", ((x - exp(t) / 3) ** 2, ">=", 0), given=[x > 0, t >= 0], equality={x: exp(t) / 3})
    for at, there in ((Fraction(1, 3), True), (Fraction(1, 3) + Fraction(1, 10**20), False)):
        assert refute._is_at_equality(claim, Point({K: 2}, {x: at, t: Fraction(0)})) is there


def test_a_claim_of_a_limit_and_an_inequality_is_refuted_in_either():
    given = [t > 1]
    limited, bounded = (limit(1 / t, t, oo), "==", 0), (1 / t, "<=", 1)
    assert Claim("limit", (limited[0], "==", 1), bounded, given=given).refute().statement[1] == "=="
    assert Claim("bound", limited, (1 / t, "<=", Rational(1, 100)), given=given).refute().statement[1] == "<="
    many = Claim("many classes", limited, (entropy(p), "<=", log(2)), given=[*given, P]).refute()
    assert many.point.sizes[K] > 2


def test_moved_points_obey_their_hypotheses_and_fail_no_less():
    given = [
        P,
        Distribution(conditional),
        Real(z),
        Real(scores),
        x > 0,
        x <= 1,
        u < -1,
        Real(t),
        Label(i),
        OneHot(r, y),
    ]
    terms = (x - HALF) ** 2, (u + 3) ** 2, (t - 5) ** 2, (p[i] - HALF) ** 2, (z[i] - 1) ** 2, r[y]
    claim = Claim("far", (sum(terms), ">=", Rational(1, 10**6)), given=given)
    points = draw_points(claim.hypotheses, {K: 3, N: 2, M: 2}, random.Random(0), 60, wide=True)
    found = improve(claim, points, random.Random(1), steps=15)
    assert found == improve(claim, points, random.Random(1), steps=15)
    new, old = [excess for excess, _ in found], sorted(excesses(claim, points), reverse=True)
    assert new == sorted(new, reverse=True) and sum(a > b for a, b in zip(new, old)) > 55
    assert all(obeys(claim.hypotheses, point) for _, point in found)
    assert new == pytest.approx(excesses(claim, [point for _, point in found]))


def test_points_without_a_value_are_moved_to_where_there_is_one():
    claim = Claim("log", (log(x), "<=", 5), given=[Real(x)])
    points = [Point({K: 2}, {x: Fraction(-n, 1000)}) for n in range(1, 11)]
    found = improve(claim, points, random.Random(0), steps=60)
    assert sum(point.values[x] > 0 for _, point in found) > 8


def test_excesses_are_relative_to_the_sides_and_negative_where_there_is_room(monkeypatch):
    given = [Real(x), Real(u)]
    points = [Point({K: 2}, {x: Fraction(one), u: Fraction(other)}) for one, other in ((1, 1), (2, 1), (1, 2), (-1, 5))]
    limited = limit(exp(x), x, -oo), "==", 0
    for has_torch in (True, False):
        monkeypatch.setattr(refute, "HAS_TORCH", has_torch)
        for statements_, expected in [
            ([(x, "==", u)], [0, 1 / 4, 1 / 4, 6 / 7]), ([(x, "<=", u)], [0, 1 / 4, -1 / 4, -6 / 7]),
            ([(x, ">=", u)], [0, -1 / 4, 1 / 4, 6 / 7]), ([(x, "<=", u), (x, "<=", 1)], [0, 1 / 4, 0, -2 / 3]),
            ([limited, (x, "<=", u)], [0, 1 / 4, -1 / 4, -6 / 7]),
        ]:  # fmt: skip
            assert excesses(Claim("some", *statements_, given=given), points) == pytest.approx(expected, abs=1e-15)
        found = excesses(Claim("some", (log(x), "<=", 9), (x, "<=", u), given=given), points)
        assert str(found[3]) == "nan" and found[:3] == pytest.approx([0, 1 / 4, -1 / 4])
        found = excesses(Claim("some", (x, "<=", u), (log(x), "<=", 9), given=given), points)
        assert str(found[3]) == "nan"


def test_of_points_that_fail_the_shortest_is_found_whatever_their_sizes():
    claim = Claim("low", (x, "<=", 1), given=[Real(x)])
    two, three = {K: 2, N: 1, M: 1}, {K: 3, N: 1, M: 1}
    points = [Point(two, {x: Fraction(n, 7)}) for n in (3, 8, 15)]
    assert find_counterexample(claim, points).point.values == {x: Fraction(8, 7)}
    assert find_counterexample(claim, [Point(three, {x: Fraction(3)})]).point.values == {x: 3}
    assert find_counterexample(claim, points[:1]) is None and find_counterexample(claim, []) is None
    # a failure that the eye can see goes before a shorter one
    slight = [Point(two, {x: Fraction(1001, 1000)}), Point(two, {x: Fraction(123456, 100001)})]
    assert find_counterexample(claim, slight).point.values == {x: slight[1].values[x]}
    limited = Claim("limit", (limit(u / t, t, oo), "==", 5), given=[t > 1, Real(u)])
    assert find_counterexample(limited, [Point(two, {u: Fraction(1), t: Fraction(2)})]).left < 1e-100


def test_a_counterexample_of_ten_classes_gives_its_numbers():
    found = Claim("nine", (entropy(p), "<=", log(9)), given=[P]).refute()
    assert str(found) == (f"K = 10, p = ({', '.join(['1/10'] * 10)}): the left side is 2.3026, which is not <= 2.1972")


WITHOUT = """
import sys, random
sys.modules["torch"] = sys.modules["numpy"] = None
from lossmath.claims import *
from lossmath.claims.counterexample import find_counterexample, refute
from lossmath.claims.errors import NotRefuted
from lossmath.claims.sampling import draw_points
claim = Claim("square", ((x - Rational(3, 7)) ** 2, ">=", Rational(1, 10**6)), given=[x > 0, x < 1])
print(abs(claim.refute().point.values[x] - 3 / 7) < 1e-3)
print(claim.near_miss((entropy(p), "<=", log(5)), given=[Distribution(p)]).refute().point.values[p])
try:
    refute(claim.near_miss((x, "<=", 1)), quick=True)
except NotRefuted as error:
    print(error)
print(find_counterexample(claim, draw_points(claim.hypotheses, {K: 2, N: 1, M: 1}, random.Random(0), 9)))
"""


def test_where_torch_cannot_be_imported_the_search_is_one_in_multiple_precision():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    near, many, tried, none = done.stdout.splitlines()
    assert near == "True" and many.count("Fraction") > 5 and none == "None"
    assert tried == "square: no counterexample among 140 points with K from 2 to 4; this proves nothing"
