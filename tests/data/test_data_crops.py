"""Images of many sizes, kept as they are and trained on in pieces."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from image_folders import noise, opened
from PIL import Image

from saddle.base import dist
from saddle.base.errors import UsageError
from saddle.data import DataOptions, open_source
from saddle.data.check import check_folder
from saddle.data.ragged import Ragged
from saddle.data.source import Cropped, Split, check_batch
from saddle.data.stream import Stream
from saddle.runs.recipe import Recipe
from saddle.runs.session import Training
from saddle.spec import DataSpec, Field

SIZES = [(8 + i % 5, 9 + i % 7) for i in range(24)]


def fill(folder: Path, sizes: list[tuple[int, int]] = SIZES) -> list[np.ndarray]:
    pictures = [noise(high, wide, 3) ^ np.uint8(7 * i) for i, (high, wide) in enumerate(sizes)]
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{i:03}.png")
    return pictures


def stream(source, **settings) -> Stream:
    return Stream(source.train, source.spec, 6, 3, **settings)


def is_piece(piece: np.ndarray, of: np.ndarray) -> bool:
    """[C, h, w] of [H, W, C]"""
    windows = np.lib.stride_tricks.sliding_window_view(of.transpose(2, 0, 1), piece.shape)
    return bool((windows == piece).all((-1, -2, -3)).any())


def test_pieces_are_cut_from_images_that_are_kept_as_they_are(folder):
    pictures = fill(folder)
    source = opened(folder, crop=(8, 6), heldout=0)
    assert source.spec.main == Field("image", (3, 8, 6), free=True)
    check_batch(source, 24)
    stored = source.train.columns["image"].drawn(np.arange(24), np.arange(24, dtype=np.uint64) << np.uint64(58))
    assert stored.shape == (24, 3, 8, 6)
    assert all(is_piece(piece, picture) for piece, picture in zip(stored, pictures, strict=True))
    batch = next(stream(source).batches(0))[0]["image"]
    assert batch.shape == (6, 3, 8, 6)
    assert -1 <= batch.min() < -0.9 < 0.9 < batch.max() <= 1


def test_every_corner_is_cut_as_often():
    image = np.arange(7 * 5, dtype=np.uint8).reshape(1, 7, 5)
    cropped = Cropped(Ragged.of(image.reshape(-1), np.array([[1, 7, 5]])), np.zeros(1, np.int64), (4, 3))
    bits = np.random.default_rng(0).integers(0, 2**64, 12_000, dtype=np.uint64)
    corners = cropped.drawn(np.zeros(12_000, np.int64), bits)[:, 0, 0, 0]
    places, counts = np.unique(corners, return_counts=True)
    assert places.tolist() == [5 * top + left for top in range(4) for left in range(3)]
    assert counts.min() > 850
    assert counts.max() < 1150


def test_an_image_as_large_as_the_piece_is_dealt_whole_and_without_a_draw_it_is_the_centre(folder):
    pictures = fill(folder, [(6, 6), (10, 12)])
    column = opened(folder, crop=6).train.columns["image"]
    drawn = column.drawn(np.array([0, 0]), np.array([0, 2**64 - 1], np.uint64))
    assert np.array_equal(drawn[0], pictures[0].transpose(2, 0, 1))
    assert np.array_equal(drawn[1], drawn[0])
    assert np.array_equal(column[[1]][0], pictures[1][2:8, 3:9].transpose(2, 0, 1))


def test_held_out_samples_are_centres_and_pieces_to_train_on_change_from_epoch_to_epoch(folder):
    fill(folder)
    source = opened(folder, crop=5, heldout=0.25)
    assert source.heldout is not None
    assert torch.equal(source.heldout.take([0])["image"], source.heldout.take([0])["image"])
    deals = stream(source)
    first = torch.cat([next(deals.batches(i))[0]["image"] for i in range(3)])  # one epoch
    second = torch.cat([next(deals.batches(i))[0]["image"] for i in range(3, 6)])
    known = {piece.numpy().tobytes() for piece in first}
    assert sum(piece.numpy().tobytes() in known for piece in second) < 9


def test_pieces_are_a_function_of_the_number_of_the_sample(folder):
    fill(folder)
    source = opened(folder, crop=5, heldout=0)
    whole = next(stream(source).batches(4))[0]["image"]
    parts = {}
    for rank in range(2):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dist, "rank", lambda rank=rank: rank)
            patch.setattr(dist, "world", lambda: 2)
            parts[rank] = next(stream(source).batches(4))[0]["image"]
    assert torch.equal(torch.cat([parts[0], parts[1]]), whole)
    other = next(Stream(source.train, source.spec, 6, 4).batches(4))[0]["image"]
    assert not torch.equal(other, whole)


def test_all_keys_of_a_pair_get_the_same_piece_whatever_their_size():
    """The map shows the image's first channel, and the large one every pixel four times."""
    shapes = np.array([[1, 9 + i % 4, 11 - i % 3] for i in range(8)])
    images = [np.random.default_rng(i).integers(0, 256, shape).astype(np.uint8) for i, shape in enumerate(shapes)]
    flat = np.concatenate([image.reshape(-1) for image in images])
    large = np.concatenate([image.repeat(2, 1).repeat(2, 2).reshape(-1) for image in images])
    rows = np.arange(8)
    split = Split(
        {
            "image": Cropped(Ragged.of(flat, shapes), rows, (6, 5)),
            "large": Cropped(Ragged.of(large, shapes * [1, 2, 2]), rows, (12, 10), ratio=2),
        }
    )
    spec = DataSpec({"image": Field("image", (1, 6, 5), free=True), "large": Field("image", (1, 12, 10), free=True)})
    for number in range(5):
        batch = next(Stream(split, spec, 8, 3, flip=True).batches(number))[0]
        assert torch.equal(batch["image"].repeat_interleave(2, 2).repeat_interleave(2, 3), batch["large"])


