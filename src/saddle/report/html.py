"""HTML that is escaped by construction: text becomes HTML only through `tag`."""

from html import escape

VOID = {"meta", "img", "input", "br"}  # elements without an end tag


class Html(str):
    """Text that is HTML already."""


def tag(name: str, /, *children: str | None, **attributes: object) -> Html:
    """An element; plain text inside is escaped, None left out.

    In attribute names "_" stands for "-" and a last "_" is dropped; None and False leave an attribute out.
    """
    pairs = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Html(f"<{name}{pairs}>" if name in VOID else f"<{name}{pairs}>{join(*children)}</{name}>")


def join(*children: str | None) -> Html:
    """The children one after another, plain text escaped."""
    return Html("".join(c if isinstance(c, Html) else escape(c) for c in children if c is not None))
