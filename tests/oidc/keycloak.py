"""A real Keycloak on a free port with an HTTPS certificate of its own, as an issuer that we did not write."""

import base64
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
START_SECONDS = 120  # with one core and a busy machine; usually ten


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Keycloak:
    """start(), stop(); `issuer(realm)`, `token(realm, client)`, and the CA file that its HTTPS stands on."""

    def __init__(self, installed: Path, folder: Path):
        self.installed, self.folder = installed, folder
        self.port = free_port()
        self.base = f"https://localhost:{self.port}"
        self.ca_file = folder / "keycloak.crt"
        self.process = None

    def start(self) -> "Keycloak":
        home = self.folder / "keycloak"
        shutil.copytree(self.installed, home, symlinks=True, ignore=shutil.ignore_patterns("data"))
        (home / "data" / "import").mkdir(parents=True)
        for realm in (HERE / "realms").glob("*.json"):
            shutil.copy(realm, home / "data" / "import")
        key = self.folder / "keycloak.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", self.ca_file],
                       check=True, capture_output=True)
        self.log = open(self.folder / "keycloak.log", "wb")
        self.process = subprocess.Popen(
            ["bash", home / "bin" / "kc.sh", "start", "--optimized", "--import-realm", "--http-enabled=false",
             "--http-host=127.0.0.1", f"--https-port={self.port}", f"--https-certificate-file={self.ca_file}",
             f"--https-certificate-key-file={key}", f"--hostname={self.base}"],
            stdout=self.log, stderr=self.log, start_new_session=True,
            env={**os.environ, "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m"})
        self._wait()
        return self

    def _wait(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.get(f"{self.issuer('eddsa')}/.well-known/openid-configuration")
                return
            except OSError:
                time.sleep(0.3)
        said = (self.folder / "keycloak.log").read_text(errors="replace")
        self.stop()
        raise RuntimeError(f"Keycloak did not start: {said[-3000:]}")

    def stop(self):
        if self.process:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(30)
            self.log.close()
            self.process = None

    def issuer(self, realm: str) -> str:
        return f"{self.base}/realms/{realm}"

    def get(self, url: str, form: dict | None = None):
        body = urllib.parse.urlencode(form).encode() if form else None
        context = ssl.create_default_context(cafile=str(self.ca_file))
        with urllib.request.urlopen(url, body, timeout=10, context=context) as answer:
            return json.loads(answer.read())

    def token(self, realm: str, client: str = "worker") -> str:
        """An access token by client credentials: what a workload of that realm holds."""
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": f"secret-of-{client}"}
        return self.get(f"{self.issuer(realm)}/protocol/openid-connect/token", form)["access_token"]


def said_by(token: str) -> dict:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def header_of(token: str) -> dict:
    part = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
