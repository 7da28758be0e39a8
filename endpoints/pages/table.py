from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.http import SignedInRequest
from accounts.policy import Action, require
from endpoints import queries
from endpoints.access import readable_workspaces


@require_safe
@require(Action.VIEW_ENDPOINTS)
def table(request: SignedInRequest) -> HttpResponse:
    """The list of endpoints; to htmx the live part of it, and nothing at all when the page shows it already."""
    query = queries.TableQuery.of(request.GET)
    readable = readable_workspaces(request.user)
    counts = queries.count(queries.matching(request.user, readable, query))
    shown = request.headers.get("X-Table-Tag", "")
    if shown and shown.partition(".")[0] == queries.table_tag(request.user, readable, query, counts):
        return HttpResponse(status=204)
    context: dict[str, object] = {"table": queries.table(request.user, readable, query, counts)}
    if not request.htmx or request.htmx.history_restore_request:
        return render(request, "endpoints/table.html", context)
    if moment := queries.moment_of(shown):
        context["announcement"] = queries.announcement(queries.settled_since(readable.ids, moment))
    return render(request, "endpoints/table.html#live", context)
