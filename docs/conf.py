"""Settings of Sphinx: make docs builds docs/_build/html."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = map(str, (HERE / "extensions", ROOT, ROOT / "cli", ROOT / "corpora"))

import wordkit

project = "wordkit"
author = "the wordkit authors"
copyright = author
version = release = wordkit.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "api_pages",
    "command_pages",
    "results",
]
exclude_patterns = ["_build"]
nitpicky = True
# Types in annotations that have no page: those of other packages, and our private ones.
nitpick_ignore_regex = [
    ("py:class", r"(?!wordkit\.).*"),
    ("py:class", r"wordkit\..*\.([A-Z]|Batch|Task|Result|Model_co)"),  # type variables
    (
        "py:class",
        r"wordkit\.(lm|seq2seq|word2vec|training|nn|text|counts|classification)\.[a-z]\w*\.[A-Z]\w*",
    ),
    ("py:class", r"wordkit\.seq2seq\.dialogue\.[a-z]\w*\.[A-Z]\w*"),
    ("py:mod", r"wordkit\..*"),
    ("py:.*", r"dataclasses\..*|NotFittedError|FORMATS|X_AXES|ptb_path|Engine\.fetch"),
    ("py:func", r"wordkit\.plots\.projection\.project"),
]
suppress_warnings = ["ref.python"]  # Dimensions of an array, such as "words", name attributes too.

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autodoc_class_signature = "separated"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_default_options = {
    "members": True,
    "exclude-members": "__init__, __new__, set_score_request",
}
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Raises (as it runs)", "Raises"), "Warns"]
python_display_short_literal_types = True
python_maximum_signature_line_length = 80

html_theme = "furo"
html_title = "wordkit"
html_static_path = ["_static"]
html_css_files = ["wordkit.css"]
html_copy_source = False
html_show_sourcelink = False
