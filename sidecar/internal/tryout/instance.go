package tryout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// instance is what the API says of one.
type instance struct {
	ID, State, Stage string
	Routes           []struct {
		Name, Type, Host, URL, Hint string
		Port                        int
	}
	Problem *struct{ Detail string }
}

// build follows the building of the challenge's images and prints what that prints.
func (s *sidecar) build(ctx context.Context, id string) error {
	printed := ""
	return s.until(ctx, func() (bool, error) {
		var b struct {
			State, Log, Placing string
			Reason              *string
		}
		if err := s.call(ctx, http.MethodGet, "/admin/api/challenges/"+id+"/build", nil, &b); err != nil {
			return false, err
		}
		fmt.Fprint(s.Out, news(printed, b.Log))
		printed = b.Log
		switch {
		case b.State == "failed" && b.Reason != nil:
			return false, errors.New("the images could not be made: what went wrong is above, in what the build printed")
		case b.State == "ready":
			fmt.Fprintf(s.Out, "Images ready; flag: %s.\n", b.Placing)
			return true, nil
		}
		return false, nil
	})
}

// news is what a text has behind what was read of it before; of both only the end is kept.
func news(before, now string) string {
	if rest, ok := strings.CutPrefix(now, before); ok {
		return rest
	}
	end := before[max(0, len(before)-200):]
	if at := strings.LastIndex(now, end); at >= 0 {
		return now[at+len(end):]
	}
	return now
}

// spawn starts an instance and waits until it runs.
func (s *sidecar) spawn(ctx context.Context, id string) (instance, error) {
	var in instance
	if err := s.call(ctx, http.MethodPost, "/instances/spawn", map[string]string{"challenge_id": id}, &in); err != nil {
		return in, fmt.Errorf("start an instance: %w", err)
	}
	s.instance = in.ID
	began, stage := time.Now(), ""
	err := s.until(ctx, func() (bool, error) {
		if err := s.call(ctx, http.MethodGet, "/instances/"+s.instance, nil, &in); err != nil {
			return false, err
		}
		if in.Stage != stage && in.Stage != "" && in.State != "running" {
			stage = in.Stage
			fmt.Fprintf(s.Out, "  %s …\n", stage)
		}
		if in.State == "failed" && in.Problem != nil {
			return false, fmt.Errorf("the instance did not start: %s%s", in.Problem.Detail, s.printed(ctx))
		}
		return in.State == "running", nil
	})
	if err == nil {
		fmt.Fprintf(s.Out, "Running after %s:\n", time.Since(began).Round(10*time.Millisecond))
	}
	return in, err
}

// printed is the end of what the containers of an instance that has ended printed.
func (s *sidecar) printed(ctx context.Context) string {
	began := time.Now()
	var list struct {
		Logs []struct{ ID string }
	}
	err := s.until(ctx, func() (bool, error) {
		err := s.call(ctx, http.MethodGet, "/admin/api/forensics/logs", nil, &list)
		return err != nil || len(list.Logs) > 0 || time.Since(began) > 3*time.Second, err
	})
	said := ""
	if err != nil || len(list.Logs) == 0 ||
		s.call(ctx, http.MethodGet, "/admin/api/forensics/logs/"+list.Logs[0].ID, nil, &said) != nil || said == "" {
		return ""
	}
	return "\nIt printed:\n" + lastLines(said, 30)
}
