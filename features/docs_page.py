"""The catalog as one HTML page that needs nothing else: searched, filtered by entity and group, printable."""

from collections.abc import Iterable
from html import escape
from itertools import groupby

from features.catalog import CATALOG, catalog_hash
from features.composed import COMPOSED
from features.declare import Feature
from features.in_words import formula, window

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #888; }
body { font: 15px/1.5 system-ui, "PingFang SC", "Microsoft YaHei", sans-serif; margin: 0 auto;
  max-width: 68rem; padding: 1.5rem 1rem 4rem; }
header { position: sticky; top: 0; background: Canvas; padding: .5rem 0;
  border-bottom: 1px solid var(--line); }
input { font: inherit; width: 100%; padding: .5rem .7rem; box-sizing: border-box; }
h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; } h2 small, dd small { color: var(--quiet); font-weight: 400; }
article { border-bottom: 1px solid var(--line); padding: .6rem 0; }
article h3 { margin: 0; font-size: 1rem; } article h3 a { color: inherit; text-decoration: none; }
article p { margin: .1rem 0; } code { font-size: .85rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 .8rem; margin: .3rem 0 0;
  font-size: .85rem; }
dt { color: var(--quiet); } dd { margin: 0; }
[hidden] { display: none; }
"""
_SCRIPT = """
const box = document.querySelector("input"), count = document.querySelector("output");
const groups = [...document.querySelectorAll("section")];
function search() {
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let shown = 0;
  for (const group of groups) {
    let here = 0;
    for (const one of group.querySelectorAll("article")) {
      one.hidden = !words.every(word => one.dataset.words.includes(word));
      here += !one.hidden;
    }
    group.hidden = !here; shown += here;
  }
  count.value = shown; history.replaceState(null, "", box.value ? "#?" + encodeURIComponent(box.value) : "#");
}
if (location.hash.startsWith("#?")) box.value = decodeURIComponent(location.hash.slice(2));
box.addEventListener("input", search); search();
"""


def page(features: Iterable[Feature] = (*CATALOG.values(), *COMPOSED.values())) -> str:
    """Return the page for these features, in catalog order; they stand together by group."""
    listed = list(features)
    sections = "\n".join(
        _section(group, list(members)) for group, members in groupby(listed, lambda one: one.group)
    )
    return f"""<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>特征目录 Feature catalog</title><style>{_STYLE}</style></head><body>
<header><h1>特征目录 Feature catalog</h1>
<p><label>搜索 Search
<input type="search" placeholder="名称、标题、来源 name, title, source" autofocus></label>
<output>{len(listed)}</output> / {len(listed)} · catalog <code>{catalog_hash()}</code></p></header>
{sections}
<script>{_SCRIPT}</script></body></html>
"""


def _section(group: str, members: list[Feature]) -> str:
    first = members[0]
    zh, en = first.entity.title
    title = f"{escape(group)} <small>{zh} {en} · {len(members)} · {escape(first.owner)}</small>"
    articles = "\n".join(map(_article, members))
    return f'<section><h2 id="{escape(group)}">{title}</h2>\n{articles}\n</section>'


def _article(feature: Feature) -> str:
    name = escape(feature.name)
    rows = {
        "公式 formula": f"<code>{escape(formula(feature.value))}</code>",
        "窗口 window": escape(", ".join(map(window, feature.windows))),
        "类型 type": f"{feature.dtype}, {feature.unit}",
        "已知时刻 known": f"<code>{escape(feature.known_from)}</code>",
        "句式 sentence": "<br>".join(map(escape, feature.sentence)),
    }
    said = "".join(f"<dt>{label}</dt><dd>{text}</dd>" for label, text in rows.items())
    words = " ".join(
        (feature.name, feature.group, *feature.title, *feature.sources, *feature.inputs, feature.unit)
    ).lower()
    title = f"<p>{escape(feature.title[0])} · {escape(feature.title[1])}</p>"
    heading = f'<h3><a href="#{name}">{name}</a></h3>'
    return f'<article id="{name}" data-words="{escape(words)}">{heading}{title}<dl>{said}</dl></article>'
