package system

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// authority is Pebble, Let's Encrypt's server for tests, with the DNS server that it asks and a provider of DNS whose
// API writes records there.
type authority struct {
	directory   string // URL
	management  string // URL
	certificate string // file: of its own web server
	dns         string // host:port
	provider    string // URL
	client      *http.Client

	mu      sync.Mutex
	records map[string]bool // names of those that were made
}

func startAuthority(t *testing.T) *authority {
	t.Helper()
	built, err := exec.Command(filepath.Join(root, "scripts", "pebble-build")).Output()
	if err != nil {
		t.Fatalf("scripts/pebble-build: %v", err)
	}
	binaries := strings.TrimSpace(string(built))
	dir := t.TempDir()
	listen, management, api := testkit.FreeAddress(t), testkit.FreeAddress(t), testkit.FreeAddress(t)
	a := &authority{
		directory: "https://" + listen + "/dir", management: "https://" + management, dns: testkit.FreeAddress(t),
		certificate: filepath.Join(dir, "tls.crt"), records: map[string]bool{},
	}
	key := filepath.Join(dir, "tls.key")
	if out, err := exec.Command(
		"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
		"-keyout", key, "-out", a.certificate, "-subj", "/CN=Pebble", "-addext", "subjectAltName=IP:127.0.0.1",
	).CombinedOutput(); err != nil {
		t.Fatalf("openssl: %v\n%s", err, out)
	}

	startUntilEnd(
		t, "the DNS server",
		exec.Command(filepath.Join(binaries, "pebble-challtestsrv"), "-dnsserver", a.dns, "-management", api,
			"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-defaultIPv6", ""),
	)
	provider := httptest.NewServer(a.providerOf("http://" + api))
	t.Cleanup(provider.Close)
	a.provider = provider.URL

	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": listen, "managementListenAddress": management, "certificate": a.certificate, "privateKey": key,
		"keyAlgorithm": "ecdsa", "retryAfter": map[string]int{"authz": 1, "order": 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	pebble := exec.Command(filepath.Join(binaries, "pebble"), "-config", file, "-dnsserver", a.dns, "-strict")
	pebble.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1") // or it looks into the DNS after up to 15 s only
	startUntilEnd(t, "Pebble", pebble)

	own, err := os.ReadFile(a.certificate)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(own)
	a.client = &http.Client{
		Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}},
	}
	for _, url := range []string{a.directory, a.management + "/roots/0"} {
		testkit.Eventually(t, 30*time.Second, url+" answers", func() error { _, err := a.get(url); return err })
	}
	testkit.Eventually(
		t, 30*time.Second, "the DNS server's API answers",
		func() error { return tell("http://"+api+"/clear-txt", "nothing.example.") },
	)
	return a
}

// providerOf speaks what Traefik's provider httpreq wants, and passes it on to the DNS server's API.
func (a *authority) providerOf(api string) http.Handler {
	change := func(path string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var record struct{ FQDN, Value string }
			if err := json.NewDecoder(r.Body).Decode(&record); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			if err := tell(api+path, record.FQDN, record.Value); err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
			a.mu.Lock()
			defer a.mu.Unlock()
			a.records[record.FQDN] = true
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /present", change("/set-txt"))
	mux.HandleFunc("POST /cleanup", change("/clear-txt"))
	return mux
}

// tell has the DNS server change the records of a host.
func tell(url, host string, value ...string) error {
	body, err := json.Marshal(map[string]string{"host": host, "value": strings.Join(value, "")})
	if err != nil {
		return err
	}
	resp, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}

func (a *authority) get(url string) ([]byte, error) {
	resp, err := a.client.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// roots is whom its customers' visitors trust.
func (a *authority) roots(t *testing.T) *x509.CertPool {
	t.Helper()
	text, err := a.get(a.management + "/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("no root: %s", text)
	}
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(root)
	return pool
}

// challenged lists the names of records that were made.
func (a *authority) challenged() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.records))
}
