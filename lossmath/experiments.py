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

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid
from tqdm import tqdm

from lossmath import calibration


@dataclass(frozen=True)
class Loss:
    """Cross-entropy of one-hot labels with label smoothing at a rate epsilon, or with focusing gamma, or (0, 0) neither."""

    epsilon: float = 0.0
    gamma: float = 0.0

    def __post_init__(self):
        if not 0 <= self.epsilon < 1 or not self.gamma >= 0:
            raise ValueError(f"epsilon in [0, 1) and gamma >= 0 are expected, got {self.epsilon} and {self.gamma}")
        if self.epsilon and self.gamma:
            raise ValueError("smoothing or focusing, not both: with soft labels the focal loss has no margin form")

    @property
    def quantity(self):
        """The name by which the book's figures colour it."""
        return "label smoothing" if self.epsilon else "focal" if self.gamma else "cross-entropy"

    def __str__(self):
        return rf"$\epsilon = {self.epsilon:g}$" if self.epsilon else rf"$\gamma = {self.gamma:g}$" if self.gamma else "CE"


CE = Loss()


def smoothing(epsilon):
    return Loss(epsilon=epsilon)


def focal(gamma):
    return Loss(gamma=gamma)


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """The margin m = z_y - log(sum over j ≠ y of exp z_j) of logits (..., N, C) at labels (..., N)."""
    label = labels[..., None]
    return -(logits - logits.gather(-1, label)).scatter(-1, label, -torch.inf).logsumexp(-1)


def margin_loss(logits: Tensor, labels: Tensor, epsilon: Tensor, gamma: Tensor) -> Tensor:
    """σ(s)^γ softplus(s) - ε mean_j(z_j - z_y), in nats, with s = -m: cross-entropy, smoothed or focal, as the book proves it.

    Logits (..., N, C), labels (..., N); epsilon and gamma are tensors that broadcast with the labels, so that each model of a
    batch has a loss of its own.
    """
    m = margins(logits, labels)
    leads = (logits - logits.gather(-1, labels[..., None])).mean(-1)
    return -(gamma * logsigmoid(-m)).exp() * logsigmoid(m) - epsilon * leads


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
        truth = (x @ centres.T - centres.square().sum(-1) / 2).softmax(-1)
        splits.append([part.split([train, valid, test]) for part in (x, y, truth)])
    device = choose_device()
    parts = (Split(*(torch.stack(column).to(device) for column in zip(*part))) for part in zip(*(zip(*s) for s in splits)))
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
        self.task, self.losses, self.noises, self.steps = task, tuple(losses), tuple(noises), tuple(steps)
        self.weights = weights  # each of shape (steps, losses, noises, seeds, ·, ·)

    def labels(self, split="test"):
        """The labels with each noise, (noises, seeds, cases)."""
        return self._noisy[split]

    @cached_property
    def _noisy(self):
        names = "train", "valid", "test"
        all_labels = torch.cat([getattr(self.task, name).labels for name in names], dim=1)
        parts = noisy(all_labels, self.noises, self.task.classes).split([getattr(self.task, n).labels.shape[1] for n in names], -1)
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


def train(task, losses, noises=(0.0,), steps=(400,), hidden=32, **how):
    """Train a model for each loss, noise and seed; keep it after each of the `steps`. See `descend` for the rest."""
    runs = Runs(task, losses, noises, sorted(steps), None)
    seeds, cases, features = task.train.inputs.shape
    device = task.train.inputs.device
    shape = len(runs.losses), len(runs.noises), seeds
    start = [w.to(device).expand(*shape, *w.shape[1:]) for w in initial(seeds, features, hidden, task.classes)]
    epsilon, gamma = (
        torch.tensor([getattr(loss, name) for loss in runs.losses], device=device)[:, None, None, None]
        for name in ("epsilon", "gamma")
    )
    labels = runs.labels("train")

    def batch_loss(weights, picked):
        _, logits = network(weights, at(task.train.inputs, picked))
        y = at(labels[..., None], picked)[..., 0].expand(logits.shape[:-1])
        return margin_loss(logits, y, epsilon, gamma).mean(-1).sum()

    kept = descend(start, task, runs.steps, batch_loss, label=task.name, **how)
    runs.weights = [torch.stack(weight) for weight in zip(*kept)]
    return runs


def watched():
    """Whether somebody sees the output as it comes: a terminal, or a notebook that could also be asked for input."""
    if "IPython" in sys.modules:
        kernel = getattr(sys.modules["IPython"].get_ipython(), "kernel", None)
        if kernel is not None:
            return bool(getattr(kernel, "_allow_stdin", False))  # a build of the book sets it to false
    return sys.stderr is not None and sys.stderr.isatty()


def progress(steps, label):
    """The steps, with a bar while somebody watches; nothing of it is left afterwards."""
    return tqdm(steps, desc=label, leave=False, disable=not watched())
