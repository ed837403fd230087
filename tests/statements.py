"""Statements with known truth values, written before the prover and without looking at it.

FALSE            name -> function returning a Claim that is false at some point where both sides are defined
FALSE_EQUALITY   the same for claims whose inequality is true and whose "equality exactly at" is false
UNDER            name -> ("false" | "undefined", function returning a Claim): a hypothesis was dropped or widened, and
                 the claim is then false at a point where both sides are defined, or it has points where a side is
                 undefined (and holds wherever both are defined)
FOOLED_BY        name -> function that offers a false claim with a plausible certificate; the false `prove` comes last
TRUE             name -> function returning the Proof of a true statement

A proof is made once in each run of the tests.
"""

from functools import cache, partial

from sympy import (
    Abs,
    Derivative,
    Dummy,
    IndexedBase,
    KroneckerDelta,
    LambertW,
    Rational,
    Sum,
    Symbol,
    cosh,
    exp,
    log,
    oo,
    sinh,
    sqrt,
    tanh,
)  # fmt: skip

from lossmath.claims import Claim, Distribution, Label, OneHot, Real, tangent
from lossmath.claims.quantities import (
    K,
    M,
    N,
    Vector,
    a,
    beta,
    conditional,
    cross_entropy,
    dataset_loss,
    dot,
    empirical,
    empirical_cross_entropy,
    entropy,
    epsilon,
    expectation,
    gamma,
    gradient,
    i,
    inputs,
    j,
    k,
    kl_divergence,
    labels,
    lead,
    limit,
    maximum_norm,
    n,
    one_hot,
    p,
    q,
    r,
    s,
    scores,
    sigmoid,
    smooth_labels,
    softmax,
    softplus,
    sum_norm,
    t,
    total,
    u,
    uniform,
    x,
    y,
    z,
)  # fmt: skip

H, CE, KL, U, S = entropy, cross_entropy, kl_divergence, uniform(), softmax(z)
P, Q, R = Distribution(p), Distribution(q, positive=True), Distribution(r, positive=True)
P_POS = Distribution(p, positive=True)
Y, I, J, L, Z = Label(y), Label(i), Label(j), Label(k), Real(z)
DELTA = OneHot(p, y)
OPEN, CLOSED, POSITIVE, RATE = [x > 0, x < 1], [x >= 0, x <= 1], [x > 0], [epsilon >= 0, epsilon <= 1]
DATA = [Label(inputs, M), Label(labels), Distribution(conditional, positive=True)]
SCORES = [Label(labels), Real(scores)]
SMOOTH = smooth_labels(p, epsilon)
BINARY = -x * log(x) - (1 - x) * log(1 - x)  # the binary entropy of x
LSE = log(total(exp(z[k]), k))
TINY = Rational(1, 10**6)
HALF = Rational(1, 2)
GROUP = IndexedBase("g", shape=(K,), integer=True)  # the group of each class, or a map from classes to classes
WEIGHTS = IndexedBase("w", shape=(N,), real=True)  # a weight for each observation
ANY, OTHER = (IndexedBase(name, shape=(K,), real=True) for name in "PQ")  # any vectors
MEAN = total(p[j] * z[j], j)  # of z under p
COUNT = Vector("n", lambda c: total(KroneckerDelta(labels[n], c), n, N))  # how many observations have each label


def mix(first, second):
    """The distribution halfway between two."""
    return Vector("m", lambda c: (first[c] + second[c]) / 2)


def focal(p, q):
    return -expectation(p, lambda c: (1 - q[c]) ** gamma * log(q[c]))


def claims(table):
    """name -> function returning the Claim, from name -> (hypotheses, statement, perhaps a dict: the equality)."""
    result = {}
    for name, (given, *statements) in table.items():
        equality = statements.pop() if isinstance(statements[-1], dict) else None
        result[name] = partial(Claim, name, *statements, given=given, equality=equality)
    return result


