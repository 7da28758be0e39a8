"""Redirect after a form, so that a reload does not send it again."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect


def see_other(name: str, *arguments: Any) -> HttpResponse:
    response = redirect(name, *arguments)
    response.status_code = 303
    return response
