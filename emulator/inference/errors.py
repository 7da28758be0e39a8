"""The error envelope of endpoints, which is not ARM's."""

from django.http import HttpResponse, JsonResponse


class InferenceError(Exception):
    def __init__(self, status: int, code: str, text: str, retry_after: int | None = None) -> None:
        super().__init__(text)
        self.status, self.code, self.text, self.retry_after = status, code, text, retry_after

    def response(self) -> HttpResponse:
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        body = {"error": {"code": self.code, "message": self.text, "status": self.status}}
        return JsonResponse(body, status=self.status, headers=headers)
