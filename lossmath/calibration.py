"""How far probabilities are from frequencies, and the one-parameter repair.

Probabilities are tensors of shape (N, C), or of shape (N,) for the positive one of two classes; labels are of shape
(N,), of any integer dtype, from 0 to C - 1. Axes before these are a batch: of models, of seeds; `labels` may have
fewer of them, and is then shared. What has as many axes as its labels is binary; a batch of models that share their
labels must therefore name both classes. Results are float64, on the device of the input. The measures of calibration
look at values, not at how they came about, and carry no gradient.

Bins have equal widths and are closed on the right, (0, 1/M], (1/M, 2/M], …, as in Guo et al. (2017); 0 is in the
first. Each value goes where its exact binary fraction lies: the edges k/M are never rounded.
"""

import math
import warnings
from typing import NamedTuple

import torch
from torch import Tensor

from lossmath._validation import check_floating, check_integer, check_integers


class Reliability(NamedTuple):
    """What a reliability diagram shows, for each bin (along the last axis): NaN where nothing fell."""

    confidence: Tensor  #: mean confidence
    accuracy: Tensor  #: share of correct predictions
    count: Tensor  #: number of predictions, int64


def bin_index(values: Tensor, n_bins: int = 15) -> Tensor:
    """The bin of each value in [0, 1]: bin m, from 0, is (m / n_bins, (m + 1) / n_bins], and holds 0 if m = 0.

    `values` is floating, of any shape, and `n_bins` lies between 1 and 2**24; the bins are int64. Raises TypeError or
    ValueError for anything else, such as a value that is NaN, or outside [0, 1] by more than rounding.
    """
    n_bins = check_integer("n_bins", n_bins, 1, 2**24)
    check_floating("values", values)
    if not bool(((values >= 0) & (values <= 1 + _rounding(values))).all()):
        raise ValueError("values from 0 to 1 are expected")
    value = values.double()
    scaled = value * n_bins
    # Rounding is monotone, so it moves the product onto an integer at most, never past one. The exact product less an
    # integer: both products of the halves are exact (24 and 29 bits by 24), and so is the difference of neighbours.
    high = value.float().double()
    beyond = (high * n_bins - scaled) + (value - high) * n_bins > 0
    return (scaled.ceil() + (beyond & (scaled == scaled.ceil())) - 1).clamp(0, n_bins - 1).long()


def reliability(probabilities: Tensor, labels: Tensor, n_bins: int = 15) -> Reliability:
    """Mean confidence, accuracy and count in each bin of the confidence max_k q_k.

    The prediction is the first class with the largest probability. Of binary probabilities the confidence is that of
    the positive class, and a prediction is correct where the label is 1. Arguments and errors as in
    `expected_calibration_error`.
    """
    sums, hits, count = _bin(probabilities, labels, n_bins)
    return Reliability(sums / count, hits / count, count.long())


def expected_calibration_error(probabilities: Tensor, labels: Tensor, n_bins: int = 15) -> Tensor:
    r"""ECE, the mean gap of the predictions' bins.

    .. math:: \sum_m \frac{|B_m|}{N} \left| \mathrm{accuracy}(B_m) - \mathrm{confidence}(B_m) \right|

    Parameters
    ----------
    probabilities : Tensor of shape (..., N, C), floating, C >= 2; or (..., N)
        Rows are distributions q; or probabilities of the label 1, whose bins are then those of q_1.
    labels : Tensor of shape (..., N), of an integer dtype
    n_bins : int

    Returns
    -------
    Tensor of shape (...), float64
        From 0 to 1; 0 where accuracy equals mean confidence in every bin.

    Raises
    ------
    TypeError
        If `probabilities` is not a floating tensor, `labels` not an integer tensor, or `n_bins` no int.
    ValueError
        If the shapes do not match or are empty, an entry is NaN or negative, a row does not sum to one (but for
        rounding: the square root of the dtype's epsilon), a label is out of range, or `n_bins` is not from 1 to
        2**24.

    Notes
    -----
    Naeini, Cooper and Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian Binning, 2015; Guo et al.,
    2017. The estimate is biased upwards: a calibrated model has a positive one on average, unless it is certain.
    The claims `smoothing-calibrates` and `focal-calibrates` of the book are measured with it.

    Examples
    --------
    >>> q, labels = torch.tensor([[0.8, 0.2], [0.3, 0.7], [0.9, 0.1]]), torch.tensor([0, 1, 1])
    >>> expected_calibration_error(q, labels)
    tensor(0.4667, dtype=torch.float64)
    """
    sums, hits, count = _bin(probabilities, labels, n_bins)
    return (hits - sums).abs().sum(-1) / count.sum(-1)


