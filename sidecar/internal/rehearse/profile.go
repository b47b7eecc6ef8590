package rehearse

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Profile is how teams behave over the time of a rehearsal, which stands for the hours of an event.
type Profile struct {
	About    string
	Arrives  func(u float64) float64 // when a team comes, of the whole time; u is uniform in [0, 1)
	Sessions int                     // challenges that a team looks at
	Loads    int                     // requests to each
	Hot      float64                 // part of the teams that begin with the same challenge
	Restarts float64                 // part of the sessions in which the instance is started anew
	Leaves   float64                 // part of the sessions after which it is left running
}

// Profiles are those that there are.
var Profiles = map[string]Profile{
	"first-hour": {
		About:   "most teams come within the first tenth of the time and look at everything",
		Arrives: func(u float64) float64 { return 0.6 * u * u * u }, Sessions: 4, Loads: 8, Hot: 0.3, Restarts: 0.1, Leaves: 0.6,
	},
	"release": {
		About:   "one challenge is opened and everybody starts it within a moment",
		Arrives: func(u float64) float64 { return 0.05 * u }, Sessions: 1, Loads: 12, Hot: 1, Restarts: 0.2, Leaves: 0.5,
	},
	"steady": {
		About:   "teams come and go evenly",
		Arrives: func(u float64) float64 { return 0.8 * u }, Sessions: 2, Loads: 10, Hot: 0.1, Restarts: 0.1, Leaves: 0.4,
	},
	"finale": {
		About:   "more and more teams play, and start anew what they have",
		Arrives: func(u float64) float64 { return 0.9 * math.Sqrt(u) }, Sessions: 3, Loads: 6, Hot: 0.2, Restarts: 0.5, Leaves: 0.8,
	},
}

// ProfileNamed finds one.
func ProfileNamed(name string) (Profile, error) {
	if p, there := Profiles[name]; there {
		return p, nil
	}
	return Profile{}, fmt.Errorf(
		"there is no profile %q: take one of %s", name, strings.Join(slices.Sorted(maps.Keys(Profiles)), ", "),
	)
}

// session is one look of a team at a challenge.
type session struct {
	challenge int // number among those of the team
	restart   bool
	leave     bool
}

// plan is when a team comes and what it looks at, the same for the same seed.
func (p Profile) plan(team, challenges int, whole time.Duration) (arrives time.Duration, all []session) {
	dice := rand.New(rand.NewPCG(uint64(team), 1)) //nolint:gosec // nothing secret
	arrives = time.Duration(p.Arrives(dice.Float64()) * float64(whole))
	order := dice.Perm(challenges)
	if at := slices.Index(order, 0); dice.Float64() < p.Hot {
		order[0], order[at] = order[at], order[0]
	}
	for n := range min(p.Sessions, challenges) {
		all = append(all, session{order[n], dice.Float64() < p.Restarts, dice.Float64() < p.Leaves})
	}
	return arrives, all
}
