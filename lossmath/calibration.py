"""How far probabilities are from frequencies, and the one-parameter repair.

Probabilities are tensors of shape (N, C), labels of shape (N,), int64, from 0 to C - 1. Axes before these are a batch: of models, of
seeds; `labels` may have fewer of them, and is then shared. Results are float64, on the device of the input. The measures of
calibration look at values, not at how they came about, and carry no gradient.

Bins have equal widths and are closed on the right, (0, 1/M], (1/M, 2/M], …, as in Guo et al. (2017); 0 is in the first. Each value
goes where its exact binary fraction lies: the edges k/M are never rounded.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Reliability(NamedTuple):
    """What a reliability diagram shows, for each bin (along the last axis): NaN where nothing fell."""

    confidence: Tensor  #: mean confidence
    accuracy: Tensor  #: share of correct predictions
    count: Tensor  #: number of predictions, int64


def bin_index(values: Tensor, n_bins: int = 15) -> Tensor:
    """The bin of each value in [0, 1], from 0 to n_bins - 1: bin m is ((m / n_bins, (m + 1) / n_bins]), and holds 0 if m = 0.

    Parameters
    ----------
    values : Tensor, floating, of any shape
    n_bins : int from 1 to 2**24

    Returns
    -------
    Tensor of the same shape, int64

    Raises
    ------
    TypeError
        If `values` is not floating, or `n_bins` no int.
    ValueError
        If a value is NaN or outside [0, 1] by more than rounding, or `n_bins` is out of range.
    """
    _check_bins(n_bins)
    _check_floating("values", values)
    if not bool(((values >= 0) & (values <= 1 + _rounding(values))).all()):
        raise ValueError("values from 0 to 1 are expected")
    value = values.double()
    scaled = value * n_bins
    # Rounding is monotone, so it moves the product onto an integer at most, never past one. The exact product less an integer:
    # both products of the halves are exact (24 and 29 bits by 24), and so is the difference of neighbours.
    high = value.float().double()
    beyond = (high * n_bins - scaled) + (value - high) * n_bins > 0
    return (scaled.ceil() + (beyond & (scaled == scaled.ceil())) - 1).clamp(0, n_bins - 1).long()


def reliability(probabilities: Tensor, labels: Tensor, n_bins: int = 15) -> Reliability:
    """Mean confidence, accuracy and count in each bin of the confidence max_k q_k.

    The prediction is the first class with the largest probability. Arguments and errors as in `expected_calibration_error`.
    """
    confidence, correct = _top(probabilities, labels)
    sums, hits, count = _binned(confidence, correct, n_bins)
    return Reliability(sums / count, hits / count, count.long())


def expected_calibration_error(probabilities: Tensor, labels: Tensor, n_bins: int = 15) -> Tensor:
    r"""ECE, the mean over predictions of the gap in their bin: sum over bins of |B_m| / N · |accuracy(B_m) - confidence(B_m)|.

    Parameters
    ----------
    probabilities : Tensor of shape (..., N, C), floating, C >= 2
        Rows are distributions q.
    labels : Tensor of shape (..., N), int64
    n_bins : int

    Returns
    -------
    Tensor of shape (...), float64
        From 0 to 1; 0 where accuracy equals mean confidence in every bin.

    Raises
    ------
    TypeError
        If `probabilities` is not a floating tensor, `labels` not an int64 tensor, or `n_bins` no int.
    ValueError
        If the shapes do not match or are empty, an entry is NaN or negative, a row does not sum to one (but for rounding: the
        square root of the dtype's epsilon), a label is out of range, or `n_bins` is not from 1 to 2**24.

    Notes
    -----
    Naeini, Cooper and Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian Binning, 2015; Guo et al., 2017. The
    estimate is biased upwards: a calibrated model has a positive one on every finite sample.
    """
    sums, hits, _ = _binned(*_top(probabilities, labels), n_bins)
    return (hits - sums).abs().sum(-1) / probabilities.shape[-2]


def maximum_calibration_error(probabilities: Tensor, labels: Tensor, n_bins: int = 15) -> Tensor:
    """MCE, the largest gap |accuracy(B_m) - confidence(B_m)| of a bin in which something fell.

    From 0 to 1. Arguments, shapes, errors and sources as in `expected_calibration_error`.
    """
    sums, hits, count = _binned(*_top(probabilities, labels), n_bins)
    return ((hits - sums).abs() / count.clamp(min=1)).amax(-1)


def classwise_calibration_error(probabilities: Tensor, labels: Tensor, n_bins: int = 15) -> Tensor:
    """Mean over the classes k of the calibration error of q_k as the probability of "the label is k".

    From 0 to 1. Arguments, shapes and errors as in `expected_calibration_error`. Kull et al., Beyond temperature scaling, 2019.
    """
    labels = _check(probabilities, labels)
    is_class = torch.nn.functional.one_hot(labels, probabilities.shape[-1])
    sums, hits, _ = _binned(probabilities.detach().transpose(-1, -2), is_class.transpose(-1, -2), n_bins)
    return (hits - sums).abs().sum(-1).mean(-1) / probabilities.shape[-2]


def brier_score(probabilities: Tensor, labels: Tensor) -> Tensor:
    """The mean over predictions of the sum over k of (q_k - [y = k])², from 0 to 2 (Brier, 1950).

    Arguments, shapes and errors as in `expected_calibration_error`.
    """
    labels = _check(probabilities, labels)
    truth = torch.nn.functional.one_hot(labels, probabilities.shape[-1])
    return (probabilities.detach().double() - truth).square().sum(-1).mean(-1)


def fit_temperature(logits: Tensor, labels: Tensor, bounds: tuple[float, float] = (1e-3, 1e3)) -> Tensor:
    r"""The temperature T for which softmax(z / T) has the least negative log-likelihood.

    In b = 1/T the mean of -log softmax(b z)_y is convex; its slope, the mean of E_q[z] - z_y, rises. Newton's method finds its
    zero, kept inside a bracket that shrinks at each step. Fit it on a validation split, never on the data that it is judged on.

    Parameters
    ----------
    logits : Tensor of shape (..., N, C), floating, finite
    labels : Tensor of shape (..., N), int64
    bounds : (float, float)
        The interval for T. A bound is returned where the likelihood still grows there: the lower one if every label has the
        largest logit, the upper one if the logits are no better than none.

    Returns
    -------
    Tensor of shape (...), float64
        T; 1 where the likelihood does not depend on it.

    Raises
    ------
    TypeError, ValueError
        As in `expected_calibration_error`; for logits that are not finite; for bounds that are not 0 < low <= high.

    Notes
    -----
    Guo et al., On Calibration of Modern Neural Networks, 2017.
    """
    low, high = bounds
    if not 0 < low <= high < math.inf:
        raise ValueError(f"bounds 0 < low <= high are expected, got {bounds}")
    labels = _check_shapes("logits", logits, labels)
    if not bool(logits.isfinite().all()):
        raise ValueError("finite logits are expected")
    z = logits.detach().double()
    z = z - z.gather(-1, labels[..., None])  # so that E_q[z] - z_y does not cancel
    least, most = (z.new_full(z.shape[:-2], 1 / t) for t in (high, low))
    b = torch.ones_like(least)

    def slope(b):
        q = (b[..., None, None] * z).softmax(-1)
        mean = (q * z).sum(-1, keepdim=True)
        return mean.mean((-2, -1)), (q * (z - mean).square()).sum(-1).mean(-1)

    below, above = slope(least)[0] >= 0, slope(most)[0] <= 0
    flat = below & above
    for _ in range(200):
        first, second = slope(b)
        least, most = torch.where(first < 0, b, least), torch.where(first > 0, b, most)
        step = b - first / second
        inside = (least <= step) & (step <= most)  # false for NaN
        moved = torch.where(inside, step, (least * most).sqrt())
        settled = (moved - b).abs() <= 1e-12 * b
        b = moved
        if bool((settled | below | above).all()):
            break
    b = torch.where(below, 1 / high, torch.where(above, 1 / low, b))
    return 1 / torch.where(flat, torch.ones_like(b).clamp(1 / high, 1 / low), b)


def _top(probabilities, labels):
    labels = _check(probabilities, labels)
    predicted = probabilities.argmax(-1)
    return probabilities.detach().gather(-1, predicted[..., None])[..., 0], predicted == labels


def _binned(values, events, n_bins):
    """For each bin, along the last axis: the sum of the values, the number of events among them, the number of values."""
    index = bin_index(values, n_bins)
    empty = values.new_zeros(*values.shape[:-1], n_bins, dtype=torch.float64)
    return tuple(empty.scatter_add(-1, index, x.double()) for x in (values, events, torch.ones_like(values)))


def _rounding(values):
    return math.sqrt(torch.finfo(values.dtype).eps)


def _check_bins(n_bins):
    if not isinstance(n_bins, int) or isinstance(n_bins, bool):
        raise TypeError(f"n_bins is an int; got {n_bins!r}")
    if not 1 <= n_bins <= 2**24:
        raise ValueError(f"n_bins from 1 to 2**24 is expected, got {n_bins}")


def _check_floating(name, tensor):
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        raise TypeError(f"{name} is a floating tensor; got {getattr(tensor, 'dtype', type(tensor).__name__)}")


def _check_shapes(name, scores, labels):
    """The labels, with as many batch axes as the scores."""
    _check_floating(name, scores)
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64:
        raise TypeError(f"labels holds class indices, int64; got {getattr(labels, 'dtype', type(labels).__name__)}")
    shapes = tuple(scores.shape), tuple(labels.shape)
    if scores.ndim < 2 or labels.ndim < 1 or labels.shape[-1] != scores.shape[-2]:
        raise ValueError(f"{name} (..., N, C) and labels (..., N) are expected, got {shapes[0]} and {shapes[1]}")
    if scores.numel() == 0 or scores.shape[-1] < 2:
        raise ValueError(f"{name} of at least one case and two classes are expected, got {shapes[0]}")
    if not 0 <= labels.min() <= labels.max() < scores.shape[-1]:
        raise ValueError(f"labels from 0 to {scores.shape[-1] - 1} are expected, got {labels.min()} to {labels.max()}")
    try:
        return labels.expand(scores.shape[:-1])
    except RuntimeError:
        raise ValueError(f"labels {shapes[1]} cannot be shared by {name} {shapes[0]}") from None


def _check(probabilities, labels):
    labels = _check_shapes("probabilities", probabilities, labels)
    if not bool((probabilities >= 0).all()):  # false for NaN too
        worst = "NaN" if bool(probabilities.isnan().any()) else f"{probabilities.min():g}"
        raise ValueError(f"probabilities of at least 0 are expected, got {worst}")
    off = (probabilities.double().sum(-1) - 1).abs().max()
    if not off <= _rounding(probabilities):
        raise ValueError(f"rows that sum to one are expected; one is off by {off:.2g} (are these logits?)")
    return labels
