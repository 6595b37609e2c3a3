package chart_test

import (
	"fmt"

	"github.com/sealway/sealway/pkg/chart"
)

func ExampleRender() {
	files := []chart.File{
		{Name: "Chart.yaml", Data: []byte("apiVersion: v2\nname: shop\nversion: 0.1.0\n")},
		{Name: "templates/pod.yaml", Data: []byte(`apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}
spec:
  containers:
    - name: web
      envFrom:
        - configMapRef:
            name: shop-confg
`)},
	}
	r, err := chart.Render(files, chart.Options{Release: "shop", Namespace: "shop"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range r.Objects {
		fmt.Printf("%s at %s:%d, wave %d of %s\n", o, o.Path, o.Line, o.Wave, o.Phase())
		template, _ := chart.PodSpec(o)
		for _, ref := range chart.References(template.Spec) {
			p, _ := r.LocateReference(o, ref)
			fmt.Printf("  %s needs %s %s, see %s:%d\n", ref.Where, ref.Kind, ref.Name, p.Path, p.Line)
		}
	}
	// Output:
	// Pod shop/shop at templates/pod.yaml:4, wave 0 of Sync
	//   envFrom of container web needs ConfigMap shop-confg, see templates/pod.yaml:10
}
