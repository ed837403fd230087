"""The value of an expression at a point: exactly, in multiple precision, or in torch at many points at once.

An expression is made once into a Python function of {symbol: value}; what its parts mean is said by two back ends.
0 log 0 is 0. Where there is no real value, `Undefined` is raised; a tensor is NaN or infinite there.
"""

import math
from fractions import Fraction
from functools import lru_cache, partial, reduce
from numbers import Rational
from operator import methodcaller

import mpmath
import sympy as sp
from mpmath import mpf
from sympy.printing.printer import Printer

from lossmath.claims.errors import Undefined
from lossmath.claims.quantities import K, M, N, written

DIGITS = 60  # of a value in multiple precision
AGREE = 50  # digits to which two sides agree that are not rational
PLAIN = "exp", "sinh", "cosh", "tanh", "abs", "sign"
FUNCTIONS = *PLAIN, "log", "lambertw", "pow"
CONSTANTS = {sp.pi: mpmath.pi, sp.E: mpmath.e}
LONG = 10_000  # bits of a power that is still worked out as a fraction
HUGE = 20_000  # bits of an exponent whose power is still worked out: exp(-exp(1000)) is, exp(-exp(10**9)) is not


class _BackEnd(Printer):
    """Makes an expression a function of {symbol: value}; SymPy's printer finds the method for each kind of node."""

    def emptyPrinter(self, expr):
        raise Undefined(f"{expr} ({type(expr).__name__}) has no evaluation")

    def _print_Rational(self, expr):
        value = Fraction(expr.p, expr.q)
        return lambda at: self.number(value)

    def _print_NumberSymbol(self, expr):
        if expr not in CONSTANTS:
            self.emptyPrinter(expr)
        return lambda at: self.number(+CONSTANTS[expr])

    def _print_Symbol(self, expr):
        return (lambda at: self.number(at[expr])) if expr in (K, M, N) else lambda at: at[expr]

    def _parts(self, exprs):
        parts = [*map(self._print, exprs)]
        return lambda at: [part(at) for part in parts]

    def _print_Indexed(self, expr):
        place = self._parts(expr.indices)
        return lambda at: self.entry(at[expr.base], *place(at))

    def _print_KroneckerDelta(self, expr):
        indices = self._parts(expr.args)
        return lambda at: self.equal(*indices(at))

    def _over(self, reduce, body, index, size):
        """`body` at every index from 1 to `size`, reduced to one number."""
        term = self._print(body)
        return lambda at: reduce(self.every(lambda k: term({**at, index: k}), at[size]))

    def _print_Sum(self, expr):
        *inner, (index, lower, size) = expr.limits
        if lower != 1 or size not in (K, M, N):
            self.emptyPrinter(expr)
        return self._over(self.total, sp.Sum(expr.function, *inner) if inner else expr.function, index, size)

    def _print_MaximumNorm(self, expr):
        index = sp.Dummy("k", integer=True)
        return self._over(self.maximum, written(expr.at(index)), index, K)

    def _print_Derivative(self, expr):
        return reduce(self._differentiate, expr.variable_count, self._print(expr.expr))

    def _differentiate(self, body, step):
        variable, count = step
        base, place = getattr(variable, "base", variable), self._parts(getattr(variable, "indices", ()))
        return lambda at: self.slope(lambda value: body({**at, base: value}), at[base], place(at), int(count))

    def _print_Add(self, expr):
        terms = self._parts(expr.args)
        return lambda at: sum(terms(at))

    def _print_Mul(self, expr):
        """A product; where a factor is 0, the logarithms in the others do not matter: 0 log 0 = 0."""
        plain, rest = (self._parts(arg for arg in expr.args if arg.has(sp.log) == logs) for logs in (False, True))
        return lambda at: self.product(plain(at), lambda log: rest({**at, sp.log: log}), at.get(sp.log, self.log))

    def _print_Function(self, expr):
        name = type(expr).__name__.lower()
        if name not in FUNCTIONS or len(expr.args) > 1 + expr.is_Pow:
            self.emptyPrinter(expr)
        arguments = self._parts(expr.args)
        return lambda at: at.get(expr.func, getattr(self, name))(*arguments(at), expr)

    _print_Pow = _print_Function


