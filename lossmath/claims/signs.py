"""Rule 2: signs, and what is zero, under hypotheses. A trusted file.

A question about an expression goes the same way each time: its normal form; its cases, as two labels coincide or not;
each entry and each sum in it replaced by a variable of known sign; and then `sign`, which knows the signs of sums,
products, powers and a few functions. A form that SymPy made is believed only where it agrees with what it was made of,
at random rational points.
"""

from collections.abc import Iterator
from functools import lru_cache
from math import prod

import sympy as sp
from mpmath.ctx_iv import MPIntervalContext
from sympy import Abs, Add, Dummy, Indexed, Integer, KroneckerDelta, LambertW, Mul, Pow, Sum, exp, log, oo

from lossmath.claims.hypotheses import SIZES
from lossmath.claims.normal_form import Context, expand, factor, find_free, normalise, prepare, reduce, sums_to_one
from lossmath.claims.quantities import K, MaximumNorm, freshen
from lossmath.claims.witness import is_witnessed, is_witnessed_plainly

POLES = sp.nan, sp.zoo, oo, -oo
iv = MPIntervalContext()  # intervals that hold a number for sure
iv.dps = 300
HIGH = 10**6  # the largest exponent of a number that is enclosed


# The questions


def is_zero(context: Context, expr: sp.Expr) -> bool:
    """Rule 1: `expr` is zero on the whole domain."""
    prepared = prepare(context, expr)
    if not is_witnessed(context, expr, prepared, Integer(0)):  # before any work is done
        return False
    cases = _find_cases(context, normalise(context, prepared), True)
    return all(_vanishes(context, case) or _cancels(context, case) for case in cases)


@lru_cache(maxsize=4096)
def is_nonnegative(context: Context, expr: sp.Expr, strictly: bool = False) -> bool:
    """Rule 2: `expr` is >= 0, or > 0 if `strictly`, on the whole domain."""
    prepared = prepare(context, expr)
    as_written = freshen(prepared.xreplace(context.scalars))  # before squares are multiplied out
    normal = normalise(context, prepared)
    forms = [normal] if find_free(as_written, KroneckerDelta) else [normal, as_written]
    return any(_has_sign(context, form, strictly) and is_witnessed(context, expr, prepared, form) for form in forms)


def is_positive(context: Context, expr: sp.Expr) -> bool:
    """Rule 2: `expr` is > 0 on the whole domain."""
    return is_nonnegative(context, expr, True)


# From a normal form to expressions in plain variables


def _find_cases(context, normal, both):
    """A normal form in each case: with |u| as u or -u, and with labels that coincide or do not.

    Of |u| there is one case if the sign of u is known; if it is not and u holds a sum, there are `both`. But not within
    another sum or a norm: there |u_k| may be u_k for some k and -u_k for others.
    """
    free = find_free(normal, Abs)
    for modulus in sorted(normal.atoms(Abs), key=sp.default_sort_key):
        sides = modulus.args[0], -modulus.args[0]
        known = [side for side in sides if _has_sign(context, side, False)]
        if known or (both and modulus in free and modulus.has(Sum)):
            forms = [reduce(context, normal.xreplace({modulus: side})) for side in known or sides]
            return [case for form in forms for case in _find_cases(context, form, both)]
    return _split_cases(context, normal)


def _split_cases(context, normal, distinct=frozenset()):
    """The forms of a normal form when two labels coincide and when they do not; `distinct` holds pairs that do not."""
    deltas = find_free(normal, KroneckerDelta)
    if not deltas:
        return [normal]
    other, one = deltas[0].args  # in SymPy's order: `one` may be a label that the index `other` picks
    apart = _split_cases(context, normal.xreplace({deltas[0]: Integer(0)}), distinct | {frozenset((one, other))})
    moved = {frozenset(label.xreplace({one: other}) for label in pair) for pair in distinct}
    if any(len(pair) == 1 for pair in moved):  # they cannot coincide
        return apart
    together = reduce(context, freshen(normal.xreplace({one: other})))
    return apart + _split_cases(context, together, moved)


def _make_plain(context, normal, split):
    """A normal form with every entry and every sum replaced by a variable of known sign.

    With `split`, a sum is one of its terms and the rest, if what stands outside the sums speaks of that term.
    """
    sums = {one: _replace_sum(context, one, normal, split) for one in find_free(normal, Sum)}
    normal = normal.xreplace(sums)
    for kind, sign in ((LambertW, "positive"), (MaximumNorm, "nonnegative")):
        normal = normal.xreplace({node: _variable(context, node, sign) for node in find_free(normal, kind)})
    entries = {entry: _replace_entry(context, entry) for entry in normal.atoms(Indexed)}
    return normal.xreplace(entries).xreplace(context.sizes)


