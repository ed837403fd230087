"""Cross-entropy, label smoothing and focal loss as torch functions for training, accurate where others lose all digits.

All of them are one expectation over the classes. With logits z, the model q = softmax(z) and target probabilities p,

    CE_γ(p ‖ q) = Σ_k p_k (1 - q_k)^γ (-log q_k),

in nats; γ = 0 is cross-entropy. What is computed from a q_k that was rounded to 1 is lost: 1 - q_k and -log q_k are then 0.
Here 1 - q_k is the sum of the other classes, and -log q_k is -log1p of minus that sum, so nothing cancels (the claims
`margin-form` and `focal-margin-form` of the book). There are two forms: `_expectation` is the formula, in operations that
torch differentiates to any order; `_Rows` is the same for the common targets, in few passes over memory.

Logits have the shape (C,), (N, C) or (N, C, d1, ...): C classes, on axis 1 if there is a batch. The dtypes are float64,
float32, bfloat16 and float16; the last two are computed in float32 and rounded once. A logit -inf is probability 0: no loss
off the target, +inf on it. NaN or +inf among the logits of an observation, or -inf in all of them, gives NaN.

Values (labels in range, targets that are distributions) are checked on the CPU. They are not looked at on other devices, where
one would have to wait for them, nor under `torch.compile` and `torch.func.vmap`, where that cannot be done. There a NaN in an
ignored observation also makes that observation's gradient NaN, as torch's does. What torch does not compile is a transform of
`torch.func` around a loss; a loss inside a compiled model it does, as one graph.
"""

from __future__ import annotations

import math
from numbers import Real

import torch
from torch import Tensor, nn

