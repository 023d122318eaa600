"""The doctor: each rule finds the runs that are broken its way, and leaves good ones alone."""

import inspect
import json
import math
import random
import shlex
from pathlib import Path

import pytest
import yaml

from benchmarks import broken
from saddle import cli
from saddle.base.events import Events
from saddle.base.folder import RunFolder
from saddle.base.settings import flat
from saddle.cli import data as data_command
from saddle.cli import evaluate, main, sample, train
from saddle.data import open_source
from saddle.doctor import STOPPING, Log, every_rule, examine
from saddle.doctor.log import middle, tail
from saddle.doctor.verdict import FIRST
from saddle.runs import recipe as recipes
from saddle.runs import registry
from saddle.runs.describe import commands
from saddle.runs.recipe import Recipe
from saddle.runs.session import train as play

REACHED = json.loads((Path(__file__).parents[1] / "docs" / "scores.json").read_text("utf-8"))
LOGS = Path(__file__).parent / "data" / "logs"
BROKEN = sorted(path.stem for path in LOGS.glob("*-[0-9].json"))
GOOD = sorted(path.stem for path in LOGS.glob("good-*.json"))
WITHOUT_RUN = {"slow_data", "failed"}  # no stored log has a slow disk or too little memory: their own tests are below


def log(name: str, path: Path = Path("runs/mine")) -> Log:
    return broken.read(LOGS / f"{name}.json", path)


@pytest.mark.parametrize("name", BROKEN)
def test_a_run_that_is_broken_on_purpose_is_found_by_its_rule(name):
    """Thresholds were chosen on one seed; the others test them (benchmarks/broken.py says which)."""
    verdict = examine(log(name))
    assert name.rpartition("-")[0] in [finding.rule for finding in verdict.findings]
    assert not verdict.healthy


@pytest.mark.parametrize("name", BROKEN)
def test_a_stored_log_is_of_the_recipe_that_makes_it_anew(name):
    rule, _, seed = name.rpartition("-")
    stored = Recipe.from_dict(log(name).recipe)  # with defaults for settings that are newer than it
    assert flat(stored.to_dict()) == flat(broken.broken(rule, int(seed)).to_dict())


def test_twenty_accepted_recipes_are_asked():
    assert len(GOOD) >= 20


@pytest.mark.parametrize("name", GOOD)
def test_an_accepted_recipe_is_healthy(name):
    verdict = examine(log(name))
    assert not verdict.findings, verdict.lines()
    assert verdict.line() == "nothing wrong was found"


@pytest.mark.parametrize("name", REACHED)
def test_the_scores_that_an_accepted_recipe_reached_are_no_alarm(name):
    """Rules that read scores and settings are asked about all recipes whose scores are in docs/scores.json."""
    file = Path(recipes.__file__).parents[1] / "recipes" / f"{name}.yaml"
    recipe = Recipe.read(file)
    start = {"event": "start", "commands": commands(registry.load(recipe.game))}
    reached = [{"name": score} | found for score, found in REACHED[name]["scores"].items()]
    last = {"event": "round", "round": REACHED[name]["rounds"]}
    verdict = examine(Log(Path("runs/mine"), [start, last], recipe.to_dict(), reached))
    assert not verdict.findings, verdict.lines()


def test_every_rule_has_a_broken_run_of_each_of_its_seeds():
    wanted = {f"{rule}-{seed}" for rule in every_rule().keys() - WITHOUT_RUN for seed in broken.seeds(rule)}
    assert wanted <= {*BROKEN}
    assert broken.BROKEN.keys() == every_rule().keys() - WITHOUT_RUN


@pytest.mark.learning
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", BROKEN)
def test_a_run_that_is_broken_anew_is_found_by_its_rule(name, tmp_path):
    rule, _, seed = name.rpartition("-")
    broken.written(broken.log_of(broken.broken(rule, int(seed)), tmp_path / name), tmp_path / "log.json")
    assert rule in [finding.rule for finding in examine(broken.read(tmp_path / "log.json")).findings]


@pytest.mark.parametrize("name", [*BROKEN, *GOOD])
def test_a_stored_log_is_small(name):
    assert (LOGS / f"{name}.json").stat().st_size < 30_000


