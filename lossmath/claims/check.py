"""A claim's own expressions, evaluated in torch (float64) at random points of its domain, on the GPU when there is one."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp
import torch
from sympy import IndexedBase, Interval, KroneckerDelta, Sum, oo

from lossmath.claims import limits
from lossmath.claims.errors import CheckError
from lossmath.claims.hypotheses import Hypotheses
from lossmath.claims.quantities import K, M, MaximumNorm, N, differentiate, written

EPSILON = torch.finfo(torch.float64).eps
TOLERANCE = 64 * EPSILON  # of the size of the terms; sums of 1000 terms stay below 8
# Classes, observations and inputs of the cases.
SIZES = ({K: 2, N: 1, M: 1}, {K: 3, N: 5, M: 2}, {K: 10, N: 40, M: 7}, {K: 100, N: 9, M: 4}, {K: 1000, N: 4, M: 3})
SHARES = (0.3, 0.3, 0.25, 0.11, 0.04)  # of the cases: a point of 1000 classes costs as much as 500 of two


def choose_device(device=None):
    """The torch device to check on: `device`, else the variable LOSSMATH_DEVICE, else the GPU if there is one.

    Raises ValueError if there is no such device, or it has no float64.
    """
    name = device or os.environ.get("LOSSMATH_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.zeros(1, dtype=torch.float64, device=name).device
    except (RuntimeError, AssertionError, TypeError) as error:
        there = ["cpu", *(f"cuda:{n}" for n in range(torch.cuda.device_count()))]
        raise ValueError(f"no float64 on a device {name!r}; there is {', '.join(there)}") from error


class Evaluation:
    """Expressions at a batch of points.

    `values` maps each declared symbol to a tensor whose first axis is the batch: real numbers and distributions in float64,
    labels (from 1) as integers. Every sum index has an axis of its own behind the batch.
    """

    def __init__(self, values, sizes):
        self.values = values
        self.sizes = sizes
        self.batch = len(next(iter(values.values())))
        self.device = next(iter(values.values())).device
        self._found = {}

    def __call__(self, expr):
        """The values of `expr`, and the size of its terms: the first-order bound of the rounding error, over epsilon."""
        expr = written(expr)
        self.axes = 1 + max(_depth(expr), _depth(differentiate(expr)))
        dead = torch.zeros((1,) * self.axes, dtype=torch.bool, device=self.device)
        value, size = self._of(expr, {}, dead)
        shape = (self.batch, *value.shape[1:])
        return value.expand(shape).reshape(self.batch), size.expand(shape).reshape(self.batch)

    def rows(self, vector):
        """The entries of a vector over the classes, along the last axis."""
        if isinstance(vector, IndexedBase):
            return self.values[vector]
        slot = sp.Dummy("k", integer=True)
        entry = written(vector[slot])
        self.axes = 2 + _depth(entry)
        index = torch.arange(self.sizes[K], device=self.device).reshape(-1, *(1,) * (self.axes - 2))
        dead = torch.zeros((1,) * self.axes, dtype=torch.bool, device=self.device)
        value, _ = self._of(entry, {slot: index}, dead)
        return value.expand(self.batch, self.sizes[K], *value.shape[2:]).reshape(self.batch, self.sizes[K])

    def _of(self, expr, bound, dead):
        """(value, size) of `expr`; `dead` marks where it is multiplied by zero, so that its logarithms do not matter."""
        if len(bound) > 1 or _has_log(expr):  # too large to keep; or not the same where it is dead
            return self._work_out(expr, bound, dead)
        key = expr, self.axes, *bound
        if key not in self._found:
            self._found[key] = self._work_out(expr, bound, dead)
        return self._found[key]

    def _work_out(self, expr, bound, dead):
        if isinstance(expr, KroneckerDelta):
            one, other = (self._index(arg, bound) for arg in expr.args)
            return self._exact((one == other).double())
        if expr in self.sizes:
            return self._number(self.sizes[expr])
        if expr.is_number and not expr.has(Sum, sp.Derivative):
            return self._number(float(expr))
        if isinstance(expr, sp.Symbol):
            return self._exact(self.values[expr].reshape(-1, *(1,) * (self.axes - 1)))
        if isinstance(expr, sp.Indexed):
            indices = [self._index(index, bound) for index in expr.indices]
            return self._exact(self.values[expr.base][self._points(), *indices])
        if isinstance(expr, Sum):
            (index, _, size), *outer = reversed(expr.limits)
            inner = Sum(expr.function, *reversed(outer)) if outer else expr.function
            axis = 1 + len(bound)
            shape = [1] * self.axes
            shape[axis] = self.sizes[size]
            bound = bound | {index: torch.arange(self.sizes[size], device=self.device).reshape(shape)}
            value, size = self._of(inner, bound, dead)
            size = _more(size, value.abs())
            if value.shape[axis] == 1:  # the term does not depend on the index
                return value * shape[axis], size * shape[axis]
            lost = size.isinf().any(axis, keepdim=True)
            return value.sum(axis, keepdim=True), torch.where(lost, math.inf, size.sum(axis, keepdim=True))
        if isinstance(expr, MaximumNorm):
            index, axis = sp.Dummy("k", integer=True), 1 + len(bound)
            places = torch.arange(self.sizes[K], device=self.device)
            shape = [self.sizes[K] if other == axis else 1 for other in range(self.axes)]
            value, size = self._of(written(expr.at(index)), bound | {index: places.reshape(shape)}, dead)
            return value.amax(axis, keepdim=True), size.expand_as(value).amax(axis, keepdim=True)
        if isinstance(expr, sp.Derivative):
            return self._derivative(expr, bound, dead)
        if isinstance(expr, sp.Mul):
            return self._product(expr, bound, dead)
        if isinstance(expr, sp.Add):
            value, size = self._number(0)
            for arg in expr.args:
                v, s = self._of(arg, bound, dead)
                value, size = value + v, _more(size, _more(s, v.abs()))
            return value, size
        args = [self._of(arg, bound, dead) for arg in expr.args]
        if isinstance(expr, sp.log):
            (u, s) = args[0]
            u = torch.where(dead & ~(u > 0), 1.0, u)
            value = u.log()
            return value, _more(_quotient(s, u.abs()), value.abs())
        if isinstance(expr, sp.Pow):
            (b, s), (e, t) = args
            value = b**e
            turn = torch.where(t > 0, b.abs().log().abs() * t, 0.0)
            size = value.abs() * (1 + e.abs() * _quotient(s, b.abs()) + turn)
            # next to 0, a power less than 1 turns the least rounding of its base into anything
            return value, torch.where((b == 0) & (s > 0) & (e < 1) & (e != 0), math.inf, size.nan_to_num(nan=0.0))
        ((u, s),) = args
        if isinstance(expr, sp.exp):
            value = u.exp()
            return value, value * (s + 1)
        if isinstance(expr, (sp.Abs, sp.sign)):
            return (u.abs(), s) if isinstance(expr, sp.Abs) else self._exact(u.sign())
        if isinstance(expr, sp.LambertW):
            value = _lambert(u)
            return value, value * (_quotient(s, u) + 1)
        value = {sp.sinh: torch.sinh, sp.cosh: torch.cosh, sp.tanh: torch.tanh}[expr.func](u)
        return value, s * (torch.cosh(u) if expr.func in (sp.sinh, sp.cosh) else 1) + value.abs()

    def _product(self, expr, bound, dead):
        """A product, in which zero times a logarithm of zero is zero."""
        plain = [self._of(arg, bound, dead) for arg in expr.args if not _has_log(arg)]
        for value, _ in plain:
            dead = dead | (value == 0)
        factors = plain + [self._of(arg, bound, dead) for arg in expr.args if _has_log(arg)]
        value, size = factors[0]
        lost = size.isinf()
        for v, s in factors[1:]:
            size = _times(size, v.abs()) + _times(s, value.abs()) + (value * v).abs()
            value, lost = value * v, lost | s.isinf()
        return value, torch.where(value.isnan() & lost, math.inf, size)  # ∞ times 0

    def _derivative(self, expr, bound, dead):
        """A derivative, by automatic differentiation of what stands inside; its size is that of SymPy's derivative."""
        variables = [variable for variable, count in expr.variable_count for _ in range(count)]
        if expr.expr.free_symbols & bound.keys() or any(v.free_symbols & bound.keys() for v in variables[:-1]):
            raise ValueError(f"{expr}: what is differentiated must not contain the index of a sum around it")
        keys = [variable.base if isinstance(variable, sp.Indexed) else variable for variable in variables]
        leaves = {key: self.values[key].detach().clone().requires_grad_() for key in keys}
        with torch.enable_grad():
            inner = Evaluation(self.values | leaves, self.sizes)
            value, _ = inner(expr.expr)
            for turn, (variable, key) in enumerate(zip(variables, keys)):
                held = value.sum() + 0 * leaves[key].sum()  # where the variable does not occur, the slope is 0
                (slope,) = torch.autograd.grad(held, leaves[key], create_graph=True)
                where = self if turn == len(variables) - 1 else inner
                indices = [where._index(index, bound) for index in getattr(variable, "indices", ())]
                value = slope[where._points(), *indices]
                value = value.reshape(self.batch) if where is inner else value
        value = value.detach()
        size = self._of(differentiate(expr), bound, dead)[1]
        return value, size + value.abs()

    def _points(self):
        return torch.arange(self.batch, device=self.device).reshape(-1, *(1,) * (self.axes - 1))

    def _index(self, index, bound):
        """An index, from 0."""
        if index in bound:
            return bound[index]
        if isinstance(index, sp.Indexed):
            inner = [self._index(i, bound) for i in index.indices]
            return self.values[index.base][self._points(), *inner] - 1
        return self.values[index].reshape(-1, *(1,) * (self.axes - 1)) - 1

    def _number(self, number):
        value = torch.full((1,) * self.axes, float(number), dtype=torch.float64, device=self.device)
        return value, value.abs()

    @staticmethod
    def _exact(value):
        return value, torch.zeros_like(value)


