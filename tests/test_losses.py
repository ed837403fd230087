"""The losses against mpmath, torch and the symbolic definitions; as citizens of autograd; and their errors."""

import copy
import inspect
import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from benchmarks import divergences, draw, pairs, peak_memory
from hypothesis import given, settings
from hypothesis import strategies as st

from lossmath import losses
from lossmath.claims import quantities as symbolic
from lossmath.claims.evaluation import evaluate
from lossmath.reference import truth

# torch's own, about its own code
pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]

GAMMAS = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0)
DEVICES = ["cpu"] + ["cuda"] * torch.cuda.is_available()
TOLERANCE = {torch.float64: 1e-13, torch.float32: 1e-5, torch.bfloat16: 6e-3, torch.float16: 1e-3}
EPSILONS = (0.0, 0.1, 0.5)
device = pytest.fixture(params=DEVICES)(lambda request: request.param)


@pytest.fixture(autouse=True, scope="module")
def none_are_few():
    """The small tensors of the tests are treated as large ones; `test_a_few_labels` has what is done with few."""
    few, losses.FEW = losses.FEW, 0
    yield few
    losses.FEW = few


def one_hot(label, classes, epsilon=0.0):
    return [epsilon / classes + (1 - epsilon) * (k == label) for k in range(classes)]


def normalised(weights):
    return (weights / weights.sum(-1, keepdim=True)).tolist()


# Accuracy


@given(
    st.lists(st.integers(-20, 20), min_size=2, max_size=4),
    st.data(),
    st.sampled_from(GAMMAS),
)
@settings(max_examples=30)
def test_the_truth_is_the_definition_and_its_derivative(logits, data, gamma):
    p = [data.draw(st.integers(0, 4)) / 4 for _ in logits]
    value, gradient = truth(logits, p, gamma)

    def definition(*z):
        total = mpmath.fsum(map(mpmath.exp, z))
        q = [mpmath.exp(x) / total for x in z]
        return -mpmath.fsum(p_k * (1 - q_k) ** gamma * mpmath.log(q_k) for p_k, q_k in zip(p, q))

    with mpmath.workdps(150):
        assert mpmath.almosteq(definition(*logits), value, 1e-50, 1e-60)
        for k in range(len(logits)):
            order = tuple(int(j == k) for j in range(len(logits)))
            assert mpmath.almosteq(
                mpmath.diff(definition, tuple(map(mpmath.mpf, logits)), order), gradient[k], 1e-40, 1e-50
            )


def test_the_truth_of_an_impossible_label_is_infinite_with_the_slope_of_cross_entropy():
    for gamma in GAMMAS:
        value, gradient = truth([-math.inf, 0.0, 0.0], [1.0, 0.0, 0.0], gamma)
        assert value == mpmath.inf and [float(x) for x in gradient] == [-1.0, 0.5, 0.5]


def assert_accurate(z, target, gamma, epsilon, expected):
    """The loss of one observation and its gradient are those expected, to the tolerance of the dtype."""
    z = z.detach().clone().requires_grad_()
    loss = losses.focal_loss(z, target, gamma, label_smoothing=epsilon)
    loss.backward()
    value, gradient = expected
    tolerance, tiny = TOLERANCE[z.dtype], 2 * torch.finfo(z.dtype).smallest_normal * torch.finfo(z.dtype).eps
    case = f"{z.tolist()[:10]}, {target.tolist()}, gamma {gamma}, epsilon {epsilon}, {z.dtype}"
    got = loss.item()
    if value > torch.finfo(z.dtype).max:
        assert got == math.inf, case
    else:
        assert abs(got - value) <= tolerance * value + tiny, f"{case}: {got} for {mpmath.nstr(value)}"
    assert got > 0 or value < tiny, f"{case}: a false zero"
    off = mpmath.norm([x - t for x, t in zip(z.grad.tolist(), gradient)])
    tiny += (
        2 * torch.finfo(torch.promote_types(z.dtype, torch.float32)).eps * epsilon
    )  # its parts cancel near an optimum
    assert off <= tolerance * mpmath.norm(gradient) + tiny * math.sqrt(len(z)), (
        f"{case}: {off} of {mpmath.norm(gradient)}"
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("classes", [2, 10, 300])
def test_value_and_gradient_against_mpmath(classes, dtype, device):
    generator = torch.Generator().manual_seed(classes)
    for scale in (1, 10, 100, 1e4):
        z = (scale * torch.randn(classes, generator=generator, dtype=torch.float64)).to(dtype)
        for label in (
            {0, z.argmax().item(), z.argmin().item()} if classes < 300 else {z.argmax().item() if scale < 100 else 0}
        ):
            for gamma in GAMMAS:
                for epsilon in EPSILONS:
                    expected = truth(z.tolist(), one_hot(label, classes, epsilon), gamma)
                    assert_accurate(z.to(device), torch.tensor(label, device=device), gamma, epsilon, expected)


EXTREMES = [
    *([lead, 0.0, -1.0] for lead in (-1e4, -110.0, -95.0, -88.0, -40.0, 8.0, 17.0, 20.0)),
    *([lead, 0.0, -1.0] for lead in (40.0, 60.0, 75.0, 95.0, 103.0, 1e4)),
    *([lead, 0.0] for lead in (-700.0, 30.0, 64.5, 300.0, 700.0)),
    [0.0, 0.0], [3.0] * 20, [5.0, 5.0, 1.0], [1.0, 5.0, 5.0],
    [1e4, -1e4], [-1e4, 1e4], [1e4] * 3, [1e4 + 8.0, 1e4, 1e4], [-1e4, -1e4 - 24.0],
    [2.0, -math.inf, 1.0], [9.0, -math.inf], [-4.0, 50.0, -math.inf], [30.0] + [0.0] * 30, [-30.0] + [0.0] * 30,
    [7.0], [0.5, 0.0, 0.0, 0.0], [1.0] + [0.0] * 20,
]  # fmt: skip


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("logits", EXTREMES, ids=lambda logits: str(logits[:3]))
def test_extremes_against_mpmath(logits, dtype, device):
    if max(abs(x) for x in logits if math.isfinite(x)) > torch.finfo(dtype).max:
        raise AssertionError("this case is not one of the dtype")
    z = torch.tensor(logits, dtype=dtype)
    for gamma in (*GAMMAS, 0.01):
        for epsilon in EPSILONS:
            if epsilon and -math.inf in logits:
                continue
            expected = truth(z.tolist(), one_hot(0, len(z), epsilon), gamma)
            assert_accurate(z.to(device), torch.tensor(0, device=device), gamma, epsilon, expected)
        # the same target as probabilities
        expected = truth(z.tolist(), one_hot(0, len(z)), gamma)
        assert_accurate(
            z.to(device), torch.tensor(one_hot(0, len(z)), dtype=dtype, device=device), gamma, 0.0, expected
        )


@given(
    st.lists(st.floats(-300, 300, width=32), min_size=1, max_size=20),
    st.integers(0, 99),
    st.floats(0, 8),
    st.floats(0, 1),
    st.booleans(),
    st.sampled_from([torch.float64, torch.float32]),
)
@settings(max_examples=150)
def test_any_loss_against_mpmath(logits, seed, gamma, epsilon, soft, dtype):
    # smooth targets of the dtype, so that the truth has the very same ones
    classes = len(logits)
    p = torch.rand(classes, generator=torch.Generator().manual_seed(seed), dtype=dtype) ** 4 + 1e-3
    target = p / p.sum() if soft else torch.tensor(seed % classes)
    probabilities = target.tolist() if soft else one_hot(seed % classes, classes)
    with mpmath.workdps(40):
        epsilon = mpmath.mpf(epsilon)
        mixed = [epsilon / classes + (1 - epsilon) * mpmath.mpf(x) for x in probabilities]
    z = torch.tensor(logits, dtype=dtype, requires_grad=True)
    value, gradient = truth(logits, mixed, gamma)
    loss = losses.focal_loss(z, target, gamma, label_smoothing=float(epsilon))
    loss.backward()
    tolerance, tiny = TOLERANCE[dtype], 4 * torch.finfo(dtype).smallest_normal
    assert abs(loss.item() - value) <= tolerance * value + tiny
    # near an optimum the parts of the gradient cancel, whose roundings stay
    parts = 16 * torch.finfo(dtype).eps * (1 + gamma) * max(1, gamma * float(value))
    off = mpmath.norm([x - t for x, t in zip(z.grad.tolist(), gradient)])
    assert off <= tolerance * mpmath.norm(gradient) + (parts if soft or epsilon else tiny)


def test_a_large_offset_changes_nothing(device):
    z = torch.tensor([[3.0, 1.0, -2.0]], device=device)
    y = torch.tensor([0], device=device)
    for epsilon in (0.0, 0.1, 1.0):
        near, far = (losses.cross_entropy(z + offset, y, label_smoothing=epsilon) for offset in (0.0, 2.0**20))
        assert near == far


# Entropy and divergence


def exact_kl(a, b):
    """KL of two softmaxes, with 400 digits."""
    with mpmath.workdps(400):
        a, b = [mpmath.mpf(x) for x in a], [mpmath.mpf(x) for x in b]
        p = [mpmath.exp(x - max(a)) for x in a]
        q = [mpmath.exp(x - max(b)) for x in b]
        p, q = [x / mpmath.fsum(p) for x in p], [x / mpmath.fsum(q) for x in q]
        return mpmath.fsum(x * mpmath.log(x / y) for x, y in zip(p, q) if x)


@pytest.mark.parametrize("offset", [0.0, 100.0])
@pytest.mark.parametrize("step", [1e-6, 1e-3, 0.1, 1.0, 30.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_divergence_of_logits_keeps_its_digits(dtype, step, offset, device):
    generator = torch.Generator().manual_seed(1)
    a = torch.randn(60, 10, generator=generator, dtype=dtype) * torch.tensor([1.0, 10.0, 40.0]).repeat(20)[:, None]
    b = (a.double() + step * torch.randn(60, 10, generator=generator, dtype=torch.float64)).to(dtype) + offset
    got = losses.kl_divergence(a.to(device), b.to(device), logits=True).tolist()
    for x, y, value in zip(a.tolist(), b.tolist(), got):
        expected = exact_kl(x, y)
        assert value >= 0
        tolerance = 5e-7 if dtype is torch.float32 else 1e-12 + 4 * torch.finfo(dtype).eps * offset / step
        assert abs(value - expected) <= tolerance * expected + torch.finfo(dtype).tiny


@given(st.lists(st.tuples(st.floats(-400, 400), st.floats(-400, 400)), min_size=1, max_size=6))
def test_divergence_of_any_logits(pairs):
    a, b = zip(*pairs)
    a, b = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (a, b))
    value = losses.kl_divergence(a, b, logits=True)
    assert value >= 0
    assert abs(value.item() - exact_kl(a.tolist(), b.tolist())) <= 1e-12 * value.item() + 1e-18
    value.backward()
    torch.testing.assert_close(b.grad, b.softmax(0) - a.softmax(0), rtol=1e-9, atol=1e-12)
    assert a.grad.isfinite().all()


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([0.0, -math.inf], [0.0, -math.inf], 0.0),
        ([0.0, -math.inf], [0.0, 0.0], math.log(2)),
        ([0.0, -math.inf], [-math.inf, 0.0], math.inf),
        ([0.0, 0.0], [0.0, -math.inf], math.inf),
        ([0.0, 0.0], [-math.inf, 0.0], math.inf),
        ([800.0, 0.0], [0.0, 800.0], 800.0),
        ([0.0, 5.0], [1e4, 1e4 + 5.0], 0.0),
        ([0.0, math.nan], [0.0, 0.0], math.nan),
        ([0.0, 0.0], [0.0, math.nan], math.nan),
    ],
)
def test_divergence_at_the_edges(a, b, expected, device):
    a, b = torch.tensor(a, device=device), torch.tensor(b, device=device)
    value = losses.kl_divergence(a, b, logits=True).item()
    assert value == pytest.approx(expected, rel=1e-6, nan_ok=True)
    if not math.isnan(expected):
        p, q = a.softmax(0), b.softmax(0)
        if q.min() > 0 or expected in (0.0, math.inf):
            assert losses.kl_divergence(p, q).item() == pytest.approx(expected, rel=1e-6, abs=1e-12)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.data(), st.sampled_from([0, 1, 1e-7]))