def _variable(context, node, sign, part=None):
    # a norm is the same whatever the name of the vector
    key = (MaximumNorm, *node.args[0].args[1:]) if isinstance(node, MaximumNorm) else node, part
    return context.variables.setdefault(key, Dummy(str(node), **{"real": True, sign: True}))


def _replace_entry(context, entry):
    sign = "positive" if entry.is_positive else "nonnegative" if entry.is_nonnegative else "real"
    variable = _variable(context, entry, sign)
    # another entry is > 0 too, so this one is < 1
    return 1 / (1 + variable) if entry.is_positive and SIZES[entry.base.shape[-1]] > 1 else variable


def _replace_sum(context, total, around, split):
    index, _, size = total.limits[0]
    sign = _find_sign(context, total.function)
    if split and len(total.limits) == 1 and SIZES[size] > 1:
        outside = around.xreplace({one: Dummy() for one in find_free(around, Sum)}).atoms(Indexed)
        terms = {label: total.function.xreplace({index: label}) for entry in outside for label in entry.indices}
        held = {label: {one for one in terms[label].atoms(Indexed) if label in one.indices} for label in terms}
        picked = [label for label, entries in held.items() if entries and entries <= outside]
        if len(picked) == 1:  # of which K >= 2 leaves at least one other
            return _variable(context, total, sign, part=picked[0]) + _make_plain(context, terms[picked[0]], False)
    if sign == "nonnegative" and _is_expectation(context, total):
        sign = "positive"
    return _variable(context, total, sign)


def _find_sign(context, expr):
    """What is known of the sign of a normal form, in SymPy's words."""
    signs = {"positive": (1, True), "negative": (-1, True), "nonnegative": (1, False), "nonpositive": (-1, False)}
    return next((sign for sign, (side, strictly) in signs.items() if _has_sign(context, side * expr, strictly)), "real")


def _is_expectation(context, total):
    """Whether a sum is that of p_k f(k) with f > 0: some p_k is > 0, and so is the sum."""
    rows = [one for one in Mul.make_args(total.function) if sums_to_one(context, one, total.limits[0][0])]
    return len(total.limits) == 1 and any(_has_sign(context, total.function / row, True) for row in rows)


def _gather(context, normal) -> Iterator[sp.Expr]:
    """The normal form, and the same with its sums over the classes gathered into one.

    The terms outside the sums are multiplied by sum_k p_k = 1 to join them.
    """
    yield normal
    index, inside, outside = Dummy("k", integer=True), Integer(0), Integer(0)
    for term in Add.make_args(normal):
        sums = [one for one in Mul.make_args(term) if isinstance(one, Sum) and [n for *_, n in one.limits] == [K]]
        if len(sums) == 1:
            inside += (term / sums[0]) * sums[0].function.xreplace({sums[0].limits[0][0]: index})
        else:
            outside += term
    if inside != 0:
        yield Sum(inside, (index, 1, K)) + outside
    if inside != 0 and outside != 0:
        for base in sorted((row for row in context.rows if row.shape == (K,)), key=str):
            yield Sum(inside + outside * base[index], (index, 1, K))


# Decisions


def _vanishes(context, case):
    plain = expand(context, _make_plain(context, case, False))
    return plain == 0 or expand(context, sp.fraction(sp.together(plain))[0]) == 0


def _cancels(context, case):
    """One sum of quotients, in which numerators and denominators cancel."""
    sums = [form for form in _gather(context, case) if isinstance(form, Sum)]
    factored = (Sum(factor(sp.expand_power_exp(one.function)), *one.limits) for one in sums)
    return any(_vanishes(context, reduce(context, one)) for one in factored)


@lru_cache(maxsize=4096)
def _has_sign(context, normal, strictly):
    """Whether a normal form is >= 0, or > 0, on the whole domain."""
    ways = (False, True) if normal.has(Abs) else (False,)
    return any(all(_answers(context, case, strictly) for case in _find_cases(context, normal, both)) for both in ways)


def _answers(context, case, strictly):
    ways = ((form, split) for form in _gather(context, case) for split in (False, True)[: 1 + form.has(Sum)])
    return any(_decide(context, _make_plain(context, *way), strictly) for way in ways)


def _decide(context, plain, strictly):
    """Whether an expression in plain variables is >= 0, or > 0, in one of its forms."""
    if plain.has(*POLES):
        return False
    if sign(plain)[0] >= strictly:
        return True
    for modulus in plain.atoms(Abs):
        for variable in sorted(modulus.free_symbols, key=sp.default_sort_key):
            if sign(variable) == UNKNOWN:  # it is positive, negative or zero
                side = Dummy(variable.name, positive=True)
                cases = [plain.xreplace({variable: case}) for case in (side, -side, Integer(0))]
                return all(_decide(context, case, strictly) for case in cases)
    context.spend(plain)
    forms = (one for form in (plain, _factor(plain)) for one in (form, _factor(parametrise_powers(form))))
    return any(sign(one)[0] >= strictly for one in forms if not one.has(*POLES))