@lru_cache(maxsize=4096)
def _has_log(expr):
    return expr.has(sp.log)


def _more(size, other):
    """The sum of two sizes: infinite if one of them is, even where the other is NaN."""
    return torch.where(size.isinf() | other.isinf(), math.inf, size + other)


def _quotient(size, divisor):
    return torch.where(size > 0, size / divisor, 0.0)


def _times(size, factor):
    return torch.where(factor == 0, 0.0, size * factor)


def _lambert(u):
    """W(u), the number w with w exp(w) = u, for u > 0: Newton's method for w + log w = log u."""
    with torch.no_grad():
        w = torch.log1p(u)
        for _ in range(50):
            w = w * (1 + u.log() - w.log()) / (1 + w)
    # the last step once more, to be differentiated in u
    return w * (1 + u.log() - w.log()) / (1 + w)


def _depth(expr):
    inner = max(map(_depth, expr.args), default=0)
    return inner + (len(expr.limits) if isinstance(expr, Sum) else isinstance(expr, MaximumNorm))


def evaluate(expr, values):
    """The value of `expr` at one point, as a tensor in float64.

    `values` maps symbols to numbers, lists or tensors: {p: [0.5, 0.5], q: [0.9, 0.1]}. Labels count from 1. The number of
    classes is read off the shapes.

    Raises ValueError if shapes contradict each other, or a symbol of `expr` is missing.
    """
    tensors, sizes = {}, {}
    for symbol, value in values.items():
        whole = symbol.label.is_integer if isinstance(symbol, IndexedBase) else symbol.is_integer
        tensors[symbol] = torch.as_tensor(value, dtype=torch.int64 if whole else torch.float64)[None]
        shape = symbol.shape if isinstance(symbol, IndexedBase) else ()
        if len(shape) != tensors[symbol].ndim - 1:
            raise ValueError(f"{symbol} has the shape {shape}, got a value of shape {tuple(tensors[symbol].shape[1:])}")
        for axis, length in zip(shape, tensors[symbol].shape[1:]):
            if sizes.setdefault(axis, length) != length:
                raise ValueError(f"{symbol} has {axis} = {length}, another value has {axis} = {sizes[axis]}")
    if not tensors:
        tensors[sp.Symbol("none")] = torch.zeros(1)
    try:
        return Evaluation(tensors, sizes)(expr)[0][0]
    except KeyError as error:
        raise ValueError(
            f"{expr} needs a value for {error.args[0]}, got {', '.join(map(str, values)) or 'none'}"
        ) from None