FALSE = claims({
    "norm-of-any-distribution-is-one": ([P], (maximum_norm(p), "==", 1)),
    "norm-at-least-a-half": ([P], (maximum_norm(p), ">=", HALF)),
    "norm-is-half-the-sum": ([Real(ANY)], (maximum_norm(ANY), "<=", sum_norm(ANY) / 2)),
    "norm-is-any-entry": ([Real(ANY), I], (maximum_norm(ANY), "<=", Abs(ANY[i]))),
    "norm-is-the-entry-of-the-label": ([P, Y], (maximum_norm(p), "==", p[y])),
    "norms-agree": ([Real(ANY), Real(OTHER)], (maximum_norm(ANY), "==", maximum_norm(OTHER))),
    "product-of-maximum-norms": (
        [Real(ANY), Real(OTHER)],
        (Abs(dot(ANY, OTHER)), "<=", maximum_norm(ANY) * maximum_norm(OTHER)),
    ),
    "norm-of-a-difference": ([P, Q], (maximum_norm(Vector("v", lambda c: p[c] - q[c])), "<=", HALF)),
    "norm-of-a-shift": ([Real(ANY)], (maximum_norm(Vector("v", lambda c: ANY[c] + 1)), "==", maximum_norm(ANY) + 1)),
    "norm-of-two-labels": (
        [I, J], (maximum_norm(Vector("v", lambda c: KroneckerDelta(c, i) + KroneckerDelta(c, j))), "==", 1)
    ),
    "norm-of-opposite-labels": (
        [I, J], (maximum_norm(Vector("v", lambda c: KroneckerDelta(c, i) - KroneckerDelta(c, j))), "==", 1)
    ),
    "norm-of-one-hot-doubled": ([DELTA], (2 * maximum_norm(p), "==", 1)),
    # each class has a greatest entry
    "norms-of-labels-add-to-one": ([], (total(maximum_norm(one_hot(k)), k), "==", 1)),
    "norms-of-labels-below-one": ([], (total(maximum_norm(one_hot(k)), k), "<=", 1)),  # of its own: they add to K
    "modulus-plus-itself": ([Real(x)], (Abs(x) + x, ">=", Abs(x))),
    "modulus-times-itself": ([Real(x)], (Abs(x) * x, ">=", 0)),
    "modulus-of-a-sum-above": ([Z], (Abs(total(z[k], k)), ">=", total(Abs(z[k]), k))),
    "modulus-of-a-mean-below-an-entry": ([Z, P, I], (Abs(total(z[k] * p[k], k)), "<=", Abs(z[i]))),
    "modulus-of-a-product": ([Real(x), Real(t)], (Abs(x * t), "<=", x * Abs(t))),
    "modulus-of-a-difference": ([Real(x), t >= 0], (Abs(x - t), "<=", Abs(x))),
    "sums-of-moduli-and-of-signs": ([Z], (total(Abs(z[k]), k) * total(z[k], k), ">=", 0)),
    "lambert-is-the-exponential": (POSITIVE, (exp(LambertW(x)), "==", x)),
    "lambert-squared": (POSITIVE, (exp(2 * LambertW(x)), "==", x / LambertW(x))),
    "lambert-halved": (POSITIVE, (exp(LambertW(x) / 2), "==", x / LambertW(x) / 2)),
    "lambert-slope": (POSITIVE, (gradient(LambertW(x), x), "==", LambertW(x) / x)),
    "lambert-of-a-sum": ([x > 0, t > 0], (LambertW(x + t), "==", LambertW(x) + LambertW(t))),
    "lambert-below-one": (POSITIVE, (LambertW(x), "<=", 1)),
    "label-left-out-and-kept": (
        [Q, Y], (total((1 - KroneckerDelta(k, y)) * log((1 - KroneckerDelta(k, y)) * q[k]), k), "==",
            total(log(q[k]), k))
    ),
    "left-out-exponential": ([Y], (total((1 - KroneckerDelta(k, y)) * exp(KroneckerDelta(k, y)), k), "==", K)),
    "two-labels-meet": ([Y, I], (total(KroneckerDelta(k, y) * KroneckerDelta(k, i), k), "==", 1)),
    "product-with-an-unknown-sign": ([x > 0, x < 1, t > 0], (-log(x) * (x - t), ">=", 0)),
    "three-negative-logarithms": (OPEN, (log(x) * log(1 - x) * log(x), ">=", 0)),
    "quotients-exchanged": ([Q, R], (total(q[k] / (q[k] + r[k]), k), "==", total(r[k] / (q[k] + r[k]), k))),
    "quotients-that-cancel-to-less": ([Q, R], (total((q[k] ** 2 - r[k] ** 2) / (q[k] + r[k]), k), "==", 1)),
    # Wrong sign, lost factor, lost term, swapped arguments.
    "kl-plus-entropy": ([P, Q], (KL(p, q), "==", H(p) + CE(p, q))),
    "kl-minus-entropy-of-q": ([P, Q], (KL(p, q), "==", CE(p, q) - H(q))),
    "kl-of-q-in-the-split": ([P_POS, Q], (KL(q, p), "==", CE(p, q) - H(p))),
    "kl-as-log-of-q-over-p": ([P_POS, Q], (KL(p, q), "==", total(p[k] * log(q[k] / p[k]), k))),
    "kl-symmetric": ([P_POS, Q], (KL(p, q), "==", KL(q, p))),
    "kl-falls-when-swapped": ([P_POS, Q], (KL(p, q), "<=", KL(q, p))),
    "ce-symmetric": ([P_POS, Q], (CE(p, q), "==", CE(q, p))),
    "ce-falls-when-swapped": ([P_POS, Q], (CE(p, q), ">=", CE(q, p))),
    "kl-nonpositive": ([P, Q], (KL(p, q), "<=", 0)),
    "ce-below-entropy": ([P, Q], (CE(p, q), "<=", H(p))),
    "ce-above-entropy-of-q": ([P, Q], (CE(p, q), ">=", H(q))),
    "ce-above-log-classes": ([P, Q], (CE(p, q), ">=", log(K))),
    "ce-below-log-classes": ([P, Q], (CE(p, q), "<=", log(K))),
    "twice-the-entropy": ([P, Q], (CE(p, q), ">=", 2 * H(p))),
    "kl-triangle": ([P_POS, Q, R], (KL(p, r), "<=", KL(p, q) + KL(q, r))),
    "smoothing-exchanged": ([P, Q, *RATE], (CE(SMOOTH, q), "==", (1 - epsilon) * CE(U, q) + epsilon * CE(p, q))),
    "smoothing-ce-from-q": ([P, Q, *RATE], (CE(SMOOTH, q), "==", epsilon * CE(q, U) + (1 - epsilon) * CE(p, q))),
    "smoothing-whole-epsilon": ([P, *RATE], (total(epsilon + (1 - epsilon) * p[k], k), "==", 1)),
    "smoothing-K-minus-1": ([P, *RATE], (total(epsilon / (K - 1) + (1 - epsilon) * p[k], k), "==", 1)),
    "smoothing-lowers-entropy": ([P, *RATE], (H(SMOOTH), "<=", H(p))),
    "uniform-pull-swapped": ([Q], (CE(U, q), "==", log(K) + KL(q, U))),
    "uniform-pull-K-minus-1": ([Q], (CE(U, q), "==", log(K - 1) + KL(U, q))),
    "uniform-pull-without-K": ([Q], (CE(U, q), "==", KL(U, q))),
    "kl-to-uniform-sign": ([P], (KL(p, U), "==", log(K) + H(p))),
    "kl-to-uniform-two-ways": ([Q], (KL(q, U), "==", KL(U, q))),
    "binomial-lost-two": ([Real(x), Real(u)], ((x + u) ** 2, "==", x**2 + x * u + u**2)),
    # One-hot dropped, wrong index.
    "one-hot-needed-for-loss": ([P, Q, Y], (CE(p, q), "==", -log(q[y]))),
    "one-hot-needed-for-entropy": ([P], (H(p), "==", 0)),
    "one-hot-needed-for-kl": ([P, Q], (KL(p, q), "==", CE(p, q))),
    "one-hot-needed-for-square": ([P, I], (p[i] ** 2, "==", p[i])),
    "one-hot-at-wrong-index": ([DELTA, Q, I], (CE(p, q), "==", -log(q[i]))),
    "one-hot-product": ([DELTA, I, J], (p[i] * p[j], "==", 0)),
    "two-labels-differ": ([P, I, J], (p[i] + p[j], "<=", 1)),
    "two-deltas-add-to-one": ([I, J, L], (KroneckerDelta(i, k) + KroneckerDelta(j, k), "<=", 1)),
    "label-is-likely": ([P, Y], (p[y], ">=", 1 / K)),
    "labels-are-alike": ([P, I, J], (p[i], "==", p[j])),
    # K = 2 only, K = 3 only, small K, large K.
    "entropy-below-log-2": ([P], (H(p), "<=", log(2))),
    "entropy-below-log-K-minus-1": ([P], (H(p), "<=", log(K - 1))),
    "entropy-below-2": ([P], (H(p), "<=", 2)),  # fails from K = 8
    "entropy-below-K-over-3": ([P], (H(p), "<=", K / 3)),  # fails at K = 2 and 3
    "collision-at-least-half": ([P], (total(p[k] ** 2, k), ">=", Rational(1, 2))),  # true at K = 2
    "collision-K-minus-1": ([P], (total(p[k] ** 2, k), ">=", 1 / (K - 1))),
    "collision-is-one": ([P], (total(p[k] ** 2, k), "==", 1)),
    "gini-below-nine-tenths": ([P], (total(p[k] * (1 - p[k]), k), "<=", Rational(9, 10))),  # fails from K = 11
    "gini-of-two-classes": ([P, Y], (total(p[k] * (1 - p[k]), k), "==", 2 * p[y] * (1 - p[y]))),
    "softmax-of-two-classes": ([Z, Y], (S[y], "==", sigmoid(2 * z[y] - total(z[k], k)))),
    "square-roots-below-sqrt-2": ([P], (total(sqrt(p[k]), k), "<=", sqrt(2))),
    "log-K-above-one": ([], (log(K), ">=", 1)),  # fails at K = 2
    "log-K-line": ([], (log(K), "<=", K / 2 - Rational(1, 3))),  # fails at K = 2
    "log-K-below-three": ([], (log(K), "<=", 3)),  # fails from K = 21
    "powers-of-two": ([], (K**2, "<=", 2**K)),  # fails at K = 3
    "between-two-and-four": ([], ((K - 2) * (K - 4), ">=", 0)),  # fails at K = 3
    "between-five-and-seven": ([], ((K - 5) * (K - 7), ">=", 0)),  # fails at K = 6
    "peaked-kl-below-three": ([P], (KL(p, U), "<=", 3)),  # fails from K = 21
    # Sums: all j against j ≠ y, exchanged indices, terms of no sign, something left outside.
    "margin-over-all-classes": ([Z, Y], (S[y], "==", sigmoid(z[y] - LSE))),
    "softplus-over-all-classes": ([Z, Y], (CE(one_hot(y), S), "==", softplus(LSE - z[y]))),
    "margin-sign": ([Z, Y], (1 - S[y], "==", sigmoid(-lead(z, y)))),
    "sum-without-the-label": ([P, Y], (total((1 - KroneckerDelta(j, y)) * p[j], j), "==", 1)),
    "smoothed-mean-over-others": (
        [Z, Y, *RATE],
        (CE(smooth_labels(one_hot(y), epsilon), S), "==",
         softplus(lead(z, y)) - epsilon * total(z[j] - z[y], j) / (K - 1)),
    ),
    "double-sum-collapses": ([P, Q], (total(total(p[i] * log(q[j]), j), i), "==", total(p[i] * log(q[i]), i))),
    "double-sum-is-kl": ([P_POS, Q], (total(total(p[i] * q[j] * log(p[i] / q[j]), j), i), "==", KL(p, q))),
    "double-sum-loses-K": ([P], (total(total(p[i], j), i), "==", 1)),
    "double-sum-wrong-weight": ([P, Q, Z], (total(total(p[i] * q[j] * z[j], j), i), "==", total(p[i] * z[i], i))),
    "product-of-sums": ([P, Z], (total(p[k] * z[k], k), "==", total(p[k], k) * total(z[k], k))),
    "square-of-a-mean": ([P, Z], (total(p[k] * z[k], k) ** 2, ">=", total(p[k] * z[k] ** 2, k))),
    "square-of-a-sum": ([Z], (total(z[k], k) ** 2, "==", total(z[k] ** 2, k))),
    "trace-is-K-squared": ([], (total(total(KroneckerDelta(i, j), j), i), "==", K**2)),
    "kl-termwise": ([P_POS, Q, I], (p[i] * log(p[i] / q[i]), ">=", 0)),
    "mean-of-no-sign": ([P, Z], (total(p[k] * z[k], k), ">=", 0)),
    "score-difference": ([P, Q, Z], (total((p[k] - q[k]) * z[k], k), ">=", 0)),
    "overlap-difference": ([P, Q], (total(p[k] * (p[k] - q[k]), k), ">=", 0)),
    "entropy-difference": ([P_POS, Q], (total((p[k] - q[k]) * log(p[k]), k), ">=", 0)),
    "pinsker-too-strong": ([P, Q], (KL(p, q), ">=", total(Abs(p[k] - q[k]), k) ** 2)),
    "pinsker-501": ([P_POS, Q], (KL(p, q), ">=", Rational(501, 1000) * total(Abs(p[k] - q[k]), k) ** 2)),
    "kl-below-variation": ([P, Q], (KL(p, q), "<=", total(Abs(p[k] - q[k]), k))),
    "kl-above-chi-square": ([P, Q], (KL(p, q), ">=", total((p[k] - q[k]) ** 2 / q[k], k))),
    "kl-below-half-chi-square": ([P, Q], (KL(p, q), "<=", total((p[k] - q[k]) ** 2 / q[k], k) / 2)),
    "entropy-below-gini": ([P], (H(p), "<=", total(p[k] * (1 - p[k]), k))),
    # only near (½, ½)
    "entropy-above-gini-too-strong": ([P], (H(p), ">=", Rational(7, 5) * total(p[k] * (1 - p[k]), k))),
    "free-and-bound-index": ([P, L], (total(p[k] * p[k], k), "==", p[k])),
    # Not normalised.
    "not-normalised-sum": ([Z], (total(z[k], k), "==", 1)),
    "not-normalised-difference": ([P, Z], (total(p[k] - z[k], k), "==", 0)),
    "not-normalised-gibbs": ([Z, Q], (KL(Vector("w", lambda c: exp(z[c])), q), ">=", 0)),
    "not-normalised-target": ([P, Q], (CE(Vector("w", lambda c: 2 * p[c]), q), "==", CE(p, q))),
    "not-normalised-model": ([P, Z], (CE(p, Vector("w", lambda c: exp(z[c]))), ">=", H(p))),
    "not-normalised-product": ([P, Q], (total(p[k] * q[k], k), "==", 1)),
    # Jensen and convexity reversed.
    "jensen-of-log-reversed": ([P, Q], (-log(total(p[k] * q[k], k)), ">=", CE(p, q))),
    "jensen-of-exp-reversed": ([Z], (LSE - log(K), "<=", total(z[k], k) / K)),
    "mixture-entropy-reversed": ([P, Q], (H(mix(p, q)), "<=", (H(p) + H(q)) / 2)),
    "ce-concave-in-model": ([P, Q, R], (CE(p, mix(q, r)), ">=", (CE(p, q) + CE(p, r)) / 2)),
    "kl-concave-in-target": ([P, Q, R], (KL(mix(p, r), q), ">=", (KL(p, q) + KL(r, q)) / 2)),
    "am-gm-reversed": ([x > 0, u > 0], (sqrt(x * u), ">=", (x + u) / 2)),
    # Gradients: sign, missing δ, missing term, index captured by the bound one.
    "softmax-gradient-sign": ([P, Z, I], (gradient(CE(p, S), z[i]), "==", p[i] - S[i])),
    "softmax-gradient-no-delta": ([Z, Y, I], (gradient(CE(one_hot(y), S), z[i]), "==", S[i])),
    "softmax-gradient-uniform": ([P, Z, I], (gradient(CE(p, S), z[i]), "==", S[i] - 1 / K)),
    "softmax-jacobian-no-delta": ([Z, Y, I], (gradient(S[y], z[i]), "==", S[y] * (1 - S[i]))),
    "softmax-jacobian-diagonal-only": ([Z, Y, I],
        (gradient(S[y], z[i]), "==", KroneckerDelta(i, y) * S[y] * (1 - S[y]))),
    "smoothed-gradient-unsmoothed": ([P, Z, I, *RATE], (gradient(CE(SMOOTH, S), z[i]), "==", S[i] - p[i])),
    "lse-gradient-unnormalised": ([Z, I], (gradient(LSE, z[i]), "==", exp(z[i]))),
    "ce-gradient-sign": ([P, Q, I], (gradient(CE(p, q), q[i]), "==", p[i] / q[i])),
    "ce-gradient-lost-weight": ([P, Q, I], (gradient(CE(p, q), q[i]), "==", -1 / q[i])),
    "entropy-gradient-lost-one": ([P_POS, I], (gradient(H(p), p[i]), "==", -log(p[i]))),
    "entropy-gradient-captured": ([P_POS, L], (gradient(H(p), p[k]), "==", -total(log(p[k]) + 1, k))),
    "softmax-gradient-captured": ([Z, J], (gradient(log(total(exp(z[j]), j)), z[j]), "==", 1)),
    "sum-gradient-counts-all": ([Z, I], (gradient(total(z[k], k), z[i]), "==", K)),
    "softplus-curvature": ([Real(x)], (gradient(gradient(softplus(x), x), x), "==", sigmoid(x) ** 2)),
    "power-gradient-exponent": ([x > 0, gamma >= 1], (gradient(x**gamma, x), "==", gamma * x**gamma)),
    "focal-gradient-second-term": (
        [Real(s), gamma >= 0],
        (gradient(sigmoid(s) ** gamma * softplus(s), s), "==", sigmoid(s) ** gamma * sigmoid(s)),
    ),
    # Bernoulli and the focal loss.
    "bernoulli-small-gamma": ([*CLOSED, gamma > 0, gamma < 1], ((1 - x) ** gamma, ">=", 1 - gamma * x)),
    "bernoulli-reversed": ([*CLOSED, gamma >= 1], ((1 - x) ** gamma, "<=", 1 - gamma * x)),
    "bernoulli-half-gamma": ([*CLOSED, gamma >= 1], ((1 - x) ** gamma, ">=", 1 - gamma * x / 2)),
    "bernoulli-999": ([*CLOSED, gamma >= 1], ((1 - x) ** gamma, ">=", 1 - Rational(999, 1000) * gamma * x)),
    "bernoulli-just-below-one": ([*OPEN, gamma >= Rational(99, 100)], ((1 - x) ** gamma, ">=", 1 - gamma * x)),
    "bernoulli-linear-only": ([*CLOSED, gamma >= 1], ((1 - x) ** gamma, "==", 1 - gamma * x)),
    "power-below-line": ([*CLOSED, gamma > 0], ((1 - x) ** gamma, "<=", 1 - x)),
    "power-at-zero": ([*CLOSED, gamma > 0, gamma <= 1], (x**gamma, "<=", 2 * x)),
    "power-lipschitz": (
        [*CLOSED, u >= 0, u <= 1, gamma > 0, gamma <= 1], (Abs(x**gamma - u**gamma), "<=", gamma * Abs(x - u))
    ),
    "power-above-line": ([*CLOSED, gamma >= 1], (x**gamma, ">=", gamma * x - 1)),
    "focal-above-ce": ([P, Q, gamma >= 1], (focal(p, q), ">=", CE(p, q))),
    "focal-below-entropy": ([P, Q, gamma >= 1], (focal(p, q), "<=", H(q))),
    "focal-bound-half": ([DELTA, Q, gamma >= 1], (focal(p, q), ">=", CE(p, q) - gamma / 2 * H(q))),
    "focal-bound-plus": ([DELTA, Q, gamma >= 1], (focal(p, q), ">=", CE(p, q) + gamma * H(q))),
    "focal-factor-below-one": (
        [*OPEN, gamma >= 1], ((1 - x) ** gamma - gamma * x * (1 - x) ** (gamma - 1) * log(x), "<=", 1)
    ),
    "focal-factor-above-one": (
        [*OPEN, gamma >= 1], ((1 - x) ** gamma - gamma * x * (1 - x) ** (gamma - 1) * log(x), ">=", 1)
    ),
    # True on a part of the domain only, or near one point.
    "sinh-below": ([x >= 0], (sinh(x), "<=", x)),
    "tanh-cubic": ([x >= 0], (tanh(x), "<=", x - x**3 / 3)),
    "cosh-quadratic": ([Real(x)], (cosh(x), ">=", 1 + x**2)),
    "exp-quadratic": ([Real(x)], (exp(x), ">=", 1 + x + x**2 / 2)),
    # only on (1, 1.01)
    "log-quadratic-past-one": ([x > 0, x < Rational(101, 100)], (log(x), "<=", x - 1 - (x - 1) ** 2 / 2)),
    "log-above-tangent": ([x > 0], (log(x), ">=", x - 1)),
    "log-half-tangent": ([x > 0], (log(x), "<=", (x - 1) / 2)),
    "binary-entropy-near-half": (OPEN,
        (BINARY, ">=", log(2) - 2 * (x - Rational(1, 2)) ** 2 - 2 * (x - Rational(1, 2)) ** 4)),
    "binary-entropy-to-the-last-hundredth": (
        OPEN, (BINARY, ">=", log(2) - 2 * (x - Rational(1, 2)) ** 2 - Rational(68, 25) * (x - Rational(1, 2)) ** 4)
    ),
    "binary-entropy-parabola": (OPEN, (BINARY, "<=", 4 * log(2) * x * (1 - x))),
    "log-entropy-four-fifths": (OPEN, (log(x) * log(1 - x), "<=", Rational(4, 5) * BINARY)),  # only near 0 and 1
    # only within 1e-4 of them
    "log-entropy-nine-tenths": (OPEN, (log(x) * log(1 - x), "<=", Rational(9, 10) * BINARY)),
    "log-entropy-less-1e-3": (OPEN, (log(x) * log(1 - x), "<=", BINARY - Rational(1, 1000))),  # only near 0 and 1
    "log-entropy-reversed": (OPEN, (log(x) * log(1 - x), ">=", BINARY)),
    "square-below-half": (CLOSED, (x**2, "<=", x / 2)),
    "last-thousandth": (CLOSED, (x, "<=", Rational(999, 1000))),
    "first-thousandth": (OPEN, (x**2, ">=", x / 1000)),
    # A sliver in the middle.
    "sliver-at-half": (CLOSED, (x * (1 - x), "<=", Rational(1, 4) - TINY)),
    "sliver-at-third": (OPEN, (x**2 + Rational(1, 9), ">=", 2 * x / 3 + TINY)),
    "sliver-at-third-abs": (OPEN, (Abs(x - Rational(1, 3)), ">=", Rational(1, 1000))),
    "sliver-at-root": (OPEN, (x**3 - x + Rational(3849, 10000), ">=", 0)),  # at 1/√3, by 2e-7
    "sliver-of-log": ([x > 0], (log(x), "<=", x - 1 - TINY)),
    "sliver-of-exp": ([Real(x)], (exp(x), ">=", 1 + x + TINY)),
    "sliver-of-am-gm": ([x > 0, u > 0], (x**2 + u**2, ">=", Rational(2001, 1000) * x * u)),
    "sliver-of-entropy": ([P], (H(p), "<=", log(K) - Rational(1, 1000))),
    "sliver-of-entropy-relative": ([P], (H(p), "<=", log(K) * (1 - TINY))),
    "sliver-of-gibbs": ([P_POS, Q], (KL(p, q), ">=", TINY)),
    # Identities off by 1e-3 and by 1e-6.
    "kl-split-999": ([P, Q], (KL(p, q), "==", CE(p, q) - Rational(999, 1000) * H(p))),
    "kl-split-millionth": ([P, Q], (KL(p, q), "==", CE(p, q) - (1 - TINY) * H(p))),
    "sigmoid-pair-millionth": ([Real(x)], (sigmoid(x) + sigmoid(-x), "==", 1 + TINY)),
    "softplus-pair-thousandth": ([Real(x)], (softplus(x) - softplus(-x), "==", Rational(1001, 1000) * x)),
    "softmax-sum-millionth": ([Z], (total(S[k], k), "==", 1 - TINY)),
    "uniform-entropy-millionth": ([], (H(U), "==", log(K) - TINY)),
    "softmax-gradient-millionth": ([P, Z, I], (gradient(CE(p, S), z[i]), "==", (1 + TINY) * S[i] - p[i])),
    "float-rounding": ([Real(x)], (x * (1 + Rational(1, 10**12)), "==", x)),
    # Poles, jumps, kinks, logarithms of what goes through zero, roots.
    "pole-against-tangent": (OPEN, (1 / (x - Rational(1, 2)) ** 2, ">=", 16 + 128 * (x - Rational(1, 4)))),
    "pole-changes-sign": (OPEN, (1 / (Rational(1, 2) - x), ">=", 4 + 16 * (x - Rational(1, 4)))),
    "log-pole-against-tangent": (OPEN, (-log(Abs(x - Rational(1, 2))), ">=", log(4) + 4 * (x - Rational(1, 4)))),
    "pole-of-no-sign": ([Real(x)], (1 / (1 + x), ">=", 1 - x)),
    "jump-of-sign": (OPEN, (Abs(x - Rational(1, 2)) / (x - Rational(1, 2)), "==", -1)),
    "kink-against-tangent": (OPEN, (-Abs(x - Rational(1, 2)), ">=", x - Rational(1, 2))),
    "kink-is-straight": (OPEN, (Abs(x - Rational(1, 2)), "==", Rational(1, 2) - x)),
    "kink-slope": (OPEN, (gradient(Abs(x - Rational(1, 2)), x), "==", -1)),
    "abs-is-identity": ([Real(x)], (Abs(x), "==", x)),
    "abs-additive": ([Real(x), Real(u)], (Abs(x + u), "==", Abs(x) + Abs(u))),
    "abs-reverse-triangle": ([Real(x), Real(u)], (Abs(x + u), ">=", Abs(x) + Abs(u))),
    "abs-of-a-sum": ([Z], (Abs(total(z[k], k)), "==", total(Abs(z[k]), k))),
    "log-through-zero": (OPEN, (log(Abs(1 - 2 * x)), "<=", -2 * x)),
    "log-where-defined": (OPEN, (log(1 - 2 * x), ">=", -2 * x)),
    "root-of-square": ([Real(x)], (sqrt(x**2), "==", x)),
    "root-of-sum": ([x >= 0, u >= 0], (sqrt(x + u), "==", sqrt(x) + sqrt(u))),
    "log-of-sum": ([x > 0, u > 0], (log(x + u), "==", log(x) + log(u))),
    "log-of-power-outside": ([x > 0, gamma >= 1], (log(x) ** gamma, "==", gamma * log(x))),
    "exp-of-product": ([Real(x), Real(u)], (exp(x * u), "==", exp(x) * exp(u))),
    # The data set.
    "dataset-sum-for-mean": (DATA,
        (dataset_loss(conditional), "==", -total(log(conditional[inputs[n], labels[n]]), n, N))),
    "dataset-mean-over-classes": (
        DATA, (dataset_loss(conditional), "==", -total(log(conditional[inputs[n], labels[n]]), n, N) / K)
    ),
    "dataset-times-N": (DATA, (dataset_loss(conditional), "==", N * empirical_cross_entropy(conditional))),
    "dataset-over-M": (DATA, (dataset_loss(conditional), "==", empirical_cross_entropy(conditional) / M)),
    "dataset-marginal-is-one": ([*DATA[:2], Label(a, M)], (total(empirical(a, k), k), "==", 1)),
    "dataset-total-is-N": (DATA[:2], (total(total(empirical(a, k), k), a, M), "==", N)),
    "dataset-jensen-reversed": (
        DATA, (dataset_loss(conditional), "<=", -log(total(conditional[inputs[n], labels[n]], n, N) / N))
    ),
    "dataset-gradient-lost-mean": (
        [*SCORES, Label(i, N), J],
        (gradient(total(log(total(exp(scores[n, k]), k)) - scores[n, labels[n]], n, N) / N, scores[i, j]), "==",
         exp(scores[i, j]) / total(exp(scores[i, k]), k) - KroneckerDelta(labels[i], j)),
    ),
    "dataset-sum-exchanged": (
        SCORES,
        (total(log(total(exp(scores[n, k]), k)), n, N), "==", log(total(total(exp(scores[n, k]), n, N), k))),
    ),
    # The same index twice, counts of labels, indices that depend on the index.
    "kl-summed-over-its-own-index": ([P_POS, Q], (total(KL(p, q), k), "==", KL(p, q))),
    "ones-summed-twice-over-one-index": ([P], (total(total(p[k], k), k), "==", 1)),
    "observations-summed-twice-over-one-index": ([], (total(total(1, n, N), n, N), "==", N)),
    "label-counts-squared": ([Label(labels)], (total(COUNT[k] ** 2, k), ">=", N**2)),
    "label-share-collision": ([Label(labels)], (total((COUNT[k] / N) ** 2, k), ">=", 1)),
    "gradient-of-picked-logits": (
        [Label(labels), Z], (total(gradient(total(z[labels[n]], n, N), z[i]) ** 2, i), ">=", N**2)
    ),
    "share-of-a-group": (
        [P, Q, Label(GROUP, M), Label(a, M)],
        (total(KroneckerDelta(GROUP[k], a) * p[k], k), "==", total(KroneckerDelta(GROUP[k], a) * q[k], k)),
    ),
    "fixed-points": ([Label(GROUP)], (total(KroneckerDelta(k, GROUP[k]), k), "==", 1)),
    "sum-across-rows": ([Distribution(conditional), Label(GROUP, M)], (total(conditional[GROUP[k], k], k), "==", 1)),
    # A maximum norm whose vector depends on the index of a sum is another one for each term.
    "norms-of-all-labels": ([], (total(maximum_norm(one_hot(k)), k), "==", 1)),
    "norms-of-all-labels-below": ([], (total(maximum_norm(one_hot(k)), k), "<=", 1)),
    "norms-of-what-labels-leave": (
        [], (total(maximum_norm(Vector("v", lambda c: KroneckerDelta(c, k) - 1)), k), "<=", K - 1)
    ),
    "norm-of-scores-row-by-row": (
        [Real(scores)],
        (total(maximum_norm(Vector("s", lambda c: scores[n, c])), n, N), "<=",
         total(total(Abs(scores[n, k]), n, N), k) / K),
    ),
    "norms-of-shifted-labels": (
        [P], (total(maximum_norm(Vector("v", lambda c: p[c] * KroneckerDelta(c, k))), k), "<=", maximum_norm(p))
    ),
    # Powers and logarithms near the ends, entries of two distributions, labels that coincide.
    "power-of-an-entry": ([P, Q, I], (p[i] ** q[i], ">=", q[i] ** p[i])),
    "power-of-an-entry-above": ([P, Q, I], (p[i] ** q[i], ">=", p[i] + q[i])),
    "self-power": ([x > 0], (x**x, ">=", Rational(7, 10))),  # at 1/e it is 0.692
    "self-power-of-an-entry": ([Q, I], (q[i] ** q[i], ">=", Rational(7, 10))),
    "root-times-logarithm": ([x >= 0], (sqrt(x) * log(x), ">=", Rational(-7, 10))),  # at exp(-2) it is -2/e
    "square-times-logarithm": ([x >= 0], (x**2 * log(x), ">=", Rational(-9, 50))),  # at exp(-1/2) it is -1/(2e)
    "exclusive-labels": ([I, J, L], (KroneckerDelta(i, j) * (1 - KroneckerDelta(j, k)), "==", 0)),
    "three-labels-in-two-classes": (
        [I, J, L], ((1 - KroneckerDelta(i, j)) * (1 - KroneckerDelta(j, k)) * (1 - KroneckerDelta(i, k)), "==", 0)
    ),  # from K = 3
    "power-of-a-coincidence": (
        [I, J, gamma > 0, Q], (q[i] ** (gamma + KroneckerDelta(i, j)), ">=", q[j] ** (gamma + 1))
    ),
    "product-of-sums-of-no-sign": ([*OPEN, Z, P, I, J], ((x + z[i]) * (p[j] + z[i]), ">=", 0)),
    "logarithm-of-a-dot-product": ([P, Q], (log(total(p[k] * q[k], k)), ">=", -log(K))),
    "dot-product-below-collision": ([P, Q], (total(p[k] * q[k], k), "<=", total(q[k] ** 2, k))),
    "norm-times-classes-below": ([P], (K * maximum_norm(p), "<=", 1)),
    "log-mean-exp-reversed": ([Z], (LSE, "<=", log(K) + total(z[k], k) / K)),
    "tempered-softmax-sum": (
        [Z, Real(beta)], (total(softmax(Vector("b", lambda c: beta * z[c]))[k], k), "==", beta)
    ),
    "tempered-softmax-at-a-label": (
        [Z, Real(beta), Y], (log(softmax(Vector("b", lambda c: beta * z[c]))[y]), "==", beta * log(S[y]))
    ),
    # Labels that coincide by way of others, and what a map of classes picks.
    "two-of-three-labels-coincide": (
        [I, J, L], (KroneckerDelta(i, j) + KroneckerDelta(j, k) + KroneckerDelta(i, k), ">=", 1)
    ),
    "at-most-two-labels-coincide": (
        [I, J, L], (KroneckerDelta(i, j) + KroneckerDelta(j, k) + KroneckerDelta(i, k), "<=", 1)
    ),
    "not-coinciding-is-transitive": (
        [I, J, L], ((1 - KroneckerDelta(i, j)) * (1 - KroneckerDelta(j, k)), "<=", 1 - KroneckerDelta(i, k))
    ),
    "same-label-same-scores": (
        [Real(scores), Label(labels), Label(n, N), Label(i, N), J],
        (KroneckerDelta(labels[n], labels[i]) * (scores[n, j] - scores[i, j]), "==", 0)
    ),
    "group-of-a-group": ([Label(GROUP), Y, I, Z], (KroneckerDelta(GROUP[y], i) * (z[GROUP[i]] - z[GROUP[y]]), "==", 0)),
    "different-classes-different-groups": (
        [Label(GROUP), Y, I], ((1 - KroneckerDelta(y, i)) * KroneckerDelta(GROUP[y], GROUP[i]), "==", 0)
    ),
    "alone-in-its-group": ([Label(GROUP), Y], (total(KroneckerDelta(GROUP[k], GROUP[y]), k), "==", 1)),
    "group-there-and-back": ([Label(GROUP), Y, Z], (total(KroneckerDelta(GROUP[k], y) * z[k], k), "==", z[GROUP[y]])),
    # Sums in sums, functions that nearly split, moduli, numbers, slopes at labels.
    "sum-over-inputs": ([Distribution(conditional), J], (total(conditional[a, j], a, M), "<=", 1)),
    "two-inner-sums-over-one-index": (
        [P, Q, Z],
        (total(total(p[k] * z[j], j) * total(q[k] * z[j], j), k), "==", total(p[k] * q[k], k) * total(z[j] ** 2, j))
    ),
    "which-of-two-indices": (
        [P, Z],
        (total(total(p[i] * z[j] * exp(z[i] * z[j]), j), i), "==", total(total(p[i] * z[i] * exp(z[i] * z[j]), j), i))
    ),
    "lamberts-multiplied": ([x > 0, t > 0], (exp(LambertW(x) + LambertW(t)), "==", x * t)),
    "lambert-doubled": (POSITIVE, (LambertW(2 * x), ">=", 2 * LambertW(x))),
    "modulus-in-a-modulus": ([Real(x)], (Abs(Abs(x) - 1), "==", Abs(x - 1))),
    "modulus-of-a-moved-sum": ([Z, Real(x)], (Abs(total(z[k], k) + x), ">=", Abs(total(z[k], k)) - x)),
    "two-powers-below-one": ([*OPEN, gamma > 0], (x**gamma + (1 - x) ** gamma, "<=", 1)),
    "product-of-two-above-one": ([x > 0, u > 0], (log(1 + x) + log(1 + u), ">=", log(1 + x + u) + log(1 + x * u))),
    "log-three-in-log-two": ([], (1000000 * log(3), ">=", 1584963 * log(2))),
    "past-an-irrational-end": ([x >= -sqrt(2), x <= sqrt(2)], (x**3, ">=", -2 * x)),
    "harmonic-overlap": ([Q, R], (total(q[k] * r[k] / (q[k] + r[k]), k), "==", HALF)),
    "square-of-the-norm-above-collision": ([P], (maximum_norm(p) ** 2, ">=", total(p[k] ** 2, k))),
    "norm-and-the-rest": ([P, Y], (maximum_norm(p), ">=", 1 - p[y])),
    "mixed-slope-of-a-product": ([Z, I, J], (Derivative(z[i] * z[j], z[i], z[j]), "==", 1)),
    "sum-of-exponentials-above-two": ([Z, I, J], (total(exp(z[k]), k), ">=", exp(z[i]) + exp(z[j]))),
    # Of the other objectives, and at the seams of the rules on sums, products, powers and labels.
    "chi-square-below-twice-the-divergence": ([P, Q], (total((p[k] - q[k]) ** 2 / q[k], k), "<=", 2 * KL(p, q))),
    "divergence-below-the-squares": ([P, Q], (KL(p, q), "<=", total((p[k] - q[k]) ** 2, k))),
    "divergence-from-the-middle": ([P, Q], (KL(p, mix(p, q)), ">=", KL(p, q) / 4)),
    "divergence-from-the-middle-is-half": ([P, Q], (KL(p, mix(p, q)), "==", KL(p, q) / 2)),
    "power-sum-below-uniform": ([P, gamma >= 1], (total(p[k] ** gamma, k), "<=", K ** (1 - gamma))),
    "power-sum-above-uniform": ([P_POS, gamma > 0], (total(p[k] ** gamma, k), ">=", K ** (1 - gamma))),
    "smoothing-is-linear-in-entropy": ([P, *RATE], (H(SMOOTH), "==", epsilon * log(K) + (1 - epsilon) * H(p))),
    "softmax-collision-of-uniform": ([Z], (K * total(S[k] ** 2, k), "<=", 1)),
    "two-labels-never-agree": ([P, Y, I], (total(KroneckerDelta(k, y) * (1 - KroneckerDelta(k, i)), k), "==", 1)),
    "pairs-on-the-diagonal": (
        [P], (total(total(KroneckerDelta(i, j) * p[i] * p[j], i), j), "==", total(p[k], k) ** 2)
    ),
    "power-of-a-modulus": ([Real(x), gamma >= 1], (Abs(x) ** gamma, ">=", Abs(x))),
    "two-factors-below-one": ([x >= 0, t >= 0], ((x - 1) * (t - 1), "<=", 0)),
    "soft-below-its-tangent": ([Real(x)], (softplus(x), "<=", x / 2 + log(2))),
    "sigmoid-below-its-tangent": ([Real(x)], (sigmoid(x), "<=", HALF + x / 4)),
    "squares-below-their-mean": ([P, Z], (total(p[k] * z[k] ** 2, k), "<=", MEAN**2)),
    "squares-of-a-sum-of-weights": ([Real(ANY)], (total(ANY[k], k) ** 2, "<=", total(ANY[k] ** 2, k))),
    "slope-of-squares-at-a-label": ([P, I, Y], (gradient(total(p[k] ** 2, k), p[i]), "==", 2 * p[y])),
    "focal-of-the-target-is-least": ([P_POS, Q, gamma >= 0], (focal(p, q), ">=", focal(p, p))),
    "a-mixture-is-bolder": ([P, Q, I], (mix(p, q)[i], ">=", p[i])),
    # A modulus that holds a sum, within a sum or a norm: it is its inside for some terms, the negative for others.
    "deviations-vanish": ([Z], (total(Abs(K * z[k] - total(z[j], j)), k), "<=", 0)),
    "deviations-from-the-mean-vanish": ([Z, P], (total(p[k] * Abs(z[k] - MEAN), k), "<=", 0)),
    "deviations-are-the-modulus-of-their-sum": (
        [Z, P], (total(p[k] * Abs(z[k] - MEAN), k), "<=", Abs(total(p[k] * (z[k] - MEAN), k)))
    ),
    "distributions-do-not-deviate": ([P, Q], (total(Abs(p[k] - q[k] * total(p[j], j)), k), "<=", 0)),
    "entries-do-not-deviate": ([P, Q], (total(q[k] * Abs(p[k] - total(q[j] * p[j], j)), k), "<=", 0)),
    "deviations-in-each-row-vanish": (
        [Real(scores)], (total(total(Abs(K * scores[n, k] - total(scores[n, j], j)), k), n, N), "<=", 0)
    ),
    "square-of-a-sum-of-rows": (
        [Real(scores)],
        (total(total(scores[n, k], k), n, N) ** 2, ">=", total(Abs(total(scores[n, k], k)), n, N) ** 2),
    ),
    "product-with-a-deviation": (
        [Z], (total(Abs(K * z[k] - total(z[j], j)) * (K * z[k] - total(z[j], j)), k), ">=", 0)
    ),
    "norm-of-deviations-and-moduli": (
        [Z],
        (maximum_norm(Vector("v", lambda c: Abs(z[c] - total(z[j], j)) + z[c] - total(z[j], j))), "<=", 0),
    ),
    "modulus-of-a-modulus-of-a-sum": ([Z], (Abs(Abs(total(z[k], k)) - 1), ">=", Abs(total(z[k], k) - 1))),
    "modulus-of-a-sum-is-the-sum": ([Z], (Abs(total(z[k], k)) ** 2, "==", Abs(total(z[k], k)) * total(z[k], k))),
    # Labels that coincide or do not, under a modulus; logarithms of other sizes; numbers that nearly agree.
    "triangle-by-coincidences": (
        [I, J, L, Z],
        (Abs(z[i] - z[k]), "<=",
         (1 - KroneckerDelta(i, j)) * Abs(z[i] - z[j]) + KroneckerDelta(j, k) * Abs(z[j] - z[k])),
    ),
    "two-logarithms-above-one": ([x > 0, u > 0], (2 * log(1 + u), ">=", log(1 + x))),
    "observation-twice": ([Real(WEIGHTS), Label(n, N)], (total(exp(WEIGHTS[i]), i, N), ">=", 2 * exp(WEIGHTS[n]))),
})  # fmt: skip


