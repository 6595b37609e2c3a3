package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// The part of SARIF 2.1.0 (OASIS, sarif-schema-2.1.0.json) that findings need.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool              sarifTool              `json:"tool"`
		Invocations       []sarifInvocation      `json:"invocations"`
		AutomationDetails sarifAutomationDetails `json:"automationDetails"`
		ColumnKind        string                 `json:"columnKind"`
		Results           []sarifResult          `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string     `json:"id"`
		ShortDescription sarifText  `json:"shortDescription"`
		FullDescription  *sarifText `json:"fullDescription,omitempty"`
		Help             sarifText  `json:"help"`
		HelpURI          string     `json:"helpUri"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool          `json:"executionSuccessful"`
		Notifications       []sarifNotice `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotice struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifAutomationDetails struct {
		ID string `json:"id"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
		Properties   map[string]string `json:"properties,omitempty"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI       string `json:"uri"`
		URIBaseID string `json:"uriBaseId"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
)

// SARIF writes findings, and causes that have a file, in the Static Analysis Results
// Interchange Format 2.1.0, which GitHub's and GitLab's code scanning take. What has no
// file becomes a notification, as warnings do: GitHub refuses a document with a result
// that is nowhere. A report with errors is a run that did not succeed.
func SARIF(w io.Writer, r *Report) error {
	run := sarifRun{
		Tool:              sarifTool{sarifDriver{Name: "sealway", InformationURI: home, Rules: []sarifRule{}}},
		AutomationDetails: sarifAutomationDetails{"sealway/" + strings.ReplaceAll(r.Command, ":", "-") + "/"},
		ColumnKind:        "utf16CodeUnits",
		Results:           []sarifResult{},
	}
	index := map[string]int{}
	seen := map[string]int{}
	notices := r.notices()
	for _, f := range r.violations() {
		if f.Path == "" {
			notices = append(notices, sarifNotice{f.sarifLevel(), sarifText{f.sentence()}})
			continue
		}
		i, known := index[f.Rule]
		if !known {
			i = len(run.Tool.Driver.Rules)
			index[f.Rule] = i
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, r.sarifRule(f.Rule))
		}
		run.Results = append(run.Results, f.sarif(i, seen))
	}
	run.Invocations = []sarifInvocation{{ExecutionSuccessful: len(r.Errors) == 0, Notifications: notices}}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	log := sarifLog{Schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
	if err := enc.Encode(log); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// home is where the project's documents are.
const home = "https://github.com/sealway/sealway"

// sarifRule describes a rule: with what it means, where the report has that.
func (r *Report) sarifRule(id string) sarifRule {
	rule := sarifRule{
		ID: id, ShortDescription: sarifText{strings.ReplaceAll(id, "-", " ")}, HelpURI: home + "/blob/main/" + document(r.Command),
		Help: sarifText{"What to do stands behind each finding. `mage -h " + r.Command + "` explains the command."},
	}
	if what := r.Rules[id]; what != "" {
		rule.FullDescription = &sarifText{what}
		rule.Help.Text = what + " " + rule.Help.Text
	}
	return rule
}

// document is what explains the rules of a command, or the command.
func document(command string) string {
	switch command {
	case "secrets:guard":
		return "docs/guard.md"
	case "verify:repo":
		return "docs/verify-repo.md"
	case "verify:app", "verify:all":
		return "docs/diagnosis.md"
	}
	return "docs/targets.md"
}

func (f violation) sarif(rule int, seen map[string]int) sarifResult {
	place := sarifPhysical{Artifact: sarifArtifact{(&url.URL{Path: f.Path}).EscapedPath(), "%SRCROOT%"}}
	if f.Line > 0 {
		place.Region = &sarifRegion{f.Line}
	}
	out := sarifResult{
		RuleID: f.Rule, RuleIndex: rule, Level: f.sarifLevel(), Message: sarifText{f.sentence()},
		Locations: []sarifLocation{{place}}, Fingerprints: map[string]string{"sealwayFinding/v1": f.fingerprint(seen)},
	}
	if f.Commit != "" {
		out.Properties = map[string]string{"commit": f.Commit}
	}
	return out
}

func (f violation) sarifLevel() string {
	if f.level == Warned {
		return "warning"
	}
	return "error"
}

// fingerprint is the same for the same finding of another run, on whatever line it
// is then. It is made of what the finding says, never of a value.
func (f Finding) fingerprint(seen map[string]int) string {
	parts := strings.Join([]string{f.Rule, f.Path, f.Object, f.Key, f.Message}, "\x00")
	seen[parts]++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", parts, seen[parts]))
	return hex.EncodeToString(sum[:16])
}

func (r *Report) notices() []sarifNotice {
	var out []sarifNotice
	for _, w := range r.Warnings {
		out = append(out, sarifNotice{"warning", sarifText{w}})
	}
	for _, e := range r.Errors {
		out = append(out, sarifNotice{"error", sarifText{e.Message}})
	}
	return out
}
