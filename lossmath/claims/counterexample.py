"""Counterexamples: found by search, confirmed in multiple precision, and short enough to verify by hand."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import product

import mpmath
import sympy as sp
from mpmath import mpf
from sympy import IndexedBase, KroneckerDelta, Sum

from lossmath.claims import limits
from lossmath.claims.errors import NotRefuted, Undefined
from lossmath.claims.hypotheses import Hypotheses
from lossmath.claims.notation import SIGNS, latex
from lossmath.claims.quantities import K, M, MaximumNorm, N, unfold, written

DIGITS = 60
# Short numbers, the shortest first.
SHORT = [
    *map(Fraction, "0 1 2 3 1/2 1/4 3/4 1/3 2/3 3/2 1/10 9/10 1/5 4/5 5/2 4 5 10 20 1/100 99/100 1/1000 999/1000".split()),
    *(Fraction(n, 20) for n in range(1, 20)),
    *(Fraction(n, 100) for n in range(1, 100)),
]  # fmt: skip
WEIGHTS = (1, 1, 1, 2, 3, 4, 9, 99)


@dataclass(frozen=True)
class Point:
    """Exact values for every declared symbol: fractions, labels from 1, and (nested) tuples of them for vectors."""

    sizes: dict
    values: dict

    @property
    def length(self):
        return 3 * self.sizes[K] + sum(_length(value) for value in self.values.values())

    def latex(self):
        named = {**self.sizes, **self.values}
        return ", ".join(f"${latex(symbol)} = {_latex(value)}$" for symbol, value in named.items())

    def __str__(self):
        return ", ".join(f"{symbol} = {_text(value)}" for symbol, value in {**self.sizes, **self.values}.items())


def _length(value):
    return sum(map(_length, value)) if isinstance(value, tuple) else len(str(value))


def _latex(value):
    if isinstance(value, tuple):
        inside = [*map(_latex, value)] if len(value) < 9 else [*map(_latex, value[:3]), r"\dots", _latex(value[-1])]
        return r"\left(" + r",\ ".join(inside) + r"\right)"
    return _scientific(_short(value))


def _short(number):
    if max(number.denominator, abs(number.numerator)) <= 10**6:
        return str(number)
    return mpmath.nstr(_number(number), 6).replace(".0e", "e")


def _text(value):
    if not isinstance(value, tuple):
        return _short(value)
    shown = [*map(_text, value)] if len(value) < 9 else [*map(_text, value[:3]), "...", _text(value[-1])]
    return f"({', '.join(shown)})"


# Evaluation at a point


def evaluate(expr, point):
    """The value of `expr` at `point` in multiple precision; derivatives by central differences; 0 log 0 = 0.

    Raises Undefined where there is none.
    """
    with mpmath.workdps(DIGITS):
        value = _value(written(expr), point.values, point.sizes, {}, False)
    if not mpmath.isfinite(value):
        raise Undefined(f"{expr} is {value}")
    return value


def value(expr, values, sizes):
    """The value of `expr` at exact `values`, with the digits of mpmath's present context."""
    return _value(written(expr), values, sizes, {}, False)


