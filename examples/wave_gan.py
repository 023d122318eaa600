"""wav:FOLDER: the WAV files of a folder, in pieces of data.size samples, 1,024 unless asked otherwise

A guest in one file: a source, a network, a game and two metrics, for sounds.

    python examples/wave_gan.py pluck sounds                        writes 240 plucked strings, to have something
    saddle train wave-gan --plugin examples/wave_gan.py --data wav:sounds --plan.minutes 2
    python examples/wave_gan.py listen runs/wave-gan-sounds made    writes 16 sounds

WaveGAN. Adversarial Audio Synthesis. Donahue, McAuley and Puckette, 2019. https://arxiv.org/abs/1802.04208

DCGAN's networks with one dimension in place of two: filters of 25 samples, strides of 4, and phase shuffle in the
discriminator, which moves each layer's features by up to two samples at random, lest it knows fakes by the phase of the
transposed convolutions (Section 3.3). WGAN-GP, Adam and batch of the authors' code.
"""

import sys
import wave
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from saddle.errors import SaddleError, UsageError
from torch import Tensor, nn
from torch.nn.functional import pad

import saddle
from saddle.base import rng
from saddle.data import DataOptions, Source, Split
from saddle.data.fingerprint import digests, fingerprint, hold_out
from saddle.data.source import Judged
from saddle.games.wgan_gp import WGANGP
from saddle.metrics.evidence import Seen
from saddle.metrics.ingredients import REAL, SAMPLES, chunks
from saddle.metrics.metric import Metric
from saddle.nets.network import Discriminator, Network
from saddle.optim import Adam, Optim
from saddle.spec import DataSpec, Field

PIECE = 1024  # samples
LENGTHS = tuple(4**k for k in range(3, 8))  # 64 to 16,384, that of the paper
RATE = 8000  # samples a second, of the sounds that are made here
FILTER, STRIDE, SHORTEST = 25, 4, 16  # of the paper: the first layer of the generator has 16 steps
SCORES = ("in_tune", "pitches")


# The data.


