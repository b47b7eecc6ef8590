package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"
)

// keptFiles is of how many revisions of a challenge it is kept what was in their folders, the latest ones.
const keptFiles = 50

type revisionFilesRow struct {
	bun.BaseModel `bun:"table:revision_files,alias:f"`

	Challenge string `bun:",pk"`
	Revision  string `bun:",pk"`
	Files     string
}

// KeepRevisionFiles writes down what is in the folder of a revision that is in the history, and forgets that of
// revisions of long ago.
func (s *Store) KeepRevisionFiles(ctx context.Context, challenge, revision, files string) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		row := &revisionFilesRow{Challenge: challenge, Revision: revision, Files: files}
		if _, err := tx.NewInsert().Model(row).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
			return err
		}
		latest := tx.NewSelect().Model((*revisionRow)(nil)).Column("revision").Where("challenge = ?", challenge).
			Group("revision").OrderExpr("max(loaded_at) DESC").Limit(keptFiles)
		_, err := tx.NewDelete().Model((*revisionFilesRow)(nil)).Where("challenge = ?", challenge).
			Where("revision NOT IN (?)", latest).Exec(ctx)
		return err
	})
}

// RevisionFiles is what KeepRevisionFiles was given; empty if that is not kept.
func (s *Store) RevisionFiles(ctx context.Context, challenge, revision string) (string, error) {
	var row revisionFilesRow
	err := s.read(ctx, func(ctx context.Context) error {
		err := s.db.NewSelect().Model(&row).Where("challenge = ? AND revision = ?", challenge, revision).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return row.Files, err
}
