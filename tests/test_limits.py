"""Limits: stated, proved, watched, and refuted where they are false."""

from fractions import Fraction

import mpmath
import pytest
import sympy
from sympy import Interval, Rational

from lossmath.claims import Claim, Label, ProofError, Real, limits, tangent
from lossmath.claims import counterexample as refute
from lossmath.claims.errors import CheckError
from lossmath.claims.hypotheses import Hypotheses
from lossmath.claims.quantities import *
from lossmath.claims.sampling import Point

POWER = (1 - x) ** gamma
BETWEEN = [x > 0, x < 1]

TRUE = {
    "power": ((limit(POWER, x, 1), "==", 0), [*BETWEEN, gamma > 0]),
    "from-above": ((limit(x * log(x), x, 0, "+"), "==", 0), BETWEEN),
    "infinite": ((limit(log(t), t, oo), "==", oo), [t > 1]),
    "downwards": ((limit(-log(t) * u, t, oo), "==", -oo), [t > 1, u > 0]),
    "at-minus-infinity": ((limit(softplus(s), s, -oo), "==", 0), [s <= 1]),
    "with-a-parameter": (
        (limit((u * t + 1) / (t + c**2), t, oo), "==", u),
        [t > 0, u >= 0, c > 0],
    ),
    "of-any-number": ((limit(u * t / (1 + t), t, oo), "==", u), [t > 0, Real(u)]),
    "parameter-of-the-value": ((limit(1 / t, t, oo), "==", Abs(u) - u), [t > 0, u >= 0]),
    "pinned": ((limit(c * x**c, x, 0, "+"), "==", 0), [x > 0, x < 1, c >= 2, c <= 2]),
    "decay-below": ((limit(exp(u * t), t, oo), "==", 0), [t > 0, u < 0]),
    "decay-above": ((limit(exp(-c * t), t, oo), "==", 0), [t > 0, c > 0]),
    "decay-up-to-one": ((limit(exp((x - 1) * t), t, oo), "==", 0), [t > 0, *BETWEEN]),
    "decay-between": ((limit(exp(-x * t), t, oo), "==", 0), [t > 0, *BETWEEN]),
    "share": (
        (
            limit(gamma * (1 - x) ** gamma * log(x) / (log(x) - 1), x, 0, "+"),
            "==",
            gamma,
        ),
        [*BETWEEN, gamma >= 0],
    ),
}
FALSE = {
    "weight-at-zero": ((limit(POWER, x, 1), "==", 0), [*BETWEEN, gamma >= 0]),  # γ = 0
    "weight-of-nothing": (
        (limit(POWER, x, 1), "==", 1),
        [*BETWEEN, gamma >= 0],
    ),  # γ > 0
    "decay-of-any-rate": (
        (limit(exp(-c * t), t, oo), "==", 0),
        [t > 0, c >= 0],
    ),  # c = 0
    "decay-up-to-no-rate": (
        (limit(exp(u * t), t, oo), "==", 0),
        [t > 0, u <= 0],
    ),  # u = 0
    "decay-from-no-rate": ((limit(exp(-x * t), t, oo), "==", 0), [t > 0, x >= 0, x < 1]),  # x = 0
    "growth-to-no-rate": ((limit((1 - x) * t, t, oo), "==", oo), [t > 0, x > 0, x <= 1]),  # x = 1
    "growth-of-any-rate": ((limit(c * t, t, oo), "==", oo), [t > 0, c >= -1]),
    "twice": ((limit(u * t / (1 + t), t, oo), "==", 2 * u), [t > 0, u >= 1]),
    "finite": ((limit(log(t), t, oo), "==", log(91)), [t > 1]),
    "other-side": ((limit(1 / x, x, 0), "==", oo), [x < 0]),
    "cosh": ((limit(exp(-t) * sympy.cosh(t), t, oo), "==", 1), [t > 0]),
}


@pytest.mark.parametrize("name", TRUE)
def test_true_limits_are_proved_and_watched(name):
    statement, given = TRUE[name]
    proof = Claim(name, statement, given=given).prove()
    assert proof.rules == ["limit"]
    check = proof.claim.check(cases=100)
    ((left, orders),) = check.limits
    assert check.residual is None and 0 <= left <= limits.NEAR and orders in (300, 3000)
    assert "orders of magnitude" in repr(check)


@pytest.mark.parametrize("name", FALSE)
def test_false_limits_are_not_proved(name, monkeypatch):
    monkeypatch.setattr(refute, "doubt", lambda claim: None)
    statement, given = FALSE[name]
    with pytest.raises(ProofError):
        Claim(name, statement, given=given).prove()


