"""How fates are searched for: what is tried, where, and in which order."""

import math
from fractions import Fraction

import pytest
import sympy as sp
from sympy import Derivative

from lossmath.claims import Claim, Distribution, Label, OneHot, Real, fates, tangent
from lossmath.claims.counterexample import Point, evaluate
from lossmath.claims.fates import (
    _functions,
    _known_ways,
    _left_over,
    _own_ways,
    _points,
    _tangents,
    _without_moduli,
    fate,
    restated,
)
from lossmath.claims.quantities import (
    Abs,
    K,
    M,
    N,
    cross_entropy,
    entropy,
    gamma,
    i,
    k,
    kl_divergence,
    log,
    maximum_norm,
    p,
    q,
    t,
    total,
    u,
    x,
    y,
)

P, Q = Distribution(p), Distribution(q, positive=True)
TWO = {K: 2, N: 1, M: 1}


@pytest.fixture(scope="module")
def two():
    """t log(t/u) >= t - u."""
    return Claim("two", (t * log(t / u), ">=", t - u), given=[t >= 0, u > 0], equality={t: u}).prove(
        by=tangent(t, at=u)
    )


@pytest.fixture(scope="module")
def one(two):
    """x log x >= x - 1, by the lemma of two variables."""
    return Claim("one", (x * log(x), ">=", x - 1), given=[x > 0]).prove(by=two.at({t: x, u: 1}))


@pytest.fixture(scope="module")
def gibbs(two):
    return Claim("gibbs", (kl_divergence(p, q), ">=", 0), given=[P, Q]).prove(by=two.at({t: p[k], u: q[k]}, over=k))


# What is stated


def test_a_claim_is_restated_unless_that_says_nothing():
    claim = Claim("a", (x, ">=", 0), given=[x >= 0], equality={x: 0})
    new = restated(claim, (x**2, ">=", 0))
    assert (new.id, new.statements, new.equality, new.hypotheses) == ("a", ((x**2, ">=", 0),), {}, claim.hypotheses)
    assert claim.statements == ((x, ">=", 0),) and claim.equality == {x: 0}
    assert restated(claim, (u, ">=", 0)) is None  # which is not declared
    assert restated(claim, (x, ">=", sp.Pow(0, x, evaluate=False))) is None
    assert restated(claim, (sp.Pow(0, x, evaluate=False), "<=", x)) is None


def test_the_functions_that_must_have_a_value():
    both = kl_divergence(p, q) + entropy(p)
    assert _functions(both) == [both, entropy(p), kl_divergence(p, q)]
    assert _functions(Derivative(log(x), x) + entropy(p)) == [log(x)]
    assert _functions(Derivative(total(log(x) * p[k], k), x)) == []


# Where it is tried


def _inside(point):
    """Not so near to a corner that rounding to short fractions would leave the simplex."""
    return min(*point.values[p], *point.values[q]) > Fraction(1, 100)


@pytest.mark.parametrize(
    ("equality", "given"),
    [({q: p}, [P, Q]), ({q: p}, [Distribution(p, positive=True), Q]), ({p: q}, [P, Q]), ({}, [P, Q])],
)
def test_every_third_point_is_where_equality_is_claimed(equality, given):
    claim = Claim("a", (kl_divergence(p, q), ">=", 0), given=given, equality=equality)
    drawn = _points(claim, equality)
    assert [sizes[K] for sizes, *_ in drawn] == [3, 2, 5]
    for sizes, points, tensors in drawn:
        assert len(points) == len(tensors[p]) == fates.POINTS
        for point, row in zip(points, tensors[q].tolist()):
            assert row == [float(entry) for entry in point.values[q]]
            assert sum(point.values[p]) == sum(point.values[q]) == 1 and min(point.values[q]) > 0
        apart = [math.dist(point.values[p], point.values[q]) for point in points]
        assert not equality or max(apart[n] for n in range(0, len(points), 3) if _inside(points[n])) < 0.01
        assert max(apart[1::3]) > 0.1 and max(apart[2::3]) > 0.1


