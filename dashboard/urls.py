from django.urls import include, path

from dashboard import health

urlpatterns = [
    path("", include("endpoints.urls")),
    path("auth/", include("accounts.urls")),
    path("healthz", health.liveness, name="liveness"),
    path("readyz", health.readiness, name="readiness"),
]

handler403 = "accounts.views.forbidden"
