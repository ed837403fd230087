"""The value of an expression at a point: exactly, in multiple precision, or in torch at many points at once.

An expression is printed once as a Python function of its symbols, in a few words to which each back end gives a meaning
of its own: `total(q[k], k)` becomes `sum_over(lambda k: entry(q, k), K)`.
"""

import functools
import math
import re
from fractions import Fraction
from functools import lru_cache
from numbers import Rational
from operator import mul

import mpmath
import sympy as sp
from mpmath import mpf
from sympy.printing.printer import Printer

from lossmath.claims.errors import Undefined
from lossmath.claims.quantities import K, M, N, written

DIGITS = 60  # of a value in multiple precision
AGREE = 50  # digits to which two sides agree that are not rational
WORDS = {
    sp.log: "log", sp.exp: "exp", sp.sinh: "sinh", sp.cosh: "cosh", sp.tanh: "tanh", sp.LambertW: "lambert",
    sp.Abs: "abs", sp.sign: "sign",
}  # fmt: skip
CONSTANTS = {sp.pi: "pi", sp.E: "e"}
LONG = 10_000  # bits of a power that is still worked out as a fraction
HUGE = 20_000  # bits of an exponent whose power is still worked out: exp(-exp(1000)) is, exp(-exp(10**9)) is not


class _Source(Printer):
    """Prints an expression as Python; `names` are those of its symbols."""

    def __init__(self):
        super().__init__()
        self.names, self.bound = {}, set()

    def name(self, symbol):
        stem = re.sub(r"\W", "", str(symbol))
        return self.names.setdefault(symbol, f"{stem}_{len(self.names)}")

    def call(self, word, *args, text=None):
        return f"{word}({', '.join([*args, *([repr(str(text))] if text is not None else [])])})"

    def emptyPrinter(self, expr):
        raise Undefined(f"{expr} ({type(expr).__name__}) has no evaluation")

    def _print_Rational(self, expr):
        return self.call("number", str(expr.p), str(expr.q))

    def _print_NumberSymbol(self, expr):
        return self.call("constant", repr(CONSTANTS[expr])) if expr in CONSTANTS else self.emptyPrinter(expr)

    def _print_Symbol(self, expr):
        return self.call("number", self.name(expr), "1") if expr in (K, M, N) else self.name(expr)

    def _index(self, expr):
        return str(expr) if expr.is_Integer else self._print(expr)

    def _print_Indexed(self, expr):
        return self.call("entry", self.name(expr.base), *map(self._index, expr.indices))

    def _print_KroneckerDelta(self, expr):
        return self.call("delta", *map(self._index, expr.args))

    def _over(self, word, body, index, size):
        """`body` for every index from 1 to `size`."""
        self.bound.add(index)
        return self.call(word, f"lambda {self.name(index)}: {self._print(body)}", self.name(size))

    def _print_Sum(self, expr):
        *inner, (index, lower, size) = expr.limits
        if lower != 1 or size not in (K, M, N):
            self.emptyPrinter(expr)
        return self._over("sum_over", sp.Sum(expr.function, *inner) if inner else expr.function, index, size)

    def _print_MaximumNorm(self, expr):
        index = sp.Dummy("k", integer=True)
        return self._over("maximum", written(expr.at(index)), index, K)

    def _print_Derivative(self, expr):
        body = self._print(expr.expr)
        for variable, count in expr.variable_count:
            base, place = getattr(variable, "base", variable), getattr(variable, "indices", ())
            name, at = self.name(base), ", ".join(map(self._index, place))
            body = self.call("slope", f"lambda {name}: {body}", name, f"[{at}]", str(count))
        return body

    def _print_Add(self, expr):
        return f"({' + '.join(map(self._print, expr.args))})"

    def _print_Mul(self, expr):
        """A product; where a factor is 0, the logarithms in the others do not matter: 0 log 0 = 0."""
        plain = [self._print(arg) for arg in expr.args if not arg.has(sp.log)]
        rest = [self._print(arg) for arg in expr.args if arg.has(sp.log)]
        if plain and rest:
            return self.call("product", f"[{', '.join(plain)}]", f"lambda log: [{', '.join(rest)}]", "log")
        return f"({' * '.join(plain + rest)})"

    def _print_Pow(self, expr):
        return self.call("power", *map(self._print, expr.args), text=expr)

    def _print_Function(self, expr):
        word = WORDS.get(expr.func)
        if word is None or len(expr.args) > 1:
            self.emptyPrinter(expr)
        return self.call(word, *map(self._print, expr.args), text=expr if word in ("log", "lambert") else None)


@lru_cache(maxsize=4096)
def to_python(expr) -> tuple[str, tuple]:
    """The source of a Python function that says what `expr` says, and the symbols that are its arguments."""
    printer = _Source()
    body = printer.doprint(written(expr))
    free = {symbol: name for symbol, name in printer.names.items() if symbol not in printer.bound}
    return f"lambda {', '.join(free.values())}: {body}", tuple(free)


