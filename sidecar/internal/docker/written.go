package docker

import (
	"context"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
)

// Written sums what each instance's containers have written into their own layers, their logs left out, and into their
// volumes. The engine counts files for it: not for a hot path.
func (e *Engine) Written(ctx context.Context) (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return nil, err
	}
	containers, err := api.ContainerList(ctx, container.ListOptions{Size: true, Filters: e.mine("")})
	if err != nil {
		return nil, translate(err)
	}
	written := map[string]int64{}
	for _, c := range containers {
		written[c.Labels[labelInstance]] += c.SizeRw
	}
	used, err := api.DiskUsage(ctx, types.DiskUsageOptions{Types: []types.DiskUsageObject{types.VolumeObject}})
	if err != nil {
		return nil, translate(err)
	}
	for _, v := range used.Volumes {
		if v.Labels[labelDeployment] == e.mark() && v.UsageData != nil {
			written[v.Labels[labelInstance]] += v.UsageData.Size
		}
	}
	return written, nil
}
