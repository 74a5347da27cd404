"""A small image finder for format tests: by name, then digest, then unique path tail."""

import unicodedata

from firstpass.errors import Problem
from firstpass.formats.base import ReadContext
from firstpass.labels import Author

READER = Author("file", "conformance", "1")


def nfc(text):
    return unicodedata.normalize("NFC", text)


class Finder:
    def __init__(self, refs):
        self.by_name = {nfc(r.name): r for r in refs}
        self.by_digest = {r.digest: r for r in refs if r.digest}

    def find(self, name):
        name = nfc(name)
        found = self.by_name.get(name) or self.by_digest.get(name)
        if found:
            return found
        parts = name.split("/")
        for length in range(len(parts), 0, -1):
            tail = "/".join(parts[-length:])
            hits = [r for n, r in self.by_name.items() if n == tail or n.endswith("/" + tail)]
            if len(hits) == 1:
                return hits[0]
            if hits:
                return Problem("", f"{name} may mean {len(hits)} images", "one image", "Give its folder")
        return Problem("", f"no image is called {name}", "an image of the project", "Import the image first")


def context_for(refs, class_names=(), author=READER):
    return ReadContext(Finder(refs), author, tuple(class_names))
