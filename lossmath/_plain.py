"""The losses as formulas, in operations that torch differentiates to any order, maps, compiles and exports.

For a q_k above one half, 1 - q_k is the sum of the other classes, -log q_k a log1p of that, and the slope in z_k minus
the other slopes: so nothing cancels (the claims `margin-form` and `focal-margin-form` of the book).
"""

import torch

from lossmath._validation import widen


def expm1_less(t):
    """exp(t) - 1 - t, >= 0, with all its digits next to t = 0."""
    near = t.abs() < 0.01
    small = t.where(near, 0.0)
    series = small.square() * (0.5 + small * (1 / 6 + small * (1 / 24 + small * (1 / 120 + small / 720))))
    return torch.where(near, series, torch.expm1(t) - t)


def softplus(s):
    """softplus(s) and log σ(s), with all their digits, as have their derivatives of every order."""
    low = s < 0
    below, above = s.where(low, 0.0).exp(), (-s.where(~low, 0.0)).exp()
    grown, shrunk = below.log1p(), above.log1p()
    return torch.where(low, grown, s + shrunk), torch.where(low, s - grown, -shrunk)


def label_loss(z, label, c, gamma, dim):
    """c (1 - q_y)^γ (-log q_y) of labels y, by the lead s of the other classes."""
    own = z.gather(dim, label)
    others = z.scatter(dim, label, -torch.inf)
    top = others.detach().amax(dim, keepdim=True)
    top = top.masked_fill(top == -torch.inf, 0.0).to(widen(z.dtype))
    rest = (others - top).exp().sum(dim, keepdim=True)
    alone = rest == 0
    lead = (rest.masked_fill(alone, 1.0).log() + top).masked_fill(alone, -torch.inf) - own
    lead = lead.masked_fill(own == torch.inf, torch.nan)
    lost = lead == torch.inf  # there the loss is +inf, with the slope 1
    s = lead.masked_fill(lost | (lead == -torch.inf), 0.0)
    loss, log_miss = softplus(s)
    loss = torch.where(lost, lead, loss.masked_fill(lead == -torch.inf, 0.0))
    if not isinstance(gamma, float) or gamma:
        loss = torch.where(lost, loss, (gamma * log_miss).exp() * loss.masked_fill(lost, 0.0))
    return loss if c is None else c * loss.masked_fill((c == 0) & lost, 0.0)


def binary_loss(z, t, alpha, gamma):
    """a_t m^γ (t softplus(-z) + (1 - t) softplus(z)) of independent decisions, with m in logarithms."""
    (up, log_up), (down, log_down) = softplus(z.to(t.dtype)), softplus(-z.to(t.dtype))
    inside = (t > 0) & (t < 1)
    mixed = torch.logaddexp(t.where(inside, 0.5).log() + log_down, (1 - t.where(inside, 0.5)).log() + log_up)
    log_miss = torch.where(inside, mixed, torch.where(t > 0.5, log_down, log_up))
    loss = (t * down + (1 - t) * up) * (gamma * log_miss).exp()
    return loss if alpha < 0 else loss * (alpha * t + (1 - alpha) * (1 - t))


def anchor(z, dim):
    """Leads over the largest logit, the sum of their exponentials without the largest, and where the largest is.

    Where one class has more than half of the probability, its lead is a constant 0: its slope is then minus those of
    the others. Elsewhere the anchor is the constant: every slope is then its own.
    """
    top = z.detach().argmax(dim, keepdim=True)
    at = z.gather(dim, top)
    fixed = at.detach()
    sure = (z.detach() - fixed).scatter(dim, top, -torch.inf).exp().sum(dim, keepdim=True) < 1
    leads = z - torch.where(sure, at, fixed)
    leads = leads.scatter(dim, top, leads.gather(dim, top).masked_fill(sure, 0.0))
    others = leads.scatter(dim, top, -torch.inf).exp().sum(dim, keepdim=True)
    return leads, others + (fixed - fixed), top  # NaN if the largest is infinite


def mixture_loss(z, p, gamma, dim):
    """Σ_k p_k (1 - q_k)^γ (-log q_k) of target probabilities p."""
    p = p()
    leads, others, top = anchor(z.to(p.dtype), dim)
    own = leads.gather(dim, top)
    log_total = (others + own.expm1()).log1p()
    dead = leads == -torch.inf
    losses = log_total - leads.masked_fill(dead, 0.0)
    if not isinstance(gamma, float) or gamma:
        log_others = others.masked_fill(others == 0, 1.0).log()
        q = (leads - log_total).exp().scatter(dim, top, 0.0)
        log_miss = (-q).log1p().scatter(dim, top, log_others - log_total)
        losses = losses * (gamma * log_miss).exp()
    rows = (p * losses.masked_fill(dead, 0.0)).sum(dim, keepdim=True)
    lost = torch.where(dead & (p != 0), log_total - leads, 0.0)
    rows = rows + (p * lost).sum(dim, keepdim=True)
    if p.requires_grad:  # the loss of a target of 0 on an impossible class is 0, with the slope +inf of a root
        steep = dead & (p == 0)
        rows = rows + p.where(steep, 1.0).sqrt().where(steep, 0.0).sum(dim, keepdim=True)
    return rows


def divergence(p, q, dim):
    """KL(p ‖ q), in float64; where q lacks a class +inf, with the slope of the cross-entropy in q."""
    p, q = p.double(), q.double()
    lacking = ((p > -torch.inf) & (q == -torch.inf)).any(dim, keepdim=True)
    leads, others, top = anchor(p, dim)
    own = leads.gather(dim, top)  # 0, with or without a slope
    log_total = (others + own.expm1()).log1p()
    shares = (leads - log_total).exp()
    present = shares > 0
    finite = q.masked_fill(lacking, 0.0)
    behind = finite - finite.gather(dim, top)
    gap = finite.where(present, 0.0) - p.where(present, 0.0)
    with torch.no_grad():  # what its rounding lost, so that an offset of all the logits changes nothing
        turn = gap - finite
        lost = ((finite - (gap - turn)) - (p + turn)).where(present, 0.0)
    gap = (gap - gap.gather(dim, top)) + (lost - lost.gather(dim, top))
    mean = (shares * gap).sum(dim, keepdim=True)
    gap = (gap - mean).where(present, 0.0)
    logs = behind + own - mean - log_total  # log(p exp gap), also where p is 0
    far = logs.clamp(max=60.0).exp() - shares * (1 + gap)
    near = present & (gap < 1)
    terms = torch.where(near, shares * expm1_less(gap.where(near, 0.0)), far).sum(dim, keepdim=True)
    beyond = (logs > 50).any(dim, keepdim=True)
    value = torch.where(beyond, logs.logsumexp(dim, keepdim=True), terms.log1p())
    infinite = q.logsumexp(dim, keepdim=True) - (shares.detach() * q.where(present, 0.0)).sum(dim, keepdim=True)
    return torch.where(lacking, infinite, value)
