"""captioned:PATH: images with their captions in a table beside them."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from image_folders import fill

from saddle.base import dist
from saddle.base.errors import UsageError
from saddle.data import DataOptions, Source, open_source, spec_of
from saddle.data.source import Several
from saddle.data.stream import Stream
from saddle.spec.text import packed, to_texts


def opened(path: Path, **settings: object) -> Source:
    return open_source(DataOptions(source=f"captioned:{path}", **settings))  # type: ignore[arg-type]


def table(folder: Path, text: str, name: str = "captions.csv") -> Path:
    (folder / name).write_text(text, "utf-8")
    return folder / name


def captions(source: Source) -> dict[bytes, str]:
    """By the bytes of each image."""
    parts = [part.take(slice(None)) for part in (source.train, source.heldout) if part]
    return {
        image.numpy().tobytes(): text
        for part in parts
        for image, text in zip(part["image"], to_texts(part["caption"]), strict=True)
    }


def test_every_image_comes_with_its_own_caption(folder: Path) -> None:
    pictures = fill(folder, 30)
    lines = [f"{i:03}.png,picture number {i}" for i in reversed(range(30))]
    table(folder, "\n".join(["file,caption", *lines]))
    source = opened(folder)
    found = captions(source)
    assert source.heldout is not None
    assert len(found) == 30
    for i, picture in enumerate(pictures):
        image = torch.from_numpy(picture.transpose(2, 0, 1).copy()).float() / 127.5 - 1
        assert found[image.numpy().tobytes()] == f"picture number {i}"
    assert source.spec.keys == ("image", "caption")
    assert source.spec.condition.length == len("picture number 29")
    assert {"picture", "number", "0", "29"} <= set(source.spec.condition.names)
    assert set(source.spec.distribution) <= {tuple(row) for row in source.train.take(slice(None))["caption"].tolist()}


def test_a_table_is_csv_or_lines_of_json_and_may_be_named(folder: Path) -> None:
    fill(folder, 3)
    said = [("000.png", "ein Boot"), ("000.png", "a boat, red"), ("001.png", "größer"), ("002.png", "x")]
    one = table(folder, '\ufeffcaption,file\nein Boot,000.png\n"a boat, red",000.png\ngrößer,001.png\nx,002.png\n')
    as_csv = opened(one)
    assert spec_of(DataOptions(source=f"captioned:{one}")) == as_csv.spec  # without the pixels
    one.unlink()
    table(folder, "\n\n".join(json.dumps({"file": f, "caption": c}) for f, c in said), "c.jsonl")
    as_json = opened(folder)
    assert as_csv.fingerprint == as_json.fingerprint
    assert set(captions(as_csv).values()) == {"ein Boot", "größer", "x"}
    assert as_csv.notes["captions"] == 4


def test_files_in_sub_folders_are_named_by_their_path(folder: Path) -> None:
    (folder / "a").mkdir()
    fill(folder / "a", 3)
    table(folder, "file,caption\n./a/000.png,one\na/001.png,two\na/002.png,three\n")
    assert set(captions(opened(folder)).values()) == {"one", "two", "three"}


def stream_of(source: Source, seed: int = 0, batch: int = 6) -> Stream:
    return Stream(source.train, source.spec, batch, seed)


def test_each_draw_takes_one_of_an_images_captions_and_all_come_in_time(folder: Path) -> None:
    fill(folder, 6)
    table(folder, "file,caption\n" + "\n".join(f"{i:03}.png,{i} {word}" for i in range(6) for word in "abc"))
    batches = stream_of(opened(folder)).batches()
    epochs = [sorted(to_texts(next(batches)[0]["caption"])) for _ in range(40)]
    assert all([text[0] for text in epoch] == list("012345") for epoch in epochs), "not each image once an epoch"
    seen = [text for epoch in epochs for text in epoch]
    assert set(seen) == {f"{i} {word}" for i in range(6) for word in "abc"}
    assert min(seen.count(text) for text in set(seen)) >= 4
    assert len({tuple(epoch) for epoch in epochs}) > 20


def test_which_caption_comes_is_a_function_of_the_seed_and_the_draw(folder: Path, monkeypatch) -> None:
    fill(folder, 8)
    table(folder, "file,caption\n" + "\n".join(f"{i:03}.png,{i} {word}" for i in range(8) for word in "abcde"))
    source = opened(folder)

    def texts(seed: int, start: int = 0) -> list[list[str]]:
        batches = stream_of(source, seed, 4).batches(start)
        return [to_texts(next(batches)[0]["caption"]) for _ in range(6)]

    assert texts(0) == texts(0) != texts(1)
    assert texts(0)[3:] == texts(0, 3)[:3], "a resumed run draws other captions"
    whole = texts(0)[0]
    monkeypatch.setattr(dist, "world", lambda: 2)
    parts = []
    for rank in (0, 1):
        monkeypatch.setattr(dist, "rank", lambda rank=rank: rank)
        parts += to_texts(next(stream_of(source, 0, 4).batches())[0]["caption"])
    assert parts == whole, "two processes draw other captions than one"


def test_several_values_stay_with_their_sample() -> None:
    column = Several(packed(["a", "b", "c", "d"], 1).astype(np.uint8), np.array([0, 3, 4]))
    bits = np.arange(6, dtype=np.uint64)
    assert bytes(column.drawn(np.array([0] * 6), bits).astype(np.uint8)) == b"abcabc"
    assert bytes(column.drawn(np.array([1] * 6), bits).astype(np.uint8)) == b"dddddd"
    assert bytes(column[np.array([1, 0])].astype(np.uint8)) == b"da"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,caption\n000.png,one\n", r"no column with the images; its columns are name, caption, and one must be"),
        ("file,text\n000.png,one\n", r"captions\.csv has no column caption; beside file it has text"),
        ("file,caption\n000.png\n", r"line 2: 1 cells under a heading of 2 \(file, caption\)"),
        ("file,caption\n000.png, \n", r"line 2: the caption '' has no words"),
        ("file,caption\n", "has no lines of images"),
        ("", "has no lines of images"),
        ("file,caption\n0.png,one\n", r"line 2: there is no image '0\.png' \(did you mean "),
        ("file,caption\n000.png,one\n", r"2 of 3 images have no caption in .*:\n  001\.png\n  002\.png\nGive them"),
    ],
)
def test_a_table_with_a_mistake_is_refused_by_its_line(folder: Path, text: str, message: str) -> None:
    fill(folder, 3)
    table(folder, text)
    with pytest.raises(UsageError, match=message):
        opened(folder)


def test_bytes_that_are_no_text_are_refused(folder: Path) -> None:
    fill(folder, 2)
    (folder / "a.csv").write_bytes(b"file,caption\n000.png,\xff\xfe\n")
    with pytest.raises(UsageError, match=r"a\.csv is not UTF-8 text"):
        opened(folder)
    (folder / "a.csv").rename(folder / "a.jsonl")
    with pytest.raises(UsageError, match=r"a\.jsonl is not UTF-8 text"):
        opened(folder)


def test_where_the_table_should_be_is_told(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no .*nowhere; captioned: takes a folder"):
        opened(folder / "nowhere")
    with pytest.raises(UsageError, match=r"holds no \.csv or \.jsonl file with the captions"):
        opened(folder)
    fill(folder, 2)
    with pytest.raises(UsageError, match="is neither a"):
        opened(folder / "000.png")
    table(folder, "file,caption\n", "a.csv")
    table(folder, "", "b.jsonl")
    with pytest.raises(UsageError, match=r"holds a\.csv, b\.jsonl; name the one with the captions: captioned:.*a\.csv"):
        opened(folder)


def test_images_without_a_caption_can_be_left_out(folder: Path) -> None:
    fill(folder, 4)
    table(folder, "file,caption\n000.png,one\n002.png,two\n")
    source = opened(folder, skip_bad=True)
    assert set(captions(source).values()) == {"one", "two"}
    assert source.notes["without a caption"] == 2


def test_other_captions_are_other_data(folder: Path) -> None:
    fill(folder, 2)
    marks = []
    for word in ("one", "two"):
        table(folder, f"file,caption\n000.png,{word}\n001.png,x\n")
        marks.append(opened(folder).fingerprint)
    assert marks[0] != marks[1]


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_a_table_that_is_no_file_is_refused_at_once(folder: Path, kind: str) -> None:
    fill(folder, 2)
    make = os.mkfifo if kind == "pipe" else os.mkdir
    make(folder / "captions.csv")
    with pytest.raises(UsageError, match=r"captions\.csv cannot be read: not a regular file"):
        opened(folder)
    os.mkfifo(folder.parent / "pipe.csv")
    with pytest.raises(UsageError, match=r"pipe\.csv is neither a file nor a folder"):
        opened(folder.parent / "pipe.csv")
