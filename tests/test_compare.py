"""Runs are compared honestly: what differs, by how much, and whether seeds can tell."""

import csv
import json
import math

import pytest
from scipy import stats

from saddle.base.errors import SaddleError, UsageError
from saddle.base.folder import RunFolder
from saddle.cli import main
from saddle.metrics.significance import holm, welch
from saddle.runs import differing
from saddle.runs.differing import compare
from saddle.runs.recipe import Recipe
from saddle.training.health import Diverged, Interrupted


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
    assert welch([1.0, math.nan], [2.0, 3.0]) is None


def test_holm_multiplies_the_smallest_chance_by_their_number_and_never_turns_the_order():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Where the pages go."""
    monkeypatch.chdir(tmp_path)


def run(folder, name, value, seed=0, lr=0.001, mark="abc", reason="finished", signs=None, score="modes", samples=2000):
    path = folder / name
    path.mkdir()
    recipe = Recipe.default("gan", "ring").change({"plan.seed": seed, "game.optim.lr": lr, "plan.rounds": 100})
    recipe.write(path / "recipe.yaml")
    with RunFolder(path).log() as log:
        log.write("start", round=0, rounds=100)
        log.write("round", round=50, losses={"generator/adversarial": 0.7}, notes={}, **(signs or {}))
        if reason:
            log.write("stop", round=100, reason=reason, message="" if reason == "finished" else "round 7: no numbers")
    score = {"name": score, "value": value, "uncertainty": 0.1, "better": "higher"}
    fingerprint = {"seed": 0, "mixture_hash": mark, "samples": samples}
    RunFolder(path).write_scores([score | {"fingerprint": fingerprint, "round": 100}])
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
    page = (tmp_path / "compare-a-b.html").read_text()
    assert "game.optim.lr" in page
    assert "generator/adversarial" in page
    assert main(["compare", *places, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"][1]["says"] == "one seed each: no claim"


@pytest.mark.parametrize(("option", "name"), [("--out", "notes.html"), ("--csv", "notes.csv"), ("--out", "folder")])
def test_what_compare_did_not_write_is_never_overwritten(option, name, tmp_path, capsys):
    places = [str(run(tmp_path, "a", 4.0)), str(run(tmp_path, "b", 8.0, lr=0.002))]
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.html").write_text("<title>mine</title>")
    (tmp_path / "notes.csv").write_text("mine,too\n")
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert main(["compare", *places, option, name, "--seeds", "3"]) == 2  # and no seed is trained
    assert f"{option} {name} exists, and saddle compare did not write it" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_the_same_comparison_writes_its_own_files_anew(tmp_path, capsys):
    places = [str(run(tmp_path, "a", 4.0)), str(run(tmp_path, "b", 8.0, lr=0.002))]
    for _ in range(2):
        assert main(["compare", *places, "--out", "pages/ab.html", "--csv", "ab.csv"]) == 0
        assert "curves and pictures: pages/ab.html" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "ab.csv", "b", "pages"]


def test_fractions_are_shown_with_four_digits_unless_they_were_alike_then(tmp_path, capsys):
    for first, second, shown in (
        ("0.00044564335346608855", "0.002", "0.0004456"),
        ("0.1234567", "0.1234568", "0.1234567"),
    ):
        at = tmp_path / second
        at.mkdir()
        places = [run(at, "a", 4.0, lr=float(first)), run(at, "b", 4.0, lr=float(second))]
        assert main(["compare", *map(str, places)]) == 0
        row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("game.optim.lr"))
        assert row.split()[1:] == [shown, second]


def test_missing_seeds_are_trained_beside_the_run_and_taken_the_next_time(tmp_path, capsys):
    small = {"plan.rounds": 3, "plan.batch": 16, "plan.scores": 0, "plan.pictures": 0, "plan.samples": 50}
    places = []
    for name, lr in (("a", "0.001"), ("b", "0.002")):
        words = [word for key, value in small.items() for word in (f"--{key}", str(value))]
        assert (
            main(["train", "gan", "--data", "ring", "--run", str(tmp_path / name), *words, "--game.optim.lr", lr]) == 0
        )
        places.append(str(tmp_path / name))
    capsys.readouterr()
    assert main(["compare", *places, "--seeds", "2", "--json"]) == 0
    told = capsys.readouterr()
    assert told.err.count("training ") == 2
    assert json.loads(told.out)["lines"][0]["runs"] == 2
    assert Recipe.read(tmp_path / "a-seed1").plan.seed == 1
    assert main(["compare", *places, "--seeds", "2"]) == 0
    assert "training " not in capsys.readouterr().out


def test_a_seed_that_diverges_is_named_and_the_doctor_says_why(tmp_path, capsys):
    places = [str(run(tmp_path, "a", 4.0, lr=1e30)), str(run(tmp_path, "b", 8.0))]
    assert main(["compare", *places, "--seeds", "2"]) == 1
    told = capsys.readouterr()
    assert "a-seed1, seed 1, came to no end, and there is no mean over seeds without it: " in " ".join(told.err.split())
    assert main(["doctor", str(tmp_path / "a-seed1")]) == 1
    assert "not_finite: " in capsys.readouterr().out


def test_what_was_not_measured_alike_is_refused_by_name(tmp_path):
    places = [run(tmp_path, "a", 4.0), run(tmp_path, "b", 8.0, mark="other")]
    with pytest.raises(
        UsageError, match=r"modes was not measured alike .* mixture_hash is 'abc' there and 'other' here"
    ):
        compare(places)


def test_seeds_that_were_measured_otherwise_are_refused_by_name(tmp_path):
    """As where one of them was trained again with other samples."""
    places = [run(tmp_path, "a", 4.0), run(tmp_path, "b", 8.0, lr=0.002)]
    run(tmp_path, "a-seed1", 4.0, seed=1)
    run(tmp_path, "b-seed1", 4.0, seed=1, lr=0.002, mark="other")
    with pytest.raises(UsageError, match="b-seed1: mixture_hash is 'abc' there and 'other' here"):
        compare(places, seeds=2)


def test_what_cannot_be_compared_is_refused_before_a_seed_is_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(differing, "train", lambda *_, **__: pytest.fail("trained"))
    a, b = run(tmp_path, "a", 4.0), run(tmp_path, "b", 8.0, mark="other")
    with pytest.raises(UsageError, match="not measured alike"):
        compare([a, b], seeds=3)
    c = run(tmp_path, "c", 8.0)
    run(tmp_path, "c-seed2", 8.0, seed=2, lr=0.002)
    with pytest.raises(UsageError, match="c-seed2 holds a run of another recipe"):
        compare([a, c], seeds=3)
    d = run(tmp_path, "a-seed1", 4.0, seed=1)
    with pytest.raises(UsageError, match="a-seed1 is a further seed of another of these runs"):
        compare([a, d], seeds=2)
    e = run(tmp_path, "e", 4.0, score="fid")
    with pytest.raises(UsageError, match="no score is of all of these runs: a has modes; e has fid"):
        compare([a, e])


def test_a_seed_that_fails_is_named_and_an_interrupted_one_goes_on_by_the_same_command(tmp_path, monkeypatch):
    places = [run(tmp_path, "a", 4.0), run(tmp_path, "b", 8.0, lr=0.002)]
    said = []

    def fail(error):
        def train(recipe, path, device, quiet):
            raise error

        monkeypatch.setattr(differing, "train", train)
        compare(places, seeds=3, say=said.append)

    with pytest.raises(SaddleError, match=r"a-seed1, seed 1, came to no end, .* without it: round 7: the loss"):
        fail(Diverged("round 7: the loss of generator is not finite"))
    assert said == [f"training {tmp_path / 'a-seed1'}: gan with seed 1 (1 of 4)"]
    with pytest.raises(Interrupted):
        fail(Interrupted("saved"))


def test_seeds_without_deviation_are_no_test(tmp_path):
    for k in range(3):
        for name, value in (("a", 4.0), ("b", 8.0), ("c", 4.0), ("d", math.nan)):
            run(tmp_path, name if not k else f"{name}-seed{k}", value, seed=k)
    lines = compare([tmp_path / name for name in "abcd"], seeds=3).lines
    assert [line.says for line in lines[1:]] == [
        "no deviation between seeds: no test",
        "the same in every run",
        "not measured in every run: no claim",
    ]
    assert all(math.isnan(line.p) for line in lines)


def test_a_run_without_signs_is_compared_and_the_page_says_what_one_run_alone_has(tmp_path, capsys):
    """As one that was made before there were any."""
    old = run(tmp_path, "old", 4.0)
    new = run(tmp_path, "new", 5.0, signs={"signs": {"diversity": 0.9}})
    assert main(["compare", str(old), str(new)]) == 0
    assert "In the log of one run alone: diversity (new)." in (tmp_path / "compare-old-new.html").read_text()
    assert "No setting differs but the seed" in capsys.readouterr().out


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
    places = [run(tmp_path / folder, "a", 4.0) for folder in ("x", "y")]
    assert [group.name for group in compare(places).groups] == [str(place) for place in places]


def test_runs_of_other_numbers_of_samples_are_told_how_to_be_scored_alike(tmp_path):
    places = [run(tmp_path, "a b", 4.0), run(tmp_path, "c", 8.0, samples=5000)]
    with pytest.raises(UsageError) as caught:
        compare(places)
    assert str(caught.value) == (
        f"modes was not measured alike in {places[0]} and {places[1]}: samples is 2000 there and 5000 here; "
        f"scores of as many are comparable: saddle evaluate '{places[0]}' -n 5000 and "
        f"saddle evaluate {places[1]} -n 5000"
    )


def test_runs_without_scores_or_twice_the_same_are_refused(tmp_path):
    a = run(tmp_path, "a", 4.0)
    with pytest.raises(UsageError, match="two different runs"):
        compare([a, a])
    b = run(tmp_path, "b", 4.0, reason="interrupted")
    with pytest.raises(UsageError, match=r"b has no end yet: it is interrupted; .* let it finish: saddle train --run"):
        compare([a, b])
    c = run(tmp_path, "c", 4.0)
    (c / "scores.json").unlink()
    with pytest.raises(UsageError, match="c has no final scores; the same training measures them: saddle train --run"):
        compare([a, c])
    d = run(tmp_path, "d", 4.0, reason=None)
    with pytest.raises(UsageError, match="it is running or killed; wait for it if it is being trained"):
        compare([a, d])
    e = run(tmp_path, "e", 4.0, reason="stopped")
    with pytest.raises(UsageError, match="e failed, so there is nothing to compare: round 7"):
        compare([a, e])
    with pytest.raises(UsageError, match="not a run folder"):
        compare([a, tmp_path / "nowhere"])
