package app

import (
	"net"
	"os"
)

// workerName is this sidecar's name among those that share a database, the same after a restart: in events, and
// for files that are on its disk.
func workerName(listen net.Addr) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + "/" + listen.String()
}
