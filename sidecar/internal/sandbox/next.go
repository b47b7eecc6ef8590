package sandbox

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// next is the most urgent thing to do, and what it is done to; nil: there is nothing.
func (p *Pool) next(all []*whaley.Sandbox, rules Rules) (string, func(context.Context) error) {
	want := p.want(rules.Shapes())
	there := map[string]int{}
	resting := 0
	for _, sb := range all {
		if p.outside(sb) {
			continue
		}
		switch sb.State {
		case whaley.SandboxReady, whaley.SandboxMaking:
			there[key(sb.Shape)]++
		case whaley.SandboxResting:
			resting++
		}
	}
	var surplus, again *whaley.Sandbox
	for _, sb := range all {
		wait, k := p.backoff.waits(sb.ID), key(sb.Shape)
		switch {
		case p.useless(sb):
			switch {
			case wait:
			case p.backoff.failedBefore(sb.ID): // it may take long to fail again
				again = sb
			default:
				keep := resting < p.opts.Size() && !p.outside(sb)
				return sb.ID, func(ctx context.Context) error { return p.clear(ctx, sb, keep, rules) }
			}
		case wait:
		case p.outside(sb) && (sb.State == whaley.SandboxReady || sb.State == whaley.SandboxResting):
			surplus = sb
		case sb.State == whaley.SandboxReady && there[k] > want[k],
			sb.State == whaley.SandboxResting && resting > p.opts.Size():
			surplus = sb
		case p.rested(sb) && there[k] < want[k]:
			return sb.ID, func(ctx context.Context) error { return p.move(ctx, sb, whaley.SandboxReady) }
		}
	}
	if surplus != nil {
		return surplus.ID, func(ctx context.Context) error { return p.retire(ctx, surplus) }
	}
	for k, n := range want {
		if there[k] >= n || p.backoff.waits(k) {
			continue
		}
		return k, func(ctx context.Context) error {
			shape := p.shapeOf(k)
			p.wait(ctx, rules)
			return p.make(ctx, shape, p.other(all, shape))
		}
	}
	if again != nil {
		return again.ID, func(ctx context.Context) error {
			return p.clear(ctx, again, resting < p.opts.Size() && !p.outside(again), rules)
		}
	}
	return "", nil
}

// useless says whether nobody can use a sandbox as it is. It is made and cleaned by one thing after the other, so what
// seems to be under way now was left half done by an earlier try.
func (p *Pool) useless(sb *whaley.Sandbox) bool {
	switch sb.State {
	case whaley.SandboxUsed, whaley.SandboxGone, whaley.SandboxMaking, whaley.SandboxCleaning:
		return true
	}
	return false
}

// rested says whether nobody remembers any more whose a sandbox was.
func (p *Pool) rested(sb *whaley.Sandbox) bool {
	return sb.State == whaley.SandboxResting && sb.Age >= p.opts.Rest && !p.backoff.waits(sb.ID)
}

// outside says whether the network of a sandbox is of an earlier pool: nobody gets it any more.
func (p *Pool) outside(sb *whaley.Sandbox) bool {
	return sb.Subnet.IsValid() && !p.subnets.Holds(sb.Subnet)
}

// other is one that has rested and can be made into one of a shape, or nil.
func (p *Pool) other(all []*whaley.Sandbox, shape whaley.Shape) *whaley.Sandbox {
	for _, sb := range all {
		if p.rested(sb) && !p.outside(sb) && sb.Shape.Egress == shape.Egress && sb.Shape.Ports == shape.Ports {
			return sb
		}
	}
	return nil
}
