// Package testkit starts private servers for tests: real ones, on loopback, gone with the test.
package testkit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"
)

// given are the ports that were given away in this process.
var given sync.Map

// FreeAddress is FreePort's on loopback.
func FreeAddress(t testing.TB) string {
	t.Helper()
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return "127.0.0.1:" + port
}

// FreePort is a TCP port that nobody listens on, on any address. It is none of those that the kernel takes for outgoing
// connections (net.ipv4.ip_local_port_range ends at 60999): one of these would be in use again by the time that a slow
// server listens.
func FreePort() (string, error) {
	for range 1000 {
		port := 61000 + rand.IntN(65536-61000)
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			continue
		}
		l.Close()
		return strconv.Itoa(port), nil
	}
	return "", errors.New("no port is free")
}

// Eventually tries until there is no error, or fails the test with the last one.
func Eventually(t testing.TB, within time.Duration, what string, try func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s: %v", within, what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func listens(address string) error {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}
