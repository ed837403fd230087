"""Small classifiers, hundreds of them trained at once: every loss, noise and seed of an experiment in one batched matrix product.

A seed fixes the split, the initial weights, the order of the batches and which labels are wrong, whatever else is varied. So the
models of one seed differ by what is compared and by nothing else, and their differences are paired. Axes are always in the order
steps, noises, seeds, cases, classes. Runs on the GPU when there is one; LOSSMATH_DEVICE chooses otherwise.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from lossmath.calibration import brier_score, expected_calibration_error, fit_temperature
from lossmath.losses import focal_loss


@dataclass(frozen=True)
class Loss:
    """`focal_loss` with a smoothing rate epsilon and a focusing gamma; with neither it is the cross-entropy.

    Called with logits (..., C) and labels that broadcast to (...), it gives the loss of each case, in nats.
    """

    epsilon: float = 0.0
    gamma: float = 0.0

    def __post_init__(self):
        if not 0 <= self.epsilon < 1 or not self.gamma >= 0:
            raise ValueError(f"epsilon in [0, 1) and gamma >= 0 are expected, got {self.epsilon} and {self.gamma}")

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        cases = logits.shape[:-1]
        rows, targets = logits.reshape(-1, logits.shape[-1]), labels.expand(cases).reshape(-1)
        options = {"label_smoothing": self.epsilon, "reduction": "none"}
        return focal_loss(rows, targets, self.gamma, **options).view(cases)

    @property
    def quantity(self):
        """The name by which the book's figures colour it."""
        return "label smoothing" if self.epsilon else "focal" if self.gamma else "cross-entropy"

    def __str__(self):
        named = ("ε", self.epsilon), ("γ", self.gamma)
        return ", ".join(f"{name} = {value:g}" for name, value in named if value) or "CE"


CE = Loss()


def smoothing(epsilon):
    return Loss(epsilon=epsilon)


def focal(gamma):
    return Loss(gamma=gamma)


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """The margin m = z_y - log(sum over j ≠ y of exp z_j) of logits (..., N, C) at labels (..., N)."""
    label = labels.expand(logits.shape[:-1])[..., None]
    return -(logits - logits.gather(-1, label)).scatter(-1, label, -torch.inf).logsumexp(-1)


class Split(NamedTuple):
    inputs: Tensor  #: (seeds, cases, features)
    labels: Tensor  #: (seeds, cases), int64, before any noise
    truth: Tensor | None = None  #: (seeds, cases, classes), p(y | x) before any noise, where it is known


class Task(NamedTuple):
    name: str
    classes: int
    train: Split
    valid: Split
    test: Split


def choose_device():
    """The variable LOSSMATH_DEVICE, else the GPU if there is one, else the CPU."""
    return torch.device(os.environ.get("LOSSMATH_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu"))


def seeded(seed):
    """A generator of its own for each seed, on the CPU: a seed means the same on every device, however many others there are."""
    return torch.Generator().manual_seed(seed)


def digits(seeds=20, train=600, valid=300):
    """The 1797 handwritten digits of 8 x 8 pixels that come with scikit-learn, split anew by each seed; the rest is for testing."""
    from sklearn.datasets import load_digits

    x, y = map(torch.tensor, load_digits(return_X_y=True))
    x = ((x - x.mean()) / x.std()).float()
    order = torch.stack([torch.randperm(len(x), generator=seeded(seed)) for seed in range(seeds)])
    parts = order.split([train, valid, len(x) - train - valid], dim=1)
    device = choose_device()
    return Task("digits", 10, *(Split(x[part].to(device), y[part].to(device)) for part in parts))


def mixture(seeds=20, train=600, valid=300, test=1000, classes=5, features=10, distance=1.0):
    """Gaussians with unit covariance around random centres, equally likely. p(y | x) is known: a softmax of linear functions."""
    splits = []
    for seed in range(seeds):
        generator = seeded(seed)
        centres = distance * torch.randn(classes, features, generator=generator)
        y = torch.randint(classes, (train + valid + test,), generator=generator)
        x = centres[y] + torch.randn(len(y), features, generator=generator)
        truth = (x.double() @ centres.double().T - centres.double().square().sum(-1) / 2).softmax(-1)  # not to reach 0
        splits.append([part.split([train, valid, test]) for part in (x, y, truth)])
    device = choose_device()
    parts = (
        Split(*(torch.stack(column).to(device) for column in zip(*part))) for part in zip(*(zip(*s) for s in splits))
    )
    return Task("mixture", classes, *parts)


