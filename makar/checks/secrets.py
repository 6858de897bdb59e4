"""Secrets: keys and tokens by their issuers' forms, private keys, passwords in addresses and in assignments.

Exempt: placeholders (YOUR_API_KEY, xxxx, <token>, changeme, `${VAR}`, AWS's own ...EXAMPLE keys), bare names,
values read from the environment or a call, hashes and identifiers that no name calls a secret.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from makar.verdict import Check, Span, Subject, Verdict

HOLD_BACK_CHARS = 160
VALUE_CHARS = 128
MIN_KEY_BITS = 3.0  # per character: below this a long value is words or a pattern, not drawn at random

_EDGE, _END = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
# (label, one of these must be in the text, form)
_ISSUED = tuple((label, tuple(marks.split()), re.compile(_EDGE + form)) for label, marks, form in (
    ("AWS access key", "AKIA ASIA ABIA ACCA", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}" + _END),
    ("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{40,})"),
    ("GitLab token", "glpat- gldt- glrt- glcbt- glptt- glsoat-", r"gl(?:pat|dt|rt|cbt|ptt|soat)-[\w\-]{20,}"),
    ("Slack token", "xoxb- xoxp- xoxa- xoxo- xoxs- xoxr- xapp-",
        r"(?:xox[abposr]|xapp)-[0-9A-Za-z]+-[0-9A-Za-z\-]{10,}"),
    ("Slack webhook", "hooks.slack.com", r"hooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{16,}"),
    ("Discord webhook", "/api/webhooks/", r"discord(?:app)?\.com/api/webhooks/[0-9]{15,}/[\w\-]{40,}"),
    ("Stripe key", "sk_live_ rk_live_ sk_test_ rk_test_ whsec_", r"(?:[sr]k_(?:live|test)_|whsec_)[0-9A-Za-z]{16,}"),
    ("Google API key", "AIza", r"AIza[\w\-]{35}(?![\w\-])"),
    ("Google token", "GOCSPX- ya29.", r"(?:GOCSPX-[\w\-]{28}|ya29\.[\w\-]{30,})"),
    ("Anthropic key", "sk-ant-", r"sk-ant-[\w\-]{20,}"),
    ("OpenAI key", "sk-", r"sk-(?!ant-)(?:(?:proj|svcacct|admin|or-v1|lf)-[\w\-]{20,}|[A-Za-z0-9]{20,})"),
    ("Hugging Face token", "hf_", r"hf_[A-Za-z0-9]{30,}"),
    ("npm token", "npm_", r"npm_[A-Za-z0-9]{36}" + _END),
    ("PyPI token", "pypi-", r"pypi-[\w\-]{60,}"),
    ("SendGrid key", "SG.", r"SG\.[\w\-]{16,32}\.[\w\-]{16,64}"),
    ("Twilio key", "SK", r"SK[0-9a-f]{32}" + _END),
    ("DigitalOcean token", "dop_v1_ doo_v1_ dor_v1_", r"do[por]_v1_[0-9a-f]{64}"),
    ("Shopify token", "shpat_ shpca_ shppa_ shpss_", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    ("Databricks token", "dapi", r"dapi[0-9a-f]{32}"),
    ("Docker token", "dckr_", r"dckr_(?:pat|oat)_[\w\-]{24,}"),
    ("Groq, xAI or Replicate key", "gsk_ xai- r8_ pplx-", r"(?:gsk_|xai-|r8_|pplx-)[A-Za-z0-9]{32,}"),
    ("Vault token", "hvs. hvb.", r"hv[sb]\.[\w\-]{24,}"),
    ("Telegram bot token", ":AA", r"[0-9]{8,10}:AA[\w\-]{33}(?![\w\-])"),
    ("Discord bot token", ".", r"[MNO][A-Za-z0-9\-]{23,27}\.[\w\-]{6}\.[\w\-]{27,40}(?![\w\-])"),
    ("age secret key", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    ("Azure storage key", "AccountKey=", r"AccountKey=[A-Za-z0-9+/]{86}=="),
    ("JSON web token", "eyJ", r"eyJ[\w\-]{10,130}\.eyJ[\w\-]{4,}(?:\.[\w\-]*)?"),
    ("private key", "PRIVATE KEY", r"(?<!-)-----BEGIN (?:[A-Z0-9]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----"
        r"(?>(?:\\[nr]|[\s\"'+,])*(?:(?:Proc-Type|DEK-Info|Version|Comment)[^\n\\]{0,60}(?:\\[nr]|\s)+){0,3})"
        r"(?=[A-Za-z0-9+/=]{24})(?>(?:[A-Za-z0-9+/=\s\"',]|\\[nr])*)(?:-----END [A-Z0-9 ]{4,40}-----)?"),
))
_ADDRESS = re.compile(r"(?<![A-Za-z0-9+])[A-Za-z][A-Za-z0-9+]{1,18}://[^\s:/@\"'<>]{0,40}:(?P<value>[^\s/@\"'<>]{3,64})@"
                      r"[A-Za-z0-9\[]")
_NAME = (r"(?:pass(?:word|wd|phrase|w)?|pwd|passwort|contraseña|mot[_ ]de[_ ]passe|senha|secret|"
         r"(?:api|access|secret|private|auth|encryption|signing|master|account|service|client|app|consumer)"
         r"[_\- ]?(?:key|token|secret)|(?:auth|access|refresh|bearer|bot|session)?[_\-]?token|credentials?)")
_ASSIGNED = re.compile(
    rf"(?i:(?<![A-Za-z])(?:[A-Za-z][A-Za-z0-9]{{0,20}}[_\-.]){{0,4}}(?P<name>(?:[a-z]{{2,12}})??{_NAME})[0-9]?[\"'\]]{{0,2}})"
    r"(?: ?: ?[A-Za-z]{3,8})?\s{0,3}(?::=|=>|[:=>]|\bis\b)\s{0,3}"
    rf"(?:(?P<quote>[\"'`])(?P<quoted>[^\s\"'`]{{6,{VALUE_CHARS}}})(?:(?P=quote)|(?<=.{{{VALUE_CHARS}}}))"
    rf"|(?P<bare>[^\s\"'`<>(){{}}\[\],;]{{6,{VALUE_CHARS}}})(?=[\s,;<]|\Z))")
_STEMS = ("pass", "pwd", "contrase", "senha", "secret", "key", "token", "credential", "authorization")
_BEARER = re.compile(r"(?i:\bauthorization[\"']?\s?[:=]\s?[\"']?(?:bearer|basic|token) )(?P<value>[\w\-.~+/=]{16,128})")
_WORDS = re.compile(
    r"(?i)your|my|the|some|this|here|insert|replace|example|sample|demo|test|dummy|fake|mock|placeholder|change|me|todo|"
    r"fixme|redacted|removed|hidden|masked|secret|password|passwd|passw0rd|p@ssw0rd|p@ssword|pass|pwd|token|api|key|auth|"
    r"access|private|client|user|username|admin|root|guest|default|none|null|true|false|undefined|empty|string|value|"
    r"foobar|foo|bar|baz|qwerty|letmein|abc|xyz|super|strong|secure|safe|random|unique|long|new|old|db|data|base|"
    r"env|var|config|settings|login|account|hash|salt|session|bearer|jwt|id|an|is|in|of|or|to|and|goes|put|enter|real|"
    r"postgres|mysql|redis|mongo|rabbit|local|host|server|service|app|production|prod|dev|development|staging|string|"
    r"text|word|name|hello|world|temp|tmp|anonymous|anon|cvs|only|not|do|use|with|from|for|x{2,}|\*+|\.{3,}|0?1234?5?6?7?8?9?0?|0{3,}")
_REFERENCE = re.compile(r"[$%{<\[(]|os\.|process\.|env[.(\[]|config[.(\[]|settings\.|self\.|this\.|args\.|request\.|"
                        r"https?://|/|\.{1,2}/|[A-Za-z_]\w*[(\[]|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$")
_EXAMPLES = ("EXAMPLE", "XXXXX", "YOUR", "PLACEHOLDER", "REDACTED", "00000000", "12345678", "ABCDEFGH")


def _find(text: str) -> Iterator[Span]:
    for label, marks, form in _ISSUED:
        if any(mark in text for mark in marks):
            for match in form.finditer(text):
                if not _example(match[0]):
                    yield Span(match.start(), match.end(), label)
    if "://" in text:
        for match in _ADDRESS.finditer(text):
            if not _placeholder(match["value"]) and not _REFERENCE.match(match["value"]):
                yield Span(*match.span("value"), "password in an address")
    yield from _find_assigned(text)


def _find_assigned(text: str) -> Iterator[Span]:
    lower = text.lower()
    if not any(stem in lower for stem in _STEMS):
        return
    for match in _ASSIGNED.finditer(text):
        group = "quoted" if match["quoted"] else "bare"
        password = re.search(r"(?i)pass|pwd|senha|contras", match["name"]) is not None
        if _secret_value(match[group], password=password, quoted=group == "quoted"):
            yield Span(*match.span(group), "password" if password else "secret value")
    for match in _BEARER.finditer(text):
        if _secret_value(match["value"], password=False, quoted=True):
            yield Span(*match.span("value"), "access token")


def _secret_value(value: str, *, password: bool, quoted: bool) -> bool:
    """Whether a value under a telling name was drawn by or for somebody, and does not stand for one."""
    if _REFERENCE.match(value) or _placeholder(value) or _example(value):
        return False
    letters, figures = any(map(str.isalpha, value)), any(map(str.isdigit, value))
    if password:
        marks = any(not character.isalnum() and character not in "_-." for character in value[:-1])
        return (letters and figures) or (quoted and letters and marks)
    return letters and figures and len(value) >= 16 and bits_per_char(value) >= MIN_KEY_BITS


def bits_per_char(value: str) -> float:
    """Shannon entropy of the characters. Units: bits per character."""
    return -sum(count / len(value) * math.log2(count / len(value)) for count in Counter(value).values())


def _placeholder(value: str) -> bool:
    """Made of words that stand for a secret, of one character over and over, or of counting."""
    rest = re.sub(r"[\W_]+", "", _WORDS.sub("", value))
    return len(rest) < 4 or len(set(value)) <= max(2, len(value) // 10)


def _example(token: str) -> bool:
    body = token[token.find("_") + 1:] if "_" in token else token
    upper = body.upper()
    if len(set(body[-16:])) <= 3:
        return True
    return not token.startswith(("-----", "eyJ")) and any(word in upper for word in _EXAMPLES)


def _run(subject: Subject) -> Verdict:
    spans: list[Span] = []
    for span in sorted(_find(subject.text), key=lambda span: (span.start, -span.end, span.label)):
        if not spans or spans[-1].end <= span.start:
            spans.append(span)
    if not spans:
        return Verdict("secrets", True, 1.0, "no secrets found")
    labels = Counter(span.label for span in spans)
    reason = "found " + ", ".join(f"{count} x {label}" for label, count in sorted(labels.items()))
    return Verdict("secrets", False, 0.0, reason, tuple(spans))


CHECK = Check("secrets", _run, ("text/", "application/"), streaming=True, hold_back_chars=HOLD_BACK_CHARS,
              excuses_given=True, limit_s=20.0)
