package system

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/traefik"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const acmeBase, acmeDashboard = "play.example.org", "whaley.example.org"

// TestAWildcardCertificateComesByACME starts Traefik as docker-compose.yaml does with TLS=acme, against a certificate
// authority that looks into the DNS. Beside the addresses, three things are not an event's: whom Traefik trusts as the
// authority, which DNS server it asks, and that it does not ask the zone's own, which would be on port 53.
func TestAWildcardCertificateComesByACME(t *testing.T) {
	t.Parallel()
	authority := startAuthority(t)
	d := newDeployment(
		t, "TLS=acme", "ACME_EMAIL=organisers@ctf.example", "ACME_DNS_PROVIDER=httpreq",
		"ACME_CA_SERVER="+authority.directory,
	)
	d.write(
		"acme.env",
		"HTTPREQ_ENDPOINT="+authority.provider+
			"\nHTTPREQ_POLLING_INTERVAL=1\nHTTPREQ_PROPAGATION_TIMEOUT=20\nLEGO_CA_CERTIFICATES="+authority.certificate+"\n",
	)
	d.prepare()
	running, sleeping := "notes-0123456789abcdef."+acmeBase, "web-fedcba9876543210."+acmeBase
	backend := d.published(running, d.redis())
	provider := `dnsChallenge: { provider: "httpreq"`
	edit := func(static string) string {
		if strings.Count(static, provider) != 1 {
			t.Fatalf("the static configuration names the DNS provider otherwise:\n%s", static)
		}
		return strings.Replace(
			static, provider,
			provider+`, resolvers: ["`+authority.dns+`"], propagation: { requireAllRNS: true, disableANSChecks: true }`, 1,
		)
	}
	front := d.traefik(edit)

	roots := authority.roots(t)
	wildcard := d.eventuallyTrusted(d.tls, sleeping, roots)
	if !slices.Equal(wildcard.DNSNames, []string{"*." + acmeBase}) {
		t.Errorf("an instance's name has a certificate for %v", wildcard.DNSNames)
	}
	if _, ok := wildcard.PublicKey.(*ecdsa.PublicKey); !ok {
		t.Errorf("its key is a %T, with which handshakes are slow", wildcard.PublicKey)
	}
	if dashboard := d.eventuallyTrusted(d.tls, acmeDashboard, roots); !slices.Equal(
		dashboard.DNSNames, []string{acmeDashboard},
	) {
		t.Errorf("the dashboard has a certificate for %v", dashboard.DNSNames)
	}
	// The plugin answers for one that sleeps, and its sidecar is not there; one that runs has routers of its own.
	d.eventuallyAnswers(d.tls, sleeping, roots, http.StatusServiceUnavailable, "sidecar_unavailable")
	d.eventuallyAnswers(d.tls, running, roots, http.StatusOK, backend)
	d.eventuallyAnswers(d.routes, running, roots, http.StatusOK, backend)

	// make backup takes DATA_DIR/acme along; Traefik refuses a file that others may read.
	kept, err := filepath.Glob(filepath.Join(d.dir, "data", "acme", "*.json"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("the certificates are not in DATA_DIR: %v %v", kept, err)
	}
	if info, err := os.Stat(kept[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}

	front.Process.Signal(syscall.SIGTERM)
	front.Wait()
	d.traefik(edit)
	if again := d.eventuallyTrusted(d.tls, sleeping, roots); !again.Equal(wildcard) {
		t.Error("after a restart of Traefik there is another certificate")
	}
	want := []string{"_acme-challenge." + acmeBase + ".", "_acme-challenge." + acmeDashboard + "."}
	if got := authority.challenged(); !slices.Equal(got, want) {
		t.Errorf("records were made for %v, not %v", got, want)
	}
}

// TestWhereTheCertificateComesFromCanBeChanged makes a deployment's files anew after its TLS became another.
func TestWhereTheCertificateComesFromCanBeChanged(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, "TLS=selfsigned")
	var sums []string
	for _, step := range []struct{ tls, cert, resolver string }{
		{"selfsigned", "/certs/tls.crt", ""}, {"acme", "", "wildcard"}, {"files", "/certs/tls.crt", ""},
	} {
		if len(sums) > 0 {
			d.change("TLS=", "TLS="+step.tls)
			d.change("ACME_EMAIL=", "ACME_EMAIL=organisers@ctf.example")
			d.change("ACME_DNS_PROVIDER=", "ACME_DNS_PROVIDER=cloudflare")
		}
		d.prepare()
		env := d.started("traefik").Environment
		if env["TLS_CERT"] != step.cert || env["CERT_RESOLVER"] != step.resolver {
			t.Errorf(
				"with TLS=%s Traefik has the certificate %q and the resolver %q", step.tls, env["TLS_CERT"], env["CERT_RESOLVER"],
			)
		}
		static, err := os.ReadFile(filepath.Join(d.dir, "data", "traefik", "traefik.yml"))
		if err != nil {
			t.Fatal(err)
		}
		if asks := strings.Contains(string(static), "\ncertificatesResolvers:"); asks != (step.resolver != "") {
			t.Errorf("with TLS=%s Traefik has a resolver: %v", step.tls, asks)
		}
		if step.tls == "acme" &&
			!strings.Contains(string(static), `caServer: "https://acme-v02.api.letsencrypt.org/directory"`) {
			t.Errorf("the authority is not Let's Encrypt:\n%s", static)
		}
		sums = append(sums, env["TRAEFIK_YML_SUM"])
	}
	if sums[0] == sums[1] || sums[1] == sums[2] || sums[0] != sums[2] || sums[0] == "" {
		t.Errorf("compose cannot tell from %q when Traefik's static configuration is another", sums)
	}
}

// published writes the routes of a running instance into Redis as the sidecar does, and returns what it answers.
func (d *deployment) published(host, url string) string {
	d.t.Helper()
	const text = "this is the instance"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }))
	d.t.Cleanup(server.Close)
	router, err := traefik.New(url, traefik.Options{HTTP: true, Secure: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		d.t.Fatal(err)
	}
	defer router.Close()
	testkit.Eventually(d.t, 30*time.Second, "Redis takes the routes", func() error {
		return router.Sync(d.t.Context(), func(context.Context) ([]whaley.Publication, error) {
			web := whaley.Publication{
				Instance: "notes", Name: "notes", Host: host, Type: whaley.RouteHTTP, Access: whaley.AccessLink,
				Backend: server.Listener.Addr().String(),
			}
			named := web
			named.Name, named.Type = "notes-tcp", whaley.RouteTCP
			return []whaley.Publication{web, named}, nil
		})
	})
	return text
}

// eventuallyTrusted waits until a name has a certificate that a client accepts who trusts roots only.
func (d *deployment) eventuallyTrusted(address, name string, roots *x509.CertPool) *x509.Certificate {
	d.t.Helper()
	var leaf *x509.Certificate
	testkit.Eventually(d.t, 90*time.Second, name+" has a good certificate", func() error {
		conn, err := tls.DialWithDialer(
			&net.Dialer{Timeout: 5 * time.Second}, "tcp", address, &tls.Config{ServerName: name, RootCAs: roots},
		)
		if err != nil {
			return err
		}
		leaf = conn.ConnectionState().PeerCertificates[0]
		return conn.Close()
	})
	return leaf
}

// eventuallyAnswers is the same for a request, whose answer must have a status and a text in it.
func (d *deployment) eventuallyAnswers(address, name string, roots *x509.CertPool, status int, text string) {
	d.t.Helper()
	client := clientTo(alice, address)
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
	testkit.Eventually(d.t, 30*time.Second, name+" answers at "+address, func() error {
		resp, err := client.Get("https://" + name + "/")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil && (resp.StatusCode != status || !strings.Contains(string(body), text)) {
			err = fmt.Errorf("%s: %.300s", resp.Status, body)
		}
		return err
	})
}
