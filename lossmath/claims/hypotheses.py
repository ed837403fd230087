"""What a claim assumes about its symbols, and the language in which claims are written.

A claim holds for every K >= 2 classes (and every N, M >= 1). Every other symbol is declared, once, by one of

    Distribution(p)                  p_k >= 0 and sum_k p_k = 1
    Distribution(q, positive=True)   q_k > 0 and sum_k q_k = 1
    OneHot(p, y)                     p = δ_y for a label y
    Label(y)                         y is one of 1..K; for an array of labels, each entry is
    Real(z)                          any real numbers
    gamma >= 1, x > 0, x < 1, ...    real numbers in an interval, as SymPy writes it

Where f >= 0 vanishes, f log(f w) with w > 0 is read as its limit: 0 log 0 = 0. Everything else must have a value of its
own.
"""

from dataclasses import dataclass

import sympy as sp
from sympy import IndexedBase, Interval, KroneckerDelta, Sum, Symbol, oo
from sympy.core.relational import GreaterThan, LessThan, Relational, StrictGreaterThan, StrictLessThan

from lossmath.claims.quantities import K, M, MaximumNorm, N, Quantity, Vector, freshen, unfold, written

SIZES = {K: 2, N: 1, M: 1}  # the least value of each size
# Functions whose values are smooth wherever they are defined; Abs is only continuous.
SMOOTH = (sp.Add, sp.Mul, sp.Pow, sp.exp, sp.log, sp.sinh, sp.cosh, sp.tanh, sp.LambertW, Sum)
LANGUAGE = (*SMOOTH, sp.Abs, sp.Indexed, KroneckerDelta, sp.Derivative, MaximumNorm)


@dataclass(frozen=True)
class Distribution:
    """p_k >= 0 (or p_k > 0, if `positive`) and sum_k p_k = 1, over the last axis of `base`."""

    base: IndexedBase
    positive: bool = False

    def latex(self):
        return rf"{sp.latex(self.base)} \text{{ a distribution}}" + (r" > 0" if self.positive else "")


@dataclass(frozen=True)
class OneHot:
    """p = δ_y: all mass on the label y."""

    base: IndexedBase
    label: Symbol

    def latex(self):
        return rf"{sp.latex(self.base)} = \delta_{{{sp.latex(self.label)}}}"


@dataclass(frozen=True)
class Label:
    """y is a class, one of 1..K; with `size`, one of 1..size. An array of labels has one of them at each entry."""

    symbol: Symbol | IndexedBase
    size: Symbol = K

    def latex(self):
        return rf"{sp.latex(self.symbol)} \in \{{1, \dots, {sp.latex(self.size)}\}}"


@dataclass(frozen=True)
class Real:
    """Any real number, or any vector or matrix of real numbers."""

    symbol: Symbol | IndexedBase

    def latex(self):
        return rf"{sp.latex(self.symbol)} \text{{ real}}"


