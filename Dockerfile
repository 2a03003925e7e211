# One image for each kind of service: --target operator, api or consumers. The build needs PyPI and nothing else.
# BASE is any Debian-like image with CPython 3.11 or later as `python3`.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS tools
ARG UV_VERSION=0.13.9
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir --disable-pip-version-check "uv==${UV_VERSION}"
ENV UV_PYTHON_DOWNLOADS=never UV_PYTHON_PREFERENCE=only-system UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 \
    UV_NO_CACHE=1 UV_SYSTEM_CERTS=1 UV_PROJECT_ENVIRONMENT=/opt/taskbell
WORKDIR /src
COPY pyproject.toml uv.lock ./

# Dependencies first: they change seldom.
FROM tools AS operator-environment
RUN /opt/uv/bin/uv sync --frozen --no-default-groups --extra operator --no-install-project
COPY . .
RUN /opt/uv/bin/uv sync --frozen --no-default-groups --extra operator --no-editable

FROM tools AS api-environment
RUN /opt/uv/bin/uv sync --frozen --no-default-groups --extra api --no-install-project
COPY . .
RUN /opt/uv/bin/uv sync --frozen --no-default-groups --extra api --no-editable

FROM tools AS consumers-environment
RUN /opt/uv/bin/uv sync --frozen --no-default-groups --extra consumers --no-install-project
COPY . .
RUN /opt/uv/bin/uv sync --frozen --no-default-groups --extra consumers --no-editable

FROM ${BASE} AS service
# USER, because no entry in /etc/passwd stands for the number, and Kopf asks who it is.
# PYTHONTZPATH is empty: time zones come from the pinned tzdata, whatever the base image has.
ENV PYTHONTZPATH= PATH=/opt/taskbell/bin:/usr/local/bin:/usr/bin:/bin USER=taskbell PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    TASKBELL_HOST=0.0.0.0 TASKBELL_PORT=8080
LABEL org.opencontainers.image.title="Taskbell" \
      org.opencontainers.image.description="Recurring tasks and reminders as Kubernetes resources" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080

FROM service AS operator
COPY --from=operator-environment /opt/taskbell /opt/taskbell
ENTRYPOINT ["python3", "-m", "task_operator"]

FROM service AS api
COPY --from=api-environment /opt/taskbell /opt/taskbell
ENTRYPOINT ["python3", "-m", "api_shim"]

# `recurring`, `notification`, `audit` or `projection` is the argument.
FROM service AS consumers
COPY --from=consumers-environment /opt/taskbell /opt/taskbell
ENTRYPOINT ["python3", "-m", "consumers"]
