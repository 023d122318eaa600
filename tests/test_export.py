"""What leaves Saddle is the run: every game's forms trace for any batch, and a fresh process computes the same."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image
from seeding import seed_all
from small import GAMES, tiny, tiny_recipe

import saddle
from saddle import cli
from saddle.base.errors import SaddleError, UsageError
from saddle.data import open_source
from saddle.export import export, facts, graph, half, parity, snippet, traced
from saddle.layers.dropout import Dropout
from saddle.runs import registry
from saddle.runs.recipe import Recipe, named, portable
from saddle.tasks import Form, Game, Synthesis

SEARCHES = {"anogan": {"detect"}, "energy": {"sample"}}  # by gradients, which no file of layers holds
SMALLER: dict[str, dict[str, Any]] = {  # the deepest networks: a graph takes as long as it has layers
    "aae": {"game.width": 16},
    "biggan": {"game.network.width": 8},
    "biggan-deep": {"game.network.depth": 1, "game.network.width": 8},
    "cyclegan": {"game.blocks": 1},
    "esrgan": {"game.blocks": 1, "game.width": 8, "game.growth": 4},
    "f-anogan": {"game.network.width": 8},
    "nicegan": {"game.width": 8},
    "pix2pixhd": {"game.blocks": 1, "game.enhancer_blocks": 1, "game.width": 8},
    "sagan": {"game.network.width": 8},
    "simgan": {"game.blocks": 1},
    "spade": {"game.doublings": 2, "game.width": 8, "game.hidden": 8},
    "srgan": {"game.blocks": 1, "game.width": 8},
    "stargan": {"game.blocks": 1, "game.width": 8},
}


def built(name: str, edits: dict[str, Any] | None = None) -> Game:
    """The game on its own data, small, untrained; but no norm has the statistics of a new network, no layer is 0."""
    recipe = tiny_recipe(name).change(SMALLER.get(name, {}) | (edits or {}))
    seed_all(0, "weights")
    game = registry.load(name)(open_source(recipe.data).spec, recipe.options).eval()
    for module in game.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm) and module.running_mean is not None:
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
    with torch.no_grad():
        for weight in game.parameters():
            if not weight.any():  # else what lies before it would be of no effect
                weight.normal_(std=0.02)
        if name == "esrgan":
            game.generator.last[-1].bias.fill_(0.5)  # type: ignore[union-attr,index]  # images from 0 to 1: no black ones
    return game


def one_way(forms: dict[str, Any]) -> list[str]:
    """Of a translation that goes several ways the first: the others are like it."""
    ways = [name for name in forms if name.startswith("translate")]
    return [name for name in forms if name not in ways[1:]]


def apart(game: Game, name: str) -> float:
    """How far the traced form is from the game's own, for batches of other sizes and, where it can, larger images."""
    form: Form = traced.still(game)[0].forms()[name]  # type: ignore[assignment]
    own = traced.traced(game, name)
    assert all(shape[0] == "batch" for shape in own.shapes)
    names = [port.name for port in (*form.inputs, *form.outputs)]
    assert len(names) == len({*names})
    compute, worst = own.program.module(), 0.0
    for n, larger in ((1, False), (4, False), *([(2, True)] if form.resizable else [])):
        inputs = traced.drawn(form, n, larger, seed=1)
        with torch.no_grad():
            wanted, made = form.compute(*inputs), compute(*inputs)
        assert len(wanted) == len(made) == len(form.outputs)
        worst = max(worst, *(float((ours - theirs).abs().max()) for ours, theirs in zip(made, wanted, strict=True)))
    return worst


DEEP = {"biggan", "biggan-deep", "disentangle", "esrgan", "ganilla", "nicegan", "pix2pixhd", "sagan", "sgan", "spade"}
DEEP |= {"stargan", "stylegan2", "tpgan", "unit"}  # two thirds of the time of all games: they are tried in `full`


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.full) if name in DEEP else name for name in GAMES]
)
def test_a_game_traces_for_any_batch_and_computes_the_same(name: str):
    game = built(name)
    forms = traced.still(game)[0].forms()
    assert forms
    assert {name for name, form in forms.items() if isinstance(form, str)} - {"classify"} == SEARCHES.get(name, set())
    for form in one_way(forms):
        if not isinstance(forms[form], str):
            assert apart(game, form) <= parity.LIMIT, form