class Hypotheses:
    """The hypotheses of a claim, sorted by what they say; malformed or contradictory ones raise."""

    def __init__(self, given):
        self.given = tuple(given)
        self.distributions: dict[IndexedBase, bool] = {}  # True if positive
        self.onehots: dict[IndexedBase, Symbol] = {}
        self.labels: dict[Symbol | IndexedBase, Symbol] = {}  # the size of the range
        self.reals: dict[IndexedBase, None] = {}  # a set in the order of the hypotheses, so that every run draws alike
        self.intervals: dict[Symbol, Interval] = {}
        for hypothesis in self.given:
            self._add(hypothesis)
        for symbol, interval in self.intervals.items():
            if interval is sp.EmptySet:
                raise ValueError(f"the hypotheses on {symbol} exclude each other: {self._about(symbol)}")
            if not isinstance(interval, (Interval, sp.FiniteSet)):
                raise ValueError(f"SymPy cannot compare the ends of {self._about(symbol)}")

    def _about(self, symbol):
        return ", ".join(str(h) for h in self.given if isinstance(h, Relational) and symbol in h.free_symbols)

    def _add(self, hypothesis):
        match hypothesis:
            case Distribution(base, positive):
                self._declare(base, IndexedBase, hypothesis)
                self.distributions[base] = positive
            case OneHot(base, label):
                self._declare(base, IndexedBase, hypothesis)
                if base.shape != (K,):
                    raise ValueError(f"{hypothesis}: a one-hot distribution has the shape (K,), got {base.shape}")
                self._declare(label, Symbol, hypothesis)
                self.onehots[base], self.labels[label] = label, K
            case Label(symbol, size):
                self._declare(symbol, (Symbol, IndexedBase), hypothesis)
                if size not in SIZES:
                    raise ValueError(f"{hypothesis}: the size of a label's range is one of K, N, M, got {size}")
                self.labels[symbol] = size
            case Real(IndexedBase() as base):
                self._declare(base, IndexedBase, hypothesis)
                self.reals[base] = None
            case Real(symbol):
                self._declare(symbol, (Symbol, IndexedBase), hypothesis)
                self.intervals[symbol] = Interval(-oo, oo)
            case _:
                self._add_inequality(hypothesis)

    def _add_inequality(self, hypothesis):
        match hypothesis:
            case sp.And():
                for part in hypothesis.args:
                    self._add(part)
            case GreaterThan() | LessThan() | StrictGreaterThan() | StrictLessThan():
                self._narrow(hypothesis)
            case sp.logic.boolalg.BooleanFalse():
                raise ValueError("a hypothesis is false whatever the symbols are: the hypotheses exclude each other")
            case _:
                raise TypeError(
                    "a hypothesis is Distribution, OneHot, Label, Real, or an inequality such as gamma >= 1; "
                    f"got {hypothesis!r}"
                )

    def _declare(self, symbol, kind, hypothesis):
        if not isinstance(symbol, kind):
            raise TypeError(f"{hypothesis}: cannot be said of {symbol!r}, a {type(symbol).__name__}")
        if isinstance(symbol, IndexedBase) and symbol.shape is None:
            raise ValueError(f"{hypothesis}: {symbol} has no shape; give it one, such as shape=(K,)")
        if isinstance(symbol, IndexedBase) and not {*symbol.shape} <= SIZES.keys():
            raise ValueError(f"{hypothesis}: an axis of {symbol} has one of the sizes K, N, M, got {symbol.shape}")
        if symbol in self.declared or symbol in SIZES:
            raise ValueError(f"{symbol} is declared twice: {hypothesis} comes after another hypothesis about it")

    def _narrow(self, relation):
        symbol, bound = (relation.lhs, relation.rhs) if relation.lhs.is_Symbol else (relation.rhs, relation.lhs)
        if not symbol.is_Symbol or not (bound.is_number and bound.is_real) or symbol in SIZES:
            raise ValueError(f"an inequality between a real symbol and a number is expected, got {relation}")
        if bound.has(sp.Float):
            raise ValueError(f"{relation}: {bound} is rounded; write an exact number, such as Rational(1, 10)")
        if symbol in self.declared and symbol not in self.intervals:
            raise ValueError(f"{symbol} is declared twice: {relation} comes after another hypothesis about it")
        # SymPy's relation.as_set() says the same in 20 ms
        above = isinstance(relation, (GreaterThan, StrictGreaterThan)) == (symbol is relation.lhs)
        is_open = isinstance(relation, (StrictGreaterThan, StrictLessThan))
        interval = Interval(bound, oo, is_open) if above else Interval(-oo, bound, right_open=is_open)
        self.intervals[symbol] = self.intervals.get(symbol, Interval(-oo, oo)).intersect(interval)

    @property
    def declared(self):
        return {*self.distributions, *self.onehots, *self.labels, *self.reals, *self.intervals}

    def latex(self):
        """The hypotheses, as a list in words and symbols."""
        return r",\quad ".join(h.latex() if hasattr(h, "latex") else sp.latex(h) for h in self.given)

    def validate(self, expr):
        """Raise ValueError unless `expr` is in the language of claims and all its symbols are declared."""
        expr = unfold(expr)
        taken = {symbol for symbol in self.declared if isinstance(symbol, Symbol)}
        taken |= {index for node in expr.atoms(Sum) for index in node.bound_symbols}
        names = [base.label for base in expr.atoms(IndexedBase)]
        for name in names:
            if name in taken or names.count(name) > 1:
                raise ValueError(f"two things are named {name}; give one of them another name")
        self._validate(freshen(expr), {})

    def _validate(self, expr, bound):
        """The same for a part of an expression that stands inside sums; `bound` has their indices and sizes."""
        if expr.is_number and not expr.args and not isinstance(expr, sp.Float):
            if not expr.is_real:
                raise ValueError(f"{expr} is not a real number")
            return
        rules = (
            (Symbol, self._validate_symbol),
            (sp.Indexed, self._validate_entry),
            (KroneckerDelta, self._validate_delta),
            (Sum, self._validate_sum),
            (sp.Derivative, self._validate_derivative),
            (MaximumNorm, self._validate_norm),
            (sp.Expr, self._validate_function),
        )
        next(rule for kind, rule in rules if isinstance(expr, kind))(expr, bound)

    def _validate_symbol(self, symbol, bound):
        self._require_known(symbol, bound)
        if symbol in bound or symbol in self.labels:
            raise ValueError(f"the index {symbol} stands where a number is expected")

    def _validate_entry(self, entry, bound):
        if entry.base in self.labels:
            raise ValueError(f"the label {entry} stands where a number is expected")
        self._require_shape(entry, bound)

    def _validate_delta(self, delta, bound):
        if len({self._find_range(arg, bound) for arg in delta.args}) != 1:
            raise ValueError(f"{delta} compares indices of different ranges")

    def _validate_sum(self, total, bound):
        for _, lower, size in total.limits:
            if lower != 1 or size not in SIZES:
                raise ValueError(f"a sum runs from 1 to K, N or M; {total} runs from {lower} to {size}")
        self._validate(total.function, bound | {index: size for index, _, size in total.limits})

    def _validate_derivative(self, slope, bound):
        for variable, count in slope.variable_count:
            if not count.is_Integer:
                raise ValueError(f"{slope}: a derivative is of a whole order, got {count}")
            self._validate(variable, bound)
            if variable in SIZES:
                raise ValueError(f"{slope}: {variable} is a whole number, there is no derivative in it")
        if slope.has(MaximumNorm):
            raise ValueError(f"{slope}: the maximum norm has kinks; there is no derivative of it in the language")
        self._validate(slope.expr, bound)

    def _validate_norm(self, norm, bound):
        if norm.args[0].has(MaximumNorm):  # whose index that of the outer one would be taken for
            raise ValueError(f"{norm}: a maximum norm does not hold another one")
        index = sp.Dummy("k")
        self._validate(written(norm.at(index)), bound | {index: K})

    def _validate_function(self, expr, bound):
        if isinstance(expr, (Quantity, Vector)):
            raise ValueError(f"{expr} is a vector; index it, as in {expr}[k]")
        if isinstance(expr, sp.Float):
            raise ValueError(f"{expr} is rounded; write an exact number, such as Rational(1, 10)")
        if isinstance(expr, sp.LambertW) and len(expr.args) > 1:
            raise ValueError(f"{expr}: of W there is the branch of positive numbers only")
        if not isinstance(expr, LANGUAGE):
            raise ValueError(f"{expr} ({type(expr).__name__}) is not in the language of claims")
        for arg in expr.args:
            self._validate(arg, bound)

    def _require_shape(self, entry, bound):
        self._require_known(entry.base, bound)
        ranges = tuple(self._find_range(index, bound) for index in entry.indices)
        if ranges != tuple(entry.base.shape):
            raise ValueError(f"{entry} is indexed over {ranges}; the shape of {entry.base} is {entry.base.shape}")

    def _find_range(self, index, bound):
        if isinstance(index, sp.Indexed) and index.base in self.labels:
            self._require_shape(index, bound)
            return self.labels[index.base]
        if not isinstance(index, Symbol):
            raise ValueError(f"the index {index} is neither a label nor the index of a sum")
        self._require_known(index, bound)
        size = bound.get(index, self.labels.get(index))
        if size is None:
            raise ValueError(f"the index {index} is not a label: declare it with Label({index})")
        return size

    def _require_known(self, symbol, bound):
        if symbol in bound or symbol in SIZES:
            return
        if symbol not in self.declared:
            raise ValueError(
                f"the symbol {symbol} is not declared: say what it is, with Distribution, OneHot, Label, Real or an "
                f"inequality; declared are {', '.join(sorted(map(str, self.declared))) or 'none'}"
            )
        if symbol in self.labels:
            if getattr(symbol, "is_even", None) is not None or getattr(symbol, "is_prime", None) is not None:
                raise ValueError(f"the label {symbol} carries an assumption of its own; declare it integer only")
            return
        if not symbol.is_real:
            raise ValueError(
                f"{symbol} must be a real (or whole) symbol of SymPy, such as those of lossmath.claims.quantities"
            )
        if symbol.is_nonnegative is not None or symbol.is_nonpositive is not None or symbol.is_zero is not None:
            raise ValueError(f"{symbol} carries a sign of its own; let the hypotheses say it, and declare it real only")