def brier_score(probabilities: Tensor, labels: Tensor) -> Tensor:
    r"""The mean squared distance of predictions from their labels, from 0 to 2 (Brier, 1950).

    .. math:: \frac{1}{N} \sum_n \sum_k \left(q_{n,k} - [y_n = k]\right)^2

    Of binary probabilities it is the mean of (q_1 - y)², from 0 to 1: half of it. Arguments, shapes and errors as in
    `expected_calibration_error`.

    Examples
    --------
    >>> brier_score(torch.tensor([[0.8, 0.2], [0.3, 0.7]]), torch.tensor([0, 1]))
    tensor(0.1300, dtype=torch.float64)
    """
    probabilities, labels = _check(probabilities, labels)
    if _is_binary(probabilities, labels):
        return (probabilities - labels).square().mean(-1)
    return (probabilities - torch.nn.functional.one_hot(labels, probabilities.shape[-1])).square().sum(-1).mean(-1)


def fit_temperature(logits: Tensor, labels: Tensor, bounds: tuple[float, float] = (1e-3, 1e3)) -> Tensor:
    r"""The temperature T for which softmax(z / T) has the least negative log-likelihood.

    In b = 1/T the mean of -log softmax(b z)_y is convex; its slope, the mean of E_q[z] - z_y, rises. Newton's method
    finds its zero, kept inside a bracket that shrinks at each step. Fit it on a validation split, never on the data
    that it is judged on.

    Parameters
    ----------
    logits : Tensor of shape (..., N, C), floating, finite
    labels : Tensor of shape (..., N), of an integer dtype
    bounds : (float, float)
        The interval for T. A bound is returned, with a warning that says which, where the likelihood still grows
        there: the lower one if every label has the largest logit, the upper one if the logits are no better than
        none.

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

    Examples
    --------
    >>> logits, labels = torch.tensor([[2.0, 0.0]] * 4), torch.tensor([0, 0, 0, 1])
    >>> fit_temperature(logits, labels)  # 3 of 4 are right: log 3 is 2 / T
    tensor(1.8205, dtype=torch.float64)
    """
    low, high = bounds
    if not 0 < low <= high < math.inf:
        raise ValueError(f"bounds 0 < low <= high are expected, got {bounds}")
    labels = _check_shapes("logits", logits, labels)
    if not bool(logits.isfinite().all()):
        raise ValueError("finite logits are expected")
    z = logits.detach().double()
    # So that nothing overflows, and no square underflows, in units of the largest lead; in which T has bounds of its
    # own.
    z = z / 4 - z.gather(-1, labels[..., None]) / 4  # so that E_q[z] - z_y does not cancel
    unit = z.abs().amax((-2, -1))
    flat = unit == 0  # nothing depends on T
    unit = unit.masked_fill(flat, 1.0)
    z = z / unit[..., None, None]
    least, most = (unit / t * 4 for t in (high, low))  # of b, in these units

    def slope(b):
        q = (b[..., None, None] * z).softmax(-1)
        mean = (q * z).sum(-1, keepdim=True)
        return mean.mean((-2, -1)), (q * (z - mean).square()).sum(-1).mean(-1)

    above = (z.amax((-2, -1)) <= 0) | (slope(most)[0] < 0)  # if every label has the largest logit: the surer the better
    lost = ~above & (slope(least)[0] >= 0)
    b = (unit * 4).clamp(least, most)
    for _ in range(2200):
        first, second = slope(b)
        least, most = torch.where(first < 0, b, least), torch.where(first > 0, b, most)
        step = b - first / second
        inside = (least <= step) & (step <= most)  # false for NaN
        moved = torch.where(inside, step, least.sqrt() * most.sqrt())
        settled = (moved - b).abs() <= 1e-12 * b
        b = moved
        if bool((settled | above | lost | flat).all()):
            break
    t = torch.where(above, low, torch.where(lost, high, (unit / b * 4).clamp(low, high)))
    at_bounds = (low, above, "every label has the largest logit"), (high, lost, "logits no better than none")
    for bound, there, why in at_bounds:
        if low < high and bool((there & ~flat).any()):
            warnings.warn(f"the best temperature is at the bound {bound:g} ({why}, or nearly)", stacklevel=2)
    return t.masked_fill(flat, min(max(1.0, low), high))


