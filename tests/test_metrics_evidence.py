"""Evidence makes what is asked for, once, and knows what a score was made of."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from saddle import metrics
from saddle.base.errors import SaddleError, UsageError
from saddle.data import DataOptions, open_source
from saddle.metrics import Reference, evaluate, extractor, metric_names
from saddle.metrics.drawing import Drawn, Sampler, draw
from saddle.metrics.evidence import Evidence, Ingredient, Later, Seen
from saddle.metrics.ingredients import FEATURES, LABELS, LOGITS, REFERENCE, SAMPLES
from saddle.metrics.metric import Metric
from saddle.runs import ingredients, scoring
from saddle.tasks import Synthesis

A = Ingredient[int]("a", "an a", entries=lambda a, evidence: {"a": a})
B = Ingredient("b", make=lambda e: e[A] + 1, needs=(A,), entries=lambda b, evidence: {"b": b})
C = Ingredient("c", "no c without an a", make=lambda e: e[A] * 2, needs=(A,))


def metric(*needs: Ingredient, measure: Callable[[Evidence], tuple[float, float]] | None = None) -> Metric:
    return Metric("says", "lower", needs, measure or (lambda e: (sum(e[need] for need in needs), 0.0)))


def failing() -> int:
    raise AssertionError("was made")


def test_an_ingredient_is_made_when_first_asked_and_kept() -> None:
    made = []
    evidence = Evidence({"a": Later(lambda: made.append("a") or 3)})
    assert made == []
    assert (evidence[A], evidence[B], evidence[A]) == (3, 4, 3)
    assert made == ["a"]


def test_a_fingerprint_is_the_union_of_what_was_asked_whoever_made_it_first() -> None:
    evidence = Evidence({"a": 3}, seed=7)
    assert evidence.measured(metric(A)) == ((3, 0.0), {"seed": 7, "a": 3})
    for _ in range(2):  # now b is made already, and its own need is remembered
        assert evidence.measured(metric(B))[1] == {"seed": 7, "a": 3, "b": 4}
    settings = Metric("says", "lower", (C,), lambda e: (e[C], 0.0), lambda e: {"k": e[C]})
    assert evidence.measured(settings)[1] == {"seed": 7, "a": 3, "k": 6}


def test_what_is_missing_is_said_and_nothing_is_made_to_find_out() -> None:
    nothing = Evidence({"a": None})
    assert nothing.lacks(metric(A)) == nothing.lacks(metric(B)) == "an a"
    assert nothing.lacks(metric(C)) == "no c without an a"
    there = Evidence({"a": Later(failing)})
    assert [there.lacks(metric(need)) for need in (A, B, C)] == [None, None, None]
    never = Ingredient("never", "a miracle", make=lambda e: 0, can=lambda e: False)
    assert there.lacks(never) == "a miracle"


def test_a_metric_that_asks_for_what_it_does_not_need_is_a_mistake_that_shows() -> None:
    with pytest.raises(LookupError, match="there is no 'a'"):
        Evidence({}).measured(metric(measure=lambda e: (e[A], 0.0)))
    evidence = Evidence({"samples": lambda k: torch.zeros(k, 1, 8, 8), "extractor": extractor("pixels")})
    with pytest.raises(LookupError, match="'features' was not kept"):
        evidence.measured(metric(measure=lambda e: (float(e[FEATURES].sum()), 0.0)))


def test_what_is_random_is_made_in_one_order_whatever_the_order_of_the_metrics() -> None:
    view = Seen("view", of=SAMPLES, look=lambda drawn: drawn.images)
    for order in ((A, B, view), (view, B, A)):
        happened: list[str] = []
        given = {
            "samples": lambda k, happened=happened: happened.append("samples") or torch.zeros(k, 2),
            "b": Later(lambda happened=happened: happened.append("b") or 1),
            "a": Later(lambda happened=happened: happened.append("a") or 1),
            "unwanted": Later(failing),
        }
        Evidence(given, n=4).gather([metric(need) for need in order])
        assert happened == ["b", "a", "samples"]


def test_all_that_metrics_need_is_seen_in_one_drawing() -> None:
    drawn, looked = [], []

    class Counting(type(extractor("pixels"))):  # type: ignore[misc]
        def look(self, images: Tensor):
            looked.append(len(images))
            return super().look(images)

    def sample(k: int) -> tuple[Tensor, Tensor]:
        drawn.append(k)
        return torch.full((k, 1, 4, 4), 0.5), torch.arange(k)

    evidence = Evidence({"samples": sample, "extractor": Counting()}, n=25, batch=10)
    evidence.gather([metric(FEATURES, LABELS), metric(FEATURES)])
    assert drawn == looked == [10, 10, 5]
    assert evidence[FEATURES].shape == (25, 16)
    assert evidence[LABELS].tolist() == [*range(10), *range(10), *range(5)]


def test_samples_are_drawn_in_batches_of_which_the_rest_is_cut_off() -> None:
    def look(images: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
        return {"twice": 2 * images, "known": torch.full((len(images),), labels is not None)}

    numbers = iter(range(100))
    found = draw(lambda k: torch.tensor([float(next(numbers)) for _ in range(k)]), 7, 3, look)
    assert found["twice"].tolist() == [0, 2, 4, 6, 8, 10, 12]
    assert not found["known"].any()
    with pytest.raises(UsageError, match="scores of 5 samples, 0 at a time"):
        draw(lambda k: torch.zeros(k), 5, 0, look)
    with pytest.raises(SaddleError, match="3 samples were asked for and 2 were drawn"):
        draw(lambda k: torch.zeros(2), 5, 3, look)


def test_an_extractor_looks_once_at_what_was_drawn() -> None:
    looks = []
    look = extractor("digits")
    look.register_forward_hook(lambda *_: looks.append(1))
    drawn = Drawn(torch.zeros(2, 1, 8, 8), None, look)
    assert drawn.features.logits is not None
    assert drawn.features.features.shape == (2, 64)
    assert looks == [1]


def test_what_is_known_of_samples_beforehand_is_believed() -> None:
    plain = Sampler(lambda k: torch.zeros(k, 1, 8, 8))
    assert Evidence({"samples": plain}).lacks(LABELS) == "samples drawn for a label or a code, and these have none"
    assert Evidence({"samples": Sampler(plain.draw, "class")}).lacks(LABELS) is None
    assert Evidence({"samples": plain.draw}).lacks(LABELS) is None, "of any function nothing is known"
    assert "classifier" in Evidence({"samples": plain, "extractor": extractor("pixels")}).lacks(LOGITS)


def test_of_references_the_last_four_are_kept() -> None:
    look, parts = extractor("pixels"), [torch.full((3, 1, 4, 4), value / 10) for value in range(5)]
    first = Reference.of(parts[0], look)
    assert Reference.of(parts[0], look).seen is first.seen
    for part in parts[1:]:
        Reference.of(part, look)
    assert Reference.of(parts[0], look).seen is not first.seen


def test_a_reference_may_be_given_in_place_of_images_where_features_are_enough() -> None:
    images = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    look = extractor("pixels")
    reference = Reference.of(images, look, "mine")
    scores = evaluate(lambda k: images[:k], reference, ["fid"], look, n=40)
    assert scores["fid"].fingerprint["reference"] == "mine"
    assert Evidence({"real": reference, "extractor": look})[REFERENCE] is reference
    with pytest.raises(UsageError, match="'sharpness' needs real images"):
        evaluate(lambda k: images[:k], reference, ["sharpness"], look, n=40)


METRIC = '''
"""How bright are images?"""

from .evidence import Ingredient
from .metric import Metric

LAMP = Ingredient("lamp", "a game with a lamp", entries=lambda lamp, evidence: {"lamp_count": len(lamp)})

METRICS = {
    "brightness": Metric("mean brightness of the lamp", "higher", (LAMP,), lambda e: (float(e[LAMP].mean()), 0.0))
}
'''
INGREDIENT = """
from saddle.runs.ingredients import ingredient
from saddle.tasks import Synthesis


