"""Extractors: the digit classifier knows its held-out digits, Inception takes the published file and no other."""

from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional as F

from saddle.base.errors import SaddleError, UsageError
from saddle.metrics import extractor
from saddle.metrics.digits import WEIGHTS, triples
from saddle.metrics.inception import Inception


@pytest.fixture(scope="module")
def heldout() -> tuple[Tensor, Tensor]:
    data = load_digits()
    small = torch.tensor(data.images[1300:], dtype=torch.float32).unsqueeze(1) / 8 - 1
    return F.interpolate(small, size=(32, 32), mode="bilinear"), torch.tensor(data.target[1300:])


def share_right(images: Tensor, labels: Tensor) -> float:
    logits = extractor("digits")(images).logits
    assert logits is not None
    return float((logits.argmax(1) == labels).double().mean())


def test_the_digit_classifier_names_97_percent_of_digits_it_never_saw(heldout: tuple[Tensor, Tensor]) -> None:
    images, labels = heldout
    assert len(labels) == 497
    assert share_right(images, labels) >= 0.97


@pytest.mark.parametrize("size", [8, 16, 28, 64])
def test_the_digit_classifier_reads_digits_of_another_size(heldout: tuple[Tensor, Tensor], size: int) -> None:
    images, labels = heldout
    assert share_right(F.interpolate(images, size=(size, size), mode="bilinear", antialias=True), labels) >= 0.95


def test_colour_is_averaged_by_the_digit_classifier(heldout: tuple[Tensor, Tensor]) -> None:
    images = heldout[0][:20]
    look = extractor("digits", coloured=True)
    torch.testing.assert_close(look(images.expand(-1, 3, -1, -1)).features, look(images).features, atol=1e-4, rtol=1e-4)


def test_the_digit_features_are_64_and_not_negative(heldout: tuple[Tensor, Tensor]) -> None:
    seen = extractor("digits")(heldout[0][:30])
    assert seen.features.shape == (30, 64)
    assert float(seen.features.min()) >= 0
    assert seen.logits is not None
    assert seen.logits.shape == (30, 10)


def test_the_weights_in_the_package_are_small_and_say_where_they_come_from() -> None:
    assert WEIGHTS.stat().st_size < 300_000
    with safe_open(WEIGHTS, "pt") as file:
        assert float(file.metadata()["held_out_accuracy"]) >= 0.97


def test_features_do_not_depend_on_the_chunk(heldout: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    look = extractor("digits")
    whole = look(heldout[0][:50]).features
    monkeypatch.setattr(type(look), "chunk", 7)
    torch.testing.assert_close(look(heldout[0][:50]).features, whole, atol=1e-5, rtol=1e-5)


def test_values_beyond_the_range_are_refused_and_nan_is_named(heldout: tuple[Tensor, Tensor]) -> None:
    look, images = extractor("digits"), heldout[0][:10].clone()
    look(images.clamp(max=1 + 1e-6))
    with pytest.raises(UsageError, match=r"hold values from -1 to 5, and images lie in \[-1, 1\]"):
        look(torch.where(images > 0.9, 5.0, images))
    images[3, 0, 0, 0] = torch.nan
    with pytest.raises(SaddleError, match="1 of 10 images hold NaN"):
        look(images)


def test_whole_numbers_are_refused() -> None:
    with pytest.raises(UsageError, match=r"not from torch.uint8"):
        extractor("digits")(torch.zeros(2, 1, 32, 32, dtype=torch.uint8))


def test_points_are_for_pixels_and_not_for_digits() -> None:
    points = torch.tensor([[4.0, -4.0]])
    assert torch.equal(extractor("pixels")(points).features, points)
    with pytest.raises(UsageError, match="looks at images"):
        extractor("digits")(points)


def test_pixels_shrink_to_sixteen_and_no_further() -> None:
    look = extractor("pixels")
    assert look(torch.zeros(2, 3, 64, 32)).features.shape == (2, 3 * 16 * 16)
    small = torch.rand(2, 1, 8, 8)
    assert torch.equal(look(small).features, small.flatten(1))


def test_an_unknown_extractor_names_the_near_one() -> None:
    with pytest.raises(UsageError, match=r"no feature extractor 'digit' \(did you mean digits\?\); there are digits, "):
        extractor("digit")


def test_a_weight_file_for_an_extractor_that_reads_none_is_refused() -> None:
    with pytest.raises(UsageError, match="only 'inception' does"):
        extractor("digits", weights="x.pth")


def test_the_hash_changes_with_a_weight_and_with_nothing_else() -> None:
    one, other = extractor("digits"), extractor("digits")
    assert one.hash == other.hash != extractor("pixels").hash
    next(other.parameters()).data.flatten()[0] += 1e-3
    assert one.hash != other.hash


def test_the_triple_of_a_stacked_image_is_its_three_digits(heldout: tuple[Tensor, Tensor]) -> None:
    images, labels = heldout
    a, b, c = range(0, 100), range(100, 200), range(200, 300)
    stacked = torch.cat([images[a], images[b], images[c]], 1)
    expected = 100 * labels[a] + 10 * labels[b] + labels[c]
    assert float((triples(extractor("digits"), stacked) == expected).double().mean()) > 0.9


@pytest.fixture(scope="module")
def weight_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in the published format, with numbers of its own."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save({key: value for key, value in Inception().state_dict().items() if "num_batches" not in key}, path)
    return path


def test_inception_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in Inception(classes=1000).parameters()) == 23_834_568
        assert sum(p.numel() for p in Inception().parameters()) == 23_834_568 + 8 * 2049


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("Conv2d_1a_3x3.conv.weight", (32, 3, 3, 3)),
        ("Mixed_5b.branch5x5_2.conv.weight", (64, 48, 5, 5)),
        ("Mixed_5d.branch_pool.bn.running_var", (64,)),
        ("Mixed_6a.branch3x3.conv.weight", (384, 288, 3, 3)),
        ("Mixed_6c.branch7x7dbl_5.conv.weight", (192, 160, 1, 7)),
        ("Mixed_6e.branch7x7_3.conv.weight", (192, 192, 7, 1)),
        ("Mixed_7a.branch7x7x3_4.conv.weight", (192, 192, 3, 3)),
        ("Mixed_7c.branch3x3dbl_3b.conv.weight", (384, 384, 3, 1)),
        ("fc.weight", (1008, 2048)),
    ],
)
def test_inception_has_the_names_and_shapes_of_the_published_file(key: str, shape: tuple[int, ...]) -> None:
    with torch.device("meta"):
        assert Inception().state_dict()[key].shape == shape


