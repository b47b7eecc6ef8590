package challenge

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const solverTimeout = 2 * time.Minute

// solverFiles are what solvers are called, and who runs those that are no programs by themselves.
var solverFiles = []struct{ name, by string }{{"solve.sh", "sh"}, {"solve.py", "python3"}}

// findSolver is what proves that a challenge can be solved: what its [solver] says, or a file of the usual name.
func findSolver(
	d *definition, ch *whaley.Challenge, dir, revision, tomlFile string, problems *Problems,
) *whaley.Solver {
	s := &whaley.Solver{
		Image: d.Solver.Image, Service: d.Solver.Service, Command: d.Solver.Command,
		Timeout: cmp.Or(time.Duration(d.Solver.Timeout)*time.Second, solverTimeout),
		Health:  d.Solver.Success == "exit", Inside: d.Solver.Inside,
	}
	s.Named = s.Image != "" || s.Service != "" || len(s.Command) > 0 || d.Solver.Timeout > 0 || d.Solver.Build != "" ||
		d.Solver.Success != "" || s.Inside
	if d.Solver.Build != "" && s.Image != "" {
		problems.add(tomlFile, 0, "solver.image", "is of no use beside solver.build: leave one out")
	}
	if d.Solver.Build != "" {
		s.Build, s.Image = solverBuild(d.Solver.Build, dir, tomlFile, problems), imageName(ch.ID, solverService, revision)
	}
	if s.Service != "" && !slices.ContainsFunc(ch.Services, func(one whaley.Service) bool { return one.Name == s.Service }) {
		problems.add(tomlFile, 0, "solver.service", "%q is not a service of the compose file", s.Service)
	}
	if s.Image != "" && s.Service != "" {
		problems.add(tomlFile, 0, "solver.service", "is of no use beside solver.image: leave one out")
	}
	if s.Image == "" && s.Service == "" && len(ch.Routes) > 0 {
		s.Service = ch.Routes[0].Service
	}
	if len(s.Command) == 0 {
		s.Command = solverIn(dir)
	}
	switch {
	case len(s.Command) > 0:
		return s
	case s.Named:
		problems.add(tomlFile, 0, "solver.command", "is missing, and there is neither solve.sh nor solve.py beside it")
	}
	return nil
}

// solverService is what a solver's own image is called after. No service has a name with a space.
const solverService = "the solver"

// solverBuild is what a solver's image is built of, which is held to what services' are.
func solverBuild(folder, dir, tomlFile string, problems *Problems) *whaley.Build {
	if !filepath.IsLocal(folder) || !isFolder(filepath.Join(dir, folder)) {
		problems.add(tomlFile, 0, "solver.build", "%q must be a folder in the challenge's folder, with a Dockerfile", folder)
		return nil
	}
	var found Problems
	c := &converter{dir: dir, file: tomlFile, problems: &found}
	var svc types.ServiceConfig
	svc.Build = &types.BuildConfig{Context: filepath.Join(dir, folder)}
	b := c.build(svc)
	for _, p := range found {
		problems.add(tomlFile, 0, "solver.build", "%s", p.Text)
	}
	return b
}

// solverIn is the command of a folder's solver, none if it has none. A program is run by itself, so that its first line
// says by what.
func solverIn(dir string) []string {
	for _, f := range solverFiles {
		info, err := os.Lstat(filepath.Join(dir, f.name))
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if info.Mode()&0o111 != 0 {
			return []string{"./" + f.name}
		}
		return []string{f.by, f.name}
	}
	return nil
}
