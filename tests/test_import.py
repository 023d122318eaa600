"""Weights of others become a run, by command and in Python; what does not fit is refused, with a list."""

import json
import math
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_networks import BigGAN, Unet
from foreign_stylegan2 import StyleGAN2, as_nvidia_pickles
from importing import NEAR, apart, cyclegan, imported, pretrained, saved
from safetensors.torch import save_file
from torch import Tensor, nn

import saddle
from saddle import cli
from saddle.base.errors import SaddleError, UsageError
from saddle.foreign import adopt, kinds
from saddle.layers.init import orthogonal, replaced


def refused(file: Path, kind: str, folder: Path, says: str, **how: Any) -> str:
    with pytest.raises(SaddleError, match=says) as error:
        adopt(file, kind, folder / "out", **how)
    assert not (folder / "out").exists()
    assert not list(folder.glob(".out*"))
    return str(error.value)


Spoil = Callable[[dict[str, Tensor]], Any]
WRONG: dict[str, tuple[str, Spoil, str]] = {
    "a tensor is missing": ("cyclegan", lambda s: s.pop("model.4.bias"), r"missing: .*a_to_b\.4\.bias"),
    "a tensor is left over": ("cyclegan", lambda s: s.update(more=torch.zeros(1)), "left over: more"),
    "a shape differs": (
        "cyclegan",
        lambda s: s.update({"model.4.bias": torch.zeros(3)}),
        "another shape: model.4.bias 3",
    ),
    "a number is NaN": ("cyclegan", lambda s: s["model.4.bias"].fill_(math.nan), "not finite: model.4.bias"),
    "edges of zeros": ("cyclegan", lambda s: s.update({"model.10.conv_block.0.weight": s["model.4.bias"]}), "zeros"),
    "batch norm": ("cyclegan", lambda s: s.update({"model.2.weight": torch.ones(4)}), "pix2pix"),
    "of something else": ("cyclegan", lambda s: s.clear(), "of something else"),
    "a U-Net without a level": (
        "pix2pix",
        lambda s: [s.pop(k) for k in [*s] if k.startswith("model.model.1.model.3.model.3.model.5")],
        "missing: model.model.1.model.3.model.3.model.5",
    ),
    "a block is missing": (
        "biggan",
        lambda s: [s.pop(k) for k in [*s] if k.startswith("blocks.0.0.conv1")],
        "no blocks",
    ),
    "no statistics": ("biggan", lambda s: s.pop("blocks.0.0.bn1.stored_var"), "missing: blocks.0.0.bn1.stored_var"),
    "sums of statistics": (
        "biggan",
        lambda s: s.update({"blocks.0.0.bn1.bn.accumulation_counter": torch.ones(1)}),
        "sums over batches",
    ),
    "z is not divided": (
        "biggan",
        lambda s: s.update({"linear.weight": torch.zeros(512, 9)}),
        "not divided among the layers",
    ),
    "deep, of unknown order": (
        "biggan",
        lambda s: s.update({"blocks.0.0.conv3.weight": torch.ones(1)}),
        "either order",
    ),
    "two attentions": (
        "biggan",
        lambda s: s.update({"blocks.1.1.theta.weight": torch.ones(1)}),
        "maps of 2 sizes attend",
    ),
    "no singular vector": (
        "biggan-deep",
        lambda s: s.pop("generator.conv_to_rgb.weight_v"),
        "missing: generator.conv_to_rgb.weight_v",
    ),
    "a set too few": (
        "biggan-deep",
        lambda s: s.update({"generator.layers.0.bn_0.running_vars": torch.ones(50, 32)}),
        "another shape",
    ),
    "complex numbers": ("cyclegan", lambda s: turned(s, "model.4.bias", torch.complex64), "model.4.bias is complex64"),
    "truths": ("cyclegan", lambda s: turned(s, "model.4.bias", torch.bool), "model.4.bias is bool"),
    "whole numbers": ("cyclegan", lambda s: turned(s, "model.4.bias", torch.int64), "model.4.bias is int64"),
    "natural numbers": ("cyclegan", lambda s: turned(s, "model.4.bias", torch.uint16), "model.4.bias is uint16"),
    "numbers of 8 bits": ("biggan", lambda s: turned(s, "linear.bias", torch.float8_e4m3fn), "is float8_e4m3fn"),
    "one axis too few": (
        "cyclegan",
        lambda s: s.update({"model.1.weight": torch.zeros(3)}),
        "model.1.weight is 3, not of 4 axes",
    ),
    "a vector for a convolution": ("pix2pix", lambda s: s.update({"model.model.0.weight": torch.zeros(3)}), "4 axes"),
    "a number for a vector": (
        "biggan-deep",
        lambda s: s.update({"generator.bn.weight": torch.ones(())}),
        "a number, not of 1 axes",
    ),
    "vectors for matrices": (
        "biggan-deep",
        lambda s: s.update({"generator.conv_to_rgb.weight_u": torch.zeros(2, 2)}),
        "not such a file: its tensors have other shapes",
    ),
    "no numbers": (
        "biggan",
        lambda s: s.update({"shared.weight": torch.zeros(1 << 40, 0)}),
        "is empty, 1099511627776×0",
    ),
    "too many classes": (
        "biggan-deep",
        lambda s: s.update({"embeddings.weight": torch.zeros(6, 100_001)}),
        "it has 100,001 classes",
    ),
    "too many sizes": (
        "biggan",
        lambda s: s.update({f"blocks.{i}.0.conv1.weight": torch.zeros(1) for i in range(2, 13)}),
        "maps of 13 sizes",
    ),
    "a size between is missing": (
        "biggan",
        lambda s: s.update({"blocks.99999.0.conv1.weight": torch.zeros(1)}),
        "missing: blocks.2.0.conv1.weight",
    ),
    "a layer between is missing": (
        "biggan-deep",
        lambda s: s.update({"generator.layers.99999.x": torch.zeros(1)}),
        "do not come as 2 blocks",
    ),
    "attention far away": (
        "biggan",
        lambda s: [s.update({"blocks.99999.1.theta.weight": torch.zeros(1)}), s.pop("blocks.0.1.theta.weight")],
        "none of its 2",
    ),
    "a number of 5,000 digits": (
        "biggan-deep",
        lambda s: s.update({f"generator.layers.{'9' * 5000}.x": torch.zeros(1)}),
        r"left over: generator.layers.9{63}… \(4,939 characters more\)$",
    ),
    "a name of many lines": (
        "cyclegan",
        lambda s: s.update({"a\nb\x1b" + "c" * 1_000_000: torch.zeros(1)}),
        r"left over: a\\nb\\x1bc{76}… \(999,924 characters more\)$",
    ),
    "tensors of NVIDIA's alone": ("stylegan2", lambda s: None, "give the .pkl"),
}


