"""The progress display: in a terminal, in a log file, with odd numbers."""

import io
import math
import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from saddle.show import progress
from saddle.show.progress import Count, Progress, by_player, duration, number

LOSSES = {"discriminator/adversarial": 1.3862, "discriminator/penalty": 0.01, "generator/adversarial": 0.7}
ODD = st.none() | st.floats() | st.text(max_size=3)


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    now = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    return now


def console(terminal=False, width=80):
    return Console(file=io.StringIO(), force_terminal=terminal, width=width, height=40, color_system=None)


def printed(con):
    return con.file.getvalue()


def test_without_a_terminal_there_is_one_line_at_first_at_last_and_every_five_seconds(clock):
    con = console()
    with Progress(100, 64, "dcgan", con) as shown:
        for r in range(1, 100):
            clock[0] = r * 0.1
            shown.update(r, losses=LOSSES)
    lines = printed(con).splitlines()
    assert [line.split("round ")[1].split(" of")[0] for line in lines] == ["1", "51", "99"]


def test_a_line_of_a_round_without_losses_has_those_that_were_known_last(clock):
    con = console()
    with Progress(100, 64, "dcgan", con) as shown:
        shown.update(50, 20.0, LOSSES, {"d_real": 0.5})
        clock[0] = 6.0
        shown.played(53, 20.0, 9.0)
    assert "round 53 of 100" in printed(con).splitlines()[-1]
    assert printed(con).splitlines()[-1].endswith("generator: adversarial 0.700  D(real) 0.500")


def test_a_plain_line_can_be_read_alone(clock):
    con = console()
    with Progress(20_000, 64, "dcgan", con) as shown:
        shown.update(500, 1234.5, LOSSES, {"d_real": 0.52, "d_fake": 0.48, "real_logits": 3.0}, 3725)
    assert printed(con) == (
        "dcgan  round 500 of 20,000 (2.5%)  1,234 images/s  1 h 02 min left  discriminator: adversarial 1.386, "
        "penalty 0.010  generator: adversarial 0.700  D(real) 0.520  D(fake) 0.480\n"
    )


def test_logits_are_never_called_probabilities(clock):
    con = console()
    with Progress(10, 1, "wgan", con) as shown:
        shown.update(1, notes={"real_logits": 2.0, "fake_logits": -3.0})
    assert "real logits 2.000  fake logits -3.000" in printed(con)
    assert "D(" not in printed(con)


@pytest.mark.parametrize(("judged", "said"), [("probabilities", "D"), ("distance", "critic"), ("energies", "energy")])
def test_what_is_no_probability_is_named_by_what_it_is(clock, judged, said):
    con = console()
    with Progress(10, 1, "wgan", con, judged) as shown:
        shown.update(1, notes={"d_real": 2.0, "d_fake": -3.0})
    assert f"{said}(real) 2.000  {said}(fake) -3.000" in printed(con)


def test_the_time_that_is_left_says_what_it_leaves_out(clock):
    con = console()
    with Progress(10, 1, "wgan", con, after=", then scores") as shown:
        shown.update(1, seconds_left=42)
    assert "42 s left, then scores" in printed(con)


def test_a_terminal_shows_bar_speed_time_and_every_loss_within_80_columns(clock):
    con = console(terminal=True)
    losses = LOSSES | {f"discriminator/extra_{i}": i for i in range(9)}
    with Progress(20_000, 64, "dcgan", con) as shown:
        shown.update(500, 1234.5, losses, {"d_real": 0.52, "d_fake": 0.48}, 3725)
    text = printed(con)
    for part in ("32,000 images", "1,234 images/s", "1 h 02 min left", "━", "extra_8 8.000", "D(fake) 0.480"):
        assert part in text
    lines = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", text).splitlines()
    assert 60 < max(len(line) for line in lines) <= 80


def test_a_message_is_printed_as_it_is(clock):
    con = console()
    with Progress(10, 1, "dcgan", con) as shown:
        shown.say("saved [bold]round 5[/bold] as samples/round-0000005.png")
    assert printed(con) == "saved [bold]round 5[/bold] as samples/round-0000005.png\n"


