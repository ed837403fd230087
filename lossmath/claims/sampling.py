"""Points that obey the hypotheses of a claim: of short numbers, for the eye, or all over the domain, up to its ends."""

import math
import random
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial

import mpmath
import sympy as sp
from sympy import IndexedBase

from lossmath.claims.errors import Undefined
from lossmath.claims.evaluation import DIGITS, evaluate_exactly
from lossmath.claims.hypotheses import Hypotheses
from lossmath.claims.notation import latex
from lossmath.claims.quantities import K

# Short numbers, the shortest first.
SHORT = [
    *map(Fraction, "0 1 2 3 1/2 1/4 3/4 1/3 2/3 3/2 1/10 9/10 1/5 4/5 5/2 4 5 10 20".split()),
    *map(Fraction, "1/100 99/100 1/1000 999/1000".split()),
    *(Fraction(n, 20) for n in range(1, 20)),
    *(Fraction(n, 100) for n in range(1, 100)),
]
WRITTEN = 12  # entries of a vector that are written out
CLASS = sp.Dummy("k", integer=True)


@dataclass(frozen=True)
class Point:
    """Exact values for every declared symbol: fractions, labels from 1, and (nested) tuples of them for vectors."""

    sizes: dict
    values: dict

    @property
    def length(self) -> int:
        """How much there is to write."""
        return 3 * self.sizes[K] + sum(len(str(number)) for number in sp.flatten(self.values.values()))

    def latex(self) -> str:
        named = {**self.sizes, **self.values}.items()
        return ", ".join(f"${latex(symbol)} = {scientific(_text(value))}$" for symbol, value in named)

    def __str__(self):
        return ", ".join(f"{symbol} = {_text(value)}" for symbol, value in {**self.sizes, **self.values}.items())


def _text(value):
    if not isinstance(value, tuple):
        return _short(value)
    shown = [*map(_text, value)]
    if len(shown) > WRITTEN:
        shown[3:-1] = ["..."]
    return f"({', '.join(shown)})"


def _short(number):
    """Six digits of a long number, or as many as it takes to tell it from a shorter one: 1.000000000001 is not 1."""
    if isinstance(number, (int, Fraction)) and max(number.denominator, abs(number.numerator)) <= 10**6:
        return str(number)
    for digits in range(6, 30):
        with mpmath.workdps(60):
            text = mpmath.nstr(mpmath.convert(number), digits).replace(".0e", "e").removesuffix(".0")
        if sum(map(str.isdigit, text.partition("e")[0].lstrip("-0."))) >= digits or Fraction(text) == number:
            return text
    return text


def scientific(text: str) -> str:
    """LaTeX of a number such as 1e-7, or of a row of numbers."""
    numbers = re.sub(r"e([+-]?\d+)", lambda found: rf" \times 10^{{{int(found[1])}}}", text)
    return numbers.replace("...", r"\dots").replace(", ", r",\ ")


# Drawing


class _Short:
    """Numbers that are short; at the first turn the shortest ones, and uniform distributions."""

    def __init__(self, rng, turn):
        self.rng, self.turn = rng, turn

    def entry(self):
        return Fraction(self.rng.choice((-2, -1, 0, 0, 1, 2, 3, 5)))

    def label(self, size):
        return Fraction(self.rng.randint(1, size))

    def number(self, interval):
        pool = _pool(interval)
        if self.turn < 2:  # the two shortest, which closed ends often are
            return pool[min(self.turn, len(pool) - 1)]
        return self.rng.choice(pool[: self.rng.choice((5, 24, len(pool)))])

    def weights(self, classes):
        if self.turn == 0:
            return [1] * classes
        if self.rng.random() < 0.2:  # a peaked one
            top, much = self.rng.randrange(classes), 10 ** self.rng.randint(1, 4)
            return [much if c == top else 1 for c in range(classes)]
        return self.rng.choices((1, 1, 1, 2, 3, 4, 9, 99), k=classes)

    def distribution(self, classes, positive):
        weights = self.weights(classes)
        if not positive and self.turn > 0:  # some classes, or all but one, without any mass
            top, missing = self.rng.randrange(classes), self.rng.choice((0, 0, 0.3, 1))
            weights = [w if c == top or self.rng.random() >= missing else 0 for c, w in enumerate(weights)]
        return _normalise(weights)


