"""What an endpoint answers at its own address."""

import json
from typing import Any

import pytest
import requests

from tests.emulator.arm_client import PRODUCTION, Ask, body
from tests.support.azure import Azure

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")
EMBED = "azureml://registries/azureml-cohere/models/Cohere-embed-v3-english"
SAY = {"messages": [{"role": "user", "content": "Good morning"}]}


class Endpoint:
    """An endpoint that is online, and its key."""

    def __init__(self, azure: Azure, ask: Ask) -> None:
        self.azure, self.ask = azure, ask
        ask("PUT", f"{PRODUCTION}/one", json=body())
        azure.advance(60)
        self.key = ask("POST", f"{PRODUCTION}/one/listKeys").json()["primaryKey"]

    def call(self, path: str, sent: Any = None, **headers: str) -> requests.Response:
        named = {"Host": "one.eastus2.models.ai.azure.com", "Authorization": f"Bearer {self.key}", **headers}
        method = "GET" if sent is None else "POST"
        return self.azure.http.request(method, f"{self.azure.url}{path}", json=sent, headers=named, timeout=10)


@pytest.fixture
def endpoint(azure: Azure, ask: Ask) -> Endpoint:
    return Endpoint(azure, ask)


def test_it_says_what_it_is(endpoint: Endpoint) -> None:
    found = endpoint.call("/info").json()
    assert found == {"model_name": "Phi-4", "model_type": "chat_completion", "model_provider_name": "azureml"}


@pytest.mark.parametrize("path", ["/chat/completions?api-version=2024-05-01-preview", "/v1/chat/completions"])
def test_it_chats(endpoint: Endpoint, path: str) -> None:
    (choice,) = endpoint.call(path, SAY).json()["choices"]
    assert "Good morning" in choice["message"]["content"]


def test_it_completes_text(endpoint: Endpoint) -> None:
    assert "Phi-4" in endpoint.call("/v1/completions", {"prompt": "Once upon"}).json()["choices"][0]["text"]


def test_it_chats_word_by_word(endpoint: Endpoint) -> None:
    answer = endpoint.call("/v1/chat/completions", {**SAY, "stream": True})
    assert answer.headers["Content-Type"] == "text/event-stream"
    *chunks, done = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    words = [json.loads(chunk)["choices"][0]["delta"].get("content", "") for chunk in chunks]
    assert done == "[DONE]"
    assert "Good morning" in "".join(words)


def test_a_model_for_embeddings_embeds(azure: Azure, ask: Ask, endpoint: Endpoint) -> None:
    marketplace = PRODUCTION.replace("serverlessEndpoints", "marketplaceSubscriptions")
    ask("PUT", f"{marketplace}/cohere", json={"properties": {"modelId": EMBED}})
    azure.advance(60)
    properties = {"authMode": "Key", "modelSettings": {"modelId": EMBED}}
    ask("PUT", f"{PRODUCTION}/two", json=body(properties=properties))
    azure.advance(60)
    endpoint.key = ask("POST", f"{PRODUCTION}/two/listKeys").json()["secondaryKey"]
    host = {"Host": "two.eastus2.models.ai.azure.com"}
    first, second, third = endpoint.call("/embeddings", {"input": ["a", "b", "a"]}, **host).json()["data"]
    assert first["embedding"] == third["embedding"] != second["embedding"]
    assert endpoint.call("/chat/completions", SAY, **host).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "{key}"}, {"Authorization": "", "api-key": "{key}"}, {"Authorization": "Bearer {key}"}],
)
def test_a_key_comes_in_three_ways(endpoint: Endpoint, headers: dict[str, str]) -> None:
    sent = {name: value.format(key=endpoint.key) for name, value in headers.items()}
    assert endpoint.call("/info", **sent).ok


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer wrong", "Bearer ö".encode().decode("latin-1")])
def test_a_wrong_key_is_refused(endpoint: Endpoint, header: str) -> None:
    answer = endpoint.call("/chat/completions", SAY, Authorization=header)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "Unauthorized")


def test_a_token_of_entra_is_no_key(azure: Azure, endpoint: Endpoint) -> None:
    assert endpoint.call("/info", Authorization=f"Bearer {azure.application_token()}").status_code == 401


def test_what_is_not_there_is_not_found(endpoint: Endpoint) -> None:
    assert endpoint.call("/nothing", SAY).status_code == 404
    assert endpoint.call("/info", Host="two.eastus2.models.ai.azure.com").status_code == 404
    assert endpoint.call("/info", Host="one.westus.models.ai.azure.com").status_code == 404


@pytest.mark.parametrize("sent", [[], {"messages": []}, {"messages": "x"}, {"messages": ["x"]}])
def test_a_wrong_body_is_refused(endpoint: Endpoint, sent: Any) -> None:
    assert endpoint.call("/chat/completions", sent).status_code == 400


def test_too_many_tokens_in_a_minute_are_too_many(azure: Azure, endpoint: Endpoint) -> None:
    much = {"messages": [{"role": "user", "content": "word " * 150_000}]}
    assert endpoint.call("/chat/completions", much).status_code == 200
    throttled = endpoint.call("/chat/completions", much)
    assert (throttled.status_code, int(throttled.headers["Retry-After"]) <= 60) == (429, True)
    azure.advance(60)
    assert endpoint.call("/chat/completions", much).status_code == 200


def test_a_suspended_endpoint_serves_nothing(azure: Azure, ask: Ask, endpoint: Endpoint) -> None:
    azure.fault("suspended", times=1)
    ask("GET", f"{PRODUCTION}/one")
    assert endpoint.call("/info").status_code == 403


def test_faults_reach_it_too(azure: Azure, endpoint: Endpoint) -> None:
    azure.fault("server-error", where="inference", model="*phi-4", status=502)
    assert endpoint.call("/info").status_code == 502
