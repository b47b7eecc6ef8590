// Package machine answers programs: Traefik's plugin, a plugin in CTFd, and rCTF.
package machine

import "github.com/whaley-ctf/whaley/sidecar/internal/api/kit"

// Handlers are the operations; api has their paths.
type Handlers struct{ *kit.Surface }
