"""The endpoints' own addresses."""

import json
from typing import Any

import pytest
import requests

from tests.emulator.arm_client import PRODUCTION, Arm, body
from tests.support.azure import Azure

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")
EMBED = "azureml://registries/azureml-cohere/models/Cohere-embed-v3-english"
SAY = {"messages": [{"role": "user", "content": "Good morning"}]}


class Endpoint:
    """An online endpoint and its key."""

    def __init__(self, azure: Azure, arm: Arm) -> None:
        self.azure, self.arm = azure, arm
        arm("PUT", f"{PRODUCTION}/one", json=body())
        azure.advance(60)
        self.key = arm("POST", f"{PRODUCTION}/one/listKeys").json()["primaryKey"]

    def call(self, path: str, sent: Any = None, **headers: str) -> requests.Response:
        named = {"Host": "one.eastus2.models.ai.azure.com", "Authorization": f"Bearer {self.key}", **headers}
        method = "GET" if sent is None else "POST"
        return self.azure.http.request(method, f"{self.azure.url}{path}", json=sent, headers=named, timeout=10)


@pytest.fixture
def endpoint(azure: Azure, arm: Arm) -> Endpoint:
    return Endpoint(azure, arm)


def test_info_names_the_model(endpoint: Endpoint) -> None:
    found = endpoint.call("/info").json()
    assert found == {"model_name": "Phi-4", "model_type": "chat_completion", "model_provider_name": "azureml"}


@pytest.mark.parametrize("path", ["/chat/completions?api-version=2024-05-01-preview", "/v1/chat/completions"])
def test_a_chat_quotes_the_question(endpoint: Endpoint, path: str) -> None:
    (choice,) = endpoint.call(path, SAY).json()["choices"]
    assert "Good morning" in choice["message"]["content"]


def test_a_completion_names_the_model(endpoint: Endpoint) -> None:
    assert "Phi-4" in endpoint.call("/v1/completions", {"prompt": "Once upon"}).json()["choices"][0]["text"]


def test_a_chat_can_be_streamed(endpoint: Endpoint) -> None:
    response = endpoint.call("/v1/chat/completions", {**SAY, "stream": True})
    assert response.headers["Content-Type"] == "text/event-stream"
    *chunks, done = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    words = [json.loads(chunk)["choices"][0]["delta"].get("content", "") for chunk in chunks]
    assert done == "[DONE]"
    assert "Good morning" in "".join(words)


def test_an_embeddings_model_embeds(azure: Azure, arm: Arm, endpoint: Endpoint) -> None:
    marketplace = PRODUCTION.replace("serverlessEndpoints", "marketplaceSubscriptions")
    arm("PUT", f"{marketplace}/cohere", json={"properties": {"modelId": EMBED}})
    azure.advance(60)
    properties = {"authMode": "Key", "modelSettings": {"modelId": EMBED}}
    arm("PUT", f"{PRODUCTION}/two", json=body(properties=properties))
    azure.advance(60)
    endpoint.key = arm("POST", f"{PRODUCTION}/two/listKeys").json()["secondaryKey"]
    host = {"Host": "two.eastus2.models.ai.azure.com"}
    first, second, third = endpoint.call("/embeddings", {"input": ["a", "b", "a"]}, **host).json()["data"]
    assert first["embedding"] == third["embedding"] != second["embedding"]
    assert endpoint.call("/chat/completions", SAY, **host).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "{key}"}, {"Authorization": "", "api-key": "{key}"}, {"Authorization": "Bearer {key}"}],
)
def test_a_key_is_accepted_in_three_headers(endpoint: Endpoint, headers: dict[str, str]) -> None:
    sent = {name: value.format(key=endpoint.key) for name, value in headers.items()}
    assert endpoint.call("/info", **sent).ok


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer wrong", "Bearer ö".encode().decode("latin-1")])
def test_a_wrong_key_is_refused(endpoint: Endpoint, header: str) -> None:
    response = endpoint.call("/chat/completions", SAY, Authorization=header)
    assert (response.status_code, response.json()["error"]["code"]) == (401, "Unauthorized")


def test_an_entra_token_is_not_a_key(azure: Azure, endpoint: Endpoint) -> None:
    assert endpoint.call("/info", Authorization=f"Bearer {azure.application_token()}").status_code == 401


def test_an_unknown_path_or_host_is_not_found(endpoint: Endpoint) -> None:
    assert endpoint.call("/nothing", SAY).status_code == 404
    assert endpoint.call("/info", Host="two.eastus2.models.ai.azure.com").status_code == 404
    assert endpoint.call("/info", Host="one.westus.models.ai.azure.com").status_code == 404


@pytest.mark.parametrize("sent", [[], {"messages": []}, {"messages": "x"}, {"messages": ["x"]}])
def test_a_wrong_body_is_refused(endpoint: Endpoint, sent: Any) -> None:
    assert endpoint.call("/chat/completions", sent).status_code == 400


def test_the_token_limit_of_a_minute_throttles(azure: Azure, endpoint: Endpoint) -> None:
    much = {"messages": [{"role": "user", "content": "word " * 150_000}]}
    assert endpoint.call("/chat/completions", much).status_code == 200
    throttled = endpoint.call("/chat/completions", much)
    assert (throttled.status_code, int(throttled.headers["Retry-After"]) <= 60) == (429, True)
    azure.advance(60)
    assert endpoint.call("/chat/completions", much).status_code == 200


def test_a_suspended_endpoint_serves_nothing(azure: Azure, arm: Arm, endpoint: Endpoint) -> None:
    azure.fault("suspended", times=1)
    arm("GET", f"{PRODUCTION}/one")
    assert endpoint.call("/info").status_code == 403


def test_faults_apply_to_inference(azure: Azure, endpoint: Endpoint) -> None:
    azure.fault("server-error", where="inference", model="*phi-4", status=502)
    assert endpoint.call("/info").status_code == 502