def test_a_pole_is_told_between_two_points():
    base = Claim("a", (x + 1, ">=", x), given=[Real(x)]).prove()
    word, reason = fate(base.claim.near_miss((1 / (x**2 - 2) ** 2, ">=", 0)), base, 0)
    assert word == "refuted"
    where, why = reason.removeprefix("between ").split(": no value, since ")
    below, above = (float(sp.Rational(point.split("x = ")[-1])) for point in where.split(" and "))
    assert why == "x**2 - 2 is zero" and (below**2 - 2) * (above**2 - 2) < 0


# What is tried


def test_what_an_instance_leaves_over(two):
    left = _left_over((kl_divergence(p, q), ">=", 0), [two.at({t: p[k], u: q[k]}, over=k)])
    values = {p: (Fraction(1), Fraction(2)), q: (Fraction(3), Fraction(1))}  # it holds of any vectors: Σ p - Σ q
    assert abs(evaluate(left, Point(TWO, values)) + 1) < 1e-12
    left = _left_over((1, "<=", 3 * x), [two.at({t: x, u: x**2}, times=2)])
    assert abs(evaluate(left, Point(TWO, {x: Fraction(1, 2)})) - (1 - math.log(2))) < 1e-12


def test_what_a_proof_rests_on_is_tried_with_what_that_rests_on(two, one):
    rests = one.at({x: t}, times=2)
    proof = Claim("twice", (2 * t * log(t), ">=", 2 * t - 2), given=[t > 0]).prove(by=rests)
    itself, sign, above, below = _own_ways(proof.claim, proof, 0)
    assert (itself, sign, above) == ([proof.at()], None, [rests])
    (below,) = below
    assert (below.lemma, below.statement, below.values, below.times, below.over) == (
        two,
        two.claim.statements[0],
        {t: t, u: 1},
        2,
        None,
    )
    listed = Claim("twice", proof.claim.statements[0], given=[t > 0]).prove(by=[rests])
    assert list(_own_ways(listed.claim, listed, 0)) == [[listed.at()], None, [rests]]


def test_multipliers_multiply(two):
    thrice = Claim("thrice", (3 * x * log(x), ">=", 3 * x - 3), given=[x > 0]).prove(by=two.at({t: x, u: 1}, times=3))
    proof = Claim("a", (6 * t * log(t), ">=", 6 * t - 6), given=[t > 0]).prove(by=thrice.at({x: t}, times=2))
    *_, (below,) = _own_ways(proof.claim, proof, 0)
    assert below.times == 6


def test_the_ways_of_the_original_come_first_and_tangents_join_what_may_hold(monkeypatch, two):
    monkeypatch.setattr(fates, "_own_ways", lambda *_: [["a"], None, ["never"], ["b"]])
    monkeypatch.setattr(fates, "_known_ways", lambda *_: [["b"], ["c"], ["never"]])
    monkeypatch.setattr(fates, "_left_over", lambda statement, way: way)
    monkeypatch.setattr(fates, "_tangents", lambda claim, rest: [["tangent"], ["never"]])
    monkeypatch.setattr(fates, "_may_hold", lambda claim, rest: "never" not in rest)
    ways = list(fates._ways(two.claim, two, 0, 0, ()))
    own = [["a"], None, ["b"], ["tangent"], ["a", "tangent"], ["b", "tangent"]]
    assert ways == [tangent(t, at=u), *own, ["c"], ["c", "tangent"]]
    same = Claim("same", (x + x, "==", 2 * x), given=[Real(x)])
    assert list(fates._ways(same, same.prove(), 0, 0, ())) == [None]


def test_below_a_sum_nothing_is_looked_for(gibbs, two):
    assert list(_own_ways(gibbs.claim, gibbs, 0)) == [[gibbs.at()], None, [two.at({t: p[k], u: q[k]}, over=k)]]