FALSE_EQUALITY = claims({
    # Equality elsewhere too.
    "two-zeros": ([Real(x)], (x**2 * (x - 1) ** 2, ">=", 0), {x: 0}),
    "two-ends": (CLOSED, (x * (1 - x), ">=", 0), {x: 0}),
    "abs-and-itself": ([Real(x)], (Abs(x), ">=", x), {x: 0}),
    "whole-diagonal": ([Real(x), Real(u)], ((x - u) ** 2, ">=", 0), {x: 0}),
    "bernoulli-at-gamma-one": ([*CLOSED, gamma >= 1], ((1 - x) ** gamma, ">=", 1 - gamma * x), {x: 0}),
    "focal-weight-of-a-sure-model": ([x > 0, x <= 1, gamma >= 0], (-((1 - x) ** gamma) * log(x), "<=", -log(x)),
        {gamma: 0}),
    "entropy-zero-at-one-label": ([P, Y], (H(p), ">=", 0), {p: one_hot(y)}),
    "collision-at-one-label": ([P, Y], (total(p[k] ** 2, k), "<=", 1), {p: one_hot(y)}),
    "log-mean-exp-of-constants": ([Z], (LSE, ">=", log(K) + total(z[k], k) / K), {z: Vector("0", lambda c: 0)}),
    "jensen-of-flat-models": ([P, Q], (CE(p, q), ">=", -log(total(p[k] * q[k], k))), {q: U}),
    "one-entry-of-kl": ([Q, Y], (CE(one_hot(y), q), ">=", 1 - q[y]), {q: U}),
    "even-kinks": ([Real(x)], (Abs(Abs(x) - 1), ">=", 0), {x: 1}),
    "weights-that-vanish": ([P, Q, R], (total(p[k] * (q[k] - r[k]) ** 2, k), ">=", 0), {q: r}),  # from K = 3
    "logits-up-to-a-shift": ([Z], (KL(U, S), ">=", 0), {z: Vector("0", lambda c: 0)}),
    "free-scalar": ([P_POS, Q, u >= 0], (u * KL(p, q), ">=", 0), {q: p}),
    # Equality not there.
    "gibbs-at-uniform": ([P, Q], (KL(p, q), ">=", 0), {q: U}),
    "ce-least-at-uniform": ([P, Q], (CE(p, q), ">=", H(p)), {q: U}),
    "entropy-greatest-at-a-label": ([P, Y], (H(p), "<=", log(K)), {p: one_hot(y)}),
    "smoothed-optimum-unsmoothed": ([P_POS, Q, *RATE], (CE(SMOOTH, q), ">=", H(SMOOTH)), {q: p}),
    "exp-at-wrong-point": ([Real(x)], (exp(x), ">=", 1 + x), {x: 1}),
    "exp-never": ([Real(x)], (exp(x), ">=", x), {x: 0}),
    "log-entropy-never": (OPEN, (log(x) * log(1 - x), "<=", BINARY), {x: Rational(1, 2)}),
    "nearly-a-third": ([Real(x)], ((x - Rational(1, 3)) ** 2, ">=", 0), {x: Rational(333, 1000)}),
    "nearly-a-third-millionth": ([Real(x)], ((x - Rational(1, 3)) ** 2, ">=", 0), {x: Rational(333333, 10**6)}),
    "logsumexp-never": ([Z, Y], (LSE, ">=", z[y]), {z: Vector("0", lambda c: 0)}),
    "jensen-at-the-target": ([P_POS, Q], (CE(p, q), ">=", -log(total(p[k] * q[k], k))), {q: p}),
    "root-and-its-conjugate": ([Real(x)], ((x**2 - 2) ** 2, ">=", 0), {x: sqrt(2)}),
    "square-of-an-entry": ([Z, I], (z[i] ** 2, ">=", 0), {z: Vector("0", lambda c: 0)}),
    "norm-of-a-label": ([P, Y], (maximum_norm(p), "<=", 1), {p: one_hot(y)}),
    "place-outside-the-domain": ([x > 0], (x**2, ">=", 0), {x: 0}),
})  # fmt: skip


