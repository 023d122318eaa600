"""Gradients of strided convolutions as matrix products: the library's, whoever computes them, and never in the way."""

import ast
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from small import make_trainer
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp

from saddle import nets
from saddle.layers import convolution, products
from saddle.layers.convolution import StridedConv2d, StridedConvTranspose2d
from saddle.layers.spectral import spectral_norm
from saddle.nets.dcgan import DCGAN
from saddle.runs import registry

PAIRS = {nn.Conv2d: StridedConv2d, nn.ConvTranspose2d: StridedConvTranspose2d}
KINDS = pytest.mark.parametrize("kind", PAIRS)


@pytest.fixture(autouse=True)
def faster(monkeypatch):
    """Whatever this machine's processor is, products are taken to be faster on it."""
    monkeypatch.setattr(products, "faster_in_tiles", lambda: True)
    monkeypatch.setattr(products, "faster_in_columns", lambda: True)


@pytest.fixture
def used(monkeypatch) -> list[str]:
    """The names of the products that are computed."""
    names: list[str] = []
    for name in ("weight_in_tiles", "weight_in_columns", "large_in_tiles"):
        compute = getattr(products, name)

        def noted(*args, name=name, compute=compute):
            names.append(name)
            return compute(*args)

        monkeypatch.setattr(products, name, noted)
    return names


