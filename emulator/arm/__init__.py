"""Azure Resource Manager: subscriptions, workspaces, serverless endpoints and the operations on them."""
