"""The report: one file, whole, safe, and true to the run."""

import json
import re

import numpy as np
import pytest
import torch
from html_page import Page
from PIL import Image
from told import SCORE, START, log_rounds, new_run, written

from saddle import report
from saddle.base.errors import UsageError
from saddle.base.events import Events
from saddle.base.folder import RunFolder
from saddle.report import parts, samples, story
from saddle.report.html import Html, join, tag
from saddle.show import pictures


def log_sample(log, folder, r, seed=0, side=8):
    images = torch.rand(9, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    pictures.save(pictures.grid(images), folder / f"samples/round-{r:07d}.png")
    log.write("sample", round=r, file=f"samples/round-{r:07d}.png")


@pytest.fixture
def run(tmp_path):
    """A finished run that was interrupted and resumed once."""
    with new_run(tmp_path) as log:
        log.write("start", round=0, **START)
        log_rounds(log, 0, 500)
        log_sample(log, tmp_path, 500, seed=1)
        log.write("score", round=500, scores={"fid": SCORE | {"value": 20.0}})
        log.write("save", round=500)
        log.write("stop", round=500, reason="interrupted", message="by the keyboard")
        log.write("start", round=500, **START)
        log_rounds(log, 500, 1000)
        log_sample(log, tmp_path, 1000, seed=2)
        log.write("score", round=1000, scores={"fid": SCORE})
        log.write("stop", round=1000, reason="finished", message=None)
    (tmp_path / "scores.json").write_text(json.dumps([SCORE]))
    return tmp_path


def test_the_report_tells_the_run(run):
    text = Page(written(run)).text
    for part in (
        "dcgan finished",
        "1,000 of 1,000",
        "8,000",  # images
        "8 min 20 s",
        "1,234,567",
        "7.4 ± 1.1 lower",
        "Losses of discriminator",
        "Losses of generator",
        "D(real) and D(fake)",
        "best 7.401 at round 1,000",
        "Images per second",
        "Other measurements (1)",
        "plan.rounds 1000",
        "round 500 interrupted: by the keyboard",
        "round 500 resumed on cpu",
        "1 checkpoint, the last at round 500",
    ):
        assert part in text, part


def test_points_become_a_film_beside_the_report_and_images_do_not(run):
    written(run)
    assert not (RunFolder(run).film).exists()
    for r in (1, 2, 3):
        pictures.save(pictures.scatter(torch.randn(50, 2), title=f"round {r}"), run / f"samples/{r}.png")
    with Events(run / "events.jsonl") as log:
        for file in ("samples/1.png", "samples/2.png", "samples/gone.png", "../3.png", "samples/3.png"):
            log.write("sample", round=1000, file=file, of="points")
    written(run)
    with Image.open(RunFolder(run).film) as film:
        assert (film.n_frames, film.size) == (3, (480, 508))


def test_pictures_of_points_have_a_legend(run):
    assert "real points" not in Page(written(run)).text
    with Events(run / "events.jsonl") as log:
        log.write("sample", round=1000, file="samples/round-0001000.png", of="points")
    assert "from orange (low) to blue (high). As a film: samples/landscape.gif." in Page(written(run)).text


def test_modes_and_high_quality_are_curves_over_time(run):
    with Events(run / "events.jsonl") as log:
        for r in (100, 1000):
            found = {"modes": SCORE | {"name": "modes", "value": r / 125}, "high_quality": SCORE | {"value": 0.9}}
            log.write("score", round=r, scores=found)
    told = " ".join(Page(written(run)).values("svg", "aria-label"))
    assert "modes over the rounds 100 to 1,000: modes from 0.800 to 8" in told
    assert "high_quality over the rounds 100 to 1,000" in told


def test_the_time_to_multiples_of_the_floor_is_told(run):
    floor = SCORE | {"name": "fid_floor", "seconds_to": {"10": 12.0, "5": 75.0, "2.5": None}}
    (run / "scores.json").write_text(json.dumps([SCORE, floor]))
    said = "until the FID was down to multiples of its floor, to 10: 12 s, to 5: 1 min 15 s, to 2.5: not reached."
    assert said in Page(written(run)).text


def test_the_report_asks_the_network_for_nothing(run):
    text = written(run)
    shown = Page(text)
    assert not re.search(r"(https?:)?//[a-z]", re.sub(r"base64,[^\"]*", "", text))
    sources = [v for name, key, v in shown.attributes if key in ("src", "href", "srcset", "action", "data", "poster")]
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert not {"link", "iframe", "object", "embed", "base"} & set(shown.names)
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in shown.values("meta", "content")[-1]


def test_a_link_in_the_paper_line_stays_text(tmp_path):
    with new_run(tmp_path) as log:
        log.write("start", round=0, **START, paper="A paper, https://arxiv.org/abs/1511.06434")
    assert "A paper, arxiv.org/abs/1511.06434" in Page(written(tmp_path)).text


def test_every_picture_and_chart_is_told_in_words(run):
    shown = Page(written(run))
    assert len(shown.values("img", "alt")) == shown.names.count("img") == 3
    assert all(shown.values("img", "alt"))
    told = shown.values("svg", "aria-label")
    assert "Losses of generator over the rounds 10 to 1,000: adversarial from" in " ".join(told)
    assert len(told) == shown.values("svg", "role").count("img") == 6


NASTY = "</script><script>alert(1)</script>\"'&<b>&amp;"


def test_no_text_of_the_run_becomes_markup(tmp_path):
    log = new_run(tmp_path, {"game": NASTY, NASTY: {NASTY: [NASTY, {NASTY: NASTY}]}, "paper": NASTY})
    with log:
        fields = {key: NASTY for key in ("game", "data", "device", "precision", "version")}
        log.write("start", round=0, rounds=9, parameters={NASTY: 3}, **fields)
        notes = {NASTY: 1.0, "d_real": 0.5}
        log.write("round", round=1, images=9, losses={f"{NASTY}/{NASTY}": 1.0, NASTY: 2.0}, notes=notes)
        log_sample(log, tmp_path, 1)
        score = SCORE | {"name": NASTY, "better": NASTY, "fingerprint": {NASTY: NASTY}}
        log.write("score", round=1, scores={NASTY: score})
        log.write("stop", round=1, reason=NASTY, message=NASTY + "!")
    text = written(tmp_path)
    shown = Page(text)
    assert shown.names.count("script") == 1
    assert "b" in shown.names  # the page's own
    assert "<b>&" not in text
    assert NASTY in "".join(shown.words)
    assert not any(key.startswith("on") for _, key, _ in shown.attributes)


def test_a_run_that_has_only_begun_has_a_report(tmp_path):
    log = new_run(tmp_path)
    assert "unfinished" in Page(written(tmp_path)).text
    log.write("start", round=0)
    log.write("round", round=1)
    log.write("round", round=2, losses={"generator/adversarial": 0.5})
    log.close()
    text = Page(written(tmp_path)).text
    for part in ("unfinished", "has not been scored", "no samples yet", "Losses of generator", "started"):
        assert part in text


def test_signs_of_health_have_curves_and_a_log_without_them_is_read(run):
    assert "Signs of health" not in Page(written(run)).text
    with Events(run / "events.jsonl") as log:
        for r in (1100, 1200):
            signs = {
                "diversity": 0.9,
                "saturated": 0.1,
                "d_heldout": 0.4,
                "gradient/generator": 2.0,
                "update/generator": 0.1,
            }
            log.write("round", round=r, losses={}, notes={}, waited=0.5, signs=signs)
    text = Page(written(run)).text
    for part in (
        "Signs of health (6)",
        "How different samples are",
        "Judgements of images learned from and held out",
        "Pixels at their limits",
        "Gradients",
        "Updates",
        "Waiting for data",
    ):
        assert part in text, part


def test_without_final_scores_the_latest_of_the_log_are_shown(run):
    (run / "scores.json").unlink()
    assert "fid 7.4 ± 1.1" in Page(written(run)).text


def test_final_scores_name_the_checkpoint_that_they_are_of(run):
    (run / "scores.json").write_text(json.dumps([SCORE | {"round": 500}]))
    assert "fid 7.4 ± 1.1 lower round 500" in Page(written(run)).text


def test_a_score_taken_once_has_no_chart(run):
    with Events(run / "events.jsonl") as log:
        log.write("score", round=1000, scores={"kid": SCORE | {"name": "kid"}})
    assert not any(told.startswith("kid") for told in Page(written(run)).values("svg", "aria-label"))


def test_scores_with_one_fingerprint_share_it(run):
    other = SCORE | {"name": "kid", "value": 0.00123, "uncertainty": None}
    apart = SCORE | {"name": "is", "value": None, "fingerprint": {"splits": 10}}
    (run / "scores.json").write_text(json.dumps([SCORE, other, apart]))
    text = Page(written(run)).text
    assert "Fingerprint of fid, kid" in text
    assert "Fingerprint of is splits 10" in text
    assert "is nan ± 1.1 lower" in text
    assert "kid 0.001 ± unknown: too few samples lower" in text


def test_a_diverged_run_says_so_with_its_message(tmp_path):
    with new_run(tmp_path) as log:
        log.write("start", round=0, **START)
        log.write("round", round=1, losses={"generator/adversarial": float("nan")}, notes={"real_logits": float("inf")})
        log.write("stop", round=1, reason="diverged", message="the loss of the generator is nan")
    text = Page(written(tmp_path)).text
    assert "dcgan diverged the loss of the generator is nan" in text
    assert "1 not finite" in text


def test_pictures_that_are_missing_broken_or_elsewhere_are_counted_and_not_shown(run):
    Image.new("RGB", (8, 8)).save(run.parent / "secret.png")
    (run / "samples/half.png").write_bytes((run / "samples/round-0000500.png").read_bytes()[:60])
    with Events(run / "events.jsonl") as log:
        log.write("sample", round=1001, file="samples/gone.png")
        log.write("sample", round=1002, file="samples/half.png")
        log.write("sample", round=1003, file="../secret.png")
    shown = Page(written(run))
    assert "3 of the pictures could not be read" in shown.text
    assert shown.names.count("img") == 3


def test_a_folder_that_is_no_run_is_refused_with_the_reason(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere is not a run folder: there is no such folder"):
        report.write(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"has no recipe.yaml"):
        report.write(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("recipe.yaml", "a: [", "recipe.yaml is not YAML"),
        ("recipe.yaml", "- a", "recipe.yaml holds no settings.*found list"),
        ("scores.json", "[", "scores.json is not JSON"),
        ("scores.json", '{"fid": 3}', "scores.json is not a list of scores"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_the_rest_is_told(run, name, content, message):
    (run / name).write_text(content)
    text = Page(written(run)).text
    assert re.search(f"Not read: .*{message}", text)
    assert "fid 7.4 ± 1.1" in text
    assert "Losses of generator" in text


def test_a_long_run_of_noisy_pictures_stays_under_three_megabytes(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (480, 480, 3), dtype=np.uint8)
    with new_run(tmp_path) as log:
        log.write("start", round=0, **START)
        log_rounds(log, 0, 10_000, step=1)
        for r in range(1, 31):
            pictures.save(Image.fromarray(np.roll(noise, r)), tmp_path / f"samples/{r}.png") if r < 3 else None
            log.write("sample", round=r, file=f"samples/{1 + r % 2}.png")
    text = written(tmp_path)
    assert Page(text).names.count("img") == 1 + samples.MOST
    assert len(text) < 3_000_000


def test_chosen_moments_are_even_and_keep_both_ends():
    assert samples.evenly([3, 5], 24) == [3, 5]
    chosen = samples.evenly(list(range(1000)), 24)
    assert (len(set(chosen)), chosen[0], chosen[-1]) == (24, 0, 999)
    assert set(np.diff(chosen)) <= {43, 44}


def test_an_embedded_picture_has_the_size_it_says():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 300, 3), dtype=np.uint8))
    for side, size in ((300, 10**6), (150, 10**6), (300, 3000)):
        source, width, height = samples.embed(noise, side, size)
        data = samples.base64.b64decode(source.split(",")[1])
        assert Image.open(samples.io.BytesIO(data)).size == (width, height)
        assert len(data) <= size
        assert width <= side


def test_settings_are_dotted_names():
    recipe = {"a": {"b": [1, 2], "c": None, "d": {}}, "e": [{"f": True}, "x"], "g": "text"}
    assert story.flat(recipe) == [
        ("a.b", "[1, 2]"),
        ("a.c", "none"),
        ("a.d", "{}"),
        ("e.0.f", "true"),
        ("e.1", "x"),
        ("g", "text"),
    ]


def test_text_becomes_markup_only_through_a_tag():
    assert (
        tag("p", "<&", Html("<br>"), None, class_='a"b', hidden=True, id=None)
        == '<p class="a&quot;b" hidden>&lt;&amp;<br></p>'
    )
    assert tag("img", alt="") == '<img alt="">'
    assert join("a<", tag("i")) == "a&lt;<i></i>"


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize("scheme", [0, 1])
def test_text_and_curves_have_the_contrast_of_wcag_aa(scheme):
    block = re.findall(r":root \{(.*?)\}", parts.resource("style.css"), re.S)[scheme]
    colours = dict(re.findall(r"--(\w+): (#\w{6})", block))
    for name in ("ink", "quiet", "accent", "good", "fair", "bad", "c0", "c1", "c2", "c3", "c4", "c5"):
        for ground in ("page", "card"):
            light, dark = sorted((luminance(colours[name]), luminance(colours[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= (3 if name[0] == "c" else 4.5), (name, ground)