def turned(state: dict[str, Tensor], name: str, kind: torch.dtype) -> None:
    state[name] = state[name].to(kind)


MADE: dict[str, Callable[[], nn.Module]] = {
    "cyclegan": cyclegan,
    "pix2pix": lambda: Unet(3, 3, 6, 2),
    "biggan": lambda: BigGAN(16, 8, 9, 5, 7, 8),
    "biggan-deep": pretrained,
    "stylegan2": StyleGAN2,
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused_with_its_name_and_nothing_is_left(name: str, tmp_path: Path):
    kind, spoil, says = WRONG[name]
    state = MADE[kind]().state_dict()
    spoil(state)
    save_file({name: x.clone().contiguous() for name, x in state.items()}, tmp_path / "file.safetensors")
    assert len(refused(tmp_path / "file.safetensors", kind, tmp_path, says)) < 5000
    assert not list(tmp_path.glob("*/"))


NOT_OURS: dict[str, tuple[Callable[[StyleGAN2], Any], str]] = {
    "another activation": (lambda n: setattr(n.synthesis.b8.conv0, "activation", "relu"), "activation relu"),
    "without noise": (lambda n: setattr(n.synthesis.b8.conv0, "use_noise", False), "use_noise False"),
    "another architecture": (lambda n: setattr(n.synthesis.b8, "architecture", "resnet"), "architecture resnet"),
    "clamped here and there": (lambda n: setattr(n.synthesis.b8.conv0, "conv_clamp", 9.0), "differ in conv_clamp"),
    "another filter": (lambda n: n.synthesis.b8.conv0.resample_filter.fill_(1 / 16), r"not \[1, 3, 3, 1\]"),
    "a vector for a matrix": (
        lambda n: setattr(n.mapping.fc0, "weight", nn.Parameter(torch.zeros(6))),
        "mapping.fc0.weight is 6, not of 2 axes",
    ),
    "a rate of learning": (lambda n: setattr(n.mapping.fc0, "bias_gain", 0.1), "bias_gain 0.1"),
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_a_stylegan2_that_computes_otherwise_is_refused(name: str, tmp_path: Path):
    network = StyleGAN2()
    change, says = NOT_OURS[name]
    change(network)
    (tmp_path / "file.pkl").write_bytes(as_nvidia_pickles(network))
    refused(tmp_path / "file.pkl", "stylegan2", tmp_path, says)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"layers": [[True, 16, 16], [False, 16, 8]]}, "another order"),
        ({"attention_layer_position": 2}, "another order"),
        ({"eps": 1e-7}, "eps of batch norm"),
        ({"eps": "x"}, "another order"),
        ({"eps": None}, "another order"),
        ({"layers": None}, "another order"),
        ([], "holds no settings"),
        (None, "not readable JSON"),
    ],
    ids=str,
)
def test_settings_that_came_with_a_file_are_believed_only_where_they_fit(config: Any, says: str, tmp_path: Path):
    saved(pretrained(), tmp_path / "file.bin")
    (tmp_path / "config.json").write_text("{" if config is None else json.dumps(config))
    refused(tmp_path / "file.bin", "biggan-deep", tmp_path, says, config=tmp_path / "config.json")