def noisy(labels: Tensor, noises, classes: int) -> Tensor:
    """The labels (seeds, cases) with, at each noise η, each drawn again from all classes with probability η: (noises, seeds, cases).

    A label that is wrong at one noise is wrong in the same way at every larger one.
    """
    shape = labels.shape
    drawn = [torch.rand(2, shape[1], generator=seeded(10**6 + seed)).to(labels.device) for seed in range(shape[0])]
    chance, other = torch.stack(drawn, dim=1)
    rates = torch.tensor(noises, device=labels.device)[:, None, None]
    return torch.where(chance < rates, (other * classes).long(), labels)


def network(weights, inputs):
    """One hidden layer of rectified units: its activations and the logits. Axes before the last two are a batch."""
    first, bias, second, offset = weights
    hidden = (inputs @ first + bias).relu()
    return hidden, hidden @ second + offset


def initial(seeds, features, hidden, classes):
    """Weights by He's rule, one model for each seed."""
    models = []
    for seed in range(seeds):
        generator = seeded(seed)
        first = torch.randn(features, hidden, generator=generator) * (2 / features) ** 0.5
        second = torch.randn(hidden, classes, generator=generator) * (1 / hidden) ** 0.5
        models.append((first, torch.zeros(1, hidden), second, torch.zeros(1, classes)))
    return [torch.stack(weight) for weight in zip(*models)]


