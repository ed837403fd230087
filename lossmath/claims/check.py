"""A claim at random points of its domain: torch screens them, on the GPU when there is one, and mpmath judges."""

import os
import random
from dataclasses import dataclass

from lossmath.claims import limits
from lossmath.claims.counterexample import HAS_TORCH, confirm, excesses, find_fault
from lossmath.claims.errors import CheckError, Undefined
from lossmath.claims.evaluation import DIGITS
from lossmath.claims.quantities import K, M, N
from lossmath.claims.sampling import at_equality, draw_points

# Classes, observations and inputs of the cases, and their share: a point of 1000 classes costs as much as 500 of two.
SIZES = ({K: 2, N: 1, M: 1}, {K: 3, N: 5, M: 2}, {K: 10, N: 12, M: 7}, {K: 100, N: 9, M: 4}, {K: 1000, N: 4, M: 3})
SHARES = (0.3, 0.3, 0.25, 0.11, 0.04)
TOLERANCE = 1e-12  # what is off by more in float64 is judged in multiple precision
JUDGED = 7  # cases of each size, up to 10 classes, that are judged in any case
WATCHED = 20  # cases of a limit


def choose_device(device=None):
    """The torch device to check on: `device`, else LOSSMATH_DEVICE, else the GPU if there is one.

    Raises ValueError if there is no such device, or it has no float64; ModuleNotFoundError if there is no torch.
    """
    if not HAS_TORCH:
        raise ModuleNotFoundError(
            "`check` evaluates a claim in torch, which cannot be imported here: install it with `pip install torch`. "
            "`prove` and `refute` do without."
        )
    import torch

    name = device or os.environ.get("LOSSMATH_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.zeros(1, dtype=torch.float64, device=name).device
    except (RuntimeError, AssertionError, TypeError) as error:
        there = ["cpu", *(f"cuda:{n}" for n in range(torch.cuda.device_count()))]
        raise ValueError(f"no float64 on a device {name!r}; there is {', '.join(there)}") from error


@dataclass(frozen=True)
class Check:
    """A claim that held at every case. `residual` is the largest relative gap of its sides in float64."""

    claim: object
    cases: int
    residual: float | None  # None if the claim states limits only
    device: str
    judged: int  # cases that were evaluated in multiple precision
    limits: tuple = ()  # of (the distance left at the end, the orders of magnitude on the way to it)

    def _said(self):
        said = []
        if self.residual is not None:
            classes = " with 2 ≤ K ≤ 1000" if self.claim.counts_classes else ""
            where = f"in torch float64 on {self.device}, at {self.cases} random points{classes}"
            judged = f"{self.judged} of the points were judged with {DIGITS} digits"
            said.append(f"{where}: the largest relative gap is {self.residual:.1e}; {judged}")
        if self.limits:
            left, orders = max(left for left, _ in self.limits), min(orders for _, orders in self.limits)
            way = f"with {DIGITS} digits and more, after {orders} orders of magnitude or more"
            said.append(f"{way}, the limit is within {left:.1g}")
        return "; ".join(said)

    def __repr__(self):
        return f"{self.claim.id} checked {self._said()}"

    def _repr_markdown_(self):
        return f"✓ **Checked** {self._said()}."


def check(claim, cases: int = 1000, seed: int = 0, device=None) -> Check:
    """Evaluate the claim at `cases` random points that obey its hypotheses, with K from 2 to 1000.

    There is at least one point for each number of classes. Every fourth of up to 100 classes is put where equality is
    claimed, too. The same seed draws the same points on every device (see `choose_device`).

    The gap in float64 is relative to the two sides; of an inequality it is what it fails by. Cases that float64 finds
    off by more than 1e-12, or has no number for, are judged in multiple precision instead, and 21 others besides.
    Limits are watched in multiple precision, at 20 points: how near they came, and after how long.

    Raises CheckError if a case is found false in multiple precision, or a side has no value there; ValueError if
    `cases` is too small, or there is no such device; ModuleNotFoundError if there is no torch.
    """
    if not isinstance(cases, int) or cases < len(SIZES):
        least = f"at least {len(SIZES)} (one for each number of classes)"
        raise ValueError(f"cases is a whole number, {least}, got {cases!r}")
    device, rng = choose_device(device), random.Random(seed)
    import torch

    watched = tuple(_watch(claim, one, rng, min(cases, WATCHED)) for one in claim.statements if limits.is_limit(one))
    tight = [(one[0], "==", one[2]) for one in claim.statements if claim.equality_of(one)]
    counts = [max(1, int(cases * share)) for share in SHARES]
    counts[0] += cases - sum(counts)
    screened = []
    for sizes, count in zip(SIZES, counts) if len(watched) < len(claim.statements) else ():
        points = draw_points(claim.hypotheses, sizes, rng, count, wide=True)
        screened.append(_screen(claim, points, device))
        if tight and sizes[K] <= 100:
            moved = filter(None, (at_equality(claim, point) for point in points[::4]))
            screened.append(_screen(claim.near_miss(*tight), [*moved], device))
    gaps, judged = zip(*screened) if screened else ([None], [0])
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    return Check(claim, cases if screened else min(cases, WATCHED), max(gaps), name, sum(judged), watched)


def _screen(claim, points, device):
    """The largest gap that float64 finds and that is small, and how many points were judged in multiple precision."""
    worst, judged = 0.0, 0
    for place, (point, gap) in enumerate(zip(points, excesses(claim, points, device))):
        small = gap <= TOLERANCE  # and a number
        worst = max(worst, gap) if small else worst
        if not small or (place < JUDGED and point.sizes[K] <= 10):
            # where torch finds a derivative, the difference quotient of mpmath may have no value
            if (fault := find_fault(claim, point, strict=not small)) is not None:
                raise CheckError(f"{claim.id} fails at {fault}")
            judged += 1
    return worst, judged


def _watch(claim, statement, rng, count):
    """The largest distance from a limit that is left, after the shortest way."""
    found = []
    for point in draw_points(claim.hypotheses, SIZES[0], rng, count):
        try:
            found.append(limits.watch(statement, claim.hypotheses, point))
        except Undefined as error:
            raise CheckError(f"{claim.id} cannot be watched at {point}: {error}") from None
        if not found[-1].near:
            raise CheckError(f"{claim.id} fails at {confirm(claim, point)}")
    return float(max(one.left for one in found)), min(one.orders for one in found)
