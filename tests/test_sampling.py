"""Points that obey their hypotheses: short ones, wide ones, and what is done with them."""

import math
import random
from fractions import Fraction

import mpmath
import pytest
import sympy as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lossmath.claims import Claim, Distribution, Label, OneHot, Real, sampling
from lossmath.claims.hypotheses import Hypotheses
from lossmath.claims.quantities import *
from lossmath.claims.sampling import (
    Point,
    at_equality,
    draw_points,
    mix_points,
    obeys,
    shorten_point,
    to_tensors,
)

P, Q = Distribution(p), Distribution(q, positive=True)
HALF = Fraction(1, 2)
SIZES = {K: 3, N: 2, M: 2}
VECTORS = [P, Q, OneHot(r, y), Label(labels), Real(scores), Distribution(conditional), Real(z), Label(i), Label(n, N)]
NUMBERS = [Real(t), x > 0, x < 1, gamma >= 1, u <= -2, epsilon >= 0, epsilon <= 1, c > sqrt(3), s >= HALF, s <= HALF]
ALL = Hypotheses(VECTORS + NUMBERS)


def drawn(*given, wide=False, sizes=SIZES, count=600, seed=1):
    return [point.values for point in draw_points(Hypotheses(given), sizes, random.Random(seed), count, wide=wide)]


@given(st.integers(0, 2**32), st.booleans(), st.sampled_from([{K: 2, N: 1, M: 1}, SIZES, {K: 30, N: 4, M: 3}]))
@settings(max_examples=25)
def test_points_obey_their_hypotheses(seed, wide, sizes):
    for point in draw_points(ALL, sizes, random.Random(seed), 20, wide=wide):
        values = point.values
        assert obeys(ALL, point) and set(values) == ALL.declared and point.sizes == sizes
        for row in (values[p], values[q], values[r], *values[conditional]):
            assert sum(row) == 1 and min(row) >= 0 and len(row) == sizes[K]
        assert min(values[q]) > 0 and len(values[conditional]) == sizes[M]
        assert 0 < values[x] < 1 and values[gamma] >= 1 and values[u] <= -2 and 0 <= values[epsilon] <= 1
        assert values[c] ** 2 > 3 and values[s] == HALF and values[r][int(values[y]) - 1] == 1
        assert {*values[labels], values[y], values[i]} <= set(range(1, sizes[K] + 1)) and 1 <= values[n] <= sizes[N]
        assert [len(row) for row in values[scores]] == [sizes[K]] * sizes[N] and len(values[labels]) == sizes[N]


@pytest.mark.parametrize("wide", [False, True])
def test_the_same_seed_draws_the_same_points(wide):
    first, again, other = (draw_points(ALL, SIZES, random.Random(seed), 60, wide=wide) for seed in (3, 3, 4))
    assert first == again != other


def test_the_first_points_are_the_shortest():
    first, second, *_ = drawn(P, Q, gamma >= 1, u <= -2, epsilon >= 0, epsilon <= 1)
    assert set(first[p]) == set(first[q]) == {Fraction(1, 3)}
    assert (first[gamma], second[gamma], first[u], first[epsilon], second[epsilon]) == (1, 2, -2, 0, 1)


def test_short_points_are_short_and_reach_the_corners():
    values = drawn(*VECTORS, *NUMBERS)
    seen = {symbol: {point[symbol] for point in values} for symbol in (p, q, x, t, y, i, n)}
    assert any(0 in row for row in seen[p]) and any(1 in row for row in seen[p])
    assert any(max(row) > Fraction(9, 10) for row in seen[q])
    assert min(seen[x]) < Fraction(1, 20) and max(seen[x]) > Fraction(19, 20) and min(seen[t]) < 0 < max(seen[t])
    assert seen[y] == seen[i] == {1, 2, 3} and seen[n] == {1, 2}
    assert {entry for point in values for entry in point[z]} == {-2, -1, 0, 1, 2, 3, 5}
    # of three, one is among the five shortest and one among the 24 shortest
    pool = sampling._pool(sp.Interval.open(0, 1))
    assert 0.3 < sum(point[x] in pool[:5] for point in values) / 600 < 0.5 and len(seen[x]) > 80
    assert 0.6 < sum(point[x] in pool[:24] for point in values) / 600 < 0.8


