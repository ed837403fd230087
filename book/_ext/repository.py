"""Ways from a page into the repository, where its address is known: an edit link, and launch buttons for its notebook.

LOSSMATH_REPOSITORY holds the address, on GitHub: https://github.com/owner/name, with /tree/branch after it if the
branch is not `main`. What is launched is the executed notebook, from the branch `notebooks` that `.ci/notebooks` fills.
"""

import os
import re

from nbformat.v4 import new_code_cell
from sphinx.errors import ConfigError

ADDRESS = re.compile(r"(https://github\.com/([\w.-]+/[\w.-]+?))(?:\.git)?(?:/tree/([\w./-]+?))?/?")
LAUNCHERS = {
    "Binder": ("logo_binder.svg", "https://mybinder.org/v2/gh/{}/notebooks?urlpath=lab/tree/{}.ipynb"),
    "Colab": ("logo_colab.png", "https://colab.research.google.com/github/{}/blob/notebooks/{}.ipynb"),
}
INSTALL = """\
# Installs what this notebook needs where that is missing, as on Colab; elsewhere it does nothing.
from importlib.util import find_spec

if find_spec("lossmath") is None:
    %pip install -q "lossmath[claims,plots,experiments] @ git+{}@{}\""""


def find(app, config):
    """The address of the repository and its parts, as (address, owner/name, branch), or None where none is given."""
    address = os.environ.get("LOSSMATH_REPOSITORY", "")
    found = ADDRESS.fullmatch(address)
    if address and not found:
        raise ConfigError(f"LOSSMATH_REPOSITORY is an address such as https://github.com/owner/name, got {address!r}")
    app.repository = found and (found[1], found[2], found[3] or "main")
    if found:
        config.html_theme_options |= {"repository_url": found[1], "repository_branch": app.repository[2]}
        config.html_theme_options |= {"use_repository_button": True, "use_edit_page_button": True}


def installing(app, notebook):
    """The notebook, with a first cell that installs what is missing if that can be had from the repository."""
    if app.repository:
        address, _, branch = app.repository
        notebook.cells.insert(0, new_code_cell(INSTALL.format(address, branch)))
    return notebook


def offer_launchers(app, pagename, templatename, context, doctree):
    if app.repository and pagename in app.executed:
        buttons = [
            {"type": "link", "text": name, "tooltip": f"Run this page on {name}", "icon": f"_static/images/{logo}"}
            | {"url": url.format(app.repository[1], pagename)}
            for name, (logo, url) in LAUNCHERS.items()
        ]
        group = {"type": "group", "tooltip": "Run this page", "icon": "fas fa-rocket", "label": "launch-buttons"}
        context["header_buttons"].append(group | {"buttons": buttons})


def setup(app):
    app.connect("config-inited", find)
    app.connect("html-page-context", offer_launchers, priority=501)  # after the theme has begun its list of buttons
