"""Runs are compared honestly: what differs, by how much, and whether seeds can tell."""

import csv
import json
import math

import pytest
from scipy import stats

from saddle.base.errors import UsageError
from saddle.base.folder import RunFolder
from saddle.cli import main
from saddle.metrics.significance import holm, welch
from saddle.runs.differing import compare
from saddle.runs.recipe import Recipe


def test_welch_is_scipys_and_its_interval_holds_the_difference():
    first, second = [1.0, 2.0, 4.0, 3.5], [3.0, 5.0, 4.5]
    ours = welch(first, second)
    theirs = stats.ttest_ind(second, first, equal_var=False)
    interval = theirs.confidence_interval(0.95)
    assert ours.p == pytest.approx(theirs.pvalue)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high))
    assert ours.low < ours.value < ours.high


def test_the_effect_is_the_difference_in_deviations_with_hedges_correction():
    found = welch([0.0, 2.0], [3.0, 5.0])
    assert found.effect == pytest.approx(3 / math.sqrt(2) * (1 - 3 / 7))


def test_one_run_or_no_deviation_tells_nothing():
    assert welch([1.0], [2.0, 3.0]) is None
    assert welch([1.0, 1.0], [2.0, 2.0]) is None


def test_holm_multiplies_the_smallest_chance_by_their_number_and_never_turns_the_order():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]


def run(folder, name, value, seed=0, lr=0.001, mark="abc", reason="finished"):
    path = folder / name
    path.mkdir()
    recipe = Recipe.default("gan", "ring").change({"plan.seed": seed, "game.optim.lr": lr, "plan.rounds": 100})
    recipe.write(path / "recipe.yaml")
    with RunFolder(path).log() as log:
        log.write("start", round=0, rounds=100)
        log.write("round", round=50, losses={"generator/adversarial": 0.7}, notes={})
        log.write("stop", round=100, reason=reason)
    score = {"name": "modes", "value": value, "uncertainty": 0.1, "better": "higher"}
    RunFolder(path).write_scores([score | {"fingerprint": {"seed": 0, "mixture_hash": mark}, "round": 100}])
    return path


def test_runs_of_three_seeds_each_differ_or_cannot_be_distinguished(tmp_path):
    for k, (a, b) in enumerate([(4.0, 8.0), (5.0, 7.9), (4.5, 8.0)]):
        run(tmp_path, "a" if not k else f"a-seed{k}", a, seed=k)
        run(tmp_path, "b" if not k else f"b-seed{k}", b, seed=k, lr=0.002)
        run(tmp_path, "c" if not k else f"c-seed{k}", a + 0.1, seed=k, lr=0.003)
    found = compare([tmp_path / name for name in "abc"], seeds=3)
    assert found.settings == {"game.optim.lr": ("0.001", "0.002", "0.003")}
    first, second, third = found.lines
    assert (first.value, first.runs) == (4.5, 3)
    assert second.says == "differ"
    assert second.low > 0
    assert third.says == "cannot be distinguished"
    assert third.low < 0 < third.high


def test_one_seed_each_is_no_claim(tmp_path, capsys):
    places = [str(run(tmp_path, "a", 4.0)), str(run(tmp_path, "b", 8.0, lr=0.002))]
    assert main(["compare", *places, "--csv", str(tmp_path / "scores.csv")]) == 0
    assert "one seed each: no claim" in " ".join(capsys.readouterr().out.split())
    rows = list(csv.DictReader((tmp_path / "scores.csv").open()))
    assert [row["value"] for row in rows] == ["4.0", "8.0"]
    page = (tmp_path / "a" / "compare.html").read_text()
    assert "game.optim.lr" in page
    assert "generator/adversarial" in page
    assert main(["compare", *places, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"][1]["says"] == "one seed each: no claim"


def test_missing_seeds_are_trained_beside_the_run_and_taken_the_next_time(tmp_path, capsys):
    small = {"plan.rounds": 3, "plan.batch": 16, "plan.scores": 0, "plan.pictures": 0, "plan.samples": 50}
    places = []
    for name, lr in (("a", "0.001"), ("b", "0.002")):
        words = [word for key, value in small.items() for word in (f"--{key}", str(value))]
        assert (
            main(["train", "gan", "--data", "ring", "--run", str(tmp_path / name), *words, "--game.optim.lr", lr]) == 0
        )
        places.append(str(tmp_path / name))
    assert main(["compare", *places, "--seeds", "2"]) == 0
    assert capsys.readouterr().out.count("training ") == 2
    assert Recipe.read(tmp_path / "a-seed1").plan.seed == 1
    assert main(["compare", *places, "--seeds", "2"]) == 0
    assert "training " not in capsys.readouterr().out


def test_a_seed_that_diverges_is_named_and_the_doctor_says_why(tmp_path, capsys):
    places = [str(run(tmp_path, "a", 4.0, lr=1e30)), str(run(tmp_path, "b", 8.0))]
    assert main(["compare", *places, "--seeds", "2"]) == 1
    told = capsys.readouterr()
    assert "a-seed1, seed 1, came to no end: " in " ".join(told.err.split())
    assert main(["doctor", str(tmp_path / "a-seed1")]) == 1
    assert "not_finite: " in capsys.readouterr().out


def test_what_was_not_measured_alike_is_refused_by_name(tmp_path):
    places = [run(tmp_path, "a", 4.0), run(tmp_path, "b", 8.0, mark="other")]
    with pytest.raises(UsageError, match="modes was not measured alike in these runs: its mixture_hash differ"):
        compare(places)


def test_runs_without_scores_or_twice_the_same_are_refused(tmp_path):
    a = run(tmp_path, "a", 4.0)
    with pytest.raises(UsageError, match="two different runs"):
        compare([a, a])
    b = run(tmp_path, "b", 4.0, reason="interrupted")
    (b / "scores.json").unlink()
    with pytest.raises(UsageError, match="let it finish: saddle train --run"):
        compare([a, b])
    with pytest.raises(UsageError, match="not a run folder"):
        compare([a, tmp_path / "nowhere"])
