package testkit

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// StartPostgres starts a private PostgreSQL and returns the URL of its one database.
func StartPostgres(t testing.TB) string {
	t.Helper()
	url, _ := RestartablePostgres(t)
	return url
}

// RestartablePostgres also returns how to restart it. PostgreSQL refuses to run as root, so as root it is run as the
// user postgres, which Debian's package makes.
func RestartablePostgres(t testing.TB) (url string, restart func()) {
	t.Helper()
	Need(t, Postgres)
	bin := postgresPrograms()
	dir, err := os.MkdirTemp("/tmp", "whaley-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	attributes := EndsWithParent()
	if os.Getuid() == 0 {
		account, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(account.Uid)
		gid, _ := strconv.Atoi(account.Gid)
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(
		filepath.Join(bin, "initdb"), "-D", data, "-U", "whaley", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C",
	)
	initdb.Dir, initdb.SysProcAttr = dir, attributes
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	address := FreeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	var server *exec.Cmd
	start := func() {
		server = exec.Command(
			filepath.Join(bin, "postgres"), "-D", data, "-h", "127.0.0.1", "-p", port, "-k", dir, "-c", "fsync=off",
		)
		server.Dir, server.SysProcAttr = dir, attributes
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		Eventually(t, 40*time.Second, "PostgreSQL is ready", func() error {
			return exec.Command(filepath.Join(bin, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", port, "-d", "postgres").Run()
		})
	}
	stop := func() {
		server.Process.Signal(syscall.SIGINT) // fast shutdown
		server.Wait()
	}
	start()
	t.Cleanup(stop)
	return fmt.Sprintf("postgres://whaley@%s/postgres?sslmode=disable", address), func() {
		stop()
		start()
	}
}
