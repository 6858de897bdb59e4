"""The prompt does not ask for sexual content, by its words. English only; what is said in other words is missed, and
`nsfw_picture` looks at what was made.
"""

from __future__ import annotations

import re

from makar.verdict import Check, Subject, Verdict

WORDS = r"""
anal\s+sex | bdsm | blow\s?jobs? | bondage | boobs? | bukkake | clit(?:oris)? | cock\s*suck\w* | creampie |
cum\s?shots? | cunnilingus | cunts? | deep\s?throat\w* | dildos? | dominatrix | ejaculat\w+ | erotic\w* | erections?
| fellatio | fetish\w* | fuck\w* | gang\s?bang\w* | genital\w* | hand\s?jobs? | hentai | horny | incest\w* |
jerk(?:ing)?\s+off | kamasutra | lingerie | loli(?:con)? | masturbat\w* | milfs? | naked(?!\s+(?:mole|eye)) |
nipples? | nsfw | nud(?:e|es|ity|ist|ists) | only\s?fans | orgasm\w* | orgy | orgies | peni(?:s|ses) | porn\w* |
prostitut\w* | pubic | pussy(?!\s?(?:cat|willow)) | rape[ds]? | rule\s?34 | scantily | semen |
sex(?!\s+(?:sign|symbol|chromosome))(?:y|ual\w*|ting)? | shota(?:con)? | slut\w* |
spread(?:ing)?\s+(?:her|his|their)?\s*legs | strip\s?tease | strippers? | testicles? | tits | titties | topless |
undress\w* | up\s?skirt | vagina\w* | vibrators? | vulva\w* | whores? | xxx |
(?:without|no|wearing\s+no|taking\s+off\s+(?:her|his|their))\s+(?:clothes|clothing|underwear) | wearing\s+nothing
"""

_PLAIN = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "@": "a", "$": "s"})
_ASKS = re.compile(rf"(?<![\w-])(?:{WORDS})(?!\w)", re.IGNORECASE | re.VERBOSE)


def _run(subject: Subject) -> Verdict:
    found = sexual_in(str(subject.asked["prompt"]))
    if found:
        return Verdict("prompt_sexual", False, 0.0, f"the prompt asks for sexual content: '{found}'")
    return Verdict("prompt_sexual", True, 1.0, "no word of the prompt asks for sexual content")


def sexual_in(prompt: str) -> str:
    """The words that ask for it, as they stand there, or with signs that stand for letters read as those."""
    found = _ASKS.search(prompt) or _ASKS.search(prompt.translate(_PLAIN))
    return "" if found is None else found[0].strip()


CHECK = Check("prompt_sexual", _run, ("image/",), asked="prompt")
