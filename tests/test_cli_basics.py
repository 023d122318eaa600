"""The command line itself: help, versions, dispatch, exit codes; and the commands that need no run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import saddle
from saddle import cli
from saddle.base.settings import explain
from saddle.cli import list as list_command
from saddle.cli import main
from saddle.data import list_sources
from saddle.runs import catalogue, registry
from saddle.runs.describe import settings_of
from saddle.runs.recipe import Recipe
from saddle.training.health import Interrupted


def saddle_in_a_process(*argv: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)  # type: ignore[call-overload]


@pytest.mark.parametrize("argv", [["--help"], ["list"], ["data"], ["train", "--help"], ["--version"]])
def test_what_needs_no_torch_imports_none(argv: list[str]):
    done = saddle_in_a_process("-X", "importtime", "-m", "saddle", *argv)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert done.returncode == 0
    assert "saddle.cli" in imported
    assert not imported & {"torch", "sklearn", "numpy"}


def test_the_package_imports_nothing_heavy_and_finds_its_modules():
    code = (
        "import saddle, sys; assert 'torch' not in sys.modules; print(saddle.losses.Hinge().__class__, saddle.__all__)"
    )
    done = saddle_in_a_process("-c", code)
    assert done.returncode == 0, done.stderr
    assert "saddle.losses.adversarial.Hinge" in done.stdout


def test_every_public_name_exists_and_no_other():
    assert all(getattr(saddle, name) for name in saddle.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'gans'"):
        saddle.gans  # noqa: B018


def test_help_names_every_command_and_exit_code(capsys: pytest.CaptureFixture[str]):
    assert main([]) == main(["--help"]) == 0
    told = capsys.readouterr().out
    assert [name for name in cli.commands() if f"\n  {name} " not in told] == []
    assert [
        code for code in ("0 done", "1 failed", "2 asked", "75 interrupted", "130 stopped") if code not in told
    ] == []


@pytest.mark.parametrize("command", cli.commands())
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]):
    assert main([command, "--help"]) == 0
    assert f"saddle {command}" in capsys.readouterr().out.partition("\n\n")[2]


def test_version(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"saddle {saddle.__version__}\n"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (Interrupted("saved"), 75, "saddle: saved\n"),
        (KeyboardInterrupt(), 130, "saddle: stopped\n"),
        (OSError(28, "No space left on device", "x/y"), 1, "saddle: No space left on device: x/y\n"),
        (MemoryError(), 1, "saddle: memory ran out; ask for less at a time\n"),
        (RuntimeError("DefaultCPUAllocator: can't allocate"), 1, "saddle: memory ran out; ask for less at a time\n"),
    ],
)
def test_errors_leave_with_their_code_and_one_line(
    error: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fail(args: object) -> None:
        raise error

    monkeypatch.setattr(list_command, "run", fail)
    assert main(["list"]) == code
    assert capsys.readouterr().err == said


def test_bugs_and_debugging_show_the_traceback(monkeypatch: pytest.MonkeyPatch):
    def fail(args: object) -> None:
        raise error

    monkeypatch.setattr(list_command, "run", fail)
    error: Exception = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        main(["list"])
    monkeypatch.setenv("SADDLE_DEBUG", "1")
    error = Interrupted("saved")
    with pytest.raises(Interrupted):
        main(["list"])


def test_a_reader_that_has_gone_is_no_error():
    command = f"{sys.executable} -m saddle list | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def alone(monkeypatch):
    """Without the games that other tests define."""
    monkeypatch.setattr(catalogue, "guests", list)


def test_list_shows_every_game_once_in_its_group(alone, capsys: pytest.CaptureFixture[str]):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("   ")]
    assert sorted(shown) == registry.names()
    titles = [line for line in lines[:-1] if line and not line.startswith(" ")]
    assert titles == list(catalogue.grouped())
    assert lines[lines.index("Draw new samples") + 1].split()[0] == "dcgan"
    assert lines[lines.index("Draw new samples") + 1].endswith(". Begin here.")


def test_list_tells_programs_the_paper_of_every_game(alone, capsys: pytest.CaptureFixture[str]):
    assert main(["list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {entry["name"]: entry["paper"] for entry in told} == {
        name: registry.summary(name) for name in registry.names()
    }


def test_data_lists_the_sources_and_checks_one(capsys: pytest.CaptureFixture[str]):
    assert main(["data", "--json"]) == 0
    assert {entry["name"] for entry in json.loads(capsys.readouterr().out)} == list_sources().keys()
    assert main(["data", "check", "digits", "--data.size", "16", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["images"], told["sizes"], told["good"]) == (1797, {"16×16": 1797}, True)


def test_data_check_names_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "bad.png").write_text("<!doctype html>")
    assert main(["data", "check", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "bad.png: an HTML page, not an image" in said.out
    assert "cannot be trained on as it is" in said.err


def described(capsys: pytest.CaptureFixture[str], *argv: str) -> dict:
    assert main(["describe", *argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_describe_traces_the_moves_of_a_round(capsys: pytest.CaptureFixture[str]):
    told = described(
        capsys, "wgan-gp", "--data", "ring", "--game.discriminator_steps", "3", "--game.network.width", "512"
    )
    critic = {"players": ["discriminator"], "losses": ["adversarial", "gradient_penalty"]}
    assert told["moves"] == [critic] * 3 + [{"players": ["generator"], "losses": ["adversarial"]}]
    assert told["batches"] == 3
    assert told["players"] == {"generator": 527_874, "discriminator": 527_361}


def test_describe_tells_where_the_recipe_leaves_the_paper(capsys: pytest.CaptureFixture[str]):
    rows = described(capsys, "wgan-gp", "--data", "ring")["settings"]
    told = {entry["name"]: entry for entry in rows}
    assert (
        told["game.penalties.GradientPenalty.weight"]["value"],
        told["game.penalties.GradientPenalty.weight"]["default"],
    ) == (0.1, 10.0)
    assert (told["game.network"]["value"], told["game.network"]["default"]) == ("MLP", "ResNet")
    assert "default" not in told["game.network.depth"]  # of MLP, which the paper's ResNet does not have
    widths = [(row["meaning"], row.get("value"), row.get("default")) for row in rows if row["name"].endswith(".width")]
    assert told["plan.batch"]["meaning"] == "samples in a batch, over all processes and micro-batches"
    assert widths == [("units of a hidden layer", 128, None), ("channels everywhere", None, 128)]  # two settings


def test_a_setting_that_the_papers_part_does_not_have_has_no_default_and_the_papers_own_are_listed(
    capsys: pytest.CaptureFixture[str],
):
    rows = [row for row in described(capsys, "aae")["settings"] if row["name"].startswith("game.optim")]
    told = {row["name"].removeprefix("game.optim."): (row.get("default"), row.get("value")) for row in rows}
    assert told["lr"] == (0.01, 0.001)  # SGD's in the paper, Adam's here
    assert told["betas"] == (None, [0.9, 0.999])
    assert (told["momentum"], told["momentum.value"]) == (("Constant", None), (0.9, None))


@pytest.mark.parametrize("game", registry.names())
def test_every_setting_stands_once_with_the_values_of_default_and_recipe(game: str):
    recipe = Recipe.default(game)
    rows = [row for row in settings_of(recipe) if row["name"].startswith("game.")]
    for column, options in {"default": type(recipe.options)(), "value": recipe.options}.items():
        told = {row["name"]: row[column] for row in rows if column in row}
        assert told == {name: setting.value for name, setting in explain(options, "game").items()}, column


@pytest.mark.parametrize("game", registry.names())
def test_describe_reads_well_for_every_game(game: str, capsys: pytest.CaptureFixture[str]):
    assert main(["describe", game]) == 0
    told = capsys.readouterr().out
    assert told.startswith(registry.summary(game)[:20])
    assert f"A round, on {Recipe.default(game).data.source}" in told
    assert "game.optim.lr" in told


def test_json_has_null_where_a_number_is_not_finite(capsys):
    from json import loads

    from saddle.cli import _show

    _show.json({"a": float("nan"), "b": [float("inf"), 1.5]})
    assert loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5]}


WITHOUT_TORCH = """
import contextlib, importlib, io, sys
from saddle import cli

def asked(command, folder):
    parser = cli.Parser(add_help=False)
    importlib.import_module(f"saddle.cli.{command}").arguments(parser)
    if not any(action.dest == "run" and not action.option_strings for action in parser._actions):
        return None
    words = [command]
    for action in parser._actions:
        word = folder if action.dest == "run" else action.choices[0] if action.choices else "x"
        if action.required:
            words += [*action.option_strings[:1], word]
    return words

def told(words):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        code = cli.main(words)
    assert "torch" not in sys.modules, words
    return code, said.getvalue()

for command in cli.commands():
    for folder, why in zip(sys.argv[1:], ("there is no such folder", "it has no recipe.yaml"), strict=True):
        if words := asked(command, folder):
            code, said = told(words)
            assert code == 2 and f"{folder} is not a run folder: {why}" in said, (words, said)
            print(command)
"""


def test_every_command_on_a_run_tells_that_there_is_none_before_torch_is_imported(tmp_path: Path):
    done = saddle_in_a_process("-c", WITHOUT_TORCH, str(tmp_path / "none"), str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert {"info", "sample", "translate", "detect", "report"} <= set(done.stdout.split())
