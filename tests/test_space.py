"""The page of an exported game: what it draws and turns is the game's, without torch and without Saddle."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_export import built

from saddle.base.errors import UsageError
from saddle.data import open_source
from saddle.export import facts, graph, space, space_app, traced
from saddle.runs import registry
from saddle.runs.recipe import Recipe
from saddle.spec.text import to_bytes
from saddle.tasks import Form
from saddle.use.imaging import padding, reflected

CHILD = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
sys.modules["torch"] = sys.modules["saddle"] = None
import numpy as np
for folder in map(Path, sys.argv[1:]):
    described = spec_from_file_location(folder.name, folder / "app.py")
    app = module_from_spec(described)
    described.loader.exec_module(app)
    page = app.page()
    for file, entry in app.manifest()["files"].items():
        drawn = app.draw(1, 3) if entry["task"] == "sample" else [app.turn(file, np.load(folder / "image.npy"))]
        np.save(folder / f"{entry['task']}.npy", np.stack(drawn))
    if folder == Path(sys.argv[1]):
        from gradio_client import Client
        page.launch(prevent_thread_lock=True, quiet=True)
        gallery = Client(page.local_url, verbose=False).predict(1, 3, *sys.argv[len(sys.argv):], api_name="/sample")
        assert len(gallery) == 3, gallery
        page.close()
"""


def folder_of(game: str, at: Path, real: bool = False, edits: dict[str, Any] | None = None) -> Any:
    """A Space's folder of a small game, untrained; with its ONNX files if they are real ones."""
    at.mkdir()
    (at / "README.md").write_text("---\nlibrary_name: saddle-gan\n---\n\ntext\n")
    space.write(at, "a title: with a colon")
    of, entries = built(game, edits), {}
    for name, form in traced.still(of)[0].forms().items():
        if isinstance(form, Form) and space_app.shown(facts.described(name, form)):
            own = traced.traced(of, name)
            entries[f"{name}.onnx"] = facts.of_form(name, own, form, [])
            if real:
                graph.save(own, at / f"{name}.onnx", "{}")
    (at / "saddle.json").write_text(json.dumps({"game": game, "files": entries}))
    return of


@pytest.fixture
def app(tmp_path: Path) -> Callable[..., Any]:
    """The module of a game's page, with a session that stands in for onnxruntime's."""

    def made(game: str, edits: dict[str, Any] | None = None) -> Any:
        folder = tmp_path / "space"
        of = folder_of(game, folder, edits=edits)
        described: Any = spec_from_file_location("app", folder / "app.py")
        module = module_from_spec(described)
        described.loader.exec_module(module)

        class Session:
            def __init__(self, file: str):
                self.form = of.forms()[file.removesuffix(".onnx")]

            def run(self, names: None, given: dict[str, Any]) -> list[Any]:
                with torch.no_grad():
                    return [x.numpy() for x in self.form.compute(*map(torch.from_numpy, given.values()))]

        module.session, module.game = Session, of
        return module

    return made


@pytest.mark.parametrize(
    ("game", "edits", "asked"),
    [
        ("infogan", {"game.width": 64}, ""),
        ("cgan", {}, "7"),
        ("gan-cls", {}, "a small red circle"),
        ("bicogan", {"data": "faces", "data.size": 32}, ""),
    ],
)
def test_draws_images_of_a_seed(app: Callable[..., Any], game: str, edits: dict[str, Any], asked: str):
    page = app(game, edits)
    images = page.draw(1, 3, asked)
    assert len(images) == 3
    assert all(image.dtype.name == "uint8" and image.shape[2] == 3 for image in images)
    assert all((ours == again).all() for ours, again in zip(images, page.draw(1, 3, asked), strict=True))
    assert any((ours != other).any() for ours, other in zip(images, page.draw(2, 3, asked), strict=True))


def test_a_label_that_there_is_not_is_refused_with_those_that_are(app: Callable[..., Any]):
    with pytest.raises(ValueError, match="green: not known; there are 0, 1"):
        app("cgan").draw(1, 3, "green")


def test_an_image_of_any_size_is_turned_as_saddle_does(app: Callable[..., Any]):
    """With its mirror images around it, up to whole multiples, which are cut off again."""
    page = app("cyclegan")
    steps = page.game.multiple("a", "b"), page.game.smallest("a", "b")
    for size in ((29, 38), (32, 32), (7, 5)):
        image = np.random.default_rng(0).integers(0, 256, size, np.uint8)
        x = torch.from_numpy(image).float()[None, None] / 127.5 - 1
        padded, (top, left) = padding(size, *steps)
        with torch.no_grad():
            out = page.game.translate({"a": reflected(x, padded, (top, left))}, "b")
        wanted = ((out[0, 0, top : top + size[0], left : left + size[1]] + 1) * 127.5).round().byte().numpy()
        turned = page.turn("translate-a-b.onnx", image)
        assert turned.shape == (*size, 3)
        assert np.abs(turned[..., 0].astype(int) - wanted).max() <= 1


def test_needs_no_torch_and_the_hub_finds_its_page(tmp_path: Path):
    at = tmp_path / "space"
    folder_of("gan", at)
    assert (at / "app.py").read_text() == Path(space_app.__file__).read_text()
    for name in ("app.py", "requirements.txt"):
        assert "torch" not in (at / name).read_text()
    front = (at / "README.md").read_text()
    assert front.startswith('---\ntitle: "a title: with a colon"\nsdk: gradio\nsdk_version: ')
    assert "\napp_file: app.py\n" in front
    assert "pip install -r requirements.txt\npython app.py\n" in front
    assert "create a Gradio Space" in front


def test_reads_texts_as_the_tokenizer_says(app: Callable[..., Any]):
    page, game = app("gan-cls"), built("gan-cls", {"game.text": "BagOfWords"})
    text: Any = game.text_encoder
    label = to_bytes(["a small red circle"], game.data.condition)  # type: ignore[arg-type]
    assert (page.tokens("A small, red circle!", text.tokenizer) == text.ids(label).numpy()).all()


def test_a_game_of_points_has_no_page():
    recipe = Recipe.default("gan", "ring")
    game: Any = registry.load("gan")(open_source(recipe.data).spec, recipe.options)
    with pytest.raises(UsageError, match="choose --to onnx or pt2"):
        space.check([facts.described("sample", game.forms()["sample"])], "gan")


@pytest.mark.full
def test_a_page_without_torch_draws_and_turns_what_the_game_does(tmp_path: Path):
    """A process in which neither torch nor Saddle can be imported opens all pages, and one as a browser's client."""
    for library in ("onnx", "onnxscript", "onnxruntime", "gradio", "gradio_client"):
        pytest.importorskip(library)
    games = {name: folder_of(name, tmp_path / name, real=True) for name in ("gan", "cgan", "gan-cls", "cyclegan")}
    np.save(tmp_path / "cyclegan" / "image.npy", np.random.default_rng(0).integers(0, 256, (29, 38, 3), np.uint8))
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GRADIO_ANALYTICS_ENABLED": "False"}
    command = [sys.executable, "-c", CHILD, *(str(tmp_path / name) for name in games)]
    subprocess.run(command, check=True, env=known)
    for name in ("gan", "cgan", "gan-cls"):
        drawn = np.load(tmp_path / name / "sample.npy")
        assert drawn.shape == (3, *games[name].data.shape[1:], 3)
        assert drawn.std() > 0
    assert np.load(tmp_path / "cyclegan" / "translate-a-b.npy").shape == (1, 29, 38, 3)
