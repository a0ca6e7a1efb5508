"""The file ``lexnames``, which Debian's package of WordNet leaves out.

The rows are those of the manual page lexnames(5WN): for each of WordNet's 45 files of the
lexicographers its number, its name, and the number of its part of speech.
"""

from __future__ import annotations

__all__ = ["lexnames"]

_PARTS_OF_SPEECH = {"noun": 1, "verb": 2, "adj": 3, "adv": 4}

# In the order of their numbers: those of a part of speech together, and a late one.
_NAMES = (
    ("adj", "all pert"),
    ("adv", "all"),
    (
        "noun",
        "Tops act animal artifact attribute body cognition communication event feeling food group "
        "location motive object person phenomenon plant possession process quantity relation "
        "shape state substance time",
    ),
    (
        "verb",
        "body change cognition communication competition consumption contact creation emotion "
        "motion perception possession social stative weather",
    ),
    ("adj", "ppl"),
)


def lexnames() -> bytes:
    """The content of the file: a line of three fields for each name, in order."""
    names = [(part, name) for part, group in _NAMES for name in group.split()]
    return "".join(
        f"{number:02}\t{part}.{name}\t{_PARTS_OF_SPEECH[part]}\n"
        for number, (part, name) in enumerate(names)
    ).encode()
