package importer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
)

// Options say how to import.
type Options struct {
	Defaults challenge.Defaults // what the loader holds challenges to
	Check    bool               // nothing is written: copies are loaded
}

// Run imports what lies in some folders. The error is of what kept it from looking at all; what is wrong with a
// challenge is in its result.
func Run(ctx context.Context, dirs []string, o Options) (Report, error) {
	var report Report
	var plans []*plan
	for _, dir := range dirs {
		given := dir
		dir, err := filepath.Abs(dir)
		if err == nil {
			dir, err = filepath.EvalSymlinks(dir)
		}
		if err != nil {
			return report, fmt.Errorf("import %s: %w", given, withoutPath(err))
		}
		root, notes, err := walk(ctx, dir)
		if err != nil {
			return report, err
		}
		report.Notes = append(report.Notes, notes...)
		all, notes, resting := find(root)
		report.Notes, report.Resting = append(report.Notes, notes...), report.Resting+resting
		here := make([]*plan, 0, len(all))
		for _, f := range all {
			if err := ctx.Err(); err != nil {
				return report, err
			}
			here = append(here, planned(ctx, root, f))
		}
		kept := settled(here)
		for _, p := range here {
			switch {
			case p.around && p.written == "":
				report.Notes = append(report.Notes, startsSeveral(filepath.Join(p.folder.path, p.compose)))
			case p.around:
				report.Notes = append(
					report.Notes, fmt.Sprintf("%s has a Dockerfile and challenges in it, and was left out", p.folder.path),
				)
			}
		}
		plans = append(plans, kept...)
	}
	name(plans)
	for _, p := range plans {
		if !p.own {
			p.decide()
			p.findFlag(ctx)
		}
		report.Results = append(report.Results, p.load(ctx, o))
		if err := ctx.Err(); err != nil {
			return report, err
		}
	}
	return report, nil
}

// settled leaves out what another challenge's compose file builds, and keeps challenges out of each other: a folder
// that was chosen higher for what its compose file names goes back if there are others in it.
func settled(plans []*plan) []*plan {
	for _, p := range plans {
		for _, other := range plans {
			if other == p || other.own || other.meta.format != "" || other.written == "" || !other.folder.within(p.folder) {
				continue
			}
			other.partOf = other.partOf || !slices.ContainsFunc(other.found.dockerfiles, func(d file) bool {
				return !slices.ContainsFunc(p.services, func(s *service) bool { return p.written == "" && s.context == d.in.path })
			})
		}
	}
	plans = slices.DeleteFunc(slices.Clone(plans), func(p *plan) bool { return p.partOf })
	for _, p := range plans {
		inner := 0
		for _, other := range plans {
			if other != p && other.folder != p.folder && other.folder.within(p.folder) {
				inner++
			}
		}
		switch {
		case inner > 1 && !p.own && p.meta.format == "" && (p.written != "" || p.starts(plans) > 1):
			p.around = true // it is of none of them, or of all; a challenge here would take the others in
		case inner > 0:
			p.note(
				"%d more challenges lie in its folder; below CHALLENGES_DIR what lies in a challenge's folder is a part of it, so move this one beside them",
				inner,
			)
		}
	}
	plans = slices.DeleteFunc(plans, func(p *plan) bool { return p.around })
	for _, p := range plans {
		if p.lower == nil {
			continue
		}
		for _, other := range plans {
			if other != p && other.folder.within(p.folder) && !other.folder.within(p.lower) {
				p.notes = append(
					p.notes, fmt.Sprintf("its compose file names what lies in %s, where other challenges lie as well", p.folder.name),
				)
				p.compose = relative(p.lower, filepath.Join(p.folder.path, p.compose))
				p.folder = p.lower
				break
			}
		}
	}
	return plans
}

