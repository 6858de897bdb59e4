"""The datasheet for people: one page that needs nothing else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from makar.curation.bias import NEUTRAL, WINDOW_WORDS, Association
from makar.curation.corpus import Corpus
from makar.curation.datasheet.plots import Bar, bars, columns, diverging
from makar.curation.statistics import Statistics, median_chars
from makar.kit.config import to_json

MOST_BARS = 24
_STYLE = """
:root{color-scheme:light dark;--ink:#1c1b19;--soft:#6b675f;--line:#ddd8cd;--paper:#fbfaf7;--bar:#3d6b8c;--less:#b0653a}
@media(prefers-color-scheme:dark){:root{--ink:#ebe8e1;--soft:#a39e93;--line:#3a3833;--paper:#171614;--bar:#7fb2d4;
--less:#d9935f}}
body{font:16px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 auto;max-width:52rem;
padding:2rem 1.2rem 5rem}
h1{font-size:1.7rem;margin:.2em 0}h2{font-size:1.15rem;margin:2.4em 0 .4em;border-top:1px solid var(--line);
padding-top:1em}h3{font-size:1rem;margin:1.4em 0 .3em}p,li{max-width:44rem}.soft{color:var(--soft)}
code,pre{font:.86em/1.5 ui-monospace,monospace;overflow-wrap:anywhere}pre{white-space:pre-wrap}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:1rem;margin:1.4rem 0}
dt{color:var(--soft);font-size:.85rem}dd{margin:0;font-size:1.35rem;font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .8rem .25rem 0;
border-bottom:1px solid var(--line)}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto}svg{font-size:12px;max-width:100%;height:auto;fill:var(--ink)}svg rect{fill:var(--bar)}
svg .less{fill:var(--less)}svg line{stroke:var(--soft)}svg .value{fill:var(--soft)}
"""


def page(corpus: Corpus, statistics: Statistics) -> str:
    """The page of a corpus."""
    sections = [_head(corpus, statistics), _sources(corpus), _licences(statistics), _languages(statistics),
                _lengths(corpus, statistics), _drops(corpus), _personal_data(corpus, statistics), _bias(statistics),
                _making(corpus)]
    name = escape(corpus.name_in_datasheet)
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>{name}: datasheet</title><style>{_STYLE}</style><body>{''.join(sections)}</body></html>\n")


def _head(corpus: Corpus, statistics: Statistics) -> str:
    counts = corpus.counts
    duplicates = sum(counts["dropped"].get(reason, 0) for reason in ("exact_duplicate", "near_duplicate"))
    figures = {"documents": statistics.num_records, "words": statistics.num_words, "characters": statistics.num_chars,
               "read": counts["read"], "not kept": counts["read"] - counts["kept"], "duplicates": duplicates}
    cells = "".join(f"<div><dt>{name}</dt><dd>{number:,}</dd></div>" for name, number in figures.items())
    parent = corpus.manifest.account.parent
    made_from = f"<p class=soft>Made from the corpus <code>{parent}</code>.</p>" if parent else ""
    return (f"<p class=soft>Datasheet of a corpus</p><h1>{escape(corpus.name_in_datasheet)}</h1><p>Root "
            f"<code>{corpus.root}</code>. It covers every document kept and dropped, and the configuration; a changed "
            f"byte gives another.</p>{made_from}<dl>{cells}</dl>")


def _sources(corpus: Corpus) -> str:
    rows = "".join(f"<tr><td>{escape(source['name'])}<td class=n>{source['num_files']:,}"
                   f"<td class=n>{source['num_bytes']:,}" for source in corpus.manifest.account.sources)
    return (f"<h2>Sources</h2><div class=scroll><table><tr><th>name<th class=n>files<th class=n>bytes{rows}</table>"
            "</div>")


def _licences(statistics: Statistics) -> str:
    plot = bars([Bar(name, number, f"{number:,} ({statistics.chars_by_licence[name]:,} characters)")
                 for name, number in _commonest(statistics.counts["licences"])], "documents by licence")
    found = ", ".join(f"{number:,} by {name}" for name, number in _commonest(statistics.counts["licence_from"]))
    return (f"<h2>Licences</h2>{plot}<p class=soft>Found: {escape(found)}. A document whose licence is unknown may not "
            "be free to use.</p>")


def _languages(statistics: Statistics) -> str:
    parts = []
    for title, name in (("Languages", "languages"), ("Kinds", "kinds"), ("Splits", "splits")):
        plot = bars([Bar(*row) for row in _commonest(statistics.counts[name])], f"documents by {name}")
        parts.append(f"<h{2 if name == 'languages' else 3}>{title}</h{2 if name == 'languages' else 3}>{plot}")
    return "".join(parts)


def _lengths(corpus: Corpus, statistics: Statistics) -> str:
    lengths = {int(power): number for power, number in statistics.counts["lengths"].items()}
    shown = range(min(lengths), max(lengths) + 1) if lengths else range(0)
    plot = columns([Bar(_power(power), lengths.get(power, 0)) for power in shown], "documents by length")
    return (f"<h2>Lengths</h2>{plot}<p class=soft>Documents by their characters, each column from the number below it "
            f"to twice that. The median is {median_chars(corpus.shards):,}.</p>")


def _power(power: int) -> str:
    return str(1 << power) if power < 10 else f"{1 << (power - 10)}k" if power < 20 else f"{1 << (power - 20)}M"


def _drops(corpus: Corpus) -> str:
    counts = corpus.counts
    text = ["<h2>What was not kept, and why</h2>"]
    if not counts["dropped"]:
        return "".join([*text, "<p>Everything that was read was kept.</p>"])
    text.append(bars([Bar(*row) for row in _commonest(counts["dropped"])], "documents dropped, by reason"))
    if counts.get("quality_rules"):
        text.append("<h3>By rule of quality</h3>")
        text.append(bars([Bar(*row) for row in _commonest(counts["quality_rules"])], "documents dropped, by rule"))
    sets = ", ".join(f"{one['name']} ({one['num_runs']:,} runs of words, {one['num_too_short']:,} of "
                     f"{one['num_texts']:,} texts too short to look for)" for one in corpus.manifest.account.sets)
    text.append(f"<p class=soft>Each is in the corpus with its reason: <code>makar corpus why</code>. Kept out of it: "
                f"{escape(sets) or 'no evaluation set was named'}.</p>")
    return "".join(text)


def _personal_data(corpus: Corpus, statistics: Statistics) -> str:
    found = _commonest(statistics.counts["personal_data"])
    action = to_json(corpus.config).get("personal_data", {}).get("action", "mask")
    plot = bars([Bar(*row) for row in found], "personal data by kind") if found else "<p>None was found.</p>"
    done = {"mask": "Each was masked.", "keep": "They were left as they are.",
            "drop": "Documents that held any were dropped."}.get(action, "")
    return (f"<h2>Personal data</h2>{plot}<p class=soft>{done} Looked for by form and check digits: email addresses, "
            "telephone numbers, payment cards, bank accounts, national numbers. Names and postal addresses are not "
            "looked for.</p>")


def _bias(statistics: Statistics) -> str:
    groups = statistics.bias.by_group()
    text = [f"<h2>Who is written about, and how</h2><p>Mentions of groups by terms that hardly mean anything else, and "
            f"the words within {WINDOW_WORDS} of them, against those near {NEUTRAL} (person, people, someone, they, "
            "...). English prose only. It tells how these texts are written, not how people are; a word with other "
            "common senses is left out, so what is said with it alone is not seen.</p>"]
    num_words = max(1, statistics.bias.num_words)
    rows = [Bar(group, mentions, f"{mentions:,} ({mentions / num_words * 1e6:,.0f} per million words)")
            for _, group, mentions in groups if mentions]
    if not rows:
        return "".join([*text, "<p>No group is mentioned, or there is no English prose.</p>"])
    text.append(f"<h3>Mentions</h3>{bars(rows, 'mentions by group')}<h3>Associations</h3>")
    clear = sorted((one for one in statistics.bias.associations() if one.clear),
                   key=lambda one: -abs(one.log2_ratio))[:MOST_BARS]
    if clear:
        text.append("<p class=soft>How much oftener (right) or rarer (left) words of a kind are near a group than "
                    f"near {NEUTRAL}. The {len(clear)} greatest differences of over three standard errors.</p>")
        text.append(diverging([_association(one) for one in clear], "associations"))
    else:
        text.append("<p>No difference of over three standard errors.</p>")
    return "".join(text)


def _association(one: Association) -> Bar:
    return Bar(f"{one.group}: {one.attribute}", one.log2_ratio,
               f"x {2 ** one.log2_ratio:.2f} ({one.num_near:,} seen)")


def _making(corpus: Corpus) -> str:
    config = escape(json.dumps(to_json(corpus.config), indent=1, ensure_ascii=False))
    return (f"<h2>How it was made</h2><details><summary>The whole configuration</summary><pre>{config}</pre></details>"
            "<p class=soft>The same sources and configuration give the same root. For programs: "
            "<code>croissant.json</code>, <code>statistics.json</code>.</p>")


def _commonest(counter: Mapping[str, int]) -> Sequence[tuple[str, int]]:
    """The largest counts, ties by name, what is over MOST_BARS in one row."""
    rows = sorted(Counter(counter).items(), key=lambda row: (-row[1], row[0]))
    rest = rows[MOST_BARS:]
    return [*rows[:MOST_BARS], (f"{len(rest)} others", sum(number for _, number in rest))] if rest else rows
