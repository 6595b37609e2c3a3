package report_test

import (
	"fmt"
	"os"

	"github.com/sealway/sealway/pkg/report"
)

func ExampleText() {
	r := report.New("verify:app")
	r.Chains = []report.Chain{{
		Application: "shop", Namespace: "shop", State: report.Failed,
		Links: []report.Link{
			{Name: "SealedSecrets", State: report.Failed, Summary: "0 of 1 unsealed", Broken: "sealed-for-namespace"},
			{Name: "Secrets", State: report.Failed, Summary: "0 of 1", Follows: true},
			{Name: "Pods", State: report.Failed, Summary: "0 of 2 ready", Follows: true},
		},
		Causes: []report.Cause{{
			Rule: "sealed-for-namespace", Link: "SealedSecrets", Object: "SealedSecret shop/db",
			Message: "SealedSecret shop/db is sealed for namespace shpo", Path: "applications/shop/templates/sealed-db.yaml", Line: 5,
			Fix: report.Fix{Text: "seal it anew and publish it", Commands: []string{"mage seal:app shop", "mage gitops:ship shop"}},
		}},
	}}
	r.Summary = "0 of 1 applications healthy"
	if err := report.Text(os.Stdout, r, report.Style{}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// fail shop  broken at SealedSecrets
	//   fail SealedSecrets  0 of 1 unsealed
	//        SealedSecret shop/db is sealed for namespace shpo
	//          applications/shop/templates/sealed-db.yaml:5
	//          fix: seal it anew and publish it
	//               mage seal:app shop
	//               mage gitops:ship shop
	//   wait Secrets, Pods  wait for SealedSecrets
	//
	// 0 of 1 applications healthy
}
