package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// builtChallenges is what challenges come from, if that keeps what was built last.
type builtChallenges interface {
	// Built is told of a challenge whose images were made.
	Built(ch *whaley.Challenge) error
	// NotBuilt is told of one whose images could not be made. instead is the revision that takes its place; empty: none
	// does.
	NotBuilt(ctx context.Context, ch *whaley.Challenge, why string) (instead string, err error)
}

const fallingBack = 30 * time.Second

func (i *Instancer) keepBuilt(ch *whaley.Challenge) {
	i.waiting.look()
	if from, ok := i.Challenges.(builtChallenges); ok {
		if err := from.Built(ch); err != nil {
			i.Log.Error(
				"what was built is not kept for when a later revision fails", "challenge", ch.ID, "revision", ch.Revision, "err",
				err,
			)
		}
	}
}

// fallBack has players go on with the last revision that was built, and tells organisers.
func (i *Instancer) fallBack(ch *whaley.Challenge, why *whaley.Error) {
	ctx, cancel := context.WithTimeout(i.base, fallingBack)
	defer cancel()
	message := "the images of revision " + ch.Revision + " could not be made"
	from, ok := i.Challenges.(builtChallenges)
	if !ok || ch.Of != "" { // who tries a draft sees it at once, and no player is concerned
		return
	}
	instead, err := from.NotBuilt(ctx, ch, why.Detail)
	switch {
	case err != nil:
		i.Log.Error("the last good revision is not brought back", "challenge", ch.ID, "revision", ch.Revision, "err", err)
	case instead != "":
		message += ", and players go on with revision " + instead
		i.Log.Warn(
			"players go on with the last good revision", "challenge", ch.ID, "revision", ch.Revision, "instead", instead,
		)
	}
	if err := i.Store.Record(
		ctx, whaley.Event{Type: "challenge_build_failed", Challenge: ch.ID, At: i.now(), Message: message},
	); err != nil {
		i.Log.Warn("event not recorded", "type", "challenge_build_failed", "err", err)
	}
	if instead != "" {
		i.PrepareImages()
	}
}
