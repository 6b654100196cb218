"""A real server on free ports in a data directory of its own, for every suite that needs one."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
from email.utils import formatdate
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120  # a sanitizer build on a busy machine; usually one


def binary() -> Path:
    return Path(os.environ.get("CALLGATE_BINARY", ROOT / "build" / "callgate"))


def sign(key: str, method: str, target: str, host: str, body: bytes = b"", date: str | None = None) -> dict:
    """The three headers of an access-key signature, written from the contract, not from our C."""
    date = date or formatdate(usegmt=True)
    content = base64.b64encode(hashlib.sha256(body).digest()).decode()
    text = f"{method}\n{target}\n{date};{host};{content}"
    mac = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    return {
        "x-ms-date": date,
        "x-ms-content-sha256": content,
        "Authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256"
        f"&Signature={base64.b64encode(mac).decode()}",
    }


def members_once(pairs: list[tuple]) -> dict:
    """An object of JSON; a member that stands there twice is an error, as it is to strict readers."""
    found = dict(pairs)
    assert len(found) == len(pairs), f"a member appears twice: {[name for name, _ in pairs]}"
    return found


class Answer:
    def __init__(self, response, body: bytes):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    def json(self):
        return json.loads(self.body, object_pairs_hook=members_once)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Resource:
    """What a test needs to know of a resource: about, name, host, keys."""

    def __init__(self, about: dict, keys: dict):
        self.about = about
        self.name = about["name"]
        self.id = about["id"]
        self.primary = keys["primary"]["key"]
        self.secondary = keys["secondary"]["key"]

    def host(self, port: int) -> str:
        return f"{self.name}.localhost:{port}"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float = 60):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Server:
    """start(), stop(), kill(); ports and keys are fields once it is ready."""

    def __init__(self, *args: str, data: str | None = None, https: str = "localhost:0", http: str = "localhost:0",
                 environment: dict | None = None, program: Path | None = None):
        self.own_data = data is None
        self.data = data or tempfile.mkdtemp(prefix="callgate-")
        os.chmod(self.data, 0o700)
        self.args = [*args]
        self.listen = ["--https", https, "--http", http]
        self.environment = {**os.environ, **(environment or {})}
        self.program = program or binary()
        self.process = None
        self.log_path = Path(self.data) / "server.log"

    def start(self) -> "Server":
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [self.program, "serve", "--data", self.data, *self.listen, *self.args],
            stdout=subprocess.PIPE, stderr=log, env=self.environment)
        log.close()
        told, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline().decode() if told else ""
        if not line.startswith("ready "):
            self.kill()  # if it has not ended by itself
            raise RuntimeError(f"no ready line but {line!r}; log: {self.log()[-2000:]}")
        self.ready_line = line.strip()
        self.about = json.loads((Path(self.data) / "server.json").read_text())
        self.https_port = (self.about["https"] or {}).get("port")
        self.http_port = (self.about["http"] or {}).get("port")
        self.admin_port = (self.about.get("admin") or {}).get("port")
        self.imds_port = (self.about.get("imds") or {}).get("port")
        self.ca_file = self.about.get("caFile", f"{self.data}/ca.pem")  # not told where an operator brought a certificate
        self.ca_bundle = self.about.get("caBundle", f"{self.data}/ca-bundle.pem")
        self.admin_token = Path(self.about["adminToken"]).read_text().strip()
        self.refresh_keys()
        return self

    def refresh_keys(self):
        keys = self.admin("GET", "/admin/keys?reveal=true").json()
        self.primary = keys["primary"]["key"]
        self.secondary = keys["secondary"]["key"]

    @property
    def endpoint(self) -> str:
        return f"https://localhost:{self.https_port}/"

    @property
    def http_endpoint(self) -> str:
        return f"http://localhost:{self.http_port}/"

    @property
    def connection_string(self) -> str:
        return f"endpoint={self.endpoint};accesskey={self.primary}"

    @property
    def http_connection_string(self) -> str:
        return f"endpoint={self.http_endpoint};accesskey={self.primary}"

    @property
    def env(self) -> dict:
        """What `callgate env` sets, for child processes."""
        return {
            **self.environment,
            "COMMUNICATION_SERVICES_CONNECTION_STRING": self.connection_string,
            "CALLGATE_HTTP_CONNECTION_STRING": self.http_connection_string,
            "CALLGATE_ENDPOINT": self.endpoint,
            "CALLGATE_HTTP_ENDPOINT": self.http_endpoint,
            "CALLGATE_CA_FILE": self.ca_file,
            "CALLGATE_ADMIN_TOKEN_FILE": self.about["adminToken"],
            "NODE_EXTRA_CA_CERTS": self.ca_file,
            "REQUESTS_CA_BUNDLE": self.ca_bundle,
            "SSL_CERT_FILE": self.ca_bundle,
        }

    def stop(self, how=signal.SIGTERM, timeout: float = 30) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(timeout)
        self.process.stdout.close()
        self.process = None
        return code

    def kill(self):
        self.stop(signal.SIGKILL)

    def close(self):
        code = self.stop()
        if self.own_data:
            shutil.rmtree(self.data, ignore_errors=True)
        return code

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def cli(self, *args: str, stdin: str | None = None, check: bool = False) -> subprocess.CompletedProcess:
        return subprocess.run([self.program, *args, "--data", self.data], input=stdin, capture_output=True,
                              text=True, timeout=60, env=self.environment, check=check)

    # -- requests; each on a connection of its own unless one is given --

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_file)

    def connect(self, secure: bool = False, timeout: float = 60):
        if secure:
            return http.client.HTTPSConnection("localhost", self.https_port, timeout=timeout, context=self.tls())
        return http.client.HTTPConnection("localhost", self.http_port, timeout=timeout)

    def send(self, method: str, target: str, headers: dict | None = None, body: bytes = b"", connection=None,
             secure: bool = False) -> Answer:
        own = connection is None
        connection = connection or self.connect(secure)
        connection.putrequest(method, target, skip_host="Host" in (headers or {}), skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body or method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        response = connection.getresponse()
        answer = Answer(response, response.read())
        if own:
            connection.close()
        return answer

    def signed(self, method: str, target: str, document=None, *, key: str | None = None, host: str | None = None,
               secure: bool = False, connection=None, headers: dict | None = None, body: bytes | None = None) -> Answer:
        """A request signed with the primary key; `document` becomes JSON."""
        if body is None:
            body = b"" if document is None else json.dumps(document).encode()
        host = host or f"localhost:{self.https_port if secure else self.http_port}"
        all_headers = {"Host": host, **sign(key or self.primary, method, target, host, body)}
        if body:
            all_headers["Content-Type"] = "application/json"
        all_headers.update(headers or {})
        return self.send(method, target, all_headers, body, connection, secure)

    def admin(self, method: str, target: str, document=None, headers: dict | None = None) -> Answer:
        """A call over the administration socket."""
        connection = UnixConnection(self.about["adminSocket"])
        body = b"" if document is None else json.dumps(document).encode()
        headers = {**({"Content-Type": "application/json"} if body else {}), **(headers or {})}
        try:
            return self.send(method, target, headers, body, connection)
        finally:
            connection.close()

    def admin_tcp(self, method: str, target: str, document=None, headers: dict | None = None) -> Answer:
        """A call with the administrator's token at the administration listener."""
        body = b"" if document is None else json.dumps(document).encode()
        headers = {"Authorization": f"Bearer {self.admin_token}", **(headers or {})}
        if body:
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("localhost", self.admin_port, timeout=60)
        try:
            return self.send(method, target, headers, body, connection)
        finally:
            connection.close()

    def new_resource(self, name: str, **members) -> "Resource":
        """A further resource and its keys."""
        made = self.admin("POST", "/admin/resources", {"name": name, **members})
        assert made.status == 201, made
        keys = self.admin("GET", f"/admin/keys?reveal=true&resource={name}").json()
        return Resource(made.json(), keys)

    def bearer(self, method: str, target: str, token: str, document=None, secure: bool = False) -> Answer:
        body = b"" if document is None else json.dumps(document).encode()
        headers = {"Authorization": f"Bearer {token}"}
        if body:
            headers["Content-Type"] = "application/json"
        return self.send(method, target, headers, body, None, secure)

    def new_user(self, scopes=("chat", "voip")) -> tuple[str, str]:
        """A user and a token of theirs."""
        answer = self.signed("POST", "/identities?api-version=2023-10-01", {"createTokenWithScopes": list(scopes)})
        assert answer.status == 201, answer
        made = answer.json()
        return made["identity"]["id"], made["accessToken"]["token"]