@pytest.mark.parametrize("wide", [False, True])
def test_distributions_are_flat_or_peaked_and_lack_mass_on_some_classes_if_they_may(wide):
    rows = [point[q] for point in drawn(Q, wide=wide)]
    assert 0.05 < sum(max(row) > Fraction(9, 10) for row in rows) / 600 < 0.5
    assert any(max(row) == min(row) for row in rows) and len(set(rows)) > 150
    assert {row.index(max(row)) for row in rows} == {0, 1, 2} and all(min(row) > 0 for row in rows)
    lacking = [point[p].count(0) for point in drawn(P, wide=wide)]
    assert set(lacking) == {0, 1, 2} and 0.2 < lacking.count(2) / 600 < 0.35 and 0.4 < lacking.count(0) / 600 < 0.7


def test_wide_distributions_are_nearly_flat_and_very_peaked_too():
    spreads = [float(max(point[q]) / min(point[q])) for point in drawn(Q, wide=True)]
    flat, near = sum(spread == 1 for spread in spreads), sum(1 < spread < 1.01 for spread in spreads)
    assert 0.15 < flat / 600 < 0.25 and 0.15 < near / 600 < 0.25 and sum(spread > 1e8 for spread in spreads) > 30


@pytest.mark.parametrize(
    ("given", "low", "high", "ends"),
    [
        ([x > 0, x < 1], 0, 1, ""), ([x >= 0, x < 1], 0, 1, "low"), ([x > 0, x <= 1], 0, 1, "high"),
        ([x >= 0, x <= 1], 0, 1, "low high"), ([x > -5, x < 5], -5, 5, ""), ([x >= 2, x <= 6], 2, 6, "low high"),
        ([x >= 3], 3, math.inf, "low"), ([x > 3], 3, math.inf, ""), ([x <= -3], -math.inf, -3, "high"),
        ([x < -3], -math.inf, -3, ""), ([x > 10**6, x < 10**6 + 1], 10**6, 10**6 + 1, ""),
        ([x > 0, x < Rational(1, 100)], 0, Fraction(1, 100), ""),
    ],
)  # fmt: skip
def test_wide_numbers_lie_all_over_the_interval_close_to_its_ends_and_at_those_that_are_closed(given, low, high, ends):
    values = [point[x] for point in drawn(*given, wide=True, count=2000)]
    for name, end, inwards in (("low", low, 1), ("high", high, -1)):
        if not math.isinf(end):
            away = [inwards * (value - end) for value in values]
            assert min(away) >= 0 and (0.05 < away.count(0) / 2000 < 0.25) == (name in ends)
            near = [one for one in away if 0 < one < Fraction(1, 1000)]
            assert len(near) > 150 and min(near) <= Fraction(1, 10**11) and max(near) > Fraction(1, 10**6)
    if math.isinf(high - low):
        away = [abs(value - (high if math.isinf(low) else low)) for value in values]
        assert 50 <= max(away) <= 50 + Fraction(1, 1000) and sum(one > 5 for one in away) > 100
        assert 0.5 < sorted(one for one in away if one > Fraction(1, 100))[len(away) // 3] < 2
    else:
        quarters = [int(4 * (value - low) / (high - low)) for value in values if low < value < high]
        assert all(quarters.count(quarter) > 150 for quarter in range(4))


def test_wide_real_numbers_are_zero_small_and_large_and_vectors_have_several_scales():
    values = drawn(Real(x), Real(z), Real(scores), wide=True, count=2000)
    numbers = [abs(point[x]) for point in values]
    assert 0.1 < numbers.count(0) / 2000 < 0.25 and 40 < max(numbers) < 200
    assert sum(0 < number < Fraction(1, 20) for number in numbers) > 200
    for spreads in (
        [max(map(abs, point[z])) for point in values],
        [max(map(abs, point[scores][1])) for point in values],
    ):
        assert 0.2 < sum(spread < Fraction(2, 5) for spread in spreads) / 2000 < 0.4 and 60 < max(spreads) < 200
        assert sum(spread > 20 for spread in spreads) > 250
    assert {value.denominator for value in numbers} <= {
        1,
        2,
        4,
        5,
        8,
        10,
        20,
        25,
        40,
        50,
        100,
        125,
        200,
        250,
        500,
        1000,
    }


@pytest.mark.parametrize(
    ("interval", "first"),
    [
        (sp.Interval(-oo, oo), "0 1 2 3 4 5"), (sp.Interval(0, 1), "0 1 1/5 1/4 1/3"),
        (sp.Interval.open(0, 1), "1/5 1/4 1/3 2/5 1/2"),
        (sp.Interval(1, oo), "1 2 3 4 5 6"), (sp.Interval(-oo, -2), "-2 -3 -4 -5"),
        (sp.Interval.open(-oo, 0), "-1 -2 -3 -4"),
        (sp.Interval.open(-1, 1), "0 1/5 1/4"), (sp.FiniteSet(Rational(1, 3)), "1/3"),
        (sp.Interval.open(1, oo), "2 3 4 5"),
        (sp.Interval.open(0, Rational(1, 10**6)), "1/2000000"), (sp.Interval(100, Rational(201, 2)), "100 501/5 401/4"),
        (sp.Interval.open(-oo, -1000), "-1001 -5001/5"), (sp.Interval.open(1000, oo), "1001 1002 1003"),
        (sp.Interval.Lopen(Rational(1, 4), Rational(1, 2)), "1/3 3/8 2/5"),
        (sp.Interval.open(5, 6), "26/5 21/4 16/3 27/5 11/2"),
    ],
)  # fmt: skip
def test_short_numbers_of_an_interval_begin_with_the_shortest(interval, first):
    pool = sampling._pool(interval)
    assert pool[: len(first.split())] == [*map(Fraction, first.split())]
    assert all(interval.contains(sp.Rational(number.numerator, number.denominator)) == sp.true for number in pool)
    lengths = [len(str(number)) for number in pool]
    assert lengths == sorted(lengths) and len(set(pool)) == len(pool)


@pytest.mark.parametrize("ends", [(sqrt(3), oo), (-oo, -sqrt(3)), (sqrt(3), sqrt(3) + HALF)])
def test_no_short_number_lies_beyond_an_end_that_is_not_rational(ends):
    interval = sp.Interval(*ends)
    pool = sampling._pool(interval)
    assert len(pool) > 10
    assert all(interval.contains(sp.Rational(number.numerator, number.denominator)) == sp.true for number in pool)


@pytest.mark.parametrize(
    ("symbol", "value"),
    [
        (p, (HALF, HALF, HALF)), (p, (Fraction(3, 2), -HALF, 0)), (q, (HALF, HALF, 0)), (x, Fraction(0)),
        (x, Fraction(1)),
        (x, Fraction(3)), (u, Fraction(-1)), (epsilon, Fraction(-1, 10**40)), (c, Fraction(17, 10)),
        (conditional, ((HALF, HALF, 0), (1, 1, 0))),
    ],
)  # fmt: skip
def test_a_point_outside_the_domain_does_not_obey(symbol, value):
    point = draw_points(ALL, SIZES, random.Random(0), 1)[0]
    assert obeys(ALL, point) and not obeys(ALL, Point(SIZES, point.values | {symbol: value}))


@pytest.mark.parametrize(("entry", "allowed"), [(HALF, True), (-HALF, False)])
def test_entries_that_are_rational_stand_beside_entries_that_are_not(entry, allowed):
    point = draw_points(ALL, SIZES, random.Random(0), 1)[0]
    with mpmath.workdps(60):
        values = (mpmath.mpf(1) / 2, entry, HALF - entry)
    assert obeys(ALL, Point(SIZES, point.values | {p: values})) == allowed


def test_a_point_on_the_way_to_another_stays_in_its_domain_and_keeps_its_labels():
    points = (draw_points(ALL, SIZES, random.Random(seed), 100, wide=True) for seed in (0, 1))
    for seed, (one, other) in enumerate(zip(*points)):
        mixed = mix_points(ALL, one, other, random.Random(seed))
        share = Fraction(round(10 ** (6 * random.Random(seed).random())), 10**6)
        assert obeys(ALL, mixed) and all(mixed.values[symbol] == one.values[symbol] for symbol in (i, y, r, labels, s))
        for of in (lambda values: values[t], lambda values: values[p][1], lambda values: values[scores][0][2]):
            here, there = of(one.values), of(other.values)
            assert of(mixed.values) == here + share * (there - here)


@pytest.mark.parametrize(
    ("symbol", "value", "digits", "short"),
    [
        (p, "3333/10000 6667/10000", 1, "3/10 7/10"), (p, "0.126 0.874", 2, "13/100 87/100"),
        (p, "0.26 0.26 0.48", 1, "3/10 3/10 2/5"), (p, "0.16 0.17 0.16 0.17 0.17 0.17", 1, "1/5 0 1/5 1/5 1/5 1/5"),
        (p, "0.17 0.17 0.17 0.17 0.17 0.19 0.04", 1, None), (q, "0.16 0.17 0.16 0.17 0.17 0.17", 1, None),
        (q, "0.0004 0.9996", 1, "1/2500 2499/2500"), (p, "0 1", 3, "0 1"), (q, "0 1", 3, None), (x, "0.123", 2, "3/25"),
        (x, "0.96", 1, None), (x, "0.96", 2, "24/25"), (u, "1.04", 1, "1"), (u, "0.96", 2, None),
        (t, "-2.34567", 3, "-47/20"), (z, "1.26 -0.5", 2, "13/10 -1/2"), (i, "2", 1, "2"),
    ],
)  # fmt: skip
def test_a_point_is_shortened_to_so_many_digits_or_leaves_its_domain(symbol, value, digits, short):
    hypotheses = Hypotheses(
        {p: [P], q: [Q], x: [x > 0, x < 1], u: [u >= 1], t: [Real(t)], z: [Real(z)], i: [Label(i)]}[symbol]
    )
    numbers = [tuple(map(Fraction, text.split())) for text in (value, short or "0")]
    one, other = (entries if symbol in (p, q, z) else entries[0] for entries in numbers)
    found = shorten_point(hypotheses, Point({K: 2}, {symbol: one}), digits)
    assert found == (Point({K: 2}, {symbol: other}) if short else None)


def test_a_matrix_is_shortened_row_by_row():
    hypotheses = Hypotheses([Distribution(conditional, positive=True), Real(scores)])
    rows = (Fraction(26, 100), Fraction(74, 100)), (HALF, HALF)
    values = {conditional: rows, scores: ((Fraction(1), Fraction(226, 100)), (Fraction(3), Fraction(4)))}
    found = shorten_point(hypotheses, Point({K: 2}, values), 1).values
    assert found == {conditional: ((Fraction(3, 10), Fraction(7, 10)), (HALF, HALF)), scores: ((1, 2), (3, 4))}
    assert shorten_point(hypotheses, Point({K: 2}, values | {conditional: (rows[0], (0, 1))}), 1) is None


def test_a_point_is_put_where_equality_is_claimed():
    a, b = (Fraction(1, 4), Fraction(3, 4)), (Fraction(0), Fraction(1))
    for equality, assumed, values, moved in [
        ({q: p}, [Distribution(p, positive=True), Q], {p: a, q: (HALF, HALF)}, {p: (HALF, HALF)}),
        ({p: q}, [P, Q], {p: b, q: a}, {p: a}), ({q: p}, [P, Q], {p: b, q: a}, {p: a}),  # q may not vanish, so p moves
        ({p: r}, [P, Distribution(r)], {p: a, r: b}, {p: b}),
        ({x: u**2}, [Real(x), Real(u)], {x: HALF, u: HALF}, {x: HALF**2}),
        ({q: uniform()}, [Q], {q: a}, {q: (HALF, HALF)}),
        ({x: u}, [x > 0, x < 1, Real(u)], {x: HALF, u: Fraction(2)}, None),
        ({q: one_hot(y)}, [Q, Label(y)], {q: a, y: Fraction(2)}, None),
        ({x: 1 / u}, [Real(x), Real(u)], {x: HALF, u: 0}, None),
        ({q: smooth_labels(p, epsilon)}, [P, Q, epsilon > 0, epsilon <= 1], {p: b, q: a, epsilon: HALF}, {q: a}),
    ]:  # fmt: skip
        ((one, _),) = equality.items()
        side = x**2 if one is x else total(one[k] ** 2, k)
        claim = Claim("placed", (side, ">=", 0), given=assumed, equality=equality)
        found = at_equality(claim, Point({K: 2, N: 1, M: 1}, values))
        assert found == (None if moved is None else Point({K: 2, N: 1, M: 1}, values | moved))


def test_a_place_that_is_not_rational_has_sixty_digits():
    claim = Claim("placed", (total(p[k] ** 2, k), ">=", 0), given=[P, Real(z)], equality={p: softmax(z)})
    found = at_equality(claim, Point({K: 2}, {p: (HALF, HALF), z: (Fraction(0), Fraction(1))})).values[p]
    with mpmath.workdps(60):
        assert (
            abs(found[0] - 1 / (1 + mpmath.e)) < mpmath.mpf(10) ** -58 and abs(sum(found) - 1) < mpmath.mpf(10) ** -58
        )


def test_points_become_tensors():
    whole = (Fraction(1), Fraction(2), Fraction(2))
    rows = (Fraction(1), Fraction(2)), (Fraction(3), Fraction(4)), (Fraction(5), Fraction(-7))
    values = {p: (HALF, HALF), scores: rows, y: Fraction(2), labels: whole, x: Fraction(1, 3)}
    given = Hypotheses([P, Real(scores), Label(y), Label(labels), Real(x)])
    found = to_tensors([Point({}, values), Point({}, values | {x: mpmath.mpf(-2)})], given)
    assert {symbol: (value.dtype, value.shape) for symbol, value in found.items()} == {
        p: (torch.float64, (2, 2)), scores: (torch.float64, (2, 3, 2)), y: (torch.int64, (2,)), labels: (torch.int64,
        (2, 3)),
        x: (torch.float64, (2,)),
    }  # fmt: skip
    assert found[x].tolist() == [1 / 3, -2] and found[labels].tolist() == [[1, 2, 2]] * 2
    assert found[p].tolist() == [[0.5, 0.5]] * 2 and to_tensors([Point({}, {})] * 7, given) == {}


def test_a_point_is_written_in_short_numbers():
    half, rows = (Fraction(1, 4), Fraction(3, 4)), ((Fraction(1), Fraction(2)), (Fraction(3), Fraction(4)))
    values = {p: half, x: Fraction(1, 10**7), t: Fraction(10**9), u: Fraction(-3, 7), scores: rows}
    point = Point({K: 2}, values)
    assert str(point) == "K = 2, p = (1/4, 3/4), x = 1e-7, t = 1e+9, u = -3/7, z = ((1, 2), (3, 4))"
    shown = (
        "K = 2", r"p = (1/4,\ 3/4)", r"x = 1 \times 10^{-7}", r"t = 1 \times 10^{9}", "u = -3/7",
        r"z = ((1,\ 2),\ (3,\ 4))",
    )  # fmt: skip
    assert point.latex() == ", ".join(f"${part}$" for part in shown)


@pytest.mark.parametrize(
    ("values", "length"),
    [
        ({}, 6), ({x: Fraction(1, 10)}, 10), ({x: Fraction(-2)}, 8), ({p: (HALF, HALF)}, 12),
        ({scores: ((HALF,), (HALF,))}, 12),
    ],
)  # fmt: skip
def test_the_length_of_a_point_counts_its_classes_and_signs(values, length):
    assert Point({K: 2, N: 1}, values).length == length


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1000000", "1000000"), ("1/1000000", "1/1000000"), ("-7/9", "-7/9"), ("1500000", "1.5e+6"),
        ("2000000", "2e+6"),
        ("1/1000001", "9.99999e-7"), ("1234567/1000", "1234.57"), ("12345678", "1.23457e+7"), ("1/10000000", "1e-7"),
        # six digits would not tell these from a shorter number
        ("1000001", "1000001"), ("-1000001", "-1000001"), ("1000000000001/1000000000000", "1.000000000001"),
        ("5000000001/10000000000", "0.5000000001"), ("499999999/1000000000", "0.499999999"),
    ],
)  # fmt: skip
def test_a_long_number_is_rounded_to_six_digits_unless_it_looks_like_another(number, text):
    point = Point({}, {x: Fraction(number)})
    assert str(point) == f"x = {text}"
    mantissa, _, exponent = text.partition("e")
    shown = rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else text
    assert point.latex() == f"$x = {shown}$"


def test_the_numbers_of_ten_classes_are_written_out_and_of_many_classes_in_part():
    ten = Point({K: 10}, {p: (Fraction(1, 10),) * 10})
    assert str(ten) == f"K = 10, p = ({', '.join(['1/10'] * 10)})"
    assert ten.latex() == r"$K = 10$, $p = (" + r",\ ".join(["1/10"] * 10) + r")$"
    twelve, thirteen = (Point({}, {z: tuple(map(Fraction, range(1, count)))}) for count in (13, 14))
    assert str(twelve) == "z = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)" and str(thirteen) == "z = (1, 2, 3, ..., 13)"
    assert thirteen.latex() == r"$z = (1,\ 2,\ 3,\ \dots,\ 13)$"
