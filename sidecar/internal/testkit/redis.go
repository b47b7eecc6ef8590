package testkit

import (
	"net"
	"os/exec"
	"testing"
	"time"
)

// RedisServer is a private Redis that can be stopped and started again, empty, at the same address.
type RedisServer struct {
	t       testing.TB
	address string
	config  string
	dir     string
	process *exec.Cmd
}

// StartRedis starts one with a configuration file, or with Redis' defaults if that is empty.
func StartRedis(t testing.TB, config string) *RedisServer {
	t.Helper()
	Need(t, Redis)
	s := &RedisServer{t: t, address: FreeAddress(t), config: config, dir: t.TempDir()}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Addr is its host and port.
func (s *RedisServer) Addr() string { return s.address }

// Start starts it and waits until it listens.
func (s *RedisServer) Start() {
	s.t.Helper()
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	var arguments []string
	if s.config != "" {
		arguments = append(arguments, s.config)
	}
	arguments = append(arguments, "--port", port, "--bind", "127.0.0.1", "--dir", s.dir,
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--protected-mode", "no",
		"--user", "default", "on", "nopass", "~*", "&*", "+@all", "-config")
	s.process = exec.Command("redis-server", arguments...)
	s.process.SysProcAttr = EndsWithParent()
	if err := s.process.Start(); err != nil {
		s.t.Fatalf("start redis-server: %v", err)
	}
	Eventually(s.t, 30*time.Second, "Redis listens", func() error { return listens(s.address) })
}

// Stop ends it; what it held is gone.
func (s *RedisServer) Stop() {
	if s.process == nil {
		return
	}
	s.process.Process.Kill()
	s.process.Wait()
	s.process = nil
}
