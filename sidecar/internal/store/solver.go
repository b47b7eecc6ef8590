package store

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// mostRuns is how many runs of a challenge's solver are kept; the oldest go first.
const mostRuns = 20

type solverRow struct {
	bun.BaseModel `bun:"table:solver_runs,alias:s"`

	ID        string `bun:",pk"`
	Challenge string
	Revision  string
	State     string
	Reason    string
	Cause     string
	At        time.Time
	StartedMS int64 `bun:"started_ms"`
	TookMS    int64 `bun:"took_ms"`
	Output    string
}

func (r *solverRow) run() whaley.SolverRun {
	return whaley.SolverRun{
		ID: r.ID, Challenge: r.Challenge, Revision: r.Revision, State: whaley.SolverState(r.State), Reason: r.Reason,
		Cause: r.Cause, At: utc(r.At), Started: time.Duration(r.StartedMS) * time.Millisecond,
		Took: time.Duration(r.TookMS) * time.Millisecond, Output: r.Output,
	}
}

// KeepSolverRun writes a run of a solver, with an event in the same transaction if that has a type.
func (s *Store) KeepSolverRun(ctx context.Context, run whaley.SolverRun, ev whaley.Event) error {
	row := &solverRow{
		ID: run.ID, Challenge: run.Challenge, Revision: run.Revision, State: string(run.State), Reason: valid(run.Reason),
		Cause: run.Cause, At: utc(run.At), StartedMS: run.Started.Milliseconds(), TookMS: run.Took.Milliseconds(),
		Output: valid(run.Output),
	}
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
			return err
		}
		latest := tx.NewSelect().Model((*solverRow)(nil)).Column("id").Where("challenge = ?", run.Challenge).
			Order("at DESC", "id").Limit(mostRuns)
		_, err := tx.NewDelete().Model((*solverRow)(nil)).Where("challenge = ?", run.Challenge).
			Where("id NOT IN (?)", latest).Exec(ctx)
		if err != nil {
			return err
		}
		return s.insertEvent(ctx, tx, ev)
	})
}

// valid is a text as databases take it: what containers print may be anything.
func valid(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// SolverRuns are the kept runs of a challenge's solver, latest first.
func (s *Store) SolverRuns(ctx context.Context, challenge string) ([]whaley.SolverRun, error) {
	return s.solverRuns(ctx, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("challenge = ?", challenge) })
}

// LatestSolverRuns are the last run of each challenge.
func (s *Store) LatestSolverRuns(ctx context.Context) ([]whaley.SolverRun, error) {
	all, err := s.solverRuns(ctx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("NOT EXISTS (SELECT 1 FROM solver_runs AS o WHERE o.challenge = s.challenge AND o.at > s.at)")
	})
	return all, err
}

func (s *Store) solverRuns(
	ctx context.Context, which func(*bun.SelectQuery) *bun.SelectQuery,
) ([]whaley.SolverRun, error) {
	var rows []*solverRow
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		return which(s.db.NewSelect().Model(&rows)).Order("at DESC", "id").Scan(ctx)
	})
	all := make([]whaley.SolverRun, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.run())
	}
	return all, err
}
