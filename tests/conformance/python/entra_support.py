"""What the judges of bearer tokens share: the scene that ../entra/scene.py made, the ways to a credential, and the
command line that changes roles while a client runs."""

import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

from support import NEWEST

SCENE = json.loads(Path(os.environ["CALLGATE_SCENE"]).read_text(), object_hook=lambda made: SimpleNamespace(**made))
BASE = SCENE.endpoint.rstrip("/")
SCOPE = "https://communication.azure.com//.default"
NOWHERE = "dead0000-0000-4000-8000-000000000000"
ALONE = {"authority": BASE, "disable_instance_discovery": True}


def callgate(*words: str):
    done = subprocess.run([SCENE.program, *words, "--json", "--data", SCENE.data], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def give_role(principal: str, role: str):
    return callgate("role", "assign", principal, role, "--resource", SCENE.resource)


def take_role(principal: str, role: str):
    return callgate("role", "remove", principal, role, "--resource", SCENE.resource)


def revoke(app: str):
    return callgate("app", "revoke", app)


def app_service(one) -> dict:
    return {"IDENTITY_ENDPOINT": one.IDENTITY_ENDPOINT, "IDENTITY_HEADER": one.IDENTITY_HEADER}


def principal(app, **more) -> dict:
    """The environment of a service principal: tenant "adfs" asks nobody else about our host."""
    return {"AZURE_AUTHORITY_HOST": BASE, "AZURE_TENANT_ID": "adfs", "AZURE_CLIENT_ID": app.clientId, **more}


METADATA = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": SCENE.metadata}
CLOUD_SHELL = {"MSI_ENDPOINT": f"{SCENE.metadata}/msi/token"}
OF_2017 = {"MSI_ENDPOINT": SCENE.system.IDENTITY_ENDPOINT, "MSI_SECRET": SCENE.system.IDENTITY_HEADER}
_worker, _user, _system = SCENE.worker, SCENE.user, SCENE.system
_secret = principal(_worker, AZURE_CLIENT_SECRET=_worker.secret)
_federated = principal(_worker, AZURE_FEDERATED_TOKEN_FILE=_worker.federated)


def secret_of(app, text: str | None = None, tenant: str = SCENE.tenant):
    return lambda sdk: sdk.ClientSecretCredential(tenant, app.clientId, text or app.secret, **ALONE)


def certificate_of(app, **options):
    return lambda sdk: sdk.CertificateCredential(SCENE.tenant, app.clientId, _worker.certificate, **ALONE, **options)


def managed(**options):
    return lambda sdk: sdk.ManagedIdentityCredential(**options)


def by(name: str, value: str):
    return managed(identity_config={name: value})


def by_resource(name: str):
    """Newer releases have a name of their own, which the asynchronous credentials send as it is."""
    return by("resource_id" if NEWEST else name, _user.resourceId)


# Name, whose token it must be, environment, how to make the credential of a module.
WAYS = [
    ("client secret, tenant adfs, environment", _worker, _secret, lambda sdk: sdk.EnvironmentCredential()),
    ("client secret, tenant by id", _worker, {}, secret_of(_worker)),
    ("client certificate, tenant adfs, environment", _worker,
     principal(_worker, AZURE_CLIENT_CERTIFICATE_PATH=_worker.certificate), lambda sdk: sdk.EnvironmentCredential()),
    ("client certificate, tenant by id", _worker, {}, certificate_of(_worker)),
    ("client certificate with its chain", _worker, {}, certificate_of(_worker, send_certificate_chain=True)),
    # Old releases take no option here: the host comes from the environment.
    ("client assertion, tenant adfs", _worker, {"AZURE_AUTHORITY_HOST": BASE}, lambda sdk: sdk.ClientAssertionCredential(
        "adfs", _worker.clientId, Path(_worker.federated).read_text)),
    ("workload identity, environment", _worker, _federated, lambda sdk: sdk.WorkloadIdentityCredential()),
    ("workload identity, tenant by id", _worker, {}, lambda sdk: sdk.WorkloadIdentityCredential(
        tenant_id=SCENE.tenant, client_id=_worker.clientId, token_file_path=_worker.federated, **ALONE)),
    ("managed identity, App Service, system-assigned", _system, app_service(_system), managed()),
    ("managed identity, App Service, user-assigned", _user, app_service(_user), managed()),
    ("managed identity, App Service, by client id", _user, app_service(_user), managed(client_id=_user.clientId)),
    ("managed identity, App Service, by resource id", _user, app_service(_user), by_resource("mi_res_id")),
    ("managed identity, App Service, by object id", _user, app_service(_user), by("object_id", _user.objectId)),
    ("managed identity, metadata service, system-assigned", _system, METADATA, managed()),
    ("managed identity, metadata service, by client id", _user, METADATA, managed(client_id=_user.clientId)),
    ("managed identity, metadata service, by resource id", _user, METADATA, by_resource("msi_res_id")),
    ("managed identity, metadata service, by object id", _user, METADATA, by("object_id", _user.objectId)),
    ("managed identity, Cloud Shell", _system, CLOUD_SHELL, managed()),
    ("managed identity, App Service of 2017", _system, OF_2017, managed()),
    ("default credential of a client secret", _worker, _secret, lambda sdk: sdk.DefaultAzureCredential()),
    ("default credential of a workload identity", _worker, _federated, lambda sdk: sdk.DefaultAzureCredential()),
    ("default credential of a managed identity", _system, app_service(_system),
     lambda sdk: sdk.DefaultAzureCredential()),
    ("default credential of a managed identity, metadata service", _user, METADATA,
     lambda sdk: sdk.DefaultAzureCredential(managed_identity_client_id=_user.clientId)),
]
