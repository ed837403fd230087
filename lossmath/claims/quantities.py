"""The article's quantities as SymPy expressions, for every number of classes K.

A distribution is an `IndexedBase` of shape (K,): `p[k]` is the probability of class k, for k from 1 to K. A quantity
such as `entropy(p)` prints by its name, H[p], and unfolds into its definition, -sum_k p_k log p_k. Logarithms are
natural, so every quantity is in nats. Throughout, 0 log 0 is read as its limit, 0.

The symbols carry no sign of their own (they are real, or whole numbers): what is assumed about them is said by the
hypotheses of each claim, and by nothing else.
"""

from collections.abc import Callable
from functools import cache, lru_cache, wraps
from inspect import signature

import sympy as sp
from sympy import Abs, Derivative, Eq, IndexedBase, KroneckerDelta, LambertW, Rational, Sum, exp, log, oo, sinh, sqrt
from sympy.core.symbol import Str

__all__ = [
    "Abs", "Derivative", "Eq", "KroneckerDelta", "LambertW", "Rational", "Sum", "exp", "log", "oo", "sinh", "sqrt",
    "K", "M", "N", "a", "i", "j", "k", "n", "y", "beta", "epsilon", "gamma", "c", "m", "s", "t", "u", "v", "x",
    "P", "Q", "p", "q", "r", "z", "inputs", "labels", "scores", "conditional",
    "Vector", "one_hot", "smooth_labels", "softmax", "uniform",
    "expectation", "entropy", "binary_entropy", "cross_entropy", "kl_divergence", "focal_loss",
    "dot", "sum_norm", "maximum_norm",
    "dataset_loss", "predictions", "empirical", "empirical_cross_entropy",
    "lead", "sigmoid", "softplus", "total", "unfold", "gradient", "limit",
]  # fmt: skip

# Sizes: K classes, N observations, M distinct inputs.
K, M, N = sp.symbols("K M N", integer=True, positive=True)
# Indices: classes i, j, k, the label y, the observation n, the input a.
a, i, j, k, n, y = sp.symbols("a i j k n y", integer=True)
# Real numbers.
beta, epsilon, gamma = sp.symbols("beta epsilon gamma", real=True)
c, m, s, t, u, v, x = sp.symbols("c m s t u v x", real=True)
# Vectors over the classes: distributions p, q, r and logits z.
p, q, r, z = (IndexedBase(name, shape=(K,), real=True) for name in "pqrz")
# Any vectors over the classes.
P, Q = (IndexedBase(name, shape=(K,), real=True) for name in "PQ")
# A data set: observation n has the input x_n and the label y_n; the model gives scores z_{n,k}, or q(k | a) for the
# input a. (They are positive, as labels are, which tells them apart from the symbols x and y.)
inputs = IndexedBase("x", shape=(N,), integer=True, positive=True)
labels = IndexedBase("y", shape=(N,), integer=True, positive=True)
scores = IndexedBase("z", shape=(N, K), real=True)
conditional = IndexedBase("q", shape=(M, K), real=True)


@cache
def _slot(level, number):
    """The index number `number` inside a Vector that holds Vectors of lower levels; nothing else is named like it."""
    return sp.Dummy(f"slot{level}_{number}", dummy_index=0, integer=True)  # alike in every process, for pickles


def total(expr: sp.Expr, index: sp.Symbol, size: sp.Symbol = K) -> Sum:
    """The sum of `expr` over `index` from 1 to `size` (K by default)."""
    return Sum(expr, (index, 1, size))


