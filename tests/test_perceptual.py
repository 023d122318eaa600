"""Perceptual losses: which network compares images, what is refused, and what a run remembers of it."""

import re
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from map_folders import photo, save, scene
from playing import images
from safetensors.torch import save_file
from seeding import seed_all
from torch import Tensor

import saddle
from saddle.base.errors import UsageError
from saddle.base.kinds import choices
from saddle.base.settings import change, plain, restore
from saddle.games._perceived import Perceived
from saddle.metrics.score import Score, rank
from saddle.nets.pretext import Pretext
from saddle.nets.vgg import VGG, places, random_weights, shapes, smallest
from saddle.perceptual import FIVE, VGG19, Perceptual, RandomVGG19, SelfSupervised
from saddle.runs.run import Run
from saddle.spec import Field

PHOTOS = Field("image", (3, 16, 16))


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """A file of torchvision's format, of a network as thin as can be; it has the classifier's weights too."""
    path = tmp_path_factory.mktemp("weights") / "vgg19.pth"
    torch.save(random_weights(7, width=1) | {"classifier.0.weight": torch.zeros(2, 3)}, path)
    return path


def thin(file: Path | str, **settings) -> VGG19:
    return VGG19(**{"file": str(file), "width": 1} | settings)


def test_the_convolutions_have_the_published_counts():
    counts = {depth: sum(torch.Size(shape).numel() for shape in shapes(depth).values()) for depth in (16, 19)}
    assert counts == {16: 14_714_688, 19: 20_024_384}
    assert (len(shapes(16)), len(shapes(19))) == (26, 32)