_UNDER_FALSE = claims({
    "power-of-a-loss-past-one": ([x > 0, x < 2, gamma >= 0], ((1 - x) ** gamma, ">=", 0)),
    "bernoulli-any-gamma": ([*OPEN, gamma > 0], ((1 - x) ** gamma, ">=", 1 - gamma * x)),
    "power-tangent-any-gamma": ([x > 0, gamma >= 0], (x**gamma, ">=", 1 + gamma * (x - 1))),
    "gibbs-model-not-normalised": ([P, Real(q)], (KL(p, q), ">=", 0)),
    "gibbs-target-not-normalised": ([Real(p), Q], (KL(p, q), ">=", 0)),
    "max-entropy-not-normalised": ([Real(p)], (H(p), "<=", log(K))),
    "entropy-nonnegative-not-normalised": ([Real(p)], (H(p), ">=", 0)),
    "ce-nonnegative-model-not-normalised": ([P, Real(q)], (CE(p, q), ">=", 0)),
    "collision-not-normalised": ([Real(p)], (total(p[k] ** 2, k), "<=", 1)),
    "collision-at-least-not-normalised": ([Real(p)], (total(p[k] ** 2, k), ">=", 1 / K)),
    "gini-not-normalised": ([Real(p)], (total(p[k] * (1 - p[k]), k), "==", 1 - total(p[k] ** 2, k))),
    "variational-not-normalised": ([Real(p), Z], (total(p[k] * z[k], k), "<=", LSE)),
    "one-hot-loss-soft": ([P, Q, Y], (CE(p, q), ">=", -log(q[y]))),
    "softmax-gradient-not-normalised": ([Real(p), Z, I], (gradient(CE(p, S), z[i]), "==", S[i] - p[i])),
    "smoothing-epsilon-above-one": ([P, I, epsilon >= 0], (SMOOTH[i], ">=", 0)),
    "smoothing-epsilon-just-above-one": ([P, I, epsilon >= 0, epsilon <= Rational(201, 100)], (SMOOTH[i], ">=", 0)),
    "smoothing-epsilon-negative": ([P, I, epsilon <= 1], (SMOOTH[i], "<=", 1)),
    "focal-below-ce-any-gamma": ([P, Q, Real(gamma)], (focal(p, q), "<=", CE(p, q))),
    "sinh-any-sign": ([Real(x)], (sinh(x), ">=", x)),
    "tanh-any-sign": ([Real(x)], (tanh(x), "<=", x)),
    "square-past-one": ([x >= 0], (x**2, "<=", x)),
    "square-just-past-one": ([x >= 0, x <= Rational(1001, 1000)], (x**2, "<=", x)),
    "root-of-a-square-any-sign": ([x >= -1], (sqrt(x**2), "==", x)),
    "inverse-and-itself": ([Real(x)], (x + 1 / x, ">=", 2)),
    "exp-below-inverse": ([Real(x)], (exp(-x), "<=", 1 / (1 + x))),
    "cubic-any-sign": ([Real(x)], (x**3 + 2, ">=", 3 * x)),
    "power-of-fraction-any-gamma": ([x > 0, x < 1, Real(gamma)], (x**gamma, "<=", 1)),
    "abs-dropped": ([x >= Rational(-1, 100)], (Abs(x), "<=", x)),
})  # fmt: skip

_UNDER_UNDEFINED = claims({
    "inverse-power-of-an-entry": ([P, I, gamma >= 1], (p[i] ** (-gamma), ">=", 1)),
    "ratio-of-logs": ([x > 0, x <= 1], (log(x**2) / log(x), "==", 2)),
    "odds-of-a-sure-model": ([x >= 0, x <= 1], (x / (1 - x), ">=", x)),
    "log-of-a-difference-of-entries": ([P, I, J], ((p[i] - p[j]) * log(p[i] - p[j]), ">=", -1)),
    "log-odds-of-a-label": ([P, Y], (p[y] * log(p[y] / (1 - p[y])), ">=", p[y] * log(p[y]))),
    "log-any-sign": ([Real(x)], (log(x), "<=", x - 1)),
    "log-of-one-plus": ([Real(x)], (log(1 + x), "<=", x)),
    "log-of-square": ([Real(x)], (log(x**2), "==", 2 * log(x))),
    "log-of-product": ([Real(x), Real(u)], (log(x * u), "==", log(x) + log(u))),
    "log-of-ratio": ([P, Real(q)], (KL(p, q), "==", CE(p, q) - H(p))),
    "kl-split-model-zero": ([P, Distribution(q)], (KL(p, q), "==", CE(p, q) - H(p))),
    "gibbs-model-zero": ([P, Distribution(q)], (KL(p, q), ">=", 0)),
    "ce-nonnegative-model-zero": ([P, Distribution(q)], (CE(p, q), ">=", 0)),
    "root-of-product": ([Real(x), Real(u)], (sqrt(x * u), "==", sqrt(x) * sqrt(u))),
    "root-any-sign": ([Real(x)], (sqrt(x), ">=", 0)),
    "bernoulli-past-one": ([x >= 0, x <= Rational(3, 2), gamma >= 1], ((1 - x) ** gamma, ">=", 1 - gamma * x)),
    "power-sum-any-sign": ([Real(x), Real(gamma)], (x**gamma * x, "==", x ** (gamma + 1))),
    "common-factor": ([Real(x)], ((x**2 - 1) / (x - 1), "==", x + 1)),  # a hole at 1
    "ratio-nonnegative": ([x >= 0, u >= 0], (x / u, ">=", 0)),
    "log-one-minus-past-one": ([x > 0, x < 2], (log(1 - x), "<=", -x)),
    "log-entropy-past-one": ([x > 0, x < 2], (log(x) * log(1 - x), "<=", BINARY)),
    "chi-square-model-zero": ([P, Distribution(q)], (total((p[k] - q[k]) ** 2 / q[k], k), ">=", 0)),
    "derivative-at-kink": ([Real(x)], (gradient(Abs(x), x) * x, "==", Abs(x))),  # none at 0
    # The weight of a logarithm may be negative; a derivative forgets where its function is defined.
    "x-log-x-any-sign": ([Real(x)], (x * (log(x) + 1), "==", x * log(x) + x)),
    "x-log-x-negative": ([x <= 0], (x * (log(x) + 1), "==", x * log(x) + x)),
    "kl-split-target-any-sign": ([Real(p), Q], (KL(p, q), "==", CE(p, q) - H(p))),
    "difference-times-its-log": (
        [P, Q], (total((p[k] - q[k]) * (log(p[k] - q[k]) + 1), k), "==", total((p[k] - q[k]) * log(p[k] - q[k]), k))
    ),
    # At q_i = 1, or with the weight of another.
    "log-one-minus-an-entry": ([Distribution(q), I], (log(1 - q[i]), "<=", 0)),
    "log-of-an-entry-weighted-by-the-rest": ([Distribution(q), I], ((1 - q[i]) * log(q[i]), "<=", 0)),
    "log-of-the-rest-weighted-by-the-entry": ([Distribution(q), I], (q[i] * log(1 - q[i]), "<=", 0)),
    "log-of-both-weighted-by-one": ([Distribution(q), I], ((1 - q[i]) * log((1 - q[i]) * q[i]), "<=", 0)),
    "log-of-what-two-leave": (
        [Distribution(q), I, Label(j)], ((1 - q[i] - q[j]) * log(1 - q[i] - q[j]), "<=", 0)  # i = j
    ),
    "slope-of-log-of-a-negative": ([x < 0], (gradient(log(x), x), "==", 1 / x)),
    "slope-without-the-log": ([Real(x), Real(u)], (gradient(log(x) + u, u), "==", 1)),
    "slope-without-the-pole": ([Real(x), Real(u)], (gradient(1 / x + u, u), "==", 1)),
    "slope-without-zero-to-the-zero": ([x >= 0, Real(u), gamma >= 0], (gradient(x**gamma + u, u), "==", 1)),
    # What a name stands for cancels when it is unfolded; so does a slope, or the order of derivatives.
    "pole-in-a-vector": ([P, Real(x), I], (x * Vector("w", lambda c: p[c] / x)[i], "==", p[i])),
    "pole-in-a-vector-times-zero": ([Real(x), I],
        (Vector("w", lambda c: 1 / x)[i] * Vector("0", lambda c: 0)[i], "==", 0)),
    "log-in-a-vector": ([Real(x), I], (exp(Vector("w", lambda c: log(x))[i]), "==", x)),
    "logs-in-two-vectors": (
        [Real(x), I], (Vector("w", lambda c: log(x))[i] - Vector("v", lambda c: log(x))[i], "==", 0)
    ),
    "slope-of-a-modulus-differentiated-away": ([Real(x), Real(u)], (Derivative(Abs(x) * u, x, (u, 2)), "==", 0)),
    "slope-of-a-kink-times-the-root": (
        [Real(x)], (sqrt(x**2 - 2 * x + 1) * gradient(sqrt(x**2 - 2 * x + 1), x), "==", x - 1)
    ),
    # The index of a sum is not the label of that name: p_c is zero but for one class c.
    "log-of-one-hot-entries": ([DELTA, Real(x)], (total(log(p[y]), y) + x**2, ">=", total(log(p[y]), y))),
    "two-that-vanish-together": ([*CLOSED, u >= 0], (x * log(x / (x + u)), "<=", 0)),
    # With one observation, or two classes, nothing else is left.
    "log-of-the-other-observations": (
        [Real(scores), Label(i, N), J],
        (log(total(exp(scores[n, j]), n, N) - exp(scores[i, j])), "<=", log(total(exp(scores[n, j]), n, N)))
    ),
    "log-of-two-classes-less": ([], (log(K - 2), "<=", K - 3)),
    "weight-that-may-be-one": ([x >= 0], (x ** (N - 1) * log(x), "<=", x**N)),
    "weight-of-an-outer-index": ([P, L], (p[k] * total(log(p[k]), k), "<=", 0)),
    "norm-of-logarithms": ([P, Y], (p[y] * maximum_norm(Vector("v", lambda c: log(p[c]))), ">=", 0)),
    "coincidence-and-no-mass": ([P, I, Y], (KroneckerDelta(i, y) * log(KroneckerDelta(i, y) * p[i]), "<=", 0)),
    "inverse-of-what-vanishes-at-one-end": ([x >= 0, x < 1], (x / (1 - sqrt(1 - x)), ">=", 1)),
    "root-of-what-two-leave": ([P, I, J], (sqrt(1 - p[i] - p[j]), "<=", 1)),
})  # fmt: skip
UNDER = {name: ("false", claim) for name, claim in _UNDER_FALSE.items()}
UNDER |= {name: ("undefined", claim) for name, claim in _UNDER_UNDEFINED.items()}


# Lemmas that are true, for the traps and for the true statements.


@cache
def log_tangent():
    return Claim("log-tangent", (log(x), "<=", x - 1), given=[x > 0]).prove(by=tangent(x, at=1))


@cache
def x_log_x():
    return Claim("x-log-x", (x * log(x), ">=", x - 1), given=[x >= 0], equality={x: 1}).prove(by=tangent(x, at=1))


@cache
def exp_tangent():
    return Claim("exp-tangent", (exp(x), ">=", 1 + x), given=[Real(x)]).prove(by=tangent(x, at=0))


@cache
def bernoulli():
    statement = (1 - x) ** gamma, ">=", 1 - gamma * x
    return Claim("bernoulli", statement, given=[*CLOSED, gamma >= 1]).prove(by=tangent(x, at=0))


@cache
def sinh_tangent():
    return Claim("sinh-tangent", (sinh(t), ">=", t), given=[t >= 0]).prove(by=tangent(t, at=0))


@cache
def between():
    return Claim("between", (x * (1 - x), ">=", 0), given=CLOSED).prove()


@cache
def square():
    return Claim("square", (x**2, ">=", 0), given=[Real(x)]).prove()


@cache
def gibbs():
    """KL(p ‖ q) >= 0, from x log x >= x - 1 at x = p_k / q_k, times q_k."""
    return Claim("gibbs", (KL(p, q), ">=", 0), given=[P, Q]).prove(
        by=x_log_x().at({x: p[k] / q[k]}, times=q[k], over=k)
    )


@cache
def collision():
    return Claim("collision", (total(p[k] ** 2, k), "<=", 1), given=[P]).prove(by=between().at({x: p[k]}, over=k))


@cache
def one_hot_loss():
    return Claim("one-hot-loss", (CE(p, q), "==", -log(q[y])), given=[DELTA, Q]).prove()


@cache
def exp_tangent_and_square():
    """Two statements; the case of equality is one of the inequality."""
    statements = (exp(x), ">=", 1 + x), ((x + 1) ** 2, "==", x**2 + 2 * x + 1)
    return Claim("exp-tangent-and-square", *statements, given=[Real(x)], equality={x: 0}).prove(
        by=(tangent(x, at=0), None)
    )


@cache
def exp_tangent_and_silence():
    """Two inequalities; the case of equality is one of the first."""
    statements = (exp(x), ">=", 1 + x), (u**2, ">=", 0)
    return Claim("exp-tangent-and-silence", *statements, given=[Real(x), Real(u)], equality={x: 0}).prove(
        by=(tangent(x, at=0), None)
    )


@cache
def square_at_twice():
    given = [Real(x), Real(u)]
    return Claim("square-at-twice", ((x - 2 * u) ** 2, ">=", 0), given=given, equality={x: 2 * u}).prove(
        by=tangent(x, at=2 * u)
    )


@cache
def square_at_zero():
    return Claim("square-at-zero", (x**2, ">=", 0), given=[Real(x)], equality={x: 0}).prove(by=tangent(x, at=0))


@cache
def square_above_tangent():
    return Claim("square-above-tangent", (x**2, ">=", 2 * x * u - u**2), given=[Real(x), Real(u)]).prove(
        by=tangent(x, at=u)
    )


@cache
def log_tangent_anywhere():
    statement = t * log(t / u), ">=", t - u
    return Claim("log-tangent-anywhere", statement, given=[t >= 0, u > 0]).prove(by=tangent(t, at=u))


@cache
def x_log_x_below():
    """x log x <= x² - x, from log x <= x - 1 times x."""
    return Claim("x-log-x-below", (x * log(x), "<=", x**2 - x), given=[x >= 0]).prove(by=log_tangent().at({}, times=x))


@cache
def entry_below_norm():
    return Claim("entry-below-norm", (p[y], "<=", maximum_norm(p)), given=[P, Y]).prove()


@cache
def below_norm():
    return Claim("below-norm", (Abs(ANY[i]), "<=", maximum_norm(ANY)), given=[Real(ANY), I]).prove()


@cache
def norm_below_sum():
    return Claim("norm-below-sum", (maximum_norm(ANY), "<=", sum_norm(ANY)), given=[Real(ANY)]).prove()


@cache
def row_mass():
    given = [Distribution(conditional), Label(a, M)]
    return Claim("row-mass", (total(conditional[a, k], k), "==", 1), given=given).prove()


@cache
def row_entry():
    given = [Distribution(conditional), Label(a, M), Y]
    return Claim("row-entry", (conditional[a, y], "<=", 1), given=given).prove()


def zero_by(factor, other, *given):
    """factor * other = 0, of which one must not conclude other = 0."""
    return Claim("zero-product", (factor * other, "==", 0), given=given).prove()


C1_0 = Symbol("c1_0", integer=True)  # a label with the name of an index of a normal form
OTHER_P = IndexedBase("p", shape=(K,), real=True, rational=True)  # not p
TWIN, OTHER_TWIN = (IndexedBase(Dummy("d", real=True), shape=(K,)) for _ in range(2))
BASE_T, BASE_U = (IndexedBase(name, shape=(K,), real=True) for name in "tu")  # also the names of scalars
LABELS_I = IndexedBase("i", shape=(N,), integer=True)  # its name is also that of the label i


