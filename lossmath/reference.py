"""The loss in multiple precision, and as it is usually written: what `lossmath.losses` is measured against."""

import mpmath
import torch


def truth(logits, p, gamma, digits=60):
    """Σ_k p_k (1 - q_k)^γ (-log q_k) and its gradient in the logits, in multiple precision, from lists of numbers.

    It is exact for what is given: 1 - q_k is a sum here, so that any lead of one logit needs no more digits.
    """
    with mpmath.workdps(digits):
        logits, p, gamma = [mpmath.mpf(z) for z in logits], [mpmath.mpf(x) for x in p], mpmath.mpf(gamma)
        top = max(range(len(logits)), key=logits.__getitem__)
        shares = [mpmath.exp(z - logits[top]) for z in logits]
        others = mpmath.fsum(share for k, share in enumerate(shares) if k != top)
        q = [share / (1 + others) for share in shares]
        miss = [others / (1 + others) if k == top else 1 - q[k] for k in range(len(q))]
        log_total = mpmath.log1p(others)
        value, slopes = mpmath.mpf(0), [mpmath.mpf(0)] * len(q)
        for k, share in enumerate(p):
            if share:
                loss = log_total - (logits[k] - logits[top])
                focus = miss[k] ** gamma
                value += share * focus * loss
                # -q d/dq of (1 - q)^γ (-log q), which is 1 at q = 0
                turn = gamma * q[k] * focus / miss[k] * loss if q[k] and miss[k] else 0
                slopes[k] = share * (focus + turn)
        total = mpmath.fsum(slopes)
        return value, [q[k] * (total - slope) - miss[k] * slope for k, slope in enumerate(slopes)]


def recipe(z, y, gamma, reduction="mean"):
    """The focal loss of logits and labels as it is usually written, from torch's cross-entropy."""
    ce = torch.nn.functional.cross_entropy(z, y, reduction="none")
    rows = (1 - (-ce).exp()) ** gamma * ce
    return rows if reduction == "none" else getattr(rows, reduction)()