def test_layers_stand_where_torchvision_has_them():
    at = places(19)
    expected = {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu3_4": 17, "relu4_1": 20, "relu5_1": 29}
    assert {name: at[name] for name in expected} == expected
    assert (at["conv5_4"], at["relu5_4"], at["pool5"]) == (34, 35, 36)
    assert [places(16)[name] for name in ("conv1_1", "relu4_3", "relu5_3", "pool5")] == [0, 22, 29, 30]
    assert [smallest([layer]) for layer in ("relu1_1", "relu3_4", "relu5_1", "pool5")] == [1, 4, 16, 32]


def test_five_layers_are_weighed_as_in_pix2pix_hd():
    setting = VGG19()
    assert dict(zip(setting.layers, setting.weights, strict=True)) == {
        "relu1_1": 1 / 32,
        "relu2_1": 1 / 16,
        "relu3_1": 1 / 8,
        "relu4_1": 1 / 4,
        "relu5_1": 1.0,
    }
    assert (setting.distance, setting.normalise, setting.width) == ("l1", False, 64)


def reference(weights: dict[str, Tensor], x: Tensor) -> dict[str, Tensor]:
    """VGG19's layers one after another, as torchvision lists them."""
    found = {}
    for name, place in places().items():
        if name.startswith("conv"):
            x = torch.nn.functional.conv2d(
                x, weights[f"features.{place}.weight"], weights[f"features.{place}.bias"], 1, 1
            )
        else:
            if name == "pool5":
                break
            x = x.clamp(min=0) if name.startswith("relu") else torch.nn.functional.max_pool2d(x, 2, 2)
        found[name] = x
    return found


def test_the_distance_is_the_weighted_sum_of_mean_differences(file):
    made, real = images(2, 3, 16, 16), images(2, 3, 16, 16).flip(0)
    weights = random_weights(7, width=1)
    one, other = reference(weights, made), reference(weights, real)
    expected = sum(w * (one[n] - other[n]).abs().mean() for n, w in zip(FIVE, VGG19().weights, strict=True))
    distance = thin(file).build(PHOTOS)
    assert torch.allclose(distance(made, real), expected, rtol=1e-5)
    assert float(distance(real, real)) == 0
    squares = thin(file, layers=("conv5_4", "relu5_4"), weights=(1.0, 2.0), distance="l2").build(PHOTOS)
    expected = sum(w * (one[n] - other[n]).square().mean() for n, w in (("conv5_4", 1), ("relu5_4", 2)))
    assert torch.allclose(squares(made, real), expected, rtol=1e-5)


def test_features_before_and_after_the_activation_differ(file):
    """SRGAN compares after it, ESRGAN before."""
    x = images(1, 3, 32, 32)
    network = VGG(["conv5_4", "relu5_4"])
    network.put(random_weights(3, width=2), x)
    before, after = network(x)
    assert (before < 0).any()
    assert torch.equal(before.clamp(min=0), after)


def test_images_are_normalised_only_where_it_is_asked_for(file):
    """pix2pixHD and SPADE feed [-1, 1]; BasicSR ImageNet's mean and deviation."""
    made, real = images(1, 3, 16, 16), -images(1, 3, 16, 16)

    def ready(x: Tensor) -> Tensor:
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        return ((x + 1) / 2 - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)

    as_it_is, normal = (thin(file, normalise=yes).build(PHOTOS) for yes in (False, True))
    assert torch.allclose(normal(made, real), as_it_is(ready(made), ready(real)))
    assert not torch.allclose(normal(made, real), as_it_is(made, real))


def test_only_what_was_made_gets_a_gradient_and_no_weight_is_trained(file):
    made, real = images(1, 3, 16, 16).requires_grad_(), images(1, 3, 16, 16).flip(3).requires_grad_()
    distance = thin(file).build(PHOTOS)
    distance(made, real).backward()
    assert made.grad.any()
    assert real.grad is None
    assert list(distance.parameters()) == []


def test_a_grey_image_is_compared_as_a_coloured_one(file):
    made, real = images(1, 1, 16, 16), -images(1, 1, 16, 16)
    grey, coloured = (thin(file).build(Field("image", (n, 16, 16))) for n in (1, 3))
    assert torch.equal(grey(made, real), coloured(made.repeat(1, 3, 1, 1), real.repeat(1, 3, 1, 1)))


def test_a_file_is_told_by_its_sha256_and_lies_in_no_checkpoint(file):
    distance = thin(file).build(PHOTOS)
    distance.prepare(torch.zeros(1))
    digest = sha256(file.read_bytes()).hexdigest()
    assert distance.told == f"VGG19 of SHA-256 {digest}"
    assert [*distance.state_dict()] == ["_extra_state"]
    without_the_file = thin("gone.pth").build(PHOTOS)  # a run on another machine is opened, to be used or scored
    without_the_file.load_state_dict(distance.state_dict())
    assert without_the_file.told == distance.told


def test_a_run_takes_no_other_file_than_the_one_it_began_with(file, tmp_path):
    other = tmp_path / "other.pth"
    torch.save(random_weights(8, width=1), other)
    began, goes_on = thin(file).build(PHOTOS), thin(other).build(PHOTOS)
    for distance in (began, goes_on):
        distance.prepare(torch.zeros(1))
    with pytest.raises(UsageError, match="this run began with VGG19 of SHA-256"):
        goes_on.load_state_dict(began.state_dict())
    later = thin(other).build(PHOTOS)
    later.load_state_dict(began.state_dict())
    with pytest.raises(UsageError, match="bring that file back, or train in another run folder"):
        later.prepare(torch.zeros(1))


def test_safetensors_are_read_too(file, tmp_path):
    path = tmp_path / "vgg19.safetensors"
    save_file(random_weights(7, width=1), path)
    made, real = images(1, 3, 16, 16), -images(1, 3, 16, 16)
    assert torch.equal(thin(path).build(PHOTOS)(made, real), thin(file).build(PHOTOS)(made, real))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda w: w.pop("features.28.weight"),
            r"features\.28\.weight has the shape \[8, 8, 3, 3\], and there it is missing",
        ),
        (
            lambda w: w.update({"features.0.bias": torch.zeros(3)}),
            r"features\.0\.bias has the shape \[1\].*its shape is \[3\]",
        ),
        (
            lambda w: w["features.5.weight"].fill_(float("nan")),
            r"features\.5\.weight holds numbers that are not finite",
        ),
        (lambda w: w.update({"epoch": 3}), "holds under 'epoch' no weights"),
    ],
)
def test_a_wrong_file_is_refused_with_the_tensor(change, said, tmp_path):
    weights = random_weights(1, width=1)
    change(weights)
    torch.save(weights, tmp_path / "wrong.pth")
    with pytest.raises(UsageError, match=said):
        thin(tmp_path / "wrong.pth").build(PHOTOS).prepare(torch.zeros(1))


