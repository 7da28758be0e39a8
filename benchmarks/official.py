"""Polls the same operations with Microsoft's own client: azure-core's LROPoller, with one thread per operation.

Started by `polling.py`, which measures it like a worker.
"""

import argparse
import time
from typing import Any

from azure.core.pipeline import policies
from azure.core.polling import LROPoller
from azure.core.rest import HttpRequest
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMHttpLoggingPolicy
from azure.mgmt.core.polling.arm_polling import ARMPolling

RESOURCE = "/subscriptions/s/resourceGroups/g/providers/p/workspaces/w/serverlessEndpoints/official-{}?api-version=1"


def pipeline() -> list[Any]:
    """As in the generated clients of ARM. The token is a plain header, because azure-core's own policy refuses http."""
    return [
        policies.RequestIdPolicy(),
        policies.HeadersPolicy({"Authorization": f"Bearer {'x' * 1500}"}),
        policies.UserAgentPolicy("official"),
        policies.ProxyPolicy(),
        policies.ContentDecodePolicy(),
        policies.RedirectPolicy(),
        policies.RetryPolicy(),
        policies.CustomHookPolicy(),
        policies.DistributedTracingPolicy(),
        ARMHttpLoggingPolicy(),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arm", required=True)
    parser.add_argument("--operations", type=int, required=True)
    parser.add_argument("--every", type=float, required=True, help="seconds between polls of an operation")
    options = parser.parse_args()
    client: Any = ARMPipelineClient(base_url=options.arm, policies=pipeline())
    pollers = []
    for number in range(options.operations):
        request = HttpRequest("PUT", f"{options.arm}{RESOURCE.format(number)}", json={})
        initial = client.send_request(request, _return_pipeline_response=True)
        pollers.append(LROPoller(client, initial, lambda response: response, ARMPolling(timeout=options.every)))
        time.sleep(options.every / options.operations)
    print("started", flush=True)
    time.sleep(3600)


if __name__ == "__main__":
    main()
