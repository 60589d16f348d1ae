"""A page as a browser would read it."""

from html.parser import HTMLParser


class Reader(HTMLParser):
    """Keeps elements with their attributes, the text of each script, and checks that what opens is closed."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "link", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str, **wanted: str) -> list[dict]:
        return [found for name, found in self.elements
                if name == tag and all(found.get(key.rstrip("_")) == value for key, value in wanted.items())]