@torch.no_grad()
def test_the_epsilon_of_batch_norm_is_that_of_the_settings(tmp_path: Path):
    network = pretrained(eps=0.01)
    told = {"eps": 0.01, "attention_layer_position": 4, "layers": [[False, 4, 4], [True, 4, 4]] * 2}
    (tmp_path / "config.json").write_text(json.dumps(told))
    run = imported(network, "biggan-deep", tmp_path, config=tmp_path / "config.json")
    z, label = torch.randn(5, 6), torch.arange(5)
    assert apart(run.game.decode(z, label), network(z, label, 1.0)) <= NEAR  # type: ignore[attr-defined]


def test_the_card_has_the_sum_the_source_and_the_licence(tmp_path: Path):
    run = imported(StyleGAN2(), "stylegan2", tmp_path)
    card = (tmp_path / "run/README.md").read_text()
    assert run.state.facts["imported"]["files"]["file.pth"] in card
    assert "https://github.com/NVlabs/stylegan2-ada-pytorch" in card
    assert "non-commercial use only" in card
    assert "`discriminator`" in card
    assert (tmp_path / "run/samples.png").is_file()
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "recipe.yaml",
        "samples.png",
    ]
    assert str(tmp_path) not in card + (tmp_path / "run/config.json").read_text()


