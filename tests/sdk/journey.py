"""What Microsoft's SDK does with an Azure: run in an environment of its own, told of it by environment variables only.

Prints what it found as JSON; tests/emulator/test_sdk.py says what that has to be.
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
    told = json.loads(sys.argv[1])
    credential = ClientSecretCredential(
        told["tenant_id"],
        told["client_id"],
        told["client_secret"],
        authority=told["authority"],
        disable_instance_discovery=True,
    )
    ml = MLClient(credential, told["subscription_id"], told["resource_group"], told["workspace"], cloud="AzureEmulator")
    json.dump({**endpoints(ml), **subscriptions(ml)}, sys.stdout)


def endpoints(ml: MLClient) -> dict[str, object]:
    wanted = ServerlessEndpoint(name="sdk", model_id=PHI, tags={"made": "by the SDK"})
    made = ml.serverless_endpoints.begin_create_or_update(wanted, **OFTEN).result()
    keys = ml.serverless_endpoints.get_keys("sdk")
    found = {
        "made": made.provisioning_state,
        "location": made.location,
        "uri": ml.serverless_endpoints.get("sdk").scoring_uri,
        "listed": [one.name for one in ml.serverless_endpoints.list()],
        "keys": [len(keys.primary_key), len(keys.secondary_key)],
    }
    taken = ServerlessEndpoint(name="sdk-two", model_id="azureml://registries/azureml/models/none")
    try:
        ml.serverless_endpoints.begin_create_or_update(taken, **OFTEN).result()
    except HttpResponseError as error:
        found["refused"] = error.error.code if error.error else None
    ml.serverless_endpoints.begin_delete("sdk", **OFTEN).result()
    try:
        ml.serverless_endpoints.get("sdk")
    except ResourceNotFoundError:
        found["gone"] = True
    return found


def subscriptions(ml: MLClient) -> dict[str, object]:
    wanted = MarketplaceSubscription(name="cohere", model_id=COHERE)
    made = ml.marketplace_subscriptions.begin_create_or_update(wanted, **OFTEN).result()
    found = {
        "bought": [made.provisioning_state, made.status],
        "model": ml.marketplace_subscriptions.get("cohere").model_id,
        "is listed": "cohere" in [one.name for one in ml.marketplace_subscriptions.list()],
    }
    ml.marketplace_subscriptions.begin_delete("cohere", **OFTEN).result()
    return {**found, "is listed after": "cohere" in [one.name for one in ml.marketplace_subscriptions.list()]}


if __name__ == "__main__":
    main()
