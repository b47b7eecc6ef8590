package cheating

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// names remembers what CTFd calls people: exports have numbers only. It is used while scanning is locked.
type names struct{ teams, users map[int]string }

// from is who a submission's owner is here, with the names that the organiser who reviews it will look for. If CTFd
// does not say them, the ids have to do.
func (r *reading) from(ctx context.Context, s whaley.Submission) whaley.Party {
	if r.names.teams == nil {
		r.names = names{map[int]string{}, map[int]string{}}
	}
	if s.Team != 0 && !r.alone && s.TeamName == "" {
		s.TeamName = remembered(r.names.teams, s.Team, func() (string, error) {
			t, err := r.ctfd.Team(ctx, s.Team)
			return t.Name, err
		})
	}
	if s.UserName == "" {
		s.UserName = remembered(r.names.users, s.User, func() (string, error) {
			u, err := r.ctfd.User(ctx, s.User)
			return u.Name, err
		})
	}
	return r.submitter(s)
}

func remembered(known map[int]string, id int, ask func() (string, error)) string {
	name, ok := known[id]
	if !ok {
		var err error
		if name, err = ask(); err == nil {
			known[id] = name
		}
	}
	return name
}
