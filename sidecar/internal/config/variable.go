package config

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Variable is one of the organisers' own, as the key of some service that a challenge asks: what compose files name as
// they name $FLAG.
type Variable struct {
	Challenge string // empty: for all
	Name      string
}

const (
	// variablePrefix begins the names of variables among the stored settings.
	variablePrefix = "variable:"
	maxVariable    = 8 << 10 // bytes of a value
	mostVariables  = 500
)

var variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,99}$`)

// takenVariables are what compose files have without anybody setting it.
var takenVariables = []string{"FLAG", "DYNAMIC_FLAG", "INSTANCE_ID", "PWD", "COMPOSE_PROJECT_NAME"}

func (v Variable) key() string { return variablePrefix + v.Challenge + "/" + v.Name }

func variableOf(key string) (v Variable, ok bool) {
	rest, is := strings.CutPrefix(key, variablePrefix)
	v.Challenge, v.Name, ok = strings.Cut(rest, "/")
	return v, is && ok
}

// SetVariable sets a variable, or removes it with nil. Values are sealed in the store, and no error holds one.
func (l *Live) SetVariable(ctx context.Context, by string, v Variable, value *string) error {
	switch {
	case !variableForm.MatchString(v.Name):
		return &Refused{fmt.Errorf(
			"a variable's name is letters, digits and underscores, at most 100, and begins with no digit",
		)}
	case slices.Contains(takenVariables, v.Name) || strings.HasPrefix(v.Name, "WHALEY_"):
		return &Refused{fmt.Errorf("%s is a variable of Whaley's own; take another name", v.Name)}
	case value != nil && (len(*value) > maxVariable || strings.ContainsRune(*value, 0)):
		return &Refused{fmt.Errorf("a variable's value has at most %d bytes and no NUL character", maxVariable)}
	}
	l.applying.Lock()
	defer l.applying.Unlock()
	var written map[string]string
	err := l.store.ChangeSettings(ctx, by, func(stored map[string]string) (map[string]string, error) {
		if value == nil {
			delete(stored, v.key())
		} else {
			sealed, err := seal(l.key, v.key(), *value)
			if err != nil {
				return nil, fmt.Errorf("seal variable %s: %w", v.Name, err)
			}
			stored[v.key()] = sealed
		}
		count := 0
		for key := range stored {
			if strings.HasPrefix(key, variablePrefix) {
				count++
			}
		}
		if count > mostVariables && value != nil {
			return nil, &Refused{fmt.Errorf("there are %d variables already; remove some", mostVariables)}
		}
		written = stored
		return stored, nil
	})
	if err != nil {
		return err
	}
	l.apply(l.tolerant(written, l.Now().defaults))
	return nil
}

// Variables lists the variables that are set, those for all first.
func (s *Snapshot) Variables() []Variable {
	return slices.SortedFunc(maps.Keys(s.variables), func(a, b Variable) int {
		return strings.Compare(a.Challenge+"/"+a.Name, b.Challenge+"/"+b.Name)
	})
}

// Values are the values that a challenge has: its own, and those for all of other names.
func (s *Snapshot) Values(challenge string) map[string]string {
	values := map[string]string{}
	for v, value := range s.variables {
		if v.Challenge == "" {
			values[v.Name] = value
		}
	}
	for v, value := range s.variables {
		if v.Challenge == challenge {
			values[v.Name] = value
		}
	}
	return values
}

// Values are those of a challenge now.
func (l *Live) Values(challenge string) map[string]string { return l.Now().Values(challenge) }

// variablesIn takes variables out of what the store holds, readable, and says why some of them cannot be used.
func (l *Live) variablesIn(stored map[string]string, ignored map[string]string) map[Variable]string {
	all := map[Variable]string{}
	for key, sealed := range stored {
		v, is := variableOf(key)
		if !is {
			continue
		}
		value, err := unseal(l.key, key, sealed)
		if err != nil {
			ignored[key] = err.Error()
			continue
		}
		all[v] = value
	}
	return all
}
