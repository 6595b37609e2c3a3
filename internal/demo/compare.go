package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

// patience is how long the controller may take to unseal everything.
const patience = time.Minute

// applyAndCompare applies every sealed file of the clone and waits until each
// value in the cluster is the one on the disk. It returns how many there are.
func (p *play) applyAndCompare(ctx context.Context) (int, error) {
	cluster, err := kube.LoadFile(filepath.Join(p.sandbox, "kubeconfig"))
	if err != nil {
		return 0, err
	}
	tree, err := git.Open(ctx, p.clone)
	if err != nil {
		return 0, err
	}
	r, err := repo.New(tree, repo.Options{})
	if err != nil {
		return 0, err
	}
	apps, err := r.Applications()
	if err != nil {
		return 0, err
	}
	values := 0
	for _, app := range apps {
		n, err := p.application(ctx, cluster, r, app)
		if err != nil {
			return 0, err
		}
		values += n
	}
	return values, nil
}

func (p *play) application(ctx context.Context, cluster *kube.Cluster, r *repo.Repository, app repo.Application) (int, error) {
	sealed, err := p.apply(ctx, cluster, r, app)
	if err != nil {
		return 0, err
	}
	secrets, err := r.Secrets(ctx, app)
	if err != nil {
		return 0, err
	}
	n := 0
	for i := range secrets {
		s := &secrets[i]
		o := sealed[s.Namespace+"/"+s.Name]
		if o == nil {
			return 0, fmt.Errorf("demo: %s: no sealed file holds it", s.Object())
		}
		if err := waitFor(ctx, cluster, s, o); err != nil {
			return 0, err
		}
		n += len(s.Items)
	}
	p.say("   %s: %d Secrets unsealed", app.Name, len(secrets))
	return n, nil
}

// apply applies the application's sealed files and returns them by identity.
func (p *play) apply(ctx context.Context, cluster *kube.Cluster, r *repo.Repository, app repo.Application) (map[string]*manifest.Sealed, error) {
	if err := cluster.EnsureNamespace(ctx, app.Namespace); err != nil {
		return nil, err
	}
	files, _, err := repo.Manifests(app.Sealed)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	out := map[string]*manifest.Sealed{}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
		list, err := manifest.ReadSealed(r.Rel(path), data)
		if err != nil || len(list) != 1 {
			continue // one of the chart's templates
		}
		s := &list[0]
		if err := cluster.ApplySealed(ctx, s.Namespace, s.Name, data); err != nil {
			return nil, err
		}
		out[s.Namespace+"/"+s.Name] = s
	}
	return out, nil
}

// waitFor asks until the controller has unsealed exactly this file to exactly
// these values.
func waitFor(ctx context.Context, cluster *kube.Cluster, s *manifest.Secret, o *manifest.Sealed) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := proven(ctx, cluster.Live(), s, o)
		if err != nil || ok {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("demo: %s: the controller has not unsealed it: %w", o.Object(), ctx.Err())
		}
	}
}

func proven(ctx context.Context, live *kube.Live, s *manifest.Secret, o *manifest.Sealed) (bool, error) {
	for _, it := range s.Items {
		sealed := o.Item(it.Key)
		if sealed == nil {
			return false, fmt.Errorf("demo: %s: key %q is not sealed", o.Object(), it.Key)
		}
		ok, err := live.Proves(ctx, s.Namespace, s.Name, it.Key, sealed.Ciphertext, it.Value)
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}
