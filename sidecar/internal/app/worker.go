package app

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// workerName is this sidecar's name in the leases of instances. It is the same after a restart, so that what was half
// made is gone on with at once, and another for each sidecar of one database.
func workerName(listen net.Addr) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + "/" + listen.String()
}

// LockFolder keeps a second sidecar away from a folder with a SQLite database. The lock ends with the process, however
// that ends.
func LockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		f.Close()
		return nil, fmt.Errorf("another sidecar uses DATA_DIR=%s. Stop it, or give both a PostgreSQL (DATABASE_URL) to share", dir)
	}
	return f, err
}
