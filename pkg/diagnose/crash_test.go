package diagnose

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sealway/sealway/pkg/cluster"
)

func crashCases() []aCase { return append(exitCases(), append(logCases(), probeCases()...)...) }

func exitCases() []aCase {
	exits := func(code int32, reason string, log ...string) func(*world) {
		return func(w *world) { w.crashes("web-2-abc", code, reason, log...) }
	}
	return []aCase{
		{rule: "crash", reason: "exit 1, with the last line", breaks: exits(1, "Error", "one", "two: broken"), says: "exit code 1: two: broken"},
		{rule: "crash", reason: "exit 2, no log", breaks: exits(2, "Error")},
		{rule: "crash", reason: "the second time", passing: true, breaks: func(w *world) {
			w.crashes("web-2-abc", 1, "Error").Status.ContainerStatuses[0].RestartCount = 1
		}},
		{rule: "crash", reason: "it runs just now", breaks: func(w *world) {
			s := &w.crashes("web-2-abc", 1, "Error").Status.ContainerStatuses[0]
			s.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: ago(time.Second)}}
		}},
		{rule: "crash", reason: "an init container", breaks: func(w *world) {
			p := w.crashes("web-2-abc", 1, "Error")
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{p.Status.ContainerStatuses[0]}
			p.Status.InitContainerStatuses[0].Name = "setup"
			p.Status.ContainerStatuses[0].State.Waiting = &corev1.ContainerStateWaiting{Reason: "PodInitializing"}
		}, says: "init container setup crashes"},
		{rule: "crash", reason: "nobody says why", breaks: func(w *world) {
			w.crashes("web-2-abc", 1, "Error").Status.ContainerStatuses[0].LastTerminationState = corev1.ContainerState{}
		}, says: "does not say why"},
		{rule: "container-ends", reason: "exit 0", breaks: exits(0, "Completed")},
		{rule: "out-of-memory", reason: "twice the limit", breaks: func(w *world) {
			w.crashes("web-2-abc", 137, "OOMKilled")
			w.lines["Deployment/web/memory: 2Gi"] = place{values, 9}
		}, says: "its limit of 2Gi", edit: values + ":9: memory: 2Gi -> memory: 4Gi"},
		{rule: "out-of-memory", reason: "the request has the same text in another line", breaks: func(w *world) {
			w.crashes("web-2-abc", 137, "OOMKilled")
			w.lines["Deployment/web/memory: 2Gi"] = place{values, 9}
			w.lines["Deployment/web/limits.memory memory: 2Gi"] = place{values, 12}
		}, edit: values + ":12: memory: 2Gi -> memory: 4Gi"},
		{rule: "crash", reason: "a sidecar", breaks: func(w *world) {
			p := w.crashes("web-2-abc", 1, "Error")
			always := corev1.ContainerRestartPolicyAlways
			p.Spec.InitContainers[0].RestartPolicy = &always
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{p.Status.ContainerStatuses[0]}
			p.Status.InitContainerStatuses[0].Name = "setup"
			p.Status.ContainerStatuses[0] = running().ContainerStatuses[0]
		}, says: "init container setup crashes"},
		{rule: "out-of-memory", reason: "no limit", breaks: func(w *world) {
			w.crashes("web-2-abc", 137, "OOMKilled").Spec.Containers[0].Resources.Limits = nil
		}},
		{rule: "killed", reason: "137", breaks: exits(137, "Error")},
		{rule: "segfault", reason: "139", breaks: exits(139, "Error")},
		{rule: "terminated", reason: "143", breaks: exits(143, "Error")},
		{rule: "liveness-kills", reason: "143 by its probe", breaks: func(w *world) {
			w.crashes("web-2-abc", 143, "Error")
			w.event("Pod", "web-2-abc", "Killing", "Container web failed liveness probe, will be restarted")
		}, says: "GET /live on port http"},
		{rule: "command-not-executable", reason: "126", breaks: exits(126, "Error"), says: `"/app/serve"`},
		{rule: "command-not-found", reason: "127", breaks: exits(127, "Error"), says: `command "/app/serve" is not in image`},
		{rule: "command-not-found", reason: "a shell says which", breaks: func(w *world) {
			w.crashes("web-2-abc", 127, "Error", "sh: 1: shopd: not found")
			w.lines["Deployment/web/shopd"] = place{values, 9}
		}, says: `command "shopd"`, edit: values + ":9: shopd -> ", run: publishes("correct the command", values)},
		{rule: "command-not-found", reason: "a program of the image's own start script", breaks: func(w *world) {
			w.crashes("web-2-abc", 127, "Error").Spec.Containers[0].Command = nil
		}, says: "a program that it calls is not in image registry.example/shop:v1"},
		{rule: "command-not-found", reason: "the runtime says which", breaks: func(w *world) {
			w.crashes("web-2-abc", 128, "StartError").Status.ContainerStatuses[0].LastTerminationState.Terminated.Message = `error during container init: exec: "serve": executable file not found in $PATH`
			w.lines["Deployment/web/serve"] = place{deployment, 21}
		}, where: deployment + ":21", edit: deployment + ":21: serve -> "},
		{rule: "command-not-found", reason: "the runtime says so", breaks: func(w *world) {
			w.waits("web-2-abc", "RunContainerError", `exec: "/app/serve": stat /app/serve: no such file or directory`)
		}},
		{rule: "command-not-executable", reason: "the runtime says so", breaks: func(w *world) {
			w.crashes("web-2-abc", 128, "StartError").Status.ContainerStatuses[0].LastTerminationState.Terminated.Message = `exec: "/app/serve": permission denied`
		}},
		{rule: "image-platform", reason: "the runtime says so", breaks: func(w *world) { w.waits("web-2-abc", "CreateContainerError", "exec format error") }},
		{rule: "container-start", reason: "anything else", breaks: func(w *world) { w.waits("web-2-abc", "CreateContainerError", "context deadline exceeded") }},
	}
}

