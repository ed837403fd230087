"""Counterexamples: found by search, confirmed in multiple precision, and short enough to verify by hand."""

import math
import random
from dataclasses import dataclass
from importlib.util import find_spec

import mpmath
import sympy as sp
from mpmath import mpf
from sympy import IndexedBase

from lossmath.claims import limits
from lossmath.claims.errors import NotRefuted, Undefined
from lossmath.claims.evaluation import DIGITS, evaluate_in_torch, value_of
from lossmath.claims.notation import SIGNS, latex
from lossmath.claims.quantities import K, M, N, unfold
from lossmath.claims.sampling import Point, at_equality, draw_points, mix_points, scientific, shorten_point, to_tensors

HAS_TORCH = find_spec("torch") is not None
SLACK = mpf(10) ** -40  # what roundings may leave of the sides, in multiple precision
SEEN = 1e-11  # and in float64
# Classes, observations, inputs; how many points; whether they lie all over the domain and are moved towards a failure.
# A few of each size first: most false claims fail at once.
SEARCH = (
    *((2, 1, 1, 300, False), (2, 3, 2, 300, False), (3, 2, 2, 300, False), (4, 3, 2, 300, False)),
    *((2, 1, 1, 100, True), (4, 3, 2, 100, True), (2, 2, 1, 6000, False), (3, 2, 2, 6000, False)),
    *((6, 3, 2, 1000, False), (10, 3, 2, 500, False), (30, 3, 2, 200, False), (100, 3, 2, 100, False)),
    *((1000, 3, 2, 40, False), (3, 2, 2, 100, True), (6, 3, 2, 100, True), (10, 3, 2, 100, True)),
)
QUICK = SEARCH[:6]
WATCHED = 40  # points at which a limit is watched, by the guard a quarter of them
STEPS = 40  # of the points that are moved
GUARD = ((2, 1, 1, 40), (3, 2, 2, 40), (5, 3, 2, 20))


@dataclass(frozen=True)
class Counterexample:
    """A point that obeys the hypotheses of a claim and where the claim is false."""

    claim: object
    point: Point
    statement: tuple
    left: mpf
    right: mpf

    def _sides(self):
        """The two sides with as many digits as tell them apart."""
        for digits in range(5, DIGITS):
            sides = (mpmath.nstr(side, digits, min_fixed=-4, max_fixed=9) for side in (self.left, self.right))
            left, right = (side.removesuffix(".0") for side in sides)
            close = mpmath.almosteq(mpf(left), mpf(right), rel_eps=mpf(10) ** (2 - digits))
            if left != right and not (close and self.left * self.right != 0):
                return left, right
        return str(self.left), str(self.right)

    def __str__(self):
        left, right = self._sides()
        return f"{self.point}: the left side is {left}, which is not {self.statement[1]} {right}"

    def __repr__(self):
        return f"{self.claim.id} refuted with {self}"

    def _repr_markdown_(self):
        left, right = self._sides()
        one, relation, other = self.statement
        sign = {"==": r"\neq", "<=": ">", ">=": "<"}[relation]
        return (
            f"✗ **False**: ${latex(one)} {SIGNS[relation]} {latex(other)}$; "
            f"at {self.point.latex()} the two sides are ${scientific(left)} {sign} {scientific(right)}$."
        )


# At one point, in multiple precision


def _excess(relation, left, right):
    """By how much a statement fails, relative to its sides; an inequality that holds with room is negative."""
    gap = {"==": abs(left - right), "<=": left - right, ">=": right - left}[relation]
    return gap / (1 + abs(left) + abs(right))


def violation(statement, point: Point, hypotheses) -> tuple[mpf, mpf] | None:
    """The two sides if the statement is false at the point, else None. Raises `Undefined` if a side has no value.

    What fails, or has no value, with 60 digits is worked out again with 600, as roundings may have done that.
    """
    if limits.is_limit(statement):
        watched = limits.watch(statement, hypotheses, point)
        return None if watched.near else (watched.value, watched.limit)
    if excess_at(statement, point) <= SLACK:
        return None
    *sides, excess = _measure(statement, point, 10 * DIGITS)
    return tuple(sides) if excess > SLACK else None