@pytest.mark.parametrize("name", every_rule())
def test_a_rule_says_what_it_looks_at_and_when_it_warns(name):
    text = inspect.getdoc(every_rule()[name]) or ""
    assert "looks at" in text
    assert "warns" in text or "stop" in text or name in ("clipped",)


def test_rules_that_may_stop_a_run_are_rules():
    assert {*STOPPING} <= every_rule().keys()


@pytest.mark.parametrize("name", [name for name in BROKEN if name.endswith("-1")])
def test_cures_are_commands_that_parse_and_build(name, tmp_path):
    run = tmp_path / "mine"
    run.mkdir()
    found = log(name, run)
    Recipe.from_dict(dict(found.recipe)).write(run / "recipe.yaml")
    for finding in examine(found).findings:
        for cure in finding.cures:
            build(shlex.split(cure)[1:])


def build(words: list[str]) -> None:
    """UsageError for a command that does not exist, or a game that cannot be built on its data."""
    kinds = {"train": train, "sample": sample, "evaluate": evaluate, "data": data_command}
    args = cli.parse(kinds[words[0]], words[1:])
    if words[0] == "train":
        source = args.settings.get("data")
        recipe = Recipe.read(args.config) if args.config else Recipe.default(args.game, source)
        recipe = recipe.change(args.settings)
        registry.load(recipe.game)(open_source(recipe.data).spec, recipe.options)


def rounds(n: int, every: int = 25, **groups) -> list[dict]:
    """Events of a run of n rounds, in which a number is a function of the round."""
    start = {"event": "start", "rounds": n, "judgement": "probabilities", "commands": ["saddle sample"]}
    lines = [
        {"event": "round", "round": at, "seconds": at / 10}
        | {group: {name: f(at) for name, f in values.items()} for group, values in groups.items()}
        for at in range(every, n + 1, every)
    ]
    return [start, *lines]


def test_a_short_run_is_too_early_to_tell():
    made = Log(Path("r"), rounds(FIRST - 50, signs={"diversity": lambda at: 0.0}))
    assert examine(made).healthy
    assert "150 rounds are too few to tell" in examine(made).line()
    long = Log(Path("r"), rounds(FIRST + 50, signs={"diversity": lambda at: 0.0}))
    assert [finding.rule for finding in examine(long).findings] == ["collapsed"]


def test_losses_of_a_fair_game_do_not_hide_a_collapse():
    """The curves of one that was logged: D(real) 0.59, D(fake) 0.47, losses 1.25 and 0.86."""
    notes = {"d_real": lambda at: 0.59, "d_fake": lambda at: 0.47}
    losses = {"discriminator/adversarial": lambda at: 1.25, "generator/adversarial": lambda at: 0.86}
    healthy = rounds(1000, notes=notes, losses=losses, signs={"diversity": lambda at: 0.9})
    alike = rounds(1000, notes=notes, losses=losses, signs={"diversity": lambda at: 0.001})
    assert examine(Log(Path("r"), healthy)).healthy
    assert [finding.rule for finding in examine(Log(Path("r"), alike)).findings] == ["collapsed"]


@pytest.mark.parametrize(("lines", "behind", "warns"), [(9, 9, False), (10, 10, True), (20, 17, False), (20, 18, True)])
def test_a_fair_coin_is_no_weak_discriminator(lines, behind, warns):
    """Nine heads of nine come once in 512 times, ten of ten once in 1,024."""
    d_fake = {"d_real": lambda at: 0.5, "d_fake": lambda at: 0.51 if at > 25 * (3 * lines - behind) else 0.49}
    made = Log(Path("r"), rounds(75 * lines, notes=d_fake))
    assert bool(every_rule()["weak"].look(made)) == warns


def test_an_older_log_without_signs_is_read_and_says_so():
    verdict = examine(Log(Path("r"), rounds(1000, losses={"generator/adversarial": lambda at: 0.7})))
    assert verdict.healthy
    assert "no signs" in verdict.lines()[-1]


