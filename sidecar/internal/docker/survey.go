package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/docker/docker/api/types"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/survey"
)

// Bounds of the surveyor.
const (
	answerTime    = 40 * time.Second
	surveyAgain   = 30 * time.Second // after one that failed, then ever later
	surveySeldom  = 15 * time.Minute
	surveyMemory  = 256 << 20
	surveyCPUs    = 5e8 // half a CPU: what it counts is up to players
	surveyPurpose = "survey"
)

// surveyor is the container that looks at the disk: this very program as `whaley survey`, which sees the engine's
// folders read-only, and the host's processes. It ends with the connection to it, whatever ends that, and is then
// removed by the engine.
type surveyor struct {
	conn    types.HijackedResponse
	answers *json.Decoder
	folder  string
}

// ask puts a question to the surveyor, which is started first if need be.
func (e *Engine) ask(ctx context.Context, q survey.Question) (survey.Answer, error) {
	if e.disk.surveyor == nil {
		if time.Now().Before(e.disk.again) {
			return survey.Answer{}, errNoSurveyor
		}
		s, err := e.survey(ctx)
		if err != nil {
			e.failSurvey(err)
			return survey.Answer{}, err
		}
		e.disk.surveyor, e.disk.failures = s, 0
	}
	a, err := e.disk.surveyor.ask(ctx, q)
	if err != nil {
		e.disk.surveyor.conn.Close()
		e.disk.surveyor = nil
		if ctx.Err() == nil {
			e.failSurvey(err)
		}
	}
	return a, err
}

var errNoSurveyor = errors.New("there is no surveyor at the moment")

func (e *Engine) failSurvey(err error) {
	wait := loop.Doubled(surveyAgain, surveySeldom, e.disk.failures)
	e.disk.failures++
	e.disk.again = time.Now().Add(wait)
	e.log.Warn(
		"what instances have on the disk is counted by the engine: files that are deleted and still open are not seen, nor how many there are",
		"err", err, "again_in", wait,
	)
}

func (s *surveyor) ask(ctx context.Context, q survey.Question) (survey.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	defer context.AfterFunc(ctx, s.conn.Close)() // reading knows nothing of ctx
	q.Folder = s.folder
	if err := json.NewEncoder(s.conn.Conn).Encode(q); err != nil {
		return survey.Answer{}, fmt.Errorf("ask the surveyor: %w", err)
	}
	var a survey.Answer
	if err := s.answers.Decode(&a); err != nil {
		return survey.Answer{}, fmt.Errorf("read the surveyor's answer: %w", err)
	}
	if a.Error != "" {
		return survey.Answer{}, fmt.Errorf("the surveyor: %s", a.Error)
	}
	return a, nil
}

// survey starts one, in the place of one that a sidecar before made and did not start.
func (e *Engine) survey(ctx context.Context) (*surveyor, error) {
	o, err := e.startOnlooker(ctx, onlooker{
		// Files of all users; other users' processes; what is mapped and not open.
		purpose: surveyPurpose, memory: surveyMemory, capabilities: []string{"DAC_READ_SEARCH", "SYS_PTRACE", "SYS_ADMIN"},
	})
	if err != nil {
		return nil, err
	}
	return &surveyor{conn: o.conn, answers: json.NewDecoder(o.printed), folder: o.folder}, nil
}
