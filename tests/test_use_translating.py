"""An image of any size, depth and opacity goes through a network, and comes back as it was given."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from negating import Negating, image, translator

from saddle.base.errors import SaddleError, UsageError
from saddle.data.options import DataOptions
from saddle.games.cyclegan import CycleGAN
from saddle.spec import DataSpec, Field
from saddle.use import familiar, room, tiles
from saddle.use.original import Original, of_array
from saddle.use.translating import padding, reflected

RANDOM = np.random.default_rng(0)


def picture(height: int, width: int, channels: int = 3, kind: type = np.uint8) -> np.ndarray:
    return RANDOM.integers(0, np.iinfo(kind).max + 1, (height, width, channels)).astype(kind)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (8, 8), (33, 40), (50, 31), (64, 64)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_an_image_of_any_size_and_depth_comes_back_at_its_own(size, kind):
    given, work = picture(*size, kind=kind), translator()
    made = work(of_array(given), (0,))
    assert made.pixels.dtype == kind
    assert (made.pixels == np.iinfo(kind).max - given).all()
    assert made.size == size
    assert work.game.sizes == [made.padded]


def test_what_is_added_around_an_image_is_its_mirror_image():
    x = torch.arange(4.0).view(1, 1, 1, 4)
    size, corner = padding((1, 4), 4, 12)
    assert (size, corner) == ((12, 12), (5, 4))
    line = [2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]
    assert reflected(x, size, corner)[0, 0].tolist() == [line] * 12
    wide = torch.rand(1, 3, 20, 22)
    padded = torch.nn.functional.pad(wide, (3, 3, 2, 2), mode="reflect")
    assert torch.equal(reflected(wide, (24, 28), (2, 3)), padded)


def test_opacity_comes_back_unchanged_and_the_network_sees_the_background():
    given = picture(9, 7, 4)
    given[:4, :, 3] = 0
    made = translator(options=DataOptions(background="black"))(of_array(given), (0,))
    assert (made.alpha == given[..., 3]).all()
    assert (made.pixels[:4] == 255).all()  # the negative of black, whatever colour was hidden
    deep = picture(9, 7, 2, np.uint16)
    assert (translator()(of_array(deep), (0,)).alpha == deep[..., 1]).all()


def test_channels_are_those_of_the_domains():
    colours = Negating(image(1), image(3))
    assert translator(colours)(of_array(picture(8, 9, 3)), (0,)).pixels.shape == (8, 9, 3)
    assert translator(colours, to="a")(of_array(picture(8, 9, 1)), (0,)).pixels.shape == (8, 9, 1)
    clear = Negating(image(4), image(4))
    given = picture(8, 8, 4)
    made = translator(clear)(of_array(given), (0,))
    assert (made.pixels == 255 - given[..., :3]).all()
    assert (made.alpha == 255 - given[..., 3]).all()


def test_results_of_16_bits_are_in_the_range_of_the_data():
    game = Negating(image(1, bits=16), image(1, bits=16))
    given = np.array([[100, 1100, 0, 5000]], np.uint16)
    made = translator(game, DataOptions(range=(100, 1100)))(of_array(given), (0,))
    assert made.pixels[..., 0].tolist() == [[1100, 100, 1100, 100]]


@pytest.mark.parametrize(("size", "seen"), [("run", (32, 32)), (16, (16, 32)), ((24, 20), (24, 20))])
def test_another_size_can_be_asked_for_and_the_inputs_brought_back(size, seen):
    given = of_array(picture(20, 40, 4))
    made = translator(size=size)(given, (0,))
    assert made.size == made.pixels.shape[:2] == made.alpha.shape == seen
    back = translator(size=size, restore=True)(given, (0,))
    assert back.size == seen
    assert back.pixels.shape == (20, 40, 3)
    assert (back.alpha == given.alpha).all()


def test_a_game_of_one_size_is_given_that_size():
    game = Negating(image(), image(), sized=True)
    assert translator(game)(of_array(picture(10, 50)), (0,)).pixels.shape == (32, 32, 3)
    assert translator(game, restore=True)(of_array(picture(10, 50)), (0,)).pixels.shape == (10, 50, 3)
    assert game.sizes == [(32, 32)] * 2


def test_noise_is_a_function_of_the_key_alone():
    work, given = translator(Negating(image(), image(), noise=0.5)), of_array(picture(16, 16))
    one = work(given, (7, "x.png", 0)).pixels
    work(given, (7, "y.png", 0))
    assert (work(given, (7, "x.png", 0)).pixels == one).all()
    for other in [(8, "x.png", 0), (7, "y.png", 0), (7, "x.png", 1)]:
        assert (work(given, other).pixels != one).any()


def test_a_mean_of_draws_varies_less_than_one():
    grey = of_array(np.full((32, 32, 3), 128, np.uint8))
    spread = [translator(Negating(image(), image(), noise=0.3), mean=n)(grey, (0,)).pixels.std() for n in (1, 16)]
    assert spread[1] == pytest.approx(spread[0] / 4, rel=0.1)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("sized", [False, True])
@pytest.mark.parametrize("of", [1, 3])
def test_known_pixels_of_an_image_with_a_hole_come_back_bit_for_bit(channels, kind, sized, of):
    given = of_array(picture(21, 34, channels, kind))
    hole = np.zeros((21, 34), bool)
    hole[5:9, 10:20] = True
    made = translator(Negating(image(of), image(of), sized=sized))(given, (0,), hole)
    assert made.pixels.dtype == kind
    assert made.pixels.shape == given.pixels.shape
    assert (made.pixels[~hole] == given.pixels[~hole]).all()
    if given.alpha is not None:
        assert (made.alpha == given.alpha).all()
    middle = np.iinfo(kind).max / 2
    assert abs(made.pixels[6:8, 14:16] - middle).max() <= middle / 64  # the negative of what is lost


def test_classes_of_a_map_and_masks_come_out_whole():
    palette = ((0, 0, 0), (255, 0, 0), (0, 255, 0))
    game = Negating(image(3), Field("map", (32, 32), ("sky", "tree", "road"), palette))
    made = translator(game)(of_array(picture(9, 11)), (0,))
    assert made.pixels.shape == (9, 11, 1)
    assert set(np.unique(made.pixels)) <= {0, 1, 2}
    mask = Negating(image(3), Field("mask", (1, 32, 32)))
    assert set(np.unique(translator(mask)(of_array(picture(9, 11)), (0,)).pixels)) == {0, 255}


class Overflowing(Negating):
    """Gives NaN in half precision, and in full if it is to."""

    always = False

    def translate(self, batch, to):
        half = torch.is_autocast_enabled("cpu")
        return super().translate(batch, to) * (float("nan") if half or self.always else 1)


def test_what_half_precision_cannot_say_is_computed_again_in_full_and_told():
    game, given = Overflowing(image(), image()), picture(8, 8)
    made = translator(game, precision="bf16")(of_array(given), (0,))
    assert (made.pixels == 255 - given).all()
    assert "again in fp32" in made.notes[0]
    game.always = True
    with pytest.raises(SaddleError, match="not finite"):
        translator(game)(of_array(given), (0,))


def test_an_image_is_no_label_map():
    game = Negating(Field("map", (32, 32), ("sky", "tree"), ((0, 0, 0), (9, 9, 9))), image(2))
    with pytest.raises(UsageError, match="'a' holds label maps"):
        translator(game)(of_array(picture(8, 8)), (0,))


def test_classes_of_a_map_are_what_a_network_is_given():
    game = Negating(Field("map", (32, 32), ("sky", "tree", "road"), ((0, 0, 0), (9, 9, 9), (99, 9, 9))), image(3))
    classes = RANDOM.integers(0, 3, (9, 11, 1))
    made = translator(game)(Original(classes), (0,))
    assert made.pixels.shape == (9, 11, 3)
    assert (made.pixels == np.where(classes == np.arange(3), 0, 128)).all()  # the negatives of 1 and of 0


def cyclegan(**options: int) -> CycleGAN:
    torch.manual_seed(0)
    fields = {key: image(3) for key in "ab"}
    return CycleGAN(DataSpec(fields, (("a",), ("b",))), CycleGAN.Options(width=4, blocks=1, **options)).eval()


def test_tiles_give_what_the_whole_image_gives():
    game, given = cyclegan(), of_array(picture(150, 131))
    whole = translator(game)(given, (0,))
    tiled = translator(game, tile=64)(given, (0,))
    assert (whole.tiles, tiled.tiles) == (1, 9)
    assert abs(whole.pixels.astype(int) - tiled.pixels).max() <= 1


def test_memory_that_runs_out_halves_the_tiles_and_is_told(monkeypatch):
    game, given, apply, sides = cyclegan(), of_array(picture(300, 300)), tiles.apply, []
    room_for = [64]  # pixels a side
    whole = translator(game)(given, (0,)).pixels

    def out_of_memory(batch, to):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")

    def small_ones_alone(network, x, tile, statistics):
        sides.append(tile)
        if tile > room_for[0]:
            raise MemoryError
        return apply(network, x, tile=tile, statistics=statistics)

    monkeypatch.setattr(game, "translate", out_of_memory)
    monkeypatch.setattr(tiles, "apply", small_ones_alone)
    made = translator(game)(given, (0,))
    assert sides == [128, 64]
    assert abs(made.pixels.astype(int) - whole).max() <= 1
    assert made.notes == ("memory ran out: translated in tiles of 64 pixels, with the same result",)
    assert (translator(game, tile=256)(given, (0,)).pixels == made.pixels).all()
    assert sides[2:] == [256, 128, 64]
    steady = replace(translator(game), steady=tiles.statistics(game.network("a", "b"), [torch.zeros(1, 3, 64, 64)]))
    assert steady(given, (0,)).notes == made.notes
    with pytest.raises(SaddleError, match="pixels as a whole; leave out --tile 0, or ask for a smaller --size"):
        translator(game, tile=0)(given, (0,))
    room_for[0] = 32
    with pytest.raises(SaddleError, match=r"memory ran out for 300×300 pixels in tiles of 64 pixels; .* --size"):
        translator(game, tile=256)(given, (0,))
    monkeypatch.setattr(game, "network", lambda start, to: None)
    with pytest.raises(SaddleError, match="memory ran out for 300×300 pixels as a whole, and this game cannot work in"):
        translator(game)(given, (0,))
    with pytest.raises(UsageError, match="leave out --tile"):
        translator(game, tile=64)(given, (0,))


def test_an_image_too_large_for_the_memory_is_not_tried_whole(monkeypatch):
    game, given = cyclegan(), of_array(picture(520, 513))
    monkeypatch.setattr(room.memory, "available", lambda: 10**6)
    monkeypatch.setattr(game, "translate", None)
    made = translator(game)(given, (0,))
    assert made.tiles == 4
    assert "too large for the memory at once" in made.notes[0]


def test_other_errors_are_not_taken_for_a_lack_of_memory(monkeypatch):
    game = cyclegan()

    def broken(batch, to):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(game, "translate", broken)
    with pytest.raises(RuntimeError, match="mat1"):
        translator(game)(of_array(picture(16, 16)), (0,))


def test_what_is_unlike_the_images_of_the_training_lies_beyond_the_limit():
    x = torch.linspace(-1, 1, 32)
    smooth = [torch.stack([(x * (i % 7) + x[:, None] * (i % 5)) / 12 + i % 3 * 0.1] * 3) for i in range(120)]
    known = familiar.learned(smooth[:60], smooth[60:])
    assert known is not None
    assert sum(known.distance(each) > 1 for each in smooth[60:]) <= 2
    torch.manual_seed(0)
    for other in (torch.rand(3, 32, 32), torch.ones(3, 40, 9), smooth[5] * torch.tensor([1.0, -1, 1]).view(3, 1, 1)):
        assert known.distance(other) > 1.5
    assert familiar.read(known.written()).distance(smooth[0]) == pytest.approx(known.distance(smooth[0]))
    assert known.distance(torch.zeros(3, 1, 1)) > 0
    assert familiar.learned(smooth[:49], smooth) is None  # too few to say
    for wrong in (None, {}, known.written() | {"limit": 0.0}, known.written() | {"mean": [1.0]}):
        assert familiar.read(wrong) is None
