#!/usr/bin/env python3
"""Runs a command beside a server that has applications, identities and roles, for the judges of bearer tokens.

usage: scene.py PROGRAM [--log FILE] [--identity NAME | --metadata] -- COMMAND…

The command sees CALLGATE_SCENE, a JSON file that says what there is (`Scene.describe`), and what with_server.py
sets. --identity also sets the App Service variables of an identity, --metadata the host of the metadata service:
for SDKs that read the environment only once.
"""

import argparse
import json
import subprocess
import sys
import time
import urllib.parse
from base64 import urlsafe_b64decode
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))

from callgate_server import Server  # noqa: E402
from with_server import COMMAND_SECONDS, complaints, surroundings  # noqa: E402

RESOURCE = "default"
EXCHANGE = "api://AzureADTokenExchange"
VARIABLES = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER")
IDENTIFIERS = ("clientId", "objectId", "resourceId")
# The settings that an SDK would otherwise find in the surroundings of the tests.
LEAKS = ("AZURE_", "IDENTITY_", "MSI_", "IMDS_")


def identifiers(record: dict) -> dict:
    return {name: record[name] for name in IDENTIFIERS if name in record}


class Scene:
    """Applications and identities of one server. Every name of the command line that the judges use is here."""

    def __init__(self, server: Server, folder: Path):
        self.server, self.folder = server, folder
        status = self.cli("status")
        self.tenant, self.subscription = status["tenantId"], status["subscriptionId"]

    def cli(self, *words: str):
        done = self.server.cli(*words, "--json")
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.returncode} {done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def app(self, name: str, *role: str) -> dict:
        """An application with a secret and, if one is named, a role."""
        made = self.cli("app", "create", name)
        if role:
            self.cli("role", "assign", name, *role)
        return {"name": name, **identifiers(made), "secret": self.cli("app", "secret", "add", name)["secret"]}

    def expired_secret(self, app: str) -> str:
        made = self.cli("app", "secret", "add", app, "--expires-in", "1s")
        time.sleep(1.2)
        return made["secret"]

    def certificate(self, app: str) -> str:
        """A PEM file with an RSA key and a certificate that the application is known by."""
        key, certificate, both = (self.folder / f"{app}.{end}" for end in ("key", "crt", "pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={app}",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        both.write_text(key.read_text() + certificate.read_text())
        self.cli("app", "cert", "add", app, str(certificate))
        return str(both)

    def token_of(self, app: dict, audience: str) -> str:
        """A service token by client credentials, asked for as any OAuth client asks."""
        form = {"grant_type": "client_credentials", "client_id": app["clientId"], "client_secret": app["secret"],
                "scope": f"{audience}/.default"}
        answer = self.server.send("POST", f"/{self.tenant}/oauth2/v2.0/token",
                                  {"Content-Type": "application/x-www-form-urlencoded"},
                                  urllib.parse.urlencode(form).encode(), secure=True)
        if answer.status != 200:
            raise RuntimeError(f"no token for {app['name']}: {answer}")
        return answer.json()["access_token"]

    def federated(self, app: dict, subject: dict) -> str:
        """A file with a token of another application, which stands for this one: no secret is kept anywhere."""
        token = self.token_of(subject, EXCHANGE)
        said = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
        self.cli("app", "federated", "add", app["name"], "from-subject", "--issuer", said["iss"],
                 "--subject", said["sub"], "--audience", EXCHANGE)
        path = self.folder / "federated.token"
        path.write_text(token)
        return str(path)

    def variables(self, *identity: str) -> dict:
        """What `callgate identity run` sets for a command; the endpoint is the one that stays."""
        command = [self.server.program, "identity", "run", *identity, "--data", self.server.data, "--", "env", "-0"]
        printed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
        lines = dict(line.split("=", 1) for line in printed.split("\0") if "=" in line)
        return {"IDENTITY_ENDPOINT": f"{self.metadata()}/msi/token", "IDENTITY_HEADER": lines["IDENTITY_HEADER"]}

    def metadata(self) -> str:
        return f"http://127.0.0.1:{self.server.about['imds']['port']}"

    def identity(self, name: str, *role: str) -> dict:
        made = self.cli("identity", "create", name)
        if role:
            self.cli("role", "assign", made["objectId"], *role)
        return {**identifiers(made), **self.variables(name)}

    def system_identity(self) -> dict:
        made = self.cli("identity", "assign", RESOURCE)
        self.cli("role", "assign", made["objectId"], "Contributor", "--resource", RESOURCE)
        return {**identifiers(made), **self.variables(made["objectId"])}

    def describe(self) -> dict:
        """Makes it all; what CALLGATE_SCENE holds."""
        here = ("--resource", RESOURCE)
        everywhere = ("--scope", f"/subscriptions/{self.subscription}")
        worker, subject = self.app("worker", "Contributor", *here), self.app("subject")
        system = self.system_identity()
        return {
            "endpoint": self.server.endpoint,
            "tenant": self.tenant,
            "subscription": self.subscription,
            "group": system["resourceId"].split("/")[4],
            "resource": RESOURCE,
            "resourceId": system["resourceId"],
            "program": str(self.server.program),
            "data": self.server.data,
            "metadata": self.metadata(),
            "caBundle": self.server.ca_bundle,
            "worker": {**worker, "expiredSecret": self.expired_secret("worker"),
                       "certificate": self.certificate("worker"), "federated": self.federated(worker, subject)},
            "challenged": self.app("challenged", "Contributor", *here),
            "changing": self.app("changing"),
            "owner": self.app("owner", "Owner", *everywhere),
            "reader": self.app("reader", "Reader", *here),
            "outsider": self.app("outsider"),
            "system": system,
            "user": self.identity("judge-user", "Contributor", *here),
            "idle": self.identity("judge-idle"),
        }


def environment(server: Server, scene: dict, options) -> dict:
    """Of the command: nothing that an SDK could take for a sign of another cloud."""
    found = {name: value for name, value in surroundings(server).items() if not name.startswith(LEAKS)}
    found["CALLGATE_SCENE"] = str(Path(server.data) / "scene.json")
    if options.identity:
        found |= {name: scene[options.identity][name] for name in VARIABLES}
    if options.metadata:
        found["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = scene["metadata"]
    return found


def run(options, command: list[str]) -> int:
    server = Server("--imds", "127.0.0.1:0", program=options.program.resolve()).start()
    status = 1
    try:
        scene = Scene(server, Path(server.data)).describe()
        (Path(server.data) / "scene.json").write_text(json.dumps(scene, indent=1))
        status = subprocess.run(command, env=environment(server, scene, options), timeout=COMMAND_SECONDS).returncode
    finally:
        code = server.stop()
        text = server.log()
        wrong = complaints(server, code)
        server.close()
        if options.log:
            options.log.write_text(text)
    if wrong:
        print("\n".join(["the server beside the tests:", *wrong, text[-4000:]]), file=sys.stderr)
    return status or (1 if wrong else 0)


def main() -> int:
    parser = argparse.ArgumentParser(usage="scene.py PROGRAM [--log FILE] [--identity NAME | --metadata] -- COMMAND…")
    parser.add_argument("program", type=Path)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--identity", choices=("system", "user"))
    parser.add_argument("--metadata", action="store_true")
    if "--" not in sys.argv:
        parser.error("a command is wanted after --")
    at = sys.argv.index("--")
    return run(parser.parse_args(sys.argv[1:at]), sys.argv[at + 1:])


if __name__ == "__main__":
    sys.exit(main())