func logCases() []aCase {
	logs := func(lines ...string) func(*world) {
		return func(w *world) { w.crashes("web-2-abc", 1, "Error", lines...) }
	}
	return []aCase{
		{rule: "database-password", reason: "28P01", breaks: logs("FATAL: 28P01: password authentication failed for user \"shop\" with "+canary, "bye"), says: "Cluster shop-pg refuses", run: "kubectl -n shop rollout restart deployment/web"},
		{rule: "database-password", reason: "the operator does not take changes over", breaks: func(w *world) {
			logs("P1000: Authentication failed")(w)
			s := secretWithoutLabels(w)
			w.drop("Secret", "shop-db")
			w.space.Secrets = append(w.space.Secrets, s)
		}, where: "applications/shop/secrets.yaml:7", run: "kubectl -n shop label secret shop-db cnpg.io/reload=true --overwrite\nkubectl -n shop rollout restart deployment/web"},
		{rule: "database-owner", reason: "28P01 of another user", breaks: func(w *world) {
			logs("password authentication failed for user \"other\"")(w)
			w.secret("shop-db", corev1.SecretTypeBasicAuth, map[string]string{"username": "other", "password": canary})
		}, follows: "refuses the user or password"},
		{rule: "database-password", reason: "some other database", breaks: func(w *world) {
			logs("password authentication failed")(w)
			w.space.Databases = nil
		}, says: "env PGPASSWORD is key password of Secret shop-db", where: "applications/shop/local-secrets/shop-db.yaml", run: "mage gitops:ship shop\nkubectl -n shop rollout restart deployment/web"},
		{rule: "database-password", reason: "some other database, and the plaintext is elsewhere", breaks: func(w *world) {
			logs("password authentication failed")(w)
			w.space.Databases = nil
			w.in.Sealed[0].Plain, w.in.Sealed[1].Plain = "", ""
		}},
		{rule: "database-password", reason: "some other database, with a Secret that is not ours", breaks: func(w *world) {
			logs("password authentication failed")(w)
			w.space.Databases, w.in.Sealed, w.in.Contract = nil, nil, nil
		}, run: "kubectl -n shop rollout restart deployment/web"},
		{rule: "database-password", reason: "some other database, and no Secret", breaks: func(w *world) {
			logs("password authentication failed")(w)
			w.space.Databases = nil
			w.pod("web-2-abc").Spec.Containers[0].Env = nil
		}},
		{rule: "database-unknown", reason: "3D000", breaks: func(w *world) {
			logs(`FATAL: database "shpo" does not exist`)(w)
			w.lines["Deployment/web//shpo"] = place{deployment, 37}
		}, edit: deployment + ":37: /shpo -> /shop"},
		{rule: "database-unreachable", reason: "the database is well", breaks: logs("could not connect to server: Connection refused"), says: "Cluster shop-pg"},
		{rule: "database-not-migrated", reason: "relation", breaks: logs(`ERROR: relation "users" does not exist at character 15`), says: "users", run: "mage gitops:sync shop"},
		{rule: "host-unresolved", reason: "a Service, misspelt", breaks: func(w *world) {
			logs("getaddrinfo ENOTFOUND shop-cahce")(w)
			w.lines["Deployment/web/shop-cahce"] = place{values, 20}
		}, edit: values + ":20: shop-cahce -> shop-cache"},
		{rule: "host-unresolved", reason: "a Service, in the wrong namespace", breaks: func(w *world) {
			logs(`could not translate host name "shop-cache.shpo.svc" to address: Name or service not known`)(w)
			w.lines["Deployment/web/shop-cache.shpo.svc"] = place{values, 20}
		}, edit: values + ":20: shop-cache.shpo.svc -> shop-cache.shop.svc"},
		{rule: "host-unresolved", reason: "Prisma does not tell it from a database that is down", breaks: func(w *world) {
			logs("P1001: Can't reach database server at `shop-pg-wr`:`5432`")(w)
			w.lines["Deployment/web/shop-pg-wr"] = place{values, 20}
		}, edit: values + ":20: shop-pg-wr -> shop-pg-rw"},
		{rule: "crash", reason: "a line about a variable that is set", breaks: logs("set LOG_LEVEL to debug", "panic")},
		{rule: "crash", reason: "a right in PostgreSQL is no file", breaks: logs("ERROR: permission denied for table users")},
		{rule: "host-unresolved", reason: "nothing has a name like it", breaks: func(w *world) {
			logs(`could not translate host name "ledger" to address: Name or service not known`)(w)
			w.lines["Deployment/web/ledger"] = place{values, 20}
		}, where: values + ":20", edit: values + ":20: ledger -> ", run: publishes("correct the host", values)},
		{rule: "host-unresolved", reason: "no name is said", breaks: logs("socket.gaierror: [Errno -2] Name or service not known")},
		{rule: "database-not-ready", reason: "its Service is not there yet", breaks: func(w *world) {
			logs("lookup shop-pg-rw on 10.0.0.10:53: no such host")(w)
			w.setup()
		}, follows: "there is no host shop-pg-rw"},
		{rule: "setting-missing", reason: "Python", breaks: logs("KeyError: 'SESSION_SECRET'"), says: "SESSION_SECRET"},
		{rule: "setting-missing", reason: "a sentence, and secrets.yaml knows it", breaks: func(w *world) {
			logs("Error: API_KEY is not set")(w)
		}, says: "API_KEY"},
		{rule: "file-missing", reason: "no such file", breaks: logs("FileNotFoundError: [Errno 2] No such file or directory: '/etc/shop/config.yaml'"), says: "/etc/shop/config.yaml"},
		{rule: "permission-denied", reason: "a volume", breaks: logs("mkdir: cannot create directory '/data/x': Permission denied")},
		{rule: "disk-full", reason: "a volume", breaks: logs("write /data/x: no space left on device")},
		{rule: "port-in-use", reason: "two of them", breaks: logs("listen tcp :8080: bind: address already in use")},
	}
}