@pytest.mark.parametrize(
    ("signs", "said"),
    [
        (("diversity", "gradient/generator", "update/generator", "d_heldout"), "has none of: black and white pixels"),
        (("gradient/generator", "update/generator"), "none of: how different results are, judgements of held-out"),
        (("diversity", "gradient/x", "update/x"), "looked at of the signs of health: how different results are, grad"),
        (("diversity", "gradient/x", "update/x", "d_heldout", "saturated"), ""),
    ],
    ids=["points", "one image", "labels", "all"],
)
def test_a_game_without_some_signs_says_which_it_has(signs, said):
    made = Log(Path("r"), rounds(1000, signs=dict.fromkeys(signs, lambda at: 0.5)))
    verdict = examine(made)
    assert verdict.healthy
    assert said in verdict.unseen
    assert bool(said) == bool(verdict.unseen)
    assert verdict.to_dict()["unseen"] == verdict.unseen
    assert verdict.lines() == ["nothing wrong was found", *filter(None, [verdict.unseen])]


def test_waiting_for_data_is_noticed():
    made = rounds(1000)
    for event in made[1:]:
        event["waited"] = 1.0  # of 2.5 seconds
    assert [finding.rule for finding in examine(Log(Path("r"), made)).findings] == ["slow_data"]


def test_tail_and_middle():
    curve = [(at, 2.0 * at) for at in range(12)]
    assert tail(curve) == curve[8:]
    assert len(tail(curve[:4])) == 3
    assert middle(tail(curve)) == 19


def write(folder: Path, events: list[dict]) -> Path:
    Recipe.default("gan", "ring").write(folder / "recipe.yaml")
    with Events(folder / "events.jsonl") as log:
        for event in events:
            log.write(event["event"], **{key: value for key, value in event.items() if key != "event"})
    return folder


def test_the_command_exits_with_0_for_a_healthy_run_and_with_1_for_another(tmp_path, capsys):
    for name, diversity, code in (("good", 0.9, 0), ("bad", 0.0, 1)):
        (tmp_path / name).mkdir()
        run = write(tmp_path / name, rounds(1000, signs={"diversity": lambda at, d=diversity: d}))
        assert main(["doctor", str(run)]) == code
        told = capsys.readouterr().out
        assert ("nothing wrong" in told) == (code == 0)
        assert main(["doctor", str(run), "--json"]) == code
        assert json.loads(capsys.readouterr().out)["healthy"] == (code == 0)
    assert main(["doctor", str(tmp_path / "nowhere")]) == 2
    assert "not a run folder" in capsys.readouterr().err


def test_a_run_still_going_on_is_judged_by_what_it_logged(tmp_path, capsys):
    run = write(tmp_path, rounds(1000, signs={"diversity": lambda at: 0.9})[:-20])
    assert main(["doctor", str(run)]) == 0
    assert "nothing wrong" in capsys.readouterr().out


ODD = [None, True, "x", [], {}, [1, 2], {"a": 1}, math.nan, math.inf, -1, {"value": None}, {"modes": {"value": 3}}]


@pytest.mark.parametrize("name", BROKEN[::8])
def test_a_log_with_odd_values_is_read_as_if_they_were_not_there(name, tmp_path):
    """In place of any field of any event, of all events, and of the recipe."""
    rng = random.Random(0)
    folder = RunFolder(tmp_path)
    for _ in range(12):
        found = json.loads((LOGS / f"{name}.json").read_text())
        where = rng.choice([*found["events"], *found["events"], found["recipe"], found["recipe"]["game"]])
        field = rng.choice([key for key in where if key != "event"])
        for each in found["events"] if where in found["events"] and rng.random() < 0.3 else [where]:
            each[field] = rng.choice(ODD)
        folder.recipe.write_text(yaml.safe_dump(found["recipe"]))
        (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in found["events"]))
        verdict = examine(Log.of(folder))
        assert verdict.lines()
        assert json.dumps(verdict.to_dict())


