//go:build linux

package main

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
)

// talkers speak HTTP/2 without TLS on :8091, and TLS on :8092.
func talkers() {
	handler := http.NewServeMux()
	handler.HandleFunc("/", talk)
	handler.HandleFunc("/upload", upload)
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	plain := &http.Server{Handler: handler, Protocols: protocols}
	secure := &http.Server{Handler: handler, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate()}}}
	for port, serve := range map[string]func(net.Listener) error{
		":8091": plain.Serve, ":8092": func(l net.Listener) error { return secure.ServeTLS(l, "", "") },
	} {
		l, err := net.Listen("tcp", port)
		if err != nil {
			fmt.Println(err)
			continue
		}
		go func() { fmt.Println(serve(l)) }()
	}
}

// talk says how it was asked, sends each line back as soon as it has come, and ends with a trailer as a gRPC server
// does.
func talk(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Said", fmt.Sprint(r.Proto, " ", r.TLS != nil))
	w.WriteHeader(http.StatusOK)
	said := http.NewResponseController(w)
	_ = said.EnableFullDuplex() // HTTP/2 always has it
	_ = said.Flush()
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		fmt.Fprintln(w, lines.Text())
		_ = said.Flush()
	}
	w.Header().Set(http.TrailerPrefix+"Grpc-Status", "7")
}

// upload tells what came.
func upload(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	n, err := io.Copy(hash, r.Body)
	fmt.Fprintf(w, "%d bytes %x %v", n, hash.Sum(nil), err)
}
