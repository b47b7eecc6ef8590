package whaley

import "time"

// SuspicionKind is what a review entry is about.
type SuspicionKind string

// What can be suspicious.
const (
	SuspicionSharing SuspicionKind = "sharing" // somebody submitted another owner's flag
	SuspicionSolve   SuspicionKind = "solve"   // a correct submission that does not fit what the instance saw
)

// ReviewState is what an organiser made of a suspicion.
type ReviewState string

// The states of a review. Nothing follows from them by itself: nobody is ever banned automatically.
const (
	ReviewOpen      ReviewState = "open"
	ReviewDismissed ReviewState = "dismissed"
	ReviewConfirmed ReviewState = "confirmed"
)

// Suspicion is one entry of the review list, with its own copy of the evidence: rows of CTFd disappear.
type Suspicion struct {
	ID            string
	Kind          SuspicionKind
	Key           string // unique: what makes two findings the same
	Score         int    // 0 to 100
	Reasons       []Reason
	Challenge     string // ours
	CTFdChallenge int
	Submitter     Party
	Owner         *Party // sharing: whose flag it is
	Flag          string // sharing: id of the issued flag
	Submissions   []SubmissionCopy
	Review        ReviewState
	Note          string
	ReviewedBy    string
	ReviewedAt    time.Time
	FoundAt       time.Time
}

// Reason is one thing that is suspicious.
type Reason struct {
	Code string `json:"code"` // stable, snake_case
	Text string `json:"text"` // for people
}

// Party is one side of a suspicion and what its instances of the challenge did.
type Party struct {
	OwnerID   string
	OwnerName string
	User      int // account in CTFd, 0: not known
	UserName  string
	Instances []InstanceRecord
}

// SubmissionCopy is a submission as it was in CTFd when it was found.
type SubmissionCopy struct {
	ID        int       `json:"id"`
	Challenge int       `json:"ctfd_challenge_id"`
	User      int       `json:"user_id"`
	Team      int       `json:"team_id"`
	Provided  string    `json:"provided"`
	Type      string    `json:"type"`
	Address   string    `json:"address"`
	At        time.Time `json:"at"`
}

// InstanceRecord is what is known of one instance of an owner.
type InstanceRecord struct {
	ID        string     `json:"id"`
	Owner     string     `json:"-"`
	Player    string     `json:"player"`
	State     State      `json:"state"`
	CreatedAt time.Time  `json:"created_at"`
	StartedAt *time.Time `json:"started_at"`
	ContactAt *time.Time `json:"contact_at"` // first request to it that we have seen; nil: none that we saw
	EndedAt   *time.Time `json:"ended_at"`
}

// SuspicionFilter chooses entries of the review list; empty fields choose all.
type SuspicionFilter struct {
	Kind      SuspicionKind
	Review    ReviewState
	Challenge string
	Owner     string // the submitter's or the flag's
	Cleared   bool   // those taken off the list too
}

// Scan is how far CTFd's submissions have been read.
type Scan struct {
	Total     int       // how many there were
	LastID    int       // of the newest
	LastAt    time.Time // of the newest
	FullAt    time.Time // when all were last read
	CheckedAt time.Time // when reading last succeeded
	TriedAt   time.Time
	Requests  int    // of the last try
	Problem   string // why the last try failed, empty if it did not
}

// Seen remembers a submission if it is the newest so far.
func (s *Scan) Seen(sub Submission) {
	if sub.ID >= s.LastID {
		s.LastID, s.LastAt = sub.ID, sub.At
	}
}
