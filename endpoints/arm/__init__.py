"""A client of Azure Resource Manager, without Django, settings or Celery, so that scripts can use it alone."""
