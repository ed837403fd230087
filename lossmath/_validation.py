"""What was given and what is expected: the checks that the losses and the measures of calibration share.

Values are looked at on the CPU only. On other devices one would have to wait for them, and under `torch.compile`,
`torch.export` and `torch.func.vmap` there are none yet.
"""

from numbers import Integral, Real

import torch
from torch import Tensor

EVEN = 64  # classes over which torch sums without a loss
SHORT = 16  # classes in a row that are fewer than torch takes at once
FLOATING = torch.float64, torch.float32, torch.bfloat16, torch.float16


def extremes(x: Tensor, both: bool = True) -> tuple | None:
    """The least and the greatest value, or the least; NaN if there is one. None if there are none, or not looked at."""
    if not x.is_cpu or torch.compiler.is_compiling() or not x.numel():
        return None
    x = x.detach() if x.requires_grad else x
    try:
        if not both:
            return (x.amin().item(),)
        low, high = torch.aminmax(x)
        return low.item(), high.item()
    except RuntimeError:  # a batch under vmap, a tensor without values
        return None


def widen(dtype: torch.dtype) -> torch.dtype:
    """The dtype to compute in."""
    return torch.promote_types(dtype, torch.float32)


def sum_classes(x: Tensor, dim: int) -> Tensor:
    """The sum over the classes, with their axis kept; of rows that are short by a product, which is twice as fast."""
    if x.ndim == 2 and x.shape[1] <= SHORT and x.is_cpu:
        return torch.mv(x, x.new_ones(x.shape[1])).unsqueeze(1)
    return x.sum(dim, keepdim=True)


def describe(x) -> str:
    """What an argument is, for an error."""
    kind = type(x).__qualname__ if type(x).__module__ == "builtins" else f"{type(x).__module__}.{type(x).__qualname__}"
    return str(x.dtype) if isinstance(x, Tensor) else kind


def check_number(name: str, value, high: float) -> float:
    """A number from 0 to `high`, as a float."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} is a number, got {value!r}")
    if not 0 <= value <= high:  # also for NaN, and before a whole number is too large for a float
        raise ValueError(f"{name} from 0 to {high:g} is expected, got {value}")
    return float(value)


def check_integer(name: str, value, low: int, high: int) -> int:
    """A whole number, as an int; True and False are none."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} is a whole number; got {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} from {low} to {high} is expected, got {value}")
    return int(value)


def check_floating(name: str, x) -> None:
    if not isinstance(x, Tensor) or x.dtype not in FLOATING:
        raise TypeError(f"{name} is a tensor of dtype float64, float32, bfloat16 or float16, got {describe(x)}")


def check_class_axis(name: str, x) -> int:
    """The axis of the classes of a floating tensor."""
    check_floating(name, x)
    if x.ndim == 0 or x.shape[x.ndim > 1] == 0:
        shape = tuple(x.shape)
        raise ValueError(f"{name} of shape (C,), (N, C) or (N, C, d1, ...) with C >= 1 is expected, got {shape}")
    return int(x.ndim > 1)


def check_integers(name: str, x) -> Tensor:
    """Labels of any integer dtype as int64, in which they can be compared with any number."""
    if not isinstance(x, Tensor) or x.is_floating_point() or x.is_complex() or x.dtype == torch.bool:
        raise TypeError(f"{name} holds class indices, of an integer dtype; got {describe(x)}")
    return x.long()


def check_distribution(name: str, p: Tensor, dim: int, slack: float) -> Tensor | None:
    """Probabilities are at least 0, and their sums 1 but for `slack`; the sums, if they are looked at."""
    found = extremes(p, both=False)
    if found is None:
        return None
    sums = sum_classes(p.detach().to(widen(p.dtype)), dim)
    low, high = extremes(sums)
    if not 1 - slack <= low <= high <= 1 + slack:
        raise ValueError(f"{name} holds probabilities: sums of 1 are expected, got {low:.6g} to {high:.6g}")
    if found[0] < 0:
        raise ValueError(f"{name} holds probabilities: at least 0 is expected, got {found[0]:.6g}")
    return sums


def check_values(expected, x, high):
    """Values are from 0 to `high`."""
    found = extremes(x)
    if found and not 0 <= found[0] <= found[1] <= high:
        raise ValueError(f"{expected} are expected, got {found[0]:.6g} to {found[1]:.6g}")


def check_labels(label, input, dim, ignore_index):
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


def check_weight(weight, classes=None):
    if weight is None:
        return
    if not isinstance(weight, Tensor) or not weight.is_floating_point():
        raise TypeError(f"weight is a floating tensor, got {describe(weight)}")
    if weight.ndim != 1 or classes not in (None, len(weight)):
        raise ValueError(f"weight of shape ({classes or 'C'},) is expected, got {tuple(weight.shape)}")
    check_values("weights that are finite and at least 0", weight, torch.finfo(weight.dtype).max)
