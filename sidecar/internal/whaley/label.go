package whaley

// Labels of what is ours on a platform, whatever that calls them.
const (
	LabelManaged    = "whaley.managed"
	LabelDeployment = "whaley.deployment"
	LabelInstance   = "whaley.instance"
	LabelChallenge  = "whaley.challenge"
	LabelOwner      = "whaley.owner"
	LabelRevision   = "whaley.revision"
	LabelCreatedAt  = "whaley.created_at"
	LabelExpiresAt  = "whaley.expires_at" // as planned at the start; the row knows of extensions
	LabelRole       = "whaley.role"       // of what is no instance
)