def _measure(statement, point, digits):
    """The two sides, and by how much the statement fails."""
    left, relation, right = statement
    with mpmath.workdps(digits):
        one, other = (mpmath.convert(value_of(side, point.values, point.sizes)) for side in (left, right))
        return one, other, _excess(relation, one, other)


def excess_at(statement, point: Point) -> float:
    """By how much a statement fails at a point; NaN where a side has no value."""
    try:
        return float(_measure(statement, point, DIGITS)[2])
    except Undefined:
        return math.nan


def confirm(claim, point: Point) -> Counterexample | None:
    """The counterexample that the point is, to the first statement that fails there, if there is one."""
    for statement in claim.statements:
        try:
            sides = violation(statement, point, claim.hypotheses)
        except Undefined:
            continue
        if sides is not None:
            values = dict(point.values)
            if limits.is_limit(statement):
                values[statement[0].args[1]] = limits.watch(statement, claim.hypotheses, point).at
            said = sp.Tuple(*map(unfold, statement[::2])).atoms(sp.Symbol, IndexedBase)
            shown = ({name: value for name, value in part.items() if name in said} for part in (point.sizes, values))
            return Counterexample(claim, Point(*shown), statement, *sides)
    return None


def confirm_any(claim, points) -> Counterexample | None:
    """The counterexample that the first such point is."""
    return next(filter(None, (confirm(claim, point) for point in points)), None)


def _comparisons(claim):
    return [statement for statement in claim.statements if not limits.is_limit(statement)]


def find_fault(claim, point: Point, strict: bool = False, watch: bool = False) -> str | None:
    """What is wrong with a claim at a point, in words: a statement fails, or a side has no value; a limit if watched.

    Unless `strict`, a derivative need not have one: its difference quotient may reach over an end of the domain.
    """
    for statement in claim.statements if watch else _comparisons(claim):
        try:
            if violation(statement, point, claim.hypotheses) is not None:
                return str(confirm(claim, point))
        except Undefined as error:
            if strict or not any(unfold(side).has(sp.Derivative) for one in claim.statements for side in one[::2]):
                return f"{point}: {error}"
    return None


def doubt(claim) -> str | None:
    """What speaks against a claim at a hundred points with short numbers, in words: an independent look at a proof.

    The claim may fail, a side may have no value, or equality may hold elsewhere than claimed.
    """
    rng, bounds = random.Random(0), [one for one in _comparisons(claim) if claim.equality_of(one)]
    for number, point in enumerate(point for line in GUARD for point in _draw(claim, *line, rng)):
        if (fault := find_fault(claim, point, watch=4 * number < WATCHED)) is not None:
            return fault
        tight = (excess_at((left, "==", right), point) <= SLACK for left, _, right in bounds)
        if any(tight) and not _is_at_equality(claim, point):
            return f"{point}: the two sides are equal there too"
    return None


def _is_at_equality(claim, point):
    """The point is where equality is claimed."""
    if (moved := at_equality(claim, point)) is None:
        return False
    with mpmath.workdps(DIGITS):
        pairs = zip(*(sp.flatten(one.values[symbol] for symbol in point.values) for one in (moved, point)))
        return all(abs(mpmath.convert(one) - mpmath.convert(other)) < SLACK for one, other in pairs)


# At many points


