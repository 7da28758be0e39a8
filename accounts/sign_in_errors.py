"""What a refused sign-in means and who can do what about it, by Entra ID's code."""

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
        """What Microsoft says about the code; empty when it is none of Entra ID's."""
        is_entras = AADSTS.fullmatch(self.code)
        return f"https://login.microsoftonline.com/error?code={is_entras['code']}" if is_entras else ""


BY_CODE = {
    "50011": ("The return address is not registered", OPERATOR, "Register the redirect URI of this installation."),
    "50020": ("This account is not in the tenant", YOU, "Use another account, or ask to be invited as a guest."),
    "50057": ("The account is disabled", TENANT, "Have it enabled again."),
    "50076": ("Another proof is needed", YOU, "Sign in again and complete multifactor authentication."),
    "50079": ("Multifactor authentication is not set up", YOU, "Set it up when Entra ID asks for it."),
    "50105": (
        "The account is not assigned",
        TENANT,
        "Have it assigned to Endpoint Desk directly; nested groups do not count.",
    ),
    "50126": ("Address or password is wrong", YOU, "Try again."),
    "50173": ("The sign-in was revoked", YOU, "Sign in again."),
    "53003": ("Conditional Access does not allow it", TENANT, "Ask which device or place is allowed."),
    "54005": ("The sign-in was used already", YOU, "Start again; do not reload the page in between."),
    "65001": ("Consent is missing", TENANT, "Grant consent for user_impersonation of Azure Service Management."),
    "65004": ("Consent was declined", YOU, "Accept it, or ask an administrator to give it for all."),
    "70008": ("The sign-in took too long", YOU, "Start again."),
    "700016": ("Entra ID does not know this application", OPERATOR, "Check the tenant id and the client id."),
    "700082": ("The sign-in is too old", YOU, "Sign in again."),
    "7000215": ("The client secret is wrong", OPERATOR, "Set the secret's value, not its id."),
    "7000222": ("The client secret has expired", OPERATOR, "Make a new one and set it."),
}
BY_ERROR = {
    "access_denied": SignInError(
        "You did not sign in", "The sign-in was cancelled.", "Start again when you want to.", "access_denied"
    ),
    "temporarily_unavailable": SignInError(
        "Entra ID is busy", "It could not answer just now.", "Try again in a minute.", "temporarily_unavailable"
    ),
}
LOST = SignInError(
    "This sign-in cannot be finished",
    "It was started in another browser, is older than ten minutes, or was used already.",
    "Start again. If that fails too, allow this site to set cookies.",
    "state",
)
NOT_RECENT = SignInError(
    "This sign-in is not recent",
    "Entra ID did not confirm that you proved just now who you are, which is needed for this.",
    "Start again. If it fails again, the operator has to add the optional claim auth_time to the ID token.",
    "auth_time",
)
UNREACHABLE = SignInError(
    "Entra ID cannot be reached",
    "Endpoint Desk got no answer from Entra ID, so it cannot know who you are.",
    "Try again in a minute. If it lasts, the operator has to check the connection to Entra ID.",
    "unreachable",
)


def refused(result: dict[str, object]) -> SignInError:
    """Read an error answer of Entra ID. Its description is never shown as it comes."""
    error, description = str(result.get("error", "")), str(result.get("error_description", ""))
    match = AADSTS.search(description)
    code, trace_id = match["code"] if match else "", str(result.get("trace_id", ""))
    if code in BY_CODE:
        title, who, advice = BY_CODE[code]
        sentence = "Entra ID refused the sign-in." if who == YOU else f"This is for {who} to put right."
        return SignInError(title, sentence, advice, f"AADSTS{code}", trace_id)
    if error in BY_ERROR:
        return BY_ERROR[error]
    shown = f"AADSTS{code}" if code else error[:60]
    return SignInError(
        "Entra ID refused the sign-in",
        "It gave a reason that Endpoint Desk does not know.",
        "Start again. If it happens again, show the code to an administrator of your tenant.",
        shown,
        trace_id,
    )


def invalid(reason: str) -> SignInError:
    return SignInError(
        "The sign-in was not accepted", reason, "Start again, with an account of this tenant.", "id_token"
    )