@pytest.mark.parametrize("name", ["twice", "finite", "other-side", "cosh"])
def test_false_limits_are_refuted_and_do_not_pass_the_check(name):
    statement, given = FALSE[name]
    claim = Claim(name, statement, given=given)
    assert claim.refute().left != claim.refute().right
    with pytest.raises(CheckError, match=f"{name} fails at"):
        claim.check(cases=100)


def test_a_limit_that_is_not_reached_says_where():
    for name, said in (("finite", r"at t = 1e\+300: .* 690.78"), ("twice", r"at t = 1e\+300, u = 1: .* not == 2")):
        statement, given = FALSE[name]
        with pytest.raises(CheckError, match=f"{name}.*{said}"):
            Claim(name, statement, given=given).check(cases=20)


def test_a_limit_of_which_float64_sees_nothing_is_watched():
    # 1 + t^(-100/99) is 1 in float64 from t = 1e16 on
    falling = limit(log(1 + t ** Rational(-100, 99)) * t ** Rational(100, 99), t, oo), "==", 1
    assert Claim("lost", falling, given=[t >= 1]).check(cases=5).limits == ((pytest.approx(0, abs=1e-100), 300),)


def test_the_same_seed_watches_the_same_limits():
    statement, given = TRUE["share"]
    claim = Claim("share", statement, given=given)
    assert claim.check(seed=5, cases=20).limits == claim.check(seed=5, cases=20).limits
    assert claim.check(seed=5, cases=20).limits != claim.check(seed=6, cases=20).limits


def test_a_wrong_answer_of_sympy_is_not_believed(monkeypatch):
    # of this function, SymPy says that it tends to ∞; it tends to γ + 1
    speed = sigmoid(-t) ** gamma * (sigmoid(-t) + gamma * sigmoid(t) * softplus(-t))
    monkeypatch.setattr(refute, "doubt", lambda claim: None)
    monkeypatch.setattr(sympy, "limit", lambda *args: oo)
    with pytest.raises(ProofError, match="yet at"):
        Claim(
            "speed",
            (limit(speed * exp((gamma + 1) * t), t, oo), "==", oo),
            given=[t >= 0, gamma >= 1],
        ).prove()


def test_a_true_limit_is_not_refuted():
    statement, given = TRUE["share"]
    with pytest.raises(refute.NotRefuted, match="proves nothing"):
        Claim("share", statement, given=given).refute()


def test_what_is_no_limit_of_real_symbols_is_refused():
    w = sympy.IndexedBase("w", shape=(N,), real=True)
    for statement, given, said in (
        ((limit(x, x, 3), "==", 3), BETWEEN, "does not approach 3"),
        ((limit(x, x, 0), "==", 0), BETWEEN, "from below$"),
        ((limit(x, x, 1, "+"), "==", 1), BETWEEN, "from above$"),
        ((limit(x, x, c), "==", 0), [*BETWEEN, c > 0], "does not approach c"),
        ((limit(t, x, 1), "==", t), [t > 0], "needs a real variable .* got x and t"),
        ((limit(x * K, x, 1), "==", 0), BETWEEN, "holds K$"),
        ((limit(x * w[y], x, 1), "==", 0), [*BETWEEN, Real(w), Label(y, N)], r"holds w\[y\]$"),
        ((limit(x * N, x, 1), "==", 0), BETWEEN, "holds N$"),
        (
            (limit(x * KroneckerDelta(a, y), x, 1), "==", 0),
            [*BETWEEN, Label(a), Label(y)],
            r"holds KroneckerDelta\(a, y\)$",
        ),
        ((limit(x * Sum(w[k], (k, 1, N)), x, 1), "==", 0), [*BETWEEN, Real(w)], r"holds Sum\(w\[k\], \(k, 1, N\)\)$"),
        ((limit(Derivative(log(t), t), t, oo), "==", 0), [t > 0], r"holds Derivative\(log\(t\), t\)$"),
        ((limit(x, x, 1), ">=", 1), BETWEEN, "=="),
        ((limit(x, x, 1), "==", x), BETWEEN, "without it"),
        ((limit(x * K, x, 1), "==", K), BETWEEN, "real symbols"),
        ((limit(t, x, 1), "==", t), BETWEEN, "not declared"),
        ((limit(q[y], t, oo), "==", 1), [t > 0, Label(y)], "not declared"),
        ((1 + limit(x, x, 1), "==", 2), BETWEEN, "language"),
        ((1, "==", limit(x, x, 1)), BETWEEN, "language"),
        ((t, "<=", oo), [t > 0], "real number"),
    ):
        with pytest.raises(ValueError, match=said):
            Claim("none", statement, given=given)
    with pytest.raises(ProofError, match="defined"):
        Claim("none", (limit(Abs(x) / x, x, 1), "==", 1), given=[x >= -1, x <= 1]).prove()
    with pytest.raises(TypeError, match="alone"):
        Claim("none", (limit(log(t), t, oo), "==", oo), given=[t > 1]).prove(by=tangent(t, at=2))


