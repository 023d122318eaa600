"""The benchmarks run and write what they promise. How fast is no matter for a test."""

import json
import re
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

import saddle
from benchmarks import __main__ as benchmarks
from benchmarks import (
    against,
    few,
    folder,
    goals,
    losses,
    photos,
    r3gan,
    ranking,
    signs,
    small,
    stylegan2,
    threads,
    trainings,
    wgan_gp,
)
from benchmarks.bare_loop import bare_loop
from benchmarks.timing import Figure, Times, interleave
from benchmarks.usual_loop import Discriminator, Generator, usual_loop
from saddle.base.errors import UsageError
from saddle.base.kinds import choices
from saddle.losses import AdversarialLoss, RelativisticAverage
from saddle.runs import scoring

KEYS = {
    "small": ["trainer.overhead_small.ring", "trainer.overhead_small.ring_us"],
    "signs": ["signs.price.ring"],
    "checkpoint": ["checkpoint.save_seconds", "checkpoint.resume_seconds", "checkpoint.megabytes"],
}


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of a few crops, and batches of four of them."""
    whole = trainings.dcgan64
    monkeypatch.setattr(trainings, "dcgan64", lambda data, folder: whole(data, folder, batch=4, precision="fp32"))
    return photos.write(tmp_path / "photos.npy", n=16)


@pytest.mark.parametrize("name", KEYS)
def test_a_benchmark_writes_its_keys_as_numbers(name, tmp_path, monkeypatch):
    for of_games in (small, signs):
        monkeypatch.setattr(of_games, "GAMES", {"ring": ("gan", "ring", 1)})
    out = tmp_path / "bench.json"
    assert benchmarks.main(["--only", name, "--seconds", "0", "--out", str(out)]) == 0
    written = json.loads(out.read_text())
    for key in KEYS[name]:
        assert isinstance(written[key], float)
        low, high = written["quartiles"][key]
        assert low <= written[key] <= high
    assert written["machine"]["torch"] == torch.__version__


def test_every_goal_is_of_a_figure_that_is_measured():
    files = Path(benchmarks.__file__).parent.glob("*.py")
    code = "".join(path.read_text() for path in files if path.name not in ("__main__.py", "goals.py"))
    for key in goals.GOALS:
        name = key.partition(".")[0].removesuffix("64").removesuffix("128")
        if name in ("wgan-gp", "stylegan2", "r3gan", "cyclegan"):
            assert f'against(f"{name}' in code or f'against("{name}"' in code, f"nobody measures {key}"
        elif key.startswith("trainer.overhead_small."):
            assert key.rpartition(".")[2] in small.GAMES, f"nobody measures {key}"
        elif key.startswith("signs.price."):
            assert key.rpartition(".")[2] in signs.GAMES, f"nobody measures {key}"
        else:
            assert re.search(f'"{re.escape(key)}"[:,)]', code), f"nobody measures {key}"


@pytest.mark.parametrize(
    ("low", "high", "judged"),
    [(1.01, 1.2, "reached"), (1.0, 1.0, "reached"), (0.99, 1.2, "open"), (0.9, 1.0, "open"), (0.8, 0.99, "missed")],
)
def test_a_goal_is_open_where_the_quartiles_lie_on_both_sides_of_it(low, high, judged):
    assert goals.Goal(least=1).judge(Figure((low + high) / 2, low, high)) == judged
    turned = Figure(-(low + high) / 2, -high, -low)
    assert goals.Goal(most=-1).judge(turned) == judged, "a bound from above is judged alike"


def test_what_is_the_same_by_construction_is_measured_and_judged_once():
    once = against.in_both(Times({"other": [2.0], "saddle": [1.0]}, {}), "other", "a.free", "a.equal")
    assert once == {"a.free": Figure(2.0, 2.0, 2.0, same_as="a.equal"), "a.equal": Figure(2.0, 2.0, 2.0)}
    twice = against.in_both(Times({"other": [3.0], "saddle": [1.0], "saddle fp32": [2.0]}, {}), "other", "a", "b")
    assert twice == {"a": Figure(3.0, 3.0, 3.0), "b": Figure(1.5, 1.5, 1.5)}

    key, equal = "dcgan64.ratio_to_usual_loop", "dcgan64.ratio_at_equal_precision"
    told = benchmarks.line(key, Figure(2.0, 2.0, 2.0, same_as=equal))
    assert told.endswith(f"measured once, as {equal}")
    assert "goal" not in told
    assert f"goal ≥ {goals.EQUAL}: reached" in benchmarks.line(equal, Figure(2.0, 2.0, 2.0))
    written = benchmarks.to_json({key: Figure(2.0, 2.0, 2.0, same_as=equal), equal: Figure(2.0, 2.0, 2.0)}, {})
    assert written["measured_once"] == {key: equal}


def test_a_loop_is_compared_by_the_clock_and_in_the_processors_seconds_of_one_thread(tmp_path, monkeypatch):
    monkeypatch.delenv("BENCH_CLOCK", raising=False)
    threads = []

    def opened(precision):
        width = {"game.network.width": 4}
        return trainings.open_training("gan", "ring", tmp_path / precision, width, batch=4, precision=precision)

    def loop(training):
        return lambda: threads.append(torch.get_num_threads())

    with at_threads(2):
        found = against.against("gan", opened, loop, seconds=0, count=2)
        assert torch.get_num_threads() == 2
    assert set(threads) == {1, 2}
    assert found["gan.ratio_to_usual_loop"].same_as == "gan.ratio_at_equal_precision"  # points are in fp32 anyway
    assert not found["gan.ratio_of_processor_time"].same_as
    assert found["gan.processor_seconds_a_round"].value > 0

    monkeypatch.setenv("BENCH_CLOCK", "processor")
    with at_threads(1):
        once = against.against("gan", opened, loop, seconds=0)
    assert once["gan.ratio_of_processor_time"].same_as == "gan.ratio_at_equal_precision"


@contextmanager
def at_threads(count):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("module", [wgan_gp, stylegan2, r3gan])
def test_a_loop_in_the_authors_order_trains_both_players_and_leaves_saddles_own_alone(module, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(module, "against", lambda name, open, loop, *rest, **more: opened.append((open, loop)) or {})
    module.measure(tmp_path, 0)
    ((open_, loop),) = opened
    if module is not stylegan2:  # whose loop is its networks
        monkeypatch.setattr(module, "Theirs", Seen)
    training = open_("fp32")
    kept = {k: v.clone() for k, v in training.trainer.game.state_dict().items()}
    play = loop(training)
    its = play if module is stylegan2 else Seen.last
    players = {name: getattr(its, name) for name in ("generator", "discriminator", "averaged")}
    before = {name: [p.detach().clone() for p in player.parameters()] for name, player in players.items()}
    play()
    for name, player in players.items():
        moved = any(not torch.equal(a, b) for a, b in zip(before[name], player.parameters(), strict=True))
        assert moved != (module is wgan_gp and name == "averaged"), name
        assert all(torch.isfinite(p).all() for p in player.parameters())
    assert all(torch.equal(v, kept[k]) for k, v in training.trainer.game.state_dict().items())


class Seen(against.Theirs):
    """Remembers the last one that was made."""

    last: against.Theirs

    def __init__(self, training):
        super().__init__(training)
        Seen.last = self


def test_the_load_of_the_machine_stands_beside_the_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(small, "GAMES", {"ring": ("gan", "ring", 1)})
    out = tmp_path / "bench.json"
    assert benchmarks.main(["--only", "small", "--seconds", "0", "--out", str(out)]) == 0
    machine = json.loads(out.read_text())["machine"]
    assert {*machine["load"]} == {"before", "small"}
    assert all(len(loads) == 3 for loads in machine["load"].values())
    assert machine["isa"] == torch.backends.cpu.get_cpu_capability()
    assert machine["cores"] >= 1
    told = capsys.readouterr().out
    assert told.count("load: [") == 2
    assert machine["processor"] in told


def test_the_usual_loop_has_the_networks_of_saddles_dcgan(tiny, tmp_path):
    players = trainings.dcgan64(tiny, tmp_path / "run").trainer.game.players()
    for usual, name in ((Generator(), "generator"), (Discriminator(), "discriminator")):
        ours = sorted(tuple(p.shape) for p in players[name].parameters())
        assert ours == sorted(tuple(p.shape) for p in usual.parameters())


def test_the_loops_that_saddle_is_measured_against_train(tiny, tmp_path):
    training = trainings.dcgan64(tiny, tmp_path / "run")
    for play in (usual_loop(tiny, batch=4), bare_loop(training)):
        weights = [x for cell in play.__closure__ for x in _parameters(cell.cell_contents)]
        before = [w.detach().clone() for w in weights]
        play()
        assert weights
        assert all(not torch.equal(a, b) for a, b in zip(before, weights, strict=True))


def test_a_slow_minute_of_the_machine_cancels_out_of_a_ratio():
    times = Times({"a": [1.0, 10.0, 2.0], "b": [2.0, 20.0, 4.0]}, {})
    assert times.ratio("b", "a") == Figure(2.0, 2.0, 2.0)


def test_programs_are_run_in_turns_and_every_other_turn_backwards():
    ran: list[str] = []
    interleave({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, seconds=0, warm_up=1)
    assert "".join(ran) == "ab" + "abbaab"


def test_crops_are_real_and_the_same_every_time():
    one, two = photos.crops(3, 16), photos.crops(3, 16)
    assert (one == two).all()
    assert one.shape == (3, 16, 16, 3)
    assert one.std() > 10


def _parameters(value: object) -> list[torch.nn.Parameter]:
    """The trainable parameters of a network that a loop holds."""
    if isinstance(value, torch.nn.Module):
        return [p for p in value.parameters() if p.requires_grad]
    return []


def test_the_table_of_losses_has_every_class_and_both_columns_of_relativistic_ones():
    found = losses.every_loss()
    assert {name.partition(".")[0] for name in found} == set(choices(AdversarialLoss))
    assert found["RelativisticAverage.hinge"] == RelativisticAverage("hinge")


def test_settings_of_the_table_of_losses_reach_each_run(tmp_path, monkeypatch, capsys):
    asked = []

    def train(*_, settings, **__):
        asked.append(settings)
        raise UsageError("enough")

    monkeypatch.setattr(losses.saddle, "train", train)
    assert (
        losses.main(["--losses", "KL", "--set", "game.network.kernel=4", "plan.batch=8", "--out", str(tmp_path)]) == 0
    )
    assert (asked[0]["game.network.kernel"], asked[0]["plan.batch"]) == ("4", "8")
    with pytest.raises(SystemExit, match="2"):
        losses.main(["--set", "kernel"])
    assert "a setting is NAME=VALUE, not 'kernel'" in capsys.readouterr().err


def test_the_table_of_losses_is_sorted_and_gives_the_reason_of_those_refused(tmp_path, monkeypatch, capsys):
    scored = {"Hinge": 3.0, "KL": 2.0}

    def measure(name, loss, args):
        if name not in scored:
            return {"refused": "no energies"}
        return dict.fromkeys(losses.SCORES, scored[name]) | {"seconds": 1.0}

    monkeypatch.setattr(losses, "measure", measure)
    assert losses.main(["--losses", "Hinge,EnergyMargin,KL", "--out", str(tmp_path)]) == 0
    written = (tmp_path / "losses.md").read_text()
    assert written.splitlines()[2:] == [
        "| KL | 2 | 2 | 2 | 2 | 2 | 1 |",
        "| Hinge | 3 | 3 | 3 | 3 | 3 | 1 |",
        "",
        "- EnergyMargin: no energies",
    ]
    assert written in capsys.readouterr().out


def test_a_loss_that_cannot_go_with_the_networks_says_why_and_an_unknown_one_is_refused(tmp_path, capsys):
    assert losses.main(["--losses", "EnergyMargin", "--out", str(tmp_path)]) == 0
    assert "- EnergyMargin: EnergyMargin wants a discriminator that gives energies" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        losses.main(["--losses", "Hing", "--out", str(tmp_path)])
    assert "no loss Hing; there are" in capsys.readouterr().err


def test_the_ways_of_waiting_are_compared_with_libgomps_own(monkeypatch, capsys):
    monkeypatch.setattr(threads, "POLICIES", dict([*threads.POLICIES.items()][:2]))
    monkeypatch.setattr(threads, "train", lambda rounds, policy: rounds * (4.0 if "300000" in policy.values() else 1))
    assert threads.main(["--rounds", "10", "--turns", "1"]) == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert rows[2] == ["| libgomp's own", "40 s (1.00)", "40 s (1.00) |"]
    assert rows[3] == ["| `GOMP_SPINCOUNT=10000`", "10 s (0.25)", "10 s (0.25) |"]


def test_seconds_of_rounds_come_from_a_process_of_its_own():
    assert 0 < threads.train(1, threads.POLICIES["one thread"]) < 600


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> list[str]:
    """Of photos of 16 and of 20 pixels, and of digits."""
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "at_the_end", lambda *_: [])
        for name, data, side in (("a", "photos", 16), ("b", "photos", 20), ("c", "digits", 16)):
            settings = {"data.size": side, "game.network": "MLP", "game.network.width": 4, "plan.batch": 4}
            plan = {"plan.scores": 0, "plan.pictures": 0}
            saddle.train("gan", data, run=root / name, rounds=1, settings=settings | plan, quiet=True)
    return [str(root / name) for name in "abc"]


def test_runs_on_photos_are_compared_by_their_textures_at_the_size_of_the_smaller(runs, capsys, monkeypatch):
    monkeypatch.setattr(ranking, "OF_RUNS", ("fid", "precision", "swd"))  # floors look at all training images
    assert ranking.main([*runs[:2], "--count", "20"]) == 0
    head, _, *lines = capsys.readouterr().out.splitlines()
    assert head == f"| score | {runs[0]} | {runs[1]} | best |"
    assert [line.split("|")[1].strip() for line in lines] == [*ranking.OF_RUNS]
    for line in lines:
        values, best = re.findall(r"(\S+) ± ", line), line.split("|")[4].strip()
        assert len(values) == 2
        assert best in (*runs, "cannot be distinguished")


def test_runs_on_other_data_are_not_compared(runs):
    with pytest.raises(SystemExit, match="on the same data, and these are of digits, photos"):
        ranking.main(runs)


def test_what_a_folder_learns_stands_beside_what_its_untrained_networks_draw(tmp_path, monkeypatch, capsys):
    chance = np.random.default_rng(0)
    noise = {f"{i}.png": chance.integers(0, 256, (16, 16, 3), np.uint8) for i in range(80)}
    monkeypatch.setitem(folder.SETS, "photos", lambda: noise)
    monkeypatch.setattr(folder, "METRICS", ["swd"])
    small = ["--seconds", "0.1", "--set", "game.network.network.width=4", "--out", str(tmp_path)]
    assert folder.main(["photos", *small]) == 0
    figures, picture = capsys.readouterr().out.splitlines()[-2:]
    told = json.loads(figures)
    assert told["rounds"] >= 2
    assert told["untrained"]["swd"] != told["trained"]["swd"]
    assert Path(picture).exists()
    assert len(list((tmp_path / "photos").iterdir())) == len(noise)


@pytest.mark.skipif(not any(folder.FONTS.rglob("*.ttf")), reason="no fonts")
def test_the_letters_of_the_benchmark_are_the_same_every_time():
    first, again = (folder.glyphs(n=12) for _ in range(2))
    assert all(np.array_equal(image, again[name]) for name, image in first.items())
    assert len({image.tobytes() for image in first.values()}) == 12


def test_few_references_rank_damage_by_the_share_of_steps_that_grow_worse(monkeypatch):
    monkeypatch.setattr(few, "COUNTS", (4,))
    images = torch.rand(24, 1, 16, 16) * 2 - 1
    rows = [[images[8:], images[8:] / 2, images[8:] * 0]]  # ever greyer
    found = few.shares(images[:8], rows, images[:8], draws=2)
    assert found == {4: [1.0, 1.0]}
