import random
from fractions import Fraction

import mpmath
import pytest
import statements
import sympy as sp
import torch

from lossmath.claims import Claim, Distribution, Label, OneHot, Real, check
from lossmath.claims import counterexample as refute
from lossmath.claims.counterexample import NotRefuted, Point, Undefined
from lossmath.claims.notation import latex
from lossmath.claims.quantities import *

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
    assert (
        abs(found.point.values[x] - Fraction(3, 7)) < Fraction(4, 10**5) and found.point.values[x].denominator <= 10**7
    )


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
    claim = Claim(
        "symmetric", (cross_entropy(p, q), "==", cross_entropy(q, p)), given=[Distribution(p, positive=True), Q]
    )
    assert str(claim.refute(seed=3)) == str(claim.refute(seed=3))


def test_a_point_is_written_in_short_numbers():
    many = tuple(Fraction(n) for n in range(9))
    rows = (Fraction(1), Fraction(2)), (Fraction(3), Fraction(4))
    half = (Fraction(1, 4), Fraction(3, 4))
    point = Point(
        {K: 2}, {p: half, x: Fraction(1, 10**7), t: Fraction(10**9), u: Fraction(-3, 7), z: many, scores: rows}
    )
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


HALF = Fraction(1, 2)
ROWS = (Fraction(1), Fraction(2)), (Fraction(3), Fraction(4)), (Fraction(5), Fraction(-7))
PLACE = {
    x: Fraction(2), u: Fraction(-5), t: Fraction(0), v: float("inf"), y: Fraction(2), i: Fraction(1),
    p: (Fraction(0), Fraction(1)),
    z: (Fraction(3), Fraction(-7)), scores: ROWS, labels: (Fraction(2), Fraction(1), Fraction(2)),
}  # fmt: skip
AT = Point({K: 2, N: 3}, PLACE)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (K + 10 * N, 32), (Rational(1, 3), "1/3"), (Rational(-2, 7) * x, "-4/7"), (x**u, "1/32"), (u**3, -125),
        (u**-1, "-1/5"),
        (sqrt(t), 0), (t**t, 1), (t**2, 0), (u**t, 1), (x**K, 4), (u - x, -7), (u * x * 3, -30), (Abs(u * x), 10),
        (p[1], 0), (p[y], 1), (z[i], 3), (z[labels[2]], 3), (scores[3, y], -7), (scores[y, i], 3), (labels[3], 2),
        (KroneckerDelta(i, y), 0), (KroneckerDelta(y, labels[3]), 1), (sp.S.One, 1),
        (total(z[k], k), -4), (total(k, k), 3), (total(n**2, n, N), 14), (total(x, k), 4),
        (total(total(scores[n, k], k), n, N), 8), (Sum(k * n, (k, 1, K), (n, 1, N)), 18), (total(total(k, k), k), 6),
        (total(KroneckerDelta(k, labels[n]) * scores[n, k], k).xreplace({n: i}), 2),
        (maximum_norm(z), 7), (maximum_norm(Vector("v", lambda c: c)), 2), (maximum_norm(p) * x, 2),
        (total(maximum_norm(Vector("v", lambda c: z[c] - k)), k), 8 + 9),
        (gradient(x**2, x), 4), (gradient(x * t, t), 2), (gradient(z[1] * z[2] ** 2, z[y]), 2 * 3 * -7),
        (gradient(total(z[k] ** 2, k), z[i]), 6), (total(gradient(z[i] ** 2, z[k]), k), 6),
        (gradient(scores[3, 1] * scores[3, 2], scores[3, y]), 5), (gradient(scores[1, 2] ** 2, scores[i, y]), 4),
        (sp.Derivative(x**4, (x, 3), evaluate=False), 48), (sp.Derivative(x**2 * u**2, x, u, evaluate=False), -40),
        # 0 times a logarithm that has no value is 0, however deep it stands
        (t * log(t), 0), (t * log(u), 0), (t * total(log(p[k]), k), 0), (t * (x + log(t)) ** 2, 0),
        (p[1] * x * log(t) * log(x), 0),
        (t * maximum_norm(Vector("v", lambda c: log(p[c]))), 0), (x + t * (1 + log(t)), 2), (entropy(p), 0),
    ],
    ids=str,
)  # fmt: skip
def test_rational_values_are_exact(expr, expected):
    with mpmath.workdps(70):
        expected = mpmath.mpf(Fraction(expected).numerator) / Fraction(expected).denominator
        # differences of differences have fewer digits
        assert abs(refute.evaluate(expr, AT) - expected) < mpmath.mpf(10) ** (-14 if expr.has(sp.Derivative) else -55)