def test_divergence_and_entropy_of_probabilities(weights, data, mixed):
    """Against the symbolic definitions, and exact sums."""
    other = [data.draw(st.integers(1, 9)) + mixed * w for w in weights]
    weights[0] += 1
    p, q = (torch.tensor(w, dtype=torch.float64) / sum(w) for w in (weights, other))
    kl, h = losses.kl_divergence(p, q).item(), losses.entropy(p).item()
    with mpmath.workdps(50):
        p_, q_ = ([mpmath.mpf(x) for x in v.tolist()] for v in (p, q))
        exact = mpmath.fsum(x * mpmath.log(x / y) for x, y in zip(p_, q_) if x)
    assert abs(kl - exact) <= 1e-15
    defined = evaluate(symbolic.kl_divergence(symbolic.p, symbolic.q), {symbolic.p: p, symbolic.q: q})
    assert kl == pytest.approx(defined, abs=2e-15)
    assert h == pytest.approx(evaluate(symbolic.entropy(symbolic.p), {symbolic.p: p}), rel=1e-14, abs=1e-15)


def test_derivatives_of_entropy_and_divergence_where_a_probability_is_zero(device):
    p = torch.tensor([1.0, 0.0], device=device)
    q = torch.tensor([0.5, 0.5], device=device, requires_grad=True)
    losses.kl_divergence(p, q).backward()
    assert q.grad.tolist() == [-2.0, 0.0]
    z = torch.tensor([3.0, 1.0, -math.inf, -2e3], device=device, requires_grad=True)
    losses.entropy(z, logits=True).backward()
    assert z.grad.isfinite().all() and abs(z.grad.sum()) < 1e-7


@given(st.lists(st.floats(-2000, 2000), min_size=1, max_size=8))
def test_entropy_of_logits(logits):
    z = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    h = losses.entropy(z, logits=True)
    h.backward()
    with mpmath.workdps(1000):
        shares = [mpmath.exp(mpmath.mpf(x) - max(logits)) for x in logits]
        total = mpmath.fsum(shares)
        exact = -mpmath.fsum(x / total * mpmath.log(x / total) for x in shares)
        gradient = [-x / total * (mpmath.log(x / total) + exact) for x in shares]
        off = mpmath.norm([x - t for x, t in zip(z.grad.tolist(), gradient)])
        assert abs(h.item() - exact) <= 2e-13 * exact + 1e-300
        assert off <= 1e-12 * mpmath.norm(gradient) + 1e-15 * exact + 1e-300


def test_entropy_by_hand(device):
    assert losses.entropy(torch.tensor([0.5, 0.5, 0.0], device=device)).item() == pytest.approx(math.log(2))
    assert losses.entropy(torch.tensor([[1.0, 0.0]], device=device)).tolist() == [0.0]
    assert (
        losses.entropy(torch.zeros(2, 5, 3, device=device), logits=True).tolist()
        == [[pytest.approx(math.log(5))] * 3] * 2
    )
    assert losses.entropy(torch.zeros(4, 5, device=device, dtype=torch.float16), logits=True).dtype is torch.float16


def test_smoothed_labels_against_the_symbolic_definition(device):
    p = torch.tensor([0.2, 0.0, 0.8], dtype=torch.float64, device=device)
    smooth = symbolic.smooth_labels(symbolic.p, symbolic.epsilon)
    for epsilon in (0.0, 0.3, 1.0):
        values = {symbolic.p: p.cpu(), symbolic.epsilon: epsilon}
        expected = [evaluate(smooth[symbolic.k], values | {symbolic.k: k}) for k in (1, 2, 3)]
        assert losses.smooth_labels(p, epsilon).tolist() == pytest.approx(expected, rel=1e-15)
    rows = losses.smooth_labels(torch.eye(4, device=device), 0.1)
    assert rows.sum(1).tolist() == pytest.approx([1.0] * 4)


# Agreement with torch and with the symbolic definitions


def close(ours, theirs, scale=1.0):
    if isinstance(theirs, float):  # as `evaluate` gives it
        theirs = torch.tensor(theirs, dtype=torch.float64, device=ours.device)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13 * scale)


