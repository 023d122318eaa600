"""A game that learns one image, scale by scale, and what can be done with it then. Shaham et al., 2019, Section 4."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..base import rng
from ..base.errors import UsageError
from ..base.known import known
from ..base.precision import full
from ..base.ranges import NonNegativeInt, PositiveInt
from ..layers.colours import palette, quantised, softened
from ..layers.resize import resized
from .form import part
from .synthesis import Synthesis

Size = tuple[int, int]
CHUNK = 16  # images drawn at a time, to bound memory
MEGAPIXELS = 50  # of the largest image that is made by enlarging; beyond it memory and patience end


class SingleImage(Synthesis):
    """Draws images like the one it learned, of any size, and makes given ones like it.

    Scales are counted from the coarsest, 0. Images are float [N, C, H, W], about [-1, 1].
    """

    purpose = "use what was learned from one image (saddle apply)"

    @dataclass(frozen=True)
    class Use(Synthesis.Use):
        size: tuple[PositiveInt, PositiveInt] | None = None
        """height and width of samples of a game that learned one image"""
        scale: NonNegativeInt | None = None  # likewise: below it samples are copies; 0, the coarsest, if there is none

    @property
    def scores(self) -> tuple[str, ...]:
        return ("reconstruction_psnr", "diversity", "diversity_finer", "patch_distance")

    sizes: list[Size]  # height and width of the learned image at every scale, the coarsest first
    generator: nn.ModuleList  # one network a scale: (noise, image) → image
    fixed: Tensor  # z*  [1, 1, H, W]
    amplitudes: Tensor  # σ of every scale
    begun: Tensor  # how many scales have begun to learn

    def step(self, scale: int, plane: Tensor, coarse: Tensor) -> Tensor:
        """The images of a scale, of noise `plane` and the coarser image enlarged, both [N, C, h, w] → same shape."""
        return full(self.generator[scale](self.amplitudes[scale] * plane, coarse))

    def climb(self, planes: Sequence[Tensor], start: int = 0, image: Tensor | None = None) -> Tensor:
        """From `image` at scale `start` (nothing at the coarsest) through the scales, one for each plane of noise.

        What leaves a scale is enlarged to the next plane's size; a scale that has not begun to learn only enlarges.

        planes [N, C, h, w] by scale, image [N, C, H, W] → [N, C, H', W'] of the last plane's size
        """
        if not torch.compiler.is_exporting() and len(planes[0]) > CHUNK:
            parts = zip(*(plane.split(CHUNK) for plane in planes), strict=True)
            images = [None] * len(planes[0]) if image is None else image.split(CHUNK)
            return torch.cat([self.climb(part, start, x) for part, x in zip(parts, images, strict=False)])
        x = (
            planes[0].new_zeros(planes[0].shape[0], self.data.shape[0], *planes[0].shape[2:])
            if image is None
            else image
        )
        begun = max(known(self.begun), 1)
        for scale, plane in enumerate(planes, start):
            x = resized(x, plane.shape[2:])
            x = self.step(scale, plane, x) if scale < begun else x
        return x

    def planes(self, n: int, sizes: Sequence[Size], start: int = 0) -> list[Tensor]:
        """The noise of n images: a plane for each scale from `start` on, of these sizes; of one channel at scale 0.

        Each is [n, C, h, w].
        """
        shapes = [(self.data.shape[0] if scale else 1, *size) for scale, size in enumerate(sizes, start)]
        return [rng.randn(n, *shape, device=self.device).to(self.dtype) for shape in shapes]

    def fixed_planes(self) -> list[Tensor]:
        """The noise that reconstructs the learned image, {z*, 0, …, 0}.  Each is [1, C, h, w]."""
        zeros = [self.fixed.new_zeros(1, 1, *size) for size in self.sizes[1:]]
        return [self.fixed, *zeros]

    def noise(self, n: int, label: Tensor | None = None) -> Tensor:
        """The planes of all scales, one after the other in a row.  [n, z]"""
        return torch.cat([plane.flatten(1) for plane in self.planes(n, self.sizes)], 1)

    def latent_parts(self) -> list[dict[str, Any]]:
        pixels = [math.prod(size) * (self.data.shape[0] if scale else 1) for scale, size in enumerate(self.sizes)]
        return [part("planes", sum(pixels), "normal")]

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        shapes = [(self.data.shape[0] if scale else 1, *size) for scale, size in enumerate(self.sizes)]
        rows = z.split([math.prod(shape) for shape in shapes], 1)
        return self.climb([row.unflatten(1, shape) for row, shape in zip(rows, shapes, strict=True)])

    def reconstruct(self, scales: int | None = None) -> Tensor:
        """The learned image, after that many scales; by default after all.  [1, C, H, W]"""
        return self.climb(self.fixed_planes()[:scales])

    def sample_with(self, n: int, label: Tensor | None, use: Synthesis.Use) -> Tensor:
        assert isinstance(use, SingleImage.Use)
        if use.size is None and use.scale is None:
            return super().sample_with(n, label, use)
        if label is not None or use.truncation is not None:
            raise UsageError("a size or a scale goes with no label, text or truncation; leave out one or the other")
        return self.draw(n, use.size, use.scale or 0)

    @torch.no_grad()
    def draw(self, n: int, size: Size | None = None, start: int = 0) -> Tensor:
        """n images of any (height, width), by default the learned one's; up to scale `start` they are its copy.

        [n, C, H, W]
        """
        self.check_scale(start, least=0)
        if size is None or tuple(size) == self.sizes[-1]:
            below = self.reconstruct(start).expand(n, -1, -1, -1) if start else None
            planes = self.planes(n, self.sizes[start:], start)
            return self.climb(planes, start, None if below is None else resized(below, self.sizes[start]))
        if start:
            raise UsageError(
                "an image of another size has no copy of the learned one to start from: leave out the scale"
            )
        if min(size) < 1:
            raise UsageError(f"an image is at least 1×1, not {size[0]}×{size[1]}")
        high, wide = (side / own for side, own in zip(size, self.sizes[-1], strict=True))
        scaled = [(max(1, round(h * high)), max(1, round(w * wide))) for h, w in self.sizes]
        return self.climb(self.planes(n, scaled))

    @torch.no_grad()
    def refine(self, image: Tensor, start: int) -> Tensor:
        """The image [1, C, H, W], taken at a coarse scale and drawn anew from there, in the learned image's size.

        Returns [1, C, H', W'].
        """
        self.check_scale(start, least=1)
        coarse = resized(image, self.sizes[start - 1])
        return self.climb(self.planes(len(image), self.sizes[start:], start), start, resized(coarse, self.sizes[start]))

    @torch.no_grad()
    def super_resolution(self, image: Tensor, times: float = 4.0) -> Tensor:
        """The image enlarged `times`, the finest scale drawing detail at every step up.

        [1, C, H, W] → [1, C, times · H, times · W]
        """
        size, last = image.shape[2:], len(self.sizes) - 1
        most = math.sqrt(1e6 * MEGAPIXELS / math.prod(size))
        if not 1 < times < math.inf:
            raise UsageError(f"super-resolution enlarges by a finite number above 1, such as 4, not by {times:g}")
        if times > most:
            raise UsageError(
                f"{times:g} times {size[0]}×{size[1]} pixels is more than {MEGAPIXELS} megapixels; "
                + (f"enlarge by at most {math.floor(100 * most) / 100:g}" if most > 1.01 else "give a smaller image")
            )
        step = self.sizes[-1][0] / self.sizes[-2][0]
        steps = max(1, round(math.log(times) / math.log(step)))
        for i in range(1, steps + 1):
            large = [round(side * times ** (i / steps)) for side in size]
            image = self.climb(self.planes(1, [(large[0], large[1])], last), last, resized(image, large))
        return image

    def paint_to_image(self, image: Tensor, start: int = 1, colours: int = 5) -> Tensor:
        """A picture in the manner of the learned image from a painting in flat colours, brought to its `colours`.

        [1, C, h, w] → [1, C, H, W]
        """
        self.check_scale(start, least=1)
        small = resized(self.reconstruct(), self.sizes[start])
        return self.refine(quantised(resized(image, self.sizes[-1]), palette(small, colours)), start)

    def harmonise(self, image: Tensor, mask: Tensor, start: int) -> Tensor:
        """What was pasted into the image where the mask [1, 1, H, W] is 1, in the manner of its surroundings.

        Image [1, C, h, w] → [1, C, H, W]
        """
        return self.blend(image, mask, start, radius=7)

    def edit(self, image: Tensor, mask: Tensor, start: int) -> Tensor:
        """The image with the seams gone of what was moved or copied where the mask [1, 1, H, W] is 1.

        Image [1, C, h, w] → [1, C, H, W]
        """
        return self.blend(image, mask, start, radius=20)

    def blend(self, image: Tensor, mask: Tensor, start: int, radius: int) -> Tensor:
        """The image drawn anew under the mask, grown by `radius` pixels and blurred, and as it was elsewhere.

        Image [1, C, h, w], mask [1, 1, h, w] → [1, C, H, W]
        """
        image, mask = resized(image, self.sizes[-1]), (resized(mask, self.sizes[-1]) > 0.5).to(image)
        if not mask.any():
            raise UsageError("the mask is black everywhere: white says what was changed")
        return torch.lerp(image, self.refine(image, start), softened(mask, radius))

    @torch.no_grad()
    def animate(self, frames: int, start: int = 2, alpha: float = 0.1, beta: float = 0.9) -> Tensor:
        """A film [frames, C, H, W] of the learned image alive: its noise walks, near where it was fixed.

        zₜ₊₁ = α z* + (1 - α) (zₜ + β (zₜ - zₜ₋₁) + (1 - β) u). A larger α stays nearer to the image, a larger β moves
        more smoothly; scales below `start` stand still.
        """
        self.check_scale(start, least=0)
        fixed = self.fixed_planes()
        before = [plane.clone() for plane in fixed]
        now = [0.95 * plane + 0.05 * u for plane, u in zip(fixed, self.planes(1, self.sizes), strict=True)]
        film = []
        for _ in range(frames):
            film.append(self.climb([*fixed[:start], *now[start:]]))
            fresh = self.planes(1, self.sizes)
            walks = [z + beta * (z - y) + (1 - beta) * u for z, y, u in zip(now, before, fresh, strict=True)]
            before = now
            now = [alpha * z + (1 - alpha) * walk for z, walk in zip(fixed, walks, strict=True)]
        return torch.cat(film)

    def check_scale(self, scale: int, least: int) -> None:
        if not least <= scale < len(self.sizes):
            raise UsageError(f"scales go from {least} to {len(self.sizes) - 1}, the finest; there is no {scale}")
