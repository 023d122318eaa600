"""The run's log: nothing is lost, nothing false is read."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from saddle.base.events import Events, read

EVERY_KIND = [
    {"event": "start", "round": 0, "rounds": 9, "game": "dcgan", "parameters": {"generator": 3}},
    {"event": "round", "round": 1, "images": 64, "seconds": 0.5, "losses": {"generator/adversarial": 0.7}, "notes": {}},
    {"event": "sample", "round": 1, "file": "samples/round-0000001.png"},
    {"event": "score", "round": 1, "scores": {"fid": {"name": "fid", "value": 3.5}}},
    {"event": "save", "round": 1, "seconds": 0.5},
    {"event": "stop", "round": 1, "reason": "finished", "message": None},
]


def write(path, *events):
    with Events(path) as log:
        for event in events:
            log.write(event["event"], **{k: v for k, v in event.items() if k != "event"})


def rounds(path):
    return [event["round"] for event in read(path)]


def test_every_kind_of_event_is_read_as_it_was_written_with_its_time(tmp_path):
    write(tmp_path / "run" / "events.jsonl", *EVERY_KIND)
    told = read(tmp_path / "run" / "events.jsonl")
    assert all(event.pop("time") > 1.7e9 for event in told)
    assert told == EVERY_KIND


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=5), st.floats() | st.integers(-(2**63), 2**63) | st.booleans() | st.none()))
def test_any_number_comes_back_and_every_line_is_strict_json(tmp_path_factory, losses):
    path = tmp_path_factory.mktemp("run") / "events.jsonl"
    write(path, {"event": "round", "round": 1, "losses": losses})
    json.loads(path.read_text(), parse_constant=pytest.fail)
    back = read(path)[0]["losses"]
    assert back.keys() == losses.keys()
    assert all(back[k] == v or (math.isnan(back[k]) and math.isnan(v)) for k, v in losses.items())


def test_tensors_and_arrays_of_one_element_are_logged_as_numbers(tmp_path):
    values = {"a": torch.tensor(0.5), "b": np.float32(0.25), "c": torch.tensor(float("nan")), "d": np.int64(3)}
    write(tmp_path / "e", {"event": "round", "round": 1, "losses": values})
    told = read(tmp_path / "e")[0]["losses"]
    assert (told["a"], told["b"], told["d"]) == (0.5, 0.25, 3)
    assert math.isnan(told["c"])


def test_a_value_that_json_cannot_hold_is_refused_and_leaves_no_trace(tmp_path):
    with Events(tmp_path / "e") as log:
        with pytest.raises(TypeError, match="set"):
            log.write("round", round=1, losses={1, 2})
        log.write("save", round=1)
    assert [event["event"] for event in read(tmp_path / "e")] == ["save"]


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_half_a_line_left_by_a_crash_costs_that_line_only(tmp_path, cut):
    path = tmp_path / "e"
    write(path, *EVERY_KIND[:3])
    path.write_bytes(path.read_bytes()[:-cut])
    assert len(read(path)) == (3 if cut == 1 else 2)  # without its newline alone, the line is whole
    write(path, EVERY_KIND[4])
    assert [event["event"] for event in read(path)][-1] == "save"
    assert len(read(path)) == (4 if cut == 1 else 3)


@pytest.mark.parametrize("garbage", [b"\x00\xff\xfe", b"[1, 2]\n", b'{"event": 3}\n', b"null\n", b"[" * 100_000])
def test_lines_that_are_no_events_are_passed_over(tmp_path, garbage):
    write(tmp_path / "e", *EVERY_KIND[:2])
    with (tmp_path / "e").open("ab") as file:
        file.write(garbage)
    assert len(read(tmp_path / "e")) == 2


def test_a_file_that_is_not_there_has_no_events(tmp_path):
    assert read(tmp_path / "e") == []


def test_a_resumed_run_reads_as_one(tmp_path):
    start, step = {"event": "start"}, {"event": "round"}
    write(tmp_path / "e", start | {"round": 0}, *(step | {"round": r} for r in range(1, 6)))
    write(tmp_path / "e", start | {"round": 3}, step | {"round": 4})
    assert rounds(tmp_path / "e") == [0, 1, 2, 3, 3, 4]
    write(tmp_path / "e", start | {"round": 1}, step | {"round": 2})
    assert rounds(tmp_path / "e") == [0, 1, 1, 2]


def test_two_writers_append_and_neither_overwrites(tmp_path):
    with Events(tmp_path / "e") as one, Events(tmp_path / "e") as other:
        one.write("save", round=1)
        other.write("save", round=2)
        one.write("save", round=3)
    assert rounds(tmp_path / "e") == [1, 2, 3]
