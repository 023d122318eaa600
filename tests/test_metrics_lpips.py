"""LPIPS: by hand, beside torch's own layers, from files in the user's hands; files that do not fit are refused."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from saddle.base.errors import SaddleError, UsageError
from saddle.metrics.lpips import FILES, MEAN, STD, Lpips

WIDTHS = (4, 6, 5, 3, 2)  # of AlexNet's layers: 64, 192, 384, 256, 256


def alexnet(*widths: int) -> nn.Sequential:
    """torchvision's `alexnet().features`, narrower."""
    a, b, c, d, e = widths or WIDTHS
    sizes = [(3, a, 11, 4, 2), (a, b, 5, 1, 2), (b, c, 3, 1, 1), (c, d, 3, 1, 1), (d, e, 3, 1, 1)]
    one, two, *rest = (nn.Sequential(nn.Conv2d(*size), nn.ReLU()) for size in sizes)
    return nn.Sequential(*one, nn.MaxPool2d(3, 2), *two, nn.MaxPool2d(3, 2), *(x for each in rest for x in each))


def vgg16() -> nn.Sequential:
    """torchvision's `vgg16().features`, two channels a layer."""
    layers: list[nn.Module] = []
    for width in (3, 2, 0, 2, 2, 0, 2, 2, 2, 0, 2, 2, 2, 0, 2, 2, 2):
        layers += [nn.MaxPool2d(2, 2)] if not width else [nn.Conv2d(width, 2, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)


def written(folder: Path, network: nn.Sequential, *linear: list[float]) -> list[Path]:
    """The two files, as torchvision and the authors of LPIPS write them."""
    state = {f"features.{name}": value for name, value in network.state_dict().items()}
    torch.save(state | {"classifier.1.weight": torch.zeros(2, 2)}, folder / "network.pth")
    lin = {f"lin{k}.model.1.weight": torch.tensor(values).view(1, -1, 1, 1) for k, values in enumerate(linear)}
    torch.save(lin, folder / "linear.pth")
    return [folder / "linear.pth", folder / "network.pth"]


def beside_torch(
    network: nn.Sequential, heard: tuple[int, ...], linear: list[list[float]], x: Tensor, y: Tensor
) -> Tensor:
    """The same from whole layers."""
    total, ready = 0, [(z - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None] for z in (x, y)]
    for at, weights in zip(heard, linear, strict=True):
        a, b = (normalize(network[: at + 1](z), dim=1) for z in ready)
        total = total + ((a - b).square() * torch.tensor(weights).view(-1, 1, 1)).sum(1).mean((1, 2))
    return total.detach()


@pytest.mark.parametrize("kind", ["alexnet", "vgg16"])
def test_it_is_what_torchs_own_layers_give(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, heard = (alexnet(), (1, 4, 7, 9, 11)) if kind == "alexnet" else (vgg16(), (3, 8, 15, 22, 29))
    linear = [torch.rand(n).tolist() for n in (WIDTHS if kind == "alexnet" else (2,) * 5)]
    lpips, others = Lpips.load(written(tmp_path, network, *linear))
    x = torch.rand(2, 3, 48, 40) * 2 - 1
    y = (x + 0.3 * torch.randn(x.shape)).clamp(-1, 1)
    assert (lpips.layout.name, others) == (kind, [])
    assert lpips(x, y).tolist() == pytest.approx(beside_torch(network, heard, linear, x, y).tolist(), rel=1e-4)
    assert lpips(x, x).tolist() == [0, 0]
    grey = x[:, :1]
    assert (
        lpips(grey, grey * 0.5).tolist() == lpips(grey.expand(-1, 3, -1, -1), grey.expand(-1, 3, -1, -1) / 2).tolist()
    )


def test_of_black_and_white_it_is_the_sum_of_the_weights_by_hand(tmp_path: Path) -> None:
    network = alexnet()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network[0].weight[0, 0, 5, 5] = 1  # seen where red is bright
        network[0].weight[1, 0, 5, 5] = -1  # where it is dark
    linear = [[0.25, 0.5, 7, 7], *([0.0] * n for n in WIDTHS[1:])]
    lpips, _ = Lpips.load(written(tmp_path, network, *linear))
    white, black = torch.ones(1, 3, 32, 32), -torch.ones(1, 3, 32, 32)
    assert lpips(white, black).item() == pytest.approx(0.75)  # two vectors of length 1, at a right angle


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    linear, network = written(tmp_path, alexnet(), *([0.1] * n for n in WIDTHS))
    with pytest.raises(UsageError, match="two weight files"):
        Lpips.load([network])
    with pytest.raises(UsageError, match=r"no weight file at .*nowhere\.pth"):
        Lpips.load([network, tmp_path / "nowhere.pth"])
    (tmp_path / "other").mkdir()
    narrow, _ = written(tmp_path / "other", alexnet(), *([0.1] * 3 for _ in WIDTHS))
    with pytest.raises(SaddleError, match="is for another network"):
        Lpips.load([narrow, network])
    torch.save({"features.0.weight": torch.zeros(4, 3, 3, 3)}, tmp_path / "third.pth")
    with pytest.raises(SaddleError, match="neither AlexNet nor VGG16"):
        Lpips.load([linear, tmp_path / "third.pth"])
    torch.save({"features.0.weight": "text"}, tmp_path / "fourth.pth")
    with pytest.raises(SaddleError, match=r"holds under 'features\.0\.weight' no weights"):
        Lpips.load([linear, tmp_path / "fourth.pth"])
    (tmp_path / "broken.pth").write_bytes(b"PK\x03\x04")
    with pytest.raises(SaddleError, match="is not a file of weights alone"):
        Lpips.load([linear, tmp_path / "broken.pth"])
    torch.save({"lin0.model.1.weight": torch.zeros(1, 4, 1, 1)}, tmp_path / "few.pth")
    with pytest.raises(SaddleError, match="five layers"):
        Lpips.load([tmp_path / "few.pth", network])
    assert "alex.pth" in FILES


def test_small_images_and_other_channels_are_refused(tmp_path: Path) -> None:
    lpips, rest = Lpips.load(written(tmp_path, alexnet(), *([0.1] * n for n in WIDTHS)))
    assert rest == []
    assert lpips(torch.zeros(1, 1, 31, 31), torch.ones(1, 1, 31, 31)).isfinite().all()
    for shape in ((1, 3, 30, 64), (1, 2, 64, 64)):
        with pytest.raises(UsageError, match="of grey or colour images of 31 pixels or more"):
            lpips(torch.zeros(shape), torch.zeros(shape))
