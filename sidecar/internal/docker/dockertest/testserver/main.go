//go:build linux

// Command testserver is what the tests run inside containers: HTTP on :8080, HTTP that says what bytes came on :8090,
// an echo on :9000 by TCP and UDP, and the same with TLS of its own on :9443.
//
// PRINT_MB prints that much, START_DELAY_MS listens later, NEVER=1 never, EXIT=n ends at once with that code;
// HEALTH_AFTER_MS is when "testserver health" begins to succeed.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/coder/websocket"

	"github.com/whaley-ctf/whaley/sidecar/internal/survey"
	"github.com/whaley-ctf/whaley/sidecar/internal/warden"
)

const healthFile = "/healthy"

func main() {
	if len(os.Args) > 1 && os.Args[1] == "health" {
		if _, err := os.Stat(healthFile); err != nil {
			os.Exit(1)
		}
		return
	}
	for command, serve := range map[string]func(context.Context, io.Reader, io.Writer) error{
		"survey": survey.Serve, "warden": warden.Serve,
	} {
		if len(os.Args) > 1 && os.Args[1] == command {
			if err := serve(context.Background(), os.Stdin, os.Stdout); err != nil {
				log.Fatal(err)
			}
			return
		}
	}
	if len(os.Args) > 1 && os.Args[1] == "eat" {
		takeMemory()
		return
	}
	if len(os.Args) > 3 && os.Args[1] == "write" { // path, bytes
		size, _ := strconv.Atoi(os.Args[3])
		if err := os.WriteFile(os.Args[2], make([]byte, size), 0o644); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	if code := os.Getenv("EXIT"); code != "" {
		fmt.Println("ending with", code, "as told")
		n, _ := strconv.Atoi(code)
		os.Exit(n)
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	go func() {
		<-ended
		os.Exit(0)
	}()
	chatter()
	if os.Getenv("NEVER") != "" {
		select {}
	}
	time.Sleep(milliseconds("START_DELAY_MS"))
	go func() {
		time.Sleep(milliseconds("HEALTH_AFTER_MS"))
		os.WriteFile(healthFile, nil, 0o644)
	}()
	go sayBytes(net.Listen("tcp", ":8090"))
	go echo(net.Listen("tcp", ":9000"))
	go echo(tls.Listen("tcp", ":9443", &tls.Config{Certificates: []tls.Certificate{certificate()}}))
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "test server at", r.URL.Path) })
	http.HandleFunc("/env", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, os.Getenv(r.URL.RawQuery)) })
	http.HandleFunc("/echo", sum)
	http.HandleFunc("/headers", headers)
	http.HandleFunc("/setcookie", cookies)
	http.HandleFunc("/sse", events)
	http.HandleFunc("/ws", socket)
	http.HandleFunc("/bytes", zeros)
	http.HandleFunc("/raw", raw)
	http.HandleFunc("/visit", visit)
	http.HandleFunc("/shout", shout)
	probes()
	talkers()
	go datagrams()
	fmt.Println(http.ListenAndServe(":8080", nil))
}

// chatter prints lines to stdout and stderr by turns, then PRINT_MB megabytes of bytes of every kind but a newline,
// then its last words.
func chatter() {
	size, _ := strconv.Atoi(os.Getenv("PRINT_MB"))
	if size == 0 {
		return
	}
	for n := range 20 {
		fmt.Fprintln([]*os.File{os.Stdout, os.Stderr}[n%2], "turn", n)
		time.Sleep(5 * time.Millisecond) // two pipes: the engine reads them one after the other
	}
	noise := make([]byte, 1<<20)
	for n := range noise {
		if noise[n] = byte(n); noise[n] == '\n' {
			noise[n] = 0
		}
	}
	for range size {
		os.Stdout.Write(noise)
	}
	time.Sleep(50 * time.Millisecond)
	fmt.Fprintln(os.Stderr, "\nlast words")
}

func milliseconds(name string) time.Duration {
	n, _ := strconv.Atoi(os.Getenv(name))
	return time.Duration(n) * time.Millisecond
}

func sum(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	n, err := io.Copy(hash, r.Body)
	fmt.Fprintln(w, n, hex.EncodeToString(hash.Sum(nil)), err)
}

// zeros sends ?mb= megabytes.
func zeros(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.FormValue("mb"))
	part := make([]byte, 64<<10)
	for range n * (1 << 20) / len(part) {
		if _, err := w.Write(part); err != nil {
			return
		}
	}
}

func headers(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, "Host:", r.Host)
	r.Header.Write(w)
}

func cookies(w http.ResponseWriter, r *http.Request) {
	for _, line := range r.URL.Query()["c"] {
		w.Header().Add("Set-Cookie", line)
	}
}

func events(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for n := range 3 {
		fmt.Fprintf(w, "data: %d\n\n", n)
		w.(http.Flusher).Flush()
		time.Sleep(500 * time.Millisecond)
	}
}

func socket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if c.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}

// certificate is a self-signed one that says whose it is.
func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the container's own"},
		NotAfter: time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// datagrams sends back what comes to :9000 by UDP.
func datagrams() {
	c, err := net.ListenPacket("udp4", ":9000")
	if err != nil {
		fmt.Println(err)
		return
	}
	buffer := make([]byte, 1500)
	for {
		n, from, err := c.ReadFrom(buffer)
		if err != nil {
			return
		}
		c.WriteTo(buffer[:n], from)
	}
}

func echo(l net.Listener, err error) {
	if err != nil {
		fmt.Println(err)
		return
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			io.Copy(c, c)
		}()
	}
}
