"""Stating, proving, checking and refuting claims about distributions and losses, for every number of classes.

The one import of a chapter:

>>> from lossmath.claims import *
>>> gibbs = Claim("gibbs", (kl_divergence(p, q), ">=", 0), given=[Distribution(p), Distribution(q, positive=True)])
>>> log_tangent = Claim("log-tangent", (t * log(t / u), ">=", t - u), given=[t >= 0, u > 0])
>>> tangent_proof = log_tangent.prove(by=tangent(t, at=u))
>>> gibbs.prove(by=tangent_proof.at({t: p[k], u: q[k]}, over=k)).lemmas
['log-tangent']

Nothing here needs torch but `check` and `evaluate`, which import it when they are called.
"""

from lossmath.claims import claim as _claim
from lossmath.claims import quantities as _quantities
from lossmath.claims.claim import *
from lossmath.claims.notation import latex
from lossmath.claims.quantities import *

__all__ = [*_claim.__all__, *_quantities.__all__, "evaluate", "latex", "mutants"]


def evaluate(expr, values):
    """The value of `expr` at one point; see `lossmath.claims.evaluation.evaluate`."""
    from lossmath.claims.evaluation import evaluate

    return evaluate(expr, values)


def mutants(*proofs):
    """What becomes of claims that are changed in one place; see `lossmath.claims.mutation.mutants`."""
    from lossmath.claims.mutation import mutants

    return mutants(*proofs)
