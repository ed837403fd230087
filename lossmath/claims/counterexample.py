"""Counterexamples: found by search, confirmed in multiple precision, and short enough to verify by hand."""

import math
import random
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
from operator import itemgetter

import mpmath
import sympy as sp
from mpmath import mpf
from sympy import IndexedBase

from lossmath.claims import limits
from lossmath.claims.errors import NotRefuted, Undefined
from lossmath.claims.evaluation import DIGITS, evaluate_in_torch, value_of
from lossmath.claims.notation import SIGNS, latex
from lossmath.claims.quantities import K, M, N, unfold
from lossmath.claims.sampling import Point, at_equality, draw_points, move_point, scientific, shorten_point, to_tensors

SLACK = mpf(10) ** -40  # what roundings may leave of the sides, in multiple precision
SEEN = 1e-11  # and in float64
# Classes, observations, inputs and how many points; a few of each size first: most false claims fail at once.
SEARCH = (
    *((2, 1, 1, 300), (2, 3, 2, 300), (3, 2, 2, 300), (4, 3, 2, 300), (2, 2, 1, 6000), (3, 2, 2, 6000)),
    *((6, 3, 2, 1000), (10, 3, 2, 500), (30, 3, 2, 200), (100, 3, 2, 100), (1000, 3, 2, 40)),
)
IMPROVED = ((2, 1, 1, 100), (4, 3, 2, 100), (3, 2, 2, 100), (6, 3, 2, 100), (10, 3, 2, 100))
STEPS = 40  # of the points that are improved
GUARD = ((2, 1, 1, 40), (3, 2, 2, 40), (5, 3, 2, 20))
WATCHED = 40  # points at which a limit is watched


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
            left, right = (mpmath.nstr(side, digits, min_fixed=-4, max_fixed=9) for side in (self.left, self.right))
            left, right = (side.removesuffix(".0") for side in (left, right))
            if mpmath.almosteq(mpf(left), mpf(right), rel_eps=mpf(10) ** (2 - digits)) and self.left * self.right != 0:
                continue
            if left != right:
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
    for digits in (DIGITS, 10 * DIGITS):
        try:
            *sides, excess = _measure(statement, point, digits)
        except Undefined:
            if digits == DIGITS:
                continue
            raise
        if excess <= SLACK:
            return None
    return tuple(sides)


def _measure(statement, point, digits):
    """The two sides, and by how much the statement fails."""
    left, relation, right = statement
    with mpmath.workdps(digits):
        one, other = (mpmath.convert(value_of(side, point.values, point.sizes)) for side in (left, right))
        return one, other, _excess(relation, one, other)


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


def find_fault(claim, point: Point, statements, strict: bool = False) -> str | None:
    """What is wrong with statements of a claim at a point, in words: one fails, or a side has no value.

    Unless `strict`, a derivative need not have one: its difference quotient may reach over an end of the domain.
    """
    for statement in statements:
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
    rng = random.Random(0)
    points = (point for line in GUARD for point in _draw(claim, line, rng))
    for number, point in enumerate(points):
        # the rule for limits has watched them
        statements = [one for one in claim.statements if number < 10 or not limits.is_limit(one)]
        if (fault := find_fault(claim, point, statements)) is not None:
            return fault
        tight = (excess_at((one[0], "==", one[2]), point) <= SLACK for one in statements if claim.equality_of(one))
        if any(tight) and not _is_at_equality(claim, point):
            return f"{point}: the two sides are equal there too"
    return None


def excess_at(statement, point: Point) -> float:
    """By how much a statement fails at a point; NaN where a side has no value."""
    try:
        return float(_measure(statement, point, DIGITS)[2])
    except Undefined:
        return math.nan


def _is_at_equality(claim, point):
    """The point is where equality is claimed."""
    moved = at_equality(claim, point)
    return moved is not None and all(_near(moved.values[symbol], value) for symbol, value in point.values.items())


def _near(one, other):
    if isinstance(one, tuple):
        return all(map(_near, one, other))
    with mpmath.workdps(DIGITS):
        return abs(mpmath.convert(one) - mpmath.convert(other)) < SLACK


# At many points


