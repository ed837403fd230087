r"""Cross-entropy, label smoothing and focal loss as torch functions for training, accurate where others lose digits.

All of them are one expectation over the classes. With logits z, the model q = softmax(z) and target probabilities p,

.. math:: \mathrm{CE}_\gamma(p \,\|\, q) = \sum_k p_k \, (1 - q_k)^\gamma \, (-\log q_k),

in nats; γ = 0 is cross-entropy. What is computed from a q_k that was rounded to 1 is lost: 1 - q_k and -log q_k are
then 0. So there the forms that the book proves are computed, in two ways: `lossmath._plain` is the formula, which torch
differentiates to any order, maps, compiles and exports; `lossmath._fused` is for training, and `fusable` says when it
stands for the first.

Logits have the shape (C,), (N, C) or (N, C, d1, ...): C classes, on axis 1 if there is a batch. The dtypes are
float64, float32, bfloat16 and float16; the last two are computed in float32 and rounded once. A logit -inf is
probability 0: no loss off the target, +inf on it. NaN or +inf among the logits of an observation, or -inf in all of
them, gives NaN.

Values (labels in range, targets that are distributions) are checked on the CPU; elsewhere, and under `torch.compile`,
`torch.export` and `torch.func.vmap`, they are not looked at.
"""

import functools
import sys

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossmath._fused import Fused, binary_kernel, divergence_kernel, fusable, label_kernel, mixture_kernel
from lossmath._plain import anchor, binary_loss, divergence, label_loss, mixture_loss
from lossmath._validation import (
    EVEN,
    check_class_axis,
    check_distribution,
    check_floating,
    check_integer,
    check_integers,
    check_labels,
    check_number,
    check_values,
    check_weight,
    describe,
    extremes,
    widen,
)

__all__ = [
    "CrossEntropyLoss", "FocalLoss", "adaptive_gamma", "cross_entropy", "entropy", "focal_loss", "kl_divergence",
    "sigmoid_focal_loss", "smooth_labels",
]  # fmt: skip


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Cross-entropy of logits and targets, a drop-in for `torch.nn.functional.cross_entropy`.

    .. math:: \mathrm{CE}(p \,\|\, q) = \sum_k p_k \, (-\log q_k)

    For a label y it is softplus(s), where s = log(sum over j ≠ y of exp z_j) - z_y is the lead of the other classes.
    With smoothing, p becomes ε/C + (1 - ε) p. Class weights multiply the terms of the sum.

    Parameters
    ----------
    input : Tensor of shape (C,), (N, C) or (N, C, d1, ...), floating
        Logits.
    target : Tensor
        Either labels from 0 to C - 1, of an integer dtype and of the shape of `input` without its class axis; or
        probabilities, floating and of the shape of `input`, in which the loss can be differentiated too. Their sums
        are 1 within 0.01, which is what rounding to bfloat16 leaves; they are taken as they are.
    weight : Tensor of shape (C,), optional
        Weights of the classes, finite and >= 0.
    ignore_index : int
        Observations with this label do not count. With probabilities it must be negative, and does nothing.
    reduction : "mean", "sum" or "none"
        As torch, "mean" divides the sum by the weight of the labels, Σ_n w_{y_n}, and for probabilities by the number
        of observations. Where that is 0 (every label ignored, an empty batch) the mean is 0, with gradient 0; torch
        gives NaN.
    label_smoothing : float in [0, 1]
        The rate ε.

    Returns
    -------
    Tensor
        Nats, >= 0, of the dtype of `input` (float32 under autocast): a scalar, or without reduction one for each
        observation.

    Raises
    ------
    TypeError
        If a dtype is wrong: logits that are integers, labels that are not.
    ValueError
        If shapes do not match, a label is out of range, a target is not a distribution, or an option is out of its
        range.

    References
    ----------
    The claims `margin-form`, `softmax-gradient` and `smoothing-margin-form` of the book; label smoothing is of Szegedy
    et al. (2016).

    Examples
    --------
    >>> logits, labels = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), torch.tensor([0, 2])
    >>> cross_entropy(logits, labels)
    tensor(0.8955)
    >>> cross_entropy(logits, labels, label_smoothing=0.1)
    tensor(0.9455)
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
    r"""Focal loss of logits and targets, in nats.

    .. math:: \mathrm{CE}_\gamma(p \,\|\, q) = \sum_k p_k \, (1 - q_k)^\gamma \, (-\log q_k)

    For a label y it is σ(s)^γ softplus(s), with s as in `cross_entropy`; γ = 0 gives the cross-entropy.

    Parameters
    ----------
    input, target, weight, ignore_index, reduction, label_smoothing
        As in `cross_entropy`; a smoothed or soft target takes its share of every class's focal term.
    gamma : float or Tensor, from 0 to 1e30
        The focusing γ. A confident prediction weighs (1 - q)^γ. A tensor holds one γ, or one for each observation (see
        `adaptive_gamma`); no gradient goes through it.

    Returns
    -------
    Tensor
        As `cross_entropy`, which raises the same errors; a `gamma` that is negative, infinite or NaN, or in one
        observation so, is a ValueError.

    References
    ----------
    The claims `focal-definition`, `focal-margin-form` and `focal-bound-every-gamma` of the book; Lin et al. (2017),
    *Focal Loss for Dense Object Detection*.

    Examples
    --------
    >>> logits, labels = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), torch.tensor([0, 2])
    >>> focal_loss(logits, labels, gamma=3.0, reduction="none")
    tensor([0.0023, 0.7593])
    """
    return _loss(input, target, gamma, weight, ignore_index, reduction, label_smoothing)


