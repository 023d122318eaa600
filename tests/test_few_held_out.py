"""What a run shows, and which checkpoint it keeps, where little is held out or a stage is still to come."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small import GAMES, make_trainer, opened, tiny_recipe

from saddle.base.folder import RunFolder
from saddle.runs import registry
from saddle.runs.deciding import ask_of
from saddle.runs.gallery import Gallery
from saddle.runs.session import train
from saddle.spec import Batch
from saddle.tasks import Detection, Restoration, Translation

SHOWING = [name for name in GAMES if issubclass(registry.load(name), Translation | Restoration | Detection)]


@pytest.mark.parametrize("name", SHOWING)
def test_a_picture_shows_as_many_held_out_samples_as_there_are(name: str, tmp_path: Path) -> None:
    trainer, source = make_trainer(name), opened(tiny_recipe(name).data)
    gallery = Gallery(trainer, source, RunFolder(tmp_path))

    def three(n: int) -> Batch:
        return {key: x[:3] for key, x in gallery.held(n).items()}

    shown = trainer.game.eval().shown(three)
    columns = shown.items() if isinstance(shown, dict) else shown
    assert {len(samples) for _, samples in columns} == {3}


def test_no_checkpoint_of_f_anogan_is_the_best_before_its_encoder_has_learned(tmp_path: Path) -> None:
    recipe = tiny_recipe("f-anogan", rounds=8, scores=8, samples=8, save_every=1)
    options = dataclasses.replace(recipe.options, encoder_share=0.25)
    run = train(dataclasses.replace(recipe, options=options), tmp_path / "run", "cpu", quiet=True)
    best = run.checkpoints.best()
    assert best is not None
    assert best > 6


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (12, "fid chooses the best checkpoint, by 12 samples it is trained on, for nothing is held out: so few tell"),
        (30, "fid chooses the best checkpoint, by 3 held-out samples: so few tell which round is better"),
        (200, "fid chooses the best checkpoint, by 20 held-out samples: so few tell which round is better"),
        (1000, "fid chooses the best checkpoint\n"),
    ],
)
def test_a_training_on_a_folder_says_which_score_chooses_its_best_checkpoint(images, told, tmp_path, capsys):
    for i in range(images):
        noise = np.random.default_rng(i).integers(0, 256, (16, 16, 3), np.uint8)
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.fromarray(noise).save(tmp_path / "photos" / f"{i}.png")
    small = {"game.network.network.width": 4, "plan.rounds": 1, "plan.batch": 4, "plan.scores": 1, "plan.samples": 64}
    recipe, folder, _ = ask_of([str(tmp_path / "photos")], small, tmp_path / "run")
    run = train(recipe, folder, "cpu")
    assert told in capsys.readouterr().out
    chosen = run.checkpoints.load(1).facts["score"]
    assert chosen["name"] == "fid"
