"""The model hub over HTTP: ranges resumed, lies noticed, the token shown to the hub and to nobody else."""

from __future__ import annotations

import http.client
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import IO, Any

from makar.kit.errors import BadInput, Damaged, NoNetwork, NotHere
from makar.store.catalogue import HubFile
from makar.store.partial import Partial

DEFAULT_HUB = "https://huggingface.co"
TIMEOUT_S = 30.0
PAUSE_S = 0.5
MAX_IDLE_TRIES = 4
READ_BYTES = 1 << 18

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class _Broken(Exception):
    """The connection failed in a way that may pass; `reached` tells whether the server had answered."""

    def __init__(self, why: object, reached: bool) -> None:
        super().__init__(str(why) or type(why).__name__)
        self.reached = reached


def address() -> str:
    """The hub's base URL: `$MAKAR_HUB`, else the usual one.

    Raises: BadInput
    """
    url = os.environ.get("MAKAR_HUB", "").rstrip("/") or DEFAULT_HUB
    parts = urllib.parse.urlsplit(url)
    if parts.username or parts.password:
        raise BadInput("MAKAR_HUB holds a user name or password; put the token into HF_TOKEN instead")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"MAKAR_HUB is '{url}'; expected an address that begins with https:// or http://")
    return url


def file_url(file: HubFile) -> str:
    """Where the hub keeps that file."""
    quote = urllib.parse.quote
    return f"{address()}/{quote(file.repo)}/resolve/{quote(file.revision, safe='')}/{quote(file.file)}"


def fetch(file: HubFile, sha256: str, partial: Partial) -> None:
    """Fills `partial` from where it stands; if an earlier run left wrong bytes there, once more from the beginning.

    Raises: NoNetwork (not reached), NotHere (the hub does not give it), Damaged (it lied), OutOfRoom
    """
    resumed = partial.have_bytes > 0
    url = file_url(file)
    _fill(url, partial)
    if resumed and partial.sha256 != sha256:
        partial.cut(0)
        _fill(url, partial)
    if partial.sha256 != sha256:
        got = partial.sha256
        partial.cut(0)
        raise Damaged(f"sent a file that hashes to {got[:16]}…, not {sha256[:16]}…")


def get(url: str, limit_bytes: int) -> bytes:
    """A small answer of the hub, whole.

    Raises: NoNetwork, NotHere, Damaged (larger than `limit_bytes`)
    """
    try:
        with _open(url, 0) as answer:
            data: bytes = answer.read(limit_bytes + 1)
    except _Broken as error:
        raise NoNetwork(f"the hub {address()} could not be reached ({error})") from error
    except (OSError, http.client.HTTPException) as error:
        raise NoNetwork(f"the hub {address()} broke off ({error})") from error
    if len(data) > limit_bytes:
        raise Damaged(f"the hub's answer for {url} has more than {limit_bytes:,} bytes")
    return data


def _fill(url: str, partial: Partial) -> None:
    idle = 0
    while partial.missing_bytes:
        before = partial.have_bytes
        try:
            _attempt(url, partial)
            why: object = "the connection was closed early"
        except _Broken as error:
            why = error
            if not error.reached and before == 0 and idle == 0:
                raise NoNetwork(f"could not be reached ({why})") from error
        idle = 0 if partial.have_bytes > before else idle + 1
        if idle >= MAX_IDLE_TRIES:
            raise NoNetwork(f"stopped answering after {partial.have_bytes:,} bytes ({why}); what came is kept")
        if partial.missing_bytes:
            time.sleep(PAUSE_S * 2 ** idle)


def _attempt(url: str, partial: Partial) -> None:
    """One request: everything it brings goes into `partial`."""
    with _open(url, partial.have_bytes) as answer:
        _line_up(answer, partial)
        while True:
            try:
                chunk = answer.read1(min(READ_BYTES, partial.missing_bytes + 1))  # what came is kept at once
            except http.client.IncompleteRead as error:
                chunk = error.partial
            except (OSError, http.client.HTTPException) as error:
                raise _Broken(error, reached=True) from error
            if not chunk:
                return
            if len(chunk) > partial.missing_bytes:
                partial.cut(0)
                raise Damaged(f"sent more than the {partial.size_bytes:,} bytes of the file")
            partial.write(chunk)