class Vector(sp.Expr):
    """A vector over the classes, or a matrix, given by a formula: `v[k]` is the formula at class k."""

    def __new__(cls, name, formula):
        """`name` is LaTeX, `formula` a Python function of the class index (of two indices for a matrix)."""
        indices = [sp.Dummy(integer=True) for _ in range(len(signature(formula).parameters))]
        body = sp.sympify(formula(*indices))
        level = 1 + max((int(inner.args[2]) for inner in body.atoms(Vector)), default=0)
        slots = {index: _slot(level, number) for number, index in enumerate(indices)}
        return cls.func(Str(name), body.xreplace(slots), sp.Integer(level), sp.Integer(len(slots)))

    @classmethod
    def func(cls, *args):
        """A Vector of its `args`, which SymPy and pickles make it of again."""
        return sp.Expr.__new__(cls, *args)

    def __reduce_ex__(self, protocol):
        return self.func, self.args

    @property
    def indices(self):
        """The indices inside the formula."""
        return [_slot(int(self.args[2]), number) for number in range(int(self.args[3]))]

    def __getitem__(self, indices):
        return Entry(self, *(indices if isinstance(indices, tuple) else (indices,)))

    def at(self, indices):
        """The formula at given indices."""
        if len(indices) != len(self.indices):
            raise IndexError(f"{self} has {len(self.indices)} indices, got {len(indices)}")
        body = self.args[1]
        if {*indices} & {slot for inner in body.atoms(Vector) for slot in inner.indices}:
            body = unfold(body)  # else a vector within it would catch the index that is put in
        return freshen(body).xreplace(dict(zip(self.indices, indices)))

    @property
    def free_symbols(self):
        return self.args[1].free_symbols - {*self.indices}

    @property
    def name(self):
        return self.args[0].name

    def _latex(self, printer):
        return self.name

    _sympystr = _latex


def count_axes(value) -> int:
    """How many indices a vector or a matrix takes; a number takes none."""
    if isinstance(value, Vector):
        return len(value.indices)
    return len(value.shape or ()) if isinstance(value, IndexedBase) else 0


class Quantity(sp.Expr):
    """A named quantity: it prints by its name, and `unfold` replaces it by its definition."""

    symbol: str | Callable = ""  # LaTeX, with one {} for each argument; or a function of the printer and the arguments

    def __new__(cls, *args):
        return sp.Expr.__new__(cls, *map(sp.sympify, args))

    def _latex(self, printer):
        if callable(self.symbol):
            return self.symbol(printer, *self.args)
        return self.symbol.format(*map(printer._print, self.args))

    def _sympystr(self, printer):
        return f"{type(self).__name__}({', '.join(map(printer._print, self.args))})"


class Entry(Quantity):
    """An entry of a Vector."""

    def definition(self):
        vector, *indices = self.args
        return vector.at(indices)

    def _latex(self, printer):
        vector, *indices = map(printer._print, self.args)
        return rf"{{{vector}}}_{{{','.join(indices)}}}"

    def _sympystr(self, printer):
        vector, *indices = map(printer._print, self.args)
        return f"{vector}[{', '.join(indices)}]"


def quantity(symbol: str | Callable, prepare: Callable = lambda *args: args) -> Callable:
    """Make a function that says what a quantity stands for into one that returns the quantity, by its name.

    `prepare` makes what the function was given into what stands in the quantity, from which it is made again.
    """

    def register(definition):
        @wraps(definition)
        def build(*args):
            return made(*prepare(*args))

        members = {"symbol": staticmethod(symbol) if callable(symbol) else symbol, "__doc__": definition.__doc__}
        members["definition"] = lambda self: definition(*self.args)
        members["__reduce_ex__"] = lambda self, protocol: (build, self.args)  # pickles find the function by its name
        made = type(definition.__name__, (Quantity,), members)
        return build

    return register


def _sum(formula, index=k, size=K):
    """The sum of `formula` over an index of that letter, or of one of its own where an argument holds it already."""
    own = sp.Dummy(index.name, integer=True)
    body = formula(own)
    return total(body, own, size) if index in body.free_symbols else total(body.xreplace({own: index}), index, size)


Row = IndexedBase | Vector  # a distribution or another vector over the classes; for a model of inputs, a matrix


# The quantities


def _print_expectation(printer, p, function):
    inside = printer._print(function.at([k]))
    return rf"\mathbb{{E}}_{{k \sim {printer._print(p)}}}\left[{inside}\right]"


@quantity(_print_expectation, lambda p, f: (p, f if isinstance(f, Vector) else Vector("f", f)))
def expectation(p: Row, function: Callable) -> Quantity:
    """E_p[f] = sum_k p_k f(k), with `function` a Python function of the class index."""
    return _sum(lambda k: p[k] * function[k])


@quantity(r"\mathrm{{H}}\left[{}\right]")
def entropy(p: Row) -> Quantity:
    """H[p] = -sum_k p_k log p_k, in nats; 0 log 0 = 0."""
    return -_sum(lambda k: p[k] * log(p[k]))


@quantity(r"\mathrm{{CE}}\left({} \,\|\, {}\right)")
def cross_entropy(p: Row, q: Row) -> Quantity:
    """CE(p ‖ q) = -sum_k p_k log q_k, in nats."""
    return -_sum(lambda k: p[k] * log(q[k]))