@given(
    shape=st.sampled_from([(4,), (1,), (3, 5), (6, 2), (2, 20), (2, 3, 4), (2, 4, 3, 2), (1, 3, 0), (4, 1)]),
    soft=st.booleans(),
    weighted=st.booleans(),
    reduction=st.sampled_from(["mean", "sum", "none"]),
    epsilon=st.sampled_from([0.0, 0.1, 1.0]),
    ignore=st.sampled_from([-100, -1, 0, 1]),
    seed=st.integers(0, 999),
)
@settings(max_examples=150)
def test_equal_to_torch_where_torch_is_accurate(shape, soft, weighted, reduction, epsilon, ignore, seed):
    generator = torch.Generator().manual_seed(seed)
    dim = int(len(shape) > 1)
    classes, rest = shape[dim], shape[:dim] + shape[dim + 1 :]
    z = (3 * torch.randn(shape, generator=generator, dtype=torch.float64)).requires_grad_()
    weight = torch.rand(classes, generator=generator, dtype=torch.float64) if weighted else None
    if soft:
        ignore = -100
        target = torch.rand(shape, generator=generator, dtype=torch.float64).softmax(dim)
    else:
        target = torch.randint(classes, rest, generator=generator)
        target = torch.where(torch.rand(rest, generator=generator) < 0.3, ignore, target)
        if ignore >= classes:
            return
    options = {"weight": weight, "ignore_index": ignore, "reduction": reduction, "label_smoothing": epsilon}
    ours, theirs = losses.cross_entropy(z, target, **options), F.cross_entropy(z, target, **options)
    if reduction == "mean" and theirs.isnan():  # nothing counts
        theirs = (z * 0).sum()
    close(ours, theirs)
    spread = torch.rand(ours.shape, generator=generator, dtype=torch.float64)
    close(*(torch.autograd.grad((loss * spread).sum(), z)[0] for loss in (ours, theirs)))


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("shape", [(7,), (1, 2), (32, 10), (4, 3, 2, 2), (60, 64), (5, 65)])
def test_a_few_labels(shape, gamma, none_are_few, monkeypatch):
    generator = torch.Generator().manual_seed(len(shape))
    dim = int(len(shape) > 1)
    labels = torch.randint(shape[dim], shape[:dim] + shape[dim + 1 :], generator=generator)
    random = torch.randn(shape, generator=generator, dtype=torch.float64)
    lead = 1.0 * F.one_hot(labels, shape[dim]).movedim(-1, dim)
    for z in (random, random + 3 * lead, random + 20 * lead, random - 800 * lead, lead * 800):
        for dtype in (torch.float64, torch.float32):
            found = []
            for few in (none_are_few, 0):
                monkeypatch.setattr(losses, "FEW", few)
                x = z.to(dtype, copy=True).requires_grad_()
                loss = losses.focal_loss(x, labels, gamma)
                (slopes,) = torch.autograd.grad(loss, x, create_graph=True)
                (bends,) = torch.autograd.grad((slopes * random.to(dtype)).sum(), x)
                found.append((loss, slopes, bends))
            for one, other in zip(*found):
                assert (one - other).norm() <= TOLERANCE[dtype] * other.norm()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_a_few_labels_of_which_one_is_impossible(gamma, none_are_few, monkeypatch):
    monkeypatch.setattr(losses, "FEW", none_are_few)
    z = torch.tensor([[-math.inf, 0.0, 0.0], [0.0, 1.0, 2.0]], requires_grad=True)
    loss = losses.focal_loss(z, torch.tensor([0, 1]), gamma, reduction="none")
    loss.sum().backward()
    assert loss[0] == math.inf and loss[1].isfinite()
    assert z.grad[0].tolist() == [-1.0, 0.5, 0.5]


@given(
    st.lists(st.floats(-8, 8), min_size=2, max_size=5),
    st.integers(0, 99),
    st.sampled_from(GAMMAS),
    st.sampled_from(EPSILONS),
)
def test_equal_to_the_symbolic_definitions(logits, seed, gamma, epsilon):
    z = torch.tensor(logits, dtype=torch.float64)
    label = seed % len(z)
    p = torch.rand(len(z), generator=torch.Generator().manual_seed(seed), dtype=torch.float64).softmax(0)
    s = symbolic
    model, k = s.softmax(s.z), s.k
    for target, value, probabilities in (
        (torch.tensor(label), {s.y: label + 1}, s.one_hot(s.y)),
        (p, {s.p: p}, s.p),
    ):
        smooth = s.smooth_labels(probabilities, s.epsilon)
        focal = -s.total(smooth[k] * (1 - model[k]) ** s.gamma * s.log(model[k]), k)
        values = {s.z: z, s.epsilon: epsilon, s.gamma: gamma, **value}
        close(losses.focal_loss(z, target, gamma, label_smoothing=epsilon), evaluate(focal, values), 10)
        ce = evaluate(s.cross_entropy(smooth, model), {s.z: z, s.epsilon: epsilon, **value})
        close(losses.cross_entropy(z, target, label_smoothing=epsilon), ce, 10)
    lead = s.lead(s.z, s.y)
    margin_form = evaluate(s.sigmoid(lead) ** s.gamma * s.softplus(lead), {s.z: z, s.y: label + 1, s.gamma: gamma})
    close(losses.focal_loss(z, torch.tensor(label), gamma), margin_form, 10)
    a, b = z, z.flip(0) / 2
    kl = evaluate(s.kl_divergence(s.p, s.q), {s.p: a.softmax(0), s.q: b.softmax(0)})
    close(losses.kl_divergence(a, b, logits=True), kl, 10)


def test_a_label_is_its_one_hot_target(device):
    torch.manual_seed(0)
    z, y = torch.randn(6, 4, dtype=torch.float64, device=device), torch.randint(4, (6,), device=device)
    weight = torch.rand(4, dtype=torch.float64, device=device)
    for gamma in (0.0, 0.5, 2.0):
        for epsilon in (0.0, 0.1):
            for reduction in ("sum", "none"):  # the means of torch divide by other numbers
                options = {"weight": weight, "reduction": reduction, "label_smoothing": epsilon}
                soft = losses.focal_loss(z, F.one_hot(y, 4).double(), gamma, **options)
                close(losses.focal_loss(z, y, gamma, **options), soft)


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_ignored_and_empty_batches(gamma, device):
    for z, y in (
        (torch.randn(3, 4), torch.full((3,), -100)),
        (torch.randn(0, 4), torch.zeros(0, dtype=torch.int64)),
        (torch.randn(0, 4), torch.zeros(0, 4)),
        (torch.randn(2, 4, 0), torch.zeros(2, 0, dtype=torch.int64)),
        (torch.full((2, 4), math.nan), torch.full((2,), -100)),
    ):
        z, y = z.to(device).requires_grad_(), y.to(device)
        for epsilon in (0.0, 0.1):
            loss = losses.focal_loss(z, y, gamma, label_smoothing=epsilon)
            assert loss == 0
            (slope,) = torch.autograd.grad(loss, z)
            assert (slope.shape == z.shape and (slope == 0).all()) or device == "cuda"
    none = losses.focal_loss(
        torch.randn(0, 4, device=device), torch.zeros(0, 4, device=device), gamma, reduction="none"
    )
    assert none.shape == (0,)


def test_ignored_rows_do_not_count(device):
    z = torch.randn(4, 3, device=device, requires_grad=True)
    y = torch.tensor([1, -7, 2, -7], device=device)
    kept = torch.tensor([0, 2], device=device)
    for options in ({}, {"label_smoothing": 0.2}, {"weight": torch.tensor([1.0, 2.0, 3.0], device=device)}):
        loss = losses.focal_loss(z, y, 2.0, ignore_index=-7, **options)
        expected = losses.focal_loss(z[kept], y[kept], 2.0, **options)
        torch.testing.assert_close(loss, expected)
        torch.testing.assert_close(torch.autograd.grad(loss, z), torch.autograd.grad(expected, z))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("epsilon", [0.0, 0.1])
@pytest.mark.parametrize("soft", [False, True])
def test_nan_and_infinite_logits(gamma, epsilon, soft, device):
    z = torch.tensor(
        [[1.0, math.nan], [1.0, 2.0], [math.inf, 1.0], [-math.inf, -math.inf], [0.0, math.inf], [-math.inf, 0.0]],
        device=device,
    )
    y = torch.zeros(6, dtype=torch.int64, device=device)
    rows = losses.focal_loss(
        z, F.one_hot(y, 2).float() if soft else y, gamma, reduction="none", label_smoothing=epsilon
    )
    assert rows.isnan().tolist() == [True, False, True, True, True, False]
    assert rows[5] == math.inf


