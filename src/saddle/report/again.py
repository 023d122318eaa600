"""What decides how a run turns out, and the commands to go on with it, to repeat it and to use it."""

import shlex

from ..base.files import quoted
from ..base.guests import options
from .html import Html, join, tag
from .parts import quiet, scrolled, section
from .story import Story, flat, shown

TASKS = {  # what a command does, and what it takes beside the run; one that is not here takes nothing else
    "saddle sample": ("draw new samples", ""),
    "saddle evaluate --metrics elbo": ("bound the likelihood of held-out images", ""),
    "saddle encode": ("turn images into codes", "IMAGES"),
    "saddle reconstruct": ("show what the codes remember of images", "IMAGES"),
    "saddle attribute": ("give images more of a class", "IMAGES --add CLASS"),
    "saddle classify": ("name the classes of images", "IMAGES"),
    "saddle traverse": ("change one code at a time", ""),
    "saddle translate": ("turn images of one domain into images of the other", "IMAGES"),
    "saddle restore": ("make damaged images whole", "IMAGES"),
    "saddle detect": ("find unusual images", "IMAGES"),
    "saddle calibrate": ("set the score above which an image is anomalous", "GOOD"),
    "saddle apply": ("use what was learned of the image", "super-resolution"),
}


def settings(story: Story) -> Html:
    """The recipe, name by name; beside what is not the paper's, the paper's value."""
    papers = {name: shown(value) for name, value in story.start.get("paper_settings", {}).items()}
    lines = [("game" if name == "game.name" else name, value) for name, value in flat(story.recipe)]
    differing = sum(name in papers for name, _ in lines)
    known = "paper_settings" in story.start
    told = (
        f"{differing} of the game's settings {'differs' if differing == 1 else 'differ'} from the paper's, whose value "
    )
    told = told + "stands beside." if differing else "The game's settings are the paper's."
    rows = (
        tag("tr", tag("th", name, scope="row"), tag("td", value, _of_paper(papers.get(name)))) for name, value in lines
    )
    table = scrolled(tag("table", tag("tbody", *rows), class_="settings"), "settings")
    how = "On the command line each is --NAME VALUE. "
    return section("Settings", quiet(how, told if known else None), table)


def _of_paper(value: str | None) -> Html | None:
    return None if value is None else join(" ", tag("span", f"paper: {value}", class_="paper-value"))


def commands(story: Story) -> Html:
    """To go on, to repeat, and to use what was learned."""
    run, recipe = quoted(story.folder.path), quoted(story.folder.recipe)
    again = quoted(story.folder.path.with_name(f"{story.folder.path.name}-again"))
    same = f"saddle train --config {recipe} --run {again}"
    lines = [("go on", f"saddle train --run {run}")]
    if story.reason == "diverged":  # it would again
        rates = ((story.stop or {}).get("rates") or {}).items()
        lower = "".join(f" {shlex.quote(f'--{name}')} {rate / 10:.3g}" for name, rate in rates)
        lines = [("the same with a lower learning rate", same + lower)] if lower else []
    if story.reason == "finished" and story.rounds:
        lines = [("twice as many rounds", f"saddle train --run {run} --plan.rounds {2 * story.rounds}")]
    lines.append(("the same again", same))
    named = [name for name in story.start.get("commands", ["saddle sample"]) if name in TASKS]
    for name in dict.fromkeys(named):
        says, rest = TASKS[name]
        base, *more = name.split(" --")
        command = " ".join([base, run, *([rest] if rest else []), *(f"--{option}" for option in more)])
        lines.append((says, command))
    lines = [(says, command + plugins(story)) for says, command in lines]
    if score := to_score(story):
        lines.append(("score it again" if story.scores else "score it", score))
    lines.append(("write this page again", f"saddle report {run}{plugins(story)}"))
    rows = (
        tag("tr", tag("th", says, scope="row"), tag("td", tag("code", unbroken(command)))) for says, command in lines
    )
    how = "From the folder in which it was trained. Words in capitals stand for your own files and names; "
    return section(
        "Commands",
        quiet(how, tag("code", "saddle COMMAND --help"), " tells more."),
        scrolled(tag("table", tag("tbody", *rows), class_="commands"), "commands"),
    )


def to_score(story: Story) -> str | None:
    """The command that scores the run; None where nothing can be scored."""
    metrics: list[str] | None = story.start.get("scorable")
    if metrics == []:
        return None
    asked = f" --metrics {shlex.quote(','.join(metrics))}" if metrics else ""
    return f"saddle evaluate {quoted(story.folder.path)}{asked}{plugins(story)}"


def plugins(story: Story) -> str:
    """The options that plug in what the run was made with."""
    return options(story.start.get("plugins", []))


def unbroken(command: str) -> Html:
    """The command for a page that breaks lines between words, and not behind the hyphens of an option."""
    words = (tag("span", word, class_="option") if word.startswith("--") else word for word in command.split(" "))
    first, *rest = words
    return join(first, *(part for word in rest for part in (" ", word)))