def descend(weights, task, steps, batch_loss, batch=60, rate=0.1, momentum=0.9, label="training"):
    """Stochastic gradient descent of all models at once; yields the weights after each of the `steps`.

    `batch_loss(weights, picked)` is the sum over the models of their loss on the cases `picked` (seeds, batch).
    """
    seeds, cases = task.train.labels.shape
    epochs = -(-max(steps) * batch // cases)
    shuffles = [[torch.randperm(cases, generator=g) for _ in range(epochs)] for g in map(seeded, range(seeds))]
    order = torch.stack([torch.cat(shuffle) for shuffle in shuffles]).to(task.train.labels.device)
    weights = [weight.clone().requires_grad_() for weight in weights]
    velocity = [torch.zeros_like(weight) for weight in weights]
    for step in progress(range(max(steps)), label):
        picked = order[:, step * batch : (step + 1) * batch]
        slopes = torch.autograd.grad(batch_loss(weights, picked), weights)
        with torch.no_grad():
            for weight, speed, slope in zip(weights, velocity, slopes):
                speed.mul_(momentum).add_(slope)
                weight.sub_(speed, alpha=rate)
        if step + 1 in steps:
            yield [weight.detach().clone() for weight in weights]


def at(values, picked):
    """The rows of `values` (..., seeds, cases, ·) that each seed picked (seeds, batch)."""
    return values[..., torch.arange(len(picked), device=picked.device)[:, None], picked, :]


class Runs:
    """What was trained: for each loss, models over steps, noises and seeds."""

    def __init__(self, task, losses, noises, steps, weights):
        self.task, self.losses, self.noises, self.steps = (task, tuple(losses), tuple(noises), tuple(steps))
        self.weights = weights  # each of shape (steps, losses, noises, seeds, ·, ·)

    def labels(self, split="test"):
        """The labels with each noise, (noises, seeds, cases)."""
        return self._noisy[split]

    @cached_property
    def _noisy(self):
        names = "train", "valid", "test"
        all_labels = torch.cat([getattr(self.task, name).labels for name in names], dim=1)
        parts = noisy(all_labels, self.noises, self.task.classes).split(
            [getattr(self.task, n).labels.shape[1] for n in names], -1
        )
        return dict(zip(names, parts))

    def truth(self):
        """p(y | x) of the test cases with each noise, (noises, seeds, cases, classes)."""
        rates = torch.tensor(self.noises, device=self.task.test.truth.device)[:, None, None, None]
        return (1 - rates) * self.task.test.truth + rates / self.task.classes

    def network(self, loss, split="test"):
        """Hidden activations and logits of the models of a loss, (steps, noises, seeds, cases, ·)."""
        number = self.losses.index(loss)
        return network([weight[:, number] for weight in self.weights], getattr(self.task, split).inputs)

    def logits(self, loss, split="test"):
        return self.network(loss, split)[1]

    def scaled(self, loss):
        """The logits of the test cases, divided by the temperature that fits the validation cases of the same model best."""
        temperature = fit_temperature(self.logits(loss, "valid"), self.labels("valid"))
        return self.logits(loss) / temperature[..., None, None]


def train(task, losses, noises=(0.0,), steps=(400,), hidden=32, **how):
    """Train a model for each loss, noise and seed; keep it after each of the `steps`. See `descend` for the rest."""
    runs = Runs(task, losses, noises, sorted(steps), None)
    seeds, _, features = task.train.inputs.shape
    device = task.train.inputs.device
    shape = len(runs.losses), len(runs.noises), seeds
    start = [w.to(device).expand(*shape, *w.shape[1:]) for w in initial(seeds, features, hidden, task.classes)]
    labels = runs.labels("train")

    def batch_loss(weights, picked):
        _, logits = network(weights, at(task.train.inputs, picked))
        y = at(labels[..., None], picked)[..., 0]
        return sum(loss(z, y).mean(-1).sum() for loss, z in zip(runs.losses, logits))

    kept = descend(start, task, runs.steps, batch_loss, label=task.name, **how)
    runs.weights = [torch.stack(weight) for weight in zip(*kept)]
    return runs


def distil(teachers, losses, temperatures=(1.0, 2.0, 4.0), steps=160, hidden=8, **how):
    """Students that learn from the last models of `teachers`, for each temperature T, loss of the teacher, noise and seed.

    A student sees the teacher's distributions on the training inputs, at temperature T, and no labels: its loss is
    T² CE(softmax(z_teacher / T) ‖ softmax(z / T)) (Hinton et al., 2015). The students come as `Runs` do, with the temperatures in
    place of the steps.
    """
    task, device = teachers.task, teachers.task.train.inputs.device
    heat = torch.tensor(temperatures, device=device)[:, None, None, None, None, None]
    last = torch.stack([teachers.logits(loss, "train")[-1] for loss in losses])
    targets = (last / heat).softmax(-1)
    seeds, _, features = task.train.inputs.shape
    shape = targets.shape[:4]
    start = [w.to(device).expand(*shape, *w.shape[1:]) for w in initial(seeds, features, hidden, task.classes)]

    def batch_loss(weights, picked):
        _, logits = network(weights, at(task.train.inputs, picked))
        losses = -(at(targets, picked) * (logits / heat).log_softmax(-1)).sum(-1)
        return (heat[..., 0].square() * losses).mean(-1).sum()

    (weights,) = descend(start, task, [steps], batch_loss, label="distilling", **how)
    return Runs(task, losses, teachers.noises, temperatures, weights)


def measure(logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Means over the cases: calibration error (15 bins), log-loss (nats), Brier score, error rate, entropy of q (nats).

    Logits (..., cases, classes), labels (..., cases), which may have fewer axes. On the CPU, from where they are drawn.
    """
    q = logits.softmax(-1)
    measures = {
        "calibration error": expected_calibration_error(q, labels),
        "log-loss": CE(logits, labels).mean(-1),
        "Brier score": brier_score(q, labels),
        "error rate": (logits.argmax(-1) != labels).double().mean(-1),
        "entropy": -(q * logits.log_softmax(-1)).sum(-1).mean(-1),
    }
    return {name: values.cpu() for name, values in measures.items()}


def spread(hidden: Tensor, labels: Tensor, classes: int) -> Tensor:
    """How loosely the classes cluster: the variance of activations (..., cases, units) within classes over that between them."""
    member = torch.nn.functional.one_hot(labels, classes).to(hidden.dtype)
    share = member.mean(-2)[..., None]
    centres = member.transpose(-1, -2) @ hidden / (hidden.shape[-2] * share).clamp(min=1)
    within = (hidden - member @ centres).square().sum((-1, -2)) / hidden.shape[-2]
    between = (share * (centres - hidden.mean(-2, keepdim=True)).square()).sum((-1, -2))
    return within / between


def project(hidden: Tensor, second: Tensor, labels: Tensor, three: tuple[int, int, int]) -> list[Tensor]:
    """The activations of three classes in the plane through their templates, the columns of the last layer (Müller et al., 2019).

    In units of the mean distance between the classes' centres; one tensor (cases, 2) for each class.
    """
    columns = second[:, list(three)]
    plane, _ = torch.linalg.qr(columns[:, 1:] - columns[:, :1])
    clouds = [hidden[labels == k] @ plane for k in three]
    centres = torch.stack([cloud.mean(0) for cloud in clouds])
    return [((cloud - centres.mean(0)) / torch.pdist(centres).mean()).cpu() for cloud in clouds]


LEVEL = 0.99  # of the intervals: among 20 regimes without a difference, one in five sets shows one by chance


@dataclass(frozen=True)
class Difference:
    """A paired difference in each regime: its mean over the seeds and the bounds of its interval, along the `axes`."""

    mean: Tensor
    low: Tensor
    high: Tensor
    axes: dict

    @property
    def outcomes(self):
        """-1 where the interval lies below 0, 1 where it lies above, 0 where it holds 0."""
        return (self.low > 0).long() - (self.high < 0).long()

    def show(self, number=0):
        """The mean and the interval in one regime, counted along all axes."""
        mean, low, high = (float(values.flatten()[number]) for values in (self.mean, self.low, self.high))
        return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]".replace("-", "−")

    def range(self):
        """The least and the largest mean over the regimes, with their intervals."""
        return f"{self.show(int(self.mean.argmin()))} to {self.show(int(self.mean.argmax()))}"


def compare(ours: Tensor, theirs: Tensor, level: float = LEVEL, resamples: int = 4000, **axes) -> Difference:
    """ours - theirs, seed by seed (the last axis), with the percentile interval of the bootstrap over the seeds.

    `axes` names the other axes, in order, each with its values. The seeds share one data set: an interval says how the
    difference would come out for other seeds, not for other data.

    Raises ValueError for fewer than two seeds, values that are not finite, a level outside (0, 1), or axes that do not fit.
    """
    gaps = (ours - theirs).double()
    seeds = gaps.shape[-1]
    if seeds < 2 or not 0 < level < 1 or not bool(gaps.isfinite().all()):
        raise ValueError(
            f"finite values of two seeds or more and a level in (0, 1) are expected, got {seeds} and {level}"
        )
    if gaps.shape[:-1] != tuple(map(len, axes.values())):
        raise ValueError(f"a difference of shape {tuple(gaps.shape[:-1])} does not have the axes {axes}")
    drawn = torch.randint(seeds, (resamples, seeds), generator=seeded(0))
    shares = torch.nn.functional.one_hot(drawn, seeds).sum(1).double().to(gaps.device) / seeds
    means = gaps @ shares.T
    tails = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=means.dtype, device=means.device)
    return Difference(gaps.mean(-1).cpu(), *means.quantile(tails, dim=-1).cpu(), axes)


class Verdict(NamedTuple):
    """Supported, not supported, no difference seen, or on what it depends; and in how many regimes, of which kind, what was seen."""

    word: str
    seen: tuple


def verdict(difference: Difference) -> Verdict:
    """What the intervals say of the claim that the difference is negative.

    Supported: negative in all regimes. Not supported: positive in some, negative in none. It depends: negative in some. An axis is
    then named if its values account for a tenth or more of the outcomes' variance over the regimes (or if none does, and it
    accounts for most), the one that accounts for most first; and for each outcome, where on these axes it is most frequent.
    """
    seen, axes = difference.outcomes.double(), difference.axes
    others = {name: tuple(n for n in range(seen.ndim) if n != number) for number, name in enumerate(axes)}

    def along(values, name):
        return values.mean(others[name]) if others[name] else values

    everywhere = len(seen.unique()) == 1
    shares = (
        {}
        if everywhere
        else {name: float(along(seen, name).var(correction=0) / seen.var(correction=0)) for name in axes}
    )
    order = sorted(shares, key=shares.get, reverse=True)
    named = [name for name in order if shares[name] >= 0.1] or order[:1]
    parts = []
    for sign, words in ((-1, "as said"), (1, "the opposite"), (0, "no difference seen")):
        here = (seen == sign).double()
        if bool(here.any()):
            most = ", ".join(f"{name} {axes[name][int(along(here, name).argmax())]:g}" for name in named)
            often = f", most often at {most}" if sign and not everywhere else ""
            parts.append(f"{words} in {int(here.sum())} of {seen.numel()} regimes{often}")
    if bool((seen == 0).all()):
        return Verdict("no difference seen", tuple(parts))
    if not bool((seen < 0).any()):
        return Verdict("not supported", tuple(parts))
    return Verdict("supported" if everywhere else f"depends on {' and '.join(named)}", tuple(parts))


@dataclass(frozen=True)
class Finding:
    """An empirical claim, and what was seen of it. The claim is that each of the `differences` is negative."""

    claim: str
    said: str  #: in the article's words
    measured: str
    differences: dict  #: what it was compared with, and the Difference
    unlike: str  #: what the cited papers used that this experiment does not

    def row(self):
        """Its row in the table: the claim, what was measured, the verdict, the cited papers."""
        ranges = [f"{name}: {difference.range()}" for name, difference in self.differences.items()]
        judged = []
        for name, difference in self.differences.items():
            word, seen = verdict(difference)
            judged.append(f"{name}: **{word}** ({'; '.join(seen)})")
        claim = f"[{self.claim}](#{self.claim}): “{self.said}”"
        return claim, "<br>".join([self.measured, *ranges]), "<br>".join(judged), self.unlike

    def __repr__(self):
        lines = [f"{self.claim}: {self.measured}"]
        for name, difference in self.differences.items():
            word, seen = verdict(difference)
            lines += [f"{name}: {word}", *(f"    {part}" for part in seen)]
        return "\n".join(lines)


class Table:
    """Rows of text under headings, shown as a table in a notebook."""

    def __init__(self, headings, rows):
        self.headings, self.rows = list(headings), [list(map(str, row)) for row in rows]

    def _repr_markdown_(self):
        lines = self.headings, ["---"] * len(self.headings), *self.rows
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def __repr__(self):
        return "\n".join(" | ".join(row) for row in (self.headings, *self.rows))


def verdicts(*findings):
    """The table of all findings."""
    from lossmath.claims import evidence  # with SymPy, which the experiments themselves do without

    for finding in findings:
        found = {name: (*verdict(difference), difference.range()) for name, difference in finding.differences.items()}
        evidence.judged(finding.claim, finding.measured, found)
    return Table(["claim", "measured", "verdict", "the cited papers"], [finding.row() for finding in findings])


class Grid(NamedTuple):
    """What an experiment varies."""

    seeds: int
    losses: tuple
    noises: tuple
    steps: tuple


SMALL = Grid(
    20, (CE, *map(smoothing, (0.05, 0.1, 0.2)), *map(focal, (1, 3, 5))), (0.0, 0.1, 0.2, 0.4), (20, 40, 80, 160, 320)
)
LARGE = Grid(
    100,
    (CE, *map(smoothing, (0.02, 0.05, 0.1, 0.2, 0.4)), *map(focal, (0.5, 1, 2, 3, 5))),
    (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6),
    (20, 40, 80, 160, 320, 640, 1280),
)


def choose_grid():
    """The variable LOSSMATH_GRID, "small" or "large", else the large one if there is a GPU."""
    name = os.environ.get("LOSSMATH_GRID") or ("small" if choose_device().type == "cpu" else "large")
    if name not in ("small", "large"):
        raise ValueError(f'LOSSMATH_GRID is "small" or "large", got {name!r}')
    return SMALL if name == "small" else LARGE


def watched():
    """Whether somebody sees the output as it comes: a terminal, or a notebook that could also be asked for input."""
    kernel = _kernel()
    if kernel is not None:
        return bool(getattr(kernel, "_allow_stdin", False))  # false where a notebook is run to build the book
    return sys.stderr is not None and sys.stderr.isatty()


def progress(steps, label):
    """The steps, with a bar while somebody watches; nothing of it is left afterwards."""
    screen = sys.stderr if _kernel() is None else sys.stdout  # a notebook paints what comes from stderr red
    return tqdm(steps, desc=label, leave=False, file=screen, disable=not watched())


def _kernel():
    """The kernel of the notebook that this runs in, if it does."""
    return getattr(sys.modules["IPython"].get_ipython(), "kernel", None) if "IPython" in sys.modules else None
