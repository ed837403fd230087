"""Stating, proving, checking and refuting claims about distributions and losses, for every number of classes.

The one import of a chapter:

>>> from lossmath.claims import *
>>> gibbs = Claim("gibbs", kl_divergence(p, q) >= 0, given=[Distribution(p), Distribution(q, positive=True)])
>>> log_tangent = Claim("log-tangent", t * log(t / u) >= t - u, given=[t >= 0, u > 0])
>>> tangent_proof = log_tangent.prove(by=tangent(t, at=u))
>>> gibbs.prove(by=tangent_proof.at({t: p[k], u: q[k]}, over=k)).lemmas
['log-tangent']

Nothing here needs torch or NumPy but `check`, which imports torch when it is called.
"""

from lossmath.claims import claim as _claim
from lossmath.claims import quantities as _quantities
from lossmath.claims.claim import *
from lossmath.claims.evaluation import evaluate
from lossmath.claims.mutation import mutants
from lossmath.claims.notation import latex
from lossmath.claims.quantities import *

__all__ = [*_claim.__all__, *_quantities.__all__, "evaluate", "latex", "mutants"]
