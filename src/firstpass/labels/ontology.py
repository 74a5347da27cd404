"""The classes of a project, the words for them, and the labeling guide. Names inside the house; numbers only in formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from firstpass.errors import UnknownClass

# Okabe and Ito's color-blind-safe set (2008) first, then well-separated hues (Paul Tol, "muted", 2021).
PALETTE = (
    "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
    "#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AttributeSpec:
    """A named property of a class's objects; values = () means free text."""

    name: str
    values: tuple[str, ...] = ()
    default: str = ""


@dataclass(frozen=True, slots=True)
class GuideExample:
    """A picture in the labeling guide: an image's name, a box in pixels or None for the whole image, and what it teaches."""

    image_name: str
    note: str
    xyxy_px: tuple[float, float, float, float] | None = None
    counter: bool = False


@dataclass(frozen=True, slots=True)
class LabelClass:
    """One class: its name, the phrases a model is asked with, its color, attributes and guide.

    phrases: () means the name itself. color: "#rrggbb", "" = the palette's. guide: the labeling rule in words (Markdown).
    """

    name: str
    phrases: tuple[str, ...] = ()
    color: str = ""
    attributes: tuple[AttributeSpec, ...] = ()
    guide: str = ""
    examples: tuple[GuideExample, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("a class needs a name")

    @property
    def asked_phrases(self) -> tuple[str, ...]:
        """The phrases, or the name where none are given."""
        return self.phrases or (self.name,)


@dataclass(frozen=True, slots=True)
class Ontology:
    """The ordered classes of a project. Raises ValueError when two have one name."""

    classes: tuple[LabelClass, ...] = ()
    _index: dict[str, int] = field(init=False, repr=False, compare=False, default_factory=dict[str, int])

    def __post_init__(self) -> None:
        for i, label_class in enumerate(self.classes):
            if label_class.name in self._index:
                raise ValueError(f"class {label_class.name!r} stands twice in the ontology")
            self._index[label_class.name] = i

    @classmethod
    def of(cls, names: Iterable[str]) -> Ontology:
        """An ontology of bare class names, in order; repeated names count once."""
        return cls(tuple(LabelClass(name) for name in dict.fromkeys(names)))

    @property
    def names(self) -> tuple[str, ...]:
        """The class names in order."""
        return tuple(self._index)

    def __len__(self) -> int:
        return len(self.classes)

    def __iter__(self) -> Iterator[LabelClass]:
        return iter(self.classes)

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __getitem__(self, name: str) -> LabelClass:
        return self.classes[self.index(name)]

    def index(self, name: str) -> int:
        """The class's place, from 0. Raises UnknownClass."""
        try:
            return self._index[name]
        except KeyError:
            known = ", ".join(self.names) or "none"
            raise UnknownClass(f"class {name!r} is not in the project; its classes are: {known}") from None

    def color(self, name: str) -> str:
        """The class's color as "#rrggbb": its own, or the palette's by place. Raises UnknownClass."""
        place = self.index(name)
        return self.classes[place].color or PALETTE[place % len(PALETTE)]

    def with_classes(self, more: Iterable[LabelClass]) -> Ontology:
        """This ontology and those of the given classes that it lacks, appended in order."""
        new = {c.name: c for c in more if c.name not in self._index}
        return Ontology(self.classes + tuple(new.values()))