class _Wide(_Short):
    """Numbers over the whole domain, at its closed ends and close to its open ones; flat and peaked distributions."""

    def __init__(self, rng, turn):
        super().__init__(rng, 2)
        self.scale = rng.choice((0.1, 1, 5, 30))

    def _normal(self, scale):
        return Fraction(round(1000 * scale * self.rng.gauss(0, 1)), 1000)

    def entry(self):
        return self._normal(self.scale)

    def number(self, interval):
        (low, low_closed), (high, high_closed) = _ends(interval)
        ends = [end for end in ((low, 1, low_closed), (high, -1, high_closed)) if not math.isinf(end[0])]
        if not ends:
            return self._normal(self.rng.choice((0, 0.01, 1, 1, 5, 30)))
        (end, inwards, closed), kind = self.rng.choice(ends), self.rng.randrange(6)
        if kind == 0 and closed:
            return end
        if kind < 3:  # next to it
            return end + inwards * Fraction(min(high - low, 1)) / 10 ** self.rng.randint(1, 12)
        if len(ends) == 2:
            return low + (high - low) * Fraction(self.rng.randint(1, 999), 1000)
        return end + inwards * Fraction(1 + int(1000 * min(50, math.exp(2 * self.rng.gauss(0, 1)))), 1000)

    def weights(self, classes):
        scale = self.rng.choice((0, 0.001, 1, 3, 10))
        return [1 + int(10**6 * math.exp(scale * self.rng.gauss(0, 1))) for _ in range(classes)]


def _normalise(weights):
    total = sum(weights)
    return tuple(Fraction(weight, total) for weight in weights)


@cache
def _pool(interval):
    """Short numbers in the interval, the shortest first."""
    (low, _), (high, _) = _ends(interval)
    start = low if low != -math.inf else min(0, high - 1)
    near = [*SHORT, *(-number for number in SHORT), *(start + number for number in SHORT)]
    near = {Fraction(number) for number in (*near, (start + min(high, start + 2)) / 2) if _is_inside(number, interval)}
    return sorted(near, key=lambda number: (len(str(number)), abs(number), number))


@cache
def _ends(interval):
    """The ends as fractions, and whether they belong to it; one that is not rational is rounded to 1e-9, inwards."""
    ends = []
    for end, rounded in (interval.inf, sp.ceiling), (interval.sup, sp.floor):
        rational = end if end.is_Rational else rounded(end * 10**9) / 10**9
        ends.append((float(end) if end.is_infinite else Fraction(str(rational)), end in interval))
    return tuple(ends)


def _is_inside(number, interval):
    (low, _), (high, _) = ends = _ends(interval)
    return low < number < high or (number, True) in ends


def draw_points(hypotheses: Hypotheses, sizes: dict, rng: random.Random, count: int, wide: bool = False) -> list[Point]:
    """`count` points that obey the hypotheses: with short numbers, the first with the shortest; or `wide`, all over."""
    kind = _Wide if wide else _Short
    return [Point(sizes, _draw(hypotheses, sizes, kind(rng, turn))) for turn in range(count)]


def _draw(hypotheses, sizes, draw):
    values = {}
    for base, positive in hypotheses.distributions.items():
        *outer, classes = base.shape
        values[base] = _nested(outer, sizes, partial(draw.distribution, sizes[classes], positive))
    for base in hypotheses.reals:
        values[base] = _nested(base.shape, sizes, draw.entry)
    for label, size in hypotheses.labels.items():
        values[label] = _nested(getattr(label, "shape", ()), sizes, partial(draw.label, sizes[size]))
    for base, label in hypotheses.onehots.items():
        values[base] = tuple(Fraction(int(values[label] == c)) for c in range(1, sizes[K] + 1))
    for symbol, interval in hypotheses.intervals.items():
        values[symbol] = draw.number(interval)
    return values


