"""Keys: for their owner alone, made once however many begin, rotated, brought along, lost."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from signed_files import FILES, look, manifest

from makar.kit.errors import BadInput, Damaged
from makar.provenance.credentials import authority, signing_key
from makar.provenance.credentials.sign import sign


def own_certificate(key, *, usage: bool = True, days: tuple[int, int] = (-1, 90)) -> tuple[bytes, bytes]:
    """A chain under an authority of one's own, and its private key, in PEM."""
    root = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "House authority")])
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "House"),
                         x509.NameAttribute(NameOID.COMMON_NAME, "House signer")])
    now = datetime.now(UTC)

    def built(name: x509.Name, public, *, is_authority: bool) -> x509.Certificate:
        builder = (x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(public)
                   .serial_number(x509.random_serial_number()).not_valid_before(now + timedelta(days=days[0]))
                   .not_valid_after(now + timedelta(days=days[1]))
                   .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), False))
        if usage or is_authority:
            builder = builder.add_extension(authority._usage(sign_certificates=is_authority), critical=True)
        if usage and not is_authority:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        return builder.sign(root, hashes.SHA256())

    chain = [built(subject, key.public_key(), is_authority=False), built(issuer, root.public_key(), is_authority=True)]
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain), private


def test_keys_are_for_their_owner_alone(own_home) -> None:
    signing_key.current_key()
    files = [path for path in (own_home / "keys").rglob("*") if path.is_file()]
    assert len(files) == 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(signing_key.folder().stat().st_mode) == 0o700


def test_all_who_begin_at_once_have_one_key() -> None:
    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(lambda _: signing_key.current_key().id, range(16)))
    assert len(names) == 1
    assert [path for path in signing_key.folder().parent.iterdir() if path.name.startswith(".")] == []


def test_rotating_keeps_the_old_certificate_and_destroys_its_private_half() -> None:
    old = signing_key.current_key().id
    signed = sign(FILES["image/png"], "image/png", manifest())
    new = authority.rotate()
    assert signing_key.current_key().id == new != old
    assert not (signing_key.folder() / f"{old}.key").exists()
    assert [(fact.id, fact.state) for fact in authority.known_keys()] == [(new, "signs"), (old, "rotated")]
    found = look("image/png", signed.data)
    assert (found.state, found.trusted, found.own, found.key) == ("valid", True, True, old)


def test_where_the_authority_was_lost_a_new_one_begins_and_the_old_stays_trusted() -> None:
    signed = sign(FILES["image/png"], "image/png", manifest())
    (signing_key.folder() / "authority.key").unlink()
    authority.rotate()
    assert look("image/png", signed.data).trusted
    assert look("image/png", sign(FILES["image/png"], "image/png", manifest()).data).trusted


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()],
                         ids=["P-384", "Ed25519"])
def test_a_certificate_of_ones_own(key) -> None:
    chain, private = own_certificate(key)
    name = authority.use_certificate(chain, private)
    signed = sign(FILES["text/plain"], "text/plain", manifest())
    found = look("text/plain", signed.data, signed.sidecar)
    assert (found.state, found.key, found.name, found.issuer) == ("valid", name, "House signer", "House authority")
    assert found.trusted and found.own


def test_what_cannot_sign_is_refused() -> None:
    chain, private = own_certificate(ec.generate_private_key(ec.SECP256R1()))
    _, other = own_certificate(ec.generate_private_key(ec.SECP256R1()))
    bare, its_key = own_certificate(ec.generate_private_key(ec.SECP256R1()), usage=False)
    odd, odd_key = own_certificate(ec.generate_private_key(ec.SECP256K1()))
    for given, words in (((chain, other), "does not belong"), ((b"x", private), "no certificate"),
                         ((chain, b"x"), "no private key"), ((bare, its_key), "not made for signing"),
                         ((odd, odd_key), "P-256")):
        with pytest.raises(BadInput, match=words):
            authority.use_certificate(*given)


def test_a_certificate_out_of_its_dates_does_not_sign() -> None:
    chain, private = own_certificate(ec.generate_private_key(ec.SECP256R1()), days=(-90, -2))
    authority.use_certificate(chain, private)
    with pytest.raises(BadInput, match="clock"):
        sign(FILES["image/png"], "image/png", manifest())


def test_damage_is_named() -> None:
    name = signing_key.current_key().id
    (signing_key.folder() / f"{name}.key").unlink()
    with pytest.raises(Damaged, match=r"is gone; restore it, or make another: makar keys rotate"):
        signing_key.current_key()
    assert authority.rotate() == signing_key.current_key().id
    (signing_key.folder() / "settings.json").write_text("{")
    with pytest.raises(Damaged, match=r"settings\.json' is damaged"):
        signing_key.current_key()


def test_a_damaged_key_is_told_and_one_of_an_earlier_version_signs() -> None:
    name = signing_key.current_key().id
    settings = signing_key.folder() / "settings.json"
    settings.write_text(json.dumps({"key": name}))  # as it was written before
    assert signing_key.current_key().algorithm == "es256"
    assert sign(FILES["image/png"], "image/png", manifest()).key == name
    name = authority.rotate()
    assert json.loads(settings.read_bytes())["algorithm"] == "es256"
    settings.write_text(json.dumps({"key": name, "algorithm": "ed25519"}))
    with pytest.raises(BadInput, match=f"{name} signs by es256, and settings.json beside it says ed25519"):
        sign(FILES["image/png"], "image/png", manifest())
    settings.write_text(json.dumps({"key": name, "algorithm": "es256"}))
    (signing_key.folder() / f"{name}.key").write_bytes(b"no key")
    with pytest.raises(BadInput, match=r"is damaged \(there is no private key.*makar keys rotate"):
        sign(FILES["image/png"], "image/png", manifest())
    assert authority.rotate() != name
    sign(FILES["image/png"], "image/png", manifest())


def test_signing_imports_no_library_of_certificates() -> None:
    signing_key.current_key()
    told = subprocess.run([sys.executable, "-c", (
        "import sys; from makar.provenance.credentials.signing_key import current_key; import "
        "makar.provenance.credentials.sign; current_key(); print('cryptography' in sys.modules)")],
        capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_cannot_be_written(own_home) -> None:
    own_home.chmod(0o500)
    with pytest.raises(BadInput, match="cannot"):
        signing_key.current_key()
    own_home.chmod(0o700)