def _line_up(answer: http.client.HTTPResponse, partial: Partial) -> None:
    """Makes sure that the bytes to come continue those we have, and belong to a file of the right size."""
    total = answer.headers.get("Content-Length")
    if answer.status == 206:
        start, total = _content_range(answer.headers.get("Content-Range", ""))
        if start != partial.have_bytes:
            raise Damaged(f"asked for byte {partial.have_bytes:,} and on, sent byte {start:,} and on")
    elif partial.have_bytes:
        partial.cut(0)  # the server does not know ranges: from the beginning
    if total is not None and total.isdigit() and int(total) != partial.size_bytes:
        raise Damaged(f"offers a file of {int(total):,} bytes, not {partial.size_bytes:,}")


def _content_range(value: str) -> tuple[int, str | None]:
    """`bytes 10-99/100` as (10, "100").

    Source: RFC 9110, section 14.4
    """
    unit, _, rest = value.partition(" ")
    span, _, total = rest.partition("/")
    start = span.partition("-")[0]
    if unit != "bytes" or not start.isdigit():
        raise Damaged(f"answered with the range '{value[:60]}'")
    return int(start), total if total.isdigit() else None


def _open(url: str, start_bytes: int) -> Any:
    request = urllib.request.Request(url, headers={"User-Agent": "makar", "Accept-Encoding": "identity"})
    if start_bytes:
        request.add_header("Range", f"bytes={start_bytes}-")
    _authorise(request)
    try:
        return _opener().open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        raise _refusal(error) from error
    except urllib.error.URLError as error:
        raise _Broken(error.reason, reached=False) from error
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(error, reached=False) from error


def _refusal(error: urllib.error.HTTPError) -> Exception:
    if error.code == 416:
        return Damaged("its file is shorter than it should be")
    if error.code in (408, 425, 429) or error.code >= 500:
        return _Broken(f"HTTP {error.code}", reached=True)
    if error.code in (401, 403):
        return NotHere(f"refuses it (HTTP {error.code}; a gated or private repository needs its token in HF_TOKEN)")
    return NotHere(f"does not have it (HTTP {error.code})")


def _opener() -> urllib.request.OpenerDirector:
    """Speaks HTTP and HTTPS only: no files, no FTP, whatever a redirect asks for."""
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler(), urllib.request.HTTPHandler(), urllib.request.HTTPSHandler(),
                    urllib.request.HTTPDefaultErrorHandler(), urllib.request.HTTPErrorProcessor(), _Redirect()):
        opener.add_handler(handler)
    return opener


class _Redirect(urllib.request.HTTPRedirectHandler):
    """Follows the hub to its file servers, never from HTTPS down to HTTP, and takes the token along only to the hub."""

    def redirect_request(self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str,
                         headers: http.client.HTTPMessage, newurl: str) -> urllib.request.Request | None:
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise urllib.error.URLError("the hub redirects to an address without HTTPS")
        moved = super().redirect_request(req, fp, code, msg, headers, newurl)
        if moved is not None:
            _authorise(moved)
        return moved


def _authorise(request: urllib.request.Request) -> None:
    """Adds `$HF_TOKEN` where the request goes to the hub itself, in a header that no redirect copies."""
    token = os.environ.get("HF_TOKEN", "").strip()
    hub, goal = urllib.parse.urlsplit(address()), urllib.parse.urlsplit(request.full_url)
    safe = hub.scheme == "https" or hub.hostname in _LOOPBACK
    if token and safe and (hub.scheme, hub.hostname, hub.port) == (goal.scheme, goal.hostname, goal.port):
        request.add_unredirected_header("Authorization", f"Bearer {token}")
