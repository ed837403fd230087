import mpmath
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lossmath.losses import cross_entropy, lead

LOGITS = st.lists(st.floats(-1e4, 1e4, width=32), min_size=2, max_size=6)


def reference(logits, label):
    """The loss and its gradient from their definitions, in 60 digits (which hold what 2e4 nats leave of 1 in 10**8700)."""
    with mpmath.workdps(9000 if max(logits) - min(logits) > 100 else 120):
        weights = [mpmath.exp(mpmath.mpf(z)) for z in logits]
        total = mpmath.fsum(weights)
        gradient = [weight / total - (k == label) for k, weight in enumerate(weights)]
        return float(-mpmath.log(weights[label] / total)), [float(slope) for slope in gradient]


@given(LOGITS, st.data())
def test_value_and_gradient_against_mpmath(logits, data):
    label = data.draw(st.integers(0, len(logits) - 1))
    z = torch.tensor([logits], dtype=torch.float64, requires_grad=True)
    loss = cross_entropy(z, torch.tensor([label]))
    loss.backward()
    value, gradient = reference(logits, label)
    gradient = torch.tensor(gradient, dtype=torch.float64)
    assert loss.item() == pytest.approx(value, rel=1e-13, abs=1e-300)
    # the gradient of torch's logsumexp rounds once at the size of the leads
    assert (z.grad[0] - gradient).norm() <= (1e-13 + 4e-16 * (max(logits) - min(logits))) * gradient.norm() + 1e-300


@pytest.mark.parametrize("lead", [5.0, 17.0, 30.0, 80.0])
def test_a_confident_prediction_keeps_its_digits_in_single_precision(lead):
    value, _ = reference([lead, 0.0], 0)
    loss = cross_entropy(torch.tensor([[lead, 0.0]]), torch.tensor([0]))
    assert loss.item() == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_equal_to_torch_where_torch_is_accurate(reduction):
    torch.manual_seed(0)
    z, y = torch.randn(50, 7, dtype=torch.float64), torch.randint(7, (50,))
    expected = torch.nn.functional.cross_entropy(z, y, reduction=reduction)
    torch.testing.assert_close(cross_entropy(z, y, reduction=reduction), expected, rtol=1e-13, atol=0)


def test_gradient_of_the_gradient():
    z = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    y = torch.tensor([0, 3, 1])
    assert torch.autograd.gradcheck(lambda z: cross_entropy(z, y), (z,))
    assert torch.autograd.gradgradcheck(lambda z: cross_entropy(z, y), (z,))


def test_nan_stays_nan():
    z = torch.tensor([[0.0, float("nan")], [1.0, 2.0]])
    losses = cross_entropy(z, torch.tensor([0, 1]), reduction="none")
    assert losses.isnan().tolist() == [True, False]


@pytest.mark.parametrize(
    ("input", "target", "error", "said"),
    [
        (torch.zeros(2, 3, dtype=torch.int64), torch.tensor([0, 1]), TypeError, "int64"),
        (torch.zeros(2, 3), torch.tensor([0.0, 1.0]), TypeError, "float32"),
        (torch.zeros(2, 3), torch.tensor([0]), ValueError, r"\(2, 3\) and \(1,\)"),
        (torch.zeros(3), torch.tensor(0), ValueError, r"\(3,\)"),
        (torch.zeros(2, 1), torch.tensor([0, 0]), ValueError, "got 1"),
        (torch.zeros(2, 3), torch.tensor([0, 3]), ValueError, "got 0 to 3"),
        (torch.zeros(2, 3), torch.tensor([-100, 0]), ValueError, "-100"),
    ],
)
def test_bad_input_is_named(input, target, error, said):
    with pytest.raises(error, match=said):
        lead(input, target)


def test_an_unknown_reduction_is_named():
    with pytest.raises(ValueError, match="average"):
        cross_entropy(torch.zeros(2, 3), torch.tensor([0, 1]), reduction="average")
