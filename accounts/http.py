"""The request of somebody who is signed in, as the middleware hands it on; and how it is refused."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_htmx.middleware import HtmxDetails

from accounts.models import User


class SignedInRequest(HttpRequest):
    user: User
    htmx: HtmxDetails
    correlation_id: str


def refusal_page(request: HttpRequest, template: str, sentence: str, status: int) -> HttpResponse:
    """A page that says why not; to htmx the sentence alone, which the script shows on the page that is there."""
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8")
    return render(request, template, {"sentence": sentence}, status=status)
