"""Limits: stated, proved, watched, and refuted where they are false."""

import mpmath
import pytest
import sympy

from lossmath import limits, refute
from lossmath.check import CheckError
from lossmath.claims import Claim, Label, ProofError, Real, tangent
from lossmath.symbolic import *

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
def test_true_limits_are_proved_and_seen(name):
    statement, given = TRUE[name]
    proof = Claim(name, statement, given=given).prove()
    assert proof.rules == ["limit"]
    check = proof.claim.check(cases=100)
    ((left, orders),) = check.limits
    assert check.residual is None and 0 <= left <= 0.06 and orders >= 15
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
    with pytest.raises(Exception, match=r"away|fails|nothing"):
        claim.check(cases=100)


def test_a_limit_that_is_not_reached_says_where():
    for name, said in (("finite", "at every point and t = .* away"), ("twice", "at u = [^,]* and t = .* away")):
        statement, given = FALSE[name]
        with pytest.raises(CheckError, match=f"{name}.*{said}"):
            Claim(name, statement, given=given).check(cases=20)


def test_a_limit_of_which_rounding_leaves_nothing_is_not_seen():
    # at t = 10, exp(-100 t) is 0 in float64 already
    statement = limit(log(1 + exp(-100 * t)) * exp(100 * t), t, oo), "==", 1
    with pytest.raises(CheckError, match="rounding leaves nothing"):
        Claim("lost", statement, given=[t >= 1]).check(cases=20)


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
    for statement, given, said in (
        ((limit(x, x, 3), "==", 3), BETWEEN, "does not approach 3"),
        ((limit(x, x, 0), "==", 0), BETWEEN, "from below"),
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