def test_distances_are_what_they_say():
    assert limits.distance(mpmath.mpf(3), mpmath.mpf(1), 1) == 1
    assert limits.distance(mpmath.mpf(9), None, oo) == mpmath.mpf(1) / 10
    assert limits.distance(mpmath.mpf(-9), None, oo) == 1
    assert limits.distance(mpmath.mpf(-9), None, -oo) == mpmath.mpf(1) / 10


@pytest.mark.parametrize(
    ("of", "interval", "at"),
    [
        (limit(x, x, 1), Interval(0, 1), Fraction(999, 1000)),
        (limit(x, x, Rational(1, 3), "+"), Interval(0, 1), Fraction(1003, 3000)),
        (limit(t, t, oo), Interval(1, oo), 1001),
        (limit(t, t, oo), Interval(log(2), oo), 1000),  # counted from 0 if the end is no fraction
        (limit(t, t, -oo), Interval(-oo, Rational(1, 2)), Fraction(-1999, 2)),
        (limit(t, t, -oo), Interval(-oo, oo), -1000),
    ],
)
def test_the_way_is_measured_in_orders_of_magnitude(of, interval, at):
    assert limits.place((of, "==", 0), interval, 3) == at


@pytest.mark.parametrize(
    ("interval", "at_three", "ends"),
    [
        (Interval(-oo, oo), 3, []),
        (Interval(1, oo), 4, [1]),
        (Interval.open(1, oo), 4, []),
        (Interval(-oo, 2), -1, [2]),
        (Interval.open(-oo, 2), -1, []),
        (Interval(1, 5), 2, [1, 5]),
        (Interval.Lopen(1, 5), 2, [5]),
        (Interval.Ropen(1, 5), 2, [1]),
    ],
)
def test_stand_ins_keep_to_the_interval(interval, at_three, ends):
    inside, *others = limits._parts(gamma, interval)
    (free,) = inside.free_symbols
    assert free.name == "gamma" and free.is_real and inside.subs(free, 3) == at_three and others == ends
    assert free.is_positive is (True if interval != Interval(-oo, oo) else None)


@pytest.mark.parametrize(
    ("given", "positive"), [([t >= 0], True), ([t > 1], True), ([t > -1], None), ([Real(t)], None)]
)
def test_sympy_is_told_the_domain_of_the_variable(given, positive, monkeypatch):
    asked = []
    monkeypatch.setattr(sympy, "limit", lambda *args: asked.append(args) or sympy.Integer(1))
    limits.compute((limit(t / (t + 2), t, oo), "==", sympy.Integer(1)), Hypotheses(given))
    ((expr, variable, point, side),) = asked
    assert variable.name == "t" and variable.is_real and variable.is_positive is positive
    assert expr == variable / (variable + 2) and (point, side) == (oo, "-")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("twice", "the limit of t*u/(t + 1) is u, not 2*u"),
        ("weight-at-zero", "the limit of (1 - x)**gamma is 1, not 0"),
        ("weight-of-nothing", "the limit of (1 - x)**gamma is 0, not 1"),
        ("other-side", "the limit of 1/x is -oo, not oo"),
        ("finite", "the limit of log(t) is oo, not log(91)"),
    ],
)
def test_what_sympy_finds_instead_is_said(name, said):
    (of, relation, value), given = FALSE[name]
    with pytest.raises(ProofError) as caught:
        limits.compute((of, relation, sympy.sympify(value)), Hypotheses(given))
    assert str(caught.value) == said


def test_a_limit_that_sympy_does_not_find_is_not_proved(monkeypatch):
    def unknown(*args):
        raise NotImplementedError("no sign")

    monkeypatch.setattr(sympy, "limit", unknown)
    with pytest.raises(ProofError, match=r"^SymPy finds no limit of log\(t\): no sign$"):
        limits.compute((limit(log(t), t, oo), "==", oo), Hypotheses([t > 1]))


