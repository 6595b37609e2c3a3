package preflight

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sealway/sealway/pkg/report"
)

// question is a rule at one place; no namespace means all of them, or none for
// objects that have none.
type question struct {
	rule
	namespace string
}

// reviewsAtOnce is how many questions are asked at a time.
const reviewsAtOnce = 10

// reviews is the check of the rules that a namespace of targets needs.
func (i *inspection) reviews(name string, rulesOf func(*inspection) []rule) func(context.Context) outcome {
	return func(ctx context.Context) outcome {
		rules := rulesOf(i)
		all, missing, err := i.missing(ctx, rules)
		if err != nil {
			cause, fix := apiCause(err, i.cluster)
			return unknown("the API server does not say what is allowed: "+cause, fix)
		}
		if len(missing) == 0 {
			return ok("all of %d rules", len(rules))
		}
		out := outcome{state: report.Warned, saw: words(missing)}
		if slices.ContainsFunc(missing, func(q question) bool { return q.spare == "" }) {
			out.state = report.Failed
		}
		out.fix = "who administers the cluster can allow it with `kubectl apply -f -` and this (where a namespace is still to be made, again when it is there):\n" + role(name, all, missing, subjectOf(i.cluster.Config))
		return out
	}
}

// missing are the rules that do not hold, each with every place where it does not;
// all are the rules at all of their places.
func (i *inspection) missing(ctx context.Context, rules []rule) (all, missing []question, err error) {
	places := make([][]string, len(rules))
	found := make([][]question, len(rules))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(reviewsAtOnce)
	for n, r := range rules {
		places[n] = i.namespacesOf(r.where)
		for _, ns := range places[n] {
			all = append(all, question{r, ns})
		}
		g.Go(func() (err error) {
			found[n], err = i.review(ctx, r, places[n])
			return err
		})
	}
	err = g.Wait()
	return all, slices.Concat(found...), err
}

// review asks about one rule: for all applications' namespaces at once first, so
// that whoever may do something everywhere is asked one question.
func (i *inspection) review(ctx context.Context, r rule, places []string) (missing []question, err error) {
	if r.where == inApps {
		if allowed, err := i.allowed(ctx, question{rule: r}); allowed || err != nil {
			return nil, err
		}
	}
	for _, ns := range places {
		q := question{r, ns}
		allowed, err := i.allowed(ctx, q)
		if err != nil {
			return nil, err
		}
		if !allowed {
			missing = append(missing, q)
		}
	}
	return missing, nil
}

// allowed asks the API server: a SelfSubjectAccessReview, which everybody who is
// logged in may make, and which changes nothing.
func (i *inspection) allowed(ctx context.Context, q question) (bool, error) {
	resource, sub, _ := strings.Cut(q.resource, "/")
	body, err := json.Marshal(authorizationv1.SelfSubjectAccessReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "authorization.k8s.io/v1", Kind: "SelfSubjectAccessReview"},
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: q.namespace, Verb: q.verb, Group: q.group, Resource: resource, Subresource: sub, Name: q.name,
		}},
	})
	if err != nil {
		return false, err
	}
	data, err := i.cluster.Core.Post().AbsPath("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews").
		SetHeader("Content-Type", "application/json").MaxRetries(0).Body(body).DoRaw(ctx)
	if err != nil {
		return false, err
	}
	var answer authorizationv1.SelfSubjectAccessReview
	err = json.Unmarshal(data, &answer)
	return answer.Status.Allowed, err
}

// words tells what is missing, first what the targets cannot do without. What is for
// the same thing at the same places is one part of the sentence.
func words(missing []question) string {
	type part struct{ verb, where, why, spare string }
	var order []part
	kinds := map[part][]string{}
	for _, group := range byRule(missing) {
		r := group[0].rule
		p := part{r.verb, placesOf(group), r.why, r.spare}
		if kinds[p] == nil {
			order = append(order, p)
		}
		kinds[p] = append(kinds[p], strings.TrimSpace(r.kind()+" "+r.name))
	}
	slices.SortStableFunc(order, func(a, b part) int { return cmp.Compare(min(1, len(a.spare)), min(1, len(b.spare))) })
	texts := make([]string, len(order))
	for n, p := range order {
		texts[n] = fmt.Sprintf("%s %s %s (%s", p.verb, strings.Join(kinds[p], ", "), p.where, p.why)
		if p.spare != "" {
			texts[n] += "; without it: " + p.spare
		}
		texts[n] += ")"
	}
	return "not allowed: " + strings.Join(texts, "; ")
}

func byRule(list []question) [][]question {
	var out [][]question
	for _, q := range list {
		at := slices.IndexFunc(out, func(g []question) bool { return g[0].rule == q.rule })
		if at < 0 {
			out = append(out, []question{q})
			continue
		}
		out[at] = append(out[at], q)
	}
	return out
}

func placesOf(group []question) string {
	if group[0].where == inCluster {
		return "in the cluster"
	}
	names := make([]string, len(group))
	for n, q := range group {
		names[n] = q.namespace
	}
	if len(names) == 1 {
		return "in namespace " + names[0]
	}
	return fmt.Sprintf("in namespaces %s", strings.Join(names, ", "))
}
