package docker

import (
	"net/http/httptest"
	"testing"
)

func TestCallsOfAKindHaveOneName(t *testing.T) {
	for _, c := range []struct{ method, path, want string }{
		{"POST", "/v1.41/containers/4c01db0b339c/start", "POST /containers/{id}/start"},
		{"POST", "/v1.41/containers/create", "POST /containers/create"},
		{"GET", "/v1.41/containers/json", "GET /containers/json"},
		{"DELETE", "/v1.41/containers/4c01db0b339c", "DELETE /containers/{id}"},
		{"GET", "/v1.41/images/whaley/echo-web:1/json", "GET /images/{id}/json"},
		{"DELETE", "/v1.41/images/whaley/echo-web:1", "DELETE /images/{id}"},
		{"DELETE", "/v1.41/networks/whaley-echo-1", "DELETE /networks/{id}"},
		{"GET", "/_ping", "GET /_ping"},
	} {
		if got := callName(httptest.NewRequest(c.method, c.path, nil)); got != c.want {
			t.Errorf("%s %s is called %q, want %q", c.method, c.path, got, c.want)
		}
	}
}