def adaptive_gamma(
    input: Tensor, target: Tensor, low: float = 5.0, high: float = 3.0, threshold: float = 0.2
) -> Tensor:
    """The γ of each observation in the sample-dependent focal loss FLSD-53 of Mukhoti et al. (2020).

    It is `low` where the probability of the label is below `threshold`, else `high`: 5 and 3 as published. `input`
    holds logits and `target` labels, as in `cross_entropy`; the γ of an ignored label means nothing. Returns a tensor
    of the shape of `target`, without gradient, for `focal_loss(input, target, adaptive_gamma(input, target))`. Errors
    are those of `cross_entropy`.
    """
    dim = check_class_axis("input", input)
    label, _ = check_labels(check_integers("target", target), input, dim, None)
    low, high = check_number("low", low, MOST), check_number("high", high, MOST)
    threshold = check_number("threshold", threshold, 1)
    q = input.detach().to(widen(input.dtype)).softmax(dim)
    own = q.gather(dim, label.clamp(0, input.shape[dim] - 1).unsqueeze(dim)).squeeze(dim)
    return torch.where(own < threshold, low, high).to(own.dtype)


def sigmoid_focal_loss(
    inputs: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float | Tensor = 2, reduction: str = "none"
) -> Tensor:
    r"""Focal loss of independent binary decisions, a drop-in for `torchvision.ops.sigmoid_focal_loss`.

    With σ = sigmoid(z) and the target t, it is

    .. math:: a_t \, m^\gamma \left(t \operatorname{softplus}(-z) + (1 - t) \operatorname{softplus}(z)\right),

    where m = t (1 - σ) + (1 - t) σ is the probability of the wrong answer and a_t = α t + (1 - α)(1 - t). Every sum
    has positive terms only.

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

    Examples
    --------
    >>> sigmoid_focal_loss(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0]))
    tensor([0.0057, 0.5264])
    """
    check_floating("inputs", inputs)
    if not isinstance(targets, Tensor) or targets.is_complex():
        raise TypeError(f"targets is a tensor, got {describe(targets)}")
    if targets.shape != inputs.shape:
        raise ValueError(f"targets of shape {tuple(inputs.shape)} are expected, got {tuple(targets.shape)}")
    check_values("targets from 0 to 1", targets, 1.0)
    _check_reduction(reduction)
    alpha = -1.0 if alpha == -1 else check_number("alpha (or -1)", alpha, 1)
    wide = widen(inputs.dtype)
    targets, gamma = targets.to(wide), _check_gamma(gamma, inputs, inputs.shape)
    options = {"t": targets, "alpha": alpha, "gamma": gamma}
    plain = functools.partial(binary_loss, **options)
    if fusable([inputs], targets):
        loss = Fused.apply(functools.partial(binary_kernel, **options), plain, None, wide, 2**16, inputs)
    else:
        loss = plain(inputs.to(wide))
    return _reduce(loss, reduction).to(inputs.dtype)


