package admin

import (
	"context"
	"fmt"
	"net/http"
	"regexp"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// ownerForm is what ids of owners are made of.
var ownerForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

type portMappingJSON struct {
	OwnerID     string `json:"owner_id"`
	ChallengeID string `json:"challenge_id"`
	Internal    int    `json:"internal"`
	Port        int    `json:"port"`
	Instance    string `json:"instance"`
}

// ListUserPorts answers GET /admin/api/user-ports.
func (a Handlers) ListUserPorts(w http.ResponseWriter, r *http.Request) error {
	p, err := kit.PageOf(r)
	if err != nil {
		return err
	}
	var owner, challenge string
	if err := kit.TextParams(r, map[string]*string{"owner": &owner, "challenge": &challenge}); err != nil {
		return err
	}
	mappings, next, err := a.AdminQueries.PortMappings(r.Context(), owner, challenge, p.After, p.Limit)
	if err != nil {
		return err
	}
	all := []portMappingJSON{}
	for _, m := range mappings {
		all = append(all, portMappingJSON{m.Owner, m.Challenge, m.Internal, m.Port, m.Instance})
	}
	return kit.Write(w, http.StatusOK, map[string]any{"mappings": all, "next": next})
}

// ForgetUserPorts forgets which ports an owner had, or everybody. What runs keeps its ports.
func (a Handlers) ForgetUserPorts(w http.ResponseWriter, r *http.Request) error {
	owner := r.PathValue("user_id")
	if owner != "" && !ownerForm.MatchString(owner) {
		return whaley.Errorf(whaley.Invalid, "owner_invalid", "The owner's id is of letters, digits, _ and -.")
	}
	challenge, err := kit.TextParam(r, "challenge")
	if err != nil {
		return err
	}
	tell(r, whaley.Event{Type: "admin_ports_forget", Message: "remembered ports forgotten"})
	forgotten, err := a.AdminQueries.ForgetPorts(r.Context(), owner, challenge)
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, map[string]int{"forgotten": forgotten})
}

type portStatsJSON struct {
	Start      int     `json:"port_range_start"`
	End        int     `json:"port_range_end"`
	Total      int     `json:"total_range"`
	Allocated  int     `json:"currently_allocated"`
	Available  int     `json:"available"`
	Owners     int     `json:"persistent_users"`
	Mappings   int     `json:"persistent_mappings"`
	UsePercent float64 `json:"usage_percent"`
	Warning    string  `json:"warning"`
}

// scarce is the part of the range in use from which on organisers are warned.
const scarce = 0.8

// PortStats answers GET /admin/api/port-stats.
func (a Handlers) PortStats(w http.ResponseWriter, r *http.Request) error {
	s, err := a.portUse(r.Context())
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, s)
}

func (a Handlers) portUse(ctx context.Context) (portStatsJSON, error) {
	use, err := a.AdminQueries.PortUse(ctx)
	if err != nil {
		return portStatsJSON{}, err
	}
	c := a.Settings.Now().Config
	s := portStatsJSON{
		Start: c.PortRangeStart, End: c.PortRangeEnd, Total: c.PortRangeEnd - c.PortRangeStart + 1,
		Allocated: use.Held, Owners: use.Owners, Mappings: use.Mappings,
	}
	s.Available = max(0, s.Total-s.Allocated)
	part := float64(s.Allocated) / float64(s.Total)
	s.UsePercent = part * 100
	if part >= scarce {
		s.Warning = fmt.Sprintf(
			"%.0f %% of the ports are in use: raise PORT_RANGE_END, or lower MAX_INSTANCES_PER_USER.", s.UsePercent,
		)
	}
	return s, nil
}
