"""An ARM that does nothing but answer reads of operations, after a while, and remember when they came.

Its operations never end. Everything else, Entra ID among it, is passed on to the emulator. It is a program of its own,
so that what it costs is not counted with what is measured.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator

from aiohttp import ClientSession, web
from yarl import URL

SEEN = web.AppKey("seen", list[tuple[str, float]])
EMULATOR = web.AppKey("emulator", str)
RETRY_AFTER = web.AppKey("retry_after", str)
LATENCY = web.AppKey("latency", float)
LISTS = web.AppKey("lists", bool)
CLIENT = web.AppKey("client", ClientSession)
# As long as the real ones are: a signature in the query.
SIGNATURE = f"api-version=2025-09-01&t=1&c={'x' * 2575}&s={'y' * 342}&h={'z' * 43}"


def headers(app: web.Application) -> dict[str, str]:
    rest = {"Retry-After": app[RETRY_AFTER]} if app[RETRY_AFTER] else {}
    return {"x-ms-ratelimit-remaining-subscription-reads": "249", "x-ms-request-id": "1", **rest}


async def status(request: web.Request) -> web.Response:
    request.app[SEEN].append((request.match_info["name"], time.time()))
    await asyncio.sleep(request.app[LATENCY])
    body = {"status": "Updating", "percentComplete": 0.0, "startTime": "2026-11-25T12:00:00+00:00"}
    return web.json_response(body, headers=headers(request.app))


async def put(request: web.Request) -> web.Response:
    url = f"{request.url.origin()}/status/{request.match_info['name']}?{SIGNATURE}"
    body = {"id": request.path, "properties": {"provisioningState": "Creating"}}
    return web.json_response(body, status=201, headers={**headers(request.app), "Azure-AsyncOperation": url})


async def listed(request: web.Request) -> web.Response:
    request.app[SEEN].append(("list", time.time()))
    await asyncio.sleep(request.app[LATENCY])
    if not request.app[LISTS]:
        return web.json_response({"error": {"code": "AuthorizationFailed", "message": "No."}}, status=403)
    prefix = request.match_info["workspace"]
    body = {"properties": {"provisioningState": "Creating", "endpointState": "Creating"}, "tags": {"a": "b" * 200}}
    return web.json_response({"value": [{"name": f"{prefix}-{number}", **body} for number in range(100)]})


async def seen(request: web.Request) -> web.Response:
    """What came since this was asked last."""
    rows = request.app[SEEN].copy()
    request.app[SEEN].clear()
    return web.json_response(rows)


async def forward(request: web.Request) -> web.StreamResponse:
    url = URL(f"{request.app[EMULATOR]}{request.raw_path}", encoded=True)
    rest = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
    async with request.app[CLIENT].request(
        request.method, url, headers=rest, data=await request.read(), allow_redirects=False
    ) as answer:
        skipped = {"content-length", "content-encoding", "transfer-encoding"}
        kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in skipped]
        return web.Response(status=answer.status, body=await answer.read(), headers=kept)


async def client(app: web.Application) -> AsyncIterator[None]:
    async with ClientSession() as app[CLIENT]:
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--emulator", default="", help="where the rest is passed on to")
    parser.add_argument("--latency", type=float, default=0.15, help="seconds (default: %(default)s)")
    parser.add_argument("--retry-after", default="", help="seconds that its answers ask to wait; by default none")
    parser.add_argument("--lists", action="store_true", help="answer lists of a workspace instead of refusing them")
    given = parser.parse_args()
    app = web.Application()
    app[SEEN], app[EMULATOR] = [], given.emulator
    app[LATENCY] = given.latency
    app[RETRY_AFTER], app[LISTS] = given.retry_after, given.lists
    app.cleanup_ctx.append(client)
    app.router.add_get("/status/{name}", status)
    workspaces = "/subscriptions/{s}/resourceGroups/{g}/providers/{p}/workspaces/{workspace}"
    app.router.add_put(f"{workspaces}/serverlessEndpoints/{{name}}", put)
    app.router.add_get(f"{workspaces}/serverlessEndpoints", listed)
    app.router.add_get("/seen", seen)
    app.router.add_route("*", "/{path:.*}", forward)
    web.run_app(app, host="127.0.0.1", port=given.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
