"""How claims are written: the LaTeX of the book, and the normal forms that a proof shows."""

from itertools import chain, count

import sympy as sp
from sympy import Indexed, IndexedBase, KroneckerDelta, Sum, Symbol, log
from sympy.printing.latex import LatexPrinter

from lossmath.claims.normal_form import Context, factor, normalise, prepare
from lossmath.claims.quantities import K, M, MaximumNorm, N, Quantity

SIGNS = {"==": "=", "<=": r"\leq", ">=": r"\geq"}


class _Printer(LatexPrinter):
    """SymPy's LaTeX with the hand of the field: weights before logarithms, and a sum over j ≠ y written as that."""

    def __init__(self):
        super().__init__({"order": "none"})

    def _as_ordered_terms(self, expr, order=None):
        def key(term):  # CE - γ H, and -E[log q] + γ E[q log q]
            weighted = term.is_Mul and term.has(Quantity, MaximumNorm) and any(factor.is_Symbol for factor in term.args)
            return weighted, term.could_extract_minus_sign()

        return sorted(expr.as_ordered_terms(), key=key)

    def _print_Mul(self, expr):
        factors = sorted(expr.as_ordered_factors(), key=lambda f: (f.has(log, Sum, Quantity), f.has(IndexedBase)))
        return super()._print_Mul(sp.Mul._from_args(factors))

    def _print_Indexed(self, expr):
        return rf"{self._print(expr.base.label)}_{{{','.join(map(self._print, expr.indices))}}}"

    def _print_Sum(self, expr):
        body, signs = expr.function, []
        for index, _, size in expr.limits:
            below, above = f"{self._print(index)}=1", f"^{{{self._print(size)}}}"
            for delta in body.atoms(KroneckerDelta):
                if index in delta.args and (1 - delta) in sp.Mul.make_args(body):
                    body = body / (1 - delta)
                    (other,) = set(delta.args) - {index}
                    below, above = rf"{self._print(index)} \ne {self._print(other)}", ""
            signs.insert(0, rf"\sum_{{{below}}}{above}")
        inside = self._print(body)
        return " ".join(signs) + " " + (rf"\left({inside}\right)" if body.is_Add else inside)


def latex(expr: sp.Expr) -> str:
    """LaTeX of an expression, in the notation of the book."""
    return _Printer().doprint(sp.sympify(expr))


def show_tangent(x, a, f, slope, bend, strictly) -> list[str]:
    """The steps of a proof by the tangent rule at x = a: f, its slope, and that it is convex."""
    x, at, sign = latex(x), f"zero at ${latex(x)} = {latex(a)}$", ">" if strictly else r"\geq"
    return [
        f"the difference, $f({x}) = {latex(f)}$, is {at}",
        f"its slope, $f'({x}) = {latex(factor(slope))}$, is {at}",
        f"it is {'strictly ' * bool(strictly)}convex, $f''({x}) = {latex(factor(bend))} {sign} 0$, "
        "so it lies above its tangent",
    ]


def show_instance(instance, left, right) -> str:
    """What an instance of a lemma says, from `left` to `right` once the values are put in."""
    said = f"`{instance.lemma.claim.id}` says: ${latex(left)} {SIGNS[instance.statement[1]]} {latex(right)}$"
    if instance.times != 1:
        said += f", multiplied by ${latex(instance.times)}$"
    return said if instance.over is None else said + f", summed over ${latex(instance.over)}$"


def show_normal_form(context: Context, expr: sp.Expr) -> sp.Expr:
    """The normal form of `expr` for a reader: in the symbols of the claim, its sums over j, k, i, n or a."""
    shown = Context(context.hypotheses, context.strict, intervals={})
    named = {mine: base for base, mine in shown.bases.items()}
    return _name_indices(normalise(shown, prepare(shown, expr))).replace(
        lambda node: isinstance(node, Indexed) and node.base in named, lambda node: named[node.base][node.indices]
    )


def _name_indices(expr):
    """A normal form with the letters of the book for the indices of its sums, other letters than those in use."""
    outside = {symbol.name for symbol in expr.free_symbols if symbol.is_Symbol}

    def rename(body, *limits):
        taken = outside | {index.name for inner in body.atoms(Sum) for index in inner.bound_symbols}
        names = {}
        for index, _, size in limits:
            letters = chain({K: "jki", N: "n", M: "a"}[size], (f"{size.name.lower()}_{number}" for number in count(1)))
            names[index] = Symbol(next(letter for letter in letters if letter not in taken), integer=True)
            taken.add(names[index].name)
        return Sum(body.xreplace(names), *((names[index], lower, upper) for index, lower, upper in limits))

    return expr.replace(Sum, rename)  # the inner ones first
