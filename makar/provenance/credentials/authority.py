"""The local certificate authority and the signing keys: made on first use, rotated, or brought along.

    keys/signing/           readable by its owner alone
      settings.json         which key signs by which algorithm, and the time-stamp service if there is one
      authority.pem, .key   the authority that signs the certificates of this machine's own keys
      ID.pem, ID.key        a certificate chain and its private key; a key that was rotated keeps its certificates only
      trusted/NAME.pem      other authorities whose signatures count as trusted here
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from makar.kit.errors import BadInput
from makar.kit.files import atomic_write, disk_errors, sha256_bytes
from makar.provenance.credentials.signing_key import SETTINGS, folder, read, settings

AUTHORITY_DAYS, KEY_DAYS = 365 * 30, 365 * 10
BACKDATED = timedelta(days=1)  # another machine's clock may be behind
PRIVATE = 0o600
OWN = "es256"
"""The algorithm of the keys that are made here, on P-256."""
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True)
class KeyFact:
    """What can be shown of a key: never its private half."""

    id: str
    name: str
    issuer: str
    since: datetime
    until: datetime
    state: str  # signs, or rotated


def known_keys() -> list[KeyFact]:
    """Every key that this machine signs or signed with, the newest first."""
    if not (folder() / SETTINGS).is_file():
        return []
    signs = settings()[0]
    found = []
    for path in folder().glob("*.pem"):
        if path.stem != "authority":
            first = _certificates(path.read_bytes(), path.name)[0]
            found.append(KeyFact(path.stem, name_of(first.subject), name_of(first.issuer), first.not_valid_before_utc,
                                 first.not_valid_after_utc, "signs" if path.stem == signs else "rotated"))
    return sorted(found, key=lambda fact: (fact.state == "signs", fact.since, fact.id), reverse=True)


def rotate() -> str:
    """Makes a new key under this machine's authority; the old one's private half is destroyed. Returns the new id.

    Raises: Damaged, BadInput, OutOfRoom
    """
    if not (folder() / SETTINGS).is_file():
        begin()
        return settings()[0]
    old, service, _ = settings()
    if (folder() / "authority.key").is_file():
        authority = _certificates(read("authority.pem"), "authority.pem")[0]
        name = _make_key(folder(), authority, _ec(read("authority.key")))
    else:  # the authority was lost: a new one begins, the old certificate stays trusted
        if (folder() / "authority.pem").is_file():
            _write(folder() / "trusted" / f"authority-{old}.pem", read("authority.pem"))
        name = _make_authority(folder())
    _write_settings(folder(), name, service, OWN)
    (folder() / f"{old}.key").unlink(missing_ok=True)
    return name


def use_certificate(chain: bytes, private: bytes) -> str:
    """Signs with a certificate of one's own from now on; its authority becomes trusted here. Returns the key's id.

    Raises: BadInput (they do not belong together, or cannot sign)
    """
    certificates = _certificates(chain, "the certificate")
    key, first = private_key(private), certificates[0]
    if key.public_key() != first.public_key():
        raise BadInput("the private key does not belong to the first certificate of the chain; name the two that do")
    algorithm = algorithm_of(key)
    _require_for_signing(first)
    _begin_if_absent()
    name = f"{first.serial_number:x}"
    written = private if b"ENCRYPTED" not in private else _pem_of(key)
    _write(folder() / f"{name}.pem", b"".join(_pem(one) for one in certificates))
    _write(folder() / f"{name}.key", written)
    trust(_pem(certificates[-1]), name)
    _write_settings(folder(), name, settings()[1], algorithm)
    return name


def trust(certificates: bytes, name: str) -> None:
    """Counts signatures under these authorities as trusted from now on.

    Raises: BadInput
    """
    _certificates(certificates, "the certificate")
    _begin_if_absent()
    _write(folder() / "trusted" / f"{name}.pem", certificates)


def time_stamps(url: str | None) -> None:
    """Asks this RFC 3161 service for the time of each signature from now on; None asks nobody.

    Raises: BadInput
    """
    if url is not None and not url.startswith(("http://", "https://")):
        raise BadInput(f"a time-stamp service has an http or https address; got '{url}'")
    _begin_if_absent()
    name, _, algorithm = settings()
    _write_settings(folder(), name, url, algorithm)


def algorithm_of(key: PrivateKeyTypes) -> str:
    """The name of the signature algorithm that C2PA uses with such a key.

    Raises: BadInput
    """
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return "ps256"
    raise BadInput("C2PA signs with keys on P-256, P-384 or P-521, with Ed25519, or with RSA of 2,048 bits or more; "
                   f"got {type(key).__name__.removeprefix('_')}")


def name_of(name: x509.Name) -> str:
    """The common name, or the whole name where it has none."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()


