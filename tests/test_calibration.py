"""From which score on is an image anomalous? What good images say of it, and which images may not be asked."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from detecting import SIDE, good, scratched, trained, write
from PIL import Image
from scipy.stats import binom
from sklearn.metrics import f1_score

import saddle
from saddle import games
from saddle.base.errors import SaddleError, UsageError
from saddle.cli import main
from saddle.metrics.alarms import needed
from saddle.runs import calibration
from saddle.runs.run import Run

TOYS = Path(__file__).with_name("toys")


@pytest.fixture(autouse=True, scope="module")
def _toys():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(games, "__path__", [*games.__path__, str(TOYS / "games")])
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, _toys: None) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    trained(folder)
    return folder


@pytest.fixture
def run(place: Path):
    """A run that is not calibrated."""
    (place / "run" / "calibration.json").unlink(missing_ok=True)
    return saddle.load(place / "run", device="cpu")


def tensors(images: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)[:, None]).float() / 127.5 - 1


@pytest.mark.parametrize(
    ("n", "alpha", "k"), [(99, 0.01, 99), (199, 0.01, 198), (100, 0.05, 96), (9, 0.1, 9), (1, 0.5, 1)]
)
def test_the_threshold_is_the_conformal_quantile_also_where_floats_would_round_up(n: int, alpha: float, k: int) -> None:
    values = np.random.default_rng(n).permutation(n) + 1.0
    assert calibration.quantile(values.tolist(), alpha) == k
    assert k == math.ceil(round((n + 1) * (1 - alpha), 9))


@pytest.mark.parametrize(("alpha", "least"), [(0.01, 99), (0.05, 19), (0.1, 9), (0.03, 33), (1 / 3, 3)])
def test_too_few_good_images_are_refused_with_the_number_needed(alpha: float, least: int) -> None:
    assert needed(alpha) == least
    assert calibration.quantile([0.0] * least, alpha) == 0
    with pytest.raises(UsageError, match=f"{least - 1} good images are too few for .* takes at least {least}"):
        calibration.quantile([0.0] * (least - 1), alpha)


def test_the_share_that_is_proposed_to_few_images_can_be_had_with_them() -> None:
    for n in (1, 5, 9, 33, 60, 98, 250):
        with pytest.raises(UsageError, match="are enough for --false-alarms") as told:
            calibration.check_enough(n, 1e-4)
        proposed = float(str(told.value).rpartition(" ")[2])
        calibration.check_enough(n, proposed)
        assert proposed <= 1.1 / (n + 1) + 1e-9


@pytest.mark.parametrize("share", [0, 1, -0.1, 2.0, math.nan, "half"])
def test_a_share_of_false_alarms_lies_between_none_and_all(share: object) -> None:
    with pytest.raises(UsageError, match="a number between 0 and 1"):
        calibration.check_enough(1000, share)  # type: ignore[arg-type]


def test_over_1000_redraws_of_good_images_the_share_of_false_alarms_lies_within_its_binomial_interval(run: Run) -> None:
    """Each time 39 good images set the threshold, and another one is judged: it is above with a chance of 2 in 40."""
    chance = np.random.default_rng(0)
    scores = run.detect(tensors(good(4000, seed=1))).score.numpy()
    alarms = 0
    for _ in range(1000):
        *calibrated, new = scores[chance.choice(len(scores), 40, replace=False)].tolist()
        alarms += new > calibration.quantile(calibrated, 0.05)
    low, high = binom.interval(0.999, 1000, 0.05)
    assert low <= alarms <= high


def test_a_calibrated_run_calls_few_good_images_anomalous_and_a_scratched_one_always(run: Run) -> None:
    run.calibrate(tensors(good(400, seed=2)), false_alarms=0.05)
    found = run.detect(tensors(good(1000, seed=3)))
    assert found.anomalous is not None
    low, high = binom.interval(0.999, 1000, 0.05)
    spread = 3 * math.sqrt(0.05 * 0.95 / 400) * 1000  # of the threshold itself, from 400 images
    assert low - spread <= int(found.anomalous.sum()) <= high + spread
    assert run.detect(tensors([scratched(seed) for seed in range(20)])).anomalous.all()


def test_the_best_f1_is_between_two_scores_and_none_has_a_larger_one() -> None:
    chance = np.random.default_rng(0)
    for _ in range(8):
        fine, bad = chance.integers(0, 9, 40) / 4.0, chance.integers(3, 12, 15) / 4.0
        threshold = calibration.best_f1(fine.tolist(), bad.tolist())
        values, shown = np.concatenate([fine, bad]), np.repeat([0, 1], [40, 15])
        every = [f1_score(shown, values > each) for each in np.unique(values) - 1e-6]
        assert f1_score(shown, values > threshold) == pytest.approx(max(every))
        assert threshold not in values
    with pytest.raises(UsageError, match="without one of the two it is undefined"):
        calibration.best_f1([1.0], [])


def test_what_was_found_is_kept_and_read_again(run: Run) -> None:
    images = good(120, seed=4)
    found = run.calibrate(tensors(images), false_alarms=0.02)
    error = run.detect(tensors(images))
    scores = sorted(error.score.tolist())
    assert list(found.scores) == pytest.approx(scores)
    assert found.threshold == pytest.approx(scores[-2])  # floor(121 · 0.02) = 2
    assert found.pixels == pytest.approx(sorted(error.map.flatten(1).amax(1).tolist())[-2])
    assert found.middle == pytest.approx(float(error.map.median()), abs=1e-3)
    assert found.scale == (found.middle, 2 * found.pixels)
    again = saddle.load(run.folder, device="cpu").calibration
    assert again == found
    assert again.quantile(again.scores[60]) == 0.5
    assert (again.quantile(-1), again.quantile(99)) == (0, 1)


def test_the_order_and_the_names_of_images_change_nothing_and_copies_count_once(run: Run, tmp_path: Path) -> None:
    images = good(30, seed=5)
    first = run.calibrate(tensors(images), 0.1)
    second = run.calibrate([*images[::-1], images[3]], 0.1)
    paths = sorted(write(tmp_path / "good", images).iterdir())
    third = run.calibrate([*paths[5:], *map(str, paths[:5])], 0.1)
    assert first.fingerprint == second.fingerprint == third.fingerprint
    assert len(second.scores) == len(third.scores) == 30
    assert list(third.scores) == pytest.approx(list(first.scores))
    assert run.calibrate(tensors(images[1:]), 0.1).fingerprint != first.fingerprint


def test_images_of_the_training_and_of_the_scores_are_refused_by_their_pixels_and_named(
    run: Run, place: Path, tmp_path: Path
) -> None:
    fresh, known = write(tmp_path / "good", good(30, seed=6)), sorted((place / "data").iterdir())
    held_out = run.source.heldout
    assert held_out is not None
    kept = held_out.columns["image"][:][:, 0]
    trained_on = next(path for path in known if not any((np.asarray(Image.open(path)) == x).all() for x in kept))
    (tmp_path / "copy.png").write_bytes(trained_on.read_bytes())
    with pytest.raises(
        UsageError, match=r"1 of 31 images are among those of the training, by their pixels: .*copy\.png"
    ):
        run.calibrate([*fresh.iterdir(), tmp_path / "copy.png"], 0.1)
    with pytest.raises(UsageError, match="1 of 31 images are held out by the run's data, by their pixels: image 30"):
        run.calibrate([*good(30, seed=6), kept[0]], 0.1)
    assert run.calibration is None


def test_an_image_is_either_good_or_a_defect(run: Run) -> None:
    images = good(30, seed=7)
    with pytest.raises(UsageError, match=r"given as good and as defects: image 4 \(defect 1\)"):
        run.calibrate(images, 0.1, defects=[scratched(0), images[4]], best="f1")
    for wrong in ({"best": "f1"}, {"defects": [scratched(0)]}):
        with pytest.raises(UsageError, match="--best f1 and --defects go together"):
            run.calibrate(images, 0.1, **wrong)
    with pytest.raises(UsageError, match="the best by f1, not by 'auroc'"):
        run.calibrate(images, 0.1, defects=[scratched(0)], best="auroc")


def test_a_defect_of_the_runs_data_that_is_named_as_good_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from saddle.data.source import Split

    bad = np.stack([scratched(seed) for seed in range(3)])[:, None]
    split = Split({"image": bad, "defect": np.array([1, 0, 2])})
    monkeypatch.setitem(run.__dict__, "source", replace(run.source, heldout=split))
    with pytest.raises(UsageError, match="named as good, and defects by the run's data: image 30"):
        run.calibrate([*good(30, seed=8), bad[0, 0]], 0.1)
    with pytest.raises(UsageError, match="1 of 32 images are defects that were held out, by their pixels: defect 1"):
        run.calibrate(good(30, seed=8), 0.1, defects=[scratched(9), bad[2, 0]], best="f1")


def test_with_defects_the_best_f1_can_be_had(run: Run) -> None:
    fine, bad = good(40, seed=9), [scratched(seed) for seed in range(10)]
    found = run.calibrate(fine, 0.1, defects=bad, best="f1")
    assert found.scores[-1] < found.threshold < run.detect(tensors(bad)).score.min()
    assert (found.best, len(found.scores), len(found.images)) == ("f1", 40, 50)


def test_a_run_that_was_trained_on_since_wants_another_calibration(run: Run) -> None:
    image = tensors([scratched(0)])
    run.calibrate(good(20, seed=10), 0.1)
    assert run.detect(image).anomalous.all()
    path = run.files.calibration
    path.write_text(json.dumps(json.loads(path.read_text()) | {"checkpoint": "0" * 64, "round": 40}))
    for threshold in (None, "auto", 0.3):
        with pytest.raises(
            UsageError, match=r"calibrated at round 40, and these are other weights, of round 80.*Calibrate"
        ):
            run.detect(image, threshold)
    assert run.detect(image, "none").anomalous is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scores": []}, "scores or images"),
        ({"threshold": "high"}, "'threshold'"),
        ({"scores": [2, 1]}, "scores or images"),
    ],
)
def test_a_calibration_that_none_wrote_is_refused(run: Run, change: dict, said: str) -> None:
    run.calibrate(good(20, seed=10), 0.1)
    path = run.files.calibration
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SaddleError, match=f"is no calibration: its {said}"):
        run.detect(tensors([scratched(0)]))
    path.write_text("{")
    with pytest.raises(
        SaddleError, match=r"calibration\.json is not readable: .*saddle calibrate .* GOOD writes it anew"
    ):
        run.calibration  # noqa: B018


def test_it_holds_for_the_way_to_detect_that_it_was_made_with(run: Run) -> None:
    run.calibrate(good(20, seed=11), 0.1, steps=2)
    image = tensors([scratched(0)])
    assert run.detect(image, steps=2).anomalous.all()
    with pytest.raises(
        UsageError, match=r"calibrated with --steps 2, and --steps is not given now.*Detect with --steps 2"
    ):
        run.detect(image)
    with pytest.raises(UsageError, match="toy-mean has no 'restarts' to choose; there are steps"):
        run.calibrate(good(20, seed=11), 0.1, restarts=2)


def test_by_command_it_names_what_cannot_be_read_and_keeps_what_was_there(run: Run, tmp_path: Path, capsys) -> None:
    folder = write(tmp_path / "good", good(30, seed=12))
    assert main(["calibrate", str(run.folder), str(folder), "--false-alarms", "0.05", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["good"], said["false_alarms"], said["best"]) == (30, 0.05, None)
    before = run.files.calibration.read_bytes()
    (folder / "015b.png").write_bytes(b"\x89PNG but no picture")
    (folder / "notes.svg").write_text("<svg/>")
    assert main(["calibrate", str(run.folder), str(folder), "--false-alarms", "0.05"]) == 2
    assert "notes.svg: SVG files are not opened" in capsys.readouterr().err
    (folder / "notes.svg").unlink()
    assert main(["calibrate", str(run.folder), str(folder), "--false-alarms", "0.05"]) == 2
    assert "015b.png: begins like PNG, but is damaged" in capsys.readouterr().err
    assert run.files.calibration.read_bytes() == before


def test_a_folder_with_good_images_and_others_is_refused(run: Run, tmp_path: Path, capsys) -> None:
    for name in ("good", "bent", "scratched"):
        write(tmp_path / "test" / name, good(2, seed=13))
    assert main(["calibrate", str(run.folder), str(tmp_path / "test")]) == 2
    assert "holds more than good images: good, and bent, scratched; give the good ones alone" in capsys.readouterr().err


def test_maps_below_zero_and_numbers_that_are_none_are_no_ground_for_a_threshold(run: Run, monkeypatch) -> None:
    found = type(run.game).found
    for spoil, said in (
        (lambda x: x - 5, "maps are below 0"),
        (lambda x: x / 0, "image 0: .* not finite; nothing was"),
    ):

        def spoilt(self, image, share, spoil=spoil):
            return found(self, image, share)._replace(map=spoil(found(self, image, share).map))

        monkeypatch.setattr(type(run.game), "found", spoilt)
        with pytest.raises(SaddleError, match=said):
            run.calibrate(good(20, seed=14), 0.1)
    with pytest.raises(SaddleError, match="numbers that are not finite for 2 of 2 images"):
        run.detect(torch.zeros(2, 1, SIDE, SIDE))