LOG10 = float(mpmath.log(10))
LOG300, LOG3000 = 300 * LOG10, 3000 * LOG10  # of the ends of the way, of which the last one is reported


@pytest.mark.parametrize(
    ("of", "value", "given", "values", "away"),
    [
        (limit(x**gamma, x, 0, "+"), 0, [*BETWEEN, gamma > 0], {gamma: Fraction(1, 10)}, None),
        (limit(x**gamma, x, 0, "+"), 0, [*BETWEEN, gamma > 0], {gamma: Fraction(1, 1000)}, None),  # after 3000 orders
        (limit(log(x) / (x - 1), x, 1), 1, BETWEEN, {}, None),  # in which nearly all digits cancel
        (limit(100 / log(t), t, oo), 0, [t > 0], {}, None),
        (limit(log(t), t, oo), oo, [t > 0], {}, None),
        (limit(-log(t), t, oo), -oo, [t > 0], {}, None),
        # a distance that stays is let pass below 1e-20
        (limit(1 + Rational(1, 10**20), t, oo), 1, [t > 0], {}, None),
        (limit(1 + Rational(1, 10**19), t, oo), 1, [t > 0], {}, (1 + 1e-19, 1)),
        # 3^-0.4 is less than 0.75, but on the second half of the way only 2^-0.4 is gained
        (limit(log(t) ** Rational(-2, 5) / 10, t, oo), 0, [t > 0], {}, (LOG3000**-0.4 / 10, 0)),
        (limit(log(t) ** Rational(-43, 100) / 10, t, oo), 0, [t > 0], {}, None),
        (
            limit(1000 / log(t), t, oo),
            0,
            [t > 0],
            {},
            (1000 / LOG3000, 0),
        ),  # it shrinks, and is far off even at the end
        (limit(u * t / (1 + t), t, oo), 2 * u, [t > 0, u >= 1], {u: Fraction(3)}, (3, 6)),
        (limit(t / (1 + t), t, oo), Rational(51, 50), [t > 0], {}, (1, 1.02)),  # near, but it comes no nearer
        (limit(1 / t, t, oo), oo, [t > 0], {}, (0, mpmath.inf)),
        (limit(1 / t, t, oo), -oo, [t > 0], {}, (0, -mpmath.inf)),
    ],
)
def test_far_along_the_way_the_values_are_near_or_it_is_no_limit(of, value, given, values, away):
    found = limits.watch((of, "==", sympy.sympify(value)), Hypotheses(given), Point({}, values))
    assert found.near == (away is None)
    if away is not None:
        assert list(map(float, (found.value, found.limit))) == pytest.approx(away, rel=1e-12)
        assert found.at == 10**found.orders


def test_where_nothing_shrinks_the_way_is_not_made_longer():
    still = limits.watch((limit(t / (1 + t), t, oo), "==", sympy.Integer(2)), Hypotheses([t > 0]), Point({}, {}))
    slow = limits.watch((limit(100 / log(t), t, oo), "==", sympy.Integer(0)), Hypotheses([t > 0]), Point({}, {}))
    assert (still.orders, slow.orders) == (300, 3000) and not still.near and slow.near
    assert float(still.left) == pytest.approx(1 / 3) and float(slow.left) == pytest.approx(100 / (3000 * LOG10))


def test_values_that_do_not_approach_are_named():
    false = limit(u * t / (1 + t), t, oo), "==", 2 * u
    with pytest.raises(ProofError) as caught:
        limits.confirm(false, Hypotheses([t > 0, u >= 1]))
    found = "at K = 2, N = 1, M = 1, t = 1, u = 1 the values do not approach it, but come to 1.0"
    assert str(caught.value) == f"SymPy finds this limit, yet {found}"


def test_values_that_are_too_large_to_watch_are_named():
    claim = Claim("fast", (limit(exp(-exp(t)), t, oo), "==", 0), given=[t > 0])
    said = "at .*t = 1.* cannot be watched.*: an exponent has more than 20000 bits"
    with pytest.raises(ProofError, match=f"SymPy finds this limit, yet {said}"):
        limits.confirm(claim.statements[0], claim.hypotheses)
    with pytest.raises(ProofError, match=r"^fast: SymPy finds this limit"):
        claim.prove()
    with pytest.raises(CheckError, match=r"^fast cannot be watched at .*20000 bits"):
        claim.check(cases=5)
