"""The documentation's site: `make docs` builds it, without network, into docs/_build/html."""

import sys
from pathlib import Path

import mathjax

import lt2f

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project, author, copyright = "lt2f", "The lt2f developers", "The lt2f developers"
version = release = lt2f.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx_click",
    "sphinx_copybutton",
    "sphinx_design",
    "fresh",
    "gallery",
    "reference",
]
exclude_patterns = ["_build", "_ext", "images"]
default_role = "code"  # docstrings put code between single backticks
smartquotes_action = "qe"  # quotes and ellipses; dashes stay, for they begin options
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!lt2f).*")]  # other projects' names; nothing is fetched

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath", "attrs_inline"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_domain_indices = False
html_title = "lt2f"
html_theme_options = {"navigation_with_keys": True}
html_css_files = ["site.css"]
# MathJax in one file, from a package and not from a server: it draws formulas as SVG.
mathjax_path = "tex-svg.js"
_bundle = Path(mathjax.__file__).parent / "static" / "mathjax" / "es5" / mathjax_path
html_static_path = ["_static", str(_bundle)]
mathjax3_config = {"options": {"enableMenu": False}}  # the menu would load more files
copybutton_prompt_text = "$ "
copybutton_exclude = ".linenos, .gp, .go"