# Random points


def sample(hypotheses: Hypotheses, sizes, cases, generator):
    """`cases` random points that obey the hypotheses: peaked and flat, at closed ends and close to open ones."""
    values = {}
    for base, positive in hypotheses.distributions.items():
        values[base] = _distributions(_shape(base, sizes), cases, positive, generator)
    for base in hypotheses.reals:
        scale = _pick((0.1, 1.0, 5.0, 30.0), cases, generator).reshape(-1, *(1,) * len(base.shape))
        values[base] = scale * torch.randn(cases, *_shape(base, sizes), generator=generator, dtype=torch.float64)
    for label, size in hypotheses.labels.items():
        shape = _shape(label, sizes) if isinstance(label, IndexedBase) else ()
        values[label] = torch.randint(1, sizes[size] + 1, (cases, *shape), generator=generator)
    for base, label in hypotheses.onehots.items():
        values[base] = torch.nn.functional.one_hot(values[label] - 1, sizes[K]).double()
    for symbol, interval in hypotheses.intervals.items():
        values[symbol] = _reals(interval, cases, generator)
    return values or {sp.Symbol("none"): torch.zeros(cases, dtype=torch.float64)}


def _shape(base, sizes):
    return tuple(sizes[axis] for axis in base.shape)


def _pick(options, cases, generator):
    options = torch.tensor(options, dtype=torch.float64)
    return options[torch.randint(len(options), (cases,), generator=generator)]


