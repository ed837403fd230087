"""Small classifiers, hundreds of them trained at once: all losses, noises and seeds in one batched matrix product.

A seed fixes the split, the initial weights, the order of the batches and which labels are wrong, whatever else is
varied. So the models of one seed differ by what is compared and by nothing else, and their differences are paired.
Axes are always in the order steps, noises, seeds, cases, classes. Runs on the GPU when there is one, and on what
LOSSMATH_DEVICE says otherwise. TQDM_DISABLE=1 turns the progress bars off.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from scipy.special import stdtrit
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
    def quantity(self) -> str:
        """The name by which the book's figures colour it."""
        return "label smoothing" if self.epsilon else "focal" if self.gamma else "cross-entropy"

    def __str__(self):
        named = ("ε", self.epsilon), ("γ", self.gamma)
        return ", ".join(f"{name} = {value:g}" for name, value in named if value) or "CE"


CE = Loss()


# The data


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


def choose_device() -> torch.device:
    """The variable LOSSMATH_DEVICE, else the GPU if there is one, else the CPU."""
    return torch.device(os.environ.get("LOSSMATH_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu"))


def seeded(seed: int) -> torch.Generator:
    """A generator for each seed, on the CPU: it means the same on every device, however many others there are."""
    return torch.Generator().manual_seed(seed)


def digits(seeds: int = 20, train: int = 600, valid: int = 300) -> Task:
    """The 1797 digits of 8 x 8 pixels that come with scikit-learn, split anew by each seed; the rest is for testing."""
    from sklearn.datasets import load_digits

    x, y = map(torch.tensor, load_digits(return_X_y=True))
    x = ((x - x.mean()) / x.std()).float()
    order = torch.stack([torch.randperm(len(x), generator=seeded(seed)) for seed in range(seeds)])
    device = choose_device()
    parts = order.split([train, valid, len(x) - train - valid], dim=1)
    return Task("digits", 10, *(Split(x[part].to(device), y[part].to(device)) for part in parts))


def mixture(seeds=20, train=600, valid=300, test=1000, classes=5, features=10, distance=1.0) -> Task:
    """Gaussians of unit covariance around random centres, equally likely: p(y | x) is a softmax of linear functions."""
    drawn = []
    for generator in map(seeded, range(seeds)):
        centres = distance * torch.randn(classes, features, generator=generator)
        y = torch.randint(classes, (train + valid + test,), generator=generator)
        x = centres[y] + torch.randn(len(y), features, generator=generator)
        truth = (x.double() @ centres.double().T - centres.double().square().sum(-1) / 2).softmax(-1)  # not to reach 0
        drawn.append((x, y, truth))
    device = choose_device()
    parts = [torch.stack(part).to(device).split([train, valid, test], dim=1) for part in zip(*drawn)]
    return Task("mixture", classes, *(Split(*part) for part in zip(*parts)))


def noisy(labels: Tensor, noises: Sequence[float], classes: int) -> Tensor:
    """Labels (seeds, cases), each drawn again from all classes with probability η: (noises, seeds, cases).

    A label that is wrong at one noise is wrong in the same way at every larger one.
    """
    seeds, cases = labels.shape
    drawn = [torch.rand(2, cases, generator=seeded(10**6 + seed)).to(labels.device) for seed in range(seeds)]
    chance, other = torch.stack(drawn, dim=1)
    rates = torch.tensor(noises, device=labels.device)[:, None, None]
    return torch.where(chance < rates, (other * classes).long(), labels)


# Training


def network(weights: Sequence[Tensor], inputs: Tensor) -> tuple[Tensor, Tensor]:
    """One hidden layer of rectified units: its activations and the logits. Axes before the last two are a batch."""
    first, bias, second, offset = weights
    hidden = (inputs @ first + bias).relu()
    return hidden, hidden @ second + offset


def initial(seeds: int, features: int, hidden: int, classes: int) -> list[Tensor]:
    """Weights by He's rule, one model for each seed."""
    models = []
    for generator in map(seeded, range(seeds)):
        first = torch.randn(features, hidden, generator=generator) * (2 / features) ** 0.5
        second = torch.randn(hidden, classes, generator=generator) * (1 / hidden) ** 0.5
        models.append((first, torch.zeros(1, hidden), second, torch.zeros(1, classes)))
    return [torch.stack(weight) for weight in zip(*models)]