// starts is how many other challenges a plan's services are built of.
func (p *plan) starts(plans []*plan) int {
	n := 0
	for _, other := range plans {
		if other != p && other.folder != p.folder && other.folder.within(p.folder) &&
			slices.ContainsFunc(p.services, func(s *service) bool {
				below, err := filepath.Rel(other.folder.path, s.context)
				return s.context != "" && err == nil && filepath.IsLocal(below)
			}) {
			n++
		}
	}
	return n
}

// name gives each plan an id that no other has. Those that are written down already come first.
func name(plans []*plan) {
	taken := map[string]bool{}
	for _, p := range plans {
		if p.own {
			p.id = p.ownID()
			if taken[p.id] {
				p.note("its id %q is another challenge's too: Whaley takes one of them", p.id)
			}
			taken[p.id] = true
		}
	}
	for _, p := range plans {
		if p.own {
			continue
		}
		id := challenge.DeriveID(p.label)
		p.id = unique(id, p.category, taken)
		if p.id != id {
			p.note("the id is %s: another challenge is %s", p.id, id)
		}
		taken[p.id] = true
	}
}

// ownID is that of an instance.toml that is there.
func (p *plan) ownID() string {
	var own struct {
		ID string `toml:"id"`
	}
	if text, err := read(filepath.Join(p.folder.path, definitionFile), maxRead); err == nil {
		if _, err := toml.Decode(string(text), &own); err == nil && own.ID != "" {
			return own.ID
		}
	}
	return p.folder.name
}

// load writes what a plan says and lets the loader judge it.
func (p *plan) load(ctx context.Context, o Options) Result {
	r := Result{
		Folder: p.folder.path, ID: p.id, Format: p.meta.format, Kept: p.own, Made: p.written != "", Routes: p.routes,
		Flags: p.meta.flags,
	}
	if !p.own && len(p.services) == 0 {
		r.Refusals, _ = challenge.Split(p.unread)
		if len(r.Refusals) == 0 {
			r.Refusals = []challenge.Problem{{File: p.compose, Line: 1, Text: "has no services"}}
		}
		r.Notes = p.notes
		return r
	}
	dir := p.folder.path
	if o.Check && !p.own {
		scratch, err := os.MkdirTemp("", "whaley-import-")
		if err != nil {
			return r.refused(p, fmt.Errorf("make a folder for a copy: %w", err))
		}
		defer os.RemoveAll(scratch)
		dir = filepath.Join(scratch, p.folder.name)
		if err := challenge.CopyFolder(ctx, p.folder.path, dir); err != nil {
			return r.refused(p, fmt.Errorf("copy: %w", err))
		}
	}
	if !p.own {
		if err := p.write(dir); err != nil {
			return r.refused(p, err)
		}
	}
	ch, err := challenge.Load(ctx, dir, o.Defaults)
	var problems challenge.Problems
	switch {
	case errors.As(err, &problems):
		var notes []challenge.Problem
		r.Refusals, notes = challenge.Split(problems)
		r.add(notes)
	case err != nil:
		return r.refused(p, err)
	default:
		for _, n := range ch.Notes {
			r.add([]challenge.Problem{{File: n.File, Line: n.Line, Key: n.Key, Text: n.Text, Note: true}})
		}
		r.Loaded = true
		p.judgeFlag(ch, &r, o.Defaults)
		if p.own {
			r.Routes = nil
			for _, way := range ch.Routes {
				r.Routes = append(r.Routes, route{Name: way.Name, Service: way.Service, Port: way.Port, Type: string(way.Type)})
			}
		}
	}
	r.Notes = append(r.Notes, p.notes...)
	return r
}

func (r *Result) add(notes []challenge.Problem) {
	for _, n := range notes {
		r.Notes = append(r.Notes, strings.Replace(n.String(), ": note: ", ": ", 1))
	}
}

// refused is a result of what went wrong outside the loader.
func (r Result) refused(p *plan, err error) Result {
	r.Refusals = append(r.Refusals, challenge.Problem{File: p.folder.name, Text: err.Error()})
	r.Notes = append(r.Notes, p.notes...)
	return r
}
