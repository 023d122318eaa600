"""What lies in examples/ is no part of the package, and works: two guests, and parts of Saddle in one's own loop."""

import math
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch

import saddle
from saddle.base import guests
from saddle.base.errors import SaddleError, UsageError
from saddle.data import DataOptions, open_source

EXAMPLES = Path(__file__).parents[1] / "examples"
SHORT = {"plan.rounds": 2, "plan.batch": 8, "plan.pictures": 1, "plan.scores": 1, "plan.samples": 40}
SHORT |= {"plan.precision": "fp32", "game.network.width": 2}


@pytest.fixture
def example(request: pytest.FixtureRequest):
    name = request.param
    yield saddle.plugin(str(EXAMPLES / f"{name}.py"))
    guests._plugged.pop(name)


tokens = pytest.mark.parametrize("example", ["token_gan"], indirect=True)
waves = pytest.mark.parametrize("example", ["wave_gan"], indirect=True)


@tokens
def test_a_writer_gives_one_word_at_each_place_with_the_gradient_of_probabilities(example):
    torch.manual_seed(0)
    writer = example.Writer(4, 5, 3, 8, temperature=1.0)
    z = torch.randn(64, 4)
    made = writer(z)
    assert ((made - made.round()).abs() < 1e-6).all()
    assert (made.sum(1) - 1).abs().max() < 1e-6
    weights = torch.randn_like(made)
    (made * weights).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in writer.parameters())
    assert not torch.equal(made, writer(z))  # drawn anew
    writer.eval()
    assert torch.equal(writer(z), writer(z))


@tokens
def test_captions_become_words_and_come_back(example):
    texts = example.CAPTIONS
    assert example.to_words(torch.from_numpy(example.one_hot(texts))) == texts
    source = open_source(DataOptions("caption-words"))
    known, held = (
        set(example.to_words(torch.from_numpy(part.columns["image"]))) for part in (source.train, source.heldout)
    )
    assert (len(known), len(held), known & held) == (96, 24, set())


@tokens
def test_its_metrics_tell_repeating_from_composing_and_from_noise(example):
    known, held = ([t for t, out in zip(example.CAPTIONS, example.HELD_OUT, strict=True) if out == w] for w in (0, 1))
    scores = {}
    for name, texts in {"all": known + held, "known": known, "one": held[:1], "bad": ["at at at at at at at"]}.items():
        evidence = {example.SAID: torch.from_numpy(example.one_hot(texts)).argmax(1)}
        scores[name] = {metric: example.METRICS[metric].measure(evidence)[0] for metric in example.METRICS}
    assert scores["all"] == {"grammatical": 1, "distinct": 1, "held_out_share": 0.2}
    assert scores["known"] == {"grammatical": 1, "distinct": 0.8, "held_out_share": 0}
    assert scores["one"] == {"grammatical": 1, "distinct": pytest.approx(1 / 120), "held_out_share": 1}
    assert scores["bad"] == {"grammatical": 0, "distinct": 0, "held_out_share": 0}


@tokens
def test_token_gan_trains_and_is_scored_by_its_own_metrics(example, tmp_path):
    run = saddle.train(example.TokenGAN, "caption-words", tmp_path, settings=SHORT, device="cpu", quiet=True)
    words = example.to_words(run.sample(5))
    assert all(len(text.split()) == example.LENGTH for text in words)
    assert {score["name"] for score in run.files.scores()} == {*example.METRICS}


@pytest.fixture
def sounds(tmp_path) -> Path:
    folder = tmp_path / "sounds"
    wave = import_module("wave_gan")
    folder.mkdir()
    for i in range(20):
        wave.write(folder / f"{i}.wav", wave.pluck(220 * 1.5 ** (i % 2), 300, i))
    return folder


@waves
def test_sounds_come_back_from_files_and_are_cut_into_pieces(example, sounds):
    sound = example.pluck(220, 300, 1)
    example.write(sounds / "0.wav", sound)
    again = example.read(sounds / "0.wav")
    assert abs(again - sound).max() < 2 / 32767
    parts = example.pieces(again, 64)
    assert parts.shape == (5, 64)
    assert (parts.flatten()[:300] == again).all()
    assert (parts.flatten()[300:] == 0).all()
    source = open_source(DataOptions(f"wav:{sounds}", size=64))
    assert source.spec.shape == (1, 64)
    assert len(source.train) + len(source.heldout) == 100


