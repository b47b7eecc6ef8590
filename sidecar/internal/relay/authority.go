package relay

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// lifetime of a relay's certificate; no instance lives as long.
const lifetime = 365 * 24 * time.Hour

// Options are the settings of an Authority.
type Options struct {
	Key        *ecdsa.PrivateKey // signs; each start of a deployment has the same
	BaseDomain string            // it signs names under this one only, and nobody who trusts it takes others
	Dashboard  *url.URL          // whose scheme and port instances have
	TLSPort    int               // where players find routes by the name in TLS
	Folder     string            // gets the file that containers are given
}

// Authority implements instancer.Inside.
type Authority struct {
	opts Options
	cert *x509.Certificate
	file string
}

var _ instancer.Inside = (*Authority)(nil)

// NewAuthority makes an Authority, and its certificate's file. The certificate is another at each start, of the same
// name and key: who trusts one takes what another has signed.
func NewAuthority(opts Options) (*Authority, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Whaley, inside " + opts.BaseDomain},
		NotBefore: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2049, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{opts.BaseDomain},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &opts.Key.PublicKey, opts.Key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate of who signs inside instances: %w", err)
	}
	a := &Authority{opts: opts, file: filepath.Join(opts.Folder, "inside", "ca.crt")}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	return a, a.write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// write makes the file, which every user in a container may read; one that is as good stays.
func (a *Authority) write(text []byte) error {
	if old, err := os.ReadFile(a.file); err == nil {
		if block, _ := pem.Decode(old); block != nil {
			known, err := x509.ParseCertificate(block.Bytes)
			if err == nil && known.Subject.String() == a.cert.Subject.String() && a.opts.Key.PublicKey.Equal(known.PublicKey) {
				return nil
			}
		}
	}
	folder := filepath.Dir(a.file)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make the folder of the certificate for inside instances: %w", err)
	}
	f, err := os.CreateTemp(folder, ".ca-")
	if err != nil {
		return fmt.Errorf("write the certificate for inside instances: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), a.file)
	}
	if err != nil {
		return fmt.Errorf("write the certificate for inside instances: %w", err)
	}
	return nil
}

// Authority implements instancer.Inside.
func (a *Authority) Authority() string { return a.file }

// URL implements instancer.Inside.
func (a *Authority) URL(host string) string {
	if port := a.opts.Dashboard.Port(); port != "" {
		host += ":" + port
	}
	return a.opts.Dashboard.Scheme + "://" + host
}

// Settings implements instancer.Inside: the relay of an instance with these routes gets a key and a certificate of its
// own for their names.
func (a *Authority) Settings(routes []whaley.Publication) (string, error) {
	s := Settings{Secure: a.opts.Dashboard.Scheme == "https", BaseDomain: a.opts.BaseDomain}
	s.Port, _ = strconv.Atoi(a.opts.Dashboard.Port())
	if s.Port == 0 {
		s.Port = map[bool]int{false: 80, true: 443}[s.Secure]
	}
	var names []string
	for _, p := range routes {
		r := Route{Host: p.Host, Web: p.Type == whaley.RouteHTTP, Backend: p.Backend, Passthrough: p.Passthrough}
		if r.Web {
			r.Backend = string(p.Scheme) + "://" + p.Backend
		} else {
			s.TLSPort = a.opts.TLSPort
		}
		names = append(names, p.Host)
		s.Routes = append(s.Routes, r)
	}
	if s.Secure || s.TLSPort != 0 {
		if err := a.sign(&s, names); err != nil {
			return "", err
		}
	}
	return s.Encode()
}

func (a *Authority) sign(s *Settings, names []string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, DNSNames: names, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if s.Certificate, err = x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.opts.Key); err != nil {
		return err
	}
	s.Authority = a.cert.Raw
	s.Key, err = x509.MarshalPKCS8PrivateKey(key)
	return err
}
