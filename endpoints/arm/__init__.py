"""A client of Azure Resource Manager: HTTP, tokens in, dataclasses out.

It knows no Django model, no setting and no Celery, so that a script can use it alone.
"""