@waves
def test_a_pitch_is_the_strongest_frequency(example):
    time = torch.arange(1024) / example.RATE
    for frequency in (250, 500, 1000):
        sound = torch.sin(2 * math.pi * frequency * time) + 0.4 * torch.sin(6 * math.pi * frequency * time) + 0.2
        assert example.pitch(sound.view(1, 1, -1)).tolist() == [frequency * 1024 // example.RATE]


@waves
@pytest.mark.parametrize("length", [64, 256, 1024])
def test_wave_nets_make_and_judge_sounds_of_every_length(example, length):
    spec = saddle.spec.DataSpec.of((1, length))
    network = example.WaveNets(width=2)
    made = network.generator(5, spec)(torch.randn(3, 5))
    assert made.shape == (3, 1, length)
    assert network.discriminator(spec)(made).logits.shape == (3,)


@waves
def test_phase_shuffle_moves_each_sound_by_at_most_so_many_steps_and_nothing_in_use(example):
    from seeding import seed_all

    seed_all("phases", 0)
    x = torch.arange(20.0).expand(200, 1, 20)
    shuffle = example.PhaseShuffle(2)
    moved = shuffle(x)
    assert {*(moved[:, 0, 10] - 10).int().tolist()} == {-2, -1, 0, 1, 2}
    assert ((moved[:, 0, 3:17] - moved[:, :1, 10]) == (torch.arange(3.0, 17) - 10)).all()
    assert shuffle.eval()(x) is x


@waves
def test_wave_gan_trains_on_a_folder_and_gives_sounds(example, sounds, tmp_path):
    settings = SHORT | {"data.size": 64, "game.discriminator_steps": 1}
    run = saddle.train(example.WaveGAN, f"wav:{sounds}", tmp_path / "run", settings=settings, device="cpu", quiet=True)
    made = run.sample(3)
    assert made.shape == (3, 1, 64)
    assert made.abs().max() <= 1
    assert {score["name"] for score in run.files.scores()} == {*example.METRICS}


@waves
def test_what_is_no_sound_is_told_by_name(example, sounds):
    with pytest.raises(UsageError, match=r"data\.size is the samples of a piece, one of \(64, 256, .*not 100"):
        open_source(DataOptions(f"wav:{sounds}", size=100))
    with pytest.raises(UsageError, match="holds 0 WAV files"):
        open_source(DataOptions(f"wav:{sounds / 'nowhere'}"))
    (sounds / "0.wav").write_bytes(b"no sound")
    with pytest.raises(SaddleError, match=r"0\.wav cannot be read as a WAV file"):
        open_source(DataOptions(f"wav:{sounds}"))


def test_losses_penalties_networks_views_and_layers_work_in_a_loop_of_ones_own(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    own_loop = import_module("own_loop")
    torch.manual_seed(0)
    generator, history = own_loop.train(24, width=4, batch=8)
    assert [i for i, losses in enumerate(history) if "r1" in losses] == [0, 4, 8, 12, 16, 20]
    assert all(math.isfinite(value) for losses in history for value in losses.values())
    first, last = (sum(losses["discriminator"] for losses in part) for part in (history[:4], history[-4:]))
    assert last < 0.9 * first  # it tells squares from noise by now
    assert generator(torch.randn(2, own_loop.Z_DIM)).shape == (2, 1, 16, 16)


def test_the_examples_are_outside_the_package():
    assert not any(path.is_relative_to(Path(saddle.__file__).parent) for path in EXAMPLES.iterdir())
    assert not {path.stem for path in EXAMPLES.glob("*.py")} & {*sys.stdlib_module_names}


LEARNED = {"plan.precision": "fp32", "plan.pictures": 1, "plan.scores": 4}


@pytest.mark.learning
@tokens
def test_token_gan_writes_captions_that_it_has_never_seen(example, tmp_path):
    settings = LEARNED | {"plan.rounds": 400, "plan.batch": 64}
    run = saddle.train(example.TokenGAN, "caption-words", tmp_path, settings=settings, device="cpu", quiet=True)
    scores = {score["name"]: score["value"] for score in run.files.scores()}
    assert scores["grammatical"] > 0.9
    assert scores["distinct"] > 0.5
    assert scores["held_out_share"] > 0.05


@pytest.mark.learning
@waves
def test_wave_gan_finds_the_pitches_of_strings(example, tmp_path):
    example.main("pluck", str(tmp_path / "sounds"))
    settings = LEARNED | {"plan.rounds": 600, "plan.batch": 32, "data.size": 256, "game.network.width": 16}
    settings |= {"game.optim.lr": 5e-4, "game.discriminator_steps": 2}
    data = f"wav:{tmp_path / 'sounds'}"
    run = saddle.train(example.WaveGAN, data, tmp_path / "run", settings=settings, device="cpu", quiet=True)
    scores = {score["name"]: score["value"] for score in run.files.scores()}
    assert scores["in_tune"] > 0.6
    assert scores["pitches"] > 0.3