def smooth_labels(p: Tensor, epsilon: float) -> Tensor:
    """The smoothed target ε/C + (1 - ε) p (claim `smoothed-target`; Szegedy et al., 2016).

    `p` holds probabilities, floating, with the classes as in `cross_entropy`; `epsilon` lies in [0, 1]. Raises
    TypeError or ValueError for anything else. Returns a distribution of the shape and dtype of `p`.

    Examples
    --------
    >>> smooth_labels(torch.tensor([1.0, 0.0]), 0.1)
    tensor([0.9500, 0.0500])
    """
    epsilon = check_number("epsilon", epsilon, 1)
    dim = check_class_axis("p", p)
    check_distribution("p", p, dim, SLACK)
    return epsilon / p.shape[dim] + (1 - epsilon) * p


def entropy(p: Tensor, logits: bool = False) -> Tensor:
    r"""The entropy in nats, from 0 to log C; 0 log 0 = 0.

    .. math:: \mathrm{H}[p] = -\sum_k p_k \log p_k

    `p` holds probabilities, or with `logits=True` logits, which keep the digits of a confident p; the classes are as in
    `cross_entropy`. Returns one value for each distribution, in the dtype of `p`; it is computed in float64. Raises
    TypeError or ValueError if `p` is not floating, has no classes, or is not a distribution.

    Examples
    --------
    >>> entropy(torch.tensor([0.5, 0.5]))
    tensor(0.6931)
    """
    dim = check_class_axis("p", p)
    if not logits:
        check_distribution("p", p, dim, SLACK)
        return torch.special.entr(p.double()).sum(dim).clamp(min=0).to(p.dtype)
    leads, others, top = anchor(p.double(), dim)
    log_total = (others + leads.gather(dim, top).expm1()).log1p()
    logs = leads - log_total
    return -(logs.exp() * logs.masked_fill(leads == -torch.inf, 0.0)).sum(dim).to(p.dtype)


def kl_divergence(p: Tensor, q: Tensor, logits: bool = False) -> Tensor:
    r"""The divergence in nats (Kullback and Leibler, 1951); 0 log(0/0) = 0.

    .. math:: \mathrm{KL}(p \,\|\, q) = \sum_k p_k \log \frac{p_k}{q_k}

    It is +inf where q lacks a class of p. `p` and `q` hold probabilities, or with `logits=True` logits, with the
    classes as in `cross_entropy`. From logits it is never negative, and keeps its digits however close p and q are:
    with the differences t of the logits, less their mean under p, it is log1p(E_p[exp(t) - 1 - t]). From
    probabilities it inherits what these lack of a sum of 1.

    Returns one value for each pair, in their common dtype; it is computed in float64. Raises TypeError or ValueError
    if `p` and `q` are not floating, of one shape, and distributions. The claims `kl-split` and `gibbs` of the book.

    Examples
    --------
    >>> kl_divergence(torch.tensor([0.5, 0.5]), torch.tensor([0.75, 0.25]))
    tensor(0.1438)
    """
    dim = check_class_axis("p", p)
    check_class_axis("q", q)
    if p.shape != q.shape:
        raise ValueError(f"p and q of one shape are expected, got {tuple(p.shape)} and {tuple(q.shape)}")
    dtype = torch.promote_types(p.dtype, q.dtype)
    if logits:
        plain = functools.partial(divergence, dim=dim)
        kernel = functools.partial(divergence_kernel, plain=plain, dim=dim)
        fused = fusable((p, q)) and dtype != torch.float64 and not p.is_cuda
        rows = Fused.apply(kernel, plain, dim, torch.float64, 2**17, p, q) if fused else plain(p, q)
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
        check_weight(weight)
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


