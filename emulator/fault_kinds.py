"""The kinds of faults that can be switched on, and the requests they can target."""

from dataclasses import dataclass, field
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
    "permissions": "effective permissions",
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


@dataclass(frozen=True)
class Kind:
    group: str
    where: str
    about: str
    settings: dict[str, Any] = field(default_factory=dict)


BEFORE = {"when": "before"}
KINDS = {
    # Instead of the right response. "when": "after" lets the request act first, so that only its response is lost.
    "throttle": Kind("response", "arm", "429", {**BEFORE, "retry_after": 6, "code": "SubscriptionRequestsThrottled"}),
    "server-error": Kind("response", "any", "500, 502, 503 or 504", {**BEFORE, "status": 503, "retry_after": None}),
    "error": Kind(
        "response",
        "arm",
        "any HTTP status with an error of ARM",
        {**BEFORE, "status": 400, "code": "BadRequest", "message": "The request is refused."},
    ),
    "drop": Kind("response", "any", "the connection closes without a response", dict(BEFORE)),
    "cut-off": Kind("response", "any", "the connection closes in the middle of the body", dict(BEFORE)),
    "hang": Kind("response", "any", "the connection stays open without a response", dict(BEFORE)),
    "slow": Kind("response", "any", "the response takes long", {**BEFORE, "seconds": 10}),
    "html": Kind("response", "any", "a page of HTML instead of JSON", {**BEFORE, "status": 502}),
    "broken-json": Kind("response", "any", "JSON that is cut off", {**BEFORE, "status": 200}),
    "empty": Kind("response", "any", "no body at all", {**BEFORE, "status": 200}),
    "redirect": Kind("response", "any", "a redirect", {**BEFORE, "status": 307, "to": "http://127.0.0.1:9/elsewhere"}),
    "refuse": Kind("response", "put", "an ARM error at once", {**BEFORE, "cause": "region"}),
    "not-found": Kind("response", "status", "404 OperationNotFound", dict(BEFORE)),
    "forbidden": Kind("response", "status", "403 AuthorizationFailed", dict(BEFORE)),
    "claims-challenge": Kind("response", "put", "401 insufficient_claims", {**BEFORE, "acrs": "p1"}),
    "expired-token": Kind("response", "arm", "401 ExpiredAuthenticationToken", dict(BEFORE)),
    # The outcome of an accepted PUT, PATCH, DELETE or regenerateKeys.
    "fail": Kind("plan", "put", "accepted, then Failed with an error tree", {"cause": "offer"}),
    "fail-silently": Kind("plan", "put", "accepted, then Failed without any error", {"monitor": "Failed"}),
    "cancel": Kind("plan", "put", "accepted, then Canceled"),
    "never-ends": Kind("plan", "put", "accepted, never ends"),
    "duration": Kind("plan", "put", "accepted, takes this long", {"seconds": 120}),
    "at-once": Kind("length", "patch", "done at once, without an operation to poll"),
    "drift": Kind("length", "put", "the resource is ready this long after the status says so", {"seconds": 30}),
    # The headers with the URLs to poll, and the responses there.
    "no-monitor": Kind("headers", "put", "no Azure-AsyncOperation", {"location": "none"}),
    "foreign-monitor": Kind("headers", "put", "both URLs on another origin", {"origin": "http://127.0.0.1:9"}),
    "retry-after": Kind("headers", "put", "a Retry-After on the response", {"retry_after": 10}),
    "operation-not-found": Kind("headers", "regenerate", "404 at the first polls", {"polls": 2}),
    "result-204": Kind("headers", "delete", "its Location ends with 204, as ARM's contract says"),
    # Unexpected values in a response.
    "unknown-state": Kind("read", "resource", "an unknown endpointState", {"state": "Hibernating"}),
    "extra-fields": Kind("read", "resource", "unknown fields"),
    "no-provisioning-state": Kind("read", "resource", "no provisioningState"),
    "unknown-status": Kind("read", "status", "an unknown status", {"status": "Resolving"}),
    "whole-percent": Kind("read", "status", "percentComplete as a whole number", {"percent": 50}),
    # External changes, which the request then sees.
    "suspended": Kind("external", "arm", "an online endpoint is suspended, then reinstated", {"seconds": 60}),
    "deleted-elsewhere": Kind("external", "arm", "someone else deleted the endpoint"),
    "changed-elsewhere": Kind(
        "external", "arm", "someone else changed the endpoint's tags", {"tags": {"by": "others"}}
    ),
    # Entra.
    "revoked": Kind("token", "token", "invalid_grant 50173 on refresh"),
    "mfa-required": Kind("token", "token", "interaction_required 50076 on refresh"),
    "consent-missing": Kind("token", "token", "invalid_grant 65001 on refresh"),
    "secret-expired": Kind("token", "token", "invalid_client 7000222"),
    "bad-id-token": Kind(
        "id-token",
        "token",
        "wrong aud, iss, tid, oid, signature, exp, nonce or auth_time, or issued one-minute-ahead or ten-minutes-ahead",
        {"flaw": "aud"},
    ),
    "short-token": Kind("id-token", "token", "an access token that expires soon", {"seconds": 360}),
}
