package firewall_test

import (
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/whaley-ctf/whaley/sidecar/internal/firewall"
)

func TestTheCanarySaysWhatItCanReachAndOpen(t *testing.T) {
	open, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	refusing, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing.Close()
	var said strings.Builder
	if err := firewall.Canary(
		t.Context(), []string{open.Addr().String(), refusing.Addr().String(), "127.0.0.1:notaport"}, &said,
	); err != nil {
		t.Fatal(err)
	}
	want := "reached " + open.Addr().String() + "\nreached " + refusing.Addr().String() + "\n"
	for _, family := range []struct {
		name       string
		kind, form int
	}{{"AF_VSOCK", unix.AF_VSOCK, unix.SOCK_STREAM}, {"AF_ALG", unix.AF_ALG, unix.SOCK_SEQPACKET}} {
		if socket, err := unix.Socket(family.kind, family.form, 0); err == nil { // what this kernel has
			unix.Close(socket)
			want += "opened " + family.name + "\n"
		}
	}
	if want += "done\n"; said.String() != want {
		t.Errorf("said %q, want %q", said.String(), want)
	}
}