@lru_cache(maxsize=4096)
def _function(expr, back_end):
    return back_end._print(written(expr))


def _not_huge(exponent):
    if mpmath.mag(exponent) > HUGE:
        raise Undefined(f"an exponent has more than {HUGE} bits, which is too large to work out")
    return exponent


def _bounded(function):
    return _plain(lambda exponent: function(_not_huge(exponent)))


def _plain(function):
    return staticmethod(lambda u, expr: function(u))


class Exact(_BackEnd):
    """Fractions as long as nothing leaves them, then numbers of mpmath, with the digits of its present context."""

    exp, sinh, cosh = map(_bounded, (mpmath.exp, mpmath.sinh, mpmath.cosh))
    abs, tanh, sign = map(_plain, (abs, mpmath.tanh, lambda u: (u > 0) - (u < 0)))
    total, maximum = staticmethod(sum), staticmethod(partial(max, key=mpmath.convert))

    def number(self, value):
        return value

    def entry(self, value, *place):
        for index in place:
            if not 1 <= index <= len(value):
                raise ValueError(f"there is no entry {index} among {len(value)}")
            value = value[int(index) - 1]
        return value

    def equal(self, one, other):
        return int(one == other)

    def every(self, term, size):
        return map(term, range(1, size + 1))

    def product(self, plain, rest, log):
        zero = 0 in plain
        value = math.prod(plain) * math.prod(rest(lambda u, expr: 0 if zero and u <= 0 else log(u, expr)))
        return 0 if zero else value

    def slope(self, function, value, place, count):
        """The derivative in one entry, by differences: independent of SymPy's, and of torch's."""
        return mpmath.diff(lambda entry: function(_replace(value, place, entry)), self.entry(value, *place), count)

    def pow(self, base, exponent, expr):
        size = mpmath.mag(_not_huge(exponent))
        whole = exponent.denominator == 1 if isinstance(exponent, Rational) else mpmath.isint(exponent)
        _require(base > 0 or (base == 0 and exponent >= 0) or (base < 0 and whole), base, expr)
        if whole and isinstance(base, Rational) and isinstance(exponent, Rational):
            if abs(exponent) * (base.numerator * base.denominator).bit_length() < LONG:
                return Fraction(base) ** int(exponent)
        if size < 64 or base <= 0:
            return mpmath.convert(base) ** exponent
        with mpmath.extraprec(size):  # which takes less time than `size` squarings
            return mpmath.exp(exponent * mpmath.log(base))

    def log(self, u, expr):
        return 0 if u == 1 else mpmath.log(_require(u > 0, u, expr))

    def lambertw(self, u, expr):
        return mpmath.lambertw(_require(u > 0, u, expr))


def _require(defined, u, expr):
    if not defined:
        raise Undefined(f"{expr} at {mpmath.nstr(mpmath.convert(u), 15)}")
    return u


def _replace(value, place, entry):
    if not place:
        return entry
    first = int(place[0])
    return (*value[: first - 1], _replace(value[first - 1], place[1:], entry), *value[first:])


class Torch(_BackEnd):
    """Tensors in float64; every method is about one point, and `vmap` makes it about all of them."""

    total, maximum = methodcaller("sum", 0), methodcaller("amax", 0)

    def __init__(self, device):
        import torch

        super().__init__()
        self._torch, self._device = torch, device
        vars(self).update({name: _plain(getattr(torch, name)) for name in (*PLAIN, "log")})

    def number(self, value):
        # not `torch.tensor`, which copies to another device in a way that a derivative around it does not allow
        return self._torch.full((), float(value), dtype=self._torch.float64, device=self._device)

    def entry(self, value, *place):
        for index in place:  # as a vector of one index, which vmap asks for inside a derivative
            value = value.index_select(0, (index - 1).long().reshape(1)).squeeze(0)
        return value

    def equal(self, one, other):
        return (one == other).double()

    def every(self, term, size):
        return self._torch.vmap(term)(self._torch.arange(1, size + 1, device=self._device))

    def product(self, plain, rest, log):
        value = math.prod(plain)
        dead = value == 0
        return math.prod(rest(lambda u, expr: log(self._torch.where(dead & ~(u > 0), 1.0, u), expr)), start=value)

    def slope(self, function, value, place, count):
        slope = function if count == 1 else lambda value: self.slope(function, value, place, count - 1)
        return self.entry(self._torch.func.grad(slope)(value), *place)

    def pow(self, base, exponent, expr):
        return base**exponent

    def lambertw(self, u, expr):
        """The number w with w exp(w) = u, for u > 0: Newton's method for w + log w = log u."""
        w = self._torch.log1p(u)
        for _ in range(10):
            w = w * (1 + u.log() - w.log()) / (1 + w)
        return w