def test_inception_sees_2048_features_and_1008_logits_in_grey_as_in_colour(weight_file: Path) -> None:
    look = Inception.load(weight_file, expect_sha256=None).eval()
    grey = torch.rand(1, 1, 20, 30) * 2 - 1
    seen = look(grey)
    assert seen.features.shape == (1, 2048)
    assert seen.logits is not None
    assert seen.logits.shape == (1, 1008)
    torch.testing.assert_close(look(grey.expand(-1, 3, -1, -1)).features, seen.features)
    with pytest.raises(UsageError, match=r"not at \(2, 8, 8\)"):
        look(torch.zeros(1, 2, 8, 8))


def test_inceptions_averages_leave_the_padding_out_and_its_last_block_takes_a_maximum() -> None:
    with torch.device("meta"):
        net = Inception()
    ones = torch.ones(1, 1, 3, 3)
    seen = {}
    for name in ("Mixed_5b", "Mixed_7b", "Mixed_7c"):
        block = net.get_submodule(name)
        block.branch_pool = torch.nn.Identity()
        seen[name] = block._pooled(torch.eye(3).view(1, 1, 3, 3)), block._pooled(ones)  # type: ignore[operator]
    assert all(torch.equal(flat, ones) for _, flat in seen.values())
    assert [float(eye[0, 0, 1, 1]) for eye, _ in seen.values()] == pytest.approx([1 / 3, 1 / 3, 1])


def test_another_file_than_the_published_one_is_refused(weight_file: Path) -> None:
    begins = sha256(weight_file.read_bytes()).hexdigest()[:8]
    with pytest.raises(SaddleError, match=f"SHA-256 is {begins}.* 6726825d0af5f729.*github.com/mseitzer"):
        extractor("inception", weight_file)
    assert Inception.load(weight_file, expect_sha256=begins).fc.out_features == 1008


def test_a_missing_weight_file_is_named() -> None:
    fetch = r"pt_inception-2015-12-05-6726825d\.pth: fetch https://github\.com/\S+, whose SHA-256 is 6726825d0a"
    with pytest.raises(UsageError, match=fetch):
        extractor("inception")
    with pytest.raises(UsageError, match=r"no Inception weight file at /nowhere\.pth"):
        extractor("inception", "/nowhere.pth")


def test_a_file_of_other_weights_is_refused_by_what_differs(tmp_path: Path, weight_file: Path) -> None:
    state = torch.load(weight_file, weights_only=True)
    cases = {
        "lacks fc.bias": {key: value for key, value in state.items() if key != "fc.bias"},
        "also holds AuxLogits.fc.bias": {**state, "AuxLogits.fc.bias": torch.zeros(1)},
        "has another shape of fc.weight": {**state, "fc.weight": torch.zeros(1000, 2048)},
    }
    for reason, weights in cases.items():
        torch.save(weights, tmp_path / "other.pth")
        with pytest.raises(SaddleError, match=reason):
            Inception.load(tmp_path / "other.pth", expect_sha256=None)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"PK\x03\x04 broken"])
def test_a_file_that_is_no_weight_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "page.pth").write_bytes(content)
    with pytest.raises(SaddleError, match="not a file of weights alone"):
        Inception.load(tmp_path / "page.pth", expect_sha256=None)


def test_a_pickle_that_would_run_code_is_not_run(tmp_path: Path) -> None:
    torch.save({"fc.weight": Trap(str(tmp_path / "sprung"))}, tmp_path / "trap.pth")
    with pytest.raises(SaddleError, match="not a file of weights"):
        Inception.load(tmp_path / "trap.pth", expect_sha256=None)
    assert not (tmp_path / "sprung").exists()


class Trap:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.mkdir, (self.path,)


@pytest.mark.parametrize("name", ["digits", "pixels"])
def test_an_extractor_takes_none_of_the_callers_random_numbers(name: str) -> None:
    before = torch.get_rng_state()
    extractor(name)
    assert torch.equal(torch.get_rng_state(), before)