def test_the_cache_holds_whole_images_and_serves_every_piece(folder, cache, monkeypatch):
    fill(folder)
    first = opened(folder, crop=5, heldout=0)
    monkeypatch.setattr("saddle.data.decode.stored", lambda *_: pytest.fail("decoded again"))
    again, larger = opened(folder, crop=5, heldout=0), opened(folder, crop=8, heldout=0)
    assert again.fingerprint == first.fingerprint != larger.fingerprint
    assert larger.spec.shape == (3, 8, 8)
    assert len([*(cache / "folder").glob("*/shapes.npy")]) == 1
    a, b = (next(stream(source).batches(1))[0]["image"] for source in (first, again))
    assert torch.equal(a, b)


@pytest.mark.parametrize("file", ["images.npy", "shapes.npy", "digests.npy", "bad.json"])
def test_a_cache_that_is_not_whole_is_made_anew(folder, cache, file):
    fill(folder)
    before = opened(folder, crop=5)
    images = before.train.take([0, 1])["image"]
    (kept,) = (cache / "folder").glob("*/" + file)
    kept.write_bytes(kept.read_bytes()[:-9] if file != "bad.json" else b"{")
    after = opened(folder, crop=5)
    assert after.fingerprint == before.fingerprint
    assert torch.equal(after.train.take([0, 1])["image"], images)


def test_two_processes_share_one_cache_of_many_sizes(folder, cache):
    fill(folder)
    code = (
        "from saddle.data import DataOptions, open_source\n"
        f"print(open_source(DataOptions(source='folder:{folder}', crop=5)).fingerprint)"
    )
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    marks = {process.communicate()[0].strip() for process in both}
    assert marks == {opened(folder, crop=5).fingerprint}
    assert len([*(cache / "folder").glob("*/images.npy")]) == 1
    assert not [*(cache / "folder").glob("*.tmp")]


def test_images_smaller_than_the_piece_are_named_and_refused(folder):
    fill(folder)
    with pytest.raises(
        UsageError, match=r"22 of 24 images are smaller than data.crop:\n  000.png: 9×8 is smaller"
    ) as e:
        opened(folder, crop=12)
    assert "--data.crop 8 (the shortest side of all) or less" in str(e.value)
    source = opened(folder, crop=12, skip_bad=True)
    assert len(source.train) == sum(high >= 12 and wide >= 12 for high, wide in SIZES)
    assert source.notes["skipped"].startswith(f"{24 - len(source.train)} files left out: 000.png, ")


def test_sizes_that_differ_are_refused_with_both_ways_out(folder):
    fill(folder)
    with pytest.raises(UsageError, match=r"--data.size 8 \(none is smaller.* --data.crop 8 or less"):
        opened(folder)


def test_a_check_tells_of_pieces_and_of_images_too_small_for_them(folder):
    fill(folder)
    report = check_folder(folder, DataOptions(crop=8))
    assert report.good
    assert "pieces: 8×8, cut at random; the shortest side of all images is 8" in report.lines()
    small = check_folder(folder, DataOptions(crop=(8, 14)))
    assert not small.good
    assert ("000.png", "9×8 is smaller than the piece of 14×8") in small.bad


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop": 0}, "crop is from 1 to 65,536 or none, not 0"),
        (
            {"crop": (1, 2, 3)},
            r"crop wants .* or a list of 2 whole numbers from 1 to 65,536 or none, not '\[1, 2, 3\]'",
        ),
        ({"crop": 4, "size": 4}, "leave out"),
    ],
)
def test_pieces_that_cannot_be_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        DataOptions(**settings)


def test_pieces_are_of_use_for_folders_alone():
    with pytest.raises(UsageError, match=r"digits has no use for data\.crop"):
        open_source(DataOptions(source="digits", crop=8))


def test_captioned_images_come_in_pieces_too(folder):
    fill(folder)
    (folder / "c.csv").write_text("file,caption\n" + "".join(f"{i:03}.png,picture {i}\n" for i in range(24)))
    source = open_source(DataOptions(source=f"captioned:{folder}", crop=6))
    assert next(stream(source).batches(0))[0]["image"].shape == (6, 3, 6, 6)


def test_a_run_on_pieces_that_was_stopped_goes_on_with_the_same_pieces(folder, tmp_path):
    fill(folder, [(16 + i % 5, 17 + i % 3) for i in range(12)])
    edits = {"data": f"folder:{folder}", "data.crop": 16, "plan.rounds": 4, "plan.batch": 4, "game.network.width": 4}
    recipe = Recipe.default("dcgan").change(edits | {"plan.pictures": 0, "plan.scores": 0, "plan.save_every": 2})

    def training(name: str) -> Training:
        return Training(recipe, tmp_path / name, torch.device("cpu"), quiet=True)

    whole = training("whole")
    whole.run()
    stopped = training("stopped")
    stopped.trainer.rounds = 4
    for _ in range(2):
        stopped.trainer.play_round()
    stopped.leads = True
    stopped.folder.path.mkdir()
    recipe.write(stopped.folder.path / "recipe.yaml")
    stopped.save()
    again = training("stopped")
    again.run()
    for (name, tensor), other in zip(
        whole.trainer.game.state_dict().items(), again.trainer.game.state_dict().values(), strict=True
    ):
        assert torch.equal(tensor, other), name
