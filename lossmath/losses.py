"""Cross-entropy, label smoothing and focal loss as torch functions for training, accurate where others lose all digits.

All of them are one expectation over the classes. With logits z, the model q = softmax(z) and target probabilities p,

    CE_γ(p ‖ q) = Σ_k p_k (1 - q_k)^γ (-log q_k),

in nats; γ = 0 is cross-entropy. What is computed from a q_k that was rounded to 1 is lost: 1 - q_k and -log q_k are then 0. For a
q_k above one half, 1 - q_k is therefore the sum of the other classes, and -log q_k a log1p of it, and the slope in z_k minus the sum of
the other slopes, so nothing cancels (the claims `margin-form` and `focal-margin-form` of the book).

There are two forms. The *plain* one is the formula, in operations that torch differentiates to any order, maps, compiles and exports.
The *fused* one is for training: a kernel computes losses and slopes together, part by part of the logits, so that a part stays in a cache
and no matrix is kept but the slopes. `_fuse` says when the second stands for the first.

Logits have the shape (C,), (N, C) or (N, C, d1, ...): C classes, on axis 1 if there is a batch. The dtypes are float64, float32,
bfloat16 and float16; the last two are computed in float32 and rounded once. A logit -inf is probability 0: no loss off the target,
+inf on it. NaN or +inf among the logits of an observation, or -inf in all of them, gives NaN.

Values (labels in range, targets that are distributions) are checked on the CPU. They are not looked at on other devices, where one would
have to wait for them, nor under `torch.compile`, `torch.export` and `torch.func.vmap`, where that cannot be done.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from lossmath._validation import (
    EVEN,
    check_class_axis,
    check_distribution,
    check_floating,
    check_integer,
    check_integers,
    check_number,
    describe,
    extremes,
    sum_classes,
)

__all__ = [
    "CrossEntropyLoss",
    "FocalLoss",
    "adaptive_gamma",
    "cross_entropy",
    "entropy",
    "focal_loss",
    "kl_divergence",
    "sigmoid_focal_loss",
    "smooth_labels",
]


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Cross-entropy of logits and targets, a drop-in for `torch.nn.functional.cross_entropy`.

    For a label y it is softplus(s), where s = log(sum over j ≠ y of exp z_j) - z_y is the lead of the other classes; for
    target probabilities p it is Σ_k p_k (-log q_k). With smoothing, p becomes ε/C + (1 - ε) p. Class weights multiply the
    terms of the sum.

    Parameters
    ----------
    input : Tensor of shape (C,), (N, C) or (N, C, d1, ...), floating
        Logits.
    target : Tensor
        Either labels from 0 to C - 1, of an integer dtype and of the shape of `input` without its class axis; or
        probabilities, floating and of the shape of `input`, in which the loss can be differentiated too. Their sums are 1
        within 0.01, which is what rounding to bfloat16 leaves; they are taken as they are.
    weight : Tensor of shape (C,), optional
        Weights of the classes, finite and >= 0.
    ignore_index : int
        Observations with this label do not count. With probabilities it must be negative, and does nothing.
    reduction : "mean", "sum" or "none"
        As torch, "mean" divides the sum by the weight of the labels, Σ_n w_{y_n}, and for probabilities by the number of
        observations. Where that is 0 (every label ignored, an empty batch) the mean is 0, with gradient 0; torch gives NaN.
    label_smoothing : float in [0, 1]
        The rate ε.

    Returns
    -------
    Tensor
        Nats, >= 0, of the dtype of `input` (float32 under autocast): a scalar, or without reduction one for each observation.

    Raises
    ------
    TypeError
        If a dtype is wrong: logits that are integers, labels that are not.
    ValueError
        If shapes do not match, a label is out of range, a target is not a distribution, or an option is out of its range.

    References
    ----------
    The claims `margin-form` and `smoothing-margin-form` of the book; label smoothing is of Szegedy et al. (2016).
    """
    return _loss(input, target, 0.0, weight, ignore_index, reduction, label_smoothing)


