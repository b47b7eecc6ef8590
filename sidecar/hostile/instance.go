package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/rig"
)

type listed struct {
	Instances []struct {
		ID, State string
		Challenge string `json:"challenge_id"`
	}
}

// url is the address of somebody's copy of a challenge.
func (s *strike) url(ctx context.Context, from, challenge string) (string, error) {
	var ch struct{ Routes []struct{ URL string } }
	if err := s.ask(ctx, from, http.MethodGet, "/challenges/"+challenge, "", &ch); err != nil {
		return "", err
	}
	return ch.Routes[0].URL, nil
}

// with starts a challenge, does something while it runs, and stops it again.
func (s *strike) with(ctx context.Context, challenge string, do func(url string)) error {
	url, err := s.url(ctx, attacker, challenge)
	if err != nil {
		return err
	}
	defer s.stopAll(attacker)
	if err := s.start(ctx, challenge); err != nil {
		return err
	}
	do(url)
	return nil
}

// start starts an instance, which the rounds before may have done too often within a minute.
func (s *strike) start(ctx context.Context, challenge string) error {
	for {
		err := s.ask(
			ctx, attacker, http.MethodPost, "/instances/spawn?wait=60", fmt.Sprintf(`{"challenge_id":%q}`, challenge), nil,
		)
		var limit limited
		if !errors.As(err, &limit) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(max(limit.after, time.Second)):
		}
	}
}

// whileItRuns is an attack that comes from inside: the instance does it all by itself.
func whileItRuns(challenge string) func(context.Context, *strike) error {
	return func(ctx context.Context, s *strike) error {
		return s.with(ctx, challenge, func(string) {
			s.begun()
			s.count("instance")
			<-ctx.Done()
		})
	}
}

// stopAll stops what somebody has, and waits until it is gone.
func (s *strike) stopAll(from string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_ = rig.Poll(ctx, time.Minute, 200*time.Millisecond, 2*time.Second, func() error {
		var list listed
		if err := s.ask(ctx, from, http.MethodGet, "/instances", "", &list); err != nil {
			return err
		}
		live := 0
		for _, in := range list.Instances {
			if in.State == "failed" {
				continue
			}
			live++
			_ = s.ask(ctx, from, http.MethodDelete, "/instances/"+in.ID, "", nil)
		}
		if live > 0 {
			return rig.ErrNotYet
		}
		return nil
	})
}
