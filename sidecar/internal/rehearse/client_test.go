package rehearse_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/rehearse"
)

func TestAnAddressThatIsNotTheDashboardsIsSaidToBeThat(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"sends elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://whaley.example/", http.StatusFound)
		},
		"a page":          func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"another's error": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadGateway) },
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(answer)
			defer s.Close()
			var into struct{}
			err := rehearse.Admin(rehearse.Options{To: s.URL}).Call(t.Context(), http.MethodGet, "/admin/api/solvers", nil, &into)
			if err == nil || !strings.Contains(err.Error(), "--to") || !strings.Contains(err.Error(), s.URL) {
				t.Error(err)
			}
		})
	}
}
