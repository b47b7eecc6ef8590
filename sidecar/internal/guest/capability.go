//go:build linux

package guest

import "golang.org/x/sys/unix"

// numbers of the capabilities that a challenge can have.
var numbers = map[string]int{
	"AUDIT_WRITE":      unix.CAP_AUDIT_WRITE,
	"CHOWN":            unix.CAP_CHOWN,
	"DAC_OVERRIDE":     unix.CAP_DAC_OVERRIDE,
	"FOWNER":           unix.CAP_FOWNER,
	"FSETID":           unix.CAP_FSETID,
	"KILL":             unix.CAP_KILL,
	"NET_BIND_SERVICE": unix.CAP_NET_BIND_SERVICE,
	"NET_RAW":          unix.CAP_NET_RAW,
	"SETFCAP":          unix.CAP_SETFCAP,
	"SETGID":           unix.CAP_SETGID,
	"SETPCAP":          unix.CAP_SETPCAP,
	"SETUID":           unix.CAP_SETUID,
	"SYS_CHROOT":       unix.CAP_SYS_CHROOT,
	"SYS_PTRACE":       unix.CAP_SYS_PTRACE,
	"NET_ADMIN":        unix.CAP_NET_ADMIN,
}