def read(path: Path) -> np.ndarray:
    """A WAV file of whole numbers as float32 [T] in [-1, 1], the mean of its channels. SaddleError for any other."""
    try:
        with wave.open(str(path)) as file:
            width, channels, frames = file.getsampwidth(), file.getnchannels(), file.readframes(file.getnframes())
    except (wave.Error, EOFError, OSError) as error:
        raise SaddleError(f"{path} cannot be read as a WAV file: {error}") from None
    if width == 1:
        values = np.frombuffer(frames, np.uint8).astype(np.float32) / 128 - 1
    elif width == 2:
        values = np.frombuffer(frames, "<i2").astype(np.float32) / 32768
    else:
        raise SaddleError(f"{path} has {8 * width} bits a sample; write it with 8 or 16")
    return values[: len(values) // channels * channels].reshape(-1, channels).mean(1)


def pieces(sound: np.ndarray, length: int) -> np.ndarray:
    """[T] → [N, length]: one after the other, the last one with silence behind it."""
    n = max(-(-len(sound) // length), 1)
    return np.pad(sound, (0, n * length - len(sound))).reshape(n, length)


def open(options: DataOptions, path: str) -> Source:
    """Key image: signals [1, T] in [-1, 1]; of each file all pieces are on one side, trained on or held out."""
    options.allow("size", "heldout")
    length = PIECE if options.size is None else options.size
    if length not in LENGTHS:
        raise UsageError(f"data.size is the samples of a piece, one of {LENGTHS}, not {length}")
    files = sorted(Path(path).expanduser().glob("**/*.wav"))
    if len(files) < 2:
        raise UsageError(f"{path} holds {len(files)} WAV files; to train takes many")
    sounds = [pieces(read(file), length) for file in files]
    marks = digests(sounds)
    train, heldout = (joined([sounds[i] for i in part]) for part in hold_out(marks, options.heldout))
    assert train is not None  # hold_out leaves the larger part
    spec = DataSpec({"image": Field("signal", (1, length))})
    mark = fingerprint(marks, spec.identity(), options.heldout)
    judged = Judged(early=SCORES, final=SCORES, samples=500)
    return Source(options.source, spec, train, heldout, mark, {"files": len(files)}, judged)


def joined(sounds: list[np.ndarray]) -> Split | None:
    """The pieces of all these sounds; None if there are none."""
    return Split({"image": np.concatenate(sounds)[:, None]}) if sounds else None


# The players.


class PhaseShuffle(nn.Module):
    """Moves each sample's features [N, C, T] by up to `most` steps at random, with what lies at the edge reflected."""

    def __init__(self, most: int):
        super().__init__()
        self.most = most

    def forward(self, x: Tensor) -> Tensor:
        if not (self.most and self.training):
            return x
        shifts = (rng.rand(len(x), device=x.device) * (2 * self.most + 1)).long()
        steps = torch.arange(x.shape[2], device=x.device) + shifts[:, None, None]
        return pad(x, (self.most, self.most), "reflect").gather(2, steps.expand(-1, x.shape[1], -1))


@dataclass(frozen=True)
class WaveNets(Network):
    """Transposed convolutions in the generator, strided ones in the discriminator, four times as fine a layer."""

    takes = ("signal",)

    width: int = 64  # d: channels of the discriminator's first layer, doubled in each that follows
    shuffle: int = 2  # n of phase shuffle: steps at most

    def __post_init__(self) -> None:
        if self.width < 1 or self.shuffle < 0:
            raise UsageError(f"width is at least 1 and shuffle at least 0, not {self.width} and {self.shuffle}")

    def _channels(self, length: int) -> list[int]:
        """Of each layer from the sound on: of 1,024 samples [1, d, 2d, 4d]."""
        layers = (length // SHORTEST).bit_length() // 2
        return [1, *(self.width << k for k in range(layers))]

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        channels = self._channels(data.shape[1])[::-1]
        layers: list[nn.Module] = [nn.Linear(z_dim, channels[0] * SHORTEST), nn.Unflatten(1, (channels[0], SHORTEST))]
        for wide, narrow in pairwise(channels):
            layers += [nn.ReLU(), nn.ConvTranspose1d(wide, narrow, FILTER, STRIDE, padding=11, output_padding=1)]
        return nn.Sequential(*layers, nn.Tanh())

    def discriminator(self, data: DataSpec) -> Discriminator:
        channels = self._channels(data.shape[1])
        layers: list[nn.Module] = []
        for k, (narrow, wide) in enumerate(pairwise(channels)):
            last = k == len(channels) - 2
            layers += [nn.Conv1d(narrow, wide, FILTER, STRIDE, padding=11), nn.LeakyReLU(0.2)]
            layers += [] if last else [PhaseShuffle(self.shuffle)]
        return Discriminator(nn.Sequential(*layers, nn.Flatten()), nn.Linear(channels[-1] * SHORTEST, 1))


class WaveGAN(WGANGP):
    """WaveGAN. Adversarial Audio Synthesis. Donahue et al., 2019. https://arxiv.org/abs/1802.04208"""

    batch = 64

    @dataclass(frozen=True)
    class Options(WGANGP.Options):
        z_dim: int = 100  # numbers in a latent
        prior: saddle.tasks.Prior = "uniform"  # of a number of z
        network: Network = WaveNets()  # the architecture of both players
        optim: Optim = Adam(lr=1e-4, betas=(0.5, 0.9))  # of both players

    options: Options


# The metrics: by the strongest frequency of each sound, its pitch in parts of the piece.


def pitch(sounds: Tensor) -> Tensor:
    """[N, 1, T] → the strongest frequency of each, in periods a piece, int64 [N]."""
    window = torch.hann_window(sounds.shape[2], device=sounds.device)
    return torch.fft.rfft(sounds[:, 0].float() * window).abs()[:, 1:].argmax(1) + 1


HEARD = Seen("heard", of=SAMPLES, look=lambda drawn: pitch(drawn.images))


def real_pitches(evidence) -> Tensor:
    return torch.cat([pitch(chunk) for chunk in chunks(evidence[REAL])]).unique().cpu()


def in_tune(evidence) -> tuple[float, float]:
    good = torch.isin(evidence[HEARD].cpu(), real_pitches(evidence)).float()
    return float(good.mean()), float(good.std() / len(good) ** 0.5)


def pitches(evidence) -> tuple[float, float]:
    real = real_pitches(evidence)
    return float(torch.isin(real, evidence[HEARD].cpu()).float().mean()), 0.0


METRICS = {
    "in_tune": Metric("share of sounds with a pitch that held-out ones have", "higher", (HEARD, REAL), in_tune),
    "pitches": Metric("share of the held-out sounds' pitches that are heard", "higher", (HEARD, REAL), pitches),
}


# Sounds to begin with, and sounds to listen to.


def write(path: Path, sound: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


def pluck(frequency: float, samples: int, seed: int) -> np.ndarray:
    """A plucked string: Karplus and Strong, 1983. Noise in a delay line, of which each turn is a little smoother."""
    chance = np.random.default_rng(seed)
    line = chance.uniform(-1, 1, round(RATE / frequency))
    line -= line.mean()  # which would never fade
    sound = np.empty(samples)
    for i in range(samples):
        k = i % len(line)
        sound[i] = line[k]
        line[k] = 0.5 * (line[k] + line[(k + 1) % len(line)])
    return 0.9 * sound / np.abs(sound).max()


def main(what: str, source: str, folder: str = "") -> None:
    out = Path(folder or source)
    out.mkdir(parents=True, exist_ok=True)
    if what == "pluck":
        scale = [220 * 2 ** (k / 12) for k in (0, 7, 12, 19)]  # fifths and octaves, from 220 Hz on
        for i in range(240):
            write(out / f"{i:03}.wav", pluck(scale[i % len(scale)], PIECE, i))
    else:
        for i, sound in enumerate(saddle.load(source).sample(16).numpy()[:, 0]):
            write(out / f"{i:02}.wav", sound)
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