def _factor(plain):
    """`plain` in factors, if that is equal to it."""
    form = factor(plain)
    return form if is_witnessed_plainly(plain, form) else plain


def parametrise_powers(plain: sp.Expr) -> sp.Expr:
    """Each power of a base > 0 on one side of 1 written in a parameter: u^γ in (0, 1) as 1/(1+w), w > 0.

    That is no equal form: what is shown of it, for every w, holds of the expression.
    """
    parameters = {}
    for node in plain.atoms(Pow, exp):
        base, exponent = node.as_base_exp()
        if exponent.is_Integer or sign(base := _factor(base))[0] < 1:
            continue
        side, turn = sign(_factor(base - 1)), sign(exponent)
        if {side, turn} <= {(1, 1), (-1, -1)}:
            above = 1 + Dummy("w", positive=True)
            parameters[node] = above if side == turn else 1 / above
    return plain.xreplace(parameters)


# The signs of expressions

UNKNOWN = -1, 1


def sign(expr: sp.Expr) -> tuple[int, int]:
    """(low, high), each -1, 0 or 1: wherever `expr` is defined, its sign lies between them."""
    if not expr.atoms(sp.Symbol):
        return _sign_of_number(expr)
    if expr.is_Symbol:  # what was said of it when it was made
        low = 1 if expr.is_positive else 0 if expr.is_nonnegative else -1
        return low, -1 if expr.is_negative else 0 if expr.is_nonpositive else 1
    if isinstance(expr, Add):
        return _sign_of_sum(expr)
    if isinstance(expr, Mul):
        low, high = 1, 1
        for one in map(sign, expr.args):
            ends = [end * other for end in (low, high) for other in one]
            low, high = min(ends), max(ends)
        return low, high
    if isinstance(expr, Pow):
        return _sign_of_power(*expr.args)
    return _sign_of_function(expr)


def _sign_of_sum(expr):
    numbers, rest = expr.as_independent(*expr.free_symbols, as_Add=True)
    lows, highs = zip(*map(sign, (numbers, *Add.make_args(rest))))
    low, high = -1 if -1 in lows else max(lows), 1 if 1 in highs else min(highs)
    terms = [term.as_coeff_Mul() for term in expr.args]
    if (low, high) != UNKNOWN or {abs(size) for size, rest in terms if isinstance(rest, log)} != {1}:
        return low, high
    rise = factor(sp.expand(exp(expr)) - 1)  # exp(u) - 1 has the sign of u, and here no logarithms
    return sign(rise) if is_witnessed_plainly(exp(expr) - 1, rise) else UNKNOWN


def _sign_of_number(number):
    if number.is_Rational:
        return (int(sp.sign(number)),) * 2
    try:
        enclosed = _enclose(number)
    except (KeyError, ValueError, ZeroDivisionError):
        return UNKNOWN
    return (1, 1) if enclosed.a > 0 else (-1, -1) if enclosed.b < 0 else UNKNOWN


def _enclose(number):
    """An interval that holds a number, by mpmath's interval arithmetic."""
    if number.is_Rational:
        return iv.mpf(int(number.p)) / int(number.q)
    if isinstance(number, (Add, Mul)):
        args = map(_enclose, number.args)
        return sum(args) if number.is_Add else prod(args)
    if isinstance(number, log):
        return iv.log(_enclose(number.args[0]))
    if not isinstance(number, (Pow, exp)):
        return {sp.pi: iv.pi, sp.E: iv.e}[number]
    base, exponent = number.as_base_exp()
    if number.is_Pow and exponent.is_Integer:
        return _enclose(base) ** int(exponent)
    power = _enclose(exponent) * iv.log(_enclose(base))  # of what is negative, iv.log raises
    if not abs(power) < HIGH:
        raise ValueError("too large a number to enclose its exponential")
    return iv.exp(power)


def _sign_of_power(base, exponent):
    low, high = sign(base)
    if not exponent.is_Integer:
        return (low, 1) if low == 1 or (low == 0 and sign(exponent)[0] == 1) else UNKNOWN
    nonzero = low == high != 0
    if exponent < 0 and not nonzero:
        return UNKNOWN  # there may be a pole
    return (low, high) if exponent % 2 else (int(nonzero), 1)


def _sign_of_function(expr):
    if isinstance(expr, exp):
        return 1, 1
    if isinstance(expr, Abs):
        return _sign_of_power(expr.args[0], Integer(2))
    if isinstance(expr, log):
        return sign(_factor(expr.args[0] - 1))
    return UNKNOWN