def test_the_last_round_is_shown_even_when_an_error_ends_the_run(clock):
    con = console()
    with suppress(KeyboardInterrupt), Progress(10, 1, "dcgan", con) as shown:
        shown.update(1)
        shown.update(2)
        raise KeyboardInterrupt
    assert "round 2 of 10" in printed(con)


@pytest.mark.parametrize("terminal", [False, True])
@settings(max_examples=25, deadline=None)
@given(
    total=st.integers(0, 10**9),
    round=st.integers(0, 10**9),
    speed=ODD,
    left=ODD,
    losses=st.dictionaries(st.text(max_size=8), ODD, max_size=3),
    notes=st.dictionaries(st.sampled_from(["d_real", "d_fake", "real_logits"]), ODD),
)
def test_no_value_breaks_the_display(terminal, total, round, speed, left, losses, notes):
    con = console(terminal, width=20)
    with Progress(total, 64, "[dcgan", con) as shown:
        shown.update(round, speed, losses, notes, left)
    assert f"{round:,}"[:4] in printed(con)


def test_losses_are_told_apart_by_player():
    assert by_player({"a/x": 1, "b/x": 2, "a/y/z": 3, "alone": 4}) == {
        "a": {"x": 1, "y/z": 3},
        "b": {"x": 2},
        "loss": {"alone": 4},
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.12345, "0.123"),
        (12.345, "12.35"),
        (-123.45, "-123.5"),
        (12345.6, "12,346"),
        (2e-5, "2.00e-05"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (None, "–"),
        ("?", "–"),
    ],
)
def test_numbers_are_short(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (304, "5 min 04 s"),
        (3725, "1 h 02 min"),
        (90_000, "1 d 1 h"),
        (math.inf, "–"),
    ],
)
def test_time_spans_have_two_units(seconds, text):
    assert duration(seconds) == text


def test_a_run_that_becomes_longer_is_shown_by_its_new_length(clock):
    con = console()
    with Progress(100, 64, "dcgan", con) as shown:
        shown.update(10)
        shown.total_rounds = 400
        clock[0] = 10
        shown.update(20)
    assert "round 20 of 400 (5.0%)" in printed(con)


def test_rounds_that_take_long_show_before_they_are_logged(clock):
    con = console()
    with Progress(100, 64, "dcgan", con) as shown:
        for r in (1, 2, 3):
            clock[0] = r * 2.0
            shown.played(r, 3.5, 120)
    assert printed(con) == "dcgan  round 3 of 100 (3.0%)  3.5 images/s  2 min 00 s left\n"


@pytest.mark.parametrize("terminal", [False, True])
def test_what_is_done_between_rounds_shows_if_it_takes_long(terminal, clock):
    con = console(terminal)
    with Progress(100, 64, "dcgan", con) as shown:
        shown.update(1)
        for second in range(8):
            clock[0] = float(second)
            shown.now(f"scoring samples: {second} of 7")
        shown.update(2)
    assert re.findall(r"scoring samples: \d of 7", printed(con)) == ["scoring samples: 5 of 7"]


def test_work_is_counted_in_a_line_now_and_then(clock):
    con = console()
    with Count("reading images", 2000, con) as count:
        for done in range(0, 2001, 100):
            clock[0] = done / 200
            count.update(done)
    assert printed(con).splitlines() == [
        "reading images: 0 of 2,000",
        "reading images: 1,000 of 2,000, 5 s left",
        "reading images: 2,000 of 2,000, 0 s left",
    ]


def test_work_is_counted_by_a_bar_in_a_terminal_which_goes_with_the_work(clock):
    con = console(terminal=True)
    with Count("reading [images]", 2000, con) as count:
        clock[0] = 1
        count.update(500)
    assert "reading [images]" in printed(con)
    assert "500/2000" in printed(con)
    assert printed(con).endswith("\x1b[1A\x1b[2K")


def test_work_of_unknown_length_is_named(clock):
    con = console()
    with Count("measuring", 0, con):
        pass
    assert printed(con) == "measuring\n"


def test_names_give_the_terminal_no_commands(clock):
    con = console()
    with Progress(10, 1, "dcgan", con) as shown:
        shown.update(1, losses={"a\x1b[2J/b": 1})
        shown.say("\x1b]0;title\x07")
    assert "\x1b" not in printed(con)
