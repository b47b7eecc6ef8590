package relay

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// proxy leads to the service of a web route, as the edge does: it says who asks, for which host, and how.
func (s Settings) proxy(r Route, log *slog.Logger) (http.Handler, error) {
	backend, err := url.Parse(r.Backend)
	if err != nil {
		return nil, fmt.Errorf("the backend of %s: %w", r.Host, err)
	}
	var protocols http.Protocols
	protocols.SetHTTP1(backend.Scheme != string(whaley.SchemeH2C))
	protocols.SetHTTP2(backend.Scheme == string(whaley.SchemeHTTPS))
	protocols.SetUnencryptedHTTP2(backend.Scheme == string(whaley.SchemeH2C))
	if backend.Scheme == string(whaley.SchemeH2C) {
		backend.Scheme = "http"
	}
	proto := map[bool]string{false: "http", true: "https"}[s.Secure]
	return &httputil.ReverseProxy{
		Transport: &http.Transport{
			DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext, Protocols: &protocols, IdleConnTimeout: idleTimeout,
			DisableCompression: true,
			TLSClientConfig:    &tls.Config{InsecureSkipVerify: true}, // the service's certificate is its own
		},
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = backend.Scheme, backend.Host, p.In.Host
			p.Out.URL.RawQuery = p.In.URL.RawQuery // as it came
			p.SetXForwarded()
			p.Out.Header.Set("X-Forwarded-Proto", proto)
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			log.Warn("the service did not answer", "host", r.Host, "err", err)
			http.Error(w, "The challenge did not answer.", http.StatusBadGateway)
		},
	}, nil
}
