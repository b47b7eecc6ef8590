package admin

import (
	"errors"
	"net/http"
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// variableJSON never holds a value: nobody is told one, not even who has set it.
type variableJSON struct {
	Name      string   `json:"name"`
	Challenge string   `json:"challenge_id"` // empty: for all
	UsedBy    []string `json:"used_by"`
}

func (a Handlers) variables() map[string]any {
	all := []variableJSON{}
	for _, v := range a.Settings.Now().Variables() {
		j := variableJSON{Name: v.Name, Challenge: v.Challenge, UsedBy: []string{}}
		for _, ch := range a.Challenges.All() {
			if (v.Challenge == "" || v.Challenge == ch.ID) && slices.Contains(ch.Variables, v.Name) {
				j.UsedBy = append(j.UsedBy, ch.ID)
			}
		}
		all = append(all, j)
	}
	return map[string]any{"variables": all}
}

// ListVariables answers GET /admin/api/variables.
func (a Handlers) ListVariables(w http.ResponseWriter, _ *http.Request) error {
	return kit.Write(w, http.StatusOK, a.variables())
}

type variableRequest struct {
	Name      string `json:"name"`
	Challenge string `json:"challenge_id"`
	Value     string `json:"value"`
}

func (v variableRequest) Valid() error {
	if v.Name == "" {
		return whaley.Errorf(whaley.Invalid, "variable_invalid", "name and value are needed.")
	}
	return nil
}

// SetVariable answers PUT /admin/api/variables.
func (a Handlers) SetVariable(w http.ResponseWriter, r *http.Request) error {
	body, err := kit.Decode[variableRequest](w, r)
	if err != nil {
		return err
	}
	return a.changeVariable(w, r, config.Variable{Challenge: body.Challenge, Name: body.Name}, &body.Value)
}

// RemoveVariable answers DELETE /admin/api/variables/{key}.
func (a Handlers) RemoveVariable(w http.ResponseWriter, r *http.Request) error {
	v := config.Variable{Name: r.PathValue("key")}
	if err := kit.TextParams(r, map[string]*string{"challenge": &v.Challenge}); err != nil {
		return err
	}
	if !slices.Contains(a.Settings.Now().Variables(), v) {
		return whaley.Errorf(whaley.NotFound, "variable_not_found", "There is no variable %q there.", clip(v.Name))
	}
	return a.changeVariable(w, r, v, nil)
}

func (a Handlers) changeVariable(w http.ResponseWriter, r *http.Request, v config.Variable, value *string) error {
	if _, known := a.Challenges.Get(v.Challenge); value != nil && v.Challenge != "" && !known {
		return whaley.Errorf(whaley.NotFound, "challenge_not_found", "There is no challenge %q.", clip(v.Challenge))
	}
	message := "set the variable " + v.Name
	if value == nil {
		message = "removed the variable " + v.Name
	}
	tell(r, whaley.Event{Type: "admin_settings", Challenge: v.Challenge, Message: message})
	err := a.Settings.SetVariable(r.Context(), adminOf(r), v, value)
	var refused *config.Refused
	if errors.As(err, &refused) {
		return whaley.Errorf(whaley.Invalid, "variable_refused", "Nothing was changed: %s.", refused)
	}
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, a.variables())
}
