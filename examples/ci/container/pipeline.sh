#!/bin/sh
# The two halves of a pipeline, for any CI system that runs a container:
#
#   pipeline check BASE    before the merge: needs the repository, with its history
#   pipeline deploy        after it: needs ARGOCD_SERVER and ARGOCD_AUTH_TOKEN, too
#
# BASE is the commit that the branch is to be merged into. It works in the current folder
# and leaves its reports in reports/.
set -eu

# The repository is mounted and belongs to somebody else, which Git refuses otherwise.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0="$PWD"

usage() {
	echo "usage: pipeline check BASE | pipeline deploy" >&2
	exit 2
}

check() {
	status=0 # each of the three runs whatever the others found
	sealway secrets:guard -range="$1...HEAD" -report=reports/guard.xml,reports/guard.sarif || status=$?
	sealway seal:check -report=reports/seal.xml,reports/seal.sarif || status=$?
	sealway verify:repo -report=reports/repo.xml,reports/repo.sarif || status=$?
	return $status
}

deploy() {
	status=0 # that of what fails first
	sealway gitops:syncAll -timeout=15m -report=reports/sync.xml,reports/sync.html || status=$?
	if [ -n "${KUBECONFIG:-}" ]; then # one that may read is enough; also after a sync that failed, to say why
		sealway verify:all -wait -timeout=10m -report=reports/verify.xml,reports/verify.html || status=$((status ? status : $?))
	else
		echo "no KUBECONFIG: what Argo CD said is all that is known"
	fi
	return $status
}

[ $# -ge 1 ] || usage
mkdir -p reports
case $1 in
check) [ $# -eq 2 ] || usage; check "$2" ;;
deploy) [ $# -eq 1 ] || usage; deploy ;;
*) usage ;;
esac
