package plugintest

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// talk says how it was asked, and ends with a trailer as a gRPC server does. It sends each line back as
// soon as it has come.
func talk(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Said", fmt.Sprint(r.Proto, " ", r.TLS != nil, " ", r.Host))
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 always has it
	w.(http.Flusher).Flush()
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		fmt.Fprintln(w, lines.Text())
		w.(http.Flusher).Flush()
	}
	w.Header().Set(http.TrailerPrefix+"Grpc-Status", "7")
}

// schemes has containers that speak HTTP/2 without TLS, and TLS, and a client as gRPC's: it hears an answer to what it
// has said before it says more.
func schemes(t *testing.T, w *world) {
	for scheme, want := range map[string]string{"h2c": "HTTP/2.0 false ", "https": "HTTP/2.0 true "} {
		container := httptest.NewUnstartedServer(http.HandlerFunc(talk))
		protocols := &http.Protocols{}
		protocols.SetUnencryptedHTTP2(scheme == "h2c")
		protocols.SetHTTP2(scheme == "https")
		container.Config.Protocols, container.EnableHTTP2 = protocols, scheme == "https"
		if scheme == "https" {
			container.StartTLS()
		} else {
			container.Start()
		}
		defer container.Close()
		_, address, _ := strings.Cut(container.URL, "://")
		w.on(wire.PathWake, func(wire.HostRequest) wire.HostStatus {
			return wire.HostStatus{
				State: wire.StateRunning, Mine: true, Access: "link", Backend: scheme + "://" + address, Version: scheme,
			}
		})
		for range 3 { // the second and third are ready
			if got := w.get(scheme+"-"+web, "/"); got.Status != 200 || got.Header.Get("X-Said") != want+scheme+"-"+web {
				t.Fatalf("%s: %d %q %s", scheme, got.Status, got.Header.Get("X-Said"), got.Body)
			}
		}
		converse(t, w, scheme)
	}
}

func converse(t *testing.T, w *world, scheme string) {
	h2c := &http.Protocols{}
	h2c.SetUnencryptedHTTP2(true)
	front := httptest.NewUnstartedServer(w.front.Config.Handler)
	front.Config.Protocols = h2c
	front.Start()
	defer front.Close()
	speak, lines := io.Pipe()
	r, err := http.NewRequest(http.MethodPost, front.URL+"/service/Method", speak)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = scheme + "-" + web
	r.Header.Set("Content-Type", "application/grpc")
	r.Header.Set("Te", "trailers")
	client := http.Client{Transport: &http.Transport{Protocols: h2c}, Timeout: 30 * time.Second}
	go fmt.Fprintln(lines, "line 0")
	resp, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s: %v", scheme, err)
	}
	defer resp.Body.Close()
	heard := bufio.NewScanner(resp.Body)
	for n := range 5 {
		if !heard.Scan() || heard.Text() != fmt.Sprint("line ", n) {
			t.Fatalf("%s: heard %q after line %d: %v", scheme, heard.Text(), n, heard.Err())
		}
		if n < 4 {
			fmt.Fprintln(lines, "line", n+1)
		}
	}
	lines.Close()
	if heard.Scan() || resp.Trailer.Get("Grpc-Status") != "7" {
		t.Errorf("%s: the end is %q, the trailers %v", scheme, heard.Text(), resp.Trailer)
	}
}
