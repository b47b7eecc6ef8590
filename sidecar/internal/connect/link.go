package connect

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Link is what CTFd shows the players of a challenge as the way to it.
type Link struct {
	State LinkState
	Text  string // as it is in CTFd
}

// LinkState is how it stands with a link.
type LinkState string

// States of a link.
const (
	LinkNone   LinkState = "none"   // nothing is there, and Whaley was not asked to write it
	LinkStands LinkState = "stands" // it leads to the player's own instance
	LinkOther  LinkState = "other"  // the author's own text, which Whaley leaves alone
	LinkGone   LinkState = "gone"   // CTFd has no such challenge any more
)

// CodeTaken is of a challenge whose author has written something else into CTFd.
const CodeTaken = "connection_info_taken"

// Of is the link that leads each player to their own instance of a challenge.
func (c *Connection) Of(challenge string) string { return c.opts.Dashboard + "/go/" + challenge }

// place is the name of what a mapping maps: a challenge, or one of its parts.
func place(m *whaley.Mapping) string {
	if m.Part == "" {
		return m.Challenge
	}
	return m.Challenge + "/" + m.Part
}

// LinkOf is the link in the challenge of CTFd that a mapping names.
func (s Standing) LinkOf(m *whaley.Mapping) Link { return s.Links[place(m)] }

// ours says whether a text was written by Whaley: last, or by an earlier version, or is what it would write.
func (c *Connection) ours(m *whaley.Mapping, text string, before written) bool {
	return text == c.Of(m.Challenge) || text == before.Links[place(m)] ||
		text == c.opts.Dashboard+"/?challenge="+m.Challenge
}

// lookAtLinks sees what is in CTFd, and repairs the links that Whaley has written before.
func (c *Connection) lookAtLinks(ctx context.Context, before written) (map[string]Link, error) {
	mappings, err := c.store.Mappings(ctx)
	if err != nil || len(mappings) == 0 {
		return nil, err
	}
	texts, err := c.texts(ctx, mappings)
	if err != nil {
		return nil, err
	}
	links := map[string]Link{}
	for _, m := range mappings {
		there, known := texts[m.CTFdChallenge]
		link := Link{LinkOther, there.ConnectionInfo}
		switch {
		case !known || !whaley.SameName(there.Name, m.CTFdName): // what else has this number now is not ours to write into
			link.State = LinkGone
			if c.Standing().LinkOf(m).State != LinkGone {
				c.log.Warn("ctfd's challenge is gone or has another name: nothing is registered there until it is mapped again",
					"challenge", place(m), "ctfd_challenge", m.CTFdChallenge, "was", m.CTFdName, "is", there.Name)
			}
		case link.Text == c.Of(m.Challenge):
			link.State = LinkStands
		case link.Text == "" && before.Links[place(m)] == "":
			link.State = LinkNone
		case link.Text == "" || c.ours(m, link.Text, before):
			if err := c.write(ctx, m); err != nil {
				return nil, err
			}
			c.log.Info("link written into ctfd again", "challenge", m.Challenge, "was", link.Text)
			link = Link{LinkStands, c.Of(m.Challenge)}
		}
		links[place(m)] = link
	}
	return links, nil
}

// texts reads what CTFd says of its challenges: all in one request, or from a CTFd that exports nothing one by one.
func (c *Connection) texts(ctx context.Context, mappings []*whaley.Mapping) (map[int]whaley.ScoreboardDetails, error) {
	texts := map[int]whaley.ScoreboardDetails{}
	all, err := c.ctfd.Details(ctx)
	if err == nil {
		for _, d := range all {
			texts[d.ID] = d
		}
		return texts, nil
	}
	if !isNotFound(err) {
		return nil, err
	}
	for _, m := range mappings {
		d, err := c.ctfd.Detail(ctx, m.CTFdChallenge)
		if err == nil {
			texts[m.CTFdChallenge] = d
		} else if !isNotFound(err) {
			return nil, err
		}
	}
	return texts, nil
}

