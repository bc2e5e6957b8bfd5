# The image of the operator: docker build --tag weir .
# Linted with hadolint, not built: there is no container engine where this was written. The libraries that the last
# stage takes along were tried in a chroot.

FROM debian:12-slim AS build
# Versions are those of the Debian release, which fixes bugs in them without changing how they behave.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
      g++ cmake ninja-build ca-certificates \
      libcpprest-dev libssl-dev prometheus-cpp-dev libyaml-cpp-dev libspdlog-dev nlohmann-json3-dev libgtest-dev libgmock-dev libbenchmark-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY CMakeLists.txt ./
COPY strategies strategies
COPY analysis analysis
COPY operator operator
COPY test test
RUN cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release \
 && cmake --build build --target weir-operator
# The program, the libraries that it needs, the certificates of public authorities, and a user without rights.
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN install -D --strip build/bin/weir-operator /image/usr/bin/weir-operator \
 && ldd build/bin/weir-operator | grep --only-matching '/[^ ]*' | xargs --replace cp --dereference --parents {} /image \
 && cp --dereference --parents /etc/ssl/certs/ca-certificates.crt /image \
 && echo 'weir:x:65532:65532::/:/sbin/nologin' > /image/etc/passwd \
 && echo 'hosts: files dns' > /image/etc/nsswitch.conf

# Nothing beneath it: no shell, no package manager, no other program.
FROM scratch
COPY --from=build /image /
ENV PATH=/usr/bin
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["weir-operator"]