def _is_binary(probabilities, labels):
    return probabilities.ndim == labels.ndim


def _bin(probabilities, labels, n_bins):
    """For each bin, along the last axis: the sum of the confidences, the number of correct ones, the number of all."""
    probabilities, labels = _check(probabilities, labels)
    confidence, correct = probabilities, labels == 1
    if not _is_binary(probabilities, labels):
        predicted = probabilities.argmax(-1)
        confidence, correct = probabilities.gather(-1, predicted[..., None])[..., 0], predicted == labels
    index = bin_index(confidence, n_bins)
    empty = confidence.new_zeros(*confidence.shape[:-1], n_bins)
    return tuple(empty.scatter_add(-1, index, x.double()) for x in (confidence, correct, torch.ones_like(confidence)))


def _rounding(values):
    return math.sqrt(torch.finfo(values.dtype).eps)


def _check_shapes(name, scores, labels, binary=False):
    """The labels, with as many batch axes as the scores, which may be `binary`: are if both have as many axes."""
    check_floating(name, scores)
    labels = check_integers("labels", labels)
    shapes = tuple(scores.shape), tuple(labels.shape)
    binary = binary and _is_binary(scores, labels)
    cases = scores.shape if binary else scores.shape[:-1]
    if not cases or labels.ndim < 1 or labels.shape[-1] != cases[-1]:
        raise ValueError(f"{name} (..., N, C) and labels (..., N) are expected, got {shapes[0]} and {shapes[1]}")
    classes = 2 if binary else scores.shape[-1]
    if scores.numel() == 0 or classes < 2:
        raise ValueError(f"{name} of at least one case and two classes are expected, got {shapes[0]}")
    if not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(f"labels from 0 to {classes - 1} are expected, got {labels.min()} to {labels.max()}")
    try:
        return labels.expand(cases)
    except RuntimeError:
        raise ValueError(f"labels {shapes[1]} cannot be shared by {name} {shapes[0]}") from None


def _check(probabilities, labels):
    """Probabilities in float64, none above 1, and their labels."""
    labels = _check_shapes("probabilities", probabilities, labels, binary=True)
    if not bool((probabilities >= 0).all()):  # false for NaN too
        worst = "NaN" if bool(probabilities.isnan().any()) else f"{probabilities.min():g}"
        raise ValueError(f"probabilities of at least 0 are expected, got {worst}")
    slack, q = _rounding(probabilities), probabilities.detach().double()
    if _is_binary(probabilities, labels):
        if not q.max() <= 1 + slack:
            raise ValueError(f"probabilities of at most 1 are expected, got {q.max():g} (are these logits?)")
    elif not (off := (q.sum(-1) - 1).abs().max()) <= slack:
        raise ValueError(f"rows that sum to one are expected; one is off by {off:.2g} (are these logits?)")
    return q.clamp(max=1.0), labels