@pytest.mark.parametrize("name", [name for name in GAMES if issubclass(registry.load(name), Synthesis)])
def test_the_parts_of_a_latent_are_those_of_its_numbers(name: str):
    """As many numbers as noise has; uniform ones within their limits, one-hot ones with one 1."""
    game = built(name)
    every, label = game.latent_parts(), game.draw_label(64)  # type: ignore[attr-defined]
    z = game.noise(64, label)  # type: ignore[attr-defined]
    parts = z.split([part["size"] for part in every], 1)
    for part, numbers in zip(every, parts, strict=True):
        if part["distribution"] == "uniform":
            assert part["low"] <= numbers.min() < numbers.max() <= part["high"]
            assert numbers.min() < part["low"] + 0.2 * (part["high"] - part["low"])
        if part["distribution"] == "one-hot":
            assert torch.equal(numbers.sum(1), torch.ones(64))
            assert numbers.unique().tolist() == [0, 1]
        if part["distribution"] == "normal":
            assert abs(numbers.std() / part.get("scale", 1.0) - 1) < 0.15
            assert abs(numbers.mean()) < 0.3 * part.get("scale", 1.0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of dcgan after two rounds."""
    return trained("dcgan", tmp_path_factory.mktemp("exported") / "run")


def trained(game: str, folder: Path, *words: str) -> Path:
    assert cli.main(["train", game, "--run", str(folder), *tiny(*words)]) == 0
    return folder


def test_a_program_says_inside_what_stands_beside_it_and_needs_no_saddle(run: Path, tmp_path: Path):
    made = export(run, "pt2", tmp_path / "out")
    assert made.files["sample.pt2"].largest <= parity.LIMIT
    beside = json.loads((tmp_path / "out/saddle.json").read_text())
    code = (
        "import sys, torch, json; inside = {'saddle.json': ''}\n"
        "program = torch.export.load(sys.argv[1], extra_files=inside)\n"
        "z = torch.zeros(7, 100); (image,) = program.module()(z)\n"
        "print(json.dumps([[*image.shape], 'saddle' in sys.modules, json.loads(inside['saddle.json'])]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "out/sample.pt2")]
    shape, known, inside = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert shape == [7, 1, 32, 32]
    assert not known
    assert inside["inputs"] == beside["files"]["sample.pt2"]["inputs"]
    assert inside["inputs"][0]["shape"] == ["batch", 100]
    assert inside["inputs"][0]["parts"] == [{"name": "z", "size": 100, "distribution": "normal"}]
    assert inside["outputs"][0]["range"] == [-1, 1]
    assert inside["norms"] == {"batch norm, statistics of training": 3}
    assert inside["dropout"] == {"here": "none"}


def test_the_card_has_the_command_the_verdict_and_the_licence(run: Path, tmp_path: Path):
    card = (export(run, "safetensors", tmp_path / "out", licence="CC BY 4.0").folder / "README.md").read_text()
    assert "saddle train --config recipe.yaml" in card
    assert "2 rounds are too few to tell" in " ".join(card.split())
    assert "Licence of the data: CC BY 4.0." in card
    assert "fid" in card
    assert (tmp_path / "out/samples.png").is_file()


def pasted(code: str, folder: Path) -> None:
    """Run the code of a block of Markdown as a file in the folder."""
    lines = code.removeprefix("```python").removesuffix("```")
    subprocess.run([sys.executable, "-c", lines], check=True, cwd=folder)


def test_the_cards_code_runs_as_it_stands_and_nothing_in_it_names_this_machine(run: Path, tmp_path: Path):
    folder = export(run, "pt2", tmp_path / "out").folder
    card = (folder / "README.md").read_text()
    pasted(card[card.index("```python") : card.index("out.png")] + 'out.png")', folder)
    assert Image.open(folder / "out.png").size == (16 * 32, 32)
    assert (folder / "recipe.yaml").is_file()
    assert "Paper: " in card
    assert "saddle sample" not in card
    assert str(run.parent) not in card


@pytest.mark.parametrize("game", ["infogan", "gan-cls", "stargan", "cyclegan"])
def test_the_code_for_onnx_makes_every_input_of_the_file(game: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    of, _ = traced.still(built(game))
    forms = {name: form for name, form in of.forms().items() if isinstance(form, Form)}

    class Session:
        def __init__(self, file: str):
            self.form = forms[file.removesuffix(".onnx")]

        def run(self, names: None, given: dict[str, Any]) -> list[Any]:
            assert [*given] == [port.name for port in self.form.inputs]
            with torch.no_grad():
                return [x.numpy() for x in self.form.compute(*map(torch.from_numpy, given.values()))]

    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(InferenceSession=Session))  # type: ignore[misc]
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (40, 30)).save("image.png")
    for name, form in forms.items():
        entry = facts.of_form(name, traced.traced(of, name), form, [])
        exec(snippet.of("onnx", f"{name}.onnx", entry).strip("`").removeprefix("python"), {})
        assert Path("out.png").is_file() or "print(out.shape)" in snippet.of("onnx", "", entry)


def test_a_guest_is_introduced_by_its_own_docstring():
    kind = type("Introduced", (registry.load("dcgan"),), {"__doc__": "A game of mine\n\nMore.", "__module__": __name__})
    assert registry.in_short(kind) == "A game of mine."
    assert registry.in_short(registry.load("dcgan")) == registry.load("dcgan").in_short


def test_a_recipe_for_others_calls_data_by_their_name():
    recipe = Recipe.default("cyclegan", "digits").change({"data.source": "domains:/home/me/horse,/home/me/zebra"})
    assert portable(recipe).data.source == "domains:horse,zebra"
    assert named(recipe.data.source) == "horse-zebra"
    assert portable(Recipe.default("dcgan", "digits")) == Recipe.default("dcgan", "digits")


def test_plain_weights_open_as_the_run_and_cannot_be_trained(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = export(run, "safetensors", tmp_path / "out").folder
    assert torch.equal(saddle.load(out).sample(5, seed=3), saddle.load(run).sample(5, seed=3))
    told = saddle.load(out).info()
    assert told["status"] == "exported from round 2"
    assert not {"checkpoints", "best", "doctor"} & told.keys()
    assert cli.main(["train", "--run", str(out)]) == 2
    assert "holds a run that was exported" in capsys.readouterr().err
    weights = bytearray((out / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (out / "model.safetensors").write_bytes(weights)
    with pytest.raises(SaddleError, match="not what was exported"):
        saddle.load(out)


def test_a_translation_of_plain_weights_is_that_of_the_run(tmp_path: Path):
    run = trained("simgan", tmp_path / "run")
    out = export(run, "safetensors", tmp_path / "out").folder
    image = torch.rand(2, *saddle.load(run).spec.fields["a"].shape) * 2 - 1
    assert torch.equal(saddle.load(out).translate(image), saddle.load(run).translate(image))


def test_nothing_is_left_of_a_file_that_is_not_the_run(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    cases = parity.cases

    def others(name: str, form: Form) -> dict[str, torch.Tensor]:
        return {key: x + 0.1 * (".out." in key) for key, x in cases(name, form).items()}

    monkeypatch.setattr(parity, "cases", others)
    with pytest.raises(SaddleError, match=r"differs from the run by 1\.0e-01"):
        export(run, "pt2", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_never_overwritten(run: Path, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="nothing is overwritten"):
        export(run, "pt2", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--to", "zip"], "invalid choice"),
        (["--to", "pt2", "--task", "translate"], "has no task 'translate' to export; there are sample"),
        (["--to", "pt2", "--checkpoint", "7"], "no checkpoint '7'"),
        (["--to", "pt2", "--precision", "bf16"], "invalid choice"),
    ],
)
def test_what_cannot_be_is_said(run: Path, tmp_path: Path, words: list[str], told: str, capsys: Any):
    assert cli.main(["export", str(run), "--out", str(tmp_path / "out"), *words]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_run_that_is_not_there_and_a_place_that_cannot_be_written_are_said(run: Path, tmp_path: Path, capsys: Any):
    assert cli.main(["export", str(tmp_path / "nowhere"), "--to", "pt2"]) == 2
    assert "there is no such folder" in capsys.readouterr().err
    (tmp_path / "file").write_text("mine")
    assert cli.main(["export", str(run), "--to", "pt2", "--out", str(tmp_path / "file" / "out")]) == 2
    assert str(tmp_path / "file") in " ".join(capsys.readouterr().err.split())
    assert (tmp_path / "file").read_text() == "mine"


def test_a_disk_that_is_full_leaves_nothing(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(traced.Graph, "save", full)
    assert cli.main(["export", str(run), "--to", "pt2", "--out", str(tmp_path / "out")]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_a_checkpoint_is_no_model(run: Path, tmp_path: Path, capsys: Any):
    shutil.copy(run / "recipe.yaml", tmp_path)
    assert cli.main(["export", str(tmp_path), "--to", "pt2"]) == 1
    assert "has no checkpoint yet" in capsys.readouterr().err


def test_a_game_without_a_form_says_why(tmp_path: Path, capsys: Any):
    run = trained("energy", tmp_path / "run")
    assert cli.main(["export", str(run), "--to", "pt2", "--out", str(tmp_path / "out")]) == 2
    assert "gradient ascent" in capsys.readouterr().err


def test_dropout_in_use_is_left_out_and_named():
    game = built("pix2pix", {"game.dropout": 0.5})
    copy, kept = traced.still(game)
    assert kept
    assert set(kept) == {0.5}
    assert not any(part.always for part in copy.modules() if isinstance(part, Dropout))
    assert any(part.always for part in game.modules() if isinstance(part, Dropout))


def test_psi_of_every_sample_draws_it_towards_the_mean_style():
    game: Any = built("stylegan2")
    game.generator.w_mean.normal_()
    form: Any = game.forms()["sample"]
    z, label, _ = form.draw(2, False)
    with torch.no_grad():
        near, far = form.compute(z, label, torch.tensor([0.0, 1.0]))[0]
        (wide,), (held,) = (form.compute(z, label, psi) for psi in (torch.ones(2), torch.zeros(2)))
    assert torch.allclose(wide, game.decode(z, label), atol=1e-6)
    assert torch.allclose(near, held[0], atol=1e-6)
    assert torch.allclose(far, wide[1], atol=1e-6)
    assert not torch.allclose(near, wide[0], atol=1e-4)


@pytest.mark.parametrize("name", ["gan", "vae"])
def test_weights_of_half_the_bytes_compute_nearly_the_same(name: str):
    game = built(name)
    task = next(iter(game.forms()))
    form: Any = traced.still(game)[0].forms()[task]
    program = traced.traced(game, task).program
    before = sum(x.nbytes for x in program.state_dict.values())
    half.halved(program)
    assert sum(x.nbytes for x in program.state_dict.values()) < 0.52 * before
    inputs = traced.drawn(form, 5)
    (wanted,), (made,) = form.compute(*inputs), program.module()(*inputs)
    assert made.dtype == torch.float32
    assert 0 < (made - wanted).abs().max() < parity.HALF_LIMIT


def test_plain_weights_of_half_the_bytes_open_as_the_run(run: Path, tmp_path: Path):
    whole = export(run, "safetensors", tmp_path / "whole")
    half = export(run, "safetensors", tmp_path / "half", precision="fp16")
    sizes = [(made.folder / "model.safetensors").stat().st_size for made in (half, whole)]
    assert sizes[0] < 0.52 * sizes[1]
    assert 0 < half.files["model.safetensors"].largest < half.files["model.safetensors"].limit
    assert all(x.dtype != torch.float16 for x in saddle.load(half.folder).game.parameters())


def test_a_guests_plain_weights_open_in_a_fresh_process_and_say_which_module_to_plug_in(tmp_path: Path):
    """The command line plugs the module in by its file; the fresh process finds it by its name."""
    toys = Path(__file__).parent / "toys" / "guests" / "toy_guests.py"
    code = f"""
import sys
from saddle.cli import main
words = {tiny("--game.z_dim", "3", "--data", "guest-points:40")!r}
assert main(["train", "toy-guest", "--plugin", {str(toys)!r}, "--run", "run", "--quiet", *words]) == 0
assert main(["export", "run", "--plugin", {str(toys)!r}, "--to", "safetensors", "--out", "out"]) == 0
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    assert 'saddle.plugin("toy_guests")' in (tmp_path / "out/README.md").read_text()
    with pytest.raises(UsageError, match=r'saddle\.plugin\("toy_guests"\)'):
        saddle.load(tmp_path / "out")


@pytest.mark.parametrize("encoder", ["CharCNNRNN", "BagOfWords"])
def test_texts_go_in_as_the_numbers_of_their_tokenizer(encoder: str):
    game: Any = built("gan-cls", {"game.text": encoder})
    label = game.draw_label(5)
    text = game.text_encoder
    assert torch.allclose(text.read(text.ids(label)), text(label), atol=1e-6)
    assert apart(game, "sample") <= parity.LIMIT


def test_onnx_without_its_libraries_is_refused_with_their_names(run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(graph, "NEEDED", ("onnxruntime_that_is_not_there",))
    for to in ("onnx", "spaces"):
        with pytest.raises(UsageError, match="onnxruntime_that_is_not_there"):
            export(run, to)


@pytest.mark.full
@pytest.mark.parametrize("name", GAMES)
def test_onnx_of_a_game_is_the_run(name: str, tmp_path: Path):
    for library in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(library)
    game, tensors = built(name), dict[str, torch.Tensor]()
    forms = traced.still(game)[0].forms()
    for form_name in one_way(forms):
        form = forms[form_name]
        if not isinstance(form, str):
            graph.save(traced.traced(game, form_name), tmp_path / f"{form_name}.onnx", "{}")
            tensors |= parity.cases(form_name, form)
    assert not tensors or parity.farthest(parity.measure("onnx", tmp_path, tensors).values()).largest <= parity.LIMIT