def test_a_missing_file_a_broken_one_and_one_of_other_widths_are_refused(file, tmp_path):
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    for path, said in ((tmp_path / "none.pth", "no weight file"), (tmp_path / "broken.safetensors", "damaged")):
        with pytest.raises(UsageError, match=rf"{said}.*vgg19-dcbb9e9d\.pth|{re.escape(str(path))}.*{said}"):
            thin(path).build(PHOTOS).prepare(torch.zeros(1))
    with pytest.raises(UsageError, match=r"features\.0\.weight has the shape \[64, 3, 3, 3\].*\[1, 3, 3, 3\]"):
        VGG19(file=str(file)).build(PHOTOS).prepare(torch.zeros(1))
    with pytest.raises(UsageError, match=r"VGG19 wants a file of weights: --game\.perceptual\.file FILE"):
        VGG19().build(PHOTOS)


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(UsageError, match=r"VGG19 has no layer 'relu6_1'"):
        VGG19(layers=("relu6_1",), weights=(1.0,))
    with pytest.raises(UsageError, match="different ones with a weight for each"):
        VGG19(layers=("relu1_1",))
    with pytest.raises(UsageError, match="grey or colour images of 16 pixels or more"):
        RandomVGG19().build(Field("image", (3, 8, 8)))
    with pytest.raises(UsageError, match="images of shape"):
        RandomVGG19().build(Field("image", (4, 32, 32)))
    with pytest.raises(UsageError, match="images of 12 pixels or more"):
        SelfSupervised().build(Field("image", (3, 8, 8)))
    with pytest.raises(UsageError, match="rounds is at least 1, not 0"):
        SelfSupervised(rounds=0)


def test_a_setting_is_chosen_by_name_and_is_written_and_read_again():
    assert {"VGG19", "RandomVGG19", "SelfSupervised"} == {
        name for name, kind in choices(Perceptual).items() if kind.__module__.startswith("saddle.")
    }
    options = change(
        Perceived.Options(),
        {"perceptual": "VGG19", "perceptual.file": "v.pth", "perceptual.layers": "conv5_4", "perceptual.weights": "1"},
    )
    assert options.perceptual == VGG19(file="v.pth", layers=("conv5_4",), weights=(1.0,))
    assert restore(Perceived.Options, plain(options)) == options
    assert change(options, {"perceptual": "none"}).perceptual is None


def test_random_weights_follow_from_their_seed_and_say_what_they_are():
    made, real = images(1, 3, 16, 16), -images(1, 3, 16, 16)
    one, same, other = (RandomVGG19(seed=seed, width=2).build(PHOTOS) for seed in (1, 1, 2))
    assert torch.equal(one(made, real), same(made, real))
    assert not torch.equal(one(made, real), other(made, real))
    assert one.told == "VGG19 with random weights of seed 1"
    assert float(random_weights(0, width=8)["features.10.weight"].std()) == pytest.approx(
        (2 / (16 * 9)) ** 0.5, rel=0.1
    )


def pretext(channels: int = 3) -> Pretext:
    torch.manual_seed(0)
    return Pretext(channels, 8)


def test_a_network_teaches_itself_how_images_are_turned_and_laid_out():
    """Images that are bright above and red at the left tell both; noise tells nothing."""
    seed_all(0)
    network = pretext()
    optim = torch.optim.Adam(network.parameters(), 3e-3)
    ramp = torch.linspace(-1, 1, 24)
    image = torch.stack([ramp[:, None].expand(24, 24), ramp.expand(24, 24), torch.zeros(24, 24)])
    batch = image.repeat(16, 1, 1, 1) + 0.05 * images(16, 3, 24, 24)
    for _ in range(120):
        lessons = network.lessons(batch)
        sum(lesson.loss for lesson in lessons.values()).backward()
        optim.step()
        optim.zero_grad()
    assert [float(lesson.right) > 0.8 for lesson in lessons.values()] == [True, True]