@pytest.mark.parametrize(
    ("expr", "reference"),
    [
        (exp(x), lambda: mpmath.exp(2)), (log(1 / x), lambda: -mpmath.log(2)), (sp.pi * x, lambda: 2 * mpmath.pi),
        (sp.E, lambda: mpmath.e), (sinh(x), lambda: mpmath.sinh(2)), (sp.cosh(x), lambda: mpmath.cosh(2)),
        (sp.tanh(u), lambda: mpmath.tanh(-5)), (LambertW(1 / x), lambda: mpmath.lambertw(mpmath.mpf(1) / 2)),
        (sqrt(x), lambda: mpmath.sqrt(2)),
        (softmax(z)[i], lambda: 1 / (1 + mpmath.exp(-10))),
        (cross_entropy(p, softmax(z)), lambda: mpmath.log1p(mpmath.exp(10))),
        (x ** Rational(-1, 3), lambda: 1 / mpmath.cbrt(2)), (x * log(x) * u, lambda: -10 * mpmath.log(2)),
    ],
    ids=str,
)  # fmt: skip
def test_values_have_more_than_fifty_digits(expr, reference):
    with mpmath.workdps(70):
        assert abs(refute.evaluate(expr, AT) - reference()) < mpmath.mpf(10) ** -54


@pytest.mark.parametrize(
    ("function", "slope"),
    [(exp(x), lambda: mpmath.exp(2)), (log(x), lambda: mpmath.mpf("0.5")), (x**-2, lambda: mpmath.mpf("-0.25"))],
)
def test_a_central_difference_has_twice_the_digits_of_its_step(function, slope):
    with mpmath.workdps(70):
        assert abs(refute.evaluate(gradient(function, x), AT) - slope()) < mpmath.mpf(10) ** -28


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        (log(t), "log(t) at 0.0"), (log(u), "log(u) at -5.0"), (1 / t, "1/t at 0.0"), (sqrt(u), "sqrt(u) at -5.0"),
        (LambertW(t), "LambertW(t) at 0.0"), (v, "v is +inf"), (sp.sin(x), "sin(x) (sin) has no evaluation"),
        (x * log(t), "log(t) at 0.0"), (u ** Rational(-1, 3), "u**(-1/3) at -5.0"), (log(x) * log(t), "log(t) at 0.0"),
        (t / t**2 * log(x), "1/t at 0.0"), (total(log(p[k]), k), "log(p[_k]) at 0.0"),
        (gradient(log(t), t), "log(t) at -0.000000000000001"),
    ],
)  # fmt: skip
def test_what_has_no_value_is_named(expr, said):
    with pytest.raises(Undefined) as raised:
        refute.evaluate(expr, AT)
    assert str(raised.value) == said


def test_a_value_has_the_digits_that_are_asked_for():
    with mpmath.workdps(200):
        assert abs(refute.value(log(x), {x: Fraction(3)}, {}) - mpmath.log(3)) < mpmath.mpf(10) ** -195
    assert refute.value(total(z[k], k), {z: (HALF, HALF)}, {K: 2}) == 1
    with pytest.raises(Undefined):
        refute.value(log(x), {x: Fraction(0)}, {})


