"""Serverless endpoints in JSON: examples from the API definition, a recorded one, and some that do not conform."""

PHI = "azureml://registries/azureml/models/Phi-4-mini-instruct"
WORKSPACE = (
    "/subscriptions/0/resourceGroups/test-rg/providers/Microsoft.MachineLearningServices/workspaces/my-aml-workspace"
)
IDENTITY = "/subscriptions/0/resourceGroups/test-rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/reader"
ZEROS = "00000000-1111-2222-3333-444444444444"

# From the examples of the API definition.
# https://github.com/Azure/azure-rest-api-specs/tree/main/specification/machinelearningservices
CREATE = {
    "properties": {
        "modelSettings": {"modelId": "string"},
        "authMode": "Key",
        "contentSafety": {"contentSafetyStatus": "Enabled"},
    },
    "tags": {},
    "location": "string",
    "kind": "string",
    "identity": {"type": "SystemAssigned", "userAssignedIdentities": {"string": {}}},
    "sku": {"name": "string", "tier": "Standard", "size": "string", "family": "string", "capacity": 1},
}
GET = {
    "id": "string",
    "name": "string",
    "type": "string",
    "properties": {
        "modelSettings": {"modelId": "string"},
        "authMode": "Key",
        "inferenceEndpoint": {"uri": "https://www.contoso.com/example", "headers": {"string": "string"}},
        "provisioningState": "Succeeded",
        "endpointState": "Suspending",
        "marketplaceSubscriptionId": "string",
        "contentSafety": {"contentSafetyStatus": "Enabled"},
    },
    "systemData": {
        "createdAt": "2020-01-01T12:34:56.999+00:13",
        "createdBy": "string",
        "createdByType": "Application",
        "lastModifiedAt": "2020-01-01T12:34:56.999+00:13",
        "lastModifiedBy": "string",
        "lastModifiedByType": "Application",
    },
    "tags": {},
    "location": "string",
    "kind": "string",
    "identity": {
        "type": "UserAssigned",
        "principalId": ZEROS,
        "tenantId": ZEROS,
        "userAssignedIdentities": {"string": {"principalId": ZEROS, "clientId": ZEROS}},
    },
    "sku": {"name": "string", "tier": "Premium", "size": "string", "family": "string", "capacity": 1},
}
UPDATE = {
    "tags": {},
    "sku": {"name": "string", "tier": "Premium", "size": "string", "family": "string", "capacity": 1},
    "identity": {"type": "None", "userAssignedIdentities": {"string": {}}},
}
REGENERATE = {"keyType": "Primary", "keyValue": "string"}
# A recorded online endpoint; the same front end serves serverless endpoints.
# https://github.com/Azure/azure-sdk-assets
ONLINE_ENDPOINT = {
    "id": f"{WORKSPACE}/onlineEndpoints/chat",
    "name": "chat",
    "type": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
    "location": "westus",
    "tags": {},
    "kind": "Managed",
    "identity": {"type": "SystemAssigned"},
    "properties": {"authMode": "AMLToken", "provisioningState": "Creating", "scoringUri": None},
    "systemData": {"createdAt": "2026-03-03T20:18:01Z", "createdBy": "Ada", "lastModifiedAt": "2026-03-03T20:18:01Z"},
}
CREATING = {
    "id": f"{WORKSPACE}/serverlessEndpoints/chat",
    "name": "chat",
    "location": "eastus2",
    "kind": None,
    "sku": None,
    "properties": {
        "authMode": "KeyAndAAD",
        "contentSafety": {"contentSafetyStatus": "Enabled", "contentSafetyLevel": "Deferred"},
        "endpointState": "Hibernating",
        "inferenceEndpoint": None,
        "marketplaceSubscriptionId": None,
        "modelSettings": {"modelId": PHI},
        "provisioningState": "Creating",
    },
}
WRONGLY_TYPED = {
    "location": 1,
    "kind": "",
    "tags": "text",
    "identity": [],
    "sku": {"name": None, "capacity": True},
    "properties": {"authMode": {}, "modelSettings": "none", "inferenceEndpoint": {"uri": 3, "headers": {"a": 1}}},
}
