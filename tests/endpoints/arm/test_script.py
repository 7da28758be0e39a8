"""The script in docs/arm-client.md, run against the emulator."""

import inspect
import re
import threading
from typing import Any

import msal
import pytest

from accounts import entra
from emulator.seed import WORKSPACES
from tests.support.azure import Azure
from tests.support.processes import ROOT, eventually
from tests.support.signing_in import signed_in

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")
SIGN_IN = ("app = msal.PublicClientApplication(", "app.acquire_token_interactive(scopes)")


def documented_script() -> list[str]:
    script = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "arm-client.md").read_text(), re.DOTALL)
    assert script
    return script[1].splitlines()


def test_documented_script_creates_an_endpoint(azure: Azure) -> None:
    lines = documented_script()
    rest = [line for line in lines if not line.startswith(SIGN_IN)]
    assert len(lines) - len(rest) == len(SIGN_IN)
    script = "\n".join(rest).replace('ArmHttp("https://management.azure.com")', f'ArmHttp("{azure.url}")')
    script = script.replace("/subscriptions/…/workspaces/ml-production", WORKSPACES[0].resource_id)
    # Without a browser, Ada signs in on the emulator's page directly.
    app = entra.application(msal.SerializableTokenCache())
    signed_in(app, azure, "ada")
    azure.fault("expired-token", where="put", times=1)
    threading.Thread(target=finish_provisioning, args=[azure]).start()
    names: dict[str, Any] = {"app": app}
    exec(script, names)
    assert (names["result"].outcome, names["result"].error) == ("succeeded", None)
    assert names["result"].resource["properties"]["inferenceEndpoint"]["uri"].startswith("https://chat.")
    assert [request["status"] for request in azure.requests("PUT", "/chat")] == [401, 201]


def finish_provisioning(azure: Azure) -> None:
    assert eventually(lambda: len(azure.requests("PUT", "/chat")) == 2)
    azure.advance(60)


def test_documented_script_calls_msal_correctly() -> None:
    inspect.signature(msal.PublicClientApplication).bind("application id", authority="https://login.example/tenant")
    inspect.signature(msal.PublicClientApplication.acquire_token_interactive).bind(None, ["scope"])