# Every function below proves its lemmas and then offers a false claim with a certificate; the last `prove` must raise.
# name -> (hypotheses, the false statement, a function returning the certificate).
_TRAPS = {
    # The tangent rule: wrong point, wrong slope, f'' of no sign, poles, kinks, jumps, ends.
    "tangent-misses-the-value": ([x > 0], (log(x), "<=", x - 2), lambda: tangent(x, at=1)),
    "tangent-misses-by-a-millionth": ([Real(x)], (exp(x), ">=", 1 + x + TINY), lambda: tangent(x, at=0)),
    "tangent-at-another-minimum": ([x > 0], (log(x), "<=", x / 3), lambda: tangent(x, at=3)),
    "tangent-misses-the-slope": ([x > 0], (log(x), "<=", (x - 1) / 2), lambda: tangent(x, at=1)),
    "tangent-slope-by-a-thousandth": ([Real(x)], (exp(x), ">=", 1 + Rational(1001, 1000) * x),
        lambda: tangent(x, at=0)),
    "tangent-reversed": ([x > 0], (log(x), ">=", x - 1), lambda: tangent(x, at=1)),
    "tangent-for-an-identity": ([x > 0], (log(x), "==", x - 1), lambda: tangent(x, at=1)),
    "curvature-of-no-sign-sinh": ([Real(x)], (sinh(x), ">=", x), lambda: tangent(x, at=0)),
    "curvature-of-no-sign-cube": ([Real(x)], (x**3, ">=", 0), lambda: tangent(x, at=0)),
    "curvature-of-no-sign-cubic": ([x >= -3], (x**3 + 2, ">=", 3 * x), lambda: tangent(x, at=1)),
    "curvature-just-negative": ([x >= Rational(-1, 100)], (x**3, ">=", 0), lambda: tangent(x, at=0)),
    "curvature-of-no-sign-power": ([*OPEN, gamma > 0], ((1 - x) ** gamma, ">=", 1 - gamma * x),
        lambda: tangent(x, at=0)),
    "curvature-just-below-one": (
        [*OPEN, gamma >= Rational(99, 100)], ((1 - x) ** gamma, ">=", 1 - gamma * x), lambda: tangent(x, at=0)
    ),
    "curvature-of-another-variable": ([Real(x), Real(u)], (x**3, ">=", 3 * u**2 * x - 2 * u**3),
        lambda: tangent(x, at=u)),
    "curvature-near-zero": (CLOSED, (x**2, ">=", x ** Rational(3, 2)), lambda: tangent(x, at=0)),
    "pole": (OPEN, (1 / (x - Rational(1, 2)) ** 2, ">=", 16 + 128 * (x - Rational(1, 4))),
        lambda: tangent(x, at=Rational(1, 4))),
    "pole-on-the-line": ([Real(x)], (1 / x**2, ">=", 3 - 2 * x), lambda: tangent(x, at=1)),
    "log-pole": (OPEN, (-log((x - Rational(1, 2)) ** 2), ">=", 2 * log(4) + 8 * (x - Rational(1, 4))),
                 lambda: tangent(x, at=Rational(1, 4))),
    "pole-of-cosh": ([Real(x)], (1 / (cosh(x) - 1), ">=", 1 / (cosh(1) - 1) - sinh(1) / (cosh(1) - 1) ** 2 * (x - 1)),
                     lambda: tangent(x, at=1)),
    "kink": (OPEN, (-Abs(x - Rational(1, 2)), ">=", x - Rational(1, 2)), lambda: tangent(x, at=Rational(1, 4))),
    "jump": (OPEN, (Abs(x - Rational(1, 2)) / (x - Rational(1, 2)), "<=", -1), lambda: tangent(x, at=Rational(1, 4))),
    "root-kink": (OPEN, (-sqrt((x - Rational(1, 2)) ** 2), ">=", x - Rational(1, 2)),
        lambda: tangent(x, at=Rational(1, 4))),
    "point-outside-the-domain": ([x >= Rational(1, 2)], (x**3, ">=", 3 * x + 2), lambda: tangent(x, at=-1)),
    "slope-infinite-at-the-end": (CLOSED, (x * log(x), ">=", 0), lambda: tangent(x, at=0)),
    "value-left-over": ([Real(x), Real(u)], (x**2 + u, ">=", 0), lambda: tangent(x, at=0)),
    "tangent-in-an-absent-variable": ([Real(u), Real(x)], (u**2 + x**2, ">=", 2 * u), lambda: tangent(x, at=0)),
    "tangent-in-an-index-free-vector": ([Z, Real(x)], (x**2 + total(z[k], k), ">=", 0), lambda: tangent(x, at=0)),
    # A lemma outside its hypotheses.
    "lemma-at-a-number": ([], (-2, ">=", 0), lambda: between().at({x: 2})),
    "lemma-at-a-real": ([Real(u)], (u * (1 - u), ">=", 0), lambda: between().at({x: u})),
    "lemma-just-outside": ([u >= 0, u <= Rational(1001, 1000)], (u * (1 - u), ">=", 0), lambda: between().at({x: u})),
    "lemma-at-a-ratio": (
        [P_POS, Q], (total(q[k] ** 2 / p[k], k), "<=", 1), lambda: between().at({x: q[k] / p[k]}, times=p[k], over=k)
    ),
    "lemma-at-K-times": ([P], (K * total(p[k] ** 2, k), "<=", 1), lambda: between().at({x: K * p[k]}, over=k)),
    "lemma-at-logits": ([Z], (total(z[k] * (1 - z[k]), k), ">=", 0), lambda: between().at({x: z[k]}, over=k)),
    "lemma-at-a-log": ([Q], (-total(sinh(log(q[k])), k), "<=", H(q)),
        lambda: sinh_tangent().at({t: log(q[k])}, over=k)),
    "lemma-at-a-sum": ([P], (1 - K, ">=", 0), lambda: between().at({x: total(total(p[j], j), k)}, times=1 / K)),
    "bernoulli-at-small-gamma": (
        [P, Q, gamma > 0],
        (focal(p, q), ">=", CE(p, q) + gamma * total(p[k] * q[k] * log(q[k]), k)),
        lambda: bernoulli().at({x: q[k]}, times=-p[k] * log(q[k]), over=k),
    ),
    "bernoulli-at-half": ([*CLOSED], (sqrt(1 - x), ">=", 1 - x / 2), lambda: bernoulli().at({gamma: Rational(1, 2)})),
    "one-hot-lemma-at-uniform": ([Q, Y], (CE(U, q), "==", -log(q[y])), lambda: one_hot_loss().at({p: U})),
    "one-hot-lemma-at-a-distribution": ([R, Q, Y], (CE(r, q), "==", -log(q[y])), lambda: one_hot_loss().at({p: r})),
    "one-hot-lemma-at-another-label": (
        [Q, Y, I], (CE(one_hot(i), q), "==", -log(q[y])), lambda: one_hot_loss().at({p: one_hot(i)})
    ),
    # times of the wrong sign, or of none.
    "times-negative": (
        [P_POS, Q], (KL(p, q), "<=", 0), lambda: log_tangent().at({x: q[k] / p[k]}, times=-p[k], over=k)
    ),
    "times-minus-one": ([x > 0], (log(x), ">=", x - 1), lambda: log_tangent().at({}, times=-1)),
    "times-of-no-sign": (
        [Q, Z], (total(z[k] * exp(q[k]), k), ">=", total(z[k] * (1 + q[k]), k)),
        lambda: exp_tangent().at({x: q[k]}, times=z[k], over=k),
    ),
    "times-a-difference": (
        [P, Q], (total((p[k] - q[k]) * exp(p[k]), k), ">=", total((p[k] - q[k]) * (1 + p[k]), k)),
        lambda: exp_tangent().at({x: p[k]}, times=p[k] - q[k], over=k),
    ),
    "times-a-scalar": ([Real(x), Real(u)], (u * exp(x), ">=", u * (1 + x)), lambda: exp_tangent().at({}, times=u)),
    "times-just-negative": (
        [Real(x), u >= -TINY], (u * exp(x), ">=", u * (1 + x)), lambda: exp_tangent().at({}, times=u)
    ),
    "times-a-log": (
        [P_POS, Real(x)], (-H(p) * exp(x), ">=", -H(p) * (1 + x)),
        lambda: exp_tangent().at({}, times=p[k] * log(p[k]), over=k),
    ),
    "times-for-an-identity-is-zero": ([Real(x)], (exp(x), "==", 1 + x), lambda: exp_tangent().at({}, times=0)),
    # over the wrong index, captured indices.
    "over-a-free-index": (
        [P_POS, Q, I], (p[i] * log(p[i] / q[i]), ">=", 0),
        lambda: log_tangent().at({x: q[i] / p[i]}, times=p[i], over=i),
    ),
    "over-forgets-the-weight": (
        [P_POS, Q, I], (p[i] * total(log(p[k] / q[k]), k), ">=", 0),
        lambda: log_tangent().at({x: q[k] / p[k]}, times=p[i], over=k),
    ),
    "over-weight-of-another-index": (
        [P_POS, Q, I], (p[i] * total(log(p[k] / q[k]), k), ">=", 0),
        lambda: log_tangent().at({x: q[k] / p[k]}, times=p[k], over=k),
    ),
    "over-counts-K": ([Z, I], (exp(z[i]), ">=", K * (1 + z[i])), lambda: exp_tangent().at({x: z[i]}, over=j)),
    "over-left-out": ([Z, I, L], (total(exp(z[k]), k), "<=", exp(z[i])), lambda: exp_tangent().at({x: z[k] - z[i]})),
    "capture-in-a-sum": (
        [Q, Z, L], (total(q[k] * z[k], k), "==", z[k]),
        lambda: Claim("mean-of-a-constant", (total(q[k] * x, k), "==", x), given=[Q, Real(x)]).prove().at({x: z[k]}),
    ),
    "capture-of-a-label": (
        [P, L], (total(p[k] ** 2, k), "==", p[k]),
        lambda: Claim("sum-against-label", (total(p[k] * p[y], k), "==", p[y]), given=[P, Y]).prove().at({y: k}),
    ),
    "capture-in-a-derivative": (
        [Real(x)], (gradient(x**2, x), "==", x),
        lambda: Claim("slope", (gradient(x * u, x), "==", u), given=[Real(x), Real(u)]).prove().at({u: x}),
    ),
    "capture-of-the-target": (
        [Q, I], (gradient(H(q), q[i]), "==", -1),
        lambda: Claim("ce-gradient", (gradient(CE(p, q), q[i]), "==", -p[i] / q[i]),
            given=[P, Q, I]).prove().at({p: q}),
    ),
    "capture-of-the-softmax": (
        [Z, I], (gradient(H(S), z[i]), "==", 0),
        lambda: Claim("softmax-gradient", (gradient(CE(p, S), z[i]), "==", S[i] - p[i]),
            given=[P, Z, I]).prove().at({p: S}),
    ),
    # One relation used for another, lemmas added in different directions.
    "inequality-for-identity": ([P, Q], (CE(p, q), "==", H(p)), lambda: gibbs().at({})),
    "inequality-for-its-reverse": ([P, Q], (CE(p, q), "<=", H(p)), lambda: gibbs().at({})),
    "upper-for-lower": ([Real(x)], (exp(x), "<=", 1 + x), lambda: exp_tangent().at({})),
    "swapped-lemma": ([P_POS, Q], (KL(p, q), ">=", KL(q, p)), lambda: [gibbs().at({}), gibbs().at({p: q, q: p})]),
    "opposite-directions": (
        [Real(x), u > 0], (exp(x) + log(u), ">=", x + u), lambda: [exp_tangent().at({}), log_tangent().at({x: u})]
    ),
    "half-of-the-instances": (
        [P_POS, Q], (H(mix(p, q)), ">=", H(p)), lambda: [gibbs().at({q: mix(p, q)}, times=Rational(1, 2))]
    ),
    "no-instances": ([x > 0], (log(x), "<=", 0), lambda: []),
    "weaker-lemma": ([P, Q], (KL(p, q), ">=", TINY), lambda: gibbs().at({})),
    "true-and-false-together": (
        [x > 0], (log(x), "<=", x - 1), (log(x), ">=", x - 1), lambda: (tangent(x, at=1), tangent(x, at=1))
    ),
    "certificate-for-one-of-two": (
        [x > 0], (log(x), "<=", x - 1), (log(x), "<=", x - 2), lambda: (tangent(x, at=1), None)
    ),
    # A lemma on distributions at something else.
    "vector-twice-a-distribution": (
        [P, Q], (KL(Vector("w", lambda c: p[c] / 2), q), ">=", 0),
            lambda: gibbs().at({p: Vector("w", lambda c: p[c] / 2)})
    ),
    "vector-of-exponentials": (
        [P, Z], (KL(p, Vector("w", lambda c: exp(z[c]))), ">=", 0),
            lambda: gibbs().at({q: Vector("w", lambda c: exp(z[c]))})
    ),
    "vector-of-ones": ([P], (H(p), "<=", 0), lambda: gibbs().at({q: Vector("1", lambda c: 1)})),
    "vector-over-K-minus-1": (
        [P], (H(p), "<=", log(K - 1)), lambda: gibbs().at({q: Vector("u", lambda c: 1 / (K - 1))})
    ),
    "vector-without-the-label": (
        [P, Y], (H(p), "<=", log(K - 1)),
            lambda: gibbs().at({q: Vector("u", lambda c: (1 - KroneckerDelta(c, y)) / (K - 1))})
    ),
    "vector-with-negative-entries": (
        [P, Q], (total((2 * p[k] - q[k]) ** 2, k), "<=", 1),
            lambda: collision().at({p: Vector("w", lambda c: 2 * p[c] - q[c])})
    ),
    "vector-smoothed-too-much": (
        [P, epsilon >= 0], (total(SMOOTH[k] ** 2, k), "<=", 1), lambda: collision().at({p: SMOOTH})
    ),
    "vector-almost-normalised": (
        [P, Q], (KL(p, Vector("w", lambda c: (1 + TINY) * q[c])), ">=", 0),
        lambda: gibbs().at({q: Vector("w", lambda c: (1 + TINY) * q[c])}),
    ),
    "vector-of-reals": ([P, Real(z)], (total(z[k] ** 2, k), "<=", 1), lambda: collision().at({p: z})),
    # Equality elsewhere, or not there.
    "equality-at-gamma-one": (
        [*CLOSED, gamma >= 1], ((1 - x) ** gamma, ">=", 1 - gamma * x), {x: 0}, lambda: tangent(x, at=0)
    ),
    "equality-at-another-point": ([Real(x)], (exp(x), ">=", 1 + x), {x: 1}, lambda: tangent(x, at=0)),
    "equality-of-kl-at-uniform": ([P, Q], (KL(p, q), ">=", 0), {q: U}, lambda: gibbs().at({})),
    "equality-of-jensen-at-the-target": (
        [P_POS, Q], (CE(p, q), ">=", -log(total(p[k] * q[k], k))), {q: p},
        lambda: log_tangent().at({x: q[k] / total(p[j] * q[j], j)}, times=p[k], over=k),
    ),
    "equality-when-times-is-zero": (
        [Real(x), u >= 0], (u * exp(x), ">=", u * (1 + x)), {x: 0}, lambda: exp_tangent().at({}, times=u)
    ),
    "equality-where-the-weight-is-zero": (
        [P, Q, R], (total(p[k] * (q[k] - r[k]) ** 2, k), ">=", 0), {q: r},
        lambda: square().at({x: q[k] - r[k]}, times=p[k], over=k),
    ),
    "equality-of-logits-up-to-a-shift": (
        [P, Z], (KL(p, S), ">=", 0), {z: Vector("0", lambda c: 0)}, lambda: gibbs().at({q: S})
    ),
    "equality-of-one-instance-of-two": (
        [P_POS, Q, R], (KL(p, q) + KL(p, r), ">=", 0), {q: p}, lambda: [gibbs().at({}), gibbs().at({q: r})]
    ),
    "equality-of-a-line": ([x >= 0, Real(u)], (exp(u) + x, ">=", 1 + u), {u: 0}, lambda: tangent(u, at=0)),
    "equality-of-a-lemma-where-there-is-no-mass": (
        [P, Real(x), I], (p[i] * x**2, ">=", 0), {x: 0},
        lambda: Claim("weighted-square", (q[i] * x**2, ">=", 0), given=[Q, Real(x), I], equality={x: 0})
        .prove(by=tangent(x, at=0)).at({q: p}),
    ),
    "over-classes-for-observations": (
        [Real(x)], (total(exp(x), n, N), ">=", K * (1 + x)), lambda: exp_tangent().at({}, over=n)
    ),
    "entropy-against-uniform-of-K-less": ([P], (H(p), "<=", log(K) - TINY), lambda: gibbs().at({q: U})),
    # An index in an argument of a named quantity is captured by the index of its definition.
    "capture-in-a-named-quantity": ([L, Q], (CE(one_hot(k), q), "==", -total(log(q[k]), k))),
    "capture-in-a-mean-of-named-quantities": ([P, Q], (total(p[k] * CE(one_hot(k), q), k), "==", -total(log(q[k]), k))),
    "capture-in-an-expectation-of-quantities": (
        [P, Q], (expectation(p, lambda c: CE(one_hot(c), q)), "==", -total(log(q[k]), k))
    ),
    "capture-in-smoothed-labels": (
        [Q, L, *RATE],
        (CE(smooth_labels(one_hot(k), epsilon), q), "==", -total((epsilon / K + 1 - epsilon) * log(q[k]), k)),
    ),
    "capture-of-a-label-in-an-expectation": (
        [P, Z, L], (expectation(p, lambda c: z[c] * z[k]), "==", total(p[k] * z[k] ** 2, k))
    ),
    "capture-in-nested-expectations": (
        [P, Q, Z], (expectation(p, lambda c: expectation(q, lambda d: (z[c] - z[d]) ** 2)), "==", 0)
    ),
    "capture-in-nested-vectors": (
        [P, Z, I], (Vector("w", lambda c: p[c] * CE(p, S))[i], "==", -p[i] * log(S[i]))
    ),
    # Symbols of the same name.
    "name-of-a-bound-index": (
        [P, Z, Label(C1_0)], (total(p[k] * exp(z[k] * z[C1_0]), k), "==", total(p[k] * exp(z[k] ** 2), k))
    ),
    "name-of-another-distribution": ([P, Distribution(OTHER_P), I], (p[i], "==", OTHER_P[i])),
    "name-of-a-twin": ([Distribution(TWIN), Distribution(OTHER_TWIN), I], (TWIN[i], "==", OTHER_TWIN[i])),
    "name-of-a-scalar-and-a-vector": (
        [Distribution(BASE_T), Real(BASE_U), Real(u)], (total(BASE_U[k], k), "==", 1),
        lambda: Claim("sum-and-t", (total(BASE_T[k], k) + t, "==", 1 + t),
            given=[Distribution(BASE_T), Real(t)]).prove().at({t: u}),
    ),
    "name-of-a-label-and-labels": (
        [Y, I, Label(labels), Label(LABELS_I), Label(n, N), Z],
        (KroneckerDelta(y, i) * (z[labels[n]] - z[LABELS_I[n]]), "==", 0),
    ),
    "name-of-bound-labels": (
        [Label(labels), Label(inputs, K), Label(n, N), Z],
        (total(exp(z[y] * z[labels[n]]), y), "==",
         total(exp(z[Symbol("x", integer=True)] * z[inputs[n]]), Symbol("x", integer=True))),
    ),
    # Division by what is zero, hidden in `times` or in a value.
    "times-one-over-a-delta": (
        [Z, I, J], (z[i], "==", z[j]),
        lambda: zero_by(KroneckerDelta(i, j), z[i] - z[j], Z, I, J).at({}, times=1 / KroneckerDelta(i, j)),
    ),
    "times-one-over-a-modulus-less-itself": (
        [Real(x)], (Abs(x) + x, "==", 0),
            lambda: zero_by(Abs(x) - x, Abs(x) + x, Real(x)).at({}, times=1 / (Abs(x) - x))
    ),
    "times-one-over-zero": (
        [Real(x), u >= 0, u <= 0], (x, "==", 0), lambda: zero_by(u, x, Real(x), u >= 0, u <= 0).at({}, times=1 / u)
    ),
    "value-one-over-a-delta": (
        [Z, I, J], (z[i], "==", z[j]),
        lambda: zero_by(KroneckerDelta(i, j), (z[i] - z[j]) * x, Z, I, J, Real(x)).at({x: 1 / KroneckerDelta(i, j)}),
    ),
    "vector-of-ones-over-a-delta": (
        [Z, I, J], (z[i], "==", z[j]),
        lambda: Claim("zero-product", (KroneckerDelta(i, j) * (z[i] - z[j]) * r[i], "==", 0), given=[Z, I, J, Real(r)])
        .prove().at({r: Vector("v", lambda c: 1 / KroneckerDelta(c, j))}),
    ),
    # A rounded point absorbs what is left over.
    "tangent-at-a-rounded-point": (
        [Real(x)], (x**2 - x + Rational(1, 4) - Rational(1, 10**20), ">=", 0), lambda: tangent(x, at=0.5)
    ),
    "tangent-of-log-at-a-rounded-point": ([x > 0], (log(x), "<=", x - 1 - Rational(1, 10**20)),
        lambda: tangent(x, at=1.0)),
    # Kinks without a modulus.
    "kink-of-a-root": ([Real(x)], (-sqrt(x**2 - 2 * x + 1), ">=", 1 - x), lambda: tangent(x, at=2)),
    "kink-of-a-root-inside": (OPEN, (-sqrt(x**2 - x + Rational(1, 4)), ">=", x - HALF),
        lambda: tangent(x, at=Rational(1, 4))),
    "kink-between-two-minima": (
        [Real(x)], (x**2 - 2 * sqrt(x**2 + 2 * x + 1) + 2 * x + 2, ">=", 0), {x: 0}, lambda: tangent(x, at=0)
    ),
    # The case of equality of another statement, and one that is not instantiated.
    "equality-of-the-other-statement": (
        [Real(x)], (x**2 * (x - 1) ** 2, ">=", 0), {x: 0}, lambda: exp_tangent_and_square().at({}, statement=1)
    ),
    "equality-of-a-silent-statement": (
        [Real(x)], (x**2 * (x - 1) ** 2, ">=", 0), {x: 0}, lambda: exp_tangent_and_silence().at({u: 0}, statement=1)
    ),
    "equality-not-instantiated": (
        [Real(x), Real(u)], ((x - 2 * (x / 2 + (x - 2 * u) * (x - u))) ** 2, ">=", 0), {x: 2 * u},
        lambda: square_at_twice().at({u: x / 2 + (x - 2 * u) * (x - u)}),
    ),
    # Numbers that differ by less than can be seen.
    "root-of-an-enormous-number": ([], (sqrt(exp(900) + 1), "<=", exp(450))),
    "sum-of-enormous-roots": (
        [], (exp(355) * (sqrt(7) + sqrt(18)), ">=", exp(355) * sqrt(25 + 2 * sqrt(126)) + Rational(1, 10**20))
    ),
    "exponential-of-a-whole-number": ([], (exp(1000), "<=", exp(999) * Rational(27182818284590452, 10**16))),
    # Malformed.
    "derivative-of-order-K": ([Real(x)], (Derivative(x**2, (x, K)), "==", 0)),
    "slope-of-a-jump": ([Real(x)], ((Derivative(Abs(x), (x, 2)) + 1) ** 2 - 1, "==",
                                    Derivative(Abs(x), (x, 2)) ** 2 + 2 * Derivative(Abs(x), (x, 2)))),
    "slope-of-a-modulus-at-no-mass": ([P, I], (gradient(total(Abs(p[k]), k), p[i]), "==", 1)),
    "lambert-below-its-branch": ([Real(x)], ((LambertW(x) + 1) ** 2, "==", LambertW(x) ** 2 + 2 * LambertW(x) + 1)),
    "one-observation-has-all-weight": (
        [Distribution(WEIGHTS, positive=True), Label(n, N)], (1 / (1 - WEIGHTS[n]), ">=", 1)
    ),  # of one observation
    "float-absorbs": ([P, Real(x)], (x * (1.0 + total(p[k] * Rational(1, 10**20), k)), "==", x)),
    "one-hot-over-the-observations": ([OneHot(WEIGHTS, y)], (total(WEIGHTS[n], n, N), "==", 1)),
    "one-hot-matrix": ([OneHot(scores, y), Label(n, N)], (total(scores[n, k], k), "==", K * scores[n, y])),
    "sum-with-an-index-twice": ([P, Q], (Sum(p[k] * q[k], (k, 1, K), (k, 1, K)), "==", total(p[k] * q[k], k))),
    # Over the label of a one-hot distribution: within the sum, p_c is one for a single class c.
    "over-the-label-of-one-hot": (
        [DELTA, Z], (total((2 * p[k] - 1) * z[k] ** 2, k), ">=", 0),
        lambda: square().at({x: z[y]}, times=2 * p[y] - 1, over=y),
    ),
    "over-the-label-of-one-hot-in-an-identity": (
        [DELTA, Z], (total(p[k] * z[k], k), "==", total(z[k], k)),
        lambda: Claim("sure", (p[y] * u, "==", u), given=[DELTA, Real(u)]).prove().at({u: z[y]}, over=y),
    ),
    "over-the-label-of-one-hot-in-a-hypothesis": (
        [DELTA, Z], (total(log(2 + (2 * p[k] - 1)), k), "<=", K * log(3) - 10),
        lambda: log_tangent().at({x: 2 * p[y] - 1}, over=y),
    ),
    "equality-over-the-label-of-one-hot": (
        [DELTA, Z], (total(p[k] * z[k] ** 2, k), ">=", 0), {z: Vector("0", lambda c: 0)},
        lambda: square_at_zero().at({x: z[y]}, times=p[y], over=y),
    ),
    # A vector of vectors in the place of a vector: the index of the outer one is captured by the inner one.
    "capture-in-a-norm-of-norms": (
        [Z, I],
        (maximum_norm(Vector("v", lambda d: z[i] - z[d])), "<=", K * maximum_norm(Vector("v", lambda d: 0))),
        lambda: [
            below_norm().at({ANY: Vector("w", lambda c: maximum_norm(Vector("v", lambda d: z[c] - z[d])))}),
            norm_below_sum().at({ANY: Vector("0", lambda c: maximum_norm(Vector("v", lambda d: 0)))}),
        ],
    ),
    # Numbers that only many digits tell apart.
    "root-next-to-a-power-of-ten": ([], (10**450 * (10**150 - sqrt(10**300 + 1)), ">=", 0)),
    "exponential-next-to-one": ([], (10**300 * (1 + Rational(1, 10**100) - exp(Rational(1, 10**100))), ">=", 0)),
    "exponential-next-to-one-times-a-number": (
        POSITIVE, (x * 10**450 * (1 + Rational(1, 10**150) - exp(Rational(1, 10**150))), ">=", 0)
    ),
    # Limits that differ at one value of a parameter, which is not rational.
    "limit-but-at-the-root-of-two": (
        [x > 0, gamma > 0], (limit(1 / (1 + (gamma**2 - 2) ** 2 * x), x, oo), "==", 0)
    ),
    "limit-but-on-a-line": (
        [x > 0, Real(gamma), Real(beta)], (limit(1 / (1 + (gamma - beta - Rational(1, 7)) ** 2 * x), x, oo), "==", 0)
    ),
    "limit-but-at-no-decay": ([x > 0, gamma >= 0], (limit(1 / (1 + gamma * x), x, oo), "==", 0)),
    # Squares above their tangent, x log x below x² - x, p_k below the norm: misused.
    "square-of-a-mean-reversed": (
        [P, Z], (total(p[k] * z[k] ** 2, k), "<=", MEAN**2),
        lambda: square_above_tangent().at({x: z[k], u: MEAN}, times=p[k], over=k),
    ),
    "square-of-a-mean-of-another": (
        [P, Q, Z], (total(q[k] * z[k] ** 2, k), ">=", MEAN**2),
        lambda: square_above_tangent().at({x: z[k], u: MEAN}, times=q[k], over=k),
    ),
    "square-of-a-mean-without-the-weight": (
        [P, Z], (total(z[k] ** 2, k), ">=", K * MEAN**2),
        lambda: square_above_tangent().at({x: z[k], u: MEAN}, over=k),
    ),
    "kl-below-chi-square-less-two": (
        [P, Q], (KL(p, q), "<=", total(p[k] ** 2 / q[k], k) - 2),
        lambda: x_log_x_below().at({x: p[k] / q[k]}, times=q[k], over=k),
    ),
    "kl-below-chi-square-unweighted": (
        [P, Q], (KL(p, q), "<=", total(p[k] ** 2, k) - 1),
        lambda: x_log_x_below().at({x: p[k] / q[k]}, times=q[k], over=k)
    ),
    "x-log-x-below-at-logits": (
        [Z], (total(z[k] * (z[k] - 1), k), ">=", 0), lambda: x_log_x_below().at({x: z[k]}, over=k)
    ),
    "norm-above-one": (
        [P], (maximum_norm(p), ">=", 1), lambda: entry_below_norm().at({y: k}, times=1, over=k)
    ),
    "norm-of-another": ([P, Q], (K * maximum_norm(q), "<=", 1), lambda: entry_below_norm().at({p: q, y: k}, over=k)),
    "kl-to-half-a-mixture": (
        [P, Q], (KL(p, Vector("m", lambda c: (p[c] + q[c]) / 4)), "<=", 0),
        lambda: gibbs().at({q: Vector("m", lambda c: (p[c] + q[c]) / 4)}),
    ),
    "kl-to-a-mixture-of-three-halves": (
        [P, Q], (KL(p, Vector("m", lambda c: (3 * q[c] - p[c]) / 2)), ">=", 0),
        lambda: gibbs().at({q: Vector("m", lambda c: (3 * q[c] - p[c]) / 2)}),
    ),
    "tempered-softmax-beats-the-softmax": (
        [Z, Real(beta), Y], (-log(softmax(Vector("b", lambda c: beta * z[c]))[y]), ">=", -log(S[y])),
        lambda: gibbs().at({p: one_hot(y), q: softmax(Vector("b", lambda c: beta * z[c]))}),
    ),
    # Ends: a lemma for x > 0 used inside only, an end that is the place of equality, a vanishing multiplier.
    "equality-at-both-ends": (
        CLOSED, (x * (1 - x) ** 2, ">=", 0), {x: 1}, lambda: square_at_zero().at({x: 1 - x}, times=x)
    ),
    "equality-where-the-other-vanishes": (
        [Real(x), *RATE], ((1 - epsilon) * x**2, ">=", 0), {x: 0}, lambda: square_at_zero().at({}, times=1 - epsilon)
    ),
    "equality-at-one-of-two-roots": (
        [Real(x)], ((x**2 - 2) ** 2, ">=", 0), {x: sqrt(2)}, lambda: square_at_zero().at({x: x**2 - 2})
    ),
    "equality-of-an-entry-for-all": (
        [Z, I], (z[i] ** 2, ">=", 0), {z: Vector("0", lambda c: 0)}, lambda: square_at_zero().at({x: z[i]})
    ),
    "equality-of-x-log-x-at-no-mass": (
        [P, Q], (total(p[k] * log(p[k] / q[k]) ** 2, k), ">=", 0), {q: p},
        lambda: square_at_zero().at({x: log(p[k] / q[k])}, times=p[k], over=k),
    ),
    "tangent-at-an-open-end": ([x > 0, u > 1], (x**u, ">=", x), lambda: tangent(x, at=0)),
    "tangent-at-a-power-of-no-sign": ([x > 0, Real(u)], (x**u, ">=", 0), lambda: tangent(x, at=0)),
    # Not defined everywhere.
    "poles-of-one-hot-entries": ([DELTA, Real(x)], (total(1 / p[y], y) + x**2, ">=", total(1 / p[y], y))),
    "roots-of-one-hot-entries": (
        [DELTA, Real(x)], (total(sqrt(2 * p[y] - 1), y) + x**2, ">=", total(sqrt(2 * p[y] - 1), y))
    ),
    # Zero to the zero, and weights that do not vanish with the logarithm.
    "self-power-at-zero": ([P, I], (p[i] ** p[i], "<=", 1)),
    "coincidence-to-the-zero": ([I, J, gamma >= 0], (KroneckerDelta(i, j) ** gamma, "<=", 1)),
    "entry-to-a-coincidence": ([P, I, J], (p[i] ** KroneckerDelta(i, j), "<=", 1)),
    "power-of-two-classes-at-zero": ([x >= 0], (x ** (K - 2) * x**2, "==", x**K)),
    "slope-of-a-power-at-zero": ([x >= 0, gamma >= 1], (gradient(x**gamma, x), "==", gamma * x ** (gamma - 1))),
    "slope-of-x-log-x-at-zero": ([x >= 0], (x * gradient(x * log(x), x), "==", x * log(x) + x)),
    "logarithm-in-softplus": ([x > -1], (softplus(log(x)), "==", log(1 + x))),
    # Equality of what is not all looked at, or looked at with another sign; a lemma over what is no index.
    "equality-at-minus-the-root": (
        [x > 0, Real(u)], ((x**2 - u**2) ** 2, ">=", 0), {x: u},
        lambda: square_at_zero().at({x: x**2 - u**2})
    ),
    "equality-of-scores-not-observed": (
        [Z, Label(labels)], (total(z[labels[n]] ** 2, n, N), ">=", 0), {z: Vector("0", lambda c: 0)},
        lambda: square_at_zero().at({x: z[labels[n]]}, over=n)
    ),
    "equality-of-one-column": (
        [Real(scores), Y], (total(scores[n, y] ** 2, n, N), ">=", 0), {scores: Vector("0", lambda a, c: 0)},
        lambda: square_at_zero().at({x: scores[n, y]}, over=n)
    ),
    "equality-but-for-the-label": (
        [Z, Y], (total((1 - KroneckerDelta(k, y)) * z[k] ** 2, k), ">=", 0), {z: Vector("0", lambda c: 0)},
        lambda: square_at_zero().at({x: z[k]}, times=1 - KroneckerDelta(k, y), over=k)
    ),
    "equality-of-logits-and-one-of-them": (
        [Z, Y], (total((z[k] - z[y]) ** 2, k), ">=", 0), {z: Vector("0", lambda c: 0)},
        lambda: square_at_zero().at({x: z[k] - z[y]}, over=k)
    ),
    "equality-of-groups": (
        [Z, Label(GROUP)], (total(z[GROUP[k]] ** 2, k), ">=", 0), {z: Vector("0", lambda c: 0)},
        lambda: square_at_zero().at({x: z[GROUP[k]]}, over=k)
    ),
    "tangent-past-an-open-end": ([x > 0, x < 1], (x**3 + 16, ">=", 12 * x + 1), lambda: tangent(x, at=2)),
    "lemma-over-its-own-variable": ([], (0, ">=", 1), lambda: square().at({}, over=x)),
    "gibbs-across-rows": (
        [Distribution(conditional, positive=True), P, Label(a, M)],
        (total(p[k] * log(p[k]), k), ">=", total(p[k] * log(total(conditional[a, k], a, M)), k)
    ),
   lambda: gibbs().at({q: Vector("v", lambda c: total(conditional[a, c], a, M))})),
    "gibbs-at-a-permutation": (
        [P, Q, Label(GROUP)], (KL(p, Vector("v", lambda c: q[GROUP[c]])), ">=", 0),
        lambda: gibbs().at({q: Vector("v", lambda c: q[GROUP[c]])})
    ),
    "one-hot-of-a-group": (
        [P, Y, Label(GROUP), Q], (CE(one_hot(GROUP[y]), q), "==", -log(q[y])),
        lambda: one_hot_loss().at({p: one_hot(GROUP[y])})
    ),
    # Slopes that are looked for: of a norm, and at the ends of an interval, where a root or a modulus has a kink.
    "tangent-in-a-norm": (
        [Real(x), Z], (-maximum_norm(Vector("v", lambda c: x * z[c])), ">=", -maximum_norm(z) * x),
        lambda: tangent(x, at=1)
    ),
    "tangent-at-an-end-in-a-norm": (
        [x >= 0, Z], (-maximum_norm(Vector("v", lambda c: x * z[c])), ">=", 0), lambda: tangent(x, at=0)
    ),
    "tangent-at-the-end-of-a-modulus": ([x >= 0], (x**2 - Abs(x), ">=", 0), lambda: tangent(x, at=0)),
    "tangent-at-the-end-of-a-root": ([x >= 1], (-sqrt(x**2 - 2 * x + 1), ">=", 0), lambda: tangent(x, at=1)),
    "tangent-of-moduli-of-many": (
        [Real(x), Z], (-total(Abs(x - z[k]), k), ">=", total(x - z[k], k)), lambda: tangent(x, at=0)
    ),
    # Rows that are no distributions, what is nearly one-hot, two vectors of one name.
    "rows-doubled": (
        [Distribution(conditional), Label(a, M)], (2, "==", 1),
        lambda: row_mass().at({conditional: Vector("v", lambda b, c: 2 * conditional[b, c])}),
    ),
    "rows-of-scores": (
        [Real(scores), Label(a, N), Y], (scores[a, y], "<=", 1), lambda: row_entry().at({conditional: scores})
    ),
    "rows-with-negative-entries": (
        [Distribution(conditional), Label(a, M), Y], (2 * conditional[a, y] - 1 / K, "<=", 1),
        lambda: row_entry().at({conditional: Vector("v", lambda b, c: 2 * conditional[b, c] - 1 / K)}),
    ),
    "columns-for-rows": (
        [P, Label(a, M)], (K, "==", 1), lambda: row_mass().at({conditional: Vector("v", lambda b, c: K * p[c])})
    ),
    "one-hot-at-two-labels": (
        [Q, Y, I], (CE(mix(one_hot(y), one_hot(i)), q), "==", -log(q[y])),
        lambda: one_hot_loss().at({p: mix(one_hot(y), one_hot(i))}),
    ),
    "one-hot-where-two-labels-meet": (
        [Q, Y, I], (CE(Vector("d", lambda c: KroneckerDelta(c, y) * KroneckerDelta(c, i)), q), "==", -log(q[y])),
        lambda: one_hot_loss().at({p: Vector("d", lambda c: KroneckerDelta(c, y) * KroneckerDelta(c, i))}),
    ),
    "two-vectors-of-one-name": (
        [P, Q], (KL(Vector("v", lambda c: p[c] / 2), q), ">=", 0),
        lambda: gibbs().at({p: Vector("v", lambda c: p[c] / 2), q: Vector("v", lambda c: q[c])}),
    ),
    # What is put in has no value, and what comes of it does.
    "logarithm-in-an-exponential": (
        [Real(u)], (u, ">=", 0),
        lambda: Claim("exp", (exp(x), ">=", 0), given=[Real(x)]).prove().at({x: log(u)}),
    ),
    "times-a-logarithm": ([Real(u)], (u, ">=", 0), lambda: square().at({x: 1}, times=log(u) ** 2)),
    "norm-at-each-observation": (
        [P, Label(labels)], (total(p[labels[n]], n, N), "<=", maximum_norm(p)),
        lambda: entry_below_norm().at({y: labels[n]}, over=n)
    ),
    # A tangent at, or equality at, what has no value on all of the domain, or lies outside.
    "tangent-at-a-logarithm": (
        [Real(x), Real(u)],
        (exp(8 * x) / 16 + Rational(4, 3) * u**5 * exp(3 * x) + Rational(9, 4) * u**10 * exp(-2 * x),
        ">=", Rational(175, 48) * u**8),
        lambda: tangent(x, at=log(u))
    ),
    "equality-at-a-logarithm": (
        [Real(x), Real(u)], (exp(x) - 2 * u + u**2 * exp(-x), ">=", 0), {x: log(u)}, lambda: tangent(x, at=log(u))
    ),
    "equality-at-an-open-end": ([x > 0], (exp(x), ">=", 1 + x), {x: 0}, lambda: tangent(x, at=0)),
    "equality-at-an-open-end-of-a-square": ([x > 0], (x**2, ">=", 0), {x: 0}, lambda: tangent(x, at=0)),
    "equality-past-the-end": ([x < 3], ((x - 5) ** 2, ">=", 0), {x: 5}, lambda: square_at_zero().at({x: x - 5})),
    "equality-at-no-distribution": (
        [P], (total(p[k] ** 2, k), ">=", 0), {p: Vector("0", lambda c: 0)},
        lambda: square_at_zero().at({x: p[k]}, over=k)
    ),
    # The index of a vector within a vector, and that of a product.
    "norm-of-nested-vectors": (
        [Z, I, J], (Abs(z[i] - z[j]), "<=", maximum_norm(Vector("0", lambda c: 0))),
        lambda: below_norm().at({ANY: Vector("w", lambda c: Vector("v", lambda d: z[c] - z[d])[j])})
    ),
    "exponentials-of-sums": (
        [Z, P, I],
        (total(exp(total(exp(z[j] * z[k] ** 3), j)), k) + (1 + Abs(p[i] - 1)) ** 2, ">=",
        total(exp(total(exp(z[j] ** 2 * z[k] ** 2), j)), k) + 1 + 2 * Abs(p[i] - 1) + (p[i] - 1) ** 2)
    ),
}  # fmt: skip