EXACT, in_torch = Exact(), lru_cache(Torch)


# Values


def value_of(expr, values, sizes):
    """The value of `expr` where its symbols have these: a fraction if it is one, else with mpmath's present digits."""
    value = _function(expr, EXACT)({**values, **sizes})
    if not mpmath.isfinite(value):
        raise Undefined(f"{expr} is {value}")
    return Fraction(value) if isinstance(value, Rational) else value


def evaluate_exactly(expr, point) -> Fraction | mpf:
    """The value of `expr` at a point of fractions: a fraction if it is one, else a number with 60 digits."""
    with mpmath.workdps(DIGITS):
        return value_of(expr, point.values, point.sizes)


def agree(left, right, point) -> bool:
    """Whether two expressions are the same at a point of fractions: exactly, or to 50 digits where not rational."""
    with mpmath.workdps(DIGITS + AGREE):
        one, other = (value_of(side, point.values, point.sizes) for side in (left, right))
        if isinstance(one, Fraction) and isinstance(other, Fraction):
            return one == other
        one, other = map(mpmath.convert, (one, other))
        return abs(one - other) <= mpf(10) ** -AGREE * (1 + abs(one) + abs(other))


def evaluate_in_torch(expr, values, sizes):
    """The values of `expr` at a batch of points, as a tensor in float64.

    `values` maps symbols to tensors whose first axis is the batch: numbers in float64, labels (from 1) in int64.
    """
    import torch

    device = next((value.device for value in values.values()), torch.device("cpu"))
    function = _function(expr, in_torch(device))
    if not values:
        return function(sizes).reshape(1)
    return torch.vmap(lambda values: function({**values, **sizes}))(values)


def evaluate(expr, values) -> float:
    """The value of `expr`, such as `entropy(p)`, at one point.

    `values` maps symbols to numbers, lists, arrays or tensors, as in {p: [0.5, 0.5], y: 2}. Labels count from 1. The
    number of classes is read off the shapes. Raises ValueError if shapes contradict each other or a symbol of `expr` is
    missing, and `Undefined` if there is no real value, as of log(x) at 0.

    >>> from lossmath.claims import *
    >>> evaluate(p[y] * log(K), {p: [0.25, 0.75], y: 1})
    0.17328679513998632
    """
    sizes = {}

    def read(symbol, value, axes):
        value = value.tolist() if hasattr(value, "tolist") else value
        if isinstance(value, (list, tuple)) != bool(axes):
            raise ValueError(f"{symbol} has the shape {getattr(symbol, 'shape', ())}, got {values[symbol]}")
        if not axes:
            whole = isinstance(value, Rational)
            return Fraction(int(value.numerator), int(value.denominator)) if whole else mpf(value)
        if (size := sizes.setdefault(axes[0], len(value))) != len(value):
            raise ValueError(f"{symbol} has {axes[0]} = {len(value)}, another row or value has {axes[0]} = {size}")
        return tuple(read(symbol, entry, axes[1:]) for entry in value)

    point = {symbol: read(symbol, value, getattr(symbol, "shape", ())) for symbol, value in values.items()}
    try:
        with mpmath.workdps(DIGITS):
            return float(mpmath.convert(value_of(sp.sympify(expr), point, sizes)))
    except KeyError as error:
        (symbol,) = error.args
        raise ValueError(f"{expr} needs a value for {symbol}, got {', '.join(map(str, values)) or 'none'}") from None
