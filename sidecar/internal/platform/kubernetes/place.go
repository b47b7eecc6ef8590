package kubernetes

import "github.com/whaley-ctf/whaley/sidecar/internal/whaley"

// Places is 0: addresses are the cluster's affair.
func (p *Platform) Places() int { return 0 }

// InPlace is true: there is one place.
func (p *Platform) InPlace(*whaley.Instance) bool { return true }
