"""Translation: images of one domain become images of another."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from torch import Tensor, nn

from ..base import rng
from ..base.errors import UsageError, near, some
from ..data import places_with, sources_with
from ..spec import Batch, Condition, conditions
from ..spec.field import SEEN
from . import signs
from .form import PADDING, Form, Forms, Port, examples, made, seen
from .game import Columns, Game, Held


class Translation(Game):
    """A game that turns images of one domain into images of another; a domain is a key of a batch.

    An image is here what the field of its key says: an image, a label map or a mask.
    """

    purpose = "translation (saddle translate)"
    takes = SEEN
    paired: ClassVar[bool] = False  # does it learn from images of two domains that show the same?

    def check_data(self) -> None:
        """UsageError unless the domains are images, maps or masks of one size, and pairs where it learns from pairs."""
        super().check_data()
        name, fields = type(self).__name__, {key: self.data.fields[key] for key in self.domains}
        for key, field in fields.items():
            if field.kind not in SEEN:
                raise UsageError(
                    f"{name} translates images, label maps and masks; {key} of these data is {field}; choose data "
                    f"whose {some(fields, between=' and ')} are of these kinds"
                )
        sizes = {f"{self.title(key)} {height}×{width}" for key in fields for height, width in [self.size(key)]}
        if len({self.size(key) for key in fields}) > 1:
            raise UsageError(
                f"{name} translates between images of one size; these are {some(sorted(sizes))}; --data.size brings "
                "all images to one size"
            )
        more = [self.title(*keys) for keys in self.data.domains if len(keys) == 1 and keys[0] not in fields]
        if more:
            raise UsageError(
                f"{name} translates between {len(fields)} domains, and these data have {len(self.data.domains)}; it "
                f"would never see {some(more)}; choose data of {some(map(self.title, fields), between=' and ')} alone"
            )
        apart = [domain for domain in self.data.domains if 0 < len({*domain} & {*fields}) < len(fields)]
        if self.paired and apart:
            pairs = [*places_with(self.needs, paired=True), *sources_with(self.needs, paired=True)]
            raise UsageError(
                f"{name} learns from pairs, and {some(fields, between=' and ')} of these data do not belong together; "
                f"choose data of pairs, such as --data {some(pairs, 5, between=' or ')}, or a game that needs none, "
                "such as cyclegan"
            )

    def check_drawn(self, domain: str = "b") -> None:
        """UsageError if what it is to draw are label maps: it draws images and masks."""
        if self.data.fields[domain].kind == "map":
            raise UsageError(
                f"{type(self).__name__} draws images and masks, and the wanted side ({domain}) of these data is a "
                "label map; turn them round (--data.direction b-to-a) to draw images from maps, or choose data whose "
                f"{domain} is an image"
            )

    # What an input can bring beside its images, and a result can be asked for; by default nothing.

    @property
    def styled(self) -> bool:
        """Can a result be asked to look like an image of its domain, which `translate` finds as "style"?"""
        return False

    @property
    def asked(self) -> Condition | None:
        """What a result can be asked to show, which `translate` finds as "label"; None if it cannot be asked.

        A column that is NaN, or a class that is -1, stays as it is in the input.
        """
        return None

    @property
    def beside(self) -> tuple[str, ...]:
        """Further keys of a batch that `translate` looks at where it finds them, such as the instances of a map."""
        return ()

    def looks(self) -> dict[str, Tensor]:
        """What objects can look like, by class: centres of clusters [K, F]; {} of a game without such a choice.

        `translate` finds which is asked for as "clusters": int64 [N, H, W], of each pixel's object, -1 for none.
        """
        return {}

    @property
    def brought(self) -> tuple[str, ...]:
        """Those of them that images of the data bring along. What it finds itself, another domain, is not given it."""
        return tuple(key for key in self.beside if key not in self.domains)

    @property
    def written(self) -> tuple[str, ...]:
        """The domains that an input is translated to where none is asked for: by default the usual one."""
        return (self.way()[1],)

    def code(self, batch: Batch, domain: str) -> Tensor | None:
        """The code [N, …] from which images of a domain are translated; None of a game without one."""
        return None

    @property
    def varies(self) -> bool:
        """Does it draw random numbers for a translation, so that another seed gives another one?"""
        return False

    @property
    def domains(self) -> tuple[str, ...]:
        """Keys of the domains between which it translates, in order."""
        return tuple(self.needs)

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        """From which domain to which it can translate: by default from each to each other one."""
        return tuple((start, to) for start in self.domains for to in self.domains if start != to)

    def title(self, domain: str) -> str:
        """What people call a domain."""
        return self.data.fields[domain].title or domain

    def size(self, domain: str) -> tuple[int, int]:
        """Height and width of the training's images of a domain, in pixels."""
        height, width = self.data.fields[domain].shape[-2:]
        return height, width

    def planes(self, batch: Batch, domain: str) -> Tensor:
        """What a network sees of a batch's images of a domain: [N, K, H, W] in [-1, 1]."""
        return self.data.fields[domain].as_planes(batch[domain]).to(self.dtype)

    def picture(self, planes: Tensor, domain: str) -> Tensor:
        """What people see of planes [N, K, H, W] of a domain: [N, C, H, W] in [-1, 1]; of a map the likeliest class."""
        field = self.data.fields[domain]
        return field.as_image(planes.argmax(1)) if field.kind == "map" else planes

    def way(self, start: str | None = None, to: str | None = None) -> tuple[str, str]:
        """From which domain to which, each by its key or its title: by default to the last one, from the first other.

        UsageError for a domain that there is not, and for a way that there is not.
        """
        titles = {self.title(domain): domain for domain in self.domains}
        for domain in (start, to):
            if domain is not None and domain not in (*self.domains, *titles):
                raise UsageError(f"no domain '{domain}'{near(domain, titles)}; there are {', '.join(titles)}")
        start, to = (name if name in self.domains else titles.get(name or "") for name in (start, to))
        possible = [way for way in self.ways if way[0] == (start or way[0]) and way[1] == (to or way[1])]
        if not possible:
            there = ", ".join(f"from {self.title(a)} to {self.title(b)}" for a, b in self.ways)
            words = [f"{word} '{self.title(name)}'" for word, name in (("from", start), ("to", to)) if name]
            raise UsageError(f"{' '.join(words)} there is nothing to translate; it translates {there}")
        to = to or max((way[1] for way in possible), key=self.domains.index)
        return next(way for way in possible if way[1] == to)

    def network(self, start: str, to: str) -> nn.Module | None:
        """The network that alone turns `planes` of one domain into those of another, if one does; it can be tiled."""
        return None

    def multiple(self, start: str, to: str) -> int:
        """Sides of images that it translates must be whole multiples of so many pixels."""
        return 1

    def smallest(self, start: str, to: str) -> int:
        """The shortest side, in pixels, of an image that it translates; a multiple of `multiple`."""
        return self.multiple(start, to)

    @property
    def scores(self) -> tuple[str, ...]:
        beside_truth = ("ssim", "psnr", "l1", "sharpness_ratio")
        of_shadows = ("lab_error", "lab_error_shadow", "lab_error_outside", "ber")
        of_maps = ("pixel_accuracy", "mean_accuracy", "miou")
        reread = ("reread_accuracy", "reread_mean_accuracy", "reread_miou")
        of_classes = ("attribute_accuracy", "attributes_kept", "label_accuracy")
        of_codes = ("probe_attribute", "probe_content", "style_following", "swap_attributes", "swap_labels")
        of_sets = ("translation_swd", "cycle_psnr", "identity_change", "luminance")
        return (*super().scores, *beside_truth, *of_shadows, *of_maps, *reread, *of_classes, *of_codes, *of_sets)

    @property
    def headlines(self) -> tuple[str, ...]:
        return ("ssim", "psnr") if self.paired else ("ssim", "psnr", "translation_swd", "cycle_psnr")

    @property
    def sized(self) -> bool:
        """Does it translate images of the training's size alone?"""
        return False

    def forms(self) -> Forms:
        """Images of a domain, with what the game is asked for, → images of another; one form for each way."""
        ways = self.ways
        names = [f"translate-{start}-{to}" if len(ways) > 1 else "translate" for start, to in ways]
        return super().forms() | {name: self._translated(*way) for name, way in zip(names, ways, strict=True)}

    def wishes(self, start: str, to: str) -> dict[str, tuple[Port, Callable[[int, int], Tensor]]]:
        """What `translate` takes beside the images when it is exported, by key: how it is described, and examples.

        Examples [n, …] are of images that are so many pixels larger than in training.
        """
        fields = {key: self.data.fields[key] for key in self.brought if key in self.data.fields}
        found: dict[str, tuple[Port, Callable[[int, int], Tensor]]] = {
            key: (seen(key, field), partial(examples, field)) for key, field in fields.items()
        }
        if self.asked is not None:
            says = "what the result is to show; what is NaN, or a class that is -1, stays as it is"
            port = Port("label", says, {"names": list(self.asked.names), "stays": True})
            return found | {"label": (port, lambda n, step: conditions.pick(self.data, rng.rand(n)).cpu())}
        if self.styled:
            field = self.data.fields[to]
            return found | {"style": (made("style", field), lambda n, step: examples(field, n))}
        return found

    def _resizable(self, start: str, to: str) -> bool:
        """Can an exported form take other sizes? Not where a map has one pixel, nor where a result depends on more."""
        told = self.styled or self.asked is not None
        return not (self.sized or told) and min(self.size(start)) >= 2 * self.multiple(start, to)

    def _translated(self, start: str, to: str) -> Form:
        field, multiple = self.data.fields[start], self.multiple(start, to)
        wishes, resizable = self.wishes(start, to), self._resizable(start, to)

        def compute(image: Tensor, *more: Tensor) -> tuple[Tensor, ...]:
            return (self.translate({start: image, **dict(zip(wishes, more, strict=True))}, to),)

        def draw(n: int, larger: bool) -> tuple[Tensor, ...]:
            step = multiple * (larger and resizable)
            return examples(field, n, step), *(example(n, step) for _, example in wishes.values())

        ports = (seen(start, field), *(port for port, _ in wishes.values()))
        names = [f"{port.name}_given" if port.name == to and port.name == start else port.name for port in ports]
        return Form(
            compute=compute,
            draw=draw,
            inputs=tuple(port._replace(name=name) for port, name in zip(ports, names, strict=True)),
            outputs=(made(to, self.data.fields[to]),),
            resizable=resizable,
            facts={
                "from": self.title(start),
                "to": self.title(to),
                "multiple": multiple,
                "smallest": self.smallest(start, to),
                "padding": PADDING,
            },
        )

    @abstractmethod
    def translate(self, batch: Batch, to: str) -> Tensor:
        """The images of the one domain that `batch` holds as `planes` of the domain `to`: [N, K, H, W] in [-1, 1].

        It may also hold "style", images of the domain `to` as planes [N, K, h, w], where the game is `styled`; "label",
        [N] or [N, L], where it can be `asked`; and the keys that are `beside`, each as its field says.
        """

    def signs(self, held: Batch, trained: Batch) -> dict[str, Tensor]:
        """How different the translations of different images are, the usual way; of label maps there is nothing."""
        found = super().signs(held, trained)
        start, to = self.way()
        if self.data.fields[to].kind == "map" or len(held[start]) < 2 or self.asked is not None:
            return found
        given = {key: held[key][: signs.MOST] for key in (start, *self.brought) if key in held}
        made, real = self.translate(given, to), self.planes(held, to)
        return found | {"diversity": signs.diversity(made, real)}

    def example(self) -> tuple[str, ...]:
        """Images, and of a game that can be asked what results are to show the first thing there is."""
        if self.asked is None or self.styled:
            return super().example()
        name, *_ = self.asked.names
        rows = self.data.distribution if self.asked.kind == "numbers" else ()
        value = f"={rows[0][0]:g}" if rows else ""
        return (*super().example(), *conditions.option("--to", f"{name}{value}"))

    def shown(self, held: Held) -> Columns:
        """Eight held-out images of every domain, and beside them the game's results for them."""
        batch, columns = held(8), dict[str, Tensor]()
        for domain in self.domains:
            columns[self.title(domain)] = self.data.fields[domain].as_image(batch[domain])
            for start, to in self.ways:
                if start == domain:
                    few = len(self.domains) == 2
                    name = f"as {self.title(to)}" if few else f"{self.title(start)} as {self.title(to)}"
                    given = {key: batch[key] for key in (start, *self.brought) if key in batch}
                    columns[name] = self.picture(self.translate(given, to), to)
        return columns
