"""A local Azure: Entra ID and Azure Resource Manager for serverless endpoints, on loopback, for trying and testing.

It imports nothing of Endpoint Desk and knows nothing of what Endpoint Desk sends.
"""