def test_the_command_imports_and_others_open_what_it_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, run = saved(cyclegan(), tmp_path / "net.pth"), str(tmp_path / "run")
    command = ["import", str(file), "--as", "cyclegan", "--out", run, "--size", "16", "--licence", "CC BY 4.0"]
    assert cli.main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["absent"] == ["judge_a", "judge_b", "b_to_a"]
    card = (tmp_path / "run/README.md").read_text()
    assert "# cyclegan, imported from pytorch-CycleGAN-and-pix2pix\n" in card
    assert "A translator of images (ResNet, 2 blocks), one direction. It is for" in card
    assert told["parameters"] == {"a_to_b": sum(p.numel() for p in cyclegan().parameters())}
    assert cli.main(command) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
    assert cli.main(["info", run]) == 0
    told = capsys.readouterr().out
    assert "imported from cyclegan" in told
    assert not any(word in told for word in ("checkpoint", "doctor", "round"))
    assert cli.main(["export", run, "--to", "safetensors", "--out", str(tmp_path / "again")]) == 0
    assert "CC BY 4.0" in (tmp_path / "again/README.md").read_text()
    assert saddle.load(tmp_path / "again").state.facts["imported"]["files"]
    capsys.readouterr()
    assert cli.main(["evaluate", run]) == 2
    assert cli.main(["train", "--run", run]) == 2
    errors = capsys.readouterr().err
    assert "was imported, without the data" in errors
    assert "nothing has been learned" not in errors


def test_bad_words_of_the_command_are_usage_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = str(saved(cyclegan(), tmp_path / "net.pth"))
    wrong = {
        "there are biggan": [file, "--as", "cyclegans"],
        "did you mean": [file, "--as", "cyclegn"],
        "--as-published": [file, "--as", "cyclegan", "--as-published"],
        "--size": [file, "--as", "stylegan2", "--size", "64"],
        "is not a file": [str(tmp_path / "none"), "--as", "cyclegan"],
        "multiples of 4": [file, "--as", "cyclegan", "--size", "30"],
        "--as": [file],
        "--size is 0": [file, "--as", "cyclegan", "--size", "0"],
        "1 to 16,384 pixels": [file, "--as", "cyclegan", "--size", "1000000000"],
        "net.pth is not a folder": [str(tmp_path / "none"), "--as", "cyclegan", "--out", f"{file}/run"],
    }
    for says, words in wrong.items():
        assert cli.main(["import", *words, *([] if "--out" in words else ["--out", str(tmp_path / "out")])]) == 2, says
        assert says in capsys.readouterr().err
        assert not (tmp_path / "out").exists()


def test_a_full_disk_is_said_in_words_and_leaves_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    """In a process that may write files of 20 kB."""
    file = saved(cyclegan(), tmp_path / "net.pth")
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        os._exit(cli.main(["import", str(file), "--as", "cyclegan", "--out", str(tmp_path / "run"), "--size", "16"]))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert "model.safetensors could not be written" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["net.pth"]


def test_what_an_imported_run_lacks_says_so(tmp_path: Path):
    run = imported(StyleGAN2(), "stylegan2", tmp_path)
    with pytest.raises(UsageError, match="holds no discriminator"):
        run.game.discriminator(torch.zeros(1, 3, 16, 16))  # type: ignore[operator]
    assert run.game.features(torch.zeros(1, 3, 16, 16)) is None  # type: ignore[attr-defined]
    config = tmp_path / "run/config.json"
    told = json.loads(config.read_text())
    told["facts"]["imported"]["absent"] = "generator"
    config.write_text(json.dumps(told))
    with pytest.raises(SaddleError, match="imported from"):
        saddle.load(tmp_path / "run")


def test_weights_that_a_file_replaces_are_not_made_orthogonal_first():
    layer = nn.Linear(8, 8)
    before = layer.weight.detach().clone()
    with replaced():
        assert torch.equal(orthogonal(layer).weight, before)
    made = orthogonal(layer).weight.detach()
    assert torch.allclose(made @ made.T, torch.eye(8), atol=1e-5)


def test_every_kind_says_where_it_is_from_and_its_licence():
    from saddle.foreign.work import kind, source

    assert {"cyclegan", "pix2pix", "biggan", "biggan-deep", "stylegan2"} == {*kinds()}
    for name in kinds():
        assert source(kind(name)).startswith("https://github.com/")
        assert kind(name).LICENCE
