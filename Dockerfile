# The sidecar: one static binary with the web pages in it, and nothing else.

FROM node:22-bookworm-slim AS pages
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY frontend ./
RUN npm run build

FROM golang:1.26-bookworm AS binary
ENV CGO_ENABLED=0 GOTOOLCHAIN=local
WORKDIR /src
COPY go.work go.work.sum ./
COPY shared/go.mod shared/
COPY traefik-plugin/go.mod traefik-plugin/
COPY sidecar/go.mod sidecar/go.sum sidecar/
RUN --mount=type=cache,target=/go/pkg/mod cd sidecar && go mod download
COPY shared shared
COPY traefik-plugin traefik-plugin
COPY sidecar sidecar
COPY --from=pages /src/sidecar/internal/web/dist sidecar/internal/web/dist
ARG VERSION=development
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
	cd sidecar && go build -trimpath -buildvcs=false -ldflags "-s -w" -o internal/standin/bin/jail ./cmd/jail && \
	go build -trimpath -buildvcs=false -ldflags "-s -w -X github.com/whaley-ctf/whaley/sidecar/internal/app.Version=$VERSION" -o /whaley ./cmd/whaley

FROM scratch
COPY --from=binary /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=binary /whaley /whaley
COPY .traefik.yml /plugin/.traefik.yml
COPY shared /plugin/shared
COPY traefik-plugin /plugin/traefik-plugin
ENTRYPOINT ["/whaley"]
CMD ["serve"]
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s CMD ["/whaley", "health"]
