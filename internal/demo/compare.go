package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/seal"
)

// compare holds every value on the disk against the cluster, past the commands that
// the story is about.
func (p *play) compare(ctx context.Context) error {
	cluster, err := kube.LoadFile(filepath.Join(p.sandbox, "kubeconfig"))
	if err != nil {
		return err
	}
	tree, err := git.Open(ctx, p.clone)
	if err != nil {
		return err
	}
	r, err := repo.New(tree, repo.Options{})
	if err != nil {
		return err
	}
	apps, err := r.Applications()
	if err != nil {
		return err
	}
	findings, checked, err := seal.Delivered(ctx, r, apps, cluster.Live())
	var wrong []error
	for _, f := range findings {
		wrong = append(wrong, fmt.Errorf("demo: %s: %s", f.Object, f.Message))
	}
	if err := errors.Join(append(wrong, err)...); err != nil {
		return err
	}
	p.say("   %d Secrets in the cluster have the values of this machine.", checked)
	return nil
}
