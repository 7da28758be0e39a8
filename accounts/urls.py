from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("sign-in", views.sign_in, name="sign_in"),
    path("start", views.start, name="start"),
    path("callback", views.callback, name="callback"),
    path("sign-out", views.sign_out, name="sign_out"),
    path("audit-log", views.audit_log, name="audit_log"),
    path("signed-out", views.signed_out, name="signed_out"),
]