@pytest.mark.parametrize("gamma", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("soft", [False, True])
def test_an_impossible_label_has_a_finite_gradient(gamma, soft, device):
    z = torch.tensor([[-math.inf, 0.0, 1.0]], device=device, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([[1.0, 0.0, 0.0]], device=device).double() if soft else torch.tensor([0], device=device)
    loss = losses.focal_loss(z, target, gamma)
    assert loss == math.inf
    (slope,) = torch.autograd.grad(loss, z)
    close(slope, z.detach().softmax(1) - torch.tensor([[1.0, 0.0, 0.0]], device=device, dtype=torch.float64))


# A good citizen of autograd

CASES = [
    (target, gamma, epsilon) for target in ("labels", "soft") for gamma in (0.0, 0.5, 2.0) for epsilon in (0.0, 0.1)
]


def setting(target, device="cpu", shape=(4, 3)):
    """Logits, a target with an ignored row if it holds labels, and weights, in float64."""
    generator = torch.Generator().manual_seed(0)
    z = 2 * torch.randn(shape, generator=generator, dtype=torch.float64)
    p = torch.rand(shape, generator=generator, dtype=torch.float64).softmax(1)
    y = p.argmax(1)
    y.flatten()[1] = -100
    weight = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    return z.to(device).requires_grad_(), (y if target == "labels" else p).to(device), weight.to(device)


@pytest.mark.parametrize(("target", "gamma", "epsilon"), CASES)
def test_gradcheck_and_gradgradcheck(target, gamma, epsilon, device):
    z, t, weight = setting(target, device, (2, 3))

    def loss(z, t=t):
        return losses.focal_loss(z, t, gamma, weight, reduction="none", label_smoothing=epsilon)

    checks = {"check_batched_grad": True, "check_forward_ad": True, "check_batched_forward_grad": True}
    assert torch.autograd.gradcheck(loss, (z,), **checks)
    assert torch.autograd.gradgradcheck(loss, (z,), check_fwd_over_rev=True)
    weights = weight.clone().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda z, w: losses.focal_loss(z, t, gamma, w, label_smoothing=epsilon), (z, weights), check_forward_ad=True
    )
    if target == "soft":  # the target too; scaled, to remain a distribution
        x = torch.randn(z.shape, dtype=torch.float64, device=device, requires_grad=True)
        assert torch.autograd.gradcheck(lambda z, x: loss(z, x.softmax(1)), (z, x), check_forward_ad=True)
        assert torch.autograd.gradgradcheck(lambda z, x: loss(z, x.softmax(1)), (z, x))


def test_gradients_of_entropy_divergence_and_smoothing(device):
    a = torch.randn(2, 3, dtype=torch.float64, device=device, requires_grad=True)
    b = torch.randn(2, 3, dtype=torch.float64, device=device, requires_grad=True)
    for function, args in (
        (lambda a: losses.entropy(a, logits=True), (a,)),
        (lambda a: losses.entropy(a.softmax(1)), (a,)),
        (lambda a, b: losses.kl_divergence(a, b, logits=True), (a, b)),
        (lambda a, b: losses.kl_divergence(a.softmax(1), b.softmax(1)), (a, b)),
        (lambda a: losses.smooth_labels(a.softmax(1), 0.1), (a,)),
    ):
        assert torch.autograd.gradcheck(function, args, check_forward_ad=True)
        assert torch.autograd.gradgradcheck(function, args)


@pytest.mark.parametrize(("target", "gamma", "epsilon"), CASES)
def test_func_transforms(target, gamma, epsilon, device):
    z, t, weight = setting(target, device)

    def loss(z, t, reduction="sum"):
        return losses.focal_loss(z, t, gamma, weight, reduction=reduction, label_smoothing=epsilon)

    rows = loss(z, t, "none")
    (slope,) = torch.autograd.grad(rows.sum(), z)
    plain, along = z.detach(), torch.randn_like(z)
    close(torch.func.grad(loss)(plain, t), slope)
    close(torch.func.vmap(loss)(plain, t), rows.detach())
    close(torch.func.vmap(torch.func.grad(loss))(plain, t), slope)
    close(torch.func.jacrev(loss)(plain, t), slope)
    close(torch.func.jacfwd(loss)(plain, t), slope)
    close(torch.func.jvp(lambda z: loss(z, t), (plain,), (along,))[1], (slope * along).sum())
    close(torch.func.vmap(loss, in_dims=(None, 0))(plain[0], t), loss(plain[:1].expand(4, 3), t, "none"))
    close(torch.func.vmap(loss, in_dims=(0, None))(plain, t[0]), loss(plain, t[:1].expand(t.shape), "none"))
    twice = torch.func.vmap(torch.func.vmap(loss))(plain.view(2, 2, 3), t.view(2, 2, *t.shape[1:]))
    close(twice, rows.detach().view(2, 2))
    hessian = torch.autograd.functional.hessian(lambda z: loss(z, t), plain)
    close(torch.func.hessian(loss)(plain, t), hessian)


@pytest.mark.parametrize(("target", "gamma", "epsilon"), CASES)
def test_compiled_as_one_graph(target, gamma, epsilon, device):
    z, t, weight = setting(target, device)
    torch.compiler.reset()

    def loss(z):
        return losses.focal_loss(z, t, gamma, weight, label_smoothing=epsilon)

    compiled = torch.compile(loss, backend="aot_eager", fullgraph=True)
    close(compiled(z), loss(z))
    close(*(torch.autograd.grad(f(z), z)[0] for f in (compiled, loss)))


@pytest.mark.parametrize(
    "loss",
    [
        lambda z, y, q: losses.focal_loss(z, y, losses.adaptive_gamma(z, y)),
        lambda z, y, q: losses.sigmoid_focal_loss(z, q.softmax(1), reduction="mean"),
        lambda z, y, q: losses.kl_divergence(z, q, logits=True).sum(),
        lambda z, y, q: losses.entropy(z, logits=True).sum(),
    ],
)
def test_every_other_function_compiles_with_dynamic_shapes(loss):
    z, y, _ = setting("labels")
    y, q = y.clamp(min=0), z.detach().flip(0)
    torch.compiler.reset()
    compiled = torch.compile(loss, backend="aot_eager", fullgraph=True, dynamic=True)
    close(*(torch.autograd.grad(f(z, y, q), z)[0] for f in (compiled, loss)))


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_dtypes_and_autocast(dtype, device):
    z, y, weight = setting("labels", device)
    z = z.detach().to(dtype).requires_grad_()
    for target in (y, y.clamp(min=0).to(torch.int32), F.one_hot(y.clamp(min=0), 3).to(dtype)):
        loss = losses.focal_loss(z, target, 2.0, weight)
        assert loss.dtype is dtype
        (slope,) = torch.autograd.grad(loss, z)
        assert slope.dtype is dtype
        exact = losses.focal_loss(z.double(), target.double() if target.is_floating_point() else target, 2.0, weight)
        torch.testing.assert_close(loss.double(), exact, rtol=TOLERANCE[dtype], atol=0)
        with torch.autocast(device, dtype=torch.bfloat16):
            wide = losses.focal_loss(z, target, 2.0, weight)
        assert wide.dtype is F.cross_entropy(z.detach().to(torch.promote_types(dtype, torch.float32)), y).dtype
        torch.testing.assert_close(wide.double(), exact, rtol=1e-6, atol=0)
        (slope_there,) = torch.autograd.grad(wide, z)
        torch.testing.assert_close(slope_there, slope)


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_layouts_and_shapes(gamma, device):
    """Whatever the strides, and the places after the classes, each observation has its own loss."""
    torch.manual_seed(0)
    for classes in (3, 20):
        image = torch.randn(2, 4, 5, classes, dtype=torch.float64, device=device).movedim(-1, 1)
        labels = torch.randint(classes, (5, 4, 2), device=device).permute(2, 1, 0)
        assert not image.is_contiguous() and not labels.is_contiguous()
        z = image.clone(memory_format=torch.preserve_format).requires_grad_()
        rows = losses.focal_loss(z, labels, gamma, reduction="none")
        flat = z.movedim(1, -1).reshape(-1, classes)
        expected = losses.focal_loss(flat, labels.reshape(-1), gamma, reduction="none")
        close(rows.reshape(-1), expected)
        close(*(torch.autograd.grad(x.sum(), z)[0] for x in (rows, expected)))
        one = torch.stack([losses.focal_loss(x, y, gamma) for x, y in zip(flat, labels.reshape(-1))])
        close(one, expected)
        close(losses.focal_loss(z[::2, :, 1:, ::2], labels[::2, 1:, ::2], gamma, reduction="none"), rows[::2, 1:, ::2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_backward_twice_leaves_what_it_needs(dtype, reduction, device):
    """Gradients are made where the slopes lie, but not where these are needed again, or where someone has them."""
    for shape in ((6, 5), (3, 70), (2, 3, 4)):
        z, y, p = (x.to(device) for x in draw(shape, dtype))
        z = z.detach().requires_grad_()
        for gamma, target in ((0.0, y), (0.0, p), (2.0, y), (2.0, p)):
            loss = losses.focal_loss(z, target, gamma, reduction=reduction)
            grad = torch.rand_like(loss)
            (first,) = torch.autograd.grad(loss, z, grad, retain_graph=True)
            kept = first.clone()
            (second,) = torch.autograd.grad(loss, z, grad, retain_graph=True)
            (last,) = torch.autograd.grad(loss, z, grad)
            assert kept.equal(second) and kept.equal(last) and kept.equal(first)
            assert len({x.data_ptr() for x in (first, second, last, z)}) == 4
            again = losses.focal_loss(z, target, gamma, reduction=reduction)
            close(torch.autograd.grad(again + again, z, grad)[0].float(), 2 * kept.float())


@pytest.mark.parametrize("step", [3.0, 1.0, 0.3, 0.1, 1e-2, 1e-3, 1e-5])
def test_gradients_of_the_divergence_keep_their_digits(step, device):
    generator = torch.Generator().manual_seed(0)
    for classes in (2, 10, 3000):
        a = torch.randn(8, classes, generator=generator).to(device)
        b = a + step * torch.randn(8, classes, generator=generator).to(device)
        pairs = [[x.to(dtype).requires_grad_() for x in (a, b)] for dtype in (torch.float32, torch.float64)]
        rows = [losses.kl_divergence(*pair, logits=True) for pair in pairs]
        torch.testing.assert_close(rows[0].double(), rows[1], rtol=1e-6, atol=0)
        slopes = [torch.autograd.grad(x.sum(), pair) for x, pair in zip(rows, pairs)]
        for ours, exact in zip(*slopes):
            assert ((ours - exact).norm(dim=1) <= 2e-6 * exact.norm(dim=1)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(16000, 64), (20, 50000), (2, 21, 160, 160)])
def test_no_more_memory_than_torch(shape, dtype):
    arguments = draw(shape, dtype)
    for ours, theirs in pairs().values():
        most = peak_memory(theirs, *arguments)
        assert most >= 2 * arguments[0].nbytes
        assert peak_memory(ours, *arguments) <= most
    if dtype is torch.float32 and len(shape) == 2:
        assert peak_memory(divergences()[0], *arguments) <= 5 * arguments[0].nbytes


# Modules and errors


def test_modules_are_the_functions(device):
    z, y, weight = setting("labels", device)
    ce = losses.CrossEntropyLoss(weight, ignore_index=-3, reduction="sum", label_smoothing=0.1)
    y = torch.where(y < 0, -3, y)
    options = {"weight": weight, "ignore_index": -3, "reduction": "sum", "label_smoothing": 0.1}
    assert ce(z, y) == losses.cross_entropy(z, y, **options)
    focal = losses.FocalLoss(2.0, **options)
    assert focal(z, y) == losses.focal_loss(z, y, 2.0, **options)
    assert focal.gamma == 2.0 and "gamma=2.0" in repr(focal) and "label_smoothing=0.1" in repr(ce)
    assert list(focal.state_dict()) == ["weight"]
    assert copy.deepcopy(focal).float().weight.dtype is torch.float32
    assert losses.FocalLoss(3.0)(z, y.clamp(min=0)) == losses.focal_loss(z, y.clamp(min=0), 3.0)


Z, Y = torch.zeros(2, 3), torch.tensor([0, 1])


@pytest.mark.parametrize(
    ("args", "options", "error", "said"),
    [
        ((torch.zeros(2, 3, dtype=torch.int64), Y), {}, TypeError, "input.*int64"),
        ((torch.zeros(2, 3, dtype=torch.complex64), Y), {}, TypeError, "complex64"),
        (([[0.0, 1.0]], Y), {}, TypeError, "input.*list"),
        ((Z, [0, 1]), {}, TypeError, "target.*list"),
        ((Z, Y.bool()), {}, TypeError, "bool"),
        ((Z, Y), {"weight": [1.0, 1.0, 1.0]}, TypeError, "weight.*list"),
        ((Z, Y), {"weight": torch.ones(3, dtype=torch.int64)}, TypeError, "weight.*int64"),
        ((Z, Y), {"gamma": "2"}, TypeError, "gamma.*'2'"),
        ((Z, Y), {"label_smoothing": None}, TypeError, "None"),
        ((Z, Y), {"ignore_index": 1.5}, TypeError, "ignore_index.*1.5"),
        ((torch.tensor(1.0), torch.tensor(0)), {}, ValueError, r"got \(\)"),
        ((torch.zeros(2, 0), Y), {}, ValueError, r"got \(2, 0\)"),
        ((Z, torch.tensor([0])), {}, ValueError, r"\(2, 3\).*\(2,\).*\(1,\)"),
        ((Z, torch.zeros(2, 3, dtype=torch.int64)), {}, ValueError, r"got \(2, 3\)"),
        ((Z, torch.full((2, 2), 0.5)), {}, ValueError, r"\(2, 3\).*\(2, 2\)"),
        ((Z, torch.zeros(2)), {}, ValueError, r"\(2, 3\).*\(2,\)"),
        ((Z, torch.tensor([0, 3])), {}, ValueError, "from 0 to 2, or -100, .* got 0 to 3"),
        ((Z, torch.tensor([-1, -100])), {}, ValueError, "got -1"),
        ((Z, torch.tensor([-100, 0])), {"ignore_index": 5}, ValueError, "got -100"),
        ((Z, torch.tensor([[0.5, 0.5, 0.02], [1.0, 0.0, 0.0]])), {}, ValueError, "1.02"),
        ((Z, torch.tensor([[1.5, -0.5, 0.0], [1.0, 0.0, 0.0]])), {}, ValueError, "-0.5"),
        ((Z, torch.tensor([[math.nan, 0.5, 0.0], [1.0, 0.0, 0.0]])), {}, ValueError, "nan"),
        ((Z, torch.full((2, 3), 1 / 3)), {"ignore_index": 2}, ValueError, "ignore_index.*got 2"),
        ((Z, torch.full((2, 3), 1 / 3)), {"ignore_index": 0}, ValueError, "ignore_index.*got 0"),
        ((Z, Y), {"weight": torch.ones(2)}, ValueError, r"\(3,\).*\(2,\)"),
        ((Z, Y), {"weight": torch.tensor([1.0, -1.0, 1.0])}, ValueError, "got -1 to 1"),
        ((Z, Y), {"weight": torch.tensor([1.0, math.nan, 1.0])}, ValueError, "nan"),
        ((Z, Y), {"weight": torch.tensor([1.0, math.inf, 1.0])}, ValueError, "inf"),
        ((Z, Y), {"gamma": -0.5}, ValueError, "gamma.*-0.5"),
        ((Z, Y), {"gamma": math.nan}, ValueError, "gamma.*nan"),
        ((Z, Y), {"gamma": math.inf}, ValueError, "gamma.*inf"),
        ((Z, Y), {"label_smoothing": 1.5}, ValueError, "1.5"),
        ((Z, Y), {"label_smoothing": -0.1}, ValueError, "-0.1"),
        ((Z, Y), {"label_smoothing": math.nan}, ValueError, "nan"),
        ((Z, Y), {"reduction": "average"}, ValueError, "'average'"),
    ],
)
def test_what_was_given_is_said(args, options, error, said):
    gamma = options.get("gamma", 2.0)
    others = {name: value for name, value in options.items() if name != "gamma"}
    with pytest.raises(error, match=said):
        losses.focal_loss(*args, gamma, **others)
    if "gamma" not in options:
        with pytest.raises(error, match=said):
            losses.cross_entropy(*args, **others)
    if set(options) & {"gamma", "label_smoothing", "reduction"}:
        with pytest.raises(error, match=said):
            losses.FocalLoss(gamma, **others)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: losses.entropy(torch.tensor([1, 0])), TypeError, "int64"),
        (lambda: losses.entropy(torch.tensor([0.5, 0.4])), ValueError, "0.9"),
        (lambda: losses.entropy(torch.tensor([1.5, -0.5])), ValueError, "-0.5"),
        (lambda: losses.entropy(torch.tensor(0.5)), ValueError, r"\(\)"),
        (lambda: losses.kl_divergence(torch.tensor([0.5, 0.5]), torch.tensor([1.0])), ValueError, r"\(2,\) and \(1,\)"),
        (lambda: losses.kl_divergence(torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.2])), ValueError, "q.*1.2"),
        (lambda: losses.kl_divergence(torch.tensor([0.5, 0.2]), torch.tensor([1.0, 0.0])), ValueError, "p.*0.7"),
        (lambda: losses.kl_divergence(torch.tensor([0.5, 0.5]), torch.tensor([1, 0])), TypeError, "q.*int64"),
        (lambda: losses.smooth_labels(torch.tensor([0.5, 0.5]), 1.1), ValueError, "1.1"),
        (lambda: losses.smooth_labels(torch.tensor([0.5, 0.6]), 0.1), ValueError, "1.1"),
        (lambda: losses.smooth_labels(torch.tensor([0, 1]), 0.1), TypeError, "int64"),
    ],
)
def test_what_was_given_is_said_of_distributions(call, error, said):
    with pytest.raises(error, match=said):
        call()