def _prove(name, given, *row):
    """Prove the claim of a row: its statements, then perhaps the equality (a dict) and the certificate (a function)."""
    statements = [item for item in row if isinstance(item, tuple)]
    equality = next((item for item in row if isinstance(item, dict)), None)
    by = next((item for item in row if callable(item)), lambda: None)()
    return Claim(name, *statements, given=given, equality=equality).prove(by=by)


FOOLED_BY = {name: partial(_prove, name, *row) for name, row in _TRAPS.items()}


@cache
def kl_below_chi_square():
    statement = KL(p, q), "<=", total((p[k] - q[k]) ** 2 / q[k], k)
    return Claim("kl-below-chi-square", statement, given=[P_POS, Q]).prove(
        by=log_tangent().at({x: p[k] / q[k]}, times=p[k], over=k)
    )


@cache
def x_log_x_least():
    """x log x is least at 1/e, and -1/e there."""
    return Claim("x-log-x-least", (x * log(x), ">=", -exp(-1)), given=CLOSED).prove(by=tangent(x, at=exp(-1)))


WEIGHTED = Vector("w", lambda c: p[c] * exp(z[c]) / total(p[j] * exp(z[j]), j))
SHIFTED = Vector("s", lambda c: exp(z[c] + x) / total(exp(z[j] + x), j))
BLEND = Vector("b", lambda c: x * p[c] + (1 - x) * r[c])
MEAN_Z = total(p[j] * z[j], j)

