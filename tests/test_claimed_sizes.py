"""A small file that claims large networks is refused by names and shapes, before memory is taken for their numbers."""

import json
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from foreign_networks import BigGAN, Unet
from foreign_stylegan2 import StyleGAN2, as_nvidia_pickles
from importing import cyclegan, imported, pretrained
from small import opened, tiny_recipe
from torch import Tensor, nn

from saddle import cli
from saddle.runs import registry
from saddle.runs.building import built

MORE = 2 << 30  # bytes that a process may take beyond what it has; the networks below have ten times as many
WIDE = 20_000


def told(words: list[str], capfd: pytest.CaptureFixture[str]) -> str:
    """What a command that fails says, in a process of little memory."""
    child = os.fork()
    if not child:
        has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (has + MORE, has + MORE))
        os._exit(cli.main(words))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    return capfd.readouterr().err


CLAIMS: dict[str, tuple[Callable[[], nn.Module], str, tuple[int, ...], str]] = {
    "cyclegan": (cyclegan, "model.1.weight", (WIDE, 3, 1, 1), "×3×1×1, not 20000×3×7×7"),
    "pix2pix": (lambda: Unet(3, 3, 6, 2), "model.model.0.weight", (WIDE, 3, 1, 1), "×3×1×1, not 20000×3×4×4"),
    "biggan": (lambda: BigGAN(16, 8, 9, 5, 7, 8), "output_layer.2.weight", (3, 4 * WIDE, 1, 1), "linear.weight 512"),
    "biggan-deep": (pretrained, "generator.bn.weight", (4 * WIDE,), "norm.running_mean 32, not 80000"),
    "stylegan2": (StyleGAN2, "mapping.fc1.weight", (5 * WIDE, 1), "mapping.fc1.weight 100000×1, not 100000×"),
}


@pytest.mark.parametrize("kind", CLAIMS)
def test_a_file_that_claims_a_wide_network_is_refused_by_its_shapes(kind, tmp_path, capfd):
    make, name, shape, says = CLAIMS[kind]
    network, file = make(), tmp_path / "file"
    owner, _, last = name.rpartition(".")
    if kind == "stylegan2":
        setattr(network.get_submodule(owner), last, nn.Parameter(torch.zeros(shape)))
        file.write_bytes(as_nvidia_pickles(network))
    else:
        state: dict[str, Tensor] = network.state_dict()
        assert name in state
        torch.save(state | {name: torch.zeros(shape)}, file)
    assert file.stat().st_size < 2_000_000
    said = told(["import", str(file), "--as", kind, "--out", str(tmp_path / "out")], capfd)
    assert "nothing was imported" in said
    assert "of another shape: " in said
    assert says in said
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_whose_recipe_claims_a_wide_network_is_refused_by_its_shapes(tmp_path, capfd):
    imported(cyclegan(), "cyclegan", tmp_path, size=16)
    recipe, config = tmp_path / "run" / "recipe.yaml", tmp_path / "run" / "config.json"
    settings, known = yaml.safe_load(recipe.read_text()), json.loads(config.read_text())
    settings["game"]["width"] = known["facts"]["recipe"]["game"]["width"] = WIDE
    recipe.write_text(yaml.safe_dump(settings))
    config.write_text(json.dumps(known))
    said = told(["export", str(tmp_path / "run"), "--to", "safetensors", "--out", str(tmp_path / "out")], capfd)
    assert "a_to_b.1.bias has shape [4], not [20000]" in said


@pytest.mark.parametrize("name", sorted({*registry.names()} - {"encoder"}))  # which plays while it is built
def test_a_game_has_the_names_and_shapes_of_its_draft_which_has_no_numbers(name):
    recipe = tiny_recipe(name)
    spec = opened(recipe.data).spec
    seen: list[dict[str, Any]] = []
    game = built(lambda: registry.load(name)(spec, recipe.options), lambda draft: seen.append(draft.state_dict()))
    (draft,) = seen
    assert {key: x.shape for key, x in draft.items()} == {key: x.shape for key, x in game.state_dict().items()}
    assert all(x.is_meta for x in draft.values())
    assert not any(x.is_meta for x in game.state_dict().values())
