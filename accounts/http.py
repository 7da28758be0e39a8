"""The request of a signed-in user, as the middleware passes it on, and the response that refuses one."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_htmx.middleware import HtmxDetails

from accounts.models import User


class SignedInRequest(HttpRequest):
    user: User
    htmx: HtmxDetails
    correlation_id: str


def refusal_page(request: HttpRequest, template: str, sentence: str, status: int) -> HttpResponse:
    """A page with the reason; for htmx only the sentence, which the script shows on the current page."""
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8")
    return render(request, template, {"sentence": sentence}, status=status)