def _value(expr, values, sizes, bound, dead):
    """`dead` says that the value is multiplied by zero, so that its logarithms do not matter."""

    def of(part, dead=dead):
        return _value(part, values, sizes, bound, dead)

    if expr in bound:
        return bound[expr]
    if expr in sizes:
        return mpf(sizes[expr])
    if expr.is_Rational:
        return mpf(int(expr.p)) / int(expr.q)
    if isinstance(expr, sp.Symbol):
        return _number(values[expr])
    if isinstance(expr, sp.Indexed):
        entry = values[expr.base]
        for index in expr.indices:
            entry = entry[int(of(index)) - 1]
        return _number(entry)
    if isinstance(expr, KroneckerDelta):
        return mpf(of(expr.args[0]) == of(expr.args[1]))
    if isinstance(expr, Sum):
        indices = [index for index, _, _ in expr.limits]
        ranges = [range(1, sizes[size] + 1) for _, _, size in expr.limits]
        terms = (
            _value(expr.function, values, sizes, bound | dict(zip(indices, map(mpf, at))), dead)
            for at in product(*ranges)
        )
        return mpmath.fsum(terms)
    if isinstance(expr, MaximumNorm):
        index = sp.Dummy("k", integer=True)
        entry = written(expr.at(index))
        return max(_value(entry, values, sizes, bound | {index: mpf(at)}, dead) for at in range(1, sizes[K] + 1))
    if isinstance(expr, sp.Derivative):
        return _slope(expr, values, sizes, bound)
    if isinstance(expr, sp.Mul):
        plain = [of(arg) for arg in expr.args if not arg.has(sp.log)]
        rest = [of(arg, dead or 0 in plain) for arg in expr.args if arg.has(sp.log)]
        return mpmath.fprod(plain + rest)
    args = [of(arg) for arg in expr.args]
    if isinstance(expr, sp.Add):
        return mpmath.fsum(args)
    if isinstance(expr, sp.log):
        if args[0] <= 0:
            if dead:
                return mpf(0)
            raise Undefined(f"{expr} at {args[0]}")
        return mpmath.log(args[0])
    if isinstance(expr, sp.Pow):
        base, exponent = args
        if (base == 0 and exponent < 0) or (base < 0 and exponent != int(exponent)):
            raise Undefined(f"{expr} at {base}")
        return base**exponent
    if isinstance(expr, sp.LambertW):
        if args[0] <= 0:
            raise Undefined(f"{expr} at {args[0]}")
        return mpmath.lambertw(args[0])
    functions = {sp.exp: mpmath.exp, sp.Abs: abs, sp.sinh: mpmath.sinh, sp.cosh: mpmath.cosh, sp.tanh: mpmath.tanh}
    if expr.func in functions:
        return functions[expr.func](*args)
    if not expr.args and expr.is_number:  # e, π
        return mpmath.mpmathify(expr.evalf(DIGITS))
    raise Undefined(f"{expr} ({type(expr).__name__}) has no evaluation")


def _number(value):
    return mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else mpf(value)


