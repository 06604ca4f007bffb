"""A private authority, and a server's certificate by it."""

from __future__ import annotations

import os
import ssl
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def certificates(folder: Path) -> ssl.SSLContext:
    """Make an authority (`ca.crt`), and a certificate for 127.0.0.1 (`it.pem`, `server-key.pem`).

    Return the server's context. Needs openssl, which is looked for in the usual places whatever
    PATH a test has.
    """
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1\n")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.pem -out ca.crt",
        "req -newkey rsa:2048 -nodes -subj /CN=server -keyout server-key.pem -out server.csr",
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.pem -set_serial 2 -extfile san -out it.pem",
    ):
        subprocess.run(
            ["openssl", *command.split()],
            cwd=folder,
            check=True,
            capture_output=True,
            env={"PATH": os.defpath},
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "it.pem", folder / "server-key.pem")
    return context