func secretWithoutLabels(w *world) cluster.Secret {
	for _, s := range w.space.Secrets {
		if s.Name == "shop-db" {
			s.Labels = nil
			return s
		}
	}
	panic("no shop-db")
}

func probeCases() []aCase {
	unready := func(w *world) *corev1.Pod {
		p := w.pod("web-2-abc")
		p.Status.Conditions[1].Status = corev1.ConditionFalse
		p.Status.ContainerStatuses[0].Ready = false
		w.unready(p)
		return p
	}
	return []aCase{
		{rule: "probe-fails", reason: "readiness", breaks: func(w *world) {
			unready(w)
			w.event("Pod", "web-2-abc", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
		}, says: "GET /health on port http"},
		{rule: "probe-fails", reason: "within the startup budget", passing: true, breaks: func(w *world) {
			p := unready(w)
			no := false
			p.Status.ContainerStatuses[0].Started = &no
			p.Status.ContainerStatuses[0].State.Running.StartedAt = ago(time.Minute)
			w.event("Pod", "web-2-abc", "Unhealthy", "Startup probe failed: connection refused")
		}, says: "it has 5m0s left to start"},
		{rule: "probe-fails", reason: "the wrong port", breaks: func(w *world) {
			unready(w).Spec.Containers[0].ReadinessProbe.HTTPGet.Port = intstr.FromInt32(9090)
			w.event("Pod", "web-2-abc", "Unhealthy", `Readiness probe failed: Get "http://10.0.0.9:9090/health": dial tcp 10.0.0.9:9090: connect: connection refused`)
		}, says: "GET /health on port 9090 fails: the container declares http (8080)"},
		{rule: "probe-fails", reason: "the wrong port, and its line is known", breaks: func(w *world) {
			unready(w).Spec.Containers[0].ReadinessProbe.HTTPGet.Port = intstr.FromInt32(9090)
			w.event("Pod", "web-2-abc", "Unhealthy", `Readiness probe failed: Get "http://10.0.0.9:9090/health": dial tcp 10.0.0.9:9090: connect: connection refused`)
			w.lines["Deployment/web/readinessProbe.httpGet.port 9090"] = place{deployment, 29}
		}, where: deployment + ":29", edit: deployment + ":29: 9090 -> 8080", run: publishes("correct 9090", deployment)},
		{rule: "database-not-ready", reason: "readiness follows from it", breaks: func(w *world) {
			unready(w)
			w.setup()
			w.event("Pod", "web-2-abc", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
		}, follows: "does not become ready"},
		{rule: "init-runs-on", reason: "it waits for something", breaks: func(w *world) {
			p := w.waits("web-2-abc", "PodInitializing", "")
			p.Status.InitContainerStatuses[0].State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: ago(50 * time.Minute)}}
		}},
	}
}
