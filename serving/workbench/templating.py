"""HTML from templates. Every value is escaped: nothing that a record says can become markup."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from serving.language import Language
from serving.workbench.assets import asset
from serving.workbench.translations import say

_FOLDER: Final = Path(__file__).parent / "templates"


def render(template: str, language: Language, **values: Any) -> str:
    """Return the HTML of a template, with ``say`` and ``asset`` at its hand."""
    html: str = (
        _environment()
        .get_template(template)
        .render(language=language, say=lambda key: say(key, language), **values)
    )
    return html


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = asset
    return made