@pytest.mark.parametrize(
    ("left", "right", "fails"),
    [
        (x, x, ""), (x, x + 1, "== >="), (x + 1, x, "== <="),
        # what a central difference may be off by: 1e-15 of 1 and both sides
        (t, Rational(3, 10**15), "== >="), (Rational(3, 10**15), t, "== <="), (t, Rational(1, 2 * 10**15), ""),
        (1000 * x, 1000 * x + Rational(3, 10**12), ""), (1000 * x, 1000 * x + Rational(5, 10**12), "== >="),
        (-1000 * x, Rational(-5, 10**12) - 1000 * x, "== <="), (-1000 * x, Rational(-3, 10**12) - 1000 * x, ""),
        (1000 * x, Rational(5, 10**15) + 1000 * x, ""),
    ],
)  # fmt: skip
def test_a_statement_is_violated_beyond_what_differences_may_be_off_by(left, right, fails):
    for relation in ("==", "<=", ">="):
        found = refute.violation((left, relation, right), AT, None)
        assert (found is not None) == (relation in fails.split()), relation
        assert found is None or found == (refute.evaluate(left, AT), refute.evaluate(right, AT))


@pytest.mark.parametrize(
    ("values", "length"),
    [
        ({}, 6),
        ({x: Fraction(1, 10)}, 10),
        ({x: Fraction(-2)}, 8),
        ({p: (HALF, HALF)}, 12),
        ({scores: ((HALF,), (HALF,))}, 12),
    ],
)
def test_the_length_of_a_point_counts_its_classes_and_signs(values, length):
    assert Point({K: 2, N: 1}, values).length == length


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1000000", "1000000"), ("1000001", "1e+6"), ("-1000001", "-1e+6"), ("1/1000000", "1/1000000"),
        ("1/1000001", "9.99999e-7"),
        ("1234567/1000", "1234.57"), ("12345678", "1.23457e+7"), ("-7/9", "-7/9"), ("1500000", "1.5e+6"),
    ],
)  # fmt: skip
def test_a_long_number_is_rounded_to_six_digits(number, text):
    number = Fraction(number)
    assert refute._text(number) == text
    mantissa, _, exponent = text.partition("e")
    assert refute._latex(number) == (rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else text)


def test_eight_entries_are_written_out_and_nine_are_not():
    eight, nine = (tuple(map(Fraction, range(1, count))) for count in (9, 10))
    assert refute._text(eight) == "(1, 2, 3, 4, 5, 6, 7, 8)" and refute._text(nine) == "(1, 2, 3, ..., 9)"
    assert refute._latex(eight) == r"\left(" + r",\ ".join("12345678") + r"\right)"
    assert refute._latex(nine) == r"\left(1,\ 2,\ 3,\ \dots,\ 9\right)"


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
    ("interval", "first"),
    [
        (sp.Interval(-oo, oo), "0 1 2 3 4 5"), (sp.Interval(0, 1), "0 1 1/5 1/4 1/3"),
        (sp.Interval.open(0, 1), "1/5 1/4 1/3 2/5 1/2"),
        (sp.Interval(1, oo), "1 2 3 4 5 6"), (sp.Interval(-oo, -2), "-2 -3 -4 -5"), (sp.Interval.open(-oo, 0), "-1 -2 -3 -4"),
        (sp.Interval.open(-1, 1), "0 1/5 1/4"), (sp.FiniteSet(Rational(1, 3)), "1/3"), (sp.Interval.open(1, oo), "2 3 4 5"),
        (sp.Interval.open(0, Rational(1, 10**6)), "1/2000000"), (sp.Interval(100, Rational(201, 2)), "100 501/5 401/4"),
        (sp.Interval.open(-oo, -1000), "-1001 -5001/5"), (sp.Interval.open(1000, oo), "1001 1002 1003"),
        (sp.Interval.Lopen(Rational(1, 4), Rational(1, 2)), "1/3 3/8 2/5"),
        (sp.Interval.open(5, 6), "26/5 21/4 16/3 27/5 11/2"),
    ],
)  # fmt: skip
def test_short_numbers_of_an_interval_begin_with_the_shortest(interval, first):
    pool = refute._pool(interval)
    assert pool[: len(first.split())] == [*map(Fraction, first.split())]
    assert all(interval.contains(sp.Rational(number.numerator, number.denominator)) == sp.true for number in pool)
    lengths = [len(str(number)) for number in pool]
    assert lengths == sorted(lengths) and len(set(pool)) == len(pool)