# What was found wrong, by its kind


def relative(got, expected):
    return ((got.double() - expected).norm() / expected.norm()).item()


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.uint16, torch.uint32, torch.uint64]
)
@pytest.mark.parametrize(("classes", "ignore"), [(100, -100), (128, -1), (300, 1000), (300, 2**40)])
def test_labels_of_any_integer_dtype_are_those_of_int64(dtype, classes, ignore):
    z = torch.randn(4, classes, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = torch.tensor([0, 1, 99, 24])
    if classes == 300 and dtype is torch.uint8:
        y = torch.tensor([0, 156, 232, 255])
    expected = F.cross_entropy(z, y, ignore_index=-100)
    assert losses.cross_entropy(z, y.to(dtype), ignore_index=ignore).item() == pytest.approx(
        expected.item(), rel=1e-14, abs=0
    )


def test_a_byte_that_is_no_class_is_not_ignored():
    with pytest.raises(ValueError, match="from 0 to 99, or -100, are expected, got 156 to 156"):
        losses.cross_entropy(torch.zeros(1, 100), torch.tensor([156], dtype=torch.uint8))


@pytest.mark.parametrize("shape", [(6, 50000), (2, 50000, 3), (2, 300000, 2), (4, 1000)])
def test_many_classes_in_float32(shape):
    """Confident labels by the textbook in float64, which has digits where many share 1 - q; and distillation."""
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(shape[1], shape[:1] + shape[2:], generator=generator).unsqueeze(1)
    noise = torch.randn(shape, generator=generator)
    for z in (noise.scatter(1, y, 20.0), 3 * noise, torch.zeros(shape).scatter(1, y, 16.5)):
        for gamma in (0.0, 5.0):
            wide, z = z.double().requires_grad_(), z.detach().requires_grad_()
            own = wide.log_softmax(1).gather(1, y)
            exact = (1 - own.exp()) ** gamma * -own
            (slope,) = torch.autograd.grad(exact.sum(), wide)
            value = losses.focal_loss(z, y.squeeze(1), gamma, reduction="none").unsqueeze(1)
            (found,) = torch.autograd.grad(value.sum(), z)
            assert ((value - exact) / exact).abs().max() < 5e-6
            assert relative(found, slope) < 5e-6
            assert ((found - slope) / slope).gather(1, y).abs().max() < 5e-6
    z = (0.1 * noise).requires_grad_()
    p = (0.1 * noise + 0.01 * torch.randn(shape, generator=generator)).softmax(1)
    wide = z.detach().double().requires_grad_()
    (exact,) = torch.autograd.grad(F.cross_entropy(wide, p.double()), wide)
    (theirs,) = torch.autograd.grad(F.cross_entropy(z, p), z)
    at = z.argmax(1, keepdim=True)
    for transform in (
        lambda z: torch.autograd.grad(losses.cross_entropy(z, p), z)[0],
        torch.func.grad(losses.cross_entropy),
    ):
        ours = transform(z) if transform.__code__.co_argcount == 1 else transform(z, p)
        assert relative(ours, exact) < max(2e-5, 2 * relative(theirs, exact))
        assert ((ours - exact) / exact).gather(1, at).abs().max() < 1e-2


def reference_hessian(z, label, gamma):
    """Second derivatives of the focal loss of a label, by mpmath from the definition."""
    with mpmath.workdps(120):

        def definition(*z):
            q = mpmath.exp(z[label]) / mpmath.fsum(map(mpmath.exp, z))
            return (1 - q) ** gamma * -mpmath.log(q)

        def order(i, j):
            return tuple((i == k) + (j == k) for k in range(len(z)))

        z = tuple(map(mpmath.mpf, z))
        ks = range(len(z))
        return [[float(mpmath.diff(definition, z, order(i, j))) for j in ks] for i in ks]


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("z", [[0.0, -1.0, 18.0], [0.0, -1.0, 40.0], [0.5, 1.0, 0.0]])
def test_second_derivatives_in_every_order_and_mix_of_modes(z, gamma):
    expected = torch.tensor(reference_hessian(z, 2, gamma), dtype=torch.float64)
    z = torch.tensor(z, dtype=torch.float64)
    back, ahead = torch.func.jacrev, torch.func.jacfwd
    for target in (torch.tensor(2), torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)):

        def loss(z, target=target):
            return losses.focal_loss(z, target, gamma)

        found = [outer(inner(loss))(z) for outer in (back, ahead) for inner in (back, ahead)]
        found.append(torch.autograd.functional.hessian(loss, z))
        for hessian in found:
            assert relative(hessian, expected) < 1e-11
            assert relative(hessian[2], expected[2]) < 1e-11
        third = [a(b(c(loss)))(z) for a in (back, ahead) for b in (back, ahead) for c in (back, ahead)]
        for tensor in third[1:]:
            torch.testing.assert_close(tensor, third[0], rtol=1e-7, atol=1e-30)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_the_plain_form_has_all_digits_of_a_sure_class(gamma):
    z, p = [30.0, 0.0, -1.0], [1.0, 0.0, 0.0]
    value, slope = truth(z, p, gamma)
    z, p = torch.tensor(z, dtype=torch.float64), torch.tensor(p, dtype=torch.float64)
    for target in (p, torch.tensor(0)):
        slopes, found = torch.func.grad_and_value(lambda z, target=target: losses.focal_loss(z, target, gamma))(z)
        assert found.item() == pytest.approx(float(value), rel=1e-13, abs=0)
        assert slopes.tolist() == pytest.approx([float(x) for x in slope], rel=1e-13, abs=0)


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e38, 1e300])
def test_a_weighted_mean_has_no_scale(scale):
    z, y = torch.randn(3, 4, dtype=torch.float64), torch.tensor([0, 1, 2])
    w = torch.tensor([0.5, 1.0, 2.0, 0.0], dtype=torch.float64)
    expected = F.cross_entropy(z, y, w).item()
    assert losses.cross_entropy(z, y, w * scale).item() == pytest.approx(expected, rel=1e-12, abs=0)
    assert losses.cross_entropy(z.float(), y, w * scale).item() == pytest.approx(expected, rel=1e-5, abs=0)
    if scale == 1e300:
        with pytest.raises(ValueError, match=r"float32 can hold are expected, got 2e\+300"):
            losses.cross_entropy(z.float(), y, w * scale, reduction="sum")


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_what_weighs_nothing_is_nothing_though_impossible(gamma):
    z = torch.tensor([[1.0, 2.0, -math.inf]])
    w = torch.tensor([1.0, 1.0, 0.0])
    for target in (torch.tensor([2]), torch.tensor([[0.0, 0.0, 1.0]])):
        for epsilon in (0.0, 0.1):
            loss = losses.focal_loss(z, target, gamma, w, reduction="sum", label_smoothing=epsilon)
            assert loss.isfinite() and (loss > 0) == (epsilon > 0)
    assert losses.focal_loss(z, torch.tensor([2]), gamma, label_smoothing=1.0) == math.inf
    z = torch.tensor([[-math.inf, 0.0, 1.0], [0.0, 1.0, 2.0]])  # an ignored row whose class 0 is impossible
    w = torch.ones(3, requires_grad=True)
    for epsilon in (0.0, 0.1):
        (slope,) = torch.autograd.grad(
            losses.focal_loss(z, torch.tensor([-100, 1]), gamma, w, label_smoothing=epsilon), w
        )
        assert slope.isfinite().all()


