"""Names and ids of resources."""

import pytest

from endpoints.arm.resources import WorkspaceId, WorkspaceResource


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


PREFIX = "/subscriptions/8f2a1c66-5b0e-4d6f-9c1a-e0d35a1b0001/resourceGroups"
SUFFIX = "providers/Microsoft.MachineLearningServices/workspaces/ml-one"


@pytest.mark.parametrize("group", ["rg-größe-データ", "rg.(old)_2", "हिन्दी", "ΣΊΣΥΦΟΣ"])
def test_resource_group_may_have_letters_of_any_script(group: str) -> None:
    found = WorkspaceId.parse(f"{PREFIX}/{group}/{SUFFIX}")
    assert found.resource_group == group
    assert WorkspaceId.parse(str(found).upper()).key == found.key


@pytest.mark.parametrize("group", ["ends.", "..", "a?b", "a b", "a#b", "a%2fb", "x" * 91, "a\0b"])
def test_invalid_resource_group_is_refused(group: str) -> None:
    assert WorkspaceId.try_parse(f"{PREFIX}/{group}/{SUFFIX}") is None


@pytest.mark.parametrize("body", [{}, {"id": 7, "name": None}, {"id": "/x/\ud800\0", "location": []}, {"name": "a"}])
def test_odd_item_of_a_list_is_kept(body: dict[str, object]) -> None:
    resource = WorkspaceResource.of(body)
    assert resource.id is None
    assert resource.name
    assert (resource.name + resource.key + resource.location).encode()