def twins(kind: type, *shape: int, **settings: bool) -> tuple[nn.Module, nn.Module]:
    """torch's layer and ours with the same weights."""
    theirs, ours = kind(*shape, **settings), PAIRS[kind](*shape, **settings)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def inputs(kind: type, n: int = 16, wide: int = 128, other: int = 128, side: int = 8) -> Tensor:
    """Images for a layer between 128 channels on a small map and as many, or others, on a map of 8 pixels a side."""
    shape = (n, other, side, side) if kind is nn.Conv2d else (n, wide, side // 2, side // 2)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=torch.channels_last)


@KINDS
def test_maps_that_are_not_channels_last_keep_their_layout(kind, used):
    theirs, ours = twins(kind, 128, 128, 4, 2, 1)
    x = inputs(kind, n=64).contiguous()
    found = zip(gradients(ours, x), gradients(theirs, x), strict=True)
    for number, (mine, other) in enumerate(found):
        assert number > 1 or mine.stride() == other.stride()  # a weight's gradient gets the weight's when it is kept
        assert error(mine, other.double()) < 2e-6
    ours(x).sum().backward()
    assert ours.weight.grad.stride() == ours.weight.stride()
    assert "weight_in_tiles" in used


def gradients(layer: nn.Module, x: Tensor, half: bool = False) -> list[Tensor]:
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        y = layer(x)
    return [y, *torch.autograd.grad(y.float().sin().sum(), [x, *layer.parameters()])]


def error(found: Tensor, exact: Tensor) -> float:
    exact = exact.detach()
    return float((found.detach().double() - exact).norm() / exact.norm())


@pytest.mark.parametrize(
    ("n", "c", "o", "height", "width"), [(5, 64, 96, 8, 12), (70, 128, 64, 4, 4), (2, 3, 5, 16, 8)]
)
def test_in_tiles_the_gradients_are_as_exact_as_the_librarys(n, c, o, height, width, monkeypatch):
    monkeypatch.setattr(products, "PART", 1 << 16)  # several parts, the last a smaller one
    dice = torch.Generator().manual_seed(0)
    x, w = torch.randn(n, c, height, width, generator=dice), torch.randn(o, c, 4, 4, generator=dice)
    g = torch.randn(n, o, height // 2, width // 2, generator=dice)
    how = (None, [2, 2], [1, 1], [1, 1], False, [0, 0], 1, [True, True, False])
    backward = torch.ops.aten.convolution_backward
    of_x, of_w, _ = backward(g.double(), x.double(), w.double(), *how)
    theirs_x, theirs_w, _ = backward(g, x, w, *how)
    assert error(products.weight_in_tiles(x, g, 4, 1), of_w) < max(2 * error(theirs_w, of_w), 1e-6)
    assert error(products.large_in_tiles(g, w), of_x) < max(2 * error(theirs_x, of_x), 1e-6)


@KINDS
@pytest.mark.parametrize("bias", [True, False])
def test_a_strided_layer_has_torchs_values_and_gradients(kind, bias, used):
    theirs, ours = twins(kind, 128, 128, 4, 2, 1, bias=bias)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    x = inputs(kind, n=64)
    expected, found = gradients(theirs, x), gradients(ours, x)
    assert found[0].equal(expected[0])
    for mine, other in zip(found, expected, strict=True):
        assert mine.stride() == other.stride()
        assert error(mine, other.double()) < 2e-6
    assert used == ["large_in_tiles"] * (kind is nn.Conv2d) + ["weight_in_tiles"] or used == [
        "weight_in_tiles",
        "large_in_tiles",
    ]


@KINDS
@pytest.mark.parametrize("kernel", [4, 5])
def test_in_bf16_the_gradients_are_rounded_as_the_librarys_are(kind, kernel, used):
    rest = {"output_padding": 1} if kernel == 5 and kind is nn.ConvTranspose2d else {}
    theirs, ours = twins(kind, 128, 128, kernel, 2, kernel // 2 - (kernel == 4), bias=False, **rest)
    x = inputs(kind)
    exact = gradients(theirs, x.bfloat16().float())
    for mine, other, right in zip(gradients(ours, x, True), gradients(theirs, x, True), exact, strict=True):
        assert error(mine, right.double()) < 1.2 * error(other, right.double()) + 1e-4
    assert used == ["weight_in_columns"]


@KINDS
def test_gradients_that_are_differentiated_once_more_are_torchs(kind, used):
    def penalty(layer: nn.Module, x: Tensor) -> list[Tensor]:
        x = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(layer(x).sin().sum(), x, create_graph=True)
        return list(torch.autograd.grad(gradient.square().sum(), [x, *layer.parameters()]))

    theirs, ours = twins(kind, 128, 128, 4, 2, 1)
    x = inputs(kind)
    for mine, other in zip(penalty(ours, x), penalty(theirs, x), strict=True):
        assert error(mine, other.double()) < 5e-6
    assert "weight_in_tiles" in used  # of the penalty's own gradient, which nobody differentiates


@KINDS
def test_the_gradient_of_a_gradient_by_numbers(kind):
    """In fp64, where there are no products: the two nodes are the layer, to the second derivative."""
    ways = products.Products(products.weight_in_tiles)
    how = convolution._How((2, 2), (1, 1), 1, kind is nn.ConvTranspose2d, (0, 0), ways)
    dice = torch.Generator().manual_seed(0)
    side = 4 if kind is nn.Conv2d else 2
    x = torch.randn(1, 2, side, side, dtype=torch.float64, generator=dice, requires_grad=True)
    w = torch.randn(2, 2, 4, 4, dtype=torch.float64, generator=dice, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x, w: convolution._convolve(x, w, None, how).sin(), (x, w))


@KINDS
def test_a_pass_that_asks_for_one_gradient_leaves_the_other_out(kind, used):
    _, ours = twins(kind, 128, 128, 4, 2, 1)
    x = inputs(kind).requires_grad_()
    ours(x).sum().backward(inputs=[x])
    assert "weight_in_tiles" not in used
    assert ours.weight.grad is None
    ours(x.detach()).sum().backward(inputs=[ours.weight])
    assert used == ["weight_in_tiles"]


def asked(
    dtype=torch.float32, weight=(128, 64, 4, 4), small=(64, 4, 4), large=(8, 8), stride=2, padding=1, channels_last=True
):
    return products.products(dtype, weight, small, large, stride, padding, channels_last)


def test_products_are_taken_where_they_were_measured_to_be_faster(monkeypatch):
    assert asked() == products.Products(products.weight_in_tiles)
    assert asked(weight=(128, 128, 4, 4)) == products.Products(products.weight_in_tiles, products.large_in_tiles)
    assert asked(torch.bfloat16) == products.Products(products.weight_in_columns)
    assert asked(torch.bfloat16, weight=(128, 128, 5, 5), padding=2) == products.Products(products.weight_in_columns)
    few, narrow, odd = {"small": (8, 4, 4)}, {"weight": (128, 3, 4, 4)}, {"large": (9, 8)}
    for case in (few, narrow, odd, {"stride": 1}, {"padding": 2}, {"weight": (128, 64, 5, 5)}, {"dtype": torch.double}):
        assert asked(**case) is None, case
    copied = {"channels_last": False}
    for case in (copied, {"dtype": torch.bfloat16} | copied):
        assert asked(**case) is None, case
        assert asked(weight=(128, 128, 4, 4), **case), case
    assert asked(torch.bfloat16, small=(1, 16, 16))
    assert asked(torch.bfloat16, weight=(128, 128, 4, 4), small=(1, 16, 16), channels_last=False) is None
    for case in ({"small": (64, 32, 32)}, {"small": (64, 8, 8)}, narrow, {"weight": (128, 64, 3, 3)}):
        assert asked(torch.bfloat16, **case) is None, case
    monkeypatch.setattr(products, "faster_in_tiles", lambda: False)
    monkeypatch.setattr(products, "faster_in_columns", lambda: False)
    assert asked() is asked(torch.bfloat16) is None


@KINDS
def test_who_differentiates_nothing_or_compiles_meets_torchs_layer(kind, monkeypatch):
    def refuse(*args: object) -> None:
        raise AssertionError("a node of our own")

    theirs, ours = twins(kind, 128, 128, 4, 2, 1)
    x = inputs(kind)
    monkeypatch.setattr(convolution, "_convolve", refuse)
    with torch.no_grad():
        assert ours(x).equal(theirs(x))
    torch._dynamo.reset()  # compiled too often in one process, a forward would be played as it is
    compiled = torch.compile(ours, backend="aot_eager")
    for mine, other in zip(gradients(compiled, x), gradients(theirs, x), strict=True):
        assert torch.allclose(mine, other, rtol=1e-4, atol=1e-5)
    assert ours.requires_grad_(False)(x.requires_grad_()).requires_grad
    with pytest.raises(AssertionError, match="of our own"):
        ours.requires_grad_()(x)


@KINDS
def test_weights_that_are_given_or_computed_are_differentiated_too(kind, used):
    theirs, ours = twins(kind, 128, 128, 4, 2, 1)
    x = inputs(kind)
    given = {name: 2 * p.detach() for name, p in theirs.named_parameters()}
    found = []
    for layer in (theirs, deepcopy(ours)):
        weights = {name: p.clone().requires_grad_() for name, p in given.items()}
        found.append(torch.autograd.grad(functional_call(layer, weights, (x,)).sin().sum(), [*weights.values()]))
    normed = []
    for layer in (theirs, ours):
        torch.manual_seed(0)
        normed.append(gradients(spectral_norm(layer), x)[1:])
    for mine, other in [*zip(*found, strict=True), *zip(*normed, strict=True)]:
        assert error(other, mine.double()) < 5e-6
    assert used.count("weight_in_tiles") == 2


@KINDS
def test_one_image_and_torch_func_meet_torchs_layer(kind):
    theirs, ours = twins(kind, 128, 128, 4, 2, 1)
    x = inputs(kind)
    assert ours(x[0]).equal(theirs(x[0]))
    weights = dict(theirs.named_parameters())
    found = [grad(lambda w, of=of: functional_call(of, w, (x,)).sin().sum())(weights) for of in (ours, theirs)]
    assert all(value.equal(found[1][name]) for name, value in found[0].items())
    assert jvp(ours, (x,), (x,))[1].equal(jvp(theirs, (x,), (x,))[1])


def dcgan(width: int = 64):
    return registry.load("dcgan").Options(network=DCGAN(width=width))


def played(rounds: int, state=None):
    trainer = make_trainer("dcgan", dcgan(), batch=16)
    trainer.rounds = 4
    if state:
        trainer.load_state(state)
    while trainer.round < rounds:
        trainer.play_round()
    return trainer


def test_a_game_plays_the_same_round_and_a_resumed_run_is_the_run_to_the_bit(monkeypatch, used):
    whole, half = played(2), played(1)
    losses, moments = half.losses, half.state(copy=True).tensors["optimizers"]
    assert "weight_in_tiles" in used
    resumed = played(2, half.state())
    for name, value in whole.game.state_dict().items():
        assert value.equal(resumed.game.state_dict()[name]), name
    monkeypatch.setattr(products, "faster_in_tiles", lambda: False)
    library = played(1)
    for term, loss in library.losses.items():
        assert torch.isclose(losses[term], loss, rtol=1e-4), term
    others = library.state().tensors["optimizers"]
    assert others.keys() == moments.keys()
    for name, mine in moments.items():
        assert error(mine, others[name].double()) < 1e-3, name


def test_no_network_halves_or_doubles_with_a_layer_that_knows_no_products():
    """Read from the code: torch's own layers are called with kernels of 4 or 5 and a stride of 2 nowhere."""
    places = []
    for path in sorted(Path(nets.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            called = isinstance(node, ast.Call) and ast.unparse(node.func) in ("nn.Conv2d", "nn.ConvTranspose2d")
            if called and [ast.unparse(arg) for arg in node.args[2:4]] in (["4", "2"], ["5", "2"]):
                places.append(f"{path.name}: {node.lineno}")
    assert places == []