def test_own_features_look_at_no_other_image_and_keep_their_size():
    network, x = pretext(), images(3, 3, 24, 24)
    alone, together = network(x[1:2]), network(x)
    for one, all_ in zip(alone, together, strict=True):
        assert torch.allclose(one, all_[1:2], atol=1e-5)
        assert torch.allclose(one.square().mean(1), torch.ones(1), atol=1e-3) or (one == 0).any()
    assert [x.shape[-1] for x in together] == [24, 12, 6, 3]


@pytest.mark.parametrize("shape", [(3, 12, 12), (1, 17, 30), (4, 64, 64)])
def test_own_features_are_learned_of_images_of_any_channels_and_shape(shape):
    seed_all(0)
    lessons = pretext(shape[0]).lessons(images(5, *shape))
    assert {*lessons} == {"rotation", "position"}
    assert all(torch.isfinite(lesson.loss) for lesson in lessons.values())


def test_scores_say_what_a_run_was_trained_against_and_still_compare():
    one = Score("ssim", 0.5, 0.01, "higher", {"seed": 0, "trained_against": "VGG19 of SHA-256 …"})
    other = Score("ssim", 0.6, 0.01, "higher", {"seed": 0})
    assert [score for place in rank([one, other]) for score in place] == [other, one]


@pytest.fixture(scope="module")
def town(tmp_path_factory) -> Path:
    """Five label maps with photographs, two of them held out."""
    folder = tmp_path_factory.mktemp("town")
    for i in range(5):
        part = "train" if i < 3 else "val"
        save(folder / f"{part}_label/{i}.png", scene(i, 16, 16))
        save(folder / f"{part}_img/{i}.png", photo(scene(i, 16, 16), i))
    return folder


def trained(folder: Path, town: Path, rounds: int = 1, **network: object) -> Run:
    tiny = {"game.width": 2, "game.hidden": 4, "game.discriminator_width": 2, "plan.batch": 2, "plan.precision": "fp32"}
    once = {"plan.scores": 0, "plan.samples": 64, "plan.pictures": 0, "data.cache": str(town.parent / "cache")}
    settings = tiny | once | {f"game.perceptual{name}": value for name, value in network.items()}
    return saddle.train("spade", f"maps:{town}", folder, rounds=rounds, settings=settings, device="cpu", quiet=True)


def test_a_run_remembers_what_it_was_trained_against_and_is_used_without_it(file, town, tmp_path):
    mine, told = tmp_path / "mine.pth", f"VGG19 of SHA-256 {sha256(file.read_bytes()).hexdigest()}"
    mine.write_bytes(file.read_bytes())
    go_on = partial(trained, tmp_path / "run", town, **{"": "VGG19", ".file": str(mine), ".width": 1})
    run = go_on()
    assert run.state.facts["trained_against"] == run.info()["trained_against"] == told
    mine.unlink()
    alone = Run(tmp_path / "run", device="cpu")
    assert alone.info()["trained_against"] == told
    scores = alone.evaluate(["psnr"], n=2)
    assert scores["psnr"].fingerprint["trained_against"] == told
    assert alone.translate(torch.zeros(1, 16, 16, dtype=torch.int64)).shape == (1, 3, 16, 16)
    with pytest.raises(UsageError, match=r"no weight file at .*mine\.pth"):
        go_on(rounds=2)
    torch.save(random_weights(9, width=1), mine)
    with pytest.raises(UsageError, match="this run began with VGG19 of SHA-256"):
        go_on(rounds=2)
    mine.write_bytes(file.read_bytes())
    assert go_on(rounds=2).round == 2


def test_a_run_that_compares_in_no_other_network_says_nothing(town, tmp_path):
    run = trained(tmp_path / "run", town)
    assert "trained_against" not in run.info() | run.state.facts
    assert "trained_against" not in run.evaluate(["psnr"], n=2)["psnr"].fingerprint
