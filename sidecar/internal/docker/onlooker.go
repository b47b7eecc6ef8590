package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	"github.com/whaley-ctf/whaley/sidecar/internal/program"
	"github.com/whaley-ctf/whaley/sidecar/internal/survey"
)

const (
	onlookerCPUs = 5e8 // half a CPU: what there is to look at is up to players
	onlookerPids = 64
)

// onlooker is a container with this very program, which sees the engine's folders read-only and the host's processes,
// and no network. It ends with the connection to it, whatever ends that, and is then removed by the engine.
type onlooker struct {
	purpose      string // its command, its label, and part of its name: one deployment has one of each
	memory       int64
	capabilities []string
	groups       container.CgroupnsMode
	mounts       []mount.Mount // besides the engine's folders

	// What it is once it has been started.
	conn    types.HijackedResponse
	printed *io.PipeReader
	folder  string // the engine's
}

// startOnlooker starts one, in the place of one that a sidecar before made and did not start.
func (e *Engine) startOnlooker(ctx context.Context, o onlooker) (_ onlooker, err error) {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	apart := e.WithPurpose(o.purpose)
	api, err := e.api(ctx)
	if err != nil {
		return o, err
	}
	if !program.Static(e.program) {
		return o, program.ErrNotStatic
	}
	image, err := e.HolderImage(ctx)
	if err != nil {
		return o, err
	}
	about, err := api.Info(ctx)
	if err != nil {
		return o, translate(err)
	}
	config := &container.Config{
		Image: image, Entrypoint: []string{"/whaley", o.purpose}, User: "0", OpenStdin: true, StdinOnce: true,
		AttachStdin: true, AttachStdout: true, AttachStderr: true,
		Labels: apart.labels(instancer.Labels{
			Instance: o.purpose, Service: o.purpose, CreatedAt: time.Now(), ExpiresAt: time.Now(),
		}),
	}
	pids := int64(onlookerPids)
	host := &container.HostConfig{
		AutoRemove: true, NetworkMode: "none", PidMode: "host", UsernsMode: "host", CgroupnsMode: o.groups,
		CapDrop: []string{"ALL"}, CapAdd: o.capabilities,
		SecurityOpt: []string{"no-new-privileges:true", "apparmor=unconfined"},
		LogConfig:   container.LogConfig{Type: "none"},
		Mounts:      append(engineFolders(about), o.mounts...),
		Resources:   container.Resources{Memory: o.memory, MemorySwap: o.memory, NanoCPUs: onlookerCPUs, PidsLimit: &pids},
	}
	sum := sha256.Sum256([]byte(e.deployment))
	name := "whaley-" + o.purpose + "-" + hex.EncodeToString(sum[:4])
	var created container.CreateResponse
	err = replace(ctx, func() error {
		created, err = api.ContainerCreate(ctx, config, host, nil, nil, name)
		return err
	}, func() error { return e.RemoveContainer(ctx, name) })
	if err != nil {
		return o, translate(err)
	}
	defer func() {
		if err != nil {
			_ = e.RemoveContainer(context.WithoutCancel(ctx), created.ID) // else the next one does
		}
	}()
	if err := e.PutProgram(ctx, created.ID, e.program, "whaley"); err != nil {
		return o, err
	}
	o.conn, err = api.ContainerAttach(
		ctx, created.ID, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true},
	)
	if err != nil {
		return o, translate(err)
	}
	if err := api.ContainerStart(ctx, created.ID, container.StartOptions{}); err != nil {
		o.conn.Close()
		return o, translate(err)
	}
	printed, write := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(write, os.Stderr, o.conn.Reader)
		write.CloseWithError(err)
	}()
	o.printed, o.folder = printed, about.DockerRootDir
	return o, nil
}

// snapshots is where containerd keeps layers for an engine that lets it.
const snapshots = "/var/lib/containerd"

// engineFolders are the folders where the engine keeps layers and volumes, without what is mounted below. Of its own
// folder the engine allows no other propagation than by which it can unmount what comes later (rslave).
func engineFolders(about system.Info) []mount.Mount {
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