def test_a_sure_class_that_is_not_the_label_leaves_no_false_zero():
    z = torch.tensor([[20.0, 0.0]], requires_grad=True)
    loss = losses.cross_entropy(z, torch.tensor([1]), torch.tensor([1.0, 0.0]), label_smoothing=0.1, reduction="sum")
    expected = 0.05 * math.log1p(math.exp(-20))
    assert loss.item() == pytest.approx(expected, rel=1e-6, abs=0)
    assert torch.autograd.grad(loss, z)[0].tolist() == [
        [pytest.approx(-expected, rel=1e-6, abs=0), pytest.approx(expected, rel=1e-6, abs=0)]
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_divergence_does_not_feel_an_offset(dtype):
    a = torch.tensor([1e-6, -2e-6, 0.5e-6], dtype=dtype)
    for offset in (2.0**13, 2.0**20, 1e4 / 3, -1e6 / 7):
        b = a * 1.1 + offset  # rounded to the dtype; what is left after the offset is exact
        expected = exact_kl(a.tolist(), (b - b[0]).tolist())
        assert losses.kl_divergence(a, b, logits=True).item() == pytest.approx(float(expected), rel=1e-6, abs=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(3, 400), (2, 5, 3, 40000)])
def test_gradients_of_the_divergence_of_logits(shape, dtype):
    generator = torch.Generator().manual_seed(0)
    a, b = (2 * torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    p, q = a.softmax(1), b.softmax(1)
    gap = a.log_softmax(1) - b.log_softmax(1)
    kl = (p * gap).sum(1, keepdim=True)
    a, b = a.to(dtype).requires_grad_(), b.to(dtype).requires_grad_()
    value = losses.kl_divergence(a, b, logits=True)
    assert relative(value, kl.squeeze(1)) < 1e-6
    found = torch.autograd.grad(value.sum(), (a, b))
    assert relative(found[0], p * (gap - kl)) < 1e-6 and relative(found[1], q - p) < 1e-6


def test_gradients_of_a_divergence_that_is_infinite():
    a, b = torch.zeros(2, requires_grad=True), torch.tensor([0.0, -math.inf], requires_grad=True)
    value = losses.kl_divergence(a, b, logits=True)
    slopes = torch.autograd.grad(value, (a, b))
    assert value == math.inf and slopes[0].isfinite().all() and slopes[1].tolist() == [0.5, -0.5]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_logits_may_be_changed_after_the_loss(dtype, gamma):
    for target in (torch.tensor([0, 1]), torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]], dtype=dtype)):
        leaf = torch.randn(2, 3, generator=torch.Generator().manual_seed(0)).to(dtype).requires_grad_()
        (expected,) = torch.autograd.grad(losses.focal_loss(leaf, target, gamma), leaf)
        z = leaf * 1
        loss = losses.focal_loss(z, target, gamma)
        with torch.no_grad():
            z.mul_(2)
        with pytest.raises(RuntimeError, match="inplace operation after the loss"):
            torch.autograd.grad(loss, leaf, create_graph=True, retain_graph=True)
        assert torch.equal(torch.autograd.grad(loss, leaf)[0], expected)