__all__ = ["CrossEntropyLoss", "FocalLoss", "cross_entropy", "entropy", "focal_loss", "kl_divergence", "smooth_labels"]


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
        probabilities, floating and of the shape of `input`, in which the loss can be differentiated too.
    weight : Tensor of shape (C,), optional
        Weights of the classes, finite and >= 0.
    ignore_index : int
        Observations with this label do not count. With probabilities it must be negative, and does nothing.
    reduction : "mean", "sum" or "none"
        "mean" divides the sum by the weight of the targets, Σ_n Σ_k w_k p_nk, that is Σ_n w_{y_n} for labels and N without
        weights. torch divides by N for probabilities even with weights, so a one-hot target and its label differ there.
        Where that weight is 0 (every label ignored, an empty batch) the mean is 0, with gradient 0; torch gives NaN.
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
    gamma: float,
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
    gamma : float, >= 0
        The focusing γ. A confident prediction weighs (1 - q)^γ.

    Returns, raises
    ---------------
    As `cross_entropy`; a negative, infinite or NaN `gamma` is a ValueError.

    References
    ----------
    The claims `focal-definition` and `focal-margin-form` of the book; Lin et al. (2017), *Focal Loss for Dense Object Detection*.
    """
    return _loss(input, target, gamma, weight, ignore_index, reduction, label_smoothing)


def smooth_labels(p: Tensor, epsilon: float) -> Tensor:
    """The smoothed target ε/C + (1 - ε) p (claim `smoothed-target`; Szegedy et al., 2016).

    `p` holds probabilities, floating, with the classes as in `cross_entropy`; `epsilon` lies in [0, 1]. Raises TypeError or
    ValueError for anything else. Returns a distribution of the shape and dtype of `p`.
    """
    _check_options(0.0, -100, "mean", epsilon)
    dim = _class_axis("p", p)
    _check_distribution("p", p, dim)
    return epsilon / p.shape[dim] + (1 - epsilon) * p


def entropy(p: Tensor, logits: bool = False) -> Tensor:
    """The entropy H[p] = -Σ_k p_k log p_k in nats, from 0 to log C; 0 log 0 = 0.

    `p` holds probabilities, or with `logits=True` logits, which keep the digits of a confident p; the classes are as in
    `cross_entropy`. Returns one value for each distribution, in the dtype of `p`; it is computed in float64. Raises TypeError
    or ValueError if `p` is not floating, has no classes, or is not a distribution.
    """
    dim = _class_axis("p", p)
    if not logits:
        _check_distribution("p", p, dim)
        return torch.special.entr(p.double()).sum(dim).to(p.dtype)
    others, shares, rest = _others(p.double(), p.argmax(dim, keepdim=True), dim)
    lost = (shares * others.masked_fill(shares == 0, 0.0)).sum(dim)
    rest = rest.squeeze(dim)
    return (rest.log1p() - lost / (1 + rest)).to(p.dtype)


def kl_divergence(p: Tensor, q: Tensor, logits: bool = False) -> Tensor:
    """The divergence KL(p ‖ q) = Σ_k p_k log(p_k / q_k) in nats (Kullback and Leibler, 1951); 0 log(0/0) = 0.

    It is +inf where q lacks a class of p. `p` and `q` hold probabilities, or with `logits=True` logits, with the classes as in
    `cross_entropy`. From logits it is never negative, and keeps its digits however close p and q are: with the differences t
    of the logits, less their mean under p, it is log1p(E_p[exp(t) - 1 - t]). From probabilities it inherits what these lack
    of a sum of 1.

    Returns one value for each pair, in their common dtype; it is computed in float64. Raises TypeError or ValueError if `p`
    and `q` are not floating, of one shape, and distributions.
    """
    dim = _class_axis("p", p)
    _class_axis("q", q)
    if p.shape != q.shape:
        raise ValueError(f"p and q of one shape are expected, got {tuple(p.shape)} and {tuple(q.shape)}")
    dtype = torch.promote_types(p.dtype, q.dtype)
    if not logits:
        _check_distribution("p", p, dim)
        _check_distribution("q", q, dim)
        some = p > 0
        p, q = p.double().where(some, 1.0), q.double().where(some, 1.0)
        near = (p - q).abs() < q / 2
        ratio = torch.where(near, torch.log1p((p - q) / q.where(near, 1.0)), p.log() - q.log())
        return (p * ratio).where(some, 0.0).sum(dim).to(dtype)
    p, q = p.double(), q.double()
    infinite = ((p > -torch.inf) & (q == -torch.inf)).any(dim)
    top = p.argmax(dim, keepdim=True)
    _, shares, rest = _others(p, top, dim)
    shares = shares.scatter(dim, top, 1.0) / (1 + rest)
    some = shares > 0
    behind = q - q.gather(dim, top)
    gap = q - p  # before anything is rounded
    gap = (gap - gap.gather(dim, top)).where(some, 0.0)
    mean = (shares * gap).sum(dim, keepdim=True)
    gap = gap - mean
    logs = behind - mean - rest.log1p()  # log(p exp gap), also where p is 0
    near = some & (gap < 1)
    terms = torch.where(
        near, shares * _expm1_less(gap.where(near, 0.0)), logs.clamp(max=60.0).exp() - shares * (1 + gap)
    )
    value = torch.where((logs > 50).any(dim), logs.logsumexp(dim), terms.sum(dim).log1p())
    return value.masked_fill(infinite, torch.inf).to(dtype)


class CrossEntropyLoss(nn.Module):
    """`cross_entropy` as a module, with its options; `weight` is a buffer. Options out of range are a ValueError here."""

    gamma = 0.0

    def __init__(self, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
        super().__init__()
        _check_options(self.gamma, ignore_index, reduction, label_smoothing)
        self.register_buffer("weight", weight)
        self.ignore_index, self.reduction, self.label_smoothing = ignore_index, reduction, label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        options = self.weight, self.ignore_index, self.reduction, self.label_smoothing
        return focal_loss(input, target, self.gamma, *options)

    def extra_repr(self):
        return f"ignore_index={self.ignore_index}, reduction={self.reduction!r}, label_smoothing={self.label_smoothing}"


class FocalLoss(CrossEntropyLoss):
    """`focal_loss` as a module, with its options."""

    def __init__(self, gamma, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
        self.__dict__["gamma"] = gamma  # before nn.Module is set up, for the check
        super().__init__(weight, ignore_index, reduction, label_smoothing)

    def extra_repr(self):
        return f"gamma={self.gamma}, {super().extra_repr()}"


# The two forms


def _others(z, label, dim):
    """The leads of the other classes, z_j - z_label, their exponentials, and the sum of these; -inf and 0 at the label."""
    at = z.gather(dim, label)
    # setting the label's own lead, rather than computing 0, keeps its rounding out of the gradient
    leads = (z - at).scatter(dim, label, -torch.inf)
    shares = leads.exp()
    return leads, shares, shares.sum(dim, keepdim=True) + (at - at)  # NaN if z_label is infinite


def _expectation(z, p, gamma, dim):
    """Σ_k p_k (1 - q_k)^γ (-log q_k) of logits z, with the class axis kept. Differentiable in z and p."""
    top = z.argmax(dim, keepdim=True)
    leads, shares, rest = _others(z, top, dim)
    log_total = rest.log1p()
    losses = log_total - leads.scatter(dim, top, 0.0)
    if gamma:
        # a sum over nothing would be -inf, which cannot be differentiated
        log_rest = leads.clamp(min=torch.finfo(z.dtype).min).logsumexp(dim, keepdim=True)
        log_miss = (-shares / (1 + rest)).log1p().scatter(dim, top, log_rest - log_total)
        losses = losses * (gamma * log_miss).exp().masked_fill(
            losses.isinf(), 1.0
        )  # q = 0: the factor is 1, and its slope 0
    return (p * losses.masked_fill((p == 0) & losses.isinf(), 0.0)).sum(dim, keepdim=True)


def _softmax(z, dim):
    if z.shape[dim] >= 16 or z.is_cuda:
        return z.softmax(dim, dtype=_wide(z.dtype))
    q = (
        z - z.amax(dim, keepdim=True).to(_wide(z.dtype))
    ).exp_()  # torch's softmax is slow for rows shorter than its vectors
    return q.div_(q.sum(dim, keepdim=True))


class _Rows(torch.autograd.Function):
    """`_expectation` for p = c δ_label + u, with γ > 0 only if u is None; without a matrix besides the gradient and softmax.

    For probabilities u the label is the largest logit, and c is 0. Each class but the label has the gradient q_j A - u_j, with
    A = c σ^γ (1 + γ q_label loss / σ) + Σ u and σ = 1 - q_label; the label has minus their sum, as shifts change nothing.
    """

    @staticmethod
    def forward(z, label, c, u, gamma, dim):
        q = _softmax(z, dim)
        own = q.gather(dim, label)
        q.scatter_(dim, label, 0.0)
        miss = q.sum(dim, keepdim=True)
        sure = -torch.log1p(
            -miss
        )  # the loss where q_label > 1/2; else -log q_label has all its digits, unless it underflows
        if u is None and _some(own < torch.finfo(own.dtype).tiny) is False:
            loss = torch.where(miss < 0.5, sure, -own.log())
        else:
            top = z.amax(dim, keepdim=True).to(q.dtype)
            peak = q.amax(dim, keepdim=True).maximum(own)
            log_total = torch.where(miss < 0.5, sure, -peak.log())  # of Σ_j exp(z_j - top)
            loss = top - z.gather(dim, label) + log_total
        focus = c * miss**gamma if gamma else c.clone()
        rows, slope = focus * loss, focus
        if gamma:
            turn = torch.where(miss == 0, 1.0, own * loss / miss)
            slope = focus * (1 + gamma * turn.masked_fill(own == 0, 0.0))
        if u is not None:
            mass = u.sum(dim, keepdim=True)
            rows = rows + mass * log_total + (top - z).mul_(u).nansum(dim, keepdim=True)  # 0 times inf is 0
            slope = slope + mass
        return rows, q, slope

    @staticmethod
    def setup_context(ctx, inputs, output):
        z, label, c, u, ctx.gamma, ctx.dim = inputs
        _, q, slope = output
        ctx.mark_non_differentiable(q, slope)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(z, label, c, u, q, slope)
        ctx.save_for_forward(z, label, c, u)

    @staticmethod
    def backward(ctx, grad, *_):
        if grad is None:
            return (None,) * 6
        z, label, c, u, q, slope = ctx.saved_tensors
        if torch.is_grad_enabled() or any(
            ctx.needs_input_grad[1:]
        ):  # to be differentiated again, or also in the target
            return _Rows.pull(z, label, c, u, ctx.gamma, ctx.dim, grad)
        out = q * (grad * slope)
        if u is not None:
            out.addcmul_(grad, u, value=-1.0)
            out.scatter_(ctx.dim, label, 0.0)
        out.scatter_(ctx.dim, label, -out.sum(ctx.dim, keepdim=True))
        return out.to(z.dtype), None, None, None, None, None

    @staticmethod
    def pull(z, label, c, u, gamma, dim, grad):
        """The gradients of `_expectation` in all of the arguments."""

        def rows(z, c, u):
            return _expectation(z, _mixture(z, label, c, u, dim), gamma, dim)

        _, vjp = torch.func.vjp(rows, z.to(c.dtype), c, torch.zeros_like(c) if u is None else u)
        dz, dc, du = vjp(grad)
        return dz.to(z.dtype), None, dc, None if u is None else du, None, None

    @staticmethod
    def vmap(info, in_dims, z, label, c, u, gamma, dim):
        def front(x, axis):
            return x if x is None else x.expand(info.batch_size, *x.shape) if axis is None else x.movedim(axis, 0)

        z, label, c, u = (front(x, axis) for x, axis in zip((z, label, c, u), in_dims))
        return _ForwardRows.apply(z, label, c, u, gamma, dim + 1), (0, 0, 0)


class _ForwardRows(_Rows):
    """`_Rows` in forward mode too, which `torch.compile` does not take."""

    @staticmethod
    def jvp(ctx, dz, _, dc, du, *__):
        z, label, c, u = ctx.saved_tensors
        u = u if u is None else u.expand_as(z)
        slopes = _Rows.pull(z, label, c, u, ctx.gamma, ctx.dim, torch.ones_like(c))
        pairs = (slopes[0], dz), (slopes[2], dc), (slopes[3], du)
        return sum((slope * d).sum(ctx.dim, keepdim=True) for slope, d in pairs if d is not None), None, None


def _mixture(z, label, c, u, dim):
    """The target c δ_label + u."""
    spike = torch.zeros_like(z).scatter(dim, label, c)
    return spike if u is None else spike + u


def _loss(input, target, gamma, weight, ignore_index, reduction, epsilon):
    _check_options(gamma, ignore_index, reduction, epsilon)
    dim = _class_axis("input", input)
    _check_target(input, target, ignore_index, dim)
    _check_weight(weight, input, dim)
    classes, wide = input.shape[dim], _wide(input.dtype)
    along = [classes if axis == dim else 1 for axis in range(input.ndim)]
    if weight is not None:
        weight = weight.to(wide).view(along)
    if target.is_floating_point():
        label = input.argmax(dim, keepdim=True)
        ignored, c, u = None, torch.zeros_like(label, dtype=wide), target.to(wide)
        mass = u.new_tensor(label.numel()) if weight is None else (u * weight).sum()
        u = epsilon / classes + (1 - epsilon) * u if epsilon else u
        u = u if weight is None else u * weight
    else:
        label, ignored = target.unsqueeze(dim), (target == ignore_index).unsqueeze(dim)
        if _some(ignored) is False:
            ignored = None
        else:
            label = label.masked_fill(ignored, 0)
        label, u = label.long(), None
        c = torch.ones_like(label, dtype=wide) if weight is None else weight.flatten()[label]
        mass = (c if ignored is None else c.masked_fill(ignored, 0.0)).sum()
        if epsilon:
            u = (c.new_ones(along) if weight is None else weight) * (epsilon / classes)
            c = (1 - epsilon) * c

    def rows_of(z):
        if gamma and u is not None:
            z = z.to(wide)
            return _expectation(z, _mixture(z, label, c, u, dim), gamma, dim)
        form = _Rows if torch.compiler.is_compiling() else _ForwardRows
        return form.apply(z, label, c, u, gamma, dim)[0]

    rows = rows_of(input)
    if ignored is not None:
        if _some(ignored & rows.isnan()):
            rows = rows_of(input.masked_fill(ignored, 0.0))  # else the gradient there would be 0 times NaN
        rows = rows.masked_fill(ignored, 0.0)
    rows = rows.squeeze(dim)
    if reduction != "none":
        rows = rows.sum()
    if reduction == "mean":
        rows = rows / mass.masked_fill(mass == 0, torch.inf)
    return rows if torch.is_autocast_enabled(input.device.type) else rows.to(input.dtype)


def _wide(dtype):
    """The dtype to compute in."""
    return torch.promote_types(dtype, torch.float32)


def _expm1_less(t):
    """exp(t) - 1 - t, >= 0, with all its digits next to t = 0."""
    near = t.abs() < 0.1
    small = t.where(near, 0.0)
    series = sum(small**n / math.factorial(n) for n in range(9, 1, -1))
    return torch.where(near, series, torch.expm1(t) - t)


# What was given and what is expected


def _some(condition: Tensor) -> bool | None:
    """Whether a condition on values holds somewhere; None where values are not looked at."""
    if condition.device.type != "cpu" or torch.compiler.is_compiling():
        return None
    try:
        return bool(condition.any())
    except RuntimeError:  # a batch under vmap
        return None


def _check_options(gamma, ignore_index, reduction, epsilon):
    for name, value in (("gamma", gamma), ("label_smoothing", epsilon)):
        if not isinstance(value, Real):
            raise TypeError(f"{name} is a number, got {value!r}")
    if not isinstance(ignore_index, int):
        raise TypeError(f"ignore_index is a whole number, got {ignore_index!r}")
    if not 0 <= gamma < math.inf:
        raise ValueError(f"gamma >= 0 is expected, got {gamma}")
    if not 0 <= epsilon <= 1:
        raise ValueError(f"label_smoothing from 0 to 1 is expected, got {epsilon}")
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'reduction is "mean", "sum" or "none", got {reduction!r}')


def _class_axis(name, x):
    """The axis of the classes of a floating tensor."""
    if not isinstance(x, Tensor) or x.dtype not in (torch.float64, torch.float32, torch.bfloat16, torch.float16):
        given = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"{name} is a tensor of dtype float64, float32, bfloat16 or float16, got {given}")
    if x.ndim == 0 or x.shape[x.ndim > 1] == 0:
        raise ValueError(
            f"{name} of shape (C,), (N, C) or (N, C, d1, ...) with C >= 1 is expected, got {tuple(x.shape)}"
        )
    return int(x.ndim > 1)


def _check_distribution(name, p, dim):
    # the sum of rounded probabilities is off by a rounding
    slack = max(1e-5, 4 * torch.finfo(p.dtype).eps)
    sums = p.detach().sum(dim, dtype=_wide(p.dtype))
    if _some(~((sums - 1).abs() <= slack)):
        raise ValueError(
            f"{name} holds probabilities: sums of 1 are expected, got {sums.min():.6g} to {sums.max():.6g}"
        )
    if _some(~(p >= 0)):
        raise ValueError(f"{name} holds probabilities: at least 0 is expected, got {p.min():.6g}")


def _check_target(input, target, ignore_index, dim):
    if not isinstance(target, Tensor):
        raise TypeError(f"target is a tensor, got {type(target).__name__}")
    if target.is_floating_point():
        _class_axis("target", target)
        if target.shape != input.shape:
            raise ValueError(
                f"target probabilities of shape {tuple(input.shape)} are expected, got {tuple(target.shape)}"
            )
        if ignore_index >= 0:
            raise ValueError(f"ignore_index is for labels, and target holds probabilities; got {ignore_index}")
        return _check_distribution("target", target, dim)
    if target.dtype == torch.bool or target.is_complex():
        raise TypeError(f"target holds labels, integers, or probabilities, floating; got {target.dtype}")
    shape = input.shape[:dim] + input.shape[dim + 1 :]
    if target.shape != shape:
        raise ValueError(
            f"for input {tuple(input.shape)}, labels of shape {tuple(shape)} are expected, got {tuple(target.shape)}"
        )
    classes = input.shape[dim]
    outside = (target < 0) | (target >= classes)
    if _some(outside) and _some(outside & (target != ignore_index)):
        labels = target[target != ignore_index]
        raise ValueError(
            f"labels from 0 to {classes - 1}, or {ignore_index}, are expected, got {labels.min()} to {labels.max()}"
        )


def _check_weight(weight, input, dim):
    if weight is None:
        return
    if not isinstance(weight, Tensor) or not weight.is_floating_point():
        raise TypeError(f"weight is a floating tensor, got {getattr(weight, 'dtype', type(weight).__name__)}")
    if weight.shape != input.shape[dim : dim + 1]:
        raise ValueError(f"weight of shape ({input.shape[dim]},) is expected, got {tuple(weight.shape)}")
    if _some(~((weight >= 0) & (weight < torch.inf))):
        raise ValueError(f"weights that are finite and at least 0 are expected, got {weight.tolist()}")