MOST = 1e30  # a γ times a loss is a float32
FEW = 2**12  # logits, with which the time is that of starting each operation
SLACK = 0.01  # what rounding to bfloat16 leaves of a sum of 1


def _loss(input, target, gamma, weight, ignore_index, reduction, epsilon):
    ignore_index, epsilon = _check_options(ignore_index, reduction, epsilon)
    dim = check_class_axis("input", input)
    wide, classes = widen(input.dtype), input.shape[dim]
    soft = isinstance(target, Tensor) and target.is_floating_point()
    check_weight(weight, classes)
    if weight is not None:
        weight = _scale(weight, wide, reduction == "mean" and not soft)
        weight = weight.view([classes if axis == dim else 1 for axis in range(input.ndim)])
    label = c = ignored = p = mass = None
    if soft:
        sums = _check_soft(input, target, ignore_index, dim)
    else:
        label, found = check_labels(check_integers("target", target), input, dim, ignore_index)
        label = label.unsqueeze(dim)
        if not found or found[0] <= ignore_index <= found[1]:
            ignored = label == ignore_index
            label = label.masked_fill(ignored, 0)
        c = None if weight is None else weight.flatten()[label]
    gamma = _check_gamma(gamma, input, input.shape[:dim] + input.shape[dim + 1 :], dim)
    if soft or epsilon:
        p = functools.partial(_mix, target if soft else None, label, c, weight, epsilon, (dim, classes, wide))
        if soft:
            mass = sums if weight is None and not epsilon else None
        else:
            mass = (1 - epsilon) * (torch.ones_like(label, dtype=wide) if c is None else c)
            mass = mass + epsilon * (1 if weight is None else weight.mean())
    rows = _few(input, label, gamma, dim) if p is c is ignored is None else None
    if rows is None:
        rows = _rows(input, label, c, ignored, p, mass, gamma, dim, fusable([input], target, weight))
        rows = rows.squeeze(dim) if reduction == "none" else rows
    counted = None  # the weight of the labels, where it is not their number
    if reduction == "mean" and (c is not None or ignored is not None):
        counted = torch.ones_like(label, dtype=wide) if c is None else c
        counted = (counted if ignored is None else counted.masked_fill(ignored, 0.0)).sum()
    rows = _reduce(rows, reduction, counted)
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


def _few(z, label, gamma, dim):
    """The losses of a few labels by torch's own operations, which start sooner; None where they would lose digits."""
    if torch.compiler.is_compiling() or isinstance(gamma, Tensor) or not z.is_cpu or z.dtype.itemsize < 4:
        return None
    if z.numel() > FEW or z.shape[dim] > EVEN:
        return None
    rows = F.cross_entropy(z, label.squeeze(dim), reduction="none")
    found = extremes(rows, both=gamma > 0) or [0.0]
    if not 0.1 < found[0] <= found[-1] < torch.inf:  # an infinite loss has slopes, but those of its focus are NaN
        return None
    return (-(-rows).expm1()) ** gamma * rows if gamma else rows