def test_a_norm_that_is_one_is_said_to_be(one):
    given = [OneHot(p, y), x >= 0]
    claim = Claim("a", (2 * x * maximum_norm(p), "<=", 3 * x), given=given)
    *_, (last,) = _own_ways(claim, one, 0)
    assert (last.statement, last.times) == ((maximum_norm(p), "==", 1), -2 * x)
    without = Claim("a", claim.statements[0], given=[P, x >= 0])  # the norm may be less
    assert [one.at()] in _own_ways(without, one, 0) and len(list(_own_ways(without, one, 0))) == 3


def test_known_claims_are_tried_as_they_stand_and_then_at_the_entries(two, one, gibbs):
    given = [P, Q, Label(i), gamma >= 0]
    proof = Claim("a", (gamma + entropy(p), ">=", 0), given=given).prove()
    same = Claim("same", (entropy(p), "==", entropy(p)), given=[P]).prove()
    ways = list(_known_ways(proof.claim, proof, 0, [one, two, same, gibbs]))
    entries = [one.at({x: of[k]}, times=by[k], over=k) for of, by in ((p, p), (p, q), (q, p), (q, q))]
    larger = [proof.at({gamma: gamma + more}) for more in (gamma, 1)]
    assert ways == [[way] for way in (proof.at(times=2), *larger, gibbs.at(), *entries)]


def test_every_statement_is_proved_and_told_by_what():
    proof = Claim("a", (x**2, ">=", 0), (x + x, "==", 2 * x), given=[x >= 0]).prove()
    assert fate(proof.claim.near_miss(given=[Real(x)]), proof) == ("still true", "proved by normal form, sign")
    proof = Claim("b", (0, "<=", cross_entropy(p, q)), given=[P, Q]).prove()
    assert fate(proof.claim.near_miss(given=[P, Distribution(q)]), proof)[0] == "refuted"  # the right side has no value


def told(ways):
    return [
        [(way.lemma.claim.id, way.values[t], way.values[u], way.times, way.over) for way in group] for group in ways
    ]


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        (t * log(1 + x), [[(1 / (1 + x), t, None)]]),
        (-t * log(1 + x), [[(1 + x, t, None)]] * 2),
        (t * Abs(log(1 + x)), [[(1 / (1 + x), t, None)]]),
        (
            t * (log(1 + x) + log(2 + x)),
            [[(1 / (1 + x), t, None), (1 / (2 + x), t, None)], [(1 / (1 + x) / (2 + x), t, None)]],
        ),
        (2 * t * log(1 + x), [[(1 / (1 + x), 2 * t, None)], [((1 + x) ** -2, t, None)]]),
        (x + 1, []),
    ],
    ids=["above", "below", "modulus", "two", "twice", "none"],
)
def test_logarithms_are_bounded_by_tangents(delta, expected):
    claim = Claim("a", (t, ">=", 0), given=[t >= 0, x > 0])
    assert told(_tangents(claim, delta)) == [
        [("log-tangent", 1, at, times, over) for at, times, over in group] for group in expected
    ]


def test_logarithms_in_a_sum_are_bounded_term_by_term():
    claim = Claim("a", (cross_entropy(p, q), ">=", 0), given=[Distribution(p, positive=True), Q])
    apart, together = told(_tangents(claim, total(p[k] * log(p[k]) - p[k] * log(q[k]), k)))
    assert sorted(apart, key=str) == sorted(
        [("log-tangent", 1, 1 / p[k], p[k], k), ("log-tangent", 1, q[k], p[k], k)], key=str
    )
    assert together == [("log-tangent", 1, q[k] / p[k], p[k], k)]


def test_a_modulus_is_taken_for_what_stands_inside_or_its_negative():
    claim = Claim("a", (x, ">=", 0), given=[x >= 0, Q, Label(i)])
    assert _without_moduli(claim, Abs(-2 * x - 1) + Abs(log(q[i]), evaluate=False)) == 2 * x + 1 - log(q[i])
    assert _without_moduli(claim, Abs(x - x**3, evaluate=False)) in (x - x**3, x**3 - x)
