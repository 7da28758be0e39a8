# One image for web, worker and beat; docker-compose.yml says which one a container is.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /srv/endpoint-desk

COPY requirements/runtime.txt requirements/
RUN pip install --require-hashes -r requirements/runtime.txt

COPY manage.py ./
COPY dashboard dashboard
COPY accounts accounts
COPY endpoints endpoints
COPY templates templates
COPY static static

# The pages' files are collected here, once; nothing in the image is written to when it runs.
ENV DATA_DIR=/var/lib/endpoint-desk STATIC_ROOT=/srv/endpoint-desk/collected
RUN AZURE_BACKEND=azure python manage.py collectstatic --no-input --skip-checks \
    && useradd --system --home-dir /var/lib/endpoint-desk --create-home desk
USER desk
EXPOSE 8000
CMD ["python", "manage.py", "web", "--host", "0.0.0.0"]