def excesses(claim, points: list[Point], device=None) -> list[float]:
    """By how much the claim fails at each point, as far as float64 sees; NaN where it sees nothing.

    The points are of the same sizes. Limits are left out. Where torch cannot be imported, mpmath does this, slowly.
    """
    if not points:
        return []
    if HAS_TORCH:
        values, sizes = to_tensors(points, claim.hypotheses, device), points[0].sizes
        found = [
            _excess(relation, *(evaluate_in_torch(side, values, sizes) for side in sides)).expand(len(points)).tolist()
            for relation, sides in ((one[1], one[::2]) for one in _comparisons(claim))
        ]
    else:
        found = [[excess_at(statement, point) for point in points] for statement in _comparisons(claim)]
    return [max(excess, key=lambda one: (math.isnan(one), one)) for excess in zip(*found)]


def find_counterexample(claim, points: list[Point]) -> Counterexample | None:
    """A point among these, of the same sizes, where the claim fails, in the shortest numbers.

    If it states limits, they are watched, at the first 40 of the points.
    """
    watched = points[:WATCHED] if any(map(limits.is_limit, claim.statements)) else []
    return confirm_any(claim, watched) or _screen(claim, points)


def _screen(claim, points):
    failing = [(point, excess) for point, excess in zip(points, excesses(claim, points)) if excess > SEEN]
    # a failure that the eye can see, in short numbers
    failing.sort(key=lambda one: one[0].length + (0 if one[1] > 0.01 else 100))
    return confirm_any(claim, [point for point, _ in failing[:20]])


def refute(claim, seed: int = 0, quick: bool = False) -> Counterexample:
    """Find a point that obeys the claim's hypotheses and where it fails, with few classes and short numbers.

    Points with short numbers are tried, and points from all over the domain, which are moved step by step towards a
    violation and shortened. Whatever is found is confirmed in multiple precision. `quick` does a tenth of the search;
    so does a machine without torch, with at most 100 classes. Limits are watched at 40 points.

    Raises
    ------
    NotRefuted
        If none was found, which proves nothing.
    """
    rng, tried = random.Random(seed), 0
    if any(map(limits.is_limit, claim.statements)):
        tried += WATCHED
        if (found := confirm_any(claim, _draw(claim, 2, 1, 1, WATCHED, rng))) is not None:
            return found
        if not _comparisons(claim):
            raise NotRefuted(f"{claim.id}: the values approach the limit at {tried} points; this proves nothing")
    largest, share = (1000, 1) if HAS_TORCH else (100, 10)
    lines = [line for line in (QUICK if quick else SEARCH) if line[0] <= largest]
    for *sizes, count, moved in lines:
        points = _draw(claim, *sizes, count // share, rng, wide=moved)
        tried += len(points)
        if (found := (_find_moved(claim, points, rng) if moved else _screen(claim, points))) is not None:
            return found
    most = max(classes for classes, *_ in lines)
    raise NotRefuted(f"{claim.id}: no counterexample among {tried} points with K from 2 to {most}; this proves nothing")


def improve(claim, points: list[Point], rng, steps: int = STEPS) -> list[tuple[float, Point]]:
    """The points moved at random where that brings the claim nearer to failing; the worst first, with its excess."""

    def rank(pair):
        return -1.0 if math.isnan(pair[0]) else pair[0]

    best = [*zip(excesses(claim, points), points)]
    for _ in range(steps):
        others = draw_points(claim.hypotheses, points[0].sizes, rng, len(points), wide=True)
        moved = [mix_points(claim.hypotheses, point, other, rng) for (_, point), other in zip(best, others)]
        best = [max(pair, key=rank) for pair in zip(best, zip(excesses(claim, moved), moved))]
    return sorted(best, key=rank, reverse=True)


def _draw(claim, classes, observations, inputs, count, rng, wide=False):
    sizes = {K: classes, N: observations, M: inputs}
    return draw_points(claim.hypotheses, sizes, rng, count, wide=wide)


def _find_moved(claim, points, rng):
    failing = [point for excess, point in improve(claim, points, rng)[:20] if excess > 1e-13]
    short = (shorten_point(claim.hypotheses, point, digits) for point in failing for digits in (*range(1, 8), 17))
    return confirm_any(claim, filter(None, short))
