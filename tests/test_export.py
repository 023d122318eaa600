"""What leaves Saddle is the run: every game's forms trace for any batch, and a fresh process computes the same."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import torch
from seeding import seed_all
from small import GAMES, tiny, tiny_recipe

import saddle
from saddle import cli
from saddle.base.errors import SaddleError, UsageError
from saddle.data import open_source
from saddle.export import export, facts, graph, parity, space, space_app, traced
from saddle.layers.dropout import Dropout
from saddle.runs import registry
from saddle.spec.text import to_bytes
from saddle.tasks import Form, Game, Synthesis

SEARCHES = {"anogan": {"detect"}, "energy": {"sample"}}  # by gradients, which no file of layers holds
SMALLER: dict[str, dict[str, Any]] = {"biggan-deep": {"game.network.depth": 1}}


def built(name: str, edits: dict[str, Any] | None = None) -> Game:
    """The game on its own data, small, untrained, with statistics of norms that are not those of a new network."""
    recipe = tiny_recipe(name).change(SMALLER.get(name, {}) | (edits or {}))
    seed_all(0, "weights")
    game = registry.load(name)(open_source(recipe.data).spec, recipe.options).eval()
    for module in game.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm) and module.running_mean is not None:
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
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


QUICK = ("cgan", "cyclegan", "dcgan", "f-anogan", "gan", "mgan", "srgan", "vae")  # one of each task; `full` has all


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.full) for name in GAMES]
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
    assert "2 logged rounds are too few to tell" in " ".join(card.split())
    assert "Licence of the data: CC BY 4.0." in card
    assert "fid" in card
    assert (tmp_path / "out/samples.png").is_file()


def test_plain_weights_open_as_the_run_and_cannot_be_trained(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = export(run, "safetensors", tmp_path / "out").folder
    assert torch.equal(saddle.load(out).sample(5, seed=3), saddle.load(run).sample(5, seed=3))
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
    ],
)
def test_what_cannot_be_is_said(run: Path, tmp_path: Path, words: list[str], told: str, capsys: Any):
    assert cli.main(["export", str(run), "--out", str(tmp_path / "out"), *words]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


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


@pytest.mark.parametrize("encoder", ["CharCNNRNN", "BagOfWords"])
def test_texts_go_in_as_the_numbers_of_their_tokenizer(encoder: str):
    game: Any = built("gan-cls", {"game.text": encoder})
    label = game.draw_label(5)
    text = game.text_encoder
    assert torch.allclose(text.read(text.ids(label)), text(label), atol=1e-6)
    assert apart(game, "sample") <= parity.LIMIT


class TestSpace:
    """The page, with a session that stands in for onnxruntime's."""

    @pytest.fixture
    def app(self, tmp_path: Path) -> Callable[[str], Any]:
        def made(game: str) -> Any:
            of = built(game)
            (tmp_path / "README.md").write_text("---\nlibrary_name: saddle-gan\n---\n\ntext\n")
            space.write(tmp_path, "a title")
            assert Path(space_app.__file__).read_text() == (tmp_path / "app.py").read_text()
            form: Any = of.forms()["sample"]
            entry = facts.of_form("sample", traced.traced(of, "sample"), form, [])
            manifest = {"game": game, "files": {"sample.onnx": entry}}
            (tmp_path / "saddle.json").write_text(json.dumps(manifest))
            described: Any = spec_from_file_location("app", tmp_path / "app.py")
            module = module_from_spec(described)
            described.loader.exec_module(module)

            class Session:
                def get_inputs(self) -> list[Any]:
                    return [type("Input", (), {"name": port.name})() for port in form.inputs]

                def run(self, names: None, given: dict[str, Any]) -> list[Any]:
                    with torch.no_grad():
                        return [x.numpy() for x in form.compute(*map(torch.from_numpy, given.values()))]

            module.session = lambda file: Session()
            return module

        return made

    @pytest.mark.parametrize(("game", "asked"), [("infogan", ""), ("biggan", "7"), ("gan-cls", "a small red circle")])
    def test_draws_images_of_a_seed(self, app: Callable[[str], Any], game: str, asked: str):
        page = app(game)
        images = page.draw(1, 3, asked)
        assert len(images) == 3
        assert all(image.dtype.name == "uint8" and image.shape[2] == 3 for image in images)
        assert all((ours == again).all() for ours, again in zip(images, page.draw(1, 3, asked), strict=True))
        assert any((ours != other).any() for ours, other in zip(images, page.draw(2, 3, asked), strict=True))

    def test_needs_no_torch_and_the_hub_finds_its_page(self, app: Callable[[str], Any], tmp_path: Path):
        app("dcgan")
        assert "torch" not in (tmp_path / "app.py").read_text()
        assert "torch" not in (tmp_path / "requirements.txt").read_text()
        assert (tmp_path / "README.md").read_text().startswith("---\ntitle: a title\nsdk: gradio\napp_file: app.py\n")

    def test_reads_texts_as_the_tokenizer_says(self, app: Callable[[str], Any]):
        page, game = app("gan-cls"), built("gan-cls", {"game.text": "BagOfWords"})
        text: Any = game.text_encoder
        label = to_bytes(["a small red circle"], game.data.condition)  # type: ignore[arg-type]
        assert (page.tokens("A small, red circle!", text.tokenizer) == text.ids(label).numpy()).all()


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
    game = built(name)
    for form_name, form in traced.still(game)[0].forms().items():
        if not isinstance(form, str):
            path = tmp_path / f"{form_name}.onnx"
            graph.save(traced.traced(game, form_name), path, "{}")
            assert parity.measure("onnx", path, parity.cases(form_name, form), form.resizable).largest <= parity.LIMIT