def _distributions(shape, cases, positive, generator):
    scale = _pick((0.0, 1e-3, 1.0, 3.0, 10.0), cases, generator).reshape(-1, *(1,) * len(shape))
    logits = scale * torch.randn(cases, *shape, generator=generator, dtype=torch.float64)
    if not positive:  # some classes, or all but one, without any mass
        missing = _pick((0.0, 0.0, 0.5, 1.0), cases, generator).reshape(-1, *(1,) * len(shape))
        lacks = torch.rand(logits.shape, generator=generator, dtype=torch.float64) < missing
        lacks &= logits < logits.amax(-1, keepdim=True)
        logits = logits.masked_fill(lacks, -math.inf)
    return logits.softmax(-1)


def _reals(interval, cases, generator):
    if isinstance(interval, sp.FiniteSet):
        return torch.full((cases,), float(next(iter(interval))), dtype=torch.float64)
    low, high = float(interval.start), float(interval.end)
    uniform = torch.rand(cases, generator=generator, dtype=torch.float64)
    normal = torch.randn(cases, generator=generator, dtype=torch.float64)
    small = 10 ** (-12 * uniform)
    kind = torch.randint(6, (cases,), generator=generator)
    if interval == Interval(-oo, oo):
        return normal * torch.tensor([0.0, 1e-3, 1.0, 1.0, 5.0, 30.0], dtype=torch.float64)[kind]
    if math.isinf(low):
        return -_reals(Interval(-interval.end, oo, interval.right_open, True), cases, generator)
    if math.isinf(high):
        values = low + torch.where(kind < 2, small, torch.where(kind < 5, (2 * normal).exp().clamp(max=50.0), 1.0))
    else:
        width = high - low
        near = torch.where(kind == 0, low + width * small, high - width * small)
        values = torch.where(kind < 2, near, low + width * uniform)
    values = values.clamp(low, high)
    inside = low + (1.0 if math.isinf(high) else (high - low) / 2)  # for what rounding has put on an open end
    values = (
        torch.where(kind == 5, low, values) if not interval.left_open else torch.where(values <= low, inside, values)
    )
    if math.isinf(high):
        return values
    return (
        torch.where(kind == 4, high, values) if not interval.right_open else torch.where(values >= high, inside, values)
    )


# The verb


@dataclass(frozen=True)
class Check:
    """A claim that held at every case. `residual` is the worst one, relative to the size of the terms."""

    claim: object
    cases: int
    residual: float | None  # None if the claim states limits only
    device: str
    limits: tuple = ()  # of (the distance left at the end, the orders of magnitude on the way to it)

    def _said(self):
        classes = " with 2 ≤ K ≤ 1000" if self.claim.counts_classes else ""
        said = []
        if self.residual is not None:
            said.append(
                f"the worst residual is {self.residual:.1e} of the size of the terms (one rounding is {EPSILON / 2:.1e})"
            )
        if self.limits:
            left, orders = max(left for left, _ in self.limits), min(orders for _, orders in self.limits)
            said.append(f"after {orders} orders of magnitude or more, the limit is within {left:.1g}")
        return f"in torch float64 on {self.device}, at {self.cases} random points{classes}: " + "; ".join(said)

    def __repr__(self):
        return f"{self.claim.id} checked {self._said()}"

    def _repr_markdown_(self):
        return f"✓ **Checked** {self._said()}."


