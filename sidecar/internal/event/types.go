package event

import "strings"

// Levels of a type of event, for people.
const (
	Info    = "info"
	Warning = "warning"
	Error   = "error"
)

// Types are the types of events that are written, each with its level.
var Types = map[string]string{
	"instance_spawn":           Info,
	"instance_running":         Info,
	"instance_extend":          Info,
	"instance_sleep":           Info,
	"instance_wake":            Info,
	"instance_woken":           Info,
	"instance_solved":          Info,
	"instance_stop":            Info,
	"instance_expired":         Info,
	"instance_lost":            Warning,
	"instance_over_limit":      Warning,
	"disk_short":               Error,
	"instance_spawn_failed":    Error,
	"user_login":               Info,
	"user_login_failed":        Warning,
	"auth_failure":             Warning,
	"flag_created":             Info,
	"flag_deleted":             Info,
	"flag_missing":             Error,
	"flag_registration_failed": Warning,
	"suspicious_submission":    Error,
	"suspicious_solve":         Warning,
	"system_start":             Info,
	"system_stop":              Info,
	"system_pool":              Warning,
	"challenge_build_failed":   Error,
	"solver_red":               Error,
	"solver_green":             Info,
	"ctfd_key_refused":         Error,
	"ctfd_key_ends":            Warning,
	"ctfd_key_taken":           Info,
	"forensics_failed":         Warning,
}

// Level is a type's level. One that is not on the list is judged by its name: what admins do is told with admin_….
func Level(kind string) string {
	if level, known := Types[kind]; known {
		return level
	}
	if strings.HasSuffix(kind, "_failed") || strings.HasSuffix(kind, "_failure") {
		return Warning
	}
	return Info
}