_TRUE = {
    "closed-end-of-an-entry": ([Distribution(q), I], ((1 - q[i]) * log(1 - q[i]), "<=", 0)),
    "norm-of-one-hot": ([DELTA], (maximum_norm(p), "==", 1), None),
    "norm-of-a-distribution": ([P], (maximum_norm(p), "<=", 1), None),
    "entry-below-the-norm": ([Real(ANY), I], (Abs(ANY[i]), "<=", maximum_norm(ANY)), None),
    "triangle": ([Z], (Abs(total(z[k], k)), "<=", total(Abs(z[k]), k)), None),
    "modulus-above": ([Real(x)], (Abs(x), ">=", x), None),
    "lambert": (POSITIVE, (LambertW(x) * exp(LambertW(x)), "==", x), None),
    "lambert-inverse": (POSITIVE, (exp(-LambertW(x)), "==", LambertW(x) / x), None),
    "label-left-out": (
        [Q, Y],
        (total((1 - KroneckerDelta(k, y)) * log((1 - KroneckerDelta(k, y)) * q[k]), k), "==",
            total(log(q[k]), k) - log(q[y])),
        None,
    ),
    "quotients-that-cancel": ([Q, R], (total((q[k] ** 2 - r[k] ** 2) / (q[k] + r[k]), k), "==", 0), None),
    "product-of-signs": (OPEN, (log(x) * log(1 - x), ">=", 0), None),
    # Algebra of the scalar functions.
    "sigmoid-pair": ([Real(x)], (sigmoid(x) + sigmoid(-x), "==", 1)),
    "sigmoid-odds": ([Real(x)], (sigmoid(x), "==", exp(x) * sigmoid(-x))),
    "softplus-pair": ([Real(x)], (softplus(x) - softplus(-x), "==", x)),
    "softplus-slope": ([Real(x)], (gradient(softplus(x), x), "==", sigmoid(x))),
    "softplus-curvature": ([Real(x)], (gradient(gradient(softplus(x), x), x), "==", sigmoid(x) * sigmoid(-x))),
    "sigmoid-slope": ([Real(x)], (gradient(sigmoid(x), x), "==", sigmoid(x) * (1 - sigmoid(x)))),
    "log-sigmoid": ([Real(x)], (log(sigmoid(x)), "==", -softplus(-x))),
    "tanh-of-sigmoid": ([Real(x)], (tanh(x), "==", 2 * sigmoid(2 * x) - 1)),
    "tanh-slope": ([Real(x)], (gradient(tanh(x), x), "==", 1 - tanh(x) ** 2)),
    "cosh-and-sinh": ([Real(x)], (cosh(x) ** 2 - sinh(x) ** 2, "==", 1)),
    "binomial": ([Real(x), Real(u)], ((x + u) ** 2 - (x - u) ** 2, "==", 4 * x * u)),
    "log-of-power": ([x > 0, Real(gamma)], (log(x**gamma), "==", gamma * log(x))),
    "log-of-positive-product": ([x > 0, u > 0], (log(x**2 * u), "==", 2 * log(x) + log(u))),
    "power-slope": ([x > 0, gamma >= 1], (gradient(x**gamma, x), "==", gamma * x ** (gamma - 1))),
    "binary-entropy-slope": (OPEN, (gradient(BINARY, x), "==", log(1 - x) - log(x))),
    "focal-margin-slope": (
        [Real(s), gamma >= 0],
        (gradient(sigmoid(s) ** gamma * softplus(s), s), "==",
         sigmoid(s) ** gamma * (sigmoid(s) + gamma * sigmoid(-s) * softplus(s))),
    ),
    "focal-at-gamma-zero": ([P, Q], (-expectation(p, lambda c: (1 - q[c]) ** 0 * log(q[c])), "==", CE(p, q))),
    "focal-at-gamma-one": (
        [P, Q], (-expectation(p, lambda c: (1 - q[c]) * log(q[c])), "==", CE(p, q) + total(p[k] * q[k] * log(q[k]), k))
    ),
    # Sums over the classes.
    "count": ([], (total(1, k), "==", K)),
    "trace": ([], (total(total(KroneckerDelta(i, j), j), i), "==", K)),
    "uniform-entropy": ([], (H(U), "==", log(K))),
    "ce-of-uniform-model": ([P], (CE(p, U), "==", log(K))),
    "uniform-pull": ([Q], (CE(U, q), "==", log(K) + KL(U, q))),
    "kl-to-uniform": ([P], (KL(p, U), "==", log(K) - H(p))),
    "ce-linear": ([P, R, Q, *CLOSED], (CE(BLEND, q), "==", x * CE(p, q) + (1 - x) * CE(r, q))),
    "smoothed-sum": ([P, *RATE], (total(SMOOTH[k], k), "==", 1)),
    "smoothing-split": ([P, Q, *RATE], (CE(SMOOTH, q), "==", epsilon * CE(U, q) + (1 - epsilon) * CE(p, q))),
    "smoothed-margin": (
        [Z, Y, *RATE],
        (CE(smooth_labels(one_hot(y), epsilon), S), "==", softplus(lead(z, y)) - epsilon * total(z[j] - z[y], j) / K),
    ),
    "jeffreys": ([P_POS, Q], (total((p[k] - q[k]) * log(p[k] / q[k]), k), "==", KL(p, q) + KL(q, p))),
    "gini": ([P], (total(p[k] * (1 - p[k]), k), "==", 1 - total(p[k] ** 2, k))),
    "brier": (
        [P, Q],
        (total((p[k] - q[k]) ** 2, k), "==", total(p[k] ** 2, k) - 2 * total(p[k] * q[k], k) + total(q[k] ** 2, k)),
    ),
    "brier-of-a-label": (
        [Q, Y], (total((KroneckerDelta(k, y) - q[k]) ** 2, k), "==", 1 - 2 * q[y] + total(q[k] ** 2, k))
    ),
    "chi-square": ([P, Q], (total((p[k] - q[k]) ** 2 / q[k], k), "==", total(p[k] ** 2 / q[k], k) - 1)),
    "variance": ([P, Z], (total(p[k] * (z[k] - MEAN_Z) ** 2, k), "==", total(p[k] * z[k] ** 2, k) - MEAN_Z**2)),
    "variance-of-pairs": (
        [P, Z],
        (total(total(p[i] * p[j] * (z[i] - z[j]) ** 2, j), i) / 2, "==", total(p[k] * z[k] ** 2, k) - MEAN_Z**2),
    ),
    "entropy-of-a-product": (
        [P_POS, Q], (total(total(p[i] * q[j] * log(p[i] * q[j]), j), i), "==", -H(p) - H(q))
    ),
    "kl-of-a-product": (
        [P_POS, Q, R],
        (total(total(p[i] * q[j] * log(p[i] * q[j] / (r[i] * r[j])), j), i), "==", KL(p, r) + KL(q, r)),
    ),
    "compensation": (
        [P_POS, Q, R], (KL(p, r) + KL(q, r), "==", KL(p, mix(p, q)) + KL(q, mix(p, q)) + 2 * KL(mix(p, q), r))
    ),
    "jensen-shannon": (
        [P_POS, Q], ((KL(p, mix(p, q)) + KL(q, mix(p, q))) / 2, "==", H(mix(p, q)) - H(p) / 2 - H(q) / 2)
    ),
    "sum-inside-a-sum": ([P, Q], (total(p[k] * entropy(q), k), "==", H(q))),
    "bound-index-of-the-same-name": ([P, L], (total(p[k], k) * p[k], "==", p[k])),
    "one-hot-square": ([DELTA, I], (p[i] ** 2, "==", p[i])),
    "one-hot-pick": ([DELTA, Z], (total(p[k] * z[k], k), "==", z[y])),
    "one-hot-diagonal": ([DELTA, I, J], (p[i] * p[j], "==", KroneckerDelta(i, j) * p[i])),
    "one-hot-collision": ([DELTA], (total(p[k] ** 2, k), "==", 1)),
    "one-hot-focal": ([DELTA, Q, gamma >= 0], (focal(p, q), "==", -((1 - q[y]) ** gamma) * log(q[y]))),
    "sum-without-the-label": ([P, Y], (total((1 - KroneckerDelta(j, y)) * p[j], j), "==", 1 - p[y])),
    # Softmax and gradients.
    "softmax-sum": ([Z], (total(S[k], k), "==", 1)),
    "softmax-shift": ([Z, Real(x), I], (SHIFTED[i], "==", S[i])),
    "log-softmax": ([Z, Y], (log(S[y]), "==", z[y] - LSE)),
    "ce-of-logits": ([P, Z], (CE(p, S), "==", LSE - total(p[k] * z[k], k))),
    "softmax-entropy": ([Z], (H(S), "==", LSE - total(S[k] * z[k], k))),
    "softmax-log-odds": ([Z, I, J], (log(S[i] / S[j]), "==", z[i] - z[j])),
    "margin-log-odds": ([Z, Y], (log(S[y]) - log(1 - S[y]), "==", -lead(z, y))),
    "lse-gradient": ([Z, I], (gradient(LSE, z[i]), "==", S[i])),
    "softmax-jacobian": ([Z, Y, I], (gradient(S[y], z[i]), "==", S[y] * (KroneckerDelta(i, y) - S[i]))),
    "softmax-gradient-sums-to-zero": ([P, Z], (total(gradient(CE(p, S), z[i]), i), "==", 0)),
    "smoothed-gradient": ([P, Z, I, *RATE], (gradient(CE(SMOOTH, S), z[i]), "==", S[i] - SMOOTH[i])),
    "kl-gradient-in-logits": ([P_POS, Z, I], (gradient(KL(p, S), z[i]), "==", S[i] - p[i])),
    "ce-gradient": ([P, Q, I], (gradient(CE(p, q), q[i]), "==", -p[i] / q[i])),
    "entropy-gradient": ([P_POS, I], (gradient(H(p), p[i]), "==", -log(p[i]) - 1)),
    "entropy-gradient-same-index": ([P_POS, L], (gradient(H(p), p[k]), "==", -log(p[k]) - 1)),
    "lse-gradient-same-index": ([Z, J], (gradient(log(total(exp(z[j]), j)), z[j]), "==", S[j])),
    "sum-gradient": ([Z, I], (gradient(total(z[k], k), z[i]), "==", 1)),
    "square-gradient": ([Z, I], (gradient(total(z[k] ** 2, k), z[i]), "==", 2 * z[i])),
    # The data set.
    "empirical-sums-to-one": (DATA[:2], (total(total(empirical(a, k), k), a, M), "==", 1)),
    "mean-of-a-constant": ([P], (total(H(p), n, N) / N, "==", H(p))),
    "dataset-loss-of-one-input": (
        [Label(labels), Q],
        (total(log(q[labels[n]]), n, N), "==", total(total(KroneckerDelta(labels[n], k) * log(q[k]), k), n, N)),
    ),
    "dataset-gradient": (
        [*SCORES, Label(i, N), J],
        (gradient(total(log(total(exp(scores[n, k]), k)) - scores[n, labels[n]], n, N) / N, scores[i, j]), "==",
         (exp(scores[i, j]) / total(exp(scores[i, k]), k) - KroneckerDelta(labels[i], j)) / N),
    ),
    "dataset-loss-nonnegative": (DATA, (dataset_loss(conditional), ">=", 0)),
    # Signs.
    "entropy-nonnegative": ([P], (H(p), ">=", 0)),
    "ce-nonnegative": ([P, Q], (CE(p, q), ">=", 0)),
    "probability-below-one": ([P, I], (p[i], "<=", 1)),
    "square-below": (CLOSED, (x**2, "<=", x)),
    "square-of-a-probability": ([P, I], (p[i] ** 2, "<=", p[i])),
    "collision-below-one": ([P], (total(p[k] ** 2, k), "<=", 1)),
    "gini-nonnegative": ([P], (total(p[k] * (1 - p[k]), k), ">=", 0)),
    "chi-square-nonnegative": (
        [P, Q], (total((p[k] - q[k]) ** 2 / q[k], k), ">=", 0),
        lambda: square().at({x: p[k] - q[k]}, times=1 / q[k], over=k),
    ),
    "brier-nonnegative": ([P, Q], (total((p[k] - q[k]) ** 2, k), ">=", 0)),
    "variance-nonnegative": (
        [P, Z], (total(p[k] * (z[k] - MEAN_Z) ** 2, k), ">=", 0),
        lambda: square().at({x: z[k] - MEAN_Z}, times=p[k], over=k),
    ),
    "am-gm": ([Real(x), Real(u)], ((x - u) ** 2, ">=", 0)),
    "am-gm-expanded": (
        [Real(x), Real(u)], (x**2 + u**2, ">=", 2 * x * u), lambda: square().at({x: x - u})
    ),
    "am-gm-of-roots": (
        [x > 0, u > 0], (sqrt(x * u), "<=", (x + u) / 2),
        lambda: square().at({x: sqrt(x) - sqrt(u)}, times=Rational(1, 2)),
    ),
    "softmax-positive": ([Z, I], (S[i], ">=", 0)),
    "softmax-loss-nonnegative": (
        [Z, Y], (softplus(lead(z, y)), ">=", 0), lambda: gibbs().at({p: one_hot(y), q: S})
    ),
    "softplus-nonnegative": ([Real(x)], (softplus(x), ">=", 0)),
    "sigmoid-below-one": ([Real(x)], (sigmoid(x), "<=", 1)),
    "smoothed-nonnegative": ([P, I, *RATE], (SMOOTH[i], ">=", 0)),
    "focal-nonnegative": ([P, Q, gamma >= 0], (focal(p, q), ">=", 0)),
    "log-K-positive": ([], (log(K), ">=", 0)),
    "modulus-of-entropy-terms": ([Q], (total(Abs(q[k] * log(q[k])), k), "==", H(q))),
    "modulus-of-a-probability": ([P, I], (Abs(p[i]), "==", p[i])),
    # Tangents.
    "log-below-tangent": ([x > 0], (log(x), "<=", x - 1), {x: 1}, lambda: tangent(x, at=1)),
    "log-below-line-through-zero": ([x > 0], (log(x), "<=", x * exp(-1)), lambda: tangent(x, at=exp(1))),
    "log-below-tangent-at-two": ([x > 0], (log(x), "<=", log(2) + (x - 2) / 2), lambda: tangent(x, at=2)),
    "exp-above-tangent": ([Real(x)], (exp(x), ">=", 1 + x), {x: 0}, lambda: tangent(x, at=0)),
    "exp-above-e-x": ([Real(x)], (exp(x), ">=", exp(1) * x), lambda: tangent(x, at=1)),
    "exp-saturates": ([u >= 0], (1 - exp(-u), "<=", u), lambda: tangent(u, at=0)),
    "sinh-above": ([t >= 0], (sinh(t), ">=", t), {t: 0}, lambda: tangent(t, at=0)),
    "tanh-below": ([x >= 0], (tanh(x), "<=", x), lambda: tangent(x, at=0)),
    "cosh-above-one": ([Real(x)], (cosh(x), ">=", 1), lambda: tangent(x, at=0)),
    "bernoulli": ([*CLOSED, gamma >= 1], ((1 - x) ** gamma, ">=", 1 - gamma * x), lambda: tangent(x, at=0)),
    "power-above-tangent": ([x > 0, gamma >= 1], (x**gamma, ">=", 1 + gamma * (x - 1)), lambda: tangent(x, at=1)),
    "power-below-tangent": ([x > 0, *RATE], (x**epsilon, "<=", 1 + epsilon * (x - 1)), lambda: tangent(x, at=1)),
    "softplus-above-tangent": ([Real(x)], (softplus(x), ">=", log(2) + x / 2), lambda: tangent(x, at=0)),
    "binary-entropy-below-log-2": (OPEN, (BINARY, "<=", log(2)), {x: Rational(1, 2)},
        lambda: tangent(x, at=Rational(1, 2))),
    "binary-entropy-below-parabola": (
        OPEN, (BINARY, "<=", log(2) - 2 * (x - Rational(1, 2)) ** 2), lambda: tangent(x, at=Rational(1, 2))
    ),
    "product-below-quarter": (CLOSED, (x * (1 - x), "<=", Rational(1, 4)), lambda: tangent(x, at=Rational(1, 2))),
    "x-log-x-above-tangent": ([x >= 0], (x * log(x), ">=", x - 1), lambda: tangent(x, at=1)),
    "log-of-one-plus": ([x > -1], (log(1 + x), "<=", x), lambda: tangent(x, at=0)),
    "log-of-one-plus-at-an-open-end": ([x > 0], (log(1 + x), "<=", x), lambda: tangent(x, at=0)),
    # Lemmas, instantiated.
    "log-above-harmonic": ([x >= 0], (log(1 + x), ">=", x / (1 + x)), lambda: log_tangent().at({x: 1 / (1 + x)})),
    "log-K-below": ([], (log(K), "<=", K - 1), lambda: log_tangent().at({x: K})),
    "log-K-above": ([], (log(K), ">=", 1 - 1 / K), lambda: log_tangent().at({x: 1 / K})),
    "entropy-above-gini": (
        [P_POS], (total(p[k] * (1 - p[k]), k), "<=", H(p)), lambda: log_tangent().at({x: p[k]}, times=p[k], over=k)
    ),
    "ce-above-expected-error": (
        [P, Q], (CE(p, q), ">=", total(p[k] * (1 - q[k]), k)), lambda: log_tangent().at({x: q[k]}, times=p[k], over=k)
    ),
    "gibbs": ([P_POS, Q], (KL(p, q), ">=", 0), {q: p}, lambda: x_log_x().at({x: p[k] / q[k]}, times=q[k], over=k)),
    "ce-above-entropy": ([P, Q], (CE(p, q), ">=", H(p)), lambda: gibbs().at({})),
    "entropy-below-log-K": ([P], (H(p), "<=", log(K)), lambda: gibbs().at({q: U})),
    "entropy-below-K": (
        [P], (H(p), "<=", K - 1), lambda: [gibbs().at({q: U}), log_tangent().at({x: K})]
    ),
    "entropy-below-K-over-e": ([P], (H(p), "<=", K * exp(-1)), lambda: x_log_x_least().at({x: p[k]}, over=k)),
    "uniform-ce-above-log-K": ([Q], (CE(U, q), ">=", log(K)), lambda: gibbs().at({p: U})),
    "smoothed-ce-above-entropy": ([P, Q, *RATE], (CE(SMOOTH, q), ">=", H(SMOOTH)), lambda: gibbs().at({p: SMOOTH})),
    "label-loss": ([Z, Y], (LSE, ">=", z[y]), lambda: gibbs().at({p: one_hot(y), q: S})),
    "free-energy": ([P, Z], (LSE, ">=", total(p[k] * z[k], k) + H(p)), lambda: gibbs().at({q: S})),
    "log-mean-exp": ([Z], (LSE, ">=", log(K) + total(z[k], k) / K), lambda: gibbs().at({p: U, q: S})),
    "log-expectation-of-exp": (
        [P_POS, Z], (log(total(p[k] * exp(z[k]), k)), ">=", total(p[k] * z[k], k)), lambda: gibbs().at({q: WEIGHTED})
    ),
    "sum-of-exp": ([Z], (total(exp(z[k]), k), ">=", K + total(z[k], k)), lambda: exp_tangent().at({x: z[k]}, over=k)),
    "jensen-of-log": (
        [P_POS, Q], (CE(p, q), ">=", -log(total(p[k] * q[k], k))),
        lambda: log_tangent().at({x: q[k] / total(p[j] * q[j], j)}, times=p[k], over=k),
    ),
    "entropy-above-collision-entropy": (
        [P_POS], (H(p), ">=", -log(total(p[k] ** 2, k))),
        lambda: log_tangent().at({x: p[k] / total(p[j] ** 2, j)}, times=p[k], over=k),
    ),
    "kl-below-log-of-chi-square": (
        [P_POS, Q], (KL(p, q), "<=", log(total(p[k] ** 2 / q[k], k))),
        lambda: log_tangent().at({x: p[k] / (q[k] * total(p[j] ** 2 / q[j], j))}, times=p[k], over=k),
    ),
    "kl-below-chi-square": (
        [P_POS, Q], (KL(p, q), "<=", total((p[k] - q[k]) ** 2 / q[k], k)),
        lambda: log_tangent().at({x: p[k] / q[k]}, times=p[k], over=k),
    ),
    "kl-below-chi-square-less-one": (
        [P_POS, Q], (KL(p, q), "<=", total(p[k] ** 2 / q[k], k) - 1), lambda: kl_below_chi_square().at({})
    ),
    "collision-above": ([P], (total(p[k] ** 2, k), ">=", 1 / K), lambda: square().at({x: p[k] - 1 / K}, over=k)),
    "mean-square": (
        [P, Z], (MEAN_Z**2, "<=", total(p[k] * z[k] ** 2, k)),
            lambda: square().at({x: z[k] - MEAN_Z}, times=p[k], over=k)
    ),
    "jeffreys-nonnegative": (
        [P_POS, Q], (total((p[k] - q[k]) * log(p[k] / q[k]), k), ">=", 0),
            lambda: [gibbs().at({}), gibbs().at({p: q, q: p})]
    ),
    "mixture-entropy": (
        [P_POS, Q], (H(mix(p, q)), ">=", (H(p) + H(q)) / 2),
        lambda: [gibbs().at({q: mix(p, q)}, times=Rational(1, 2)),
            gibbs().at({p: q, q: mix(p, q)}, times=Rational(1, 2))],
    ),
    "ce-convex-in-model": (
        [P, Q, R], (CE(p, mix(q, r)), "<=", (CE(p, q) + CE(p, r)) / 2),
        lambda: [log_tangent().at({x: 2 * q[k] / (q[k] + r[k])}, times=p[k] / 2, over=k),
                 log_tangent().at({x: 2 * r[k] / (q[k] + r[k])}, times=p[k] / 2, over=k)],
    ),
    "focal-above-the-first-line": (
        [P, Q, gamma >= 1], (focal(p, q), ">=", CE(p, q) + gamma * total(p[k] * q[k] * log(q[k]), k)),
        lambda: bernoulli().at({x: q[k]}, times=-p[k] * log(q[k]), over=k),
    ),
    "two-statements": (
        [x > 0], (log(x), "<=", x - 1), (x * log(x), ">=", x - 1), lambda: (tangent(x, at=1), tangent(x, at=1))
    ),
    # For p with zeros, each in a few lines.
    "square-of-a-mean": (
        [P, Z], (total(p[k] * z[k] ** 2, k), ">=", MEAN_Z**2),
        lambda: square_above_tangent().at({x: z[k], u: MEAN}, times=p[k], over=k),
    ),
    "square-of-an-expectation": (
        [P, Z], (expectation(p, lambda c: z[c] ** 2), ">=", expectation(p, lambda c: z[c]) ** 2),
        lambda: square_above_tangent().at({x: z[k], u: expectation(p, lambda c: z[c])}, times=p[k], over=k),
    ),
    "log-sum-exp-above-the-mean": (
        [Z], (LSE, ">=", total(z[k], k) / K + log(K)), lambda: gibbs().at({p: U, q: S})
    ),
    "kl-below-chi-square-with-zeros": (
        [P, Q], (KL(p, q), "<=", total(p[k] ** 2 / q[k], k) - 1),
        lambda: x_log_x_below().at({x: p[k] / q[k]}, times=q[k], over=k),
    ),
    "kl-below-chi-square-with-zeros-at-once": (
        [P, Q], (KL(p, q), "<=", total(p[k] ** 2 / q[k], k) - 1),
        lambda: log_tangent_anywhere().at({t: p[k], u: p[k] ** 2 / q[k]}, over=k),
    ),
    "classes-times-the-norm": ([P], (K * maximum_norm(p), ">=", 1), lambda: entry_below_norm().at({y: k}, over=k)),
    "dot-product-below-the-norm": (
        [P, Q], (total(p[k] * q[k], k), "<=", maximum_norm(q)),
        lambda: entry_below_norm().at({p: q, y: k}, times=p[k], over=k),
    ),
    "kl-to-a-mixture": ([P, Q], (KL(p, mix(p, q)), ">=", 0), lambda: gibbs().at({q: mix(p, q)})),
    "jensen-of-log-with-zeros": (
        [P, Q], (CE(p, q), ">=", -log(total(p[k] * q[k], k))),
        lambda: log_tangent().at({x: q[k] / total(p[j] * q[j], j)}, times=p[k], over=k),
    ),
    "softmax-of-a-vector": (
        [Z, Real(beta)], (total(softmax(Vector("b", lambda c: beta * z[c]))[k], k), "==", 1)
    ),
    "entry-to-a-power-of-another": ([P, Q, I], (p[i] ** q[i], "<=", 1)),
    "rows-of-a-mixture": (
        [Distribution(conditional), P, Label(a, M)], (total(conditional[a, k] + p[k], k), "==", 2),
        lambda: row_mass().at({conditional: Vector("v", lambda b, c: (conditional[b, c] + p[c]) / 2)}, times=2),
    ),
    "modulus-of-a-mean": ([P, Z], (Abs(MEAN), "<=", total(p[k] * Abs(z[k]), k))),
    "mean-deviation": ([P, Z], (total(p[k] * Abs(z[k] - MEAN), k), ">=", 0)),
    "slope-of-a-weighted-logarithm": ([x >= 0], (gradient(x**2 * log(x), x), "==", 2 * x * log(x) + x)),
}  # fmt: skip


TRUE = {name: cache(partial(_prove, name, *row)) for name, row in _TRUE.items()}
