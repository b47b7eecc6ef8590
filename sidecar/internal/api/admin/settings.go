package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type settingJSON struct {
	Name        string   `json:"name"`
	Section     string   `json:"section"`
	Type        string   `json:"type"`
	Help        string   `json:"help"`
	Unit        string   `json:"unit"`
	Min         string   `json:"min"`
	Max         string   `json:"max"`
	Choices     []string `json:"choices"`
	Live        bool     `json:"live"`
	Set         bool     `json:"set"`
	Overridden  bool     `json:"overridden"`
	Ignored     string   `json:"ignored"`
	Value       any      `json:"value"`       // null: a secret
	Environment any      `json:"environment"` // what a reset brings back; null: a secret
	Default     any      `json:"default"`
}

func settingsOf(now *config.Snapshot) map[string]any {
	all := []settingJSON{}
	for _, row := range config.Table() {
		all = append(all, settingOf(now, row))
	}
	return map[string]any{"settings": all}
}

func settingOf(now *config.Snapshot, row config.Setting) settingJSON {
	_, overridden := now.Overrides[row.Name]
	j := settingJSON{
		Name: row.Name, Section: row.Section, Type: row.Type, Help: row.Help, Unit: row.Unit, Min: row.Min, Max: row.Max,
		Choices: append([]string{}, row.Choices...), Live: row.Live, Overridden: overridden, Ignored: now.Ignored[row.Name],
		Set: now.Config.Value(row) != "",
	}
	if row.Type != config.TypeSecret {
		j.Value, j.Environment, j.Default = typed(row, now.Config.Value(row)), typed(row, now.Environment(row)), typed(
			row, row.Default,
		)
	}
	return j
}

// typed is a value of the environment's form as JSON.
func typed(row config.Setting, text string) any {
	switch row.Type {
	case config.TypeBool:
		return text == "true"
	case config.TypeInt, config.TypeDuration, config.TypeFloat:
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			return json.Number(text)
		}
	}
	return text
}

// ListSettings answers GET /admin/api/settings.
func (a Handlers) ListSettings(w http.ResponseWriter, _ *http.Request) error {
	return kit.Write(w, http.StatusOK, settingsOf(a.Settings.Now()))
}

type settingsRequest struct {
	Settings map[string]json.RawMessage `json:"settings"`
}

func (s settingsRequest) Valid() error {
	if len(s.Settings) == 0 {
		return whaley.Errorf(
			whaley.Invalid, "settings_missing", "settings must be an object with a value for each name; null resets one.",
		)
	}
	return nil
}

// ChangeSettings answers PUT /admin/api/settings.
func (a Handlers) ChangeSettings(w http.ResponseWriter, r *http.Request) error {
	request, err := kit.Decode[settingsRequest](w, r)
	if err != nil {
		return err
	}
	values := map[string]*string{}
	for name, raw := range request.Settings {
		if values[name], err = textOf(name, raw); err != nil {
			return err
		}
	}
	if err := a.setSettings(r, values); err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, settingsOf(a.Settings.Now()))
}

// textOf is a JSON value in the environment's form; nil for null.
func textOf(name string, raw json.RawMessage) (*string, error) {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	var text string
	switch v := value.(type) {
	case nil:
		return nil, nil
	case string:
		text = v
	case json.Number:
		text = v.String()
	case bool:
		text = strconv.FormatBool(v)
	case []any:
		var parts []string
		for _, part := range v {
			s, ok := part.(string)
			if !ok || strings.Contains(s, ",") {
				return nil, whaley.Errorf(
					whaley.Invalid, "settings_refused", "%s must be a list of texts without commas.", clip(name),
				)
			}
			parts = append(parts, s)
		}
		text = strings.Join(parts, ",")
	default:
		return nil, whaley.Errorf(
			whaley.Invalid, "settings_refused", "%s must be a text, a number, true, false, a list of texts, or null.",
			clip(name),
		)
	}
	if strings.ContainsRune(text, 0) {
		return nil, whaley.Errorf(whaley.Invalid, "settings_refused", "%s must not contain the NUL character.", clip(name))
	}
	return &text, nil
}

// clip is what somebody sent, short and printable enough to be repeated.
func clip(text string) string {
	text = strings.ToValidUTF8(text, "?")
	if len(text) > 100 {
		text = text[:100] + "…"
	}
	return strings.ToValidUTF8(text, "")
}

// ResetSetting answers DELETE /admin/api/settings/{key}.
func (a Handlers) ResetSetting(w http.ResponseWriter, r *http.Request) error {
	row, known := config.Find(r.PathValue("key"))
	if !known {
		return whaley.Errorf(whaley.NotFound, "setting_not_found", "There is not a setting %q.", clip(r.PathValue("key")))
	}
	if err := a.setSettings(r, map[string]*string{row.Name: nil}); err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, settingOf(a.Settings.Now(), row))
}

func (a Handlers) setSettings(r *http.Request, values map[string]*string) error {
	tell(r, whaley.Event{Type: "admin_settings", Message: "changed " + strings.Join(slices.Sorted(maps.Keys(values)), ", ")})
	err := a.Settings.Change(r.Context(), adminOf(r), values)
	var refused *config.Refused
	if errors.As(err, &refused) {
		return whaley.Errorf(whaley.Invalid, "settings_refused", "Nothing was changed: %s.", refused)
	}
	return err
}

// LoadSettings answers POST /admin/api/settings/load.
func (a Handlers) LoadSettings(w http.ResponseWriter, r *http.Request) error {
	if err := a.Settings.Load(r.Context()); err != nil {
		return err
	}
	a.audit(r, whaley.Event{Type: "admin_settings", Message: "loaded again"})
	return kit.Write(w, http.StatusOK, settingsOf(a.Settings.Now()))
}

type settingChangeJSON struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Before *string   `json:"before"`
	After  *string   `json:"after"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// ListSettingChanges answers who changed what. Of secrets it says only that.
func (a Handlers) ListSettingChanges(w http.ResponseWriter, r *http.Request) error {
	page, err := kit.PageOf(r)
	if err != nil {
		return err
	}
	changes, err := a.AdminQueries.SettingChanges(r.Context(), page.After, page.Limit+1)
	if err != nil {
		return err
	}
	all, next := kit.PartOf(
		changes, page.Limit, func(c whaley.SettingChange) string { return c.ID },
		func(c whaley.SettingChange) settingChangeJSON {
			if row, known := config.Find(c.Name); !known || row.Type == config.TypeSecret {
				c.Before, c.After = hiddenText(c.Before), hiddenText(c.After)
			}
			return settingChangeJSON{c.ID, c.Name, c.Before, c.After, c.By, c.At}
		},
	)
	return kit.Write(w, http.StatusOK, map[string]any{"changes": all, "next": next})
}

func hiddenText(text *string) *string {
	if text == nil {
		return nil
	}
	hidden := "***"
	return &hidden
}