def _require_for_signing(certificate: x509.Certificate) -> None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
        certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        usage = False
    if not usage:
        raise BadInput(f"the certificate of '{name_of(certificate.subject)}' is not made for signing content: C2PA "
                       "needs the key usage digitalSignature and an extended key usage such as emailProtection")


def _begin_if_absent() -> None:
    if not (folder() / SETTINGS).is_file():
        begin()


def begin() -> None:
    """An authority and a key, in a folder that appears whole; where another process was faster, its keys count."""
    parent = folder().parent
    with disk_errors(parent):
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = Path(tempfile.mkdtemp(dir=parent, prefix=".signing."))
    try:
        _write_settings(fresh, _make_authority(fresh), None, OWN)
        try:
            fresh.rename(folder())
        except OSError:
            if not (folder() / SETTINGS).is_file():
                raise
    except OSError as error:
        raise BadInput(f"the signing keys cannot be made in '{parent}': {error.strerror}; give this user write access, "
                       "or set MAKAR_HOME to another folder") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _make_authority(place: Path) -> str:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    public = key.public_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Makar local authority {_id_of(public)[:8]}")])
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(public)
            .serial_number(int(_id_of(public), 16)).not_valid_before(now - BACKDATED)
            .not_valid_after(now + timedelta(days=AUTHORITY_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(key, hashes.SHA256()))
    _write(place / "authority.pem", _pem(made))
    _write(place / "authority.key", _pem_of(key))
    return _make_key(place, made, key)


def _make_key(place: Path, authority: x509.Certificate, signer: ec.EllipticCurvePrivateKey) -> str:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    public = key.public_key()
    name = _id_of(public)
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Makar on this machine"),
                         x509.NameAttribute(NameOID.COMMON_NAME, f"Makar signing key {name}")])
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(authority.subject).public_key(public)
            .serial_number(int(name, 16)).not_valid_before(now - BACKDATED)
            .not_valid_after(min(now + timedelta(days=KEY_DAYS), authority.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .sign(signer, hashes.SHA256()))
    _write(place / f"{name}.pem", _pem(made) + _pem(authority))
    _write(place / f"{name}.key", _pem_of(key))
    return name


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates, key_cert_sign=sign_certificates, crl_sign=sign_certificates,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False)


def _id_of(public: ec.EllipticCurvePublicKey) -> str:
    """16 hex digits that do not begin with 0, from the key itself."""
    spelled = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"{int(sha256_bytes(spelled)[:16], 16) | 1 << 62:x}"


def _write_settings(place: Path, key: str, url: str | None, algorithm: str | None) -> None:
    _write(place / SETTINGS, json.dumps({"key": key, "time_stamps": url, "algorithm": algorithm}).encode())


def _write(path: Path, data: bytes) -> None:
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.chmod(path.parent, 0o700)
    atomic_write(path, data, mode=PRIVATE)


def _certificates(data: bytes, what: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise BadInput(f"{what} holds no certificate in PEM: {error}") from error


def private_key(data: bytes) -> PrivateKeyTypes:
    """A private key from its PEM.

    Raises: BadInput
    """
    try:
        return serialization.load_pem_private_key(data, None)
    except TypeError as error:
        raise BadInput("the private key is encrypted; decrypt it first: openssl pkey -in KEY -out PLAIN") from error
    except ValueError as error:
        raise BadInput(f"there is no private key in PEM in what was given: {error}") from error


def _ec(data: bytes) -> ec.EllipticCurvePrivateKey:
    key = private_key(data)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_of(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())