def _descend(task, shape, hidden, steps, objective, batch=60, rate=0.1, momentum=0.9):
    """Stochastic gradient descent of all models at once: weights (steps, *shape, seeds, ·, ·) after each of `steps`.

    `objective(logits, pick)` is the sum of the models' losses on the cases that the index `pick` picks for each seed.
    """
    (seeds, cases, features), device = task.train.inputs.shape, task.train.inputs.device
    epochs, rows = -(-max(steps) * batch // cases), torch.arange(seeds, device=device)[:, None]
    order = [torch.cat([torch.randperm(cases, generator=g) for _ in range(epochs)]) for g in map(seeded, range(seeds))]
    order = torch.stack(order).to(device)
    weights = [w.to(device).expand(*shape, *w.shape) for w in initial(seeds, features, hidden, task.classes)]
    speeds, kept = [torch.zeros_like(weight) for weight in weights], []
    for step in tqdm(range(max(steps)), task.name, leave=False):
        pick = rows, order[:, step * batch : (step + 1) * batch]
        weights = [weight.detach().requires_grad_() for weight in weights]
        loss = objective(network(weights, task.train.inputs[pick])[1], pick)
        speeds = [momentum * v + slope for v, slope in zip(speeds, torch.autograd.grad(loss, weights))]
        weights = [weight.detach() - rate * v for weight, v in zip(weights, speeds)]
        if step + 1 in steps:
            kept.append(weights)
    return [torch.stack(weight) for weight in zip(*kept)]


class Runs:
    """What was trained: for each loss, models over steps, noises and seeds."""

    def __init__(self, task: Task, losses: Sequence[Loss], noises: Sequence[float], steps: Sequence[float]):
        self.task, self.losses, self.noises, self.steps = task, tuple(losses), tuple(noises), tuple(steps)
        self.weights: list[Tensor] = []  # each of shape (steps, losses, noises, seeds, ·, ·)
        clean = [split.labels for split in task[2:]]
        labels = noisy(torch.cat(clean, dim=1), noises, task.classes).split([part.shape[1] for part in clean], dim=-1)
        self._labels = dict(zip(("train", "valid", "test"), labels))

    def labels(self, split: str = "test") -> Tensor:
        """The labels with each noise, (noises, seeds, cases)."""
        return self._labels[split]

    def truth(self) -> Tensor:
        """p(y | x) of the test cases with each noise, (noises, seeds, cases, classes)."""
        rates = torch.tensor(self.noises, device=self.task.test.truth.device)[:, None, None, None]
        return (1 - rates) * self.task.test.truth + rates / self.task.classes

    def network(self, loss: Loss, split: str = "test") -> tuple[Tensor, Tensor]:
        """Hidden activations and logits of the models of a loss, (steps, noises, seeds, cases, ·)."""
        number = self.losses.index(loss)
        return network([weight[:, number] for weight in self.weights], getattr(self.task, split).inputs)

    def logits(self, loss: Loss, split: str = "test") -> Tensor:
        return self.network(loss, split)[1]

    def scaled(self, loss: Loss) -> Tensor:
        """The logits of the test cases over the temperature that fits the validation cases of the same model best."""
        temperature = fit_temperature(self.logits(loss, "valid"), self.labels("valid"))
        return self.logits(loss) / temperature[..., None, None]


def train(task, losses: Sequence[Loss], noises=(0.0,), steps=(400,), hidden: int = 32, **how) -> Runs:
    """Train a model for each loss, noise and seed; keep it after each of the `steps`. See `_descend` for the rest."""
    runs = Runs(task, losses, noises, sorted(steps))
    labels = runs.labels("train")

    def objective(logits, pick):
        return sum(loss(z, labels[..., *pick]).mean(-1).sum() for loss, z in zip(runs.losses, logits))

    runs.weights = _descend(task, (len(runs.losses), len(runs.noises)), hidden, runs.steps, objective, **how)
    return runs


def distil(teachers: Runs, losses, temperatures=(1.0, 2.0, 4.0), steps: int = 160, hidden: int = 8, **how) -> Runs:
    """Students of the last models of `teachers`, for each temperature T, loss of the teacher, noise and seed.

    A student sees the teacher's distributions on the training inputs, at temperature T, and no labels: its loss is
    T² CE(softmax(z_teacher / T) ‖ softmax(z / T)) (Hinton et al., 2015). T takes the place of the steps.
    """
    students = Runs(teachers.task, losses, teachers.noises, temperatures)
    taught = torch.stack([teachers.logits(loss, "train")[-1] for loss in losses])
    heat = torch.tensor(temperatures, device=taught.device).view(-1, 1, 1, 1, 1, 1)
    targets = (taught / heat).softmax(-1)

    def objective(logits, pick):
        losses = -(targets[..., *pick, :] * (logits / heat).log_softmax(-1)).sum(-1)
        return (heat[..., 0].square() * losses).mean(-1).sum()

    trained = _descend(students.task, targets.shape[:3], hidden, [steps], objective, **how)
    students.weights = [weight[0] for weight in trained]
    return students


# What is measured


def measure(logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Means over the cases of logits (..., cases, classes) with labels (..., cases), which may have fewer axes.

    The calibration error has 15 bins; log-loss and entropy are in nats. On the CPU, from where they are drawn.
    """
    q = logits.softmax(-1)
    measures = {
        "calibration error": expected_calibration_error(q, labels),
        "log-loss": CE(logits, labels).mean(-1),
        "Brier score": brier_score(q, labels),
        "error rate": (logits.argmax(-1) != labels).double().mean(-1),
        "entropy": -(q * logits.log_softmax(-1)).sum(-1).mean(-1),
        "confidence": q.amax(-1).double().mean(-1),
    }
    return {name: values.cpu() for name, values in measures.items()}


def spread(hidden: Tensor, labels: Tensor, classes: int) -> Tensor:
    """How loosely classes cluster: the variance of activations (..., cases, units) within them over that between."""
    member = torch.nn.functional.one_hot(labels, classes).to(hidden.dtype)
    share = member.mean(-2)[..., None]
    centres = member.transpose(-1, -2) @ hidden / (hidden.shape[-2] * share).clamp(min=1)
    within = (hidden - member @ centres).square().sum((-1, -2)) / hidden.shape[-2]
    between = (share * (centres - hidden.mean(-2, keepdim=True)).square()).sum((-1, -2))
    return within / between


@dataclass(frozen=True)
class Difference:
    """A paired difference in each regime: its mean over the seeds and the bounds of its interval, along the `axes`."""

    mean: Tensor
    low: Tensor
    high: Tensor
    axes: dict

    @property
    def outcomes(self) -> Tensor:
        """-1 where the interval lies below 0, 1 where it lies above, 0 where it holds 0."""
        return (self.low > 0).long() - (self.high < 0).long()

    def count(self) -> tuple[int, int, int]:
        """In how many regimes the difference is below 0, in how many above, and of how many."""
        return int((self.outcomes < 0).sum()), int((self.outcomes > 0).sum()), self.outcomes.numel()

    def show(self, number: int = 0) -> str:
        """The mean and the interval in one regime, counted along all axes."""
        mean, low, high = (float(values.flatten()[number]) for values in (self.mean, self.low, self.high))
        return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]".replace("-", "−")

    def __str__(self):
        less, more, regimes = self.count()
        return f"lower in {less} of {regimes} regimes, higher in {more or 'none'}"


def compare(ours: Tensor, theirs: Tensor | float, level: float = 0.95, **axes: Sequence[float]) -> Difference:
    """ours - theirs, seed by seed (the last axis), with Student's interval for the mean over the seeds.

    `axes` names the other axes, in order, each with its values. If the differences are normal, the intervals of all
    regimes hold together with probability `level` or more: this is Bonferroni's correction. The seeds share one data
    set, so that an interval says how the difference would come out for other seeds, not for other data.

    Raises ValueError for fewer than two seeds, values that are not finite, a level outside (0, 1), or other axes.
    """
    gaps = (ours - theirs).double().cpu()
    seeds, regimes = gaps.shape[-1], gaps[..., 0].numel()
    if seeds < 2 or not 0 < level < 1 or not bool(gaps.isfinite().all()):
        raise ValueError(f"finite values of two seeds or more, and a level in (0, 1): got {seeds} and {level}")
    if gaps.shape[:-1] != tuple(map(len, axes.values())):
        raise ValueError(f"a difference of shape {tuple(gaps.shape[:-1])} does not have the axes {axes}")
    mean, error = gaps.mean(-1), gaps.std(-1) / seeds**0.5
    half = error * float(stdtrit(seeds - 1, 1 - (1 - level) / 2 / regimes))
    return Difference(mean, mean - half, mean + half, axes)


MEANS = {"often": "in more than half of the regimes", "generally": "often, and nowhere the opposite"}


def verdict(difference: Difference, quantifier: str) -> str:
    """Whether the counts support that the difference is negative, often or generally: see `MEANS`."""
    less, more, regimes = difference.count()
    often = 2 * less > regimes
    if {"often": often, "generally": often and not more}[quantifier]:
        return "supported"
    return "it depends" if less else "not supported" if more else "no difference seen"


class Table:
    """Rows of text under headings, and a note below them, as a notebook shows them."""

    def __init__(self, headings: Iterable, rows: Iterable[Iterable], note: str = ""):
        self.headings, self.rows, self.note = [*map(str, headings)], [[*map(str, row)] for row in rows], note

    def _repr_markdown_(self):
        lines = self.headings, ["---"] * len(self.headings), *self.rows
        return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{self.note}"

    def __repr__(self):
        return "\n".join([*(" | ".join(row) for row in (self.headings, *self.rows)), self.note])


def judge(claim: str, said: str, quantifier: str, measured: str, gaps: dict[str, Difference], unlike="") -> Table:
    """Judge a sentence, that each of the differences is negative, and leave the verdict for the ledger.

    `said` has its words, and `unlike` what the cited paper has and the experiment has not.
    """
    from lossmath.claims.evidence import judged  # with SymPy, which the experiments themselves do without

    found, rows = {}, []
    for name, gap in gaps.items():
        (less, more, regimes), word = gap.count(), verdict(gap, quantifier)
        seen = f"as said in {less} of {regimes} regimes", f"the opposite in {more}"
        found[name] = word, seen, f"{gap.show(int(gap.mean.argmin()))} to {gap.show(int(gap.mean.argmax()))}"
        rows.append((name, f"{less} of {regimes}", more, f"**{word}**"))
    note = f"{said}, read as: {MEANS[quantifier]}" + f". The cited work has, unlike this: {unlike}" * bool(unlike)
    judged(claim, f"{measured}. {note}", found)
    return Table([measured, "as said", "opposite", "verdict"], rows, f"{note}.")


class Grid(NamedTuple):
    """What an experiment varies."""

    seeds: int
    losses: tuple
    noises: tuple
    steps: tuple


def _losses(epsilons, gammas):
    return CE, *(Loss(epsilon=epsilon) for epsilon in epsilons), *(Loss(gamma=gamma) for gamma in gammas)


SMALL = Grid(20, _losses((0.05, 0.1, 0.2), (1, 3, 5)), (0.0, 0.1, 0.2, 0.4), (20, 40, 80, 160, 320))
LARGE = Grid(
    100,
    _losses((0.02, 0.05, 0.1, 0.2, 0.4), (0.5, 1, 2, 3, 5)),
    (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6),
    (20, 40, 80, 160, 320, 640, 1280),
)


def choose_grid() -> Grid:
    """The variable LOSSMATH_GRID, "small" or "large", else the large one if there is a GPU."""
    name = os.environ.get("LOSSMATH_GRID") or ("small" if choose_device().type == "cpu" else "large")
    if name not in ("small", "large"):
        raise ValueError(f'LOSSMATH_GRID is "small" or "large", got {name!r}')
    return SMALL if name == "small" else LARGE
