"""The endpoints' own addresses: a stand-in for models that checks keys and limits and invents its responses.

https://learn.microsoft.com/en-us/rest/api/aifoundry/modelinference/
"""