@quantity(r"\mathrm{{KL}}\left({} \,\|\, {}\right)")
def kl_divergence(p: Row, q: Row) -> Quantity:
    """KL(p ‖ q) = sum_k p_k log(p_k / q_k), in nats (Kullback and Leibler, 1951)."""
    return _sum(lambda k: p[k] * log(p[k] / q[k]))


@quantity(r"\mathrm{{H}}_b\left({}\right)")
def binary_entropy(x: sp.Expr) -> Quantity:
    """H_b(x) = -x log x - (1 - x) log(1 - x), the entropy of a coin that shows heads with probability x, in nats."""
    return -x * log(x) - (1 - x) * log(1 - x)


@quantity(r"\mathrm{{CE}}_{{{2}}}\left({0} \,\|\, {1}\right)")
def focal_loss(p: Row, q: Row, gamma: sp.Expr) -> Quantity:
    """CE_γ(p ‖ q) = -sum_k p_k (1 - q_k)^γ log q_k, in nats (Lin et al., 2017)."""
    return -_sum(lambda k: p[k] * (1 - q[k]) ** gamma * log(q[k]))


@quantity(r"{} \cdot {}")
def dot(P: Row, Q: Row) -> Quantity:
    """P·Q = sum_k P_k Q_k."""
    return _sum(lambda k: P[k] * Q[k])


@quantity(r"\left\lVert {} \right\rVert_1")
def sum_norm(Q: Row) -> Quantity:
    """‖Q‖_1, the sum of the moduli of the entries."""
    return _sum(lambda k: Abs(Q[k]))


class MaximumNorm(sp.Expr):
    """max_k |v_k| of a Vector over the classes; unlike a Quantity, it has no definition in sums and powers."""

    def __new__(cls, vector):
        if count_axes(vector) != 1:
            raise TypeError(f"a maximum norm is of a vector over the classes, got {vector!r}")
        if isinstance(vector, IndexedBase):
            vector = Vector(sp.latex(vector), lambda c: vector[c])
        return sp.Expr.__new__(cls, vector)

    def _eval_is_nonnegative(self):
        return True

    def at(self, index):
        """The modulus of the entry at `index`."""
        return Abs(self.args[0].at([index]))

    def _latex(self, printer):
        return rf"\left\lVert {printer._print(self.args[0])} \right\rVert_\infty"

    def _sympystr(self, printer):
        return f"maximum_norm({printer._print(self.args[0])})"


def maximum_norm(P: Row) -> MaximumNorm:
    """‖P‖_∞, the greatest modulus of an entry."""
    return MaximumNorm(P)


@quantity(
    r"\mathcal{{L}}_{{\mathrm{{CE}}}}\left({}\right)",
    lambda model: (predictions(model) if isinstance(model, IndexedBase) else model,),
)
def dataset_loss(model: Row) -> Quantity:
    """L_CE = -(1/N) sum_n sum_k [y_n = k] log q_{n,k}, the mean over the N observations.

    `model` is a conditional distribution q(k | a), taken at the inputs, or rows such as `softmax(scores)`.
    """
    return -_sum(lambda n: _sum(lambda k: KroneckerDelta(k, labels[n]) * log(model[n, k])), n, N) / N


def predictions(conditional: IndexedBase) -> Vector:
    """The rows q(· | x_n) that a conditional model gives to the inputs of a data set."""
    return Vector(sp.latex(conditional), lambda n, c: conditional[inputs[n], c])


def empirical(input: sp.Symbol, label: sp.Symbol) -> sp.Expr:
    """The empirical distribution: the share of the N observations with this input and this label."""
    return _sum(lambda n: KroneckerDelta(inputs[n], input) * KroneckerDelta(labels[n], label), n, N) / N


@quantity(r"\mathrm{{CE}}\left(\widehat{{p}} \,\|\, {}\right)")
def empirical_cross_entropy(model: Row) -> Quantity:
    """CE(p̂ ‖ q) = -sum_a sum_k p̂(a, k) log q(k | a), of the empirical distribution and the model."""
    return -_sum(lambda a: _sum(lambda k: empirical(a, k) * log(model[a, k])), a, M)


@quantity("s")
def lead(z: Row, y: sp.Symbol) -> Quantity:
    """s = log(sum over j ≠ y of exp z_j) - z_y: how far the label's logit stays behind the others."""
    return log(_sum(lambda j: (1 - KroneckerDelta(j, y)) * exp(z[j]), j)) - z[y]