def test_the_slope_in_an_impossible_target_of_zero():
    p = torch.tensor([[0.5, 0.5, 0.0]], requires_grad=True)
    z = torch.tensor([[0.0, 1.0, -math.inf]])
    (expected,) = torch.autograd.grad(F.cross_entropy(z.where(z > -math.inf, -1e4), p), p)
    (slope,) = torch.autograd.grad(losses.cross_entropy(z, p), p)
    torch.testing.assert_close(slope[:, :2], expected[:, :2])
    assert slope[0, 2] == math.inf


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled:UserWarning")
@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_anomaly_detection_finds_nothing(gamma):
    z = torch.tensor([[0.0, 1.0, -math.inf]], requires_grad=True)
    with torch.autograd.detect_anomaly(check_nan=True):
        for target in (torch.tensor([[0.5, 0.5, 0.0]]), torch.tensor([0]), torch.tensor([2])):
            for epsilon in (0.0, 0.1):
                loss = losses.focal_loss(z, target, gamma, label_smoothing=epsilon)
                (slope,) = torch.autograd.grad(loss, z, create_graph=True)
                assert slope.isfinite().all()
                assert torch.autograd.grad(slope.square().sum(), z)[0].isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("shape", [(4, 300), (2, 50000), (1, 200000, 2)])
def test_what_a_softmax_rounds_is_a_distribution_and_logits_are_none(shape, dtype):
    z = (3 * torch.randn(shape, generator=torch.Generator().manual_seed(0))).to(dtype)
    assert losses.cross_entropy(z, z.softmax(1)).isfinite()
    assert losses.cross_entropy(z.float(), z.softmax(1).float()).isfinite()
    for target in (z, z.abs(), 100 * z.float().softmax(1).to(dtype)):
        with pytest.raises(ValueError, match=r"sums of 1 are expected|at least 0 is expected"):
            losses.cross_entropy(z, target)


class Trained(torch.nn.Module):
    def __init__(self, loss):
        super().__init__()
        self.layer, self.loss = torch.nn.Linear(3, 3), loss

    def forward(self, x, target):
        return self.loss(self.layer(x), target)


@pytest.mark.parametrize(
    "loss", [losses.CrossEntropyLoss(), losses.FocalLoss(2.0, label_smoothing=0.1), losses.FocalLoss(0.5)]
)
@pytest.mark.parametrize("soft", [False, True])
def test_an_exported_model_has_a_dynamic_batch_and_can_be_trained(loss, soft):
    model, batch = Trained(loss), torch.export.Dim("batch")
    x, y = torch.randn(4, 3), torch.tensor([0, 1, 2, 1])
    target = F.one_hot(y, 3).float() if soft else y
    program = torch.export.export(model, (x, target), dynamic_shapes={"x": {0: batch}, "target": {0: batch}}).module()
    x, target = x.repeat(3, 1), torch.cat([target] * 3)
    expected = torch.autograd.grad(model(x, target), model.layer.weight)[0]
    torch.testing.assert_close(torch.autograd.grad(program(x, target), program.layer.weight)[0], expected)


def test_shapes_are_inferred_without_values():
    z = torch.randn(5, 3, 2, device="meta", requires_grad=True)
    for target in (torch.zeros(5, 2, dtype=torch.long, device="meta"), torch.rand(5, 3, 2, device="meta")):
        for gamma in (0.0, 2.0):
            assert losses.focal_loss(z, target, gamma, reduction="none").shape == (5, 2)
            assert torch.autograd.grad(losses.focal_loss(z, target, gamma, label_smoothing=0.1), z)[0].shape == z.shape


def test_numbers_are_numbers():
    z, y = torch.randn(2, 3), torch.tensor([0, 1])
    expected = losses.focal_loss(z, y, 0.5, label_smoothing=0.1)
    assert (
        losses.focal_loss(z, y, Fraction(1, 2), label_smoothing=Fraction(1, 10), ignore_index=np.int64(-1)) == expected
    )
    for options in ({"gamma": True}, {"gamma": 1, "ignore_index": False}, {"gamma": 1, "label_smoothing": True}):
        with pytest.raises(TypeError, match=r"number; got False|number, got True"):
            losses.focal_loss(z, y, **options)
    with pytest.raises(TypeError, match="ignore_index is a whole number; got False"):
        losses.cross_entropy(z, y, None, False)  # torch's size_average
    with pytest.raises(ValueError, match="gamma from 0"):
        losses.focal_loss(z, y, 10**400)
    for call in (
        lambda: losses.cross_entropy(z.numpy(), y),
        lambda: losses.cross_entropy(z, y, np.ones(3)),
        lambda: losses.cross_entropy(z, y.numpy()),
    ):
        with pytest.raises(TypeError, match=r"got numpy\.ndarray"):
            call()


# Drop-in


