from django.urls import path

from endpoints.pages import adopt, create, delete, detail, drift, findings, table, workspace, workspaces

app_name = "endpoints"
urlpatterns = [
    path("", table.table, name="table"),
    path("endpoints/check", table.check, name="check_all"),
    path("endpoints/new", create.create, name="create"),
    path("endpoints/preview", create.preview, name="preview"),
    path("endpoints/warnings", create.warnings, name="warnings"),
    path("endpoints/<uuid:endpoint_id>/", detail.detail, name="detail"),
    path("endpoints/<uuid:endpoint_id>/delete", delete.delete, name="delete"),
    path("endpoints/<uuid:endpoint_id>/check", detail.check, name="check"),
    path("endpoints/<uuid:endpoint_id>/adopt", adopt.adopt_endpoint, name="adopt"),
    path("endpoints/<uuid:endpoint_id>/accept", drift.accept, name="accept_drift"),
    path("endpoints/<uuid:endpoint_id>/send-again", drift.send, name="send_again"),
    path("endpoints/<uuid:endpoint_id>/sign-in", detail.sign_in_again, name="sign_in_again"),
    path("findings/", findings.findings, name="findings"),
    path("workspaces/", workspaces.workspaces, name="workspaces"),
    path("workspaces/new", workspaces.register, name="register_workspace"),
    path("workspaces/find", workspaces.find, name="find_workspaces"),
    path("workspaces/<uuid:workspace_id>/", workspace.workspace, name="workspace"),
    path("workspaces/<uuid:workspace_id>/read", workspace.read_now, name="read_workspace"),
    path("workspaces/<uuid:workspace_id>/unregister", workspace.unregister, name="unregister_workspace"),
]
