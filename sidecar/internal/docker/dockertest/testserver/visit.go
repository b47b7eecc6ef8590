//go:build linux

package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// visit is a bot: it opens the address in OWN (or ?url=) with ?path= behind it, as a browser in this container would,
// and tells what came. It trusts whom SSL_CERT_FILE names.
func visit(w http.ResponseWriter, r *http.Request) {
	address := r.FormValue("url")
	if address == "" {
		address = os.Getenv("OWN")
	}
	ask, err := http.NewRequestWithContext(r.Context(), http.MethodGet, address+r.FormValue("path"), nil)
	if err != nil {
		fmt.Fprintln(w, "cannot ask:", err)
		return
	}
	ask.Header.Set("X-Forwarded-For", "198.51.100.7")
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Do(ask)
	if err != nil {
		fmt.Fprintln(w, "cannot visit:", err)
		return
	}
	defer resp.Body.Close()
	issuer := "nobody"
	if resp.TLS != nil {
		issuer = resp.TLS.PeerCertificates[0].Issuer.CommonName
	}
	fmt.Fprintf(w, "visited %s: %s, certificate by %s\n", resp.Request.URL, resp.Status, issuer)
	io.Copy(w, resp.Body)
}

// shout says ?text= to ?to= with TLS, and tells what comes back.
func shout(w http.ResponseWriter, r *http.Request) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", r.FormValue("to"), &tls.Config{})
	if err != nil {
		fmt.Fprintln(w, "cannot connect:", err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(conn, r.FormValue("text"))
	conn.CloseWrite()
	io.Copy(w, conn)
}
