# Builds with BuildKit (`docker build`, `docker buildx build`, `buildah`): it keeps the registry and the target
# directory between builds, so that an edit compiles this crate and no dependency.
#
#   docker build --tag registry.example/switchyard:0.1.0 .

# The Debian release of both stages must be the same: the binary is linked against its C library. (Not musl:
# its allocator takes turns between threads, and this server allocates on all of them.)
ARG RUST_VERSION=1.95
ARG DEBIAN=bookworm
ARG DISTROLESS=debian12

FROM docker.io/library/rust:${RUST_VERSION}-slim-${DEBIAN} AS build
# The allocator (jemalloc) is C and builds with make; the compiler and the C library's headers are in the image.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY Cargo.toml Cargo.lock build.rs ./
COPY proto proto
# Cargo wants to see the benchmarks that Cargo.toml names; they are not built.
COPY benches benches
COPY src src
# Each platform has its own target directory, for two may build at once. What is in a cache is not in the image, so
# the binary is copied out of it.
ARG TARGETPLATFORM
# What `switchyard version` shows: there is no git work tree here. Seconds since 1970, as BuildKit passes it on.
ARG REVISION=
ARG SOURCE_DATE_EPOCH=
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target,id=switchyard-target-${TARGETPLATFORM},sharing=locked \
    SWITCHYARD_COMMIT=${REVISION} SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} \
    cargo build --locked --release --bin switchyard \
    && cp target/release/switchyard /switchyard

# The C library and root certificates. No shell, no package manager, and the user is not root.
FROM gcr.io/distroless/cc-${DISTROLESS}:nonroot
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Switchyard" \
      org.opencontainers.image.description="Linkerd's Destination API with SMI TrafficSplit" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /switchyard /usr/local/bin/switchyard
COPY LICENSE /usr/share/doc/switchyard/LICENSE
# In figures, or a kubelet cannot tell that it is not root.
USER 65532:65532
# gRPC, and HTTP for probes and metrics.
EXPOSE 8086 9996
ENTRYPOINT ["/usr/local/bin/switchyard"]
CMD ["serve"]
