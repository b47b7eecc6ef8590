package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/program"
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

// surveyor is the container that looks at the disk: this very program as `whaley survey`, which sees the engine's folders
// read-only, and the host's processes. It ends with the connection to it, whatever ends that, and is then removed by the engine.
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
func (e *Engine) survey(ctx context.Context) (_ *surveyor, err error) {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	apart := e.WithPurpose(surveyPurpose)
	api, err := e.api(ctx)
	if err != nil {
		return nil, err
	}
	if !program.Static(e.program) {
		return nil, program.ErrNotStatic
	}
	image, err := e.HolderImage(ctx)
	if err != nil {
		return nil, err
	}
	about, err := api.Info(ctx)
	if err != nil {
		return nil, translate(err)
	}
	config := &container.Config{
		Image: image, Entrypoint: []string{"/whaley", "survey"}, User: "0", OpenStdin: true, StdinOnce: true,
		AttachStdin: true, AttachStdout: true, AttachStderr: true,
		Labels: apart.labels(instancer.Labels{
			Instance: surveyPurpose, Service: surveyPurpose, CreatedAt: time.Now(), ExpiresAt: time.Now(),
		}),
	}
	pids := int64(64)
	host := &container.HostConfig{
		AutoRemove: true, NetworkMode: "none", PidMode: "host", UsernsMode: "host",
		CapDrop: []string{"ALL"},
		// Files of all users; other users' processes; what is mapped and not open.
		CapAdd:      []string{"DAC_READ_SEARCH", "SYS_PTRACE", "SYS_ADMIN"},
		SecurityOpt: []string{"no-new-privileges:true", "apparmor=unconfined"},
		LogConfig:   container.LogConfig{Type: "none"},
		Mounts:      surveyMounts(about),
		Resources: container.Resources{
			Memory: surveyMemory, MemorySwap: surveyMemory, NanoCPUs: surveyCPUs, PidsLimit: &pids,
		},
	}
	sum := sha256.Sum256([]byte(e.deployment))
	name := "whaley-survey-" + hex.EncodeToString(sum[:4])
	var created container.CreateResponse
	err = replace(ctx, func() error {
		created, err = api.ContainerCreate(ctx, config, host, nil, nil, name)
		return err
	}, func() error { return e.RemoveContainer(ctx, name) })
	if err != nil {
		return nil, translate(err)
	}
	defer func() {
		if err != nil {
			_ = e.RemoveContainer(context.WithoutCancel(ctx), created.ID) // else the next one does
		}
	}()
	if err := e.PutProgram(ctx, created.ID, e.program, "whaley"); err != nil {
		return nil, err
	}
	conn, err := api.ContainerAttach(
		ctx, created.ID, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true},
	)
	if err != nil {
		return nil, translate(err)
	}
	if err := api.ContainerStart(ctx, created.ID, container.StartOptions{}); err != nil {
		conn.Close()
		return nil, translate(err)
	}
	read, write := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(write, os.Stderr, conn.Reader)
		write.CloseWithError(err)
	}()
	return &surveyor{conn: conn, answers: json.NewDecoder(read), folder: about.DockerRootDir}, nil
}

// snapshots is where containerd keeps layers for an engine that lets it.
const snapshots = "/var/lib/containerd"

// surveyMounts are the folders where the engine keeps layers and volumes, without what is mounted below. Of its own folder the
// engine allows no other propagation than by which it can unmount what comes later (rslave).
func surveyMounts(about system.Info) []mount.Mount {
	folders := []string{about.DockerRootDir}
	for _, line := range about.DriverStatus {
		if strings.Contains(line[1], "containerd.snapshotter") {
			folders = append(folders, snapshots)
		}
	}
	var all []mount.Mount
	for _, folder := range folders {
		all = append(all, mount.Mount{
			Type: mount.TypeBind, Source: folder, Target: survey.Host + folder, ReadOnly: true,
			BindOptions: &mount.BindOptions{NonRecursive: true, Propagation: mount.PropagationRSlave},
		})
	}
	return all
}