def _slope(expr, values, sizes, bound):
    """A derivative, by central differences: independent of SymPy's."""
    *inner, (variable, count) = expr.variable_count
    function = expr.expr
    for other, times in [*inner, (variable, count - 1)]:
        if times:
            function = sp.Derivative(function, (other, times), evaluate=False)
    step = mpf(10) ** (-DIGITS // 4)

    def shifted(entry, where, shift):
        if not where:
            return _number(entry) + shift
        first, *rest = where
        return (*entry[: first - 1], shifted(entry[first - 1], rest, shift), *entry[first:])

    def at(shift):
        base, indices = (variable.base, variable.indices) if isinstance(variable, sp.Indexed) else (variable, ())
        where = [int(_value(index, values, sizes, bound, False)) for index in indices]
        return _value(function, values | {base: shifted(values[base], where, shift)}, sizes, bound, False)

    return (at(step) - at(-step)) / (2 * step)


def violation(statement, point, hypotheses):
    """(left, right) if the statement is false at the point, else None. Raises Undefined."""
    left, relation, right = statement
    if limits.is_limit(statement):
        found = limits.far(statement, hypotheses, point.values, point.sizes)
        return found and found[1:]
    one, other = evaluate(left, point), evaluate(right, point)
    slack = mpf(10) ** (-DIGITS // 4) * (1 + abs(one) + abs(other))  # what central differences may be off by
    fails = {"==": abs(one - other), "<=": one - other, ">=": other - one}[relation] > slack
    return (one, other) if fails else None


# Points with short numbers


def points(hypotheses: Hypotheses, sizes, rng, count):
    """`count` points with short numbers that obey the hypotheses, the first with the shortest."""
    for turn in range(count):
        yield Point(sizes, _draw(hypotheses, sizes, rng, turn))


def _draw(hypotheses, sizes, rng, turn):
    values = {}
    for base, positive in hypotheses.distributions.items():
        values[base] = _nested(
            base.shape[:-1], sizes, lambda: _distribution(sizes[base.shape[-1]], positive, rng, turn)
        )
    for base in hypotheses.reals:
        values[base] = _nested(base.shape, sizes, lambda: Fraction(rng.choice((-2, -1, 0, 0, 1, 2, 3, 5))))
    for label, size in hypotheses.labels.items():
        shape = label.shape if isinstance(label, IndexedBase) else ()
        values[label] = _nested(shape, sizes, lambda: Fraction(rng.randint(1, sizes[size])))
    for base, label in hypotheses.onehots.items():
        values[base] = tuple(Fraction(int(values[label] == c)) for c in range(1, sizes[K] + 1))
    for symbol, interval in hypotheses.intervals.items():
        values[symbol] = _real(interval, rng, turn)
    return values


def _nested(shape, sizes, draw):
    if not shape:
        return draw()
    return tuple(_nested(shape[1:], sizes, draw) for _ in range(sizes[shape[0]]))


def _distribution(classes, positive, rng, turn):
    weights = [rng.choice(WEIGHTS) for _ in range(classes)]
    top = rng.randrange(classes)
    if turn == 0:  # the uniform one
        weights = [1] * classes
    elif rng.random() < 0.2:  # a peaked one
        weights = [10 ** rng.randint(1, 4) if c == top else 1 for c in range(classes)]
    if not positive and turn > 0:  # some classes, or all but one, without any mass
        missing = rng.choice((0, 0, 0.2, 1))
        weights = [w if c == top or rng.random() >= missing else 0 for c, w in enumerate(weights)]
    return tuple(Fraction(w, sum(weights)) for w in weights)


def _real(interval, rng, turn):
    pool = _pool(interval)
    if turn < 2:  # the two shortest, which closed ends often are
        return pool[min(turn, len(pool) - 1)]
    return rng.choice(pool[: rng.choice((5, 24, len(pool)))])


@cache
def _pool(interval):
    """Short numbers in the interval, the shortest first."""
    if isinstance(interval, sp.FiniteSet):
        return [Fraction(str(sp.nsimplify(next(iter(interval)), rational=True)))]
    low, high = _inward(interval.inf, sp.ceiling), _inward(interval.sup, sp.floor)
    start = low if low != -math.inf else min(0, high - 1)
    drawn = [
        *SHORT,
        *(-number for number in SHORT),
        *(start + number for number in SHORT),
        (start + min(high, start + 2)) / 2,
    ]
    inside = [
        number
        for number in map(Fraction, drawn)
        if low < number < high
        or (number == low and not interval.left_open)
        or (number == high and not interval.right_open)
    ]
    return sorted(set(inside), key=lambda number: (_length(number), abs(number), number))


def _inward(end, rounded):
    """The end as a fraction; one that is not rational becomes a fraction within the interval, 1e-9 away at most."""
    if end.is_infinite:
        return float(end)
    return Fraction(str(end if end.is_Rational else rounded(end * 10**9) / 10**9))


# The guard of `Claim.prove`

GUARD = ({K: 2, N: 1, M: 1}, 4), ({K: 3, N: 2, M: 2}, 4), ({K: 5, N: 3, M: 2}, 2)


def doubt(claim):
    """What speaks against a claim at a few points with short numbers, in words, or None: an independent look at a proof.

    The claim may fail, a side may have no value, or equality may hold elsewhere than claimed.
    """
    rng = random.Random(0)
    smooth = not any(unfold(side).has(sp.Derivative) for left, _, right in claim.statements for side in (left, right))
    for sizes, count in GUARD:
        for point in points(claim.hypotheses, sizes, rng, count):
            for statement in claim.statements:
                try:
                    if violation(statement, point, claim.hypotheses) is not None:
                        return str(fails(claim, point))
                    if claim.equality_of(statement) and _is_tight(statement, point) and not _at_place(claim, point):
                        return f"{point}: the two sides are equal there too"
                except Undefined as error:
                    if smooth:  # a difference quotient may reach over an end
                        return f"{point}: {error}"
    return None


def _is_tight(statement, point):
    left, _, right = statement
    one, other = evaluate(left, point), evaluate(right, point)
    return abs(one - other) < mpf(10) ** (-DIGITS // 2) * (1 + abs(one))


def _at_place(claim, point):
    """The point is where equality is claimed."""
    c = sp.Dummy("k", integer=True)
    for one, other in claim.equality.items():
        pairs = [(one, other, point)]
        if isinstance(one, IndexedBase):
            classes = range(1, point.sizes[K] + 1)
            pairs = [(one[c], other[c], Point(point.sizes, point.values | {c: Fraction(k)})) for k in classes]
        if any(not _is_tight((left, "==", right), at) for left, right, at in pairs):
            return False
    return True


def fails(claim, point):
    for statement in claim.statements:
        try:
            if (sides := violation(statement, point, claim.hypotheses)) is not None:
                if limits.is_limit(statement):
                    x = limits.far(statement, claim.hypotheses, point.values, point.sizes)[0]
                    point = Point(point.sizes, point.values | {statement[0].args[1]: x})
                said = sp.Tuple(*map(unfold, statement[::2])).atoms(sp.Symbol, IndexedBase)
                shown = Point(
                    *(
                        {name: value for name, value in part.items() if name in said}
                        for part in (point.sizes, point.values)
                    )
                )
                return Counterexample(claim, shown, statement, *sides)
        except Undefined:
            continue
    return None


# The verb


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
            f"✗ **False**: ${latex(one)} {SIGNS[relation]} {latex(other)}$\n\n"
            f"at {self.point.latex()} the two sides are ${_scientific(left)} {sign} {_scientific(right)}$."
        )


def _scientific(number):
    mantissa, _, exponent = number.partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa


SEARCH = (  # a few points of each size first: most false claims fail at once
    ({K: 2, N: 1, M: 1}, 300),
    ({K: 2, N: 3, M: 2}, 300),
    ({K: 3, N: 2, M: 2}, 300),
    ({K: 4, N: 3, M: 2}, 300),
    ({K: 2, N: 2, M: 1}, 6000),
    ({K: 3, N: 2, M: 2}, 6000),
    ({K: 6, N: 3, M: 2}, 1000),
    ({K: 10, N: 3, M: 2}, 500),
    ({K: 30, N: 3, M: 2}, 200),
    ({K: 100, N: 3, M: 2}, 100),
    ({K: 1000, N: 3, M: 2}, 40),
)  # fmt: skip


IMPROVED = ({K: 2, N: 1, M: 1}, {K: 4, N: 3, M: 2}, {K: 3, N: 2, M: 2}, {K: 6, N: 3, M: 2}, {K: 10, N: 3, M: 2})


def refute(claim, seed=0, quick=False):
    """Find a point that obeys the claim's hypotheses and where it fails, with few classes and short numbers.

    Points with short numbers are tried first, then random ones, which are improved step by step towards a violation and
    shortened. Whatever is found is confirmed in multiple precision. `quick` does a tenth of the search.

    Raises
    ------
    NotRefuted
        If none was found, which proves nothing.
    """
    import torch

    from lossmath.claims import check

    rng, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    tried = 0
    if any(map(limits.is_limit, claim.statements)):
        for point in points(claim.hypotheses, SEARCH[0][0], rng, 40):
            tried += 1
            if (found := fails(claim, point)) is not None:
                return found
    if all(map(limits.is_limit, claim.statements)):
        raise NotRefuted(f"{claim.id}: the values approach the limit at {tried} points; this proves nothing")
    for sizes, count in SEARCH[: 4 if quick else None]:
        drawn = list(points(claim.hypotheses, sizes, rng, count))
        residual = check.residuals(claim, tensors(drawn, claim.hypotheses), sizes)[0]
        tried += count
        failing = [i for i in range(count) if residual[i] > 1e-11]
        # a failure that the eye can see, in short numbers
        failing.sort(key=lambda i: (drawn[i].length + (0 if residual[i] > 0.01 else 100), i))
        for i in failing[:20]:
            if (found := fails(claim, drawn[i])) is not None:
                return found
    for sizes in IMPROVED[: 2 if quick else None]:
        values = _improve(claim, check.sample(claim.hypotheses, sizes, 1000, generator), sizes, generator)
        residual = check.residuals(claim, values, sizes)[0].nan_to_num(nan=0.0)
        tried += 1000
        for i in residual.argsort(descending=True)[:20].tolist():
            if residual[i] <= check.TOLERANCE:
                break
            for digits in (*range(1, 8), 17):
                point = _shortened(claim.hypotheses, {s: v[i] for s, v in values.items()}, sizes, digits)
                if point is not None and (found := fails(claim, point)) is not None:
                    return found
    raise NotRefuted(f"{claim.id}: no counterexample among {tried} points with K from 2 to 1000; this proves nothing")


def tensors(drawn, hypotheses):
    import torch

    values = {}
    for symbol in drawn[0].values:
        kind = torch.int64 if symbol in hypotheses.labels else torch.float64
        values[symbol] = torch.tensor([_floats(point.values[symbol]) for point in drawn], dtype=torch.float64).to(kind)
    return values or {sp.Symbol("none"): torch.zeros(len(drawn), dtype=torch.float64)}


def _floats(value):
    return [_floats(entry) for entry in value] if isinstance(value, tuple) else float(value)


def _improve(claim, values, sizes, generator, steps=40):
    """`values` moved at random, and kept where that brings the claim nearer to failing."""
    import torch

    from lossmath.claims.check import residuals

    def score(moved):
        return residuals(claim, moved, sizes, signed=True)[0].nan_to_num(nan=-1.0)

    def noise(value):
        return torch.randn(value.shape, generator=generator, dtype=torch.float64)

    cases = len(next(iter(values.values())))
    best = score(values)
    for _ in range(steps):
        stride = 10 ** (-6 * torch.rand(cases, generator=generator, dtype=torch.float64))
        moved = dict(values)
        for base in claim.hypotheses.distributions:
            wide = stride.reshape(-1, *(1,) * (values[base].ndim - 1))
            moved[base] = (values[base].log() + wide * noise(values[base])).softmax(-1)
        for base in claim.hypotheses.reals:
            wide = stride.reshape(-1, *(1,) * (values[base].ndim - 1))
            moved[base] = values[base] + wide * noise(values[base])
        for symbol, interval in claim.hypotheses.intervals.items():
            low, high = float(interval.inf), float(interval.sup)
            shifted = values[symbol] + stride * noise(values[symbol])
            moved[symbol] = torch.where((low < shifted) & (shifted < high), shifted, values[symbol])
        new = score(moved)
        kept = new > best
        best = torch.where(kept, new, best)
        values = {s: torch.where(kept.reshape(-1, *(1,) * (v.ndim - 1)), moved[s], v) for s, v in values.items()}
    return values


def _shortened(hypotheses, values, sizes, digits):
    """The point with numbers rounded to so many digits, or None if it then leaves the domain."""

    def short(number):
        return Fraction(f"{number:.{digits}g}")

    def rounded(value):
        return tuple(map(rounded, value)) if isinstance(value, list) else short(value)

    def distribution(value, positive):
        if isinstance(value[0], list):
            rows = [distribution(row, positive) for row in value]
            return None if None in rows else tuple(rows)
        entries, largest = [short(entry) for entry in value], max(range(len(value)), key=value.__getitem__)
        entries[largest] += 1 - sum(entries)
        return tuple(entries) if min(entries) > 0 or (min(entries) == 0 and not positive) else None

    result = {}
    for symbol, value in values.items():
        value = value.tolist()
        if symbol in hypotheses.distributions:
            result[symbol] = distribution(value, hypotheses.distributions[symbol])
        elif symbol in hypotheses.intervals:
            result[symbol] = short(value)
            number = sp.Rational(result[symbol].numerator, result[symbol].denominator)
            if hypotheses.intervals[symbol].contains(number) != sp.true:
                return None
        else:
            result[symbol] = rounded(value)
        if result[symbol] is None:
            return None
    return Point(sizes, result)
