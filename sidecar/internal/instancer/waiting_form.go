package instancer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// formOf is a text that is equal for instances whose containers are made of the same: then one can be another's.
func formOf(ch *whaley.Challenge, b *build, authority string) string {
	images := map[string]string{}
	for name, flag := range b.flags {
		if flag != nil {
			images[name] = flag.Image
		}
	}
	text, err := json.Marshal([]any{ // numbers, texts, lists of these: always can be
		ch.ID, ch.Revision, ch.Dir, ch.Services, ch.Networks, ch.Volumes, ch.Routes, ch.Egress, ch.Flag.Dynamic, images,
		authority,
	})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// wantedForms are those of what an owner's start of a challenge may claim.
func (i *Instancer) wantedForms(ch *whaley.Challenge, owner whaley.Owner) (forms whaley.Forms) {
	b := i.images.built(ch)
	if i.Policy().Waiting == 0 || b == nil {
		return forms
	}
	forms.Gated = formOf(ch, b, i.Inside.Authority())
	if ch.Warm != 0 && !whaley.Synthetic(owner.ID) { // whose flags are written nowhere
		forms.Warm = i.warmForm(ch, b)
	}
	return forms
}

// planAhead is what an instance that waits is made of: its owner's own comes later.
func (i *Instancer) planAhead(in *whaley.Instance, ch *whaley.Challenge, b *build) Plan {
	plan := i.plan(in, ch, placing{flags: b.flags, digits: ch.Flag.Cores()})
	plan.Labels.CreatedAt = i.now()
	return plan
}

// canWait says why no instances of a challenge are made ahead; nil: they may be.
func (i *Instancer) canWait(ch *whaley.Challenge, b *build) error {
	if b.perOwner {
		return whaley.Errorf(whaley.Conflict, "waiting_own_image", "its owner's flag is in images of its owner's own")
	}
	return i.Platform.CanWait(i.planAhead(&whaley.Instance{}, ch, b))
}
