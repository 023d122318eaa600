"""The pictures: samples as they grew, and the last ones beside the data."""

from typing import Any

from ..show.progress import number
from . import samples
from .html import Html, tag
from .parts import quiet, section
from .story import Story

POINTS = (
    "Grey-blue: real points; orange: generated ones. Behind them D, where there is one, from orange (low) to "
    "blue (high). "
)


def grown(story: Story) -> Html:
    """The latest samples large, the earlier ones as a film."""
    shown, missing = samples.collect(story.folder, story.of("sample"))
    lost = f"{missing} of the pictures could not be read from the run's folder." if missing else ""
    remark = tag("p", lost, class_="remark") if lost else _legend(story)
    if not shown:
        return section("Samples", quiet("There are no samples yet."), remark)
    how = quiet("All pictures show the same noise, or the same held-out images: what changes is what was learned.")
    last = shown[-1]
    large = tag("figure", _image(last), tag("figcaption", "Round ", tag("b", f"{last.round:,}")), id="large")
    if len(shown) == 1:
        return section("Samples", large, remark)
    slider, film = _film(shown)
    return section("Samples", how, tag("div", tag("div", large, slider), film, class_="cinema"), remark)


def beside(story: Story) -> Html | None:
    """The last samples, their nearest training images, and real ones; nothing where no such picture was drawn."""
    drawn = story.of("beside")[-1:]
    shown, missing = samples.collect(story.folder, drawn, small=samples.LARGE)
    if not drawn:
        return None
    if missing:
        return section("Beside the data", quiet("The picture could not be read from the run's folder."))
    event, one = drawn[0], shown[0]
    alt = "Three rows of images: samples, the training image nearest to each, and real images that were held out"
    image = tag("img", src=one.source, alt=alt, width=one.width, height=one.height)
    figure = tag("figure", image, tag("figcaption", _told(event)), class_="beside")
    return section("Beside the data", quiet(_how(event)), figure)


def _how(event: dict[str, Any]) -> str:
    """How to read the picture."""
    how = "First row: samples. Second row: below each sample, the training image that is nearest to it. "
    how += "Last row: real images that were not trained on. " if "held_out" in event.get("near", {}) else ""
    return (
        how + "A sample that looks the same as the image below it is a copy. Samples that look like one another are a "
        "sign of collapse."
    )


def _told(event: dict[str, Any]) -> str:
    """Of which checkpoint, how near was measured, and how near that is."""
    by = event.get("extractor", "")
    told = f"Checkpoint of round {event['checkpoint']:,}. " if "checkpoint" in event else ""
    told += "Near in pixels" if by == "pixels" else f"Near in the features of the extractor '{by}'" if by else "Near"
    looked, of = event.get("looked"), event.get("of")
    if looked and of:
        told += (
            f", among all {of:,} training images"
            if looked >= of
            else (f", among {looked:,} of the {of:,} training images, evenly chosen")
        )
    told += ", or their mirror images. " if event.get("mirrored") else ". "
    near = event.get("near", {})
    if "samples" in near and "held_out" in near:
        told += (
            f"Median distance to the nearest training image: {number(near['samples'])} for these samples, "
            f"{number(near['held_out'])} for the real images. Samples that are much nearer than real images are copies."
        )
    return told


def _image(one: samples.Sample) -> Html:
    return tag("img", src=one.source, alt=f"Samples at round {one.round:,}", width=one.width, height=one.height)


def _legend(story: Story) -> Html | None:
    """Of pictures of points."""
    if not any(event.get("of") == "points" for event in story.of("sample")):
        return None
    film = story.folder.film.relative_to(story.folder.path).as_posix()
    return tag("p", f"{POINTS}As a film: {film}.", class_="remark")


def _film(shown: list[samples.Sample]) -> tuple[Html, Html]:
    """A slider, shown where its script runs, and the pictures that it goes through."""
    frames = (tag("li", tag("figure", _image(one), tag("figcaption", f"{one.round:,}"))) for one in shown)
    end = len(shown) - 1
    slider = tag(
        "div",
        tag("button", "Play", type="button", id="play"),
        tag("input", type="range", id="moment", min=0, max=end, value=end, aria_label="moment of training"),
        class_="slider",
        hidden=True,
    )
    film = tag("ol", *frames, class_="film", tabindex="0", aria_label="samples over the rounds")
    return slider, film
