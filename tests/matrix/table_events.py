"""The lines of event subscriptions: what each route may answer, by hand, from the contract.

Deleting and replaying need a subscription, and none is made for a request: they find nothing, when they may look. The
consent of an endpoint's owner is asked for by a token that fits nobody."""

from table import PUBLIC, RESOURCE, Line

S = "/admin/events/subscriptions"
N = S + "/{name}"
HOOK = {"endpoint": "http://localhost:9/events"}

LINES = {
    ("GET", S, ""): Line(RESOURCE, f"{S}?limit=1", 200),
    ("PUT", N, ""): Line(RESOURCE, f"{S}/{{name}}", 201, HOOK),
    ("GET", N, ""): Line(RESOURCE, f"{S}/none", 404),
    ("DELETE", N, ""): Line(RESOURCE, f"{S}/none", 404),
    ("GET", N + "/deliveries", ""): Line(RESOURCE, f"{S}/none/deliveries", 404),
    ("GET", N + "/deadletters", ""): Line(RESOURCE, f"{S}/none/deadletters", 404),
    ("POST", N + "/deadletters:replay", ""): Line(RESOURCE, f"{S}/none/deadletters:replay", 404, {}),
    ("GET", "/events/validate", ""): Line(PUBLIC, "/events/validate?token=none", 404),
    ("POST", "/events/validate", ""): Line(PUBLIC, "/events/validate?token=none", 404, {}),
}
