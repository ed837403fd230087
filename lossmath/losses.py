"""The losses as torch functions, in the forms that the book proves, for use in training."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def lead(input: Tensor, target: Tensor) -> Tensor:
    r"""The lead of the other classes over the label, s = log(sum over j ≠ y of exp z_j) - z_y.

    Parameters
    ----------
    input : Tensor of shape (N, C), floating, C >= 2
        Logits z.
    target : Tensor of shape (N,), int64
        Labels y, from 0 to C - 1.

    Returns
    -------
    Tensor of shape (N,)
        Negative where the label leads; -s is the margin. See the claim `margin-form` in the book.

    Raises
    ------
    TypeError
        If `input` is not floating or `target` is not int64.
    ValueError
        If the shapes do not match, there are fewer than two classes, or a label is out of range.
    """
    if not input.is_floating_point():
        raise TypeError(f"input holds logits, of a floating dtype; got {input.dtype}")
    if target.dtype != torch.int64:
        raise TypeError(f"target holds class indices, int64; got {target.dtype}")
    if input.ndim != 2 or target.shape != input.shape[:1]:
        raise ValueError(f"input (N, C) and target (N,) are expected, got {tuple(input.shape)} and {tuple(target.shape)}")
    classes = input.shape[1]
    if classes < 2:
        raise ValueError(f"at least two classes are expected, got {classes}")
    if target.numel() and not 0 <= target.min() <= target.max() < classes:
        raise ValueError(f"labels from 0 to {classes - 1} are expected, got {target.min()} to {target.max()}")
    label = target[:, None]
    # the differences first: a large offset common to all logits then cancels without rounding
    leads = input - input.gather(1, label)
    return leads.scatter(1, label, -torch.inf).logsumexp(1)


def cross_entropy(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    r"""Cross-entropy of logits and class indices in nats, softplus(s) of the `lead`.

    Equal to `torch.nn.functional.cross_entropy` but for rounding: a confident prediction keeps all its digits, where a loss
    computed from log q_y loses them.

    Parameters
    ----------
    input, target
        As in `lead`.
    reduction : "mean", "sum" or "none"

    Returns
    -------
    Tensor
        A scalar, or of shape (N,) without reduction. NaN logits give NaN.

    Raises
    ------
    TypeError, ValueError
        As in `lead`, and for another `reduction`.
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'reduction is "mean", "sum" or "none", got {reduction!r}')
    # not softplus: torch's turns into the identity above 20
    losses = -logsigmoid(-lead(input, target))
    return losses if reduction == "none" else getattr(losses, reduction)()
