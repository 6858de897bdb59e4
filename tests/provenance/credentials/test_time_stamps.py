"""against: a time-stamp authority (OpenSSL's) behind a real HTTP server on this machine stamps what is signed."""

from __future__ import annotations

import io
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import c2pa
import pytest
from signed_files import FILES, look, manifest

from makar.provenance.credentials import authority, signing_key
from makar.provenance.credentials.sign import sign

CONFIG = """
[tsa]
serial = {folder}/serial
signer_cert = {folder}/stamper.pem
certs = {folder}/stamper.pem
signer_key = {folder}/stamper.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
"""

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")


@pytest.fixture
def stamper(tmp_path: Path) -> Iterator[tuple[str, list[bytes]]]:
    """The address of the authority, and what it was asked."""
    (tmp_path / "config").write_text(CONFIG.format(folder=tmp_path))
    (tmp_path / "serial").write_text("01\n")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=Stamper",
                    "-addext", "extendedKeyUsage=critical,timeStamping",
                    "-addext", "keyUsage=critical,digitalSignature", "-addext", "basicConstraints=critical,CA:FALSE",
                    "-keyout", tmp_path / "stamper.key", "-out", tmp_path / "stamper.pem"],
                   check=True, capture_output=True)
    asked = list[bytes]()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            (tmp_path / "query").write_bytes(asked[-1])
            subprocess.run(["openssl", "ts", "-reply", "-config", tmp_path / "config", "-section", "tsa",
                            "-queryfile", tmp_path / "query", "-out", tmp_path / "reply"], check=True,
                           capture_output=True)
            reply = (tmp_path / "reply").read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("media_type", ["image/png", "text/plain"])
def test_a_signature_carries_the_time_it_was_stamped_with(media_type: str, stamper: tuple[str, list[bytes]]) -> None:
    address, asked = stamper
    authority.time_stamps(address)
    signed = sign(FILES[media_type], media_type, manifest())
    assert len(asked) == 1
    assert look(media_type, signed.data, signed.sidecar).state == "valid"
    settings = {"trust": {"user_anchors": (signing_key.folder() / "authority.pem").read_text()}}
    with (c2pa.Context.from_dict(settings) as context,
          c2pa.Reader(media_type, io.BytesIO(signed.data), signed.sidecar, context=context) as reader):
        assert '"timeStamp.' in reader.detailed_json()