def residuals(claim, values, sizes, signed=False):
    """For each point, by how much the claim fails, relative to the size of the terms.

    Returns (residual, left, right, statement, blind): the sides are those of the statement that fails most, and `blind` marks
    where rounding may have done anything, as in log(1 - q) with 1 - q rounded to 0. With `signed`, an inequality that holds
    with room has a negative residual.
    """
    worst, blind, evaluation = None, False, Evaluation(values, sizes)
    for number, (left, relation, right) in enumerate(claim.statements):
        if limits.is_limit((left, relation, right)):
            continue
        (one, size), (other, other_size) = evaluation(left), evaluation(right)
        gap = {"==": (one - other).abs(), "<=": one - other, ">=": other - one}[relation]
        size = _more(size, other_size)
        residual = torch.where((one == other) | size.isinf(), 0.0, gap / (size + one.abs() + other.abs()))
        if not signed:
            residual = torch.where(gap <= 0, 0.0, residual)
        blind = blind | size.isinf()
        number = torch.full_like(residual, number)
        if worst is None:
            worst = residual, one, other, number
        else:
            fails = residual.nan_to_num(nan=math.inf) > worst[0].nan_to_num(nan=math.inf)
            worst = tuple(torch.where(fails, new, old) for new, old in zip((residual, one, other, number), worst))
    return *worst, blind


def check(claim, cases=1000, seed=0, device=None):
    """Evaluate the claim at random points that obey its hypotheses, with K from 2 to 1000.

    Parameters
    ----------
    claim : lossmath.claims.Claim
    cases : int
        How many points, at least one for each number of classes.
    seed : int
        The same seed draws the same points on every device.
    device : str or torch.device, optional
        See `choose_device`.

    Returns
    -------
    Check
        With the worst residual, and the number of cases, less those in which rounding may have done anything. The residual of a
        point is the difference of the two sides (for an inequality, what it fails by) over the size of the terms: a first-order
        bound on what rounding may do to them, over the unit roundoff. For limits, how near they came, and after how long a way.

    Raises
    ------
    CheckError
        If a residual exceeds 64 units of float64 roundoff, or is NaN, with the case.
    ValueError
        If `cases` is too small, or there is no such device.
    """
    if not isinstance(cases, int) or cases < len(SIZES):
        raise ValueError(
            f"cases is a whole number, at least {len(SIZES)} (one for each number of classes), got {cases!r}"
        )
    device = choose_device(device)
    generator = torch.Generator().manual_seed(seed)
    try:
        found = tuple(
            limits.seen(statement, claim.hypotheses, cases, generator, device)
            for statement in claim.statements
            if limits.is_limit(statement)
        )
    except ArithmeticError as error:
        raise CheckError(f"{claim.id} fails on {device}: {error}") from None
    if len(found) == len(claim.statements):
        return Check(claim, cases, None, _name(device), found)
    worst, seen = 0.0, 0
    counts = [max(1, int(cases * share)) for share in SHARES]
    counts[0] += cases - sum(counts)
    for sizes, count in zip(SIZES, counts):
        values = sample(claim.hypotheses, sizes, count, generator)
        values = {symbol: value.to(device) for symbol, value in values.items()}
        tight = _put_equality(claim, values, sizes)
        residual, left, right, number, blind = residuals(claim, values, sizes)
        if tight is not None:
            residual[::4] = torch.maximum(residual, residuals(tight, values, sizes)[0])[::4]
        if (~(residual <= TOLERANCE)).any():
            at = int(residual.nan_to_num(nan=math.inf).argmax())
            point = {str(symbol): _short(value[at].tolist()) for symbol, value in values.items()}
            raise CheckError(
                f"{claim.id} fails on {device}: with K = {sizes[K]}, {point}, the left side is {left[at].item():.17g}, which is not "
                f"{claim.statements[int(number[at])][1]} {right[at].item():.17g}; the residual is {residual[at].item():.1e} of the "
                "size of the terms"
            )
        if blind.all():
            raise CheckError(f"{claim.id}: with K = {sizes[K]}, rounding leaves nothing of any case in float64")
        seen += int((~blind).sum())
        worst = max(worst, residual.max().item())
    return Check(claim, seen, worst, _name(device), found)


def _short(value):
    return value if not isinstance(value, list) or len(value) < 9 else "..."


def _put_equality(claim, values, sizes):
    """Put every fourth case where equality is claimed; return the claim that the sides are equal there."""
    for one, other in claim.equality.items():
        if isinstance(other, IndexedBase) and claim.hypotheses.distributions.get(one):
            one, other = other, one  # where p may have zeros and q may not, p follows q
        evaluation = Evaluation(values, sizes)
        place = evaluation.rows(other) if isinstance(one, IndexedBase) else evaluation(other)[0]
        values[one] = values[one].clone()
        values[one][::4] = place[::4]
    if claim.equality:
        return claim.near_miss(
            *((one, "==", other) for one, rel, other in claim.statements if claim.equality_of((one, rel, other)))
        )


def _name(device):
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
