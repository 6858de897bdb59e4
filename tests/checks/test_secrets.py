from __future__ import annotations

import random
import string

import pytest

from makar.checks import load_checks
from makar.checks.secrets import bits_per_char
from makar.verdict import Subject

[CHECK] = load_checks(["secrets"])
HEX, BASE32 = "0123456789abcdef", string.ascii_uppercase + "234567"


def drawn(num_chars: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """The same for the same arguments; drawn here so that no scanner takes this file for a leak."""
    return "".join(random.Random(f"{num_chars}{alphabet}").choices(alphabet, k=num_chars))


def found(text: str) -> list[tuple[str, str]]:
    verdict = CHECK.run(Subject(text, "text/plain"))
    assert verdict.passed == (not verdict.spans)
    return [(text[span.start : span.end], span.label) for span in verdict.spans]


@pytest.mark.parametrize(
    ("token", "label"),
    [
        ("AKIA" + drawn(16, BASE32), "AWS access key"),
        ("ghp_" + drawn(36), "GitHub token"),
        ("github_pat_" + drawn(22) + "_" + drawn(59), "GitHub token"),
        ("glpat-" + drawn(20), "GitLab token"),
        ("xoxb-" + drawn(12, string.digits) + "-" + drawn(24), "Slack token"),
        ("sk_live_" + drawn(24), "Stripe key"),
        ("hooks.slack.com/services/T" + drawn(8) + "/B" + drawn(8) + "/" + drawn(24), "Slack webhook"),
        ("AIza" + drawn(35), "Google API key"),
        ("sk-" + drawn(48), "OpenAI key"),
        ("sk-proj-" + drawn(60), "OpenAI key"),
        ("sk-ant-api03-" + drawn(80), "Anthropic key"),
        ("hf_" + drawn(34), "Hugging Face token"),
        ("npm_" + drawn(36), "npm token"),
        ("pypi-AgEIcHlwaS5vcmc" + drawn(80), "PyPI token"),
        ("SG." + drawn(22) + "." + drawn(43), "SendGrid key"),
        ("dop_v1_" + drawn(64, HEX), "DigitalOcean token"),
        ("shpat_" + drawn(32, HEX), "Shopify token"),
        ("7359201846:AA" + drawn(33), "Telegram bot token"),
        ("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0In0." + drawn(43), "JSON web token"),
        ("AccountKey=" + drawn(86) + "==", "Azure storage key"),
    ],
)
@pytest.mark.parametrize("around", ["use {} here", "KEY={}\n", '{{"k": "{}"}}', "({})", "- `{}`"])
def test_issued_tokens(token: str, label: str, around: str) -> None:
    assert found(around.format(token)) == [(token, label)]


@pytest.mark.parametrize("newline", ["\n", "\\n", "\r\n"])
@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
def test_private_keys_whole(kind: str, newline: str) -> None:
    key = newline.join([f"-----BEGIN {kind}PRIVATE KEY-----", drawn(64), drawn(60), f"-----END {kind}PRIVATE KEY-----"])
    assert found(f"Save this: {key} and go") == [(key, "private key")]
    assert found(f"Save this: {key[:90]}")[0][1] == "private key"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("postgres://app:s3Kx9vQz@db.acme.io:5432/x", "s3Kx9vQz"),
        ("mongodb+srv://joe:Zx81-qqLp@c0.mongodb.net", "Zx81-qqLp"),
        ('password = "hunter2!x9"', "hunter2!x9"),
        ("PASSWORD=tr0ub4dor&3\n", "tr0ub4dor&3"),
        ("db_password: 'Kj8#mPq2'", "Kj8#mPq2"),
        (f'api_key = "{drawn(32)}"', drawn(32)),
        (f"'client_secret': '{drawn(40)}'", drawn(40)),
        (f"AWS_SECRET_ACCESS_KEY={drawn(40)}\n", drawn(40)),
        (f"Authorization: Bearer {drawn(40)}", drawn(40)),
        (f"const token = '{drawn(32, HEX)}';", drawn(32, HEX)),
        ('password: str = "Sup3rTr1cky!"', "Sup3rTr1cky!"),
        (f'{{"apiKey": "{drawn(32)}"}}', drawn(32)),
        ("Your password is Blu3Gir4ffe77 from now on", "Blu3Gir4ffe77"),
        ("<password>Qx77rplm</password>", "Qx77rplm"),
    ],
)
def test_assigned_values(text: str, value: str) -> None:
    assert [text for text, _ in found(text)] == [value]


@pytest.mark.parametrize(
    "text",
    [
        'password = "changeme"',
        'password = os.environ["DB_PASSWORD"]',
        'api_key = "YOUR_API_KEY"',
        "OPENAI_API_KEY=sk-...",
        'api_key="sk-xxxxxxxxxxxxxxxxxxxxxxxx"',
        'token = "<token>"',
        "token: ${{ secrets.GITHUB_TOKEN }}",
        "PASSWORD=password123",
        'password="test1234"',
        "AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "postgres://user:password@localhost/db",
        "postgresql://postgres:postgres@db:5432",
        "postgres://${USER}:${PASS}@host",
        'password = getpass.getpass("Password: ")',
        "token = tokenizer.encode(text)",
        'secret = config.get("secret")',
        'sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"',
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
        '{"type": "password", "name": "password_field"}',
        'password_hash = "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW"',
        '<input type="password" placeholder="Password" id="password1">',
        "The password: swordfish. The secret is out.",
        "hf_your_token_here_xxxxxxxxxxxxxxxxxxxxxxxx",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA",
        'password = "my_secure_password_123"',
        'access_token_url = "https://oauth2.example.com/token"',
        'auth_token = request.headers["X-Token1"]',
        "api_key = my_api_key_1",
        "password = generate_password(16)",
        "password=args.password2",
        'key = "primary_key_1"',
        "session_token = sessions[0]",
        '"token": "user:read user:write"',
        "ghp_" + "x" * 36,
        "max_tokens = 4096",
    ],
)
def test_placeholders_and_what_is_no_secret(text: str) -> None:
    assert found(text) == []


def test_entropy_is_shannons() -> None:
    assert bits_per_char("aaaa") == 0 and bits_per_char("abcd") == 2 and bits_per_char("0123456789abcdef") == 4
