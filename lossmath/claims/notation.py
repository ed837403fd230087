"""How a claim is written: the LaTeX of the book."""

from __future__ import annotations

import sympy as sp
from sympy import IndexedBase, KroneckerDelta, Sum, log
from sympy.printing.latex import LatexPrinter

from lossmath.claims.quantities import MaximumNorm, Quantity

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


def latex(expr):
    """LaTeX of an expression, in the notation of the book."""
    return _Printer().doprint(sp.sympify(expr))
