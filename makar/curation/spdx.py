"""Licences by their SPDX names: from a name however it is written, from a header, from the text of a licence."""

from __future__ import annotations

import re

from makar.curation.record import UNKNOWN

PUBLIC_DOMAIN = "LicenseRef-Public-Domain"
IDS = ("0BSD", "AFL-3.0", "AGPL-3.0-only", "AGPL-3.0-or-later", "Apache-2.0", "Artistic-2.0", "BlueOak-1.0.0",
       "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC-BY-2.0", "CC-BY-2.5", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-NC-3.0",
       "CC-BY-NC-4.0", "CC-BY-NC-ND-4.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "CC-BY-SA-2.0",
       "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC0-1.0", "CDDL-1.0", "ECL-2.0", "EPL-1.0", "EPL-2.0", "EUPL-1.2",
       "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later", "HPND", "ISC", "LGPL-2.1-only",
       "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "MIT", "MIT-0", "MPL-1.1", "MPL-2.0", "MS-PL",
       "MulanPSL-2.0", "NCSA", "ODbL-1.0", "ODC-By-1.0", "OFL-1.1", "OpenSSL", "PDDL-1.0", "PostgreSQL", "PSF-2.0",
       "Python-2.0", "Ruby", "Unicode-3.0", "Unlicense", "UPL-1.0", "Vim", "W3C", "WTFPL", "X11", "Zlib", "ZPL-2.1")
_BY_LOWER = {id.lower(): id for id in IDS}
# Names in use that are no SPDX names, by what is left of them when only letters, digits, dots and pluses are.
_ALSO = {
    "apache": "Apache-2.0", "apache2": "Apache-2.0", "apache2.0": "Apache-2.0", "apachelicense2.0": "Apache-2.0",
    "apachelicenseversion2.0": "Apache-2.0", "apachesoftwarelicense": "Apache-2.0", "asl2.0": "Apache-2.0",
    "mitlicense": "MIT", "expat": "MIT", "themitlicense": "MIT", "mitlicence": "MIT", "themitlicensemit": "MIT",
    "bsd3": "BSD-3-Clause", "newbsd": "BSD-3-Clause", "bsd3clauselicense": "BSD-3-Clause", "3clausebsd":
    "BSD-3-Clause", "modifiedbsd": "BSD-3-Clause", "bsd2": "BSD-2-Clause", "simplifiedbsd": "BSD-2-Clause",
    "2clausebsd": "BSD-2-Clause", "isclicense": "ISC", "isclicenseiscl": "ISC", "unlicensed": UNKNOWN,
    "theunlicense": "Unlicense", "mpl2.0": "MPL-2.0", "mozillapubliclicense2.0mpl2.0": "MPL-2.0",
    "gpl2": "GPL-2.0-only", "gpl2.0": "GPL-2.0-only", "gplv2": "GPL-2.0-only", "gplv2+": "GPL-2.0-or-later",
    "gpl2.0+": "GPL-2.0-or-later", "gpl3": "GPL-3.0-only", "gpl3.0": "GPL-3.0-only", "gplv3": "GPL-3.0-only",
    "gplv3+": "GPL-3.0-or-later", "gpl3.0+": "GPL-3.0-or-later", "gnugplv3": "GPL-3.0-only",
    "gnugeneralpubliclicensev3gplv3": "GPL-3.0-only", "gnugeneralpubliclicensev3orlatergplv3+": "GPL-3.0-or-later",
    "gnugeneralpubliclicensev2gplv2": "GPL-2.0-only", "gnugeneralpubliclicensev2orlatergplv2+": "GPL-2.0-or-later",
    "lgpl2.1": "LGPL-2.1-only", "lgplv2.1": "LGPL-2.1-only", "lgpl2.1+": "LGPL-2.1-or-later",
    "lgpl3.0": "LGPL-3.0-only", "lgplv3": "LGPL-3.0-only", "lgplv3+": "LGPL-3.0-or-later",
    "agpl3.0": "AGPL-3.0-only", "agplv3": "AGPL-3.0-only", "agplv3+": "AGPL-3.0-or-later",
    "psf": "PSF-2.0", "psfl": "PSF-2.0", "pythonsoftwarefoundationlicense": "PSF-2.0",
    "cc0": "CC0-1.0", "cc01.0universal": "CC0-1.0", "publicdomain": PUBLIC_DOMAIN, "pd": PUBLIC_DOMAIN,
    "boostsoftwarelicense1.0bsl1.0": "BSL-1.0", "zliblibpnglicense": "Zlib", "zopepubliclicense": "ZPL-2.1",
    "historicalpermissionnoticeanddisclaimerhpnd": "HPND", "zpl2.1": "ZPL-2.1"}
