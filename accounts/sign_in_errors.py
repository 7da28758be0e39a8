"""Failed sign-ins by Entra ID's error code: the meaning, and how to fix it.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import re
from dataclasses import dataclass

AADSTS = re.compile(r"AADSTS(?P<code>\d+)")
YOU, TENANT, OPERATOR = "you", "an administrator of your tenant", "the operator of Endpoint Desk"


@dataclass(frozen=True)
class SignInError:
    title: str
    sentence: str
    advice: str
    code: str = ""
    trace_id: str = ""

    @property
    def microsofts_page(self) -> str:
        """Microsoft's page about the code; empty unless it is a code of Entra ID."""
        is_entras = AADSTS.fullmatch(self.code)
        return f"https://login.microsoftonline.com/error?code={is_entras['code']}" if is_entras else ""


# A code's title, who can fix it, and how.
BY_AADSTS_CODE = {
    "50011": ("The redirect URI is not registered", OPERATOR, "Register the redirect URI of this installation."),
    "50020": ("This account is not in the tenant", YOU, "Use another account, or ask to be invited as a guest."),
    "50057": ("The account is disabled", TENANT, "Have it enabled again."),
    "50076": ("Multifactor authentication is required", YOU, "Sign in again and complete it."),
    "50079": ("Multifactor authentication is not set up", YOU, "Set it up when Entra ID prompts you."),
    "50105": (
        "The account is not assigned",
        TENANT,
        "Have it assigned to Endpoint Desk directly; nested groups do not count.",
    ),
    "50126": ("Address or password is wrong", YOU, "Try again."),
    "50173": ("The sign-in was revoked", YOU, "Sign in again."),
    "53003": ("Conditional Access does not allow it", TENANT, "Ask which device or location is allowed."),
    "54005": ("The sign-in was already used", YOU, "Start again; do not reload the page meanwhile."),
    "65001": ("Consent is missing", TENANT, "Grant consent for user_impersonation of Azure Service Management."),
    "65004": ("Consent was declined", YOU, "Accept it, or have an administrator give it for everyone."),
    "70008": ("The sign-in took too long", YOU, "Start again."),
    "700016": ("Entra ID does not know this application", OPERATOR, "Check the tenant id and the client id."),
    "700082": ("The sign-in is too old", YOU, "Sign in again."),
    "7000215": ("The client secret is wrong", OPERATOR, "Set the value of the secret, not its id."),
    "7000222": ("The client secret has expired", OPERATOR, "Create a new one and set it."),
}
# https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1
BY_OAUTH_ERROR = {
    "access_denied": SignInError(
        "You did not sign in", "The sign-in was cancelled.", "Start again when you are ready.", "access_denied"
    ),
    "temporarily_unavailable": SignInError(
        "Entra ID is busy", "It could not complete the sign-in.", "Try again in a minute.", "temporarily_unavailable"
    ),
}
FLOW_LOST = SignInError(
    "This sign-in cannot be completed",
    "It was started in another browser, is older than ten minutes, or was already used.",
    "Start again. If that fails too, allow this site to set cookies.",
    "state",
)
NOT_RECENT = SignInError(
    "This sign-in is not recent",
    "This action needs a recent sign-in, and Entra ID did not confirm that you just made one.",
    "Start again. If it fails again, the operator must add the optional claim auth_time to the ID token.",
    "auth_time",
)
NO_ANSWER = SignInError(
    "Entra ID cannot be reached",
    "Entra ID did not answer, so Endpoint Desk cannot know who you are.",
    "Try again in a minute. If the problem persists, the operator must check the connection to Entra ID.",
    "unreachable",
)


def refused(result: dict[str, object]) -> SignInError:
    """Read Entra ID's error response. Its description is never shown: anyone can put one into the callback's URL."""
    error, description = str(result.get("error", "")), str(result.get("error_description", ""))
    match = AADSTS.search(description)
    code, trace_id = match["code"] if match else "", str(result.get("trace_id", ""))
    if code in BY_AADSTS_CODE:
        title, fixer, advice = BY_AADSTS_CODE[code]
        sentence = "Entra ID refused the sign-in." if fixer == YOU else f"Only {fixer} can fix this."
        return SignInError(title, sentence, advice, f"AADSTS{code}", trace_id)
    if error in BY_OAUTH_ERROR:
        return BY_OAUTH_ERROR[error]
    return SignInError(
        "Entra ID refused the sign-in",
        "The reason is not known to Endpoint Desk.",
        "Start again. If it happens again, show the code to an administrator of your tenant.",
        f"AADSTS{code}" if code else error[:60],
        trace_id,
    )


def invalid(reason: str) -> SignInError:
    return SignInError(
        "The sign-in was not accepted", reason, "Start again with an account of this tenant.", "id_token"
    )