def _nested(shape, sizes, draw):
    if not shape:
        return draw()
    return tuple(_nested(shape[1:], sizes, draw) for _ in range(sizes[shape[0]]))


# Of points that are drawn


def obeys(hypotheses: Hypotheses, point: Point) -> bool:
    """Whether distributions are distributions, and numbers lie in their intervals."""
    with mpmath.workdps(DIGITS):  # a place where equality is claimed need not be rational
        for base, positive in hypotheses.distributions.items():
            value = point.values[base]
            for row in [value] if len(base.shape) == 1 else value:
                inside = [entry > 0 if positive else entry >= 0 for entry in row]
                if not all(inside) or abs(mpmath.convert(sum(row) - 1)) > 1e-50:
                    return False
        intervals = hypotheses.intervals.items()
        return all(_is_inside(Fraction(str(point.values[symbol])), interval) for symbol, interval in intervals)


def at_equality(claim, point: Point) -> Point | None:
    """The point moved to where the claim says that equality holds, or None where the hypotheses exclude that."""
    values = dict(point.values)
    try:
        for one, other in claim.equality.items():
            if isinstance(other, IndexedBase) and claim.hypotheses.distributions.get(one):
                one, other = other, one  # where p may have zeros and q may not, p follows q
            if isinstance(one, IndexedBase):
                entry, classes = other[CLASS], range(1, point.sizes[K] + 1)
                places = (Point(point.sizes, values | {CLASS: at}) for at in classes)
                values[one] = tuple(evaluate_exactly(entry, place) for place in places)
            else:
                values[one] = evaluate_exactly(sp.sympify(other), Point(point.sizes, values))
    except Undefined:
        return None
    moved = Point(point.sizes, values)
    return moved if obeys(claim.hypotheses, moved) else None


def mix_points(hypotheses: Hypotheses, one: Point, other: Point, rng: random.Random) -> Point:
    """A point on the way from one to another, from one millionth of it to all; domains are convex, labels stay."""
    share = Fraction(round(10 ** (6 * rng.random())), 10**6)

    def mix(here, there):
        return tuple(map(mix, here, there)) if isinstance(here, tuple) else here + share * (there - here)

    moved = (*hypotheses.distributions, *hypotheses.reals, *hypotheses.intervals)
    return Point(one.sizes, one.values | {symbol: mix(one.values[symbol], other.values[symbol]) for symbol in moved})


def shorten_point(hypotheses: Hypotheses, point: Point, digits: int) -> Point | None:
    """The point with numbers rounded to so many digits, or None if it then leaves the domain."""

    def short(value):
        return tuple(map(short, value)) if isinstance(value, tuple) else Fraction(f"{float(value):.{digits}g}")

    def weigh(row):
        if isinstance(row[0], tuple):
            return tuple(map(weigh, row))
        entries, largest = [*short(row)], row.index(max(row))
        entries[largest] += 1 - sum(entries)
        return tuple(entries)

    values = point.values.items()
    values = {symbol: (weigh if symbol in hypotheses.distributions else short)(value) for symbol, value in values}
    shortened = Point(point.sizes, values)
    return shortened if obeys(hypotheses, shortened) else None


def to_tensors(points: list[Point], hypotheses: Hypotheses, device=None) -> dict:
    """The values of points with the same sizes as tensors, the first axis of which is the point."""
    import torch

    kinds = {symbol: torch.int64 if symbol in hypotheses.labels else torch.float64 for symbol in points[0].values}
    return {
        symbol: torch.tensor([point.values[symbol] for point in points], dtype=torch.float64).to(device, kind)
        for symbol, kind in kinds.items()
    }