_CC = re.compile(r"creativecommons\.org/(?:licenses/(?P<kind>by(?:-nc)?(?:-sa|-nd)?)/(?P<version>[1-4]\.\d)"
                 r"|publicdomain/(?P<public>zero|mark)/1\.0)", re.IGNORECASE)
_TAG = re.compile(r"SPDX-License-Identifier:\s*(?P<expression>[\w.+\-()]+(?:[ \t]+(?:AND|OR|WITH)[ \t]+[\w.+\-()]+)*)",
                  re.IGNORECASE)
_SPACE = re.compile(r"[\W_]+")

# What only this licence says: every phrase of a line must be there, and none after the bar.
_PHRASES = tuple((id, tuple(need.split("; ")), tuple(filter(None, ban.split("; ")))) for id, need, ban in (
    ("AGPL-3.0-only", "gnu affero general public license version 3; preamble", ""),
    ("LGPL-3.0-only", "gnu lesser general public license version 3; this version of the gnu lesser", ""),
    ("LGPL-2.1-only", "gnu lesser general public license version 2 1; preamble", ""),
    ("GPL-3.0-only", "gnu general public license version 3; preamble", "affero general public license version 3"),
    ("GPL-2.0-only", "gnu general public license version 2; preamble", ""),
    ("Apache-2.0", "apache license version 2 0; terms and conditions for use", ""),
    ("MPL-2.0", "mozilla public license version 2 0; covered software", ""),
    ("EPL-2.0", "eclipse public license v 2 0; contributor", ""),
    ("Artistic-2.0", "the artistic license 2 0; standard version", ""),
    ("BSL-1.0", "boost software license version 1 0; machine executable object code", ""),
    ("OFL-1.1", "sil open font license version 1 1; reserved font name", ""),
    ("PSF-2.0", "python software foundation license version 2; licensee", ""),
    ("CC0-1.0", "cc0 1 0 universal; waive", ""),
    ("CC-BY-SA-4.0", "attribution sharealike 4 0 international", "noncommercial sharealike"),
    ("CC-BY-NC-SA-4.0", "attribution noncommercial sharealike 4 0 international", ""),
    ("CC-BY-NC-4.0", "attribution noncommercial 4 0 international", ""),
    ("CC-BY-ND-4.0", "attribution noderivatives 4 0 international", ""),
    ("CC-BY-4.0", "attribution 4 0 international", "sharealike 4 0; noncommercial 4 0; noderivatives 4 0"),
    ("CC-BY-SA-3.0", "attribution sharealike 3 0", "noncommercial sharealike"),
    ("CC-BY-3.0", "attribution 3 0; licensor", "sharealike 3 0; noncommercial"),
    ("Unlicense", "this is free and unencumbered software released into the public domain", ""),
    ("WTFPL", "do what the fuck you want to public license", ""),
    ("Zlib", "this software is provided as is without any express or implied warranty in no event will the authors; "
             "altered source versions must be plainly marked", ""),
    ("BSD-3-Clause", "redistributions in binary form must reproduce the above copyright notice; neither the name; "
                     "redistributions of source code must retain", "all advertising materials"),
    ("BSD-2-Clause", "redistributions in binary form must reproduce the above copyright notice; "
                     "redistributions of source code must retain", "neither the name; all advertising materials"),
    ("MIT-0", "permission is hereby granted free of charge to any person obtaining a copy; the software is provided "
              "as is without warranty", "the above copyright notice and this permission notice; x consortium"),
    ("MIT", "permission is hereby granted free of charge to any person obtaining a copy; the above copyright notice "
            "and this permission notice", "x consortium"),
    ("ISC", "permission to use copy modify and or distribute this software for any purpose with or without fee is "
            "hereby granted; copyright notice and this permission notice appear", ""),
    ("0BSD", "permission to use copy modify and or distribute this software for any purpose with or without fee is "
             "hereby granted", "copyright notice and this permission notice appear"),
    ("HPND", "permission to use copy modify and distribute this software and its documentation for any purpose", ""),
    (PUBLIC_DOMAIN, "public domain", "license; licence; copyright"),
))
# What files say at their head in place of the licence itself.
_NOTICES = (
    ("Apache-2.0", re.compile(r"licensed under the apache license,? version 2\.0", re.IGNORECASE)),
    ("MPL-2.0", re.compile(r"subject to the terms of the mozilla public\s+license,? v\. 2\.0", re.IGNORECASE)),
    ("GPL-3.0-or-later", re.compile(r"gnu general public license.{0,120}version 3.{0,60}any later", re.I | re.S)),
    ("GPL-2.0-or-later", re.compile(r"gnu general public license.{0,120}version 2.{0,60}any later", re.I | re.S)),
    ("MIT", re.compile(r"(?:licensed|released|available) under (?:the )?(?:terms of )?(?:the )?mit licen[sc]e",
                       re.IGNORECASE)),
    ("PSF-2.0", re.compile(r"licensed to psf under a contributor agreement", re.IGNORECASE)),
    ("BSD-3-Clause", re.compile(r"(?:licensed|released|governed) (?:under|by) (?:a|the) (?:new |modified |3-clause )"
                                r"bsd", re.IGNORECASE)),
    (PUBLIC_DOMAIN, re.compile(r"(?:this (?:file|code|module|software|work) is|placed|dedicated) (?:in|to|into) the "
                               r"public domain", re.IGNORECASE)),
)


