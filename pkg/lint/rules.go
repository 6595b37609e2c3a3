package lint

// Rule is one thing that Check looks for.
type Rule struct {
	Name string // stable identifier, kebab-case
	Doc  string // what a finding of it means, one or two sentences
	Fix  string // what to do about it, in general

	check func(*checker) error
}

// Rules are all rules, in the order in which they are explained.
func Rules() []Rule {
	return []Rule{
		{"chart-broken", "The chart does not render, so Argo CD cannot show nor sync anything of it.",
			"Mend the line; for dependencies run `helm dependency build` and commit `charts/`.", each(chartBroken)},
		{"file-unreadable", "secrets.yaml or application.yaml is not what it should be, and nothing that depends on it was checked.",
			"Mend the line.", each(fileUnreadable)},
		{"reference-missing", "A Pod (of a workload, a hook or an init container) or a PostgreSQL cluster needs a Secret, ConfigMap, ServiceAccount or PersistentVolumeClaim that neither the chart nor a sealed file nor an operator brings: FailedMount, CreateContainerConfigError or no Pod at all. References marked optional do not count.",
			"Write the right name, switch on what makes it, seal it, or declare it under `external` in secrets.yaml.", each(referenceMissing)},
		{"key-missing", "The Secret or ConfigMap is there and does not have the key that is asked for.",
			"Write the right key, or add it to secrets.yaml or to the ConfigMap.", each(keyMissing)},
		{"hook-order", "A hook needs what Argo CD applies only after it has ended: the sync waits for ever. The usual case is a PreSync migration that needs a sealed Secret or the database.",
			"Make it a Sync hook of wave -1, after the SealedSecret (-3) and the Cluster (-2); never PreSync.", each(hookOrder)},
		{"wave-order", "A workload or PostgreSQL cluster of an earlier wave needs what comes in a later one, and Argo CD begins the later one only when the earlier is healthy. The same wave is no finding: Argo CD applies a wave as a whole, and Kubernetes tries again until the Secret is unsealed.",
			"SealedSecret -3, Cluster -2, migration -1, workload 0.", each(waveOrder)},
		{"hook-sealed", "A SealedSecret is a hook: Argo CD deletes it before each sync and the controller deletes the Secret with it, under the running Pods.",
			"Take the hook annotation away and give it the sync-wave -3.", each(hookSealed)},
		{"hook-gone", "What is no hook needs an object that is one with the delete policy HookSucceeded: Argo CD deletes it at the end of the sync, and the next Pod does not start.",
			"Write the delete policy BeforeHookCreation, or make it no hook.", each(hookGone)},
		{"database-one", "An application has more than one CloudNativePG Cluster, or speaks to a host `<cluster>-rw` that no Cluster has.",
			"Keep one Cluster per application; write its name.", each(databaseOne)},
		{"database-foreign", "An application uses another one's PostgreSQL cluster: by its host, by its Secret, or by a link to its password.",
			"Give the application a Cluster of its own.", each(databaseForeign)},
		{"database-owner", "The Secret of a database's owner is not of type kubernetes.io/basic-auth, or its username is not the owner: the password belongs to a role that does not exist.",
			"Write `type: kubernetes.io/basic-auth` and `username: {value: OWNER}` in secrets.yaml, then generate and seal.", each(databaseOwner)},
		{"database-name", "A URL or variable names another database than the Cluster makes.",
			"Write the name that `initdb.database` has.", each(databaseName)},
		{"object-twice", "The chart renders one object twice; Argo CD applies one of them and warns.",
			"Delete or rename one of the two.", each(objectTwice)},
		{"sealed-braces", "A sealed file has `{{`, which Helm runs before the controller sees it.",
			"Write {{`{{ ... }}`}} in quotes, or leave the braces out.", each(sealedBraces)},
		{"sealed-without-contract", "A sealed file holds a Secret that secrets.yaml does not name: nobody can tell how its values come about.",
			"Add it to secrets.yaml, or delete the file.", each(sealedWithoutContract)},
		{"contract-without-sealed", "secrets.yaml asks for a Secret that no sealed file holds; seal:check says it too, as secret-missing.",
			"`mage secrets:generate` and `mage seal:app`, or take the entry away.", each(contractWithoutSealed)},
		{"ignore-git", "Git does not ignore the plaintext folder, or only this machine's own settings do.",
			"Add the folder to .gitignore.", ignoreGit},
		{"ignore-helm", "Helm does not ignore the plaintext folder: `helm package` would ship it.",
			"Add the folder to the chart's .helmignore.", each(ignoreHelm)},
		{"application-path", "application.yaml names another folder than the one it lies in.",
			"Write the folder.", each(applicationPath)},
		{"application-namespace", "application.yaml deploys into another namespace than the Secrets are sealed for.",
			"Write the namespace, or set it in .sealway.yaml under `namespaces`.", each(applicationNamespace)},
		{"application-repo", "application.yaml names a repository that is no remote of this one: what is pushed here never arrives.",
			"Write the remote's address, or add the remote.", applicationRepo},
		{"application-branch", "application.yaml follows a branch that is not the remote's default one, or that the remote does not have. Commits and versions are left alone.",
			"Write the default branch.", applicationBranch},
	}
}

// RuleNames are the names of all rules.
func RuleNames() []string {
	var out []string
	for _, r := range Rules() {
		out = append(out, r.Name)
	}
	return out
}