@ingredient("lamp", Synthesis, when=lambda game, source: hasattr(game, "lamp"))
def lamp(game, source, seed):
    return game.lamp + seed
"""


def test_a_metric_with_a_new_ingredient_is_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Dark(Synthesis):
        def round(self, batches):
            yield from ()

    class Lit(Dark):
        lamp = torch.ones(5)

        @property
        def scores(self) -> tuple[str, ...]:
            return ("brightness",)

    source = open_source(DataOptions(source="photo", size=16))
    (tmp_path / "brightness.py").write_text(METRIC)
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    monkeypatch.setattr(ingredients, "MADE", [*ingredients.MADE])
    exec(compile(INGREDIENT, "lamp.py", "exec"), {})

    assert metric_names()["brightness"] == "mean brightness of the lamp"
    score = scoring.score(Lit(source.spec), source, ["brightness"], seed=2)["brightness"]
    assert (score.value, score.fingerprint) == (3.0, {"seed": 2, "lamp_count": 5})
    assert scoring.defaults(Lit(source.spec), source, final=True) == ["brightness"]
    assert scoring.defaults(Dark(source.spec), source, final=True) == []
    with pytest.raises(UsageError, match="the metric 'brightness' needs a game with a lamp"):
        scoring.score(Dark(source.spec), source, ["brightness"])


def test_metrics_that_cannot_be_listed_without_running_their_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd.py").write_text(
        'from .metric import Metric\nMETRICS = {"odd": Metric(1 + 1, "lower", (), None)}\n'
    )
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    with pytest.raises(SaddleError, match=r"odd\.py: METRICS must be written out"):
        metric_names()


def test_listing_on_the_command_line_imports_no_torch() -> None:
    code = (
        "import sys\nfrom saddle.cli import main\n"
        "try:\n    main(['evaluate', '--list'])\nexcept SystemExit:\n    pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "fid_multiple" in done.stdout


def test_the_metric_in_the_documentation_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text("utf-8")
    block = page.partition("## A metric of your own")[2].split("```python\n")[1].split("```")[0]
    (tmp_path / "brightness_of_the_page.py").write_text(block)
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    grey = torch.tensor([0.0, 0.5]).repeat(5)[:, None, None, None].expand(-1, 1, 4, 4)
    score = evaluate(lambda k: grey[:k], None, ["brightness"], None, n=10)["brightness"]
    assert score.value == 0.25
    assert score.uncertainty == pytest.approx(0.2635 / 10**0.5, abs=1e-4)
    assert score.fingerprint == {"seed": 0, "samples": 10}