def test_a_run_of_a_seed_that_failed_says_why_and_one_without_a_log_is_too_early(tmp_path, capsys):
    for name in ("failed", "empty"):
        (tmp_path / name).mkdir()
    stop = {"event": "stop", "round": 1000, "reason": "out of memory", "message": "it needs 9 GB"}
    failed = write(tmp_path / "failed", [*rounds(1000, signs={"diversity": lambda at: 0.9}), stop])
    assert main(["doctor", str(failed)]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "the run stopped before its end: out of memory seen: it needs 9 GB" in told
    assert f"saddle train --run {failed}" in told
    Recipe.default("gan", "ring").write(tmp_path / "empty" / "recipe.yaml")
    assert main(["doctor", str(tmp_path / "empty")]) == 0
    assert "0 rounds are too few to tell" in capsys.readouterr().out


def test_a_training_ends_with_the_verdict_in_its_log_and_in_info_and_the_report(tmp_path, capsys):
    short = {"plan.rounds": 220, "plan.minutes": None, "plan.batch": 16, "plan.scores": 0, "plan.pictures": 1}
    play(Recipe.default("gan", "ring").change({**short, "plan.samples": 100}), tmp_path / "run", "cpu")
    told = capsys.readouterr().out
    verdict = next(line for line in told.splitlines() if line.startswith("the doctor: "))
    assert main(["info", str(tmp_path / "run")]) == 0
    assert verdict.removeprefix("the doctor: ")[:40] in " ".join(capsys.readouterr().out.split())
    page = (tmp_path / "run" / "report.html").read_text()
    assert "The doctor: " in page
    assert "Signs of health" in page
    assert "its log has none of: black and white pixels" in page  # of points


def test_a_plan_may_stop_a_run_that_is_ill_in_two_windows_running_and_it_is_saved(tmp_path):
    from saddle.runs.diagnosing import Unwell

    settings = {"game.optim": {"class": "Adam", "lr": 1e-9}, "game.discriminator_optim": {"class": "Adam", "lr": 1e-3}}
    small = {"plan.rounds": 2000, "plan.minutes": None, "plan.scores": 0, "plan.pictures": 0, "plan.batch": 16}
    recipe = Recipe.default("gan", "ring").change({**settings, **small, "plan.doctor": "stop", "game.z_dim": 1})
    recipe = recipe.change({"game.network": {"class": "MLP", "width": 4, "depth": 1}})
    with pytest.raises(Unwell, match="stopped and saved after round"):
        play(recipe, tmp_path / "run", "cpu", quiet=True)
    saved = sorted((tmp_path / "run" / "checkpoints").iterdir())
    assert saved[-1].name < "round-0002000"
    noted = recipe.change({"plan.doctor": "note", "plan.rounds": 700})
    play(noted, tmp_path / "other", "cpu", quiet=True)


@pytest.mark.parametrize(
    ("modes", "evidence"),
    [((0, 0), None), ((8, 8), None), ((0, 3), "it draws 3 of 8 modes"), ((3, 0), "it draws 0 of 8 modes")],
)
def test_samples_that_are_still_far_from_every_mode_have_dropped_none(modes, evidence):
    found = [{"modes": {"value": n, "fingerprint": {"mixture_count": 8}}} for n in modes]
    events = [{"event": "score", "round": i, "scores": scores} for i, scores in enumerate(found)]
    asked = every_rule()["dropped"].look(Log(Path("runs/mine"), events, Recipe.default("gan", "ring").to_dict(), []))
    assert (asked and asked.evidence) == evidence


def test_the_final_score_says_how_many_modes_there_are():
    """On the way DRAGAN drew 23 and 24 of 25, and in the end, of more samples, all."""
    found = {"name": "modes", "value": 24.0, "fingerprint": {"mixture_count": 25}}
    way = [{"event": "score", "round": at, "scores": {"modes": found}} for at in (100, 200)]
    for last, warns in ((25.0, False), (24.0, True)):
        made = Log(Path("r"), way, Recipe.default("gan", "grid").to_dict(), [found | {"value": last}])
        assert bool(every_rule()["dropped"].look(made)) == warns


@pytest.mark.parametrize(
    ("scores", "evidence"),
    [
        ({"recall": 0.02, "coverage": 0.7, "classes": 0.08}, None),
        ({"recall": 0.02, "coverage": 0.3}, "recall is 0.02 (below 0.1), coverage 0.3 (below 0.4)"),
        ({"recall": 0.5, "coverage": 0.7, "classes": 0.01}, "the rarest class is 1.0% of the samples, below 2%"),
        ({"recall": 0.0, "coverage": 1.0, "classes": 0.0}, None),  # of 32 images, which may lack a digit
        ({"classes": 0.0}, None),  # of so few images that coverage cannot be measured
    ],
)
def test_a_digit_is_dropped_only_if_parts_of_the_data_are_not_covered(scores, evidence):
    found = [{"name": name, "value": value} for name, value in scores.items()]
    asked = every_rule()["dropped"].look(Log(Path("runs/mine"), (), Recipe.default("gan").to_dict(), found))
    assert (asked and asked.evidence) == evidence
