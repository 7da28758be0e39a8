"""A local Azure: Entra ID, Azure Resource Manager for serverless endpoints, and the endpoints, on loopback.

It imports nothing of Endpoint Desk, and is written from the API definition, not from the requests of one client.
"""