@pytest.mark.parametrize("ends", [(sqrt(3), oo), (-oo, -sqrt(3)), (sqrt(3), sqrt(3) + HALF)])
def test_no_short_number_lies_beyond_an_end_that_is_not_rational(ends):
    interval = sp.Interval(*ends)
    pool = refute._pool(interval)
    assert len(pool) > 10
    assert all(interval.contains(sp.Rational(number.numerator, number.denominator)) == sp.true for number in pool)


def test_the_first_two_numbers_drawn_are_the_shortest_and_a_single_one_is_always_the_same():
    rng = random.Random(0)
    assert [refute._real(sp.Interval(0, 1), rng, turn) for turn in (0, 1)] == [0, 1]
    assert {refute._real(sp.FiniteSet(3), rng, turn) for turn in range(9)} == {3}
    assert len({refute._real(sp.Interval(0, 1), rng, 2) for _ in range(20)}) > 5
    drawn = [refute._real(sp.Interval(0, 1), rng, turn) for turn in range(2, 900)]
    # of three, one is among the five shortest and one among the 24 shortest
    pool = refute._pool(sp.Interval(0, 1))
    assert 0.3 < sum(number in pool[:5] for number in drawn) / 898 < 0.5
    assert 0.6 < sum(number in pool[:24] for number in drawn) / 898 < 0.8
    assert set(drawn) > set(pool[:24]) and len(set(drawn)) > 80


def test_distributions_are_uniform_at_first_then_mixed_peaked_and_with_classes_of_no_mass():
    rng = random.Random(0)
    assert refute._distribution(4, False, rng, 0) == refute._distribution(4, True, rng, 0) == (Fraction(1, 4),) * 4
    positive = [refute._distribution(4, True, rng, 1) for _ in range(600)]
    assert all(sum(weights) == 1 and min(weights) > 0 for weights in positive)
    peaked = [weights for weights in positive if max(weights) / min(weights) in (10, 100, 1000, 10000)]
    assert {max(weights) / min(weights) for weights in peaked} == {10, 100, 1000, 10000} and 0.1 < len(
        peaked
    ) / 600 < 0.3
    assert {weights.index(max(weights)) for weights in peaked} == {0, 1, 2, 3}
    assert {entry for weights in positive for entry in weights} >= {
        Fraction(1, 4),
        Fraction(1, 100 + 2),
        Fraction(9, 12),
    }
    lacking = [weights.count(0) for weights in (refute._distribution(4, False, rng, 1) for _ in range(600))]
    assert set(lacking) == {0, 1, 2, 3} and 0.2 < lacking.count(3) / 600 < 0.3 and 0.5 < lacking.count(0) / 600 < 0.7


def test_real_vectors_are_drawn_in_small_whole_numbers_and_labels_in_their_range():
    given = Claim(
        "all", (x, "<=", 1), given=[Real(x), Real(z), Real(scores), Label(i), Label(n, N), Label(labels)]
    ).hypotheses
    drawn = [point.values for point in refute.points(given, {K: 2, N: 3, M: 1}, random.Random(0), 200)]
    assert {entry for values in drawn for entry in values[z]} == {-2, -1, 0, 1, 2, 3, 5}
    assert {len(values[scores]) for values in drawn} == {3} and {
        len(row) for values in drawn for row in values[scores]
    } == {2}
    assert {values[i] for values in drawn} == {1, 2} and {values[n] for values in drawn} == {1, 2, 3}
    assert {entry for values in drawn for entry in values[labels]} == {1, 2} and len(drawn[0][labels]) == 3
    assert 0.2 < sum(entry == 0 for values in drawn for entry in values[z]) / 400 < 0.3  # 0 twice among 8


