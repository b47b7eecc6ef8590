package whaley

// Operations that an Observer is told of.
const (
	OpSpawn  = "spawn"
	OpStop   = "stop"
	OpExtend = "extend"
)
