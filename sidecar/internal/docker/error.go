package docker

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// translate makes an error of the rules out of one of the engine.
func translate(err error) error {
	switch {
	case err == nil:
		return nil
	case client.IsErrConnectionFailed(err), errors.Is(err, context.DeadlineExceeded):
		return whaley.Errorf(whaley.Unavailable, "engine_unavailable",
			"The container engine does not answer. Try again in a few seconds; if it keeps happening, tell an organiser.").Because(
			err,
		).After(5 * time.Second)
	case errdefs.IsNotFound(err):
		return whaley.Errorf(whaley.Unavailable, whaley.CodeObjectMissing,
			"Something the challenge needs is missing on the engine. Try again; if it keeps happening, tell an organiser.").Because(
			err,
		)
	}
	// The engine has no codes for these, only texts: of versions 20.10 to 28.
	text := err.Error()
	switch {
	case strings.Contains(text, "Pool overlaps with other one"),
		strings.Contains(text, "is ambiguous"): // two networks of one name: the engine made one for a process that died meanwhile
		return whaley.Errorf(whaley.Unavailable, whaley.CodeSubnetTaken, "The network's addresses are in use on this host.").Because(
			err,
		)
	case strings.Contains(text, "port is already allocated"), strings.Contains(text, "address already in use"):
		return whaley.Errorf(
			whaley.Unavailable, whaley.CodePortTaken, "A port of the challenge is in use on this host. Try again.",
		).Because(err)
	case strings.Contains(text, "nknown or invalid runtime name"), strings.Contains(text, "unknown runtime specified"),
		strings.Contains(text, "Unknown runtime specified"):
		return whaley.Errorf(
			whaley.Unavailable, "runtime_missing",
			"The challenge asks for a container runtime that this host does not have. Tell an organiser.",
		).Because(err)
	}
	return err
}

// unlessMissing is translate for removals: what is gone already is as good as removed.
func unlessMissing(err error) error {
	if errdefs.IsNotFound(err) {
		return nil
	}
	return translate(err)
}
