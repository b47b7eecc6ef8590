package challenge

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// maxFile is the size in bytes of the largest instance.toml or compose file that is read.
const maxFile = 256 << 10

var composeNames = []string{"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"}

// findCompose is the one compose file of a folder.
func findCompose(dir, folder string, problems *Problems) string {
	var found []string
	for _, name := range composeNames {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		problems.add(folder, 0, "", "there is no compose file; it needs one of %s", strings.Join(composeNames, ", "))
	case 1:
		return found[0]
	default:
		problems.add(folder, 0, "", "there are %s; keep one", strings.Join(found, " and "))
	}
	return ""
}

// readCompose loads a compose file that has passed the allow-list, with no environment but the given variables.
func readCompose(ctx context.Context, dir, name, file string, variables []string, problems *Problems) *types.Project {
	text, err := readLimited(filepath.Join(dir, name))
	if err != nil {
		problems.add(file, 0, "", "%s", err)
		return nil
	}
	before := len(*problems)
	checkKeys(file, text, problems)
	checkVariables(file, text, variables, problems)
	checkEnvFiles(dir, file, text, problems)
	if len(*problems) > before {
		return nil
	}
	environment := types.Mapping{}
	for _, v := range variables {
		environment[v] = instancer.Token(v)
	}
	project, err := loader.LoadWithContext(ctx, types.ConfigDetails{
		WorkingDir:  dir,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, name), Content: text}},
		Environment: environment,
	}, func(o *loader.Options) {
		o.SetProjectName("challenge", true)
		o.SkipInclude, o.SkipExtends, o.ResolvePaths = true, true, true
		o.ResourceLoaders = nil
	})
	if err != nil {
		problems.add(file, 0, "", "%s", strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), ""))
		return nil
	}
	return project
}

// checkVariables refuses variables that would silently become nothing.
func checkVariables(file string, text []byte, variables []string, problems *Problems) {
	var model map[string]any
	if yaml.Unmarshal(text, &model) != nil {
		return // said by the allow-list
	}
	used := template.ExtractVariables(model, template.DefaultPattern)
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if !slices.Contains(variables, name) && used[name].DefaultValue == "" {
			problems.add(file, 0, "$"+name, "is none of Whaley's variables (%s); write $$ for a plain $, or give a default: ${%s:-…}",
				strings.Join(variables, ", "), name)
		}
	}
}

// checkEnvFiles refuses files outside the challenge before anything opens them.
func checkEnvFiles(dir, file string, text []byte, problems *Problems) {
	var model struct {
		Services map[string]struct {
			EnvFile any `yaml:"env_file"`
		} `yaml:"services"`
	}
	if yaml.Unmarshal(text, &model) != nil {
		return // said by the allow-list or by the loader
	}
	for _, name := range slices.Sorted(maps.Keys(model.Services)) {
		for _, path := range envFiles(model.Services[name].EnvFile) {
			if _, err := inside(dir, filepath.Join(dir, path)); err != nil || filepath.IsAbs(path) {
				problems.add(file, 0, "services."+name+".env_file", "%q must be a file in the challenge's folder", path)
			}
		}
	}
}

func envFiles(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case map[string]any:
		return envFiles(v["path"])
	case []any:
		var all []string
		for _, item := range v {
			all = append(all, envFiles(item)...)
		}
		return all
	}
	return nil
}
