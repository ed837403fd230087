"""Rule 2: signs, and what is zero, under hypotheses. A trusted file.

A question about an expression goes the same way each time: its normal form; its cases, as two labels coincide or not;
each entry and each sum in it replaced by a variable of known sign; and then `sign`, which knows the signs of sums,
products, powers and a few functions. A form that SymPy made is believed only where it agrees with what it was made of,
at random rational points.
"""

from collections.abc import Iterator
from math import prod

import sympy as sp
from mpmath.ctx_iv import MPIntervalContext
from sympy import Abs, Add, Dummy, Indexed, Integer, LambertW, Mul, Pow, Sum, exp, log, oo

from lossmath.claims.hypotheses import SIZES
from lossmath.claims.normal_form import Context, expand, factor, find_deltas, normalise, prepare, reduce, sums_to_one
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
    normal = _resolve_moduli(context, normalise(context, prepared))
    return all(_vanishes(context, case) or _cancels(context, case) for case in _split_cases(context, normal))


def is_nonnegative(context: Context, expr: sp.Expr) -> bool:
    """Rule 2: `expr` is >= 0 on the whole domain."""
    return _is_signed(context, expr, False)


def is_positive(context: Context, expr: sp.Expr) -> bool:
    """Rule 2: `expr` is > 0 on the whole domain."""
    return _is_signed(context, expr, True)


def _is_signed(context, expr, strictly):
    key = "sign", expr, strictly
    if key not in context.memo:
        prepared = prepare(context, expr)
        as_written = freshen(prepared.xreplace(context.scalars))  # before squares are multiplied out
        normal = normalise(context, prepared)
        forms = [normal] if find_deltas(as_written) else [normal, as_written]
        context.memo[key] = any(
            _has_sign(context, form, strictly) and is_witnessed(context, expr, prepared, form) for form in forms
        )
    return context.memo[key]


# From a normal form to expressions in plain variables


def _resolve_moduli(context, normal):
    """A normal form with |u| as u or -u, wherever the sign of u is known."""
    for modulus in sorted(normal.atoms(Abs), key=sp.default_sort_key):
        for side in (modulus.args[0], -modulus.args[0]):
            if _has_sign(context, side, False):
                return _resolve_moduli(context, reduce(context, normal.xreplace({modulus: side})))
    return normal


def _split_cases(context, normal, distinct=frozenset()):
    """The forms of a normal form when two labels coincide and when they do not; `distinct` holds pairs that do not."""
    normal = normal.xreplace({delta: Integer(0) for delta in find_deltas(normal) if frozenset(delta.args) in distinct})
    deltas = find_deltas(normal)
    if not deltas:
        return [normal]
    other, one = deltas[0].args  # in SymPy's order: `one` may be a label that the index `other` picks
    apart = _split_cases(context, normal, distinct | {frozenset((one, other))})
    moved = {frozenset(label.xreplace({one: other}) for label in pair) for pair in distinct}
    if any(len(pair) == 1 for pair in moved):  # they cannot coincide
        return apart
    together = reduce(context, freshen(normal.xreplace({one: other})))
    return apart + _split_cases(context, together, moved)


def _find_outer(expr, kind):
    """The outermost nodes of a kind."""
    return {expr} if isinstance(expr, kind) else set().union(*(_find_outer(arg, kind) for arg in expr.args))


def _make_plain(context, normal, split):
    """A normal form with every entry and every sum replaced by a variable of known sign.

    With `split`, a sum is one of its terms and the rest, if what stands outside the sums speaks of that term.
    """
    sums = {one: _replace_sum(context, one, normal, split) for one in _find_outer(normal, Sum)}
    normal = normal.xreplace(sums)
    for kind, sign in ((LambertW, "positive"), (MaximumNorm, "nonnegative")):
        normal = normal.xreplace({node: _variable(context, node, sign) for node in _find_outer(normal, kind)})
    entries = {entry: _replace_entry(context, entry) for entry in normal.atoms(Indexed)}
    return normal.xreplace(entries).xreplace(context.sizes)


def _variable(context, node, *signs, part=None):
    # a norm is the same whatever the name of the vector
    key = "variable", (MaximumNorm, *node.args[0].args[1:]) if isinstance(node, MaximumNorm) else node, part
    return context.memo.setdefault(key, Dummy(str(node), real=True, **dict.fromkeys(signs, True)))


def _replace_entry(context, entry):
    if entry.base not in context.rows:
        return _variable(context, entry)
    variable = _variable(context, entry, "positive" if entry.is_positive else "nonnegative")
    # another entry is > 0 too, so this one is < 1
    return 1 / (1 + variable) if entry.is_positive and SIZES[entry.base.shape[-1]] > 1 else variable


def _replace_sum(context, total, around, split):
    index, _, size = total.limits[0]
    signs = _find_signs(context, total.function)
    if split and len(total.limits) == 1:
        outside = around.xreplace({one: Dummy() for one in _find_outer(around, Sum)}).atoms(Indexed)
        labels = {label for entry in outside for label in entry.indices}
        picked = [label for label in labels if _holds_term(total.function.xreplace({index: label}), label, outside)]
        if len(picked) == 1:  # of which K >= 2 leaves at least one other
            signs = signs if SIZES[size] > 1 else [_WEAKER.get(one, one) for one in signs]
            rest = _variable(context, total, *signs, part=picked[0])
            return rest + _make_plain(context, total.function.xreplace({index: picked[0]}), False)
    if signs == ["nonnegative"] and _is_expectation(context, total):
        signs = ["positive"]
    return _variable(context, total, *signs)


_WEAKER = {"positive": "nonnegative", "negative": "nonpositive"}