@quantity(r"\sigma\left({}\right)")
def sigmoid(x: sp.Expr) -> Quantity:
    """σ(x) = 1 / (1 + exp(-x))."""
    return 1 / (1 + exp(-x))


@quantity(r"\operatorname{{softplus}}\left({}\right)")
def softplus(x: sp.Expr) -> Quantity:
    """softplus(x) = log(1 + exp x)."""
    return log(1 + exp(x))


# Vectors


def softmax(z: Row) -> Vector:
    """The distribution with q_k = exp z_k / sum_j exp z_j; for a matrix of scores, that of each row."""
    name = rf"\operatorname{{softmax}}\left({sp.latex(z)}\right)"
    if count_axes(z) == 2:
        return Vector(name, lambda n, c: exp(z[n, c]) / _sum(lambda j: exp(z[n, j]), j))
    return Vector(name, lambda c: exp(z[c]) / _sum(lambda j: exp(z[j]), j))


def one_hot(y: sp.Symbol) -> Vector:
    """The distribution δ_y with all its mass on class y."""
    return Vector(rf"\delta_{{{sp.latex(y)}}}", lambda c: KroneckerDelta(c, y))


def uniform() -> Vector:
    """The distribution U with U_k = 1/K."""
    return Vector("U", lambda c: 1 / K)


def smooth_labels(p: Row, epsilon: sp.Expr) -> Vector:
    """The distribution p̃ with p̃_k = ε/K + (1 - ε) p_k (Szegedy et al., 2016)."""
    return Vector(r"\widetilde{p}", lambda c: epsilon / K + (1 - epsilon) * p[c])


# Expressions


def gradient(expr: sp.Expr, variable: sp.Expr) -> Derivative:
    """The partial derivative of `expr` in `variable`, written and not yet worked out."""
    return Derivative(expr, variable, evaluate=False)


def limit(expr: sp.Expr, variable: sp.Symbol, point: sp.Expr, side: str = "-") -> sp.Limit:
    """The limit of `expr` as the variable tends to `point`, from below or, with side="+", from above."""
    return sp.Limit(expr, variable, point, "+" if point == -oo else side)


def freshen(expr: sp.Expr) -> sp.Expr:
    """`expr` with an index of its own for each sum, so that no index is captured."""

    def rename(body, *limits):
        own = []
        for index, lower, upper in limits:  # the innermost first: it binds what stands in the body
            own.append((sp.Dummy(index.name, integer=True), lower, upper))
            body = body.xreplace({index: own[-1][0]})
        return Sum(body, *own)

    return expr.replace(Sum, rename) if expr.has(Sum) else expr  # the inner ones first


def unfold(expr: sp.Expr) -> sp.Expr:
    """`expr` with every named quantity replaced by its definition, down to sums, logarithms and powers."""
    while quantities := [node for node in sp.preorder_traversal(expr) if isinstance(node, Quantity)]:
        expr = expr.xreplace({node: node.definition() for node in quantities})
    return expr


@lru_cache(maxsize=512)
def written(expr: sp.Expr) -> sp.Expr:
    """`expr` unfolded, with an index of its own for each sum."""
    return freshen(unfold(sp.sympify(expr)))


def differentiate(expr: sp.Expr) -> sp.Expr:
    """`expr` with every derivative worked out."""
    if not expr.has(sp.Derivative):
        return expr
    args = [differentiate(arg) for arg in expr.args]
    if not isinstance(expr, sp.Derivative):
        return expr.func(*args)
    result = args[0]
    for variable, count in expr.variable_count:
        result = freshen(result.diff(variable, count))
    return result


def substitute(expr: sp.Expr, values: dict) -> sp.Expr:
    """`expr`, unfolded, with symbols and whole vectors replaced at once."""
    marks = {symbol: sp.Dummy() for symbol in values if isinstance(symbol, sp.Symbol)}
    # derivatives first: what is put in for u may contain the variable of the derivative
    expr = differentiate(freshen(unfold(sp.sympify(expr)))).xreplace(marks)
    expr = expr.replace(
        lambda node: isinstance(node, sp.Indexed) and node.base in values,
        lambda node: values[node.base][node.indices],
    )
    return unfold(expr.xreplace({mark: sp.sympify(values[symbol]) for symbol, mark in marks.items()}))