@pytest.mark.parametrize(
    ("right", "tight"), [(0, False), (x, True), (x + Rational(1, 10**31), True), (x - Rational(1, 10**28), False)]
)
def test_two_sides_are_equal_to_thirty_digits(right, tight):
    assert refute._is_tight((x, ">=", right), AT) == tight


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
    both = doubt((total((p[k] - q[k]) ** 2, k) * p[y], ">=", 0), given=[P, Q, Label(y)], equality={q: p})
    assert both.endswith(": the two sides are equal there too") and both.startswith("K = ")
    # what two central differences give beyond a closed end says nothing
    assert doubt((gradient(x ** Rational(3, 2), x), ">=", 0), given=[x >= 0]) is None
    assert doubt((entropy(p), "<=", log(4)), given=[P]).startswith("K = 5, p = (")


def test_a_counterexample_is_to_the_first_statement_that_fails_where_it_has_a_value():
    claim = Claim("two", (log(t), "<=", 5), (x, ">=", 3), (x, "==", u), given=[Real(t), Real(x), Real(u)])
    found = refute.fails(claim, AT)
    assert found.statement == (x, ">=", 3) and found.point == Point({}, {x: Fraction(2)})
    assert (found.left, found.right) == (2, 3)
    assert refute.fails(Claim("true", (x, "<=", 3), given=[Real(x)]), AT) is None
    assert refute.fails(Claim("classes", (K, "<=", 1), given=[]), AT).point == Point({K: 2}, {})
    limited = Claim("limit", (limit(u / t, t, oo), "==", 5), given=[t > 1, Real(u)])
    assert refute.fails(limited, AT).point == Point({}, {u: Fraction(-5), t: Fraction(10**300 + 1)})


