"""What runs in the worker: claim what is due, call Azure Resource Manager, record what comes back."""
