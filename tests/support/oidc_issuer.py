"""An OpenID Connect issuer on a free port of the loopback: discovery, key set, tokens, and misbehaviour to order."""

import base64
import contextlib
import datetime
import hashlib
import hmac
import http.server
import ipaddress
import json
import socket
import ssl
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

DISCOVERY = "/.well-known/openid-configuration"
AUDIENCE = "api://callgate"
PIECE = b" " * 65536


def b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def number(value: int, size: int | None = None) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class Key:
    """One signing key: its JWK, and signatures by its algorithm."""

    MAKE = {
        "RS256": lambda: rsa.generate_private_key(65537, 2048),
        "PS256": lambda: rsa.generate_private_key(65537, 2048),
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
    }

    def __init__(self, alg: str, kid: str):
        self.alg, self.kid, self.private = alg, kid, Key.MAKE[alg]()

    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(serialization.Encoding.PEM,
                                                      serialization.PublicFormat.SubjectPublicKeyInfo)

    def jwk(self) -> dict:
        known = {"kid": self.kid, "use": "sig", "alg": self.alg}
        public = self.private.public_key()
        if self.alg == "EdDSA":
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw), **known}
        numbers = public.public_numbers()
        if self.alg == "ES256":
            return {"kty": "EC", "crv": "P-256", "x": number(numbers.x, 32), "y": number(numbers.y, 32), **known}
        return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e), **known}

    def sign(self, octets: bytes) -> bytes:
        if self.alg == "EdDSA":
            return self.private.sign(octets)
        if self.alg == "ES256":
            r, s = decode_dss_signature(self.private.sign(octets, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        pad = padding.PKCS1v15() if self.alg == "RS256" else padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        return self.private.sign(octets, pad, hashes.SHA256())


def encoded(part) -> str:
    return b64(part if isinstance(part, bytes) else json.dumps(part, separators=(",", ":")).encode())


def signed_token(header, claims, sign) -> str:
    """header and claims: objects, or octets as they are; sign: octets → signature."""
    text = f"{encoded(header)}.{encoded(claims)}"
    return f"{text}.{b64(sign(text.encode()))}"


def hmac_sign(secret: bytes):
    return lambda octets: hmac.new(secret, octets, hashlib.sha256).digest()


# -- a certificate authority of its own --


def name_of(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


HERE = x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


def certificate(subject: str, public, issuer: str, signer, *, names=(), days=(-1, 3)) -> x509.Certificate:
    """Of an authority, unless it has names; valid from and until so many days from now."""
    now = datetime.datetime.now(datetime.timezone.utc)
    first, last = (now + datetime.timedelta(days=n) for n in days)
    made = (x509.CertificateBuilder().subject_name(name_of(subject)).issuer_name(name_of(issuer)).public_key(public)
            .serial_number(x509.random_serial_number()).not_valid_before(first).not_valid_after(last)
            .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True))
    if names:
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return made.sign(signer, hashes.SHA256())


class Authority:
    """Signs certificates into a folder; ca_file is its own."""

    def __init__(self, folder: Path, name: str = "Test CA"):
        self.folder, self.name, self.key = folder, name, ec.generate_private_key(ec.SECP256R1())
        self.ca_file = folder / "ca.pem"
        own = certificate(name, self.key.public_key(), name, self.key)
        self.ca_file.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def issue(self, file: str = "server.pem", names=HERE, days=(-1, 3)) -> Path:
        """A file with a certificate and its key."""
        own, pem = ec.generate_private_key(ec.SECP256R1()), serialization.Encoding.PEM
        leaf = certificate("localhost", own.public_key(), self.name, self.key, names=names, days=days)
        key = own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (self.folder / file).write_bytes(leaf.public_bytes(pem) + key)
        return self.folder / file


def make_certificates(folder: Path) -> tuple[Path, Path]:
    """ca.pem, and server.pem with its key, for localhost."""
    authority = Authority(folder)
    return authority.ca_file, authority.issue()


# -- what it may do wrong: functions of (handler, document), each in place of the right answer --


def redirect(to: str):
    def answer(handler, _):
        handler.whole(302, b"", {"Location": to})
    return answer


def fixed(body: bytes, status: int = 200):
    return lambda handler, _: handler.whole(status, body)


def endless(handler, _):
    """Spaces without an end, and without a length."""
    handler.head(200, {})
    while not handler.issuer.closing.is_set():
        handler.wfile.write(PIECE)
        handler.issuer.sent += len(PIECE)


def padded(size: int):
    """The right document, and blanks up to `size` octets."""
    return lambda handler, document: handler.whole(200, document + b" " * (size - len(document)))


def drip(handler, document):
    """One octet each half second: alive, and never done in time."""
    handler.head(200, {"Content-Length": str(len(document))})
    for i in range(len(document)):
        if handler.issuer.closing.wait(0.5):
            return
        handler.wfile.write(document[i:i + 1])


def silent(handler, _):
    handler.issuer.closing.wait(60)


def late(seconds: float):
    def answer(handler, document):
        handler.issuer.closing.wait(seconds)
        handler.whole(200, document)
    return answer


def changed(**members):
    """The right document, but for these members; None removes one."""
    def answer(handler, document):
        all_members = {**json.loads(document), **members}
        handler.whole(200, json.dumps({n: v for n, v in all_members.items() if v is not None}).encode())
    return answer


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        self.issuer = self.server.issuer
        super().setup()

    def head(self, status, headers):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def whole(self, status, body, headers=None):
        self.head(status, {"Content-Length": str(len(body)), **self.issuer.headers, **(headers or {})})
        self.wfile.write(body)

    def do_GET(self):
        issuer = self.issuer
        document = issuer.documents().get(self.path)
        issuer.count[self.path] += 1
        issuer.authorizations.append(self.headers.get("Authorization"))
        wrong = issuer.wrong.get(self.path)
        self.close_connection = True
        if wrong:
            wrong(self, json.dumps(document).encode() if document is not None else b"")
        elif document is None:
            self.whole(404, b"{}")
        else:
            self.whole(200, json.dumps(document).encode())

    def log_message(self, *_):
        pass


class TheServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        pass  # a client that went away is what many tests are about


PORTS_USED = set()


def server_on(port: int) -> TheServer:
    """On a port that no issuer had before, unless one is named: a server under test still knows the former by name."""
    while True:
        server = TheServer(("127.0.0.1", port), Handler)
        if port or server.server_address[1] not in PORTS_USED:
            PORTS_USED.add(server.server_address[1])
            return server
        server.server_close()


class Issuer:
    """`url` is its name. `count` says how often each path was asked; `wrong[path]` is played instead of the answer."""

    def __init__(self, secure: bool = False, algs=("RS256",), port: int = 0, path: str = ""):
        self.folder = Path(tempfile.mkdtemp(prefix="issuer-"))
        self.secure, self.path = secure, path
        self.keys = [Key(alg, f"{alg}-{i}") for i, alg in enumerate(algs)]
        self.count, self.wrong, self.headers, self.authorizations = Counter(), {}, {}, []
        self.closing, self.sent = threading.Event(), 0
        self.server = server_on(port)
        self.server.issuer = self
        self.ca_file = None
        if secure:
            ca, own = make_certificates(self.folder)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(own)
            # the handshake is the handler thread's: one silent peer must not hold up the rest
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
            self.ca_file = str(ca)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"{'https' if self.secure else 'http'}://localhost:{self.port}{self.path}"

    @property
    def discovery(self) -> str:
        return self.path + DISCOVERY

    @property
    def jwks(self) -> str:
        return self.path + "/keys"

    @property
    def fetches(self) -> int:
        return self.count[self.jwks]

    def documents(self) -> dict:
        return {
            self.discovery: {"issuer": self.url, "jwks_uri": self.url + "/keys",
                             "authorization_endpoint": self.url + "/authorize", "token_endpoint": self.url + "/token",
                             "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
                             "id_token_signing_alg_values_supported": [key.alg for key in self.keys]},
            self.jwks: {"keys": [key.jwk() for key in self.keys]},
        }

    def rotate(self, alg: str = "RS256") -> Key:
        """A new key in place of the first."""
        self.keys[0] = Key(alg, f"{alg}-{b64(hashlib.sha256(str(time.monotonic_ns()).encode()).digest()[:6])}")
        return self.keys[0]

    def claims(self, **claims) -> dict:
        """Those of a good token, but for what is given; None leaves one out."""
        now = int(time.time())
        usual = {"iss": self.url, "sub": "build-agent", "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 600}
        return {name: value for name, value in {**usual, **claims}.items() if value is not None}

    def token(self, key: Key | None = None, header: dict | None = None, **claims) -> str:
        key = key or self.keys[0]
        whole = {"alg": key.alg, "typ": "JWT", "kid": key.kid, **(header or {})}
        return signed_token({name: value for name, value in whole.items() if value is not None},
                            self.claims(**claims), key.sign)

    def close(self):
        """No more answers, no more connections: what follows is refused by the kernel."""
        self.closing.set()
        self.server.shutdown()
        with contextlib.suppress(OSError):
            self.server.socket.shutdown(socket.SHUT_RDWR)
        self.server.server_close()
        self.thread.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