@pytest.mark.parametrize(
    ("statement", "given", "quick", "tried"),
    [
        # 300 points of each of the first four sizes, and two times 1000 that are improved
        ((x, "<=", x + 1), [Real(x)], True, "no counterexample among 3200 points with K from 2 to 1000"),
        ((x, "<=", x + 1), [Real(x)], False, "no counterexample among 20040 points with K from 2 to 1000"),
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


def test_a_claim_of_a_limit_and_an_inequality_is_refuted_in_either():
    given = [t > 1]
    limited, bounded = (limit(1 / t, t, oo), "==", 0), (1 / t, "<=", 1)
    assert Claim("limit", (limited[0], "==", 1), bounded, given=given).refute().statement[1] == "=="
    assert Claim("bound", limited, (1 / t, "<=", Rational(1, 100)), given=given).refute().statement[1] == "<="


def test_points_become_tensors():
    point = {
        p: (HALF, HALF),
        scores: ROWS,
        y: Fraction(2),
        labels: (Fraction(1), Fraction(2), Fraction(2)),
        x: Fraction(1, 3),
    }
    given = Claim("all", (x, "<=", 1), given=[P, Real(scores), Label(y), Label(labels), Real(x)]).hypotheses
    found = refute.tensors([Point({}, point), Point({}, point | {x: Fraction(-2)})], given)
    assert {symbol: (value.dtype, value.shape) for symbol, value in found.items()} == {
        p: (torch.float64, (2, 2)), scores: (torch.float64, (2, 3, 2)), y: (torch.int64, (2,)), labels: (torch.int64, (2, 3)),
        x: (torch.float64, (2,)),
    }  # fmt: skip
    assert found[x].tolist() == [1 / 3, -2] and found[labels].tolist() == [[1, 2, 2]] * 2
    assert found[p].tolist() == [[0.5, 0.5]] * 2
    assert refute.tensors([Point({}, {x: HALF})], given)[x].tolist() == [0.5]
    assert [len(value) for value in refute.tensors([Point({}, {})] * 7, given).values()] == [7]


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
    sizes, generator = {K: 3, N: 2, M: 2}, torch.Generator().manual_seed(0)
    before = check.sample(claim.hypotheses, sizes, 200, generator)
    after = refute._improve(claim, before, sizes, generator)
    again = torch.Generator().manual_seed(0)
    same = refute._improve(claim, check.sample(claim.hypotheses, sizes, 200, again), sizes, again)
    assert all(torch.equal(same[symbol], after[symbol]) for symbol in after)
    assert set(before) == set(after) and all(before[symbol].shape == after[symbol].shape for symbol in before)
    old, new = (check.residuals(claim, values, sizes, signed=True)[0] for values in (before, after))
    assert (new >= old).all() and (new > old).double().mean() > 0.95
    for symbol in (i, y, r):
        assert torch.equal(before[symbol], after[symbol])
    for symbol in (p, conditional, z, scores, x, u, t):
        assert not torch.equal(before[symbol], after[symbol])
    assert ((after[x] > 0) & (after[x] <= 1)).all() and (after[u] < -1).all()
    for base in (p, conditional):
        assert (after[base] >= 0).all() and torch.allclose(after[base].sum(-1), torch.ones((), dtype=torch.float64))


def test_points_without_a_value_are_moved_to_where_there_is_one():
    claim = Claim("log", (log(x), "<=", 5), given=[Real(x)])
    generator = torch.Generator().manual_seed(0)
    before = {x: -torch.rand(100, generator=generator, dtype=torch.float64) / 100}
    after = refute._improve(claim, before, {K: 2}, generator)
    assert (after[x] > 0).double().mean() > 0.9


SHORTENED = [P, Distribution(conditional), Q, Real(z), x > 0, x < 1, u >= 1, Real(t), Label(i)]


@pytest.mark.parametrize(
    ("symbol", "value", "digits", "short"),
    [
        (p, [0.3333, 0.6667], 1, "3/10 7/10"), (p, [0.126, 0.874], 2, "13/100 87/100"),
        (p, [0.26, 0.26, 0.48], 1, "3/10 3/10 2/5"),
        (p, [0.16, 0.17, 0.16, 0.17, 0.17, 0.17], 1, "1/5 0 1/5 1/5 1/5 1/5"), (p, [0.17] * 5 + [0.19, 0.04], 1, None),
        (q, [0.16, 0.17, 0.16, 0.17, 0.17, 0.17], 1, None), (q, [0.0004, 0.9996], 1, "1/2500 2499/2500"),
        (p, [0.0, 1.0], 3, "0 1"),
        (q, [0.0, 1.0], 3, None), (x, 0.123, 2, "3/25"), (x, 0.96, 1, None), (x, 0.96, 2, "24/25"), (u, 1.04, 1, "1"),
        (u, 0.96, 2, None),
        (t, -2.34567, 3, "-47/20"), (z, [1.26, -0.5], 2, "13/10 -1/2"), (i, 2, 1, "2"),
    ],
)  # fmt: skip
def test_a_point_is_shortened_to_so_many_digits_or_leaves_its_domain(symbol, value, digits, short):
    given = Claim("all", (x, "<=", 1), given=SHORTENED).hypotheses
    kind = torch.int64 if symbol is i else torch.float64
    found = refute._shortened(given, {symbol: torch.tensor(value, dtype=kind)}, {K: 2}, digits)
    if short is None:
        assert found is None
    else:
        entries = tuple(map(Fraction, short.split()))
        assert found == Point({K: 2}, {symbol: entries if isinstance(value, list) else entries[0]})


def test_a_matrix_is_shortened_row_by_row():
    given = Claim("all", (x, "<=", 1), given=[Distribution(conditional, positive=True), Real(scores), x < 2]).hypotheses
    matrices = {conditional: torch.tensor([[0.26, 0.74], [0.5, 0.5]]), scores: torch.tensor([[1.0, 2.26], [3.0, 4.0]])}
    found = refute._shortened(given, matrices, {K: 2}, 1).values
    assert found[conditional] == ((Fraction(3, 10), Fraction(7, 10)), (HALF, HALF)) and found[scores] == (
        (1, 2),
        (3, 4),
    )
    matrices[conditional][1] = torch.tensor([0.0, 1.0])
    assert refute._shortened(given, matrices, {K: 2}, 1) is None
