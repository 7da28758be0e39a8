"""Uses Microsoft's SDK against an Azure. Runs in an environment of its own, with its input as JSON in an argument.

Prints what the SDK returned as JSON. tests/emulator/test_sdk.py checks it.
"""

import json
import sys

from azure.ai.ml import MLClient
from azure.ai.ml.entities import MarketplaceSubscription, ServerlessEndpoint
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential

PHI = "azureml://registries/azureml/models/Phi-4"
COHERE = "azureml://registries/azureml-cohere/models/Cohere-embed-v3-english"
OFTEN = {"polling_interval": 0.2}


def main() -> None:
    azure = json.loads(sys.argv[1])
    credential = ClientSecretCredential(
        azure["tenant_id"],
        azure["client_id"],
        azure["client_secret"],
        authority=azure["authority"],
        disable_instance_discovery=True,
    )
    ml = MLClient(
        credential, azure["subscription_id"], azure["resource_group"], azure["workspace"], cloud="AzureEmulator"
    )
    json.dump({**use_endpoints(ml), **use_subscriptions(ml)}, sys.stdout)


def use_endpoints(ml: MLClient) -> dict[str, object]:
    endpoint = ServerlessEndpoint(name="sdk", model_id=PHI, tags={"made": "by the SDK"})
    created = ml.serverless_endpoints.begin_create_or_update(endpoint, **OFTEN).result()
    keys = ml.serverless_endpoints.get_keys("sdk")
    results = {
        "made": created.provisioning_state,
        "location": created.location,
        "uri": ml.serverless_endpoints.get("sdk").scoring_uri,
        "listed": [listed.name for listed in ml.serverless_endpoints.list()],
        "keys": [len(keys.primary_key), len(keys.secondary_key)],
    }
    invalid = ServerlessEndpoint(name="sdk-two", model_id="azureml://registries/azureml/models/none")
    try:
        ml.serverless_endpoints.begin_create_or_update(invalid, **OFTEN).result()
    except HttpResponseError as error:
        results["refused"] = error.error.code if error.error else None
    ml.serverless_endpoints.begin_delete("sdk", **OFTEN).result()
    try:
        ml.serverless_endpoints.get("sdk")
    except ResourceNotFoundError:
        results["gone"] = True
    return results


def use_subscriptions(ml: MLClient) -> dict[str, object]:
    subscription = MarketplaceSubscription(name="cohere", model_id=COHERE)
    created = ml.marketplace_subscriptions.begin_create_or_update(subscription, **OFTEN).result()
    results = {
        "bought": [created.provisioning_state, created.status],
        "model": ml.marketplace_subscriptions.get("cohere").model_id,
        "is listed": "cohere" in [listed.name for listed in ml.marketplace_subscriptions.list()],
    }
    ml.marketplace_subscriptions.begin_delete("cohere", **OFTEN).result()
    names = [listed.name for listed in ml.marketplace_subscriptions.list()]
    return {**results, "is listed after": "cohere" in names}


if __name__ == "__main__":
    main()
