"""404s, by what they say about the endpoint in the path of the request."""

from typing import Any

from emulator.arm.absences import SHAPES

Fault = tuple[str, dict[str, Any]]

PROVED: list[Fault] = [("not-found", {"shape": shape}) for shape in ("resource", "service")]
# The service does not name the resource that it does not know.
LIKELY: Fault = ("error", {"status": 404, "code": "NotFound", "message": "The specified resource was not found."})
OTHERS: list[Fault] = [
    *(("not-found", {"shape": shape}) for shape in SHAPES if shape not in {"resource", "service"}),
    ("error", {"status": 404, "code": "ModelNotFound", "message": "No such model."}),
]
UNPROVED = [LIKELY, *OTHERS]