def walk():
    """Every combination of the options of cross-entropy."""
    shapes = (5,), (4, 3), (2, 20), (2, 70), (2, 3, 4), (2, 4, 3, 2)
    weights, ignored, epsilons = (False, True), (-100, 1, 255), (0.0, 0.1, 1.0)
    for shape, soft, *options in itertools.product(
        shapes, (False, True), weights, ignored, epsilons, ("mean", "sum", "none")
    ):
        if not (soft and options[1] >= 0):
            yield shape, soft, *options


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_whole_grid_of_options_is_torchs(dtype):
    generator = torch.Generator().manual_seed(0)
    for shape, soft, weighted, ignore, epsilon, reduction in walk():
        dim = int(len(shape) > 1)
        classes, rest = shape[dim], shape[:dim] + shape[dim + 1 :]
        z = (2 * torch.randn(shape, generator=generator, dtype=dtype)).requires_grad_()
        weight = torch.rand(classes, generator=generator, dtype=dtype) if weighted else None
        target = torch.randint(classes, rest, generator=generator)
        target = torch.where(torch.rand(rest, generator=generator) < 0.3, ignore, target)
        target = torch.rand(shape, generator=generator, dtype=dtype).softmax(dim) if soft else target
        options = {"weight": weight, "ignore_index": ignore, "reduction": reduction, "label_smoothing": epsilon}
        ours, theirs = (f(z, target, **options) for f in (losses.cross_entropy, F.cross_entropy))
        if reduction == "mean" and theirs.isnan():
            theirs = (z * 0).sum()
        tolerance = {"rtol": 1e-11, "atol": 1e-12} if dtype is torch.float64 else {"rtol": 2e-5, "atol": 2e-6}
        said = f"{shape}, soft {soft}, {options}"
        torch.testing.assert_close(ours, theirs, **tolerance, msg=lambda m, said=said: f"{said}: {m}")
        slopes = [torch.autograd.grad(loss.sum(), z)[0] for loss in (ours, theirs)]
        torch.testing.assert_close(*slopes, **tolerance, msg=lambda m, said=said: f"{said}: {m}")


def test_one_observation_and_its_label_in_a_list():
    z = torch.randn(3)
    torch.testing.assert_close(losses.cross_entropy(z, torch.tensor([1])), F.cross_entropy(z, torch.tensor([1])))


# Focal losses that torch has not


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("alpha", [-1, 0.25])
def test_sigmoid_focal_loss_against_mpmath(gamma, alpha):
    z, t = torch.meshgrid(
        torch.tensor([-1e4, -90.0, -30.0, -3.0, 0.0, 1.0, 20.0, 90.0, 1e4], dtype=torch.float64),
        torch.tensor([0.0, 0.25, 1.0], dtype=torch.float64),
        indexing="ij",
    )
    z = z.clone().requires_grad_()
    rows = losses.sigmoid_focal_loss(z, t, alpha, gamma)
    (slopes,) = torch.autograd.grad(rows.sum(), z)
    for row, slope, x, y in zip(rows.flatten(), slopes.flatten(), z.flatten().tolist(), t.flatten().tolist()):
        with mpmath.workdps(60):

            def definition(x, y=y):
                up, down = (1 / (1 + mpmath.exp(s * x)) for s in (-1, 1))
                miss, loss = y * down + (1 - y) * up, -y * mpmath.log(up) - (1 - y) * mpmath.log(down)
                return (1 if alpha < 0 else alpha * y + (1 - alpha) * (1 - y)) * miss**gamma * loss

            value = definition(mpmath.mpf(x))
            derivative = mpmath.diff(definition, mpmath.mpf(x)) if abs(x) < 1e3 else None
        assert row.item() == pytest.approx(float(value), rel=1e-12, abs=1e-300)
        assert math.isfinite(slope.item())
        if derivative is not None:
            assert slope.item() == pytest.approx(float(derivative), rel=1e-11, abs=1e-300)


def test_sigmoid_focal_loss_is_torchvisions():
    """Its formula, in float64 where it has all digits; its names, order and defaults."""
    z = torch.randn(4, 3, dtype=torch.float64)
    t = torch.rand(4, 3, dtype=torch.float64).round(decimals=1)
    p, ce = torch.sigmoid(z), F.binary_cross_entropy_with_logits(z, t, reduction="none")
    p_t = p * t + (1 - p) * (1 - t)
    theirs = (0.25 * t + 0.75 * (1 - t)) * ce * (1 - p_t) ** 2
    torch.testing.assert_close(losses.sigmoid_focal_loss(z, t), theirs)
    torch.testing.assert_close(losses.sigmoid_focal_loss(z, t, 0.25, 2, "mean"), theirs.mean())
    torch.testing.assert_close(losses.sigmoid_focal_loss(inputs=z, targets=t, reduction="sum"), theirs.sum())
    assert list(inspect.signature(losses.sigmoid_focal_loss).parameters) == [
        "inputs",
        "targets",
        "alpha",
        "gamma",
        "reduction",
    ]
    z.requires_grad_()
    assert torch.autograd.gradgradcheck(lambda z: losses.sigmoid_focal_loss(z, t, gamma=0.5), (z,))
    for dtype in (torch.float32, torch.bfloat16):
        assert losses.sigmoid_focal_loss(z.to(dtype), t.to(dtype)).dtype is dtype
    for bad, said in (
        ({"alpha": 1.5}, "alpha"),
        ({"alpha": -0.5}, "alpha"),
        ({"gamma": -1.0}, "gamma"),
        ({"reduction": "x"}, "'x'"),
    ):
        with pytest.raises(ValueError, match=said):
            losses.sigmoid_focal_loss(z, t, **bad)
    for targets, said in (
        (t + 1, "targets from 0 to 1"),
        (t * math.nan, "nan"),
        (t[0], r"\(4, 3\) are expected, got \(3,\)"),
    ):
        with pytest.raises(ValueError, match=said):
            losses.sigmoid_focal_loss(z, targets)


@pytest.mark.parametrize("target", ["labels", "soft"])
@pytest.mark.parametrize("epsilon", [0.0, 0.1])
def test_gamma_may_vary_over_the_observations(target, epsilon):
    z, t, weight = setting(target, shape=(4, 3, 2))
    gamma = torch.tensor([[0.0, 0.5], [1.0, 2.0], [3.0, 5.0], [0.0, 0.1]], dtype=torch.float64, requires_grad=True)
    rows = losses.focal_loss(z, t, gamma, weight, reduction="none", label_smoothing=epsilon)
    for n, d in itertools.product(range(4), range(2)):
        one = losses.focal_loss(
            z[n : n + 1, :, d],
            t[n : n + 1, ..., d],
            gamma[n, d].item(),
            weight,
            reduction="none",
            label_smoothing=epsilon,
        )
        close(rows[n, d], one[0])
    (slope,) = torch.autograd.grad(rows.sum(), z)
    close(
        slope,
        torch.func.grad(
            lambda z: losses.focal_loss(z, t, gamma.detach(), weight, reduction="sum", label_smoothing=epsilon)
        )(z),
    )
    assert torch.autograd.grad(losses.focal_loss(z, t, gamma).sum(), gamma, allow_unused=True) == (None,)
    close(losses.focal_loss(z, t, torch.tensor(2)), losses.focal_loss(z, t, 2.0))
    for bad, error, said in (
        (gamma - 1, ValueError, "gamma from 0 to 1e.30 are expected, got -1"),
        (gamma[0], ValueError, r"shape \(\) or \(4, 2\) is expected, got \(2,\)"),
        (gamma > 1, TypeError, "gamma holds numbers, got torch.bool"),
    ):
        with pytest.raises(error, match=said):
            losses.focal_loss(z, t, bad)


def test_the_published_schedule_of_gamma():
    z = torch.tensor(
        [[0.0, 0.0], [-1.4, 0.0], [-1.38, 0.0], [0.0, 9.0]], requires_grad=True
    )  # q of class 0: below 0.2 from -1.386
    y = torch.tensor([0, 0, 0, 0])
    gamma = losses.adaptive_gamma(z, y)
    assert gamma.tolist() == [3.0, 5.0, 3.0, 5.0] and not gamma.requires_grad
    assert losses.adaptive_gamma(z, y, 2, 1, 0.6).tolist() == [2.0, 2.0, 2.0, 2.0]
    rows = losses.focal_loss(z, y, gamma, reduction="none")
    close(rows[1], losses.focal_loss(z[1:2], y[1:2], 5.0))
    close(rows[0], losses.focal_loss(z[0:1], y[0:1], 3.0))
    assert losses.adaptive_gamma(torch.zeros(2, 3, 4), torch.full((2, 4), -100)).shape == (2, 4)
