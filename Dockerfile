# One image for every service of the farm: which one it is, is its command, such as `cdb service signals`.
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
WORKDIR /srv/cdb
COPY requirements.txt ./
RUN /opt/venv/bin/pip install --use-pep517 --require-hashes -r requirements.txt
COPY pyproject.toml requirements.in README.md alembic.ini celeryconfig.py ./
COPY alembic alembic
COPY app app
COPY models models
COPY tasks tasks
COPY workers workers
RUN /opt/venv/bin/pip install --no-deps --editable . && /opt/venv/bin/python -m compileall -q app models tasks workers

FROM python:3.11-slim-bookworm
# pg_dump and pg_restore for backups, as new as the server of docker-compose.yml. Debian keeps its packages current by
# itself, and drops old versions, so none is named.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 cdb \
    && useradd --uid 10001 --gid cdb --no-create-home --shell /usr/sbin/nologin cdb \
    && install -d -o cdb -g cdb /var/lib/cdb /var/backups/cdb
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/cdb /srv/cdb
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    CDB_DATA_DIR=/var/lib/cdb CDB_BACKUP_DIR=/var/backups/cdb
WORKDIR /srv/cdb
USER 10001:10001
# Each service of docker-compose.yml has its own; this one is for whoever runs the image alone.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-m", "app.probe", "http://127.0.0.1:8000/health"]
ENTRYPOINT ["cdb"]
CMD ["console"]
