"""The explanation of a failed operation on the detail page."""

from dataclasses import dataclass

from endpoints.arm.error_tree import ErrorNode, error_tree
from endpoints.arm.errors import ArmError
from endpoints.explanations import explain
from endpoints.models import Operation
from endpoints.pages.as_json import pretty


@dataclass(frozen=True)
class Failure:
    title: str
    meaning: str
    advice: str
    code: str
    message: str
    http_status: int
    correlation_id: str
    tree: list[ErrorNode]
    raw: str


def failure(operation: Operation | None) -> Failure | None:
    if operation is None or operation.settled_at is None or operation.error is None:
        return None
    error = ArmError.from_json(operation.error)
    explanation, tree = explain(error), error_tree(error)
    return Failure(
        title=explanation.title,
        meaning=explanation.meaning,
        advice=explanation.advice,
        code=error.inner_code,
        message=error.message,
        http_status=error.status,
        correlation_id=str(operation.correlation_id),
        tree=[tree] if tree else [],
        raw=pretty(error.raw) if error.raw else "",
    )