// WriteLink writes the link of a challenge into CTFd, for each of its parts that is a challenge of its own there. What
// the author has written stays, and is refused with, unless it is to be replaced. It returns the first mapping.
func (c *Connection) WriteLink(ctx context.Context, challenge string, replace bool) (first *whaley.Mapping, err error) {
	all, err := c.store.Mappings(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		if m.Challenge != challenge {
			continue
		}
		if err := c.writeOne(ctx, m, replace); err != nil {
			return nil, err
		}
		if first == nil {
			first = m
		}
	}
	if first == nil {
		return nil, whaley.Errorf(
			whaley.NotFound, "mapping_not_found", "The challenge %q is not mapped to one of CTFd.", challenge,
		)
	}
	return first, nil
}

func (c *Connection) writeOne(ctx context.Context, m *whaley.Mapping, replace bool) error {
	there, err := c.ctfd.Detail(ctx, m.CTFdChallenge)
	if err != nil {
		return err
	}
	if !whaley.SameName(there.Name, m.CTFdName) {
		return whaley.Errorf(whaley.Conflict, "mapping_doubtful",
			"CTFd's challenge %d was %q when %s was mapped to it, and is %q now. Map it again first.",
			m.CTFdChallenge, m.CTFdName, place(m), there.Name)
	}
	before, err := c.recall(ctx)
	if err != nil {
		return err
	}
	if text := there.ConnectionInfo; text != "" && !replace && !c.ours(m, text, before) {
		c.setLink(m, Link{LinkOther, text})
		return whaley.Errorf(whaley.Conflict, CodeTaken,
			"CTFd's challenge %q says %q already, which Whaley did not write. Replace it, or put %s into it yourself.",
			m.CTFdName, text, c.Of(m.Challenge))
	}
	if err := c.write(ctx, m); err != nil {
		return err
	}
	c.setLink(m, Link{LinkStands, c.Of(m.Challenge)})
	return nil
}

// WriteLinks writes the links of all mapped challenges, and says where something else was and stays.
func (c *Connection) WriteLinks(ctx context.Context) (others []string, err error) {
	mappings, err := c.store.Mappings(ctx)
	if err != nil {
		return nil, err
	}
	err = c.remember(ctx, func(w *written) {
		for _, m := range mappings {
			if w.Links[place(m)] == "" {
				w.Links[place(m)] = c.Of(m.Challenge)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	if err := c.Look(ctx); err != nil {
		return nil, err
	}
	for _, m := range mappings {
		if c.Standing().LinkOf(m).State == LinkOther {
			others = append(others, place(m))
		}
	}
	return others, nil
}

// RemoveLinks takes the links out of CTFd again; what else is there stays.
func (c *Connection) RemoveLinks(ctx context.Context) error {
	before, err := c.recall(ctx)
	if err != nil {
		return err
	}
	mappings, err := c.store.Mappings(ctx)
	if err != nil {
		return err
	}
	if err := c.remember(ctx, func(w *written) { w.Links = nil }); err != nil {
		return err
	}
	for _, m := range mappings {
		there, err := c.ctfd.Detail(ctx, m.CTFdChallenge)
		if isNotFound(err) {
			continue
		}
		if err == nil && there.ConnectionInfo != "" && c.ours(m, there.ConnectionInfo, before) {
			err = c.ctfd.SetConnectionInfo(ctx, m.CTFdChallenge, "")
		}
		if err != nil {
			return err
		}
	}
	return c.Look(ctx)
}

func (c *Connection) write(ctx context.Context, m *whaley.Mapping) error {
	if err := c.ctfd.SetConnectionInfo(ctx, m.CTFdChallenge, c.Of(m.Challenge)); err != nil {
		return err
	}
	return c.remember(ctx, func(w *written) { w.Links[place(m)] = c.Of(m.Challenge) })
}

func (c *Connection) setLink(m *whaley.Mapping, l Link) {
	next := *c.now.Load()
	links := map[string]Link{place(m): l}
	for other, link := range next.Links {
		if other != place(m) {
			links[other] = link
		}
	}
	next.Links = links
	c.now.Store(&next)
}
