"""A page as its reader meets it."""

from html.parser import HTMLParser

from saddle.report.html import VOID


class Page(HTMLParser):
    """What a browser finds: text, attributes, and whether every element is closed by its own end tag."""

    def __init__(self, text):
        super().__init__()
        self.open, self.attributes, self.words, self.names = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, name, attributes):
        self.names.append(name)
        self.attributes += [(name, *pair) for pair in attributes]
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def values(self, element, attribute):
        return [value for name, key, value in self.attributes if (name, key) == (element, attribute)]
