"""The kinds of faults that can be switched on, and the requests they can target."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

TARGETS = {
    "any": "every request",
    "arm": "every request to ARM",
    "entra": "every request to Entra",
    "put": "PUT of an endpoint",
    "patch": "PATCH of an endpoint",
    "delete": "DELETE of an endpoint",
    "resource": "GET of an endpoint",
    "list": "list of a workspace's endpoints",
    "keys": "POST listKeys",
    "regenerate": "POST regenerateKeys",
    "marketplace": "every request about marketplace subscriptions",
    "status": "poll of the Azure-AsyncOperation URL",
    "result": "poll of the Location URL",
    "workspace": "GET of a workspace",
    "workspaces": "lists of workspaces",
    "subscriptions": "subscriptions and resource groups",
    "provider": "registration of the resource provider",
    "permissions": "effective permissions",
    "other": "any other request to ARM",
    "discovery": "OpenID configuration",
    "jwks": "Entra's signing keys",
    "authorize": "Entra's sign-in page",
    "token": "Entra's token endpoint",
    "identity": "managed identity",
    "inference": "calls of an endpoint's own address",
}
SERVICES = {
    **dict.fromkeys(("discovery", "jwks", "authorize", "token", "identity"), "entra"),
    "inference": "inference",
}


class Group(StrEnum):
    """The part of the emulator that a fault changes."""

    RESPONSE = "response"
    PLAN = "plan"
    DURATION = "duration"
    HEADERS = "headers"
    CONTENT = "content"
    EXTERNAL = "external"
    GRANT = "grant"
    ISSUED = "issued"


@dataclass(frozen=True)
class Kind:
    group: Group
    where: str
    about: str
    settings: dict[str, Any] = field(default_factory=dict)


BEFORE = {"when": "before"}
KINDS = {
    # Instead of the right response. "when": "after" lets the request act first, so that only its response is lost.
    "throttle": Kind(
        Group.RESPONSE, "arm", "429", {**BEFORE, "retry_after": 6, "code": "SubscriptionRequestsThrottled"}
    ),
    "server-error": Kind(Group.RESPONSE, "any", "500, 502, 503 or 504", {**BEFORE, "status": 503, "retry_after": None}),
    "error": Kind(
        Group.RESPONSE,
        "arm",
        "any HTTP status with an error of ARM",
        {**BEFORE, "status": 400, "code": "BadRequest", "message": "The request is refused."},
    ),
    "drop": Kind(Group.RESPONSE, "any", "the connection closes without a response", dict(BEFORE)),
    "cut-off": Kind(Group.RESPONSE, "any", "the connection closes in the middle of the body", dict(BEFORE)),
    "hang": Kind(Group.RESPONSE, "any", "the connection stays open without a response", dict(BEFORE)),
    "slow": Kind(Group.RESPONSE, "any", "the response takes long", {**BEFORE, "seconds": 10}),
    "html": Kind(Group.RESPONSE, "any", "a page of HTML instead of JSON", {**BEFORE, "status": 502}),
    "broken-json": Kind(Group.RESPONSE, "any", "JSON that is cut off", {**BEFORE, "status": 200}),
    "empty": Kind(Group.RESPONSE, "any", "no body at all", {**BEFORE, "status": 200}),
    "redirect": Kind(
        Group.RESPONSE, "any", "a redirect", {**BEFORE, "status": 307, "to": "http://127.0.0.1:9/elsewhere"}
    ),
    "refuse": Kind(Group.RESPONSE, "put", "an ARM error at once", {**BEFORE, "cause": "region"}),
    "not-found": Kind(Group.RESPONSE, "status", "404 of any kind", {**BEFORE, "shape": "operation"}),
    "forbidden": Kind(Group.RESPONSE, "status", "403 AuthorizationFailed", dict(BEFORE)),
    "claims-challenge": Kind(Group.RESPONSE, "put", "401 insufficient_claims", {**BEFORE, "acrs": "p1"}),
    "expired-token": Kind(Group.RESPONSE, "arm", "401 ExpiredAuthenticationToken", dict(BEFORE)),
    # The outcome of an accepted PUT, PATCH, DELETE or regenerateKeys.
    "fail": Kind(Group.PLAN, "put", "accepted, then Failed with an error tree", {"cause": "offer"}),
    "fail-silently": Kind(Group.PLAN, "put", "accepted, then Failed without any error", {"monitor": "Failed"}),
    "cancel": Kind(Group.PLAN, "put", "accepted, then Canceled"),
    "never-ends": Kind(Group.PLAN, "put", "accepted, never ends"),
    "duration": Kind(Group.PLAN, "put", "accepted, takes this long", {"seconds": 120}),
    "at-once": Kind(Group.DURATION, "patch", "done at once, without an operation to poll"),
    "drift": Kind(Group.DURATION, "put", "the resource is ready this long after the status says so", {"seconds": 30}),
    # The headers with the URLs to poll, and the responses there.
    "no-monitor": Kind(Group.HEADERS, "put", "no Azure-AsyncOperation", {"location": "none"}),
    "foreign-monitor": Kind(Group.HEADERS, "put", "both URLs on another origin", {"origin": "http://127.0.0.1:9"}),
    "retry-after": Kind(Group.HEADERS, "put", "a Retry-After on the response", {"retry_after": 10}),
    "operation-not-found": Kind(Group.HEADERS, "regenerate", "404 at the first polls", {"polls": 2}),
    "result-204": Kind(Group.HEADERS, "delete", "its Location ends with 204, as ARM's contract says"),
    # Unexpected values in a response.
    "unknown-state": Kind(Group.CONTENT, "resource", "an unknown endpointState", {"state": "Hibernating"}),
    "extra-fields": Kind(Group.CONTENT, "resource", "unknown fields"),
    "no-provisioning-state": Kind(Group.CONTENT, "resource", "no provisioningState"),
    "unknown-status": Kind(Group.CONTENT, "status", "an unknown status", {"status": "Resolving"}),
    "whole-percent": Kind(Group.CONTENT, "status", "percentComplete as a whole number", {"percent": 50}),
    # External changes, which the request then sees.
    "suspended": Kind(Group.EXTERNAL, "arm", "an online endpoint is suspended, then reinstated", {"seconds": 60}),
    "deleted-elsewhere": Kind(Group.EXTERNAL, "arm", "someone else deleted the endpoint"),
    "changed-elsewhere": Kind(
        Group.EXTERNAL, "arm", "someone else changed the endpoint's tags", {"tags": {"by": "others"}}
    ),
    # Entra.
    "revoked": Kind(Group.GRANT, "token", "invalid_grant 50173 on refresh"),
    "mfa-required": Kind(Group.GRANT, "token", "interaction_required 50076 on refresh"),
    "consent-missing": Kind(Group.GRANT, "token", "invalid_grant 65001 on refresh"),
    "secret-expired": Kind(Group.GRANT, "token", "invalid_client 7000222"),
    "bad-id-token": Kind(
        Group.ISSUED,
        "token",
        "wrong aud, iss, tid, oid, signature, exp, nonce or auth_time, or issued one-minute-ahead or ten-minutes-ahead",
        {"flaw": "aud"},
    ),
    "short-token": Kind(Group.ISSUED, "token", "an access token that expires soon", {"seconds": 360}),
}