def has_torch() -> bool:
    """Whether torch can be imported."""
    return find_spec("torch") is not None


def excesses(claim, points: list[Point], device=None) -> list[float]:
    """By how much the claim fails at each point, as far as float64 sees; NaN where it sees nothing.

    The points are of the same sizes. Limits are left out. Where torch cannot be imported, mpmath does this, slowly.
    """
    if not points:
        return []
    statements = [statement for statement in claim.statements if not limits.is_limit(statement)]
    if not has_torch():
        return [max((excess_at(one, point) for one in statements), key=lambda e: (e != e, e)) for point in points]
    values, sizes = to_tensors(points, claim.hypotheses, device), points[0].sizes
    worst = None
    for left, relation, right in statements:
        excess = _excess(relation, *(evaluate_in_torch(side, values, sizes) for side in (left, right)))
        worst = excess if worst is None else worst.maximum(excess)
    return worst.expand(len(points)).tolist()


def find_counterexample(claim, points: list[Point]) -> Counterexample | None:
    """A point among these, of the same sizes, where the claim fails, in the shortest numbers; limits are watched."""
    return confirm_any(claim, points) if any(map(limits.is_limit, claim.statements)) else _screen(claim, points)


def _screen(claim, points):
    failing = [(point, excess) for point, excess in zip(points, excesses(claim, points)) if excess > SEEN]
    # a failure that the eye can see, in short numbers
    failing.sort(key=lambda one: one[0].length + (0 if one[1] > 0.01 else 100))
    return confirm_any(claim, [point for point, _ in failing[:20]])


def refute(claim, seed: int = 0, quick: bool = False) -> Counterexample:
    """Find a point that obeys the claim's hypotheses and where it fails, with few classes and short numbers.

    Points with short numbers are tried first, then points from all over the domain, which are moved step by step
    towards a violation and shortened. Whatever is found is confirmed in multiple precision. `quick` does a tenth of the
    search; so does a machine without torch, with at most 100 classes.

    Raises
    ------
    NotRefuted
        If none was found, which proves nothing.
    """
    rng, tried = random.Random(seed), 0
    if any(map(limits.is_limit, claim.statements)):
        tried += WATCHED
        if (found := confirm_any(claim, _draw(claim, (2, 1, 1, WATCHED), rng))) is not None:
            return found
    if all(map(limits.is_limit, claim.statements)):
        raise NotRefuted(f"{claim.id}: the values approach the limit at {tried} points; this proves nothing")
    share, most = (1, 1000) if has_torch() else (10, 100)
    searches = [*product([False], SEARCH[: 4 if quick else None]), *product([True], IMPROVED[: 2 if quick else None])]
    for improved, (classes, n, m, count) in searches:
        if classes > most:
            continue
        tried += count // share
        points = _draw(claim, (classes, n, m, count // share), rng, wide=improved)
        if (found := _find_improved(claim, points, rng) if improved else _screen(claim, points)) is not None:
            return found
    most = 4 if quick else most
    raise NotRefuted(f"{claim.id}: no counterexample among {tried} points with K from 2 to {most}; this proves nothing")


def improve(claim, points: list[Point], rng, steps: int = STEPS) -> list[tuple[float, Point]]:
    """The points moved at random where that brings the claim nearer to failing; the worst first, with its excess."""

    def measure(points):
        return [-1.0 if math.isnan(excess) else excess for excess in excesses(claim, points)]

    best = list(zip(measure(points), points))
    for _ in range(steps):
        moved = [move_point(claim.hypotheses, point, rng) for _, point in best]
        best = [max(pair, key=itemgetter(0)) for pair in zip(best, zip(measure(moved), moved))]
    return sorted(best, key=itemgetter(0), reverse=True)


def _draw(claim, line, rng, wide=False):
    *sizes, count = line
    return draw_points(claim.hypotheses, dict(zip((K, N, M), sizes)), rng, count, wide=wide)


def _find_improved(claim, points, rng):
    failing = [point for excess, point in improve(claim, points, rng)[:20] if excess > 1e-13]
    short = (shorten_point(claim.hypotheses, point, digits) for point in failing for digits in (*range(1, 8), 17))
    return confirm_any(claim, filter(None, short))
