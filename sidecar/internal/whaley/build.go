package whaley

import "time"

// BuildState is where a build is.
type BuildState string

// queued → building → ready or failed.
const (
	BuildQueued  BuildState = "queued"
	BuildRunning BuildState = "building"
	BuildReady   BuildState = "ready"
	BuildFailed  BuildState = "failed"
)

// BuildStage is one step of a build.
type BuildStage struct {
	Name      string // for people
	StartedAt time.Time
	EndedAt   time.Time // zero: it goes on
	Failed    bool
}

// OwnerBuild is an image set of one owner, for a challenge whose flag cannot be put into a built image.
type OwnerBuild struct {
	Owner, Revision, Instance string
	At                        time.Time
	Took                      time.Duration
	Failed                    bool
}

// BuildStatus is what an organiser sees of a challenge's latest build.
type BuildStatus struct {
	Challenge, Revision string
	State               BuildState
	Stages              []BuildStage
	Log                 string // its end
	Placing             string // how the flag gets into instances, for people; known when ready
	PerOwner            bool   // by a build for each owner
	Owners              []OwnerBuild
	Reason              *Error
	StartedAt, EndedAt  time.Time
}