def focal_loss(
    input: Tensor,
    target: Tensor,
    gamma: float | Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Focal loss of logits and targets, Σ_k p_k (1 - q_k)^γ (-log q_k), in nats.

    For a label y it is σ(s)^γ softplus(s), with s as in `cross_entropy`; γ = 0 gives the cross-entropy.

    Parameters
    ----------
    input, target, weight, ignore_index, reduction, label_smoothing
        As in `cross_entropy`; a smoothed or soft target takes its share of every class's focal term.
    gamma : float or Tensor, from 0 to 1e30
        The focusing γ. A confident prediction weighs (1 - q)^γ. A tensor holds one γ, or one for each observation (see
        `adaptive_gamma`); no gradient goes through it.

    Returns, raises
    ---------------
    As `cross_entropy`; a `gamma` that is negative, infinite or NaN, or in one observation so, is a ValueError.

    References
    ----------
    The claims `focal-definition` and `focal-margin-form` of the book; Lin et al. (2017), *Focal Loss for Dense Object Detection*.
    """
    return _loss(input, target, gamma, weight, ignore_index, reduction, label_smoothing)


def adaptive_gamma(
    input: Tensor, target: Tensor, low: float = 5.0, high: float = 3.0, threshold: float = 0.2
) -> Tensor:
    """The γ of each observation in the sample-dependent focal loss FLSD-53 of Mukhoti et al. (2020).

    It is `low` where the probability of the label is below `threshold`, else `high`: 5 and 3 as published. `input` holds logits
    and `target` labels, as in `cross_entropy`; the γ of an ignored label means nothing. Returns a tensor of the shape of `target`,
    without gradient, for `focal_loss(input, target, adaptive_gamma(input, target))`. Errors are those of `cross_entropy`.
    """
    dim = check_class_axis("input", input)
    label, _ = _check_labels(check_integers("target", target), input, dim, None)
    low, high = check_number("low", low, MOST), check_number("high", high, MOST)
    threshold = check_number("threshold", threshold, 1)
    q = input.detach().to(_wide(input.dtype)).softmax(dim)
    own = q.gather(dim, label.clamp(0, input.shape[dim] - 1).unsqueeze(dim)).squeeze(dim)
    return torch.where(own < threshold, low, high).to(own.dtype)


def sigmoid_focal_loss(
    inputs: Tensor,
    targets: Tensor,
    alpha: float = 0.25,
    gamma: float | Tensor = 2,
    reduction: str = "none",
) -> Tensor:
    r"""Focal loss of independent binary decisions, a drop-in for `torchvision.ops.sigmoid_focal_loss`.

    With σ = sigmoid(z) and the target t, it is a_t m^γ (t softplus(-z) + (1 - t) softplus(z)), where m = t (1 - σ) + (1 - t) σ
    is the probability of the wrong answer and a_t = α t + (1 - α)(1 - t). Every sum has positive terms only.

    Parameters
    ----------
    inputs : Tensor of any shape, floating
        Logits z.
    targets : Tensor of the shape of `inputs`
        From 0 to 1: labels of the positive class, or probabilities.
    alpha : float in [0, 1], or -1
        The weight α of the positive class; -1 is no weight at all.
    gamma : float or Tensor, from 0 to 1e30
        The focusing γ, or a tensor of them that can be expanded to `inputs`; no gradient goes through it.
    reduction : "none", "mean" or "sum"
        The mean is over all the elements; of none it is 0.

    Returns
    -------
    Tensor
        Nats, >= 0, of the dtype of `inputs`; the gradient is finite for every γ and every finite logit.

    Raises
    ------
    TypeError, ValueError
        If a dtype, a shape, a target or an option is not as above.

    References
    ----------
    Lin et al. (2017), *Focal Loss for Dense Object Detection*.
    """
    check_floating("inputs", inputs)
    if not isinstance(targets, Tensor) or targets.is_complex():
        raise TypeError(f"targets is a tensor, got {describe(targets)}")
    if targets.shape != inputs.shape:
        raise ValueError(f"targets of shape {tuple(inputs.shape)} are expected, got {tuple(targets.shape)}")
    _check_values("targets from 0 to 1", targets, 1.0)
    _check_reduction(reduction)
    alpha = -1.0 if alpha == -1 else check_number("alpha (or -1)", alpha, 1)
    wide = _wide(inputs.dtype)
    z, t = inputs.to(wide), targets.to(wide)
    gamma = _check_gamma(gamma, z, inputs.shape)
    up, log_up, log_down = _softplus(z)[0], -_softplus(-z)[0], -_softplus(z)[0]
    loss = t * -log_up + (1 - t) * up
    inside = (t > 0) & (t < 1)
    mixed = torch.logaddexp(t.where(inside, 0.5).log() + log_down, (1 - t.where(inside, 0.5)).log() + log_up)
    log_miss = torch.where(inside, mixed, torch.where(t > 0.5, log_down, log_up))
    loss = loss * (gamma * log_miss).exp()
    if alpha >= 0:
        loss = loss * (alpha * t + (1 - alpha) * (1 - t))
    return _reduce(loss, reduction, max(loss.numel(), 1)).to(inputs.dtype)


def smooth_labels(p: Tensor, epsilon: float) -> Tensor:
    """The smoothed target ε/C + (1 - ε) p (claim `smoothed-target`; Szegedy et al., 2016).

    `p` holds probabilities, floating, with the classes as in `cross_entropy`; `epsilon` lies in [0, 1]. Raises TypeError or
    ValueError for anything else. Returns a distribution of the shape and dtype of `p`.
    """
    epsilon = check_number("epsilon", epsilon, 1)
    dim = check_class_axis("p", p)
    check_distribution("p", p, dim, SLACK)
    return epsilon / p.shape[dim] + (1 - epsilon) * p


def entropy(p: Tensor, logits: bool = False) -> Tensor:
    """The entropy H[p] = -Σ_k p_k log p_k in nats, from 0 to log C; 0 log 0 = 0.

    `p` holds probabilities, or with `logits=True` logits, which keep the digits of a confident p; the classes are as in
    `cross_entropy`. Returns one value for each distribution, in the dtype of `p`; it is computed in float64. Raises TypeError
    or ValueError if `p` is not floating, has no classes, or is not a distribution.
    """
    dim = check_class_axis("p", p)
    if not logits:
        check_distribution("p", p, dim, SLACK)
        return torch.special.entr(p.double()).sum(dim).clamp(min=0).to(p.dtype)
    leads, others, top = _anchor(p.double(), dim)
    log_total = (others + leads.gather(dim, top).expm1()).log1p()
    logs = leads - log_total
    return -(logs.exp() * logs.masked_fill(leads == -torch.inf, 0.0)).sum(dim).to(p.dtype)


def kl_divergence(p: Tensor, q: Tensor, logits: bool = False) -> Tensor:
    """The divergence KL(p ‖ q) = Σ_k p_k log(p_k / q_k) in nats (Kullback and Leibler, 1951); 0 log(0/0) = 0.

    It is +inf where q lacks a class of p. `p` and `q` hold probabilities, or with `logits=True` logits, with the classes as in
    `cross_entropy`. From logits it is never negative, and keeps its digits however close p and q are: with the differences t
    of the logits, less their mean under p, it is log1p(E_p[exp(t) - 1 - t]). From probabilities it inherits what these lack
    of a sum of 1.

    Returns one value for each pair, in their common dtype; it is computed in float64. Raises TypeError or ValueError if `p`
    and `q` are not floating, of one shape, and distributions.
    """
    dim = check_class_axis("p", p)
    check_class_axis("q", q)
    if p.shape != q.shape:
        raise ValueError(f"p and q of one shape are expected, got {tuple(p.shape)} and {tuple(q.shape)}")
    dtype = torch.promote_types(p.dtype, q.dtype)
    if logits:
        plain, kernel = functools.partial(_divergence, dim=dim), functools.partial(_divergence_kernel, dim=dim)
        fused = _fusable((p, q)) and dtype != torch.float64 and not p.is_cuda
        rows = _Fused.apply(kernel, plain, dim, torch.float64, False, p, q) if fused else plain(p, q)
        return rows.squeeze(dim).to(dtype)
    check_distribution("p", p, dim, SLACK)
    check_distribution("q", q, dim, SLACK)
    present = p > 0
    p, q = p.double().where(present, 1.0), q.double().where(present, 1.0)
    near = (p - q).abs() < q / 2
    ratio = torch.where(near, torch.log1p((p - q) / q.where(near, 1.0)), p.log() - q.log())
    return (p * ratio).where(present, 0.0).sum(dim).to(dtype)


class CrossEntropyLoss(nn.Module):
    """`cross_entropy` as a module, with its options; `weight` is a buffer. Options out of range are an error here."""

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ):
        super().__init__()
        _check_options(ignore_index, reduction, label_smoothing)
        _check_weight(weight)
        self.register_buffer("weight", weight)
        self.ignore_index, self.reduction, self.label_smoothing = ignore_index, reduction, label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)

    def extra_repr(self) -> str:
        return f"ignore_index={self.ignore_index}, reduction={self.reduction!r}, label_smoothing={self.label_smoothing}"


class FocalLoss(CrossEntropyLoss):
    """`focal_loss` as a module, with its options; `gamma` is a number."""

    def __init__(
        self,
        gamma: float,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ):
        super().__init__(weight, ignore_index, reduction, label_smoothing)
        check_number("gamma", gamma, MOST)
        self.gamma = gamma

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        options = self.weight, self.ignore_index, self.reduction, self.label_smoothing
        return focal_loss(input, target, self.gamma, *options)

    def extra_repr(self) -> str:
        return f"gamma={self.gamma}, {super().extra_repr()}"


# From arguments to the expectation

MOST = 1e30  # a γ times a loss is a float32
SLACK = 0.01  # what rounding to bfloat16 leaves of a sum of 1


def _loss(input, target, gamma, weight, ignore_index, reduction, epsilon):
    ignore_index, epsilon = _check_options(ignore_index, reduction, epsilon)
    dim = check_class_axis("input", input)
    wide, classes = _wide(input.dtype), input.shape[dim]
    soft = isinstance(target, Tensor) and target.is_floating_point()
    _check_weight(weight, classes)
    if weight is not None:
        weight = _scale(weight, wide, reduction == "mean" and not soft)
        weight = weight.view([classes if axis == dim else 1 for axis in range(input.ndim)])
    label = c = ignored = p = mass = None
    if soft:
        sums = _check_soft(input, target, ignore_index, dim)
    else:
        label, found = _check_labels(check_integers("target", target), input, dim, ignore_index)
        label = label.unsqueeze(dim)
        if not found or found[0] <= ignore_index <= found[1]:
            ignored = label == ignore_index
            label = label.masked_fill(ignored, 0)
        c = None if weight is None else weight.flatten()[label]
    gamma = _check_gamma(gamma, input, input.shape[:dim] + input.shape[dim + 1 :], dim)
    if soft or epsilon:
        p = functools.partial(_mix, target if soft else None, label, c, weight, epsilon, (dim, classes, wide))
        mass = sums if soft and weight is None and not epsilon else None
    rows = _rows(input, label, c, ignored, p, mass, gamma, dim, _fusable([input], target, weight))
    if soft:
        mass = max(rows.numel(), 1)
    else:
        mass = torch.ones_like(label, dtype=wide) if c is None else c
        mass = (mass if ignored is None else mass.masked_fill(ignored, 0.0)).sum() if reduction == "mean" else None
    rows = _reduce(rows.squeeze(dim), reduction, mass)
    return rows if torch.is_autocast_enabled(_autocast(input)) else rows.to(input.dtype)


def _mix(target, label, c, weight, epsilon, form, index=...):
    """A part of the target probabilities p, times the weights: of a soft target, or of labels that are smoothed."""
    dim, classes, wide = form
    if label is None:
        p = target[index].to(wide)
        p = epsilon / classes + (1 - epsilon) * p if epsilon else p
        return p if weight is None else p * weight
    label = label[index]
    spike = torch.ones_like(label, dtype=wide) if c is None else c[index]
    rest = spike.new_ones(()) if weight is None else weight
    shape = [classes if axis == dim else size for axis, size in enumerate(label.shape)]
    return (rest * (epsilon / classes)).expand(shape).scatter_add(dim, label, (1 - epsilon) * spike)


def _rows(z, label, c, ignored, p, mass, gamma, dim, fused):
    """The losses of the observations, with the class axis kept; 0 where they are ignored."""
    if p is None:
        plain = functools.partial(_label_loss, label=label, c=c, gamma=gamma, dim=dim)
        kernel = functools.partial(_label_kernel, label=label, c=c, gamma=gamma, dim=dim)
    else:
        plain = functools.partial(_mixture_loss, p=p, gamma=gamma, dim=dim)
        kernel = functools.partial(_mixture_kernel, p=p, mass=mass, gamma=gamma, dim=dim)
    if not fused:
        return plain(z) if ignored is None else plain(z.masked_fill(ignored, 0.0)).masked_fill(ignored, 0.0)
    rows = _Fused.apply(kernel, plain, dim, _wide(z.dtype), p is None, z)
    if ignored is not None and extremes(rows.where(ignored, 0.0)) != (0.0, 0.0):  # the gradient would be 0 times NaN
        rows = _Fused.apply(kernel, plain, dim, _wide(z.dtype), p is None, z.masked_fill(ignored, 0.0))
    return rows if ignored is None else rows.masked_fill(ignored, 0.0)


def _reduce(losses, reduction, mass):
    if reduction == "none":
        return losses
    total = losses.sum()
    if reduction == "sum":
        return total
    return total / (mass.masked_fill(mass == 0, torch.inf) if isinstance(mass, Tensor) else mass)


# The plain form


def _softplus(s):
    """softplus(s) and log σ(s), with all their digits, as have their derivatives of every order."""
    low = s < 0
    below, above = s.where(low, 0.0).exp(), (-s.where(~low, 0.0)).exp()
    grown, shrunk = below.log1p(), above.log1p()
    return torch.where(low, grown, s + shrunk), torch.where(low, s - grown, -shrunk)


def _label_loss(z, label, c, gamma, dim):
    """c (1 - q_y)^γ (-log q_y) of labels y, by the lead s of the other classes."""
    own = z.gather(dim, label)
    others = z.scatter(dim, label, -torch.inf)
    top = others.detach().amax(dim, keepdim=True)
    top = top.masked_fill(top == -torch.inf, 0.0).to(_wide(z.dtype))
    rest = (others - top).exp().sum(dim, keepdim=True)
    alone = rest == 0
    lead = (rest.masked_fill(alone, 1.0).log() + top).masked_fill(alone, -torch.inf) - own
    lead = lead.masked_fill(own == torch.inf, torch.nan)
    lost = lead == torch.inf  # there the loss is +inf, with the slope 1
    s = lead.masked_fill(lost | (lead == -torch.inf), 0.0)
    loss, log_miss = _softplus(s)
    loss = torch.where(lost, lead, loss.masked_fill(lead == -torch.inf, 0.0))
    if not isinstance(gamma, float) or gamma:
        loss = torch.where(lost, loss, (gamma * log_miss).exp() * loss.masked_fill(lost, 0.0))
    return loss if c is None else c * loss.masked_fill((c == 0) & lost, 0.0)


def _anchor(z, dim):
    """Leads over the largest logit, the sum of their exponentials without the largest, and where the largest is.

    Where one class has more than half of the probability, its lead is a constant 0: its slope is then minus those of the others.
    Elsewhere the anchor is the constant: every slope is then its own.
    """
    top = z.detach().argmax(dim, keepdim=True)
    at = z.gather(dim, top)
    fixed = at.detach()
    sure = (z.detach() - fixed).scatter(dim, top, -torch.inf).exp().sum(dim, keepdim=True) < 1
    leads = z - torch.where(sure, at, fixed)
    leads = leads.scatter(dim, top, leads.gather(dim, top).masked_fill(sure, 0.0))
    others = leads.scatter(dim, top, -torch.inf).exp().sum(dim, keepdim=True)
    return leads, others + (fixed - fixed), top  # NaN if the largest is infinite


def _mixture_loss(z, p, gamma, dim):
    """Σ_k p_k (1 - q_k)^γ (-log q_k) of target probabilities p."""
    p = p()
    leads, others, top = _anchor(z.to(p.dtype), dim)
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


def _divergence(p, q, dim):
    """KL(softmax(p) ‖ softmax(q)), in float64; where q lacks a class of p it is +inf, with the slope of the cross-entropy in q."""
    p, q = p.double(), q.double()
    lacking = ((p > -torch.inf) & (q == -torch.inf)).any(dim, keepdim=True)
    leads, others, top = _anchor(p, dim)
    log_total = (others + leads.gather(dim, top).expm1()).log1p()
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
    logs = behind - mean - log_total  # log(p exp gap), also where p is 0
    far = logs.clamp(max=60.0).exp() - shares * (1 + gap)
    near = present & (gap < 1)
    terms = torch.where(near, shares * _expm1_less(gap.where(near, 0.0)), far).sum(dim, keepdim=True)
    beyond = (logs > 50).any(dim, keepdim=True)
    value = torch.where(beyond, logs.logsumexp(dim, keepdim=True), terms.log1p())
    infinite = q.logsumexp(dim, keepdim=True) - (shares.detach() * q.where(present, 0.0)).sum(dim, keepdim=True)
    return torch.where(lacking, infinite, value)


def _expm1_less(t):
    """exp(t) - 1 - t, >= 0, with all its digits next to t = 0."""
    near = t.abs() < 0.01
    small = t.where(near, 0.0)
    series = small.square() * (0.5 + small * (1 / 6 + small * (1 / 24 + small * (1 / 120 + small / 720))))
    return torch.where(near, series, torch.expm1(t) - t)


# The fused form


class _Fused(torch.autograd.Function):
    """Rows of losses by a kernel, part by part, with their slopes, which are all that is kept of them.

    A kernel takes the place of a part, that part of the inputs, and for each input a place to write the slopes to, or None; it
    returns the losses, and factors of the slopes if these are not complete. Of short dtypes the inputs are kept, and the kernel
    runs again, so that slopes are rounded once. What is to be differentiated again is computed in the plain form.
    """

    @staticmethod
    def forward(ctx, kernel, plain, dim, wide, whole, *inputs):
        wanted, first = ctx.needs_input_grad[5:], inputs[0]
        short = any(torch.finfo(x.dtype).bits < 32 for x in inputs)
        if any(wanted):
            ctx.inputs, ctx.versions = inputs, [x._version for x in inputs]
            ctx.kernel, ctx.plain, ctx.dim, ctx.wide, ctx.factor = kernel, plain, dim, wide, None
        keep = any(wanted) and not short
        kept = [torch.empty_like(x) if keep and want else None for x, want in zip(inputs, wanted)]
        rows = first.new_empty([1 if axis == dim else size for axis, size in enumerate(first.shape)], dtype=wide)
        for index in _parts(first, whole and not short):
            outs = [None if slopes is None else slopes[index] for slopes in kept]
            losses, factor = kernel(index, [x[index] for x in inputs], outs)
            if index is ...:
                rows, ctx.factor = losses, factor
            else:
                rows[index] = losses
        if any(wanted):
            ctx.short, ctx.wanted = short, wanted
            ctx.save_for_backward(*([x.clone() for x in inputs] if short else kept))
        return rows

    @staticmethod
    def backward(ctx, grad):
        kept = ctx.saved_tensors
        if torch.is_grad_enabled() or _transformed():
            return *[None] * 5, *_Fused.again(ctx, grad)
        if ctx.short:
            return *[None] * 5, *_Fused.slopes(ctx, kept, grad)
        grad = grad if ctx.factor is None else grad * ctx.factor
        return *[None] * 5, *[None if x is None else x * grad.to(x.dtype) for x in kept]

    @staticmethod
    def again(ctx, grad):
        """The gradients as functions of the inputs and of `grad`."""
        if [x._version for x in ctx.inputs] != ctx.versions:
            raise RuntimeError("logits that were modified by an inplace operation after the loss have no second derivative")
        create = torch.is_grad_enabled()
        with torch.enable_grad():
            rows = ctx.plain(*ctx.inputs)
        found = iter(
            torch.autograd.grad(rows, [x for x, want in zip(ctx.inputs, ctx.wanted) if want], grad, create_graph=create)
        )
        return [next(found) if want else None for want in ctx.wanted]

    @staticmethod
    def slopes(ctx, inputs, grad):
        """The gradients from the inputs of short dtypes, each part in a wide dtype first."""
        results = [torch.empty_like(x) if want else None for x, want in zip(inputs, ctx.wanted)]
        for index in _parts(inputs[0], False):
            parts = [x[index] for x in inputs]
            outs = [torch.empty_like(x, dtype=ctx.wide) if want else None for x, want in zip(parts, ctx.wanted)]
            _, factor = ctx.kernel(index, parts, outs)
            scale = grad[index] if factor is None else grad[index] * factor
            for result, out in zip(results, outs):
                if result is not None:
                    result[index] = out.mul_(scale)
        return results


def _transformed():
    """Whether a transform of `torch.func` is at work."""
    return torch._C._functorch.peek_interpreter_stack() is not None


def _fusable(inputs, *constants):
    """Whether losses may be fused: run as they stand, and to be differentiated in the inputs only, backward."""
    if torch.compiler.is_compiling() or _transformed():
        return False
    constants = [x for x in constants if x is not None]
    if torch.is_grad_enabled() and any(x.requires_grad for x in constants):
        return False
    tensors = [*inputs, *constants]
    kinds = all(type(x) in (Tensor, nn.Parameter, nn.Buffer) and x.device.type in ("cpu", "cuda") for x in tensors)
    return kinds and all(forward_ad.unpack_dual(x).tangent is None for x in tensors)


def _parts(x, whole):
    """Places of parts of a tensor that fit a cache, along all axes but that of the classes."""
    size = max(2**17, min(2**20, x.numel() // 32 if torch.finfo(x.dtype).bits < 32 else 2**20))
    if whole or x.ndim == 1 or x.numel() <= size or (x.is_cuda and x.numel() < 2**26):
        yield ...
        return
    each, rest = x[0].numel(), x.shape[2] if x.ndim > 2 else 1
    count, span = max(1, size // each), max(1, min(rest, size * rest // each))
    span = rest if each * span < 2**10 * x.shape[1] * rest else span  # short runs of memory are slow
    for start in range(0, len(x), count):
        for begin in range(0, rest, span):
            inner = (slice(None), slice(begin, begin + span)) if span < rest else ()
            yield (slice(start, start + count), *inner)


def _softmax(z, dim, out, logs):
    """The softmax and, if asked for, its logarithm, in the dtype of `out`."""
    if z.shape[dim] < 16 and dim == z.ndim - 1 and not z.is_cuda:  # torch's is slow for rows shorter than its vectors
        leads = z - z.amax(dim, keepdim=True)
        q = torch.exp(leads, out=out)
        total = q.sum(dim, keepdim=True)
        return q.div_(total), leads.sub_(total.log()) if logs else None
    return torch.softmax(z, dim, out=out), z.log_softmax(dim) if logs else None


def _take(x, index):
    return x[index] if isinstance(x, Tensor) else x


def _refine(kernel, z, out, rows, factor, gamma, mass, dim, *others):
    """Rows of small losses again, by the careful kernel: those in which a class may have nearly all of the probability."""
    limit = 0.1 * 0.2**gamma if mass is None else mass * 0.1 * 0.2**gamma
    if not rows.numel() or extremes(rows, False)[0] >= (limit if isinstance(limit, float) else extremes(limit)[1]):
        return

    def last(x):
        return (x if dim else x.unsqueeze(0)).movedim(1, -1)

    at = last(rows < limit).squeeze(-1).nonzero(as_tuple=True)

    def pick(x):
        return last(x)[at] if isinstance(x, Tensor) else x

    def put(x, values):
        if x is not None:
            last(x)[at] = values

    part = pick(z)
    slopes = None if out is None else torch.empty_like(part)
    found, scale = kernel(part, slopes, *[pick(x) for x in others], gamma=pick(gamma), dim=1, careful=True)
    put(rows, found)
    if slopes is not None and scale is not None and factor is None:
        slopes *= scale
    put(out, slopes)
    put(factor, scale)


def _label_kernel(index, inputs, outs, label, c, gamma, dim):
    """`_label_loss` and its slopes: q_j f for each class but the label, and minus their sum for the label."""
    z, label, c, gamma = inputs[0].to(_wide(inputs[0].dtype)), label[index], _take(c, index), _take(gamma, index)
    careful = z.shape[dim] > EVEN or z.device.type != "cpu"
    rows, factor = _label_rows(z, outs[0], label, c, gamma, dim, careful)
    if not careful:
        _refine(_label_rows, z, outs[0], rows, factor, gamma, c, dim, label, c)
    return rows, factor


def _label_rows(z, out, label, c, gamma, dim, careful):
    q, _ = _softmax(z, dim, out, False)
    own = q.gather(dim, label)
    if careful:
        miss = q.scatter_(dim, label, own.new_zeros(()).expand_as(own)).sum(dim, keepdim=True)
        total = miss + own
        loss, factor, miss = (miss / own).log1p(), 1 / total, miss / total
    else:
        loss, factor, miss = own.log().neg_(), None, 1 - own
    tiny = torch.finfo(own.dtype).smallest_normal
    if not (extremes(own, False) or [0.0])[0] >= tiny:
        log_total = -(q.amax(dim, keepdim=True) * (1 if factor is None else factor)).log()
        loss = torch.where(own < tiny, z.amax(dim, keepdim=True) - z.gather(dim, label) + log_total, loss)
    if out is not None:
        q.scatter_(dim, label, miss.neg() if factor is None else -miss / factor)
    rows = loss
    if not isinstance(gamma, float) or gamma:
        focus = miss**gamma
        rows = focus * loss
        turn = torch.where(miss == 0, 1.0, loss * own / miss).masked_fill_(own == 0, 0.0)
        slope = turn.mul_(gamma).add_(1).mul_(focus)
        factor = slope if factor is None else slope * factor
    if c is not None:
        rows = (c * rows).masked_fill((c == 0) & (rows == torch.inf), 0.0)
        factor = c.clone() if factor is None else c * factor
    return rows, factor


def _mixture_kernel(index, inputs, outs, p, mass, gamma, dim):
    """`_mixture_loss` and its slopes, q_k Σ s - s_k with s_k = p_k (1 - q_k)^γ (1 + γ q_k loss_k / (1 - q_k))."""
    p, gamma = p(index=index), _take(gamma, index)
    mass = p.sum(dim, keepdim=True) if mass is None else mass[index]
    z = inputs[0].to(p.dtype)
    careful = z.device.type != "cpu"
    rows, _ = _mixture_rows(z, outs[0], p, mass, gamma, dim, careful)
    if not careful:
        _refine(_mixture_rows, z, outs[0], rows, None, gamma, mass, dim, p, mass)
    return rows, None


def _mixture_rows(z, out, p, mass, gamma, dim, careful):
    focal = not isinstance(gamma, float) or gamma > 0
    if not focal and not careful and 16 <= z.shape[dim] <= EVEN:  # as torch does it
        logs = z.log_softmax(dim)
        rows = _minus_dot(p, logs, dim)
        if out is not None:
            torch.ops.aten._log_softmax_backward_data.out(p.neg(), logs, dim, z.dtype, out=out)
        return rows, None
    q, logs = _softmax(z, dim, out, True)
    total = sum_classes(q, dim) if careful or q.shape[dim] > EVEN else None
    if total is not None:
        q, logs = q.div_(total), logs.sub_(total.log())
    if careful:  # numbers, as operations on truth values are slow
        above = torch.gt(q, 0.5, out=torch.empty_like(q))
        others = sum_classes(torch.addcmul(q, q, above, value=-1), dim)
        sure = (others / (1 - others).clamp(min=0.5)).log1p()
        logs.addcmul_(above, logs.clamp(min=-1), value=-1).addcmul_(above, sure, value=-1)
    focus = slopes = p
    if focal:
        miss = 1 - q
        if careful:
            miss.addcmul_(above, miss, value=-1).addcmul_(above, others)
        focus = p * miss**gamma
        turn = torch.where(miss == 0, 1.0, (q * logs).div_(miss).neg_()).masked_fill_(q == 0, 0.0)
        slopes = turn.mul_(gamma).add_(1).mul_(focus)
        mass = sum_classes(slopes, dim)
    rows = _minus_dot(focus, logs, dim)
    if out is not None:
        q.mul_(mass).sub_(slopes)
        if careful:
            q.addcmul_(above, q, value=-1)
            q.addcmul_(above, sum_classes(q, dim), value=-1)
    return rows, None


def _minus_dot(p, logs, dim):
    """-Σ_k p_k logs_k, where 0 times -inf is 0."""
    terms = p * logs
    rows = sum_classes(terms, dim).neg_()
    if not (extremes(rows, False) or [torch.nan])[0] >= 0:
        rows = terms.masked_fill_((p == 0) & (logs == -torch.inf), 0.0).sum(dim, keepdim=True).neg_()
    return rows


def _divergence_kernel(index, inputs, outs, dim):
    """`_divergence` and its slopes: -p t in the logits of p, and p (exp(t) / E_p[exp(t)] - 1) in those of q."""
    p, q = (x.double() for x in inputs)
    leads = p - p.amax(dim, keepdim=True)
    t = (q - q.amax(dim, keepdim=True)).sub_(leads)
    shares = leads.exp()
    total = shares.sum(dim, keepdim=True)
    shares /= total
    t -= (shares * t).sum(dim, keepdim=True)
    logs = leads.sub_(total.log()).add_(t)  # log(p exp(t))
    low, high = extremes(logs) or (0.0, 0.0)
    if not -torch.inf < low <= high < 50:  # an impossible class, or terms that overflow
        return _differentiate(functools.partial(_divergence, dim=dim), inputs, outs)
    terms = shares * _expm1_less(t.clamp(max=1.0))
    if extremes(t)[1] > 1:
        terms = torch.where(t > 1, logs.exp_() - shares * (1 + t), terms)
    excess = terms.sum(dim, keepdim=True)
    if outs[1] is not None:
        outs[1].copy_(torch.addcmul(terms, shares, t - excess).div_(1 + excess))
    if outs[0] is not None:
        outs[0].copy_(shares.mul_(t).neg_())
    return excess.log1p_(), None


def _differentiate(plain, inputs, outs):
    """What a kernel returns and writes, from the plain form."""
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in inputs]
        rows = plain(*leaves)
        slopes = torch.autograd.grad(rows.sum(), leaves)
    for out, slope in zip(outs, slopes):
        if out is not None:
            out.copy_(slope)
    return rows.detach(), None


# What was given and what is expected


def _wide(dtype):
    """The dtype to compute in."""
    return torch.promote_types(dtype, torch.float32)


def _autocast(x):
    """The type of the device of a tensor, or the CPU for one without autocast, such as meta."""
    return x.device.type if torch.amp.autocast_mode.is_autocast_available(x.device.type) else "cpu"


def _check_reduction(reduction):
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'reduction is "mean", "sum" or "none", got {reduction!r}')


def _check_options(ignore_index, reduction, epsilon):
    _check_reduction(reduction)
    return check_integer("ignore_index", ignore_index, -(2**63), 2**63 - 1), check_number("label_smoothing", epsilon, 1)


def _check_values(expected, x, high):
    """Values are from 0 to `high`."""
    found = extremes(x)
    if found and not 0 <= found[0] <= found[1] <= high:
        raise ValueError(f"{expected} are expected, got {found[0]:.6g} to {found[1]:.6g}")


def _check_gamma(gamma, z, shape, dim=None):
    """A number, or a tensor for all the observations, with an axis of classes if that is left out of their shape."""
    if not isinstance(gamma, Tensor):
        return check_number("gamma", gamma, MOST)
    if gamma.dtype == torch.bool or gamma.is_complex():
        raise TypeError(f"gamma holds numbers, got {gamma.dtype}")
    if gamma.ndim and (gamma.shape != shape if dim is not None else gamma.ndim > len(shape)):
        raise ValueError(f"gamma of shape () or {tuple(shape)} is expected, got {tuple(gamma.shape)}")
    _check_values(f"gamma from 0 to {MOST:g}", gamma, MOST)
    gamma = gamma.detach().to(z.device, _wide(z.dtype)).expand(shape)
    return gamma if dim is None else gamma.unsqueeze(dim)


def _check_soft(input, target, ignore_index, dim):
    check_class_axis("target", target)
    if target.shape != input.shape:
        raise ValueError(f"target probabilities of shape {tuple(input.shape)} are expected, got {tuple(target.shape)}")
    if ignore_index >= 0:
        raise ValueError(f"ignore_index is for labels, and target holds probabilities; got {ignore_index}")
    return check_distribution("target", target, dim, SLACK)


def _check_labels(label, input, dim, ignore_index):
    """Labels in range, of the shape of the observations; and the least and the greatest, where they are looked at."""
    shape = input.shape[:dim] + input.shape[dim + 1 :]
    if input.ndim == 1 and label.shape == (1,):  # as torch
        label = label[0]
    if label.shape != shape:
        given = f"labels of shape {tuple(shape)} are expected, got {tuple(label.shape)}"
        raise ValueError(f"for input {tuple(input.shape)}, {given}")
    classes, found = input.shape[dim], extremes(label)
    if found and not 0 <= found[0] <= found[1] < classes and ignore_index is not None:
        kept = extremes(label[label != ignore_index])
        if kept and not 0 <= kept[0] <= kept[1] < classes:
            said = f"labels from 0 to {classes - 1}, or {ignore_index}, are expected"
            raise ValueError(f"{said}, got {kept[0]} to {kept[1]}")
    return label, found


def _check_weight(weight, classes=None):
    if weight is None:
        return
    if not isinstance(weight, Tensor) or not weight.is_floating_point():
        raise TypeError(f"weight is a floating tensor, got {describe(weight)}")
    if weight.ndim != 1 or classes not in (None, len(weight)):
        raise ValueError(f"weight of shape ({classes or 'C'},) is expected, got {tuple(weight.shape)}")
    _check_values("weights that are finite and at least 0", weight, torch.finfo(weight.dtype).max)


def _scale(weight, wide, free):
    """Weights in the dtype to compute in; where their scale is `free`, the greatest is 1, so that no sum leaves the dtype."""
    if free:
        most = weight.detach().amax()
        weight = weight / most.masked_fill(most == 0, 1.0)
    elif (extremes(weight.to(wide)) or [0, 0])[1] == torch.inf:
        raise ValueError(f"weights that {wide} can hold are expected, got {extremes(weight)[1]:.6g}")
    return weight.to(wide)
