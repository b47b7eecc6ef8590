package instancer

import (
	"context"
	"fmt"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// flags are an owner's flags for a challenge, in the order of its plan, or nil if it has none.
func (i *Instancer) flags(ctx context.Context, in *whaley.Instance, ch *whaley.Challenge) ([]string, error) {
	if !ch.Flag.Dynamic {
		return nil, nil
	}
	if i.Flags == nil {
		return nil, errNotPlaced("nothing makes flags here")
	}
	values, err := i.Flags.Flags(ctx, in.Owner, ch)
	if err != nil {
		return nil, err
	}
	forms := ch.Flag.Forms()
	if len(values) != len(forms) {
		return nil, errNotPlaced(fmt.Sprintf("the owner has %d flags of %d", len(values), len(forms)))
	}
	for n, f := range forms {
		if values[n] == "" || values[n] == f.Sentinel() {
			return nil, errNotPlaced("the owner's flag is none")
		}
	}
	return values, nil
}

// errNotPlaced ends a spawn whose flag did not get where it should: nobody plays for a placeholder.
func errNotPlaced(why string) *whaley.Error {
	return whaley.Errorf(
		whaley.Internal, whaley.CodeFlagNotPlaced, "The challenge's flag could not be put in place. Tell an organiser: %s.",
		why,
	)
}
