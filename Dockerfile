# The image of `northstar server` and `northstar serve` (docs/how-to/building-the-image.md).
# Pin the base by digest where images are built: --build-arg PYTHON=python:3.11-slim-bookworm@sha256:…
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
# With it, bytecode and archives are the same whenever they are made.
ARG SOURCE_DATE_EPOCH=1767225600
ENV SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ONLY_BINARY=:all: \
    PIP_REQUIRE_HASHES=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements/image.lock requirements/build.lock ./
RUN python -m venv --without-pip /opt/northstar \
    && pip --python /opt/northstar/bin/python install -r image.lock \
    && pip install -r build.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY infra/terraform infra/terraform
# What is made here has no hash beforehand; nothing is fetched.
RUN PIP_REQUIRE_HASHES=0 PIP_NO_INDEX=1 pip wheel --no-deps --no-build-isolation --wheel-dir . . \
    && PIP_REQUIRE_HASHES=0 PIP_NO_INDEX=1 pip --python /opt/northstar/bin/python install --no-deps ./*.whl

FROM ${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Northstar" \
      org.opencontainers.image.description="The control plane and the endpoints of the MLOps platform." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# tini reaps what jobs leave behind (the control plane's module starts the server under it); gradient
# boosting libraries need libgomp1; setpriv, with which endpoints give up root, is in every Debian.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libgomp1 tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt /var/log/dpkg.log \
    && test -s /etc/ssl/certs/ca-certificates.crt \
    && groupadd --gid 10001 northstar \
    && useradd --no-log-init --uid 10001 --gid northstar --home-dir /home/northstar --create-home \
       --shell /usr/sbin/nologin northstar \
    && install --directory --mode 0700 /srv/northstar \
    && install --directory --mode 0711 /srv/work \
    && install --directory --mode 0700 --owner northstar --group northstar /srv/state
COPY --from=build /opt/northstar /opt/northstar
ENV PATH=/opt/northstar/bin:${PATH} \
    HOME=/home/northstar \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /home/northstar
EXPOSE 8080 8700
STOPSIGNAL SIGTERM
# Root: the server gives each project's jobs a user of its own, which nobody else can. It is root of a
# container only, and `northstar serve`, which needs none of it, is started as the user northstar.
USER root
ENTRYPOINT ["northstar"]
CMD ["--help"]