def _rows(z, label, c, ignored, p, mass, gamma, dim, fused):
    """The losses of the observations, with the class axis kept; 0 where they are ignored."""
    if p is None:
        plain = functools.partial(label_loss, label=label, c=c, gamma=gamma, dim=dim)
        kernel = functools.partial(label_kernel, label=label, c=c, gamma=gamma, dim=dim)
    else:
        plain = functools.partial(mixture_loss, p=p, gamma=gamma, dim=dim)
        kernel = functools.partial(mixture_kernel, p=p, mass=mass, gamma=gamma, dim=dim)
    if not fused:
        return plain(z) if ignored is None else plain(z.masked_fill(ignored, 0.0)).masked_fill(ignored, 0.0)
    # labels need no matrices besides the slopes, and targets that are made here one more than those that are given
    size = sys.maxsize if p is None else 2**20 if label is None else max(2**15, min(2**20, z.numel() // 4))
    fuse = functools.partial(Fused.apply, kernel, plain, dim, widen(z.dtype), size)
    if ignored is None:
        return fuse(z)
    if z.is_cpu:
        rows = fuse(z)
        low, high = extremes(rows.where(ignored, 0.0)) or (0.0, 0.0)
    if not z.is_cpu or not -torch.inf < low <= high < torch.inf:  # the gradient might be 0 times NaN
        rows = fuse(z.masked_fill(ignored, 0.0))
    return rows.masked_fill(ignored, 0.0)


def _reduce(losses, reduction, mass=None):
    """The mean is over the `mass`, or the number of losses; over none it is 0."""
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if mass is not None:
        return losses.sum() / mass.masked_fill(mass == 0, torch.inf)
    if 0 < losses.numel() <= FEW:
        return losses.mean()
    return losses.sum() / (losses.numel() or 1)  # torch's mean would send back a number for each loss


# What was given and what is expected


def _autocast(x):
    """The type of the device of a tensor, or the CPU for one without autocast, such as meta."""
    return x.device.type if torch.amp.autocast_mode.is_autocast_available(x.device.type) else "cpu"


def _check_reduction(reduction):
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'reduction is "mean", "sum" or "none", got {reduction!r}')


def _check_options(ignore_index, reduction, epsilon):
    _check_reduction(reduction)
    return check_integer("ignore_index", ignore_index, -(2**63), 2**63 - 1), check_number("label_smoothing", epsilon, 1)


def _check_gamma(gamma, z, shape, dim=None):
    """A number, or a tensor for all the observations, with an axis of classes if that is left out of their shape."""
    if not isinstance(gamma, Tensor):
        return check_number("gamma", gamma, MOST)
    if gamma.dtype == torch.bool or gamma.is_complex():
        raise TypeError(f"gamma holds numbers, got {gamma.dtype}")
    if gamma.ndim and (gamma.shape != shape if dim is not None else gamma.ndim > len(shape)):
        raise ValueError(f"gamma of shape () or {tuple(shape)} is expected, got {tuple(gamma.shape)}")
    check_values("gamma from 0 to 1e+30", gamma, MOST)
    gamma = gamma.detach().to(z.device, widen(z.dtype)).expand(shape)
    return gamma if dim is None else gamma.unsqueeze(dim)


def _check_soft(input, target, ignore_index, dim):
    check_class_axis("target", target)
    if target.shape != input.shape:
        raise ValueError(f"target probabilities of shape {tuple(input.shape)} are expected, got {tuple(target.shape)}")
    if ignore_index >= 0:
        raise ValueError(f"ignore_index is for labels, and target holds probabilities; got {ignore_index}")
    return check_distribution("target", target, dim, SLACK)


def _scale(weight, wide, free):
    """Weights in the dtype to compute in; where their scale is `free`, the greatest becomes 1."""
    if free:
        most = weight.detach().amax()
        weight = weight / most.masked_fill(most == 0, 1.0)
    elif (extremes(weight.to(wide)) or [0, 0])[1] == torch.inf:
        raise ValueError(f"weights that {wide} can hold are expected, got {extremes(weight)[1]:.6g}")
    return weight.to(wide)