def _holds_term(term, label, outside):
    entries = {entry for entry in term.atoms(Indexed) if label in entry.indices}
    return bool(entries) and entries <= outside


def _find_signs(context, expr):
    for strictly, names in ((True, ("positive", "negative")), (False, ("nonnegative", "nonpositive"))):
        for name, value in zip(names, (expr, -expr)):
            if _has_sign(context, value, strictly):
                return [name]
    return []


def _is_expectation(context, total):
    """Whether a sum is that of p_k f(k) with f > 0: some p_k is > 0, and so is the sum."""
    rows = [one for one in Mul.make_args(total.function) if sums_to_one(context, one, total.limits[0][0])]
    return len(total.limits) == 1 and any(_has_sign(context, total.function / row, True) for row in rows)


def _gather(context, normal, joined=False) -> Iterator[sp.Expr]:
    """The normal form, and the same with its sums over the classes gathered into one.

    The terms outside the sums are multiplied by sum_k p_k = 1 to join them. With `joined`, only if it then is one sum.
    """
    if not joined:
        yield normal
    index, inside, outside = Dummy("k", integer=True), Integer(0), Integer(0)
    for term in Add.make_args(normal):
        sums = [one for one in Mul.make_args(term) if isinstance(one, Sum) and [n for *_, n in one.limits] == [K]]
        if len(sums) == 1:
            inside += (term / sums[0]) * sums[0].function.xreplace({sums[0].limits[0][0]: index})
        else:
            outside += term
    if inside != 0 and not (joined and outside != 0):
        yield Sum(inside, (index, 1, K)) + outside
    if inside != 0 and outside != 0:
        for base in sorted((row for row in context.rows if row.shape == (K,)), key=str):
            yield Sum(inside + outside * base[index], (index, 1, K))


# Decisions


def _vanishes(context, case):
    plain = _make_plain(context, case, False)
    if plain.has(*POLES):
        return False
    if plain == 0 or (plain := expand(context, plain)) == 0:
        return True
    return expand(context, sp.fraction(sp.together(plain))[0]) == 0


def _cancels(context, case):
    """One sum of quotients, in which numerators and denominators cancel."""
    joined = next(_gather(context, case, joined=True), None)
    if joined is None or not any(power.exp == -1 and power.base.is_Add for power in joined.atoms(Pow)):
        return False
    body = factor(sp.expand_power_exp(joined.function))
    return _vanishes(context, reduce(context, Sum(body, *joined.limits)))


def _has_sign(context, normal, strictly):
    """Whether a normal form is >= 0, or > 0, on the whole domain."""
    key = "normal sign", normal, strictly
    if key not in context.memo:
        normal = _resolve_moduli(context, normal)
        unknown = next((modulus for modulus in _find_outer(normal, Abs) if modulus.has(Sum)), None)
        if unknown is not None:  # it is the sum or its negative
            sides = (unknown.args[0], -unknown.args[0])
            forms = [reduce(context, normal.xreplace({unknown: side})) for side in sides]
            context.memo[key] = all(_has_sign(context, form, strictly) for form in forms)
        else:
            context.memo[key] = all(_answers(context, case, strictly) for case in _split_cases(context, normal))
    return context.memo[key]


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

    def parametrise(base, exponent):
        if exponent.is_Integer or sign(base := _factor(base))[0] < 1:
            return None
        side, turn = sign(_factor(base - 1)), sign(exponent)
        if 0 in (*side, *turn) or UNKNOWN in (side, turn):
            return None
        above = 1 + Dummy("w", positive=True)
        return above if side == turn else 1 / above

    parameters = {node: parametrise(*node.as_base_exp()) for node in plain.atoms(Pow, exp)}
    return plain.xreplace({node: value for node, value in parameters.items() if value is not None})


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
    logs = [coefficient for coefficient, rest in terms if isinstance(rest, log)]
    buried = any(rest.has(log) and not isinstance(rest, log) for _, rest in terms)
    if (low, high) != UNKNOWN or {*map(abs, logs)} != {1} or buried:
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
    args = [_enclose(arg) for arg in number.args]
    if isinstance(number, (Add, Mul)):
        return sum(args) if number.is_Add else prod(args)
    if isinstance(number, Pow):
        base, exponent = args
        return base ** int(number.exp) if number.exp.is_Integer else _enclose_exp(exponent * _enclose_log(base))
    functions = {exp: _enclose_exp, log: _enclose_log, type(sp.pi): lambda: iv.pi, type(sp.E): lambda: iv.e}
    return functions[number.func](*args)


def _enclose_log(interval):
    if not interval.a > 0:
        raise ValueError("the logarithm of what may not be positive")
    return iv.log(interval)


def _enclose_exp(interval):
    if not abs(interval) < HIGH:
        raise ValueError("too large a number to enclose its exponential")
    return iv.exp(interval)


def _sign_of_power(base, exponent):
    low, high = sign(base)
    if exponent.is_Integer:
        if exponent < 0 and not low == high != 0:
            return UNKNOWN  # there may be a pole
        if exponent % 2 == 0:
            return (1, 1) if low == high != 0 else (0, 1)
        return low, high
    return (low, 1) if low == 1 or (low == 0 and sign(exponent)[0] == 1) else UNKNOWN


def _sign_of_function(expr):
    if isinstance(expr, exp):
        return 1, 1
    if isinstance(expr, Abs):
        low, high = sign(expr.args[0])
        return (1, 1) if low == high != 0 else (0, 1)
    if isinstance(expr, log):
        return sign(_factor(expr.args[0] - 1))
    return UNKNOWN
