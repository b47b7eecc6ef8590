package listen

import "syscall"

// Descriptors a process may have open are divided among its listeners. A request through the embedded edge takes up to
// three besides its own, at a container or at both ends of the internal API; a connection by TLS takes one more.
const (
	kept      = 256     // for the database, the engine, files
	atMost    = 1 << 14 // connections of one listener: what they take in memory is bounded too
	partWeb   = 5
	partTLS   = 10
	partOther = 10
)

// Budget is how many connections each listener may have at once.
type Budget struct{ Public, Internal, Web, TLS int }

// Divide makes a budget of what this process may open.
func Divide() (Budget, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return Budget{}, err
	}
	return divide(limit.Cur), nil
}

func divide(files uint64) Budget {
	n := int(min(files, 1<<30))
	n -= min(kept, n/4)
	part := func(of int) int { return max(1, min(n/of, atMost)) }
	return Budget{Public: part(partOther), Internal: part(partWeb), Web: part(partWeb), TLS: part(partTLS)}
}
