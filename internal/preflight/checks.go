package preflight

import "time"

// The names of the checks that others need.
const (
	checkKubeconfig  = "kubeconfig"
	checkServer      = "API server"
	checkArgo        = "Argo CD"
	checkArgoServer  = "Argo CD's server"
	checkController  = "Sealed Secrets controller"
	checkCertificate = "sealing certificate"
	checkTree        = "Git work tree"
	checkRemotes     = "Git remotes"
)

// remoteTime is how long all remotes together may take; one alone is given less by pkg/git
// only when it hangs.
const remoteTime = 30 * time.Second

// reviewTime is how long all questions of a family may take: several hundred where
// there are many applications and few rights.
const reviewTime = time.Minute

// checks are all of them, in the order in which they are numbered; which needs which
// is another order.
func (i *inspection) checks() []check {
	server := []string{checkServer}
	argo := []string{checkArgo}
	if i.Elsewhere != nil {
		argo = nil // no cluster is needed to ask it
	}
	found := []string{checkArgo, checkArgoServer, checkController} // whose names the permissions are about
	return []check{
		{name: checkKubeconfig, run: i.kubeconfig},
		{name: checkServer, needs: []string{checkKubeconfig}, run: i.apiServer},
		{name: "permissions of seal:*", needs: server, after: found, limit: reviewTime, run: i.reviews("seal", sealing)},
		{name: "permissions of gitops:*", needs: server, after: found, limit: reviewTime, run: i.reviews("gitops", syncing)},
		{name: "permissions of verify:*", needs: server, after: found, limit: reviewTime, run: i.reviews("verify", verifying)},
		{name: checkArgo, needs: server, run: i.argoCD},
		{name: checkArgoServer, needs: argo, run: i.argoServer},
		{name: "Argo CD's Pods", needs: []string{checkArgo}, after: []string{checkArgoServer}, run: i.argoPods},
		{name: checkController, needs: server, run: i.controller},
		{name: "Sealed Secrets Pods", needs: []string{checkController}, run: i.controllerPods},
		{name: checkCertificate, needs: []string{checkController}, run: i.certificate},
		{name: "CloudNativePG", needs: server, run: i.postgres},
		{name: checkTree, run: i.workTree},
		{name: checkRemotes, needs: []string{checkTree}, limit: remoteTime, run: i.remotes},
		{name: "branch that Argo CD follows", needs: []string{checkTree, checkServer}, after: []string{checkArgo, checkRemotes}, limit: remoteTime, run: i.follows},
		{name: "pinned certificate", needs: []string{checkTree}, after: []string{checkCertificate}, run: i.pin},
		{name: "plaintext ignored by Git", needs: []string{checkTree}, run: i.private},
		{name: "optional tools", run: i.tools},
	}
}
