// Package admin answers organisers.
package admin

import "github.com/whaley-ctf/whaley/sidecar/internal/api/kit"

// Handlers are the operations; api has their paths.
type Handlers struct{ *kit.Surface }
