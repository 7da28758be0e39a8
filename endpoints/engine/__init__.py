"""The worker: claims due operations, calls Azure Resource Manager, records the responses."""
