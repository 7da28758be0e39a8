from django.urls import include, path

from dashboard import health

urlpatterns = [
    path("", include("endpoints.urls")),
    path("auth/", include("accounts.urls")),
    path("healthz", health.alive, name="alive"),
    path("readyz", health.ready, name="ready"),
]

handler403 = "accounts.views.forbidden"