@lru_cache(maxsize=4096)
def _function(expr, backend):
    words = {word: getattr(backend, word) for word in dir(backend) if not word.startswith("_")}
    source, symbols = to_python(expr)
    return eval(source, words | {"__builtins__": {}}), symbols


# Back ends: what the words mean


def _not_huge(exponent):
    if mpmath.mag(exponent) > HUGE:
        raise Undefined(f"an exponent has more than {HUGE} bits, which is too large to work out")
    return exponent


def _bounded(function):
    return staticmethod(lambda exponent: function(_not_huge(exponent)))


class Exact:
    """Fractions as long as nothing leaves them, then numbers of mpmath, with the digits of its present context."""

    abs, tanh = staticmethod(abs), staticmethod(mpmath.tanh)
    exp, sinh, cosh = map(_bounded, (mpmath.exp, mpmath.sinh, mpmath.cosh))

    def number(self, p, q):
        return Fraction(p, q)

    def constant(self, name):
        return +getattr(mpmath, name)

    def sign(self, u):
        return (u > 0) - (u < 0)

    def entry(self, value, *place):
        for index in place:
            if not 1 <= index <= len(value):
                raise IndexError(f"there is no entry {index} among {len(value)}")
            value = value[int(index) - 1]
        return value

    def delta(self, one, other):
        return int(one == other)

    def sum_over(self, term, size):
        return sum(map(term, range(1, size + 1)))

    def maximum(self, entry, size):
        return max(map(entry, range(1, size + 1)), key=mpmath.convert)

    def product(self, plain, rest, log):
        zero = 0 in plain
        value = math.prod(plain) * math.prod(rest(lambda u, text: 0 if zero and u <= 0 else log(u, text)))
        return 0 if zero else value

    def slope(self, function, value, place, count):
        """The derivative in one entry, by differences: independent of SymPy's, and of torch's."""
        return mpmath.diff(lambda entry: function(_replace(value, place, entry)), self.entry(value, *place), count)

    def power(self, base, exponent, text):
        size = mpmath.mag(_not_huge(exponent))
        whole = exponent.denominator == 1 if isinstance(exponent, Rational) else mpmath.isint(exponent)
        _require(base > 0 or (base == 0 and exponent >= 0) or (base < 0 and whole), base, text)
        if whole and isinstance(base, Rational) and isinstance(exponent, Rational):
            if abs(exponent) * (base.numerator * base.denominator).bit_length() < LONG:
                return Fraction(base) ** int(exponent)
        if size < 64 or base <= 0:
            return mpmath.convert(base) ** exponent
        with mpmath.extraprec(size):  # which takes less time than `size` squarings
            return mpmath.exp(exponent * mpmath.log(base))

    def log(self, u, text):
        return 0 if u == 1 else mpmath.log(_require(u > 0, u, text))

    def lambert(self, u, text):
        return mpmath.lambertw(_require(u > 0, u, text))


def _require(defined, u, text):
    if not defined:
        raise Undefined(f"{text} at {mpmath.nstr(mpmath.convert(u), 15)}")
    return u


def _replace(value, place, entry):
    if not place:
        return entry
    first = int(place[0])
    return (*value[: first - 1], _replace(value[first - 1], place[1:], entry), *value[first:])


class Torch:
    """Tensors in float64; every word is said of one point, and `vmap` says it of all of them."""

    def __init__(self, device):
        import torch

        self._torch, self._device = torch, device
        self.exp, self.sinh, self.cosh, self.tanh = torch.exp, torch.sinh, torch.cosh, torch.tanh
        self.abs, self.sign = torch.abs, torch.sign

    def number(self, p, q):
        # not `torch.tensor`, which copies to another device in a way that a derivative around it does not allow
        return self._torch.full((), float(mpf(p) / q), dtype=self._torch.float64, device=self._device)

    def constant(self, name):
        return self.number(+getattr(mpmath, name), 1)

    def entry(self, value, *place):
        for index in place:
            if isinstance(index, int):
                value = value.select(0, index - 1)
            else:  # as a vector of one index, which vmap asks for inside a derivative
                value = value.index_select(0, (index - 1).reshape(1)).squeeze(0)
        return value

    def delta(self, one, other):
        return (one == other).double()

    def _map(self, function, size):
        return self._torch.vmap(function)(self._torch.arange(1, size + 1, device=self._device))

    def sum_over(self, term, size):
        return self._map(term, size).sum(0)

    def maximum(self, entry, size):
        return self._map(entry, size).amax(0)

    def product(self, plain, rest, log):
        value = functools.reduce(mul, plain)
        dead = value == 0
        return functools.reduce(mul, rest(lambda u, text: log(self._torch.where(dead & ~(u > 0), 1.0, u), text)), value)

    def slope(self, function, value, place, count):
        slope = function if count == 1 else lambda value: self.slope(function, value, place, count - 1)
        return self.entry(self._torch.func.grad(slope)(value), *place)

    def power(self, base, exponent, text):
        return base**exponent

    def log(self, u, text):
        return self._torch.log(u)

    def lambert(self, u, text):
        """The number w with w exp(w) = u, for u > 0: Newton's method for w + log w = log u."""
        with self._torch.no_grad():
            w = self._torch.log1p(u)
            for _ in range(50):
                w = w * (1 + u.log() - w.log()) / (1 + w)
        # the last step once more, to be differentiated in u
        return w * (1 + u.log() - w.log()) / (1 + w)