def named(name: str) -> str:
    """The SPDX expression that a name of a licence means, else "unknown"."""
    creative = _CC.search(name)
    if creative:
        if creative["public"]:
            return "CC0-1.0" if creative["public"].lower() == "zero" else PUBLIC_DOMAIN
        return _BY_LOWER.get(f"cc-{creative['kind']}-{creative['version']}".lower(), UNKNOWN)
    parts = re.split(r"\s+(OR|AND)\s+", name.strip())
    if len(parts) > 1:
        ids = [part if part in ("OR", "AND") else _single(part.strip("() ")) for part in parts]
        return UNKNOWN if UNKNOWN in ids else " ".join(ids)
    return _single(name)


def _single(name: str) -> str:
    text = name.strip()
    if text.lower() in _BY_LOWER:
        return _BY_LOWER[text.lower()]
    if text.startswith("LicenseRef-") and re.fullmatch(r"[\w.\-]{12,80}", text):
        return text
    key = re.sub(r"[^a-z0-9.+]", "", text.lower())
    dashed = re.sub(r"[\s_]+", "-", text.lower())
    return _ALSO.get(key) or _BY_LOWER.get(dashed) or _also_without_filler(key)


def _also_without_filler(key: str) -> str:
    bare = re.sub(r"^(?:osiapproved|the)|(?:license|licence)$", "", key)
    return _ALSO.get(bare) or _BY_LOWER.get(bare, UNKNOWN)


def header_of(text: str) -> str:
    """The licence that the head of a file names, else "unknown"."""
    head = text[:6_000]
    lowered = head.lower()
    if not any(word in lowered for word in ("licen", "public domain", "mozilla")):
        return UNKNOWN
    tag = _TAG.search(head)
    if tag:
        return named(tag["expression"])
    return next((id for id, pattern in _NOTICES if pattern.search(head)), UNKNOWN)


def of_text(text: str) -> str:
    """The licence that this is the text of, by the phrases that only it has, else "unknown"."""
    plain = " ".join(_SPACE.split(text.lower()))
    for id, need, ban in _PHRASES:
        if all(phrase in plain for phrase in need) and not any(phrase in plain for phrase in ban):
            return id
    return header_of(text)


def accepted(expression: str, allowed: frozenset[str]) -> bool:
    """Whether an SPDX expression can be met with the licences of `allowed`: one side of OR, every side of AND."""
    return any(all(part.strip("() ") in allowed for part in re.split(r"\s+AND\s+", side))
               for side in re.split(r"\s+OR\s+", expression))
