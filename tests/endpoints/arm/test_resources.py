"""Names and ids of resources."""

import pytest

from endpoints.arm.resources import WorkspaceId


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/subscriptions/x/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w1a",
        "https://portal.azure.com/#resource/subscriptions/8f2a1c66-5b0e-4d6f-9c1a-e0d35a1b0001",
        "/subscriptions/8f2a1c66-5b0e-4d6f-9c1a-e0d35a1b0001/resourceGroups/g/providers/Microsoft.Storage/workspaces/w1a",
    ],
)
def test_other_id_is_not_a_workspace_id(text: str) -> None:
    with pytest.raises(ValueError, match="not the resource id"):
        WorkspaceId.parse(text)


def test_workspace_id_compares_without_case() -> None:
    text = (
        "/SUBSCRIPTIONS/8f2a1c66-5b0e-4d6f-9c1a-e0d35a1b0001/resourcegroups/My-Group"
        "/providers/microsoft.machinelearningservices/workspaces/Team_One"
    )
    assert WorkspaceId.parse(text).name == "Team_One"