EXACT, in_torch = Exact(), lru_cache(Torch)


# Values


def value_of(expr, values, sizes):
    """The value of `expr` where its symbols have these: a fraction if it is one, else with mpmath's present digits.

    Raises `Undefined` where there is no real value. 0 log 0 is 0.
    """
    function, symbols = _function(expr, EXACT)
    value = function(*(sizes[symbol] if symbol in sizes else values[symbol] for symbol in symbols))
    if not mpmath.isfinite(value):
        raise Undefined(f"{expr} is {value}")
    return Fraction(value) if isinstance(value, Rational) else value


def evaluate_exactly(expr, point) -> Fraction | mpf:
    """The value of `expr` at a point of fractions: a fraction if it is one, else a number with 60 digits.

    Raises `Undefined` where there is no real value. 0 log 0 is 0.
    """
    with mpmath.workdps(DIGITS):
        return value_of(expr, point.values, point.sizes)


def agree(left, right, point) -> bool:
    """Whether two expressions are the same at a point of fractions: exactly, or to 50 digits if they are not rational.

    Raises `Undefined` where one of them has no real value.
    """
    with mpmath.workdps(DIGITS + AGREE):
        one, other = (value_of(side, point.values, point.sizes) for side in (left, right))
        if isinstance(one, Fraction) and isinstance(other, Fraction):
            return one == other
        one, other = map(mpmath.convert, (one, other))
        return abs(one - other) <= mpf(10) ** -AGREE * (1 + abs(one) + abs(other))


def evaluate_in_torch(expr, values, sizes):
    """The values of `expr` at a batch of points, as a tensor in float64, NaN or infinite where there is none.

    `values` maps symbols to tensors whose first axis is the batch: numbers in float64, labels (from 1) in int64.
    """
    import torch

    device = next((value.device for value in values.values()), torch.device("cpu"))
    function, symbols = _function(expr, in_torch(device))
    args = [sizes[symbol] if symbol in sizes else values[symbol] for symbol in symbols]
    axes = tuple(None if symbol in sizes else 0 for symbol in symbols)
    if 0 not in axes:
        return function(*args).reshape(1)
    return torch.vmap(function, in_dims=axes)(*args)


def evaluate(expr, values) -> float:
    """The value of `expr`, such as `entropy(p)`, at one point.

    `values` maps symbols to numbers, lists, arrays or tensors, as in {p: [0.5, 0.5], y: 2}. Labels count from 1. The
    number of classes is read off the shapes. Raises ValueError if shapes contradict each other or a symbol of `expr` is
    missing, and `Undefined` if there is no real value, as of log(x) at 0.

    >>> from lossmath.claims import *
    >>> evaluate(p[y] * log(K), {p: [0.25, 0.75], y: 1})
    0.17328679513998632
    """
    sizes, point = {}, {}
    for symbol, value in values.items():
        point[symbol] = _numbers(value.tolist() if hasattr(value, "tolist") else value)
        expected, found = getattr(symbol, "shape", ()), _shape(symbol, point[symbol])
        if len(expected) != len(found):
            raise ValueError(f"{symbol} has the shape {expected}, got a value of shape {found}")
        for axis, length in zip(expected, found):
            if sizes.setdefault(axis, length) != length:
                raise ValueError(f"{symbol} has {axis} = {length}, another value has {axis} = {sizes[axis]}")
    try:
        with mpmath.workdps(DIGITS):
            return float(mpmath.convert(value_of(sp.sympify(expr), point, sizes)))
    except IndexError as error:
        raise ValueError(str(error)) from None
    except KeyError as error:
        (symbol,) = error.args
        raise ValueError(f"{expr} needs a value for {symbol}, got {', '.join(map(str, values)) or 'none'}") from None


def _numbers(value):
    if isinstance(value, (list, tuple)):
        return tuple(map(_numbers, value))
    return Fraction(int(value.numerator), int(value.denominator)) if isinstance(value, Rational) else mpf(value)


def _shape(symbol, value):
    if not isinstance(value, tuple):
        return ()
    if len(inner := {_shape(symbol, entry) for entry in value}) > 1:
        raise ValueError(f"{symbol} has rows of different lengths")
    return len(value), *inner.pop()
